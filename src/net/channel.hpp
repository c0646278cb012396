// Channel: bytes to and from one peer, whatever carries them. It knows nothing of what they mean; a connection (connection.hpp)
// cuts them into requests, and has the buffers.
//
//   SocketChannel   TCP or a unix socket: the bytes as they are
//   TlsChannel      the same, encrypted
//
// No call blocks. The loop registers the descriptor once, edge-triggered and for both directions, so a channel says after each
// call whether it is worth another one before the next event: whoever goes on until it says no misses nothing.
//
// Thread safety: none; a channel belongs to its connection.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace trefoil::net {

// What a read or a write came to.
struct Transfer {
  enum class Then : std::uint8_t {
    kMore,    // there may be more to read, or more room to write
    kWait,    // not before the next event
    kEnd,     // the peer sends no more; it may still read. With no bytes
    kBroken,  // it is gone. With no bytes
  };
  std::size_t bytes = 0;
  Then then = Then::kMore;
};

class Channel {
 public:
  // `socket` does not block; it is the channel's now.
  explicit Channel(int socket) : socket_(socket) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel() { ::close(socket_); }

  [[nodiscard]] int socket() const { return socket_; }
  // Into `room`, which is not empty.
  virtual Transfer read(std::span<char> room) = 0;
  // From the front of `bytes`, which is not empty. After kWait the next call begins with the bytes that this one has left.
  virtual Transfer write(std::string_view bytes) = 0;
  // Why the call before this one has said kBroken.
  [[nodiscard]] virtual std::string whyBroken() const = 0;
  // Nothing is read or written from here on; the peer is told.
  virtual void shutdown() = 0;
  // Whether a read may have to wait until something can be sent, or a write for what is to be received: then any event is a
  // reason to try both again.
  [[nodiscard]] virtual bool crosses() const { return false; }

 private:
  const int socket_;
};

}  // namespace trefoil::net
