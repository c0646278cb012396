// TlsContext: who we are to TLS peers and whom we trust, as the tls-* settings say it. Read from the files once and never
// changed; a reload makes another one, and connections keep the one that they have begun with.
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

class TlsContext {
 public:
  // The settings that it is made from.
  static std::vector<Setting> settings();
  // `value` has a setting's text. The error says which file or word is to blame, and why.
  static Result<std::shared_ptr<const TlsContext>> create(const std::function<std::string(Setting)>& value);

  struct Deleter {
    void operator()(ssl_ctx_st* context) const;
    void operator()(ssl_st* connection) const;
  };
  // The server's side of a new connection; null if there is no memory.
  [[nodiscard]] std::unique_ptr<ssl_st, Deleter> newConnection() const;

 private:
  explicit TlsContext(std::unique_ptr<ssl_ctx_st, Deleter> context) : context_(std::move(context)) {}
  std::unique_ptr<ssl_ctx_st, Deleter> context_;
};

// What OpenSSL has to say about the last call of this thread that failed.
std::string tlsErrorText();

}  // namespace trefoil::net
