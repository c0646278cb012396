// Target: which server `trefoil connect` calls, over what, and as whom.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "net/tls_context.hpp"

namespace trefoil::repl {

struct Target {
  std::string user;
  std::string password;
  std::string host = "127.0.0.1";
  std::string port = "6379";
  std::string database;
  std::string socket;                        // path of a unix socket; then host and port mean nothing
  std::optional<net::TlsClientOptions> tls;  // otherwise the bytes are sent as they are

  // As prompts and errors call it.
  [[nodiscard]] std::string shown() const { return socket.empty() ? host + ":" + port : socket; }
};

// What the command line says, with the names that redis-cli has for it.
struct ConnectOptions {
  std::string url;     // redis://[[user]:password@]host[:port][/database]; rediss:// is the same with TLS
  std::string socket;  // -s
  bool tls = false;
  std::string ca_certificate;  // --cacert
  std::string certificate;     // --cert
  std::string key;
  std::string sni;
  bool insecure = false;
};

// The error says which words do not go together.
Result<Target> targetOf(const ConnectOptions& options);

}  // namespace trefoil::repl
