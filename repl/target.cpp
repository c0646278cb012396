#include "repl/target.hpp"

#include <algorithm>
#include <charconv>

namespace trefoil::repl {
namespace {

std::string percentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool allDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A URL, and whether it names a host or a port.
struct ParsedUrl {
  Target target;
  bool names_server = false;
};

Result<ParsedUrl> parseUrl(std::string_view text) {
  ParsedUrl parsed;
  Target& target = parsed.target;
  if (text.starts_with("rediss://")) {
    target.tls.emplace();
  } else if (!text.starts_with("redis://")) {
    return Error(ErrorCode::kInvalid,
                 "expected redis://[[user]:password@]host[:port][/database], not '" + std::string(text) + "'");
  }
  text.remove_prefix(text.find("//") + 2);
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    target.database = text.substr(slash + 1);
    text = text.substr(0, slash);
    if (!allDigits(target.database)) {
      return Error(ErrorCode::kInvalid, "expected the number of a database, not '" + target.database + "'");
    }
  }
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = text.substr(0, at);
    text.remove_prefix(at + 1);
    const auto colon = login.find(':');
    target.user = colon == std::string_view::npos ? std::string() : percentDecoded(login.substr(0, colon));
    target.password = percentDecoded(colon == std::string_view::npos ? login : login.substr(colon + 1));
  }
  parsed.names_server = !text.empty();
  std::string_view host;
  if (text.starts_with('[')) {  // [::1]:6379
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) {
      return Error(ErrorCode::kInvalid, "missing ']' in the server's address");
    }
    host = text.substr(1, bracket - 1);
    text.remove_prefix(bracket + 1);
  } else {
    const auto colon = text.rfind(':');
    host = text.substr(0, colon);
    text = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (!text.empty()) {
    if (text.front() != ':' || text.size() == 1 || !allDigits(text.substr(1))) {
      return Error(ErrorCode::kInvalid, "expected a port, not '" + std::string(text) + "'");
    }
    target.port = text.substr(1);
  }
  if (!host.empty()) {
    target.host = host;
  }
  return parsed;
}

// The first option that has to do with TLS alone; empty: there is none.
std::string_view tlsOption(const ConnectOptions& options) {
  return !options.ca_certificate.empty() ? "--cacert"
         : !options.certificate.empty()  ? "--cert"
         : !options.key.empty()          ? "--key"
         : !options.sni.empty()          ? "--sni"
         : options.insecure              ? "--insecure"
                                         : "";
}

}  // namespace

Result<Target> targetOf(const ConnectOptions& options) {
  if (options.url.empty() && options.socket.empty()) {
    return Error(ErrorCode::kInvalid, "connect needs a server: redis://host[:port], or --socket PATH");
  }
  ParsedUrl parsed;
  if (!options.url.empty()) {
    TREFOIL_ASSIGN(parsed, parseUrl(options.url));
  }
  Target& target = parsed.target;
  if (options.tls && !target.tls) {
    target.tls.emplace();
  }
  if (!options.socket.empty()) {
    if (parsed.names_server) {
      return Error(ErrorCode::kInvalid, "two servers given: " + target.shown() + " and the unix socket " + options.socket)
          .withHint("with --socket a URL may have a login and a database: redis://user:password@/2");
    }
    if (target.tls) {
      return Error(ErrorCode::kInvalid, "TLS is spoken over TCP, not over a unix socket");
    }
    target.socket = options.socket;
  }
  if (const std::string_view option = tlsOption(options); !option.empty() && !target.tls) {
    return Error(ErrorCode::kInvalid, std::string(option) + " has a meaning for TLS only")
        .withHint("--tls, or a URL with rediss://");
  }
  if (options.certificate.empty() != options.key.empty()) {
    return Error(ErrorCode::kInvalid, "--cert and --key need each other");
  }
  if (target.tls) {
    *target.tls = {.ca_file = options.ca_certificate,
                   .certificate = options.certificate,
                   .key = options.key,
                   .server_name = options.sni.empty() ? target.host : options.sni,
                   .verifies = !options.insecure};
  }
  return std::move(target);
}

}  // namespace trefoil::repl
