#include "net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>
#include <string_view>
#include <utility>

#include "base/ascii_case.hpp"
#include "net/tls_memory.hpp"

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

// A file, and what the one who has named it calls it.
struct NamedFile {
  std::string_view name;
  const std::string& path;
  [[nodiscard]] Error failed() const { return net::failed(std::string(name) + " '" + path + "'"); }
};

Status loadIdentity(SSL_CTX* context, const NamedFile& certificate, const NamedFile& key, std::string password) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.path.c_str()) != 1) {
    return certificate.failed();
  }
  SSL_CTX_set_default_passwd_cb(context, givePassword);
  SSL_CTX_set_default_passwd_cb_userdata(context, &password);
  const bool loaded =
      SSL_CTX_use_PrivateKey_file(context, key.path.c_str(), SSL_FILETYPE_PEM) == 1;  // compares it with the certificate
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  return loaded ? Status() : key.failed();
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

Result<TlsContext::Owner> TlsContext::begin(bool is_client) {
  countTlsMemory();
  ERR_clear_error();
  Owner owner(SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method()));
  if (owner == nullptr) {
    return failed("TLS");
  }
  // Who closes the socket without a word of TLS is one that has ended: requests and answers say themselves where they end.
  SSL_CTX_set_options(owner.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(owner.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(owner.get(), 1);
  SSL_CTX_set_min_proto_version(owner.get(), TLS1_2_VERSION);
  return owner;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const std::function<std::string(Setting)>& value) {
  TREFOIL_ASSIGN(Owner owner, begin(false));
  SSL_CTX* const context = owner.get();
  if (value(Setting::kTlsPreferServerCiphers) == "yes") {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
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
  const std::string certificate = value(Setting::kTlsCertFile);
  const std::string key = value(Setting::kTlsKeyFile);
  if (certificate.empty() || key.empty()) {
    return Error(ErrorCode::kInvalid, "tls-cert-file and tls-key-file are needed");
  }
  TREFOIL_TRY(loadIdentity(context, {"tls-cert-file", certificate}, {"tls-key-file", key}, value(Setting::kTlsKeyFilePass)));
  TREFOIL_TRY(loadTrust(context, value(Setting::kTlsAuthClients), value(Setting::kTlsCaCertFile), value(Setting::kTlsCaCertDir)));
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(owner), false));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::forClient(const TlsClientOptions& options) {
  TREFOIL_ASSIGN(Owner owner, begin(true));
  SSL_CTX* const context = owner.get();
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (const NamedFile file{"--cacert", options.ca_file};
             SSL_CTX_load_verify_locations(context, file.path.c_str(), nullptr) != 1) {
    return file.failed();
  }
  if (!options.certificate.empty()) {
    TREFOIL_TRY(loadIdentity(context, {"--cert", options.certificate}, {"--key", options.key}, {}));
  }
  SSL_CTX_set_verify(context, options.verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  X509_VERIFY_PARAM* const wanted = SSL_CTX_get0_param(context);
  const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(wanted, options.server_name.c_str()) == 1;
  if (!is_address && X509_VERIFY_PARAM_set1_host(wanted, options.server_name.data(), options.server_name.size()) != 1) {
    return failed("TLS");
  }
  return std::shared_ptr<const TlsContext>(
      new TlsContext(std::move(owner), true, is_address ? std::string() : options.server_name));
}

std::unique_ptr<SSL, TlsContext::Deleter> TlsContext::newConnection() const {
  std::unique_ptr<SSL, Deleter> connection(SSL_new(context_.get()));
  if (connection == nullptr || (!server_name_.empty() && SSL_set_tlsext_host_name(connection.get(), server_name_.c_str()) != 1)) {
    return nullptr;
  }
  is_client_ ? SSL_set_connect_state(connection.get()) : SSL_set_accept_state(connection.get());
  return connection;
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
