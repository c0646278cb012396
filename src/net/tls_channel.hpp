// TlsChannel: a socket whose bytes go through OpenSSL, as its context says: for a server or for a client. It exists from the
// first byte of the handshake on; read() and write() are for after its end (net/tls_handshakes.hpp).
//
//   read(room) ◀─ SSL_read ◀─ BIO ◀─ SocketChannel::read
//   write(…)   ─▶ SSL_write ─▶ BIO ─▶ SocketChannel::write
//
// The BIO is ours, because OpenSSL's own may raise SIGPIPE, and because ours knows from a short read that the socket is empty and
// need not be asked again. OpenSSL holds buffers only while there is something in them.
#pragma once

#include <memory>

#include "net/socket_channel.hpp"
#include "net/tls_context.hpp"

struct bio_st;

namespace trefoil::net {

class TlsChannel final : public SocketChannel {
 public:
  // Throws std::bad_alloc if OpenSSL has no memory.
  TlsChannel(int socket, const TlsContext& context);

  // Goes on with the handshake, as far as the bytes do that have come: kMore when it is complete.
  Transfer::Then handshake();

  Transfer read(std::span<char> room) override;
  Transfer write(std::string_view bytes) override;
  // Also of a handshake.
  [[nodiscard]] std::string whyBroken() const override;
  // Whether it broke because we do not trust the peer's certificate.
  [[nodiscard]] bool distrusts() const;
  void shutdown() override;
  [[nodiscard]] bool crosses() const override { return true; }

 private:
  friend class TlsSocketBio;
  Transfer::Then thenAfter(int result);

  std::unique_ptr<ssl_st, TlsContext::Deleter> tls_;
  bool drained_ = false;  // within one call: the socket is empty
  bool at_end_ = false;   // of what the socket has
  bool established_ = false;
  bool broken_ = false;
};

}  // namespace trefoil::net
