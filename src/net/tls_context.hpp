// TlsContext: who we are to TLS peers and whom we trust: as a server, as the tls-* settings say it, or as a client. Read from the
// files once and never changed; a reload makes another one, and connections keep the one that they have begun with.
//
// TLS 1.2 and 1.3. No renegotiation and no compression; sessions are resumed by tickets, which are nothing that we would have to
// keep. Thread safety: all functions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/settings.hpp"
#include "base/status.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace trefoil::net {

// What a client says of itself and wants of a server.
struct TlsClientOptions {
  std::string ca_file;      // certificates of the CAs that are trusted; empty: those that the system trusts
  std::string certificate;  // ours, with the chain behind it; empty: none
  std::string key;
  std::string server_name;  // name or address that the server's certificate must be for; a name is told to the server (SNI)
  bool verifies = true;     // false: whatever the server's certificate is
};

class TlsContext {
 public:
  // A server's.
  // The settings that it is made from.
  static std::vector<Setting> settings();
  // `value` has a setting's text. The error says which file or word is to blame, and why.
  static Result<std::shared_ptr<const TlsContext>> create(const std::function<std::string(Setting)>& value);
  // A client's; the error names files by the options of redis-cli (--cacert, --cert, --key).
  static Result<std::shared_ptr<const TlsContext>> forClient(const TlsClientOptions& options);

  struct Deleter {
    void operator()(ssl_ctx_st* context) const;
    void operator()(ssl_st* connection) const;
  };
  // Our side of a new connection, before the handshake; null if there is no memory.
  [[nodiscard]] std::unique_ptr<ssl_st, Deleter> newConnection() const;

 private:
  using Owner = std::unique_ptr<ssl_ctx_st, Deleter>;
  TlsContext(Owner context, bool is_client, std::string server_name = {})
      : context_(std::move(context)), is_client_(is_client), server_name_(std::move(server_name)) {}
  // What servers' and clients' have in common.
  static Result<Owner> begin(bool is_client);

  Owner context_;
  bool is_client_;
  std::string server_name_;  // to tell to servers; may be empty
};

// What OpenSSL has to say about the last call of this thread that failed.
std::string tlsErrorText();

}  // namespace trefoil::net
