#include "net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>
#include <string_view>
#include <utility>

#include "base/ascii_case.hpp"

namespace trefoil::net {
namespace {

Error failed(const std::string& what) {
  return {ErrorCode::kInvalid, what + ": " + tlsErrorText()};
}

// Without one OpenSSL would ask at the terminal.
int givePassword(char* buffer, int size, int, void* password) {
  const std::string& text = *static_cast<const std::string*>(password);
  if (text.size() > static_cast<std::size_t>(size)) {
    return -1;
  }
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

// "TLSv1.2 TLSv1.3", in any order; empty: both.
Status allowProtocols(SSL_CTX* context, std::string_view words) {
  bool v12 = false;
  bool v13 = false;
  for (std::size_t at = 0; (at = words.find_first_not_of(' ', at)) != std::string_view::npos;) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    const std::string_view word = words.substr(at, end - at);
    v12 |= equalsIgnoringCase(word, "TLSv1.2");
    v13 |= equalsIgnoringCase(word, "TLSv1.3");
    if (!equalsIgnoringCase(word, "TLSv1.2") && !equalsIgnoringCase(word, "TLSv1.3")) {
      return Error(ErrorCode::kInvalid, "tls-protocols: there are 'TLSv1.2' and 'TLSv1.3', not '" + std::string(word) + "'");
    }
    at = end;
  }
  SSL_CTX_set_min_proto_version(context, v13 && !v12 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, v12 && !v13 ? TLS1_2_VERSION : TLS1_3_VERSION);
  return {};
}

Status loadIdentity(SSL_CTX* context, const std::string& certificate, const std::string& key, std::string password) {
  if (certificate.empty() || key.empty()) {
    return Error(ErrorCode::kInvalid, "tls-cert-file and tls-key-file are needed");
  }
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return failed("tls-cert-file '" + certificate + "'");
  }
  SSL_CTX_set_default_passwd_cb(context, givePassword);
  SSL_CTX_set_default_passwd_cb_userdata(context, &password);
  const bool loaded =
      SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1;  // compares it with the certificate
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  return loaded ? Status() : failed("tls-key-file '" + key + "'");
}

Status loadTrust(SSL_CTX* context, const std::string& who, const std::string& file, const std::string& directory) {
  const bool asks = who != "no";
  if (asks && file.empty() && directory.empty()) {
    return Error(ErrorCode::kInvalid, "tls-ca-cert-file or tls-ca-cert-dir is needed when tls-auth-clients is " + who);
  }
  if (!file.empty() || !directory.empty()) {
    if (SSL_CTX_load_verify_locations(context, file.empty() ? nullptr : file.c_str(),
                                      directory.empty() ? nullptr : directory.c_str()) != 1) {
      return failed("tls-ca-cert-file '" + file + "', tls-ca-cert-dir '" + directory + "'");
    }
  }
  if (asks && !file.empty()) {
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file.c_str()));  // tells clients which certificate to choose
  }
  SSL_CTX_set_verify(context,
                     !asks          ? SSL_VERIFY_NONE
                     : who == "yes" ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                    : SSL_VERIFY_PEER,
                     nullptr);
  return {};
}

}  // namespace

void TlsContext::Deleter::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}
void TlsContext::Deleter::operator()(SSL* connection) const {
  SSL_free(connection);
}

std::vector<Setting> TlsContext::settings() {
  return {Setting::kTlsAuthClients, Setting::kTlsCaCertDir,   Setting::kTlsCaCertFile,
          Setting::kTlsCertFile,    Setting::kTlsCiphers,     Setting::kTlsCipherSuites,
          Setting::kTlsKeyFile,     Setting::kTlsKeyFilePass, Setting::kTlsPreferServerCiphers,
          Setting::kTlsProtocols};
}

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const std::function<std::string(Setting)>& value) {
  ERR_clear_error();
  std::unique_ptr<SSL_CTX, Deleter> owner(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = owner.get();
  if (context == nullptr) {
    return failed("TLS");
  }
  // Who closes the socket without a word of TLS is one that has ended: requests say themselves where they end.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (value(Setting::kTlsPreferServerCiphers) == "yes") {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  constexpr std::string_view kName = "trefoil";  // a ticket of one who has shown a certificate is good here only
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kName.data()), kName.size());
  SSL_CTX_set_dh_auto(context, 1);
  TREFOIL_TRY(allowProtocols(context, value(Setting::kTlsProtocols)));
  if (const std::string ciphers = value(Setting::kTlsCiphers);
      !ciphers.empty() && SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1) {
    return failed("tls-ciphers '" + ciphers + "'");
  }
  if (const std::string suites = value(Setting::kTlsCipherSuites);
      !suites.empty() && SSL_CTX_set_ciphersuites(context, suites.c_str()) != 1) {
    return failed("tls-ciphersuites '" + suites + "'");
  }
  TREFOIL_TRY(loadIdentity(context, value(Setting::kTlsCertFile), value(Setting::kTlsKeyFile), value(Setting::kTlsKeyFilePass)));
  TREFOIL_TRY(loadTrust(context, value(Setting::kTlsAuthClients), value(Setting::kTlsCaCertFile), value(Setting::kTlsCaCertDir)));
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(owner)));
}

std::unique_ptr<SSL, TlsContext::Deleter> TlsContext::newConnection() const {
  return std::unique_ptr<SSL, Deleter>(SSL_new(context_.get()));
}

std::string tlsErrorText() {
  const unsigned long code = ERR_get_error();  // the first is the cause
  ERR_clear_error();
  if (code == 0) {
    return "the peer has gone";
  }
  const char* const reason =
      ERR_GET_LIB(code) == ERR_LIB_SYS ? std::strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

}  // namespace trefoil::net
