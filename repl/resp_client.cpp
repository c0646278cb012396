#include "repl/resp_client.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/format_number.hpp"

namespace trefoil::repl {
namespace {

constexpr std::size_t kMaxReplyDepth = 64;
constexpr std::int64_t kMaxReplyBytes = std::int64_t{1} << 30;
constexpr std::size_t kMaxReplyNodes = std::size_t{1} << 28;
constexpr std::size_t kMaxLine = std::size_t{64} << 10;
constexpr std::size_t kReadSize = std::size_t{64} << 10;

Error protocolError(std::string_view what) {
  return Error(ErrorCode::kIo, "the server's reply is not RESP: " + std::string(what));
}

Error lostConnection(int error_number) {
  return Error(ErrorCode::kIo, error_number == 0 ? std::string("server closed the connection")
                                                 : std::string("connection lost: ") + std::strerror(error_number));
}

bool parseCount(std::string_view text, std::int64_t& value) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
  }
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size();
}

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

Result<int> openSocket(const ServerUrl& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); code != 0) {
    return Error(ErrorCode::kIo, "cannot resolve " + url.host + ": " + gai_strerror(code));
  }
  int error_number = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int socket = ::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
    if (socket >= 0 && ::connect(socket, address->ai_addr, address->ai_addrlen) == 0) {
      freeaddrinfo(found);
      const int on = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket;
    }
    error_number = errno;
    if (socket >= 0) {
      ::close(socket);
    }
  }
  freeaddrinfo(found);
  return Error(ErrorCode::kIo, "cannot connect to " + url.host + ":" + url.port + ": " + std::strerror(error_number));
}

}  // namespace

Result<ServerUrl> parseServerUrl(std::string_view text) {
  constexpr std::string_view kScheme = "redis://";
  if (!text.starts_with(kScheme)) {
    return Error(ErrorCode::kInvalid,
                 "expected redis://[[user]:password@]host[:port][/database], not '" + std::string(text) + "'");
  }
  text.remove_prefix(kScheme.size());
  ServerUrl url;
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    url.database = text.substr(slash + 1);
    text = text.substr(0, slash);
  }
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = text.substr(0, at);
    text.remove_prefix(at + 1);
    const auto colon = login.find(':');
    url.user = colon == std::string_view::npos ? std::string() : percentDecoded(login.substr(0, colon));
    url.password = percentDecoded(colon == std::string_view::npos ? login : login.substr(colon + 1));
  }
  if (text.starts_with('[')) {  // [::1]:6379
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) {
      return Error(ErrorCode::kInvalid, "missing ']' in the server's address");
    }
    url.host = text.substr(1, bracket - 1);
    text.remove_prefix(bracket + 1);
  } else {
    const auto colon = text.rfind(':');
    url.host = text.substr(0, colon);
    text = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (!text.empty()) {
    if (text.front() != ':' || text.size() == 1) {
      return Error(ErrorCode::kInvalid, "expected a port, not '" + std::string(text) + "'");
    }
    url.port = text.substr(1);
  }
  if (url.host.empty()) {
    url.host = "127.0.0.1";
  }
  return url;
}

RespClient::~RespClient() {
  ::close(socket_);
}

Result<std::unique_ptr<RespClient>> RespClient::connect(const ServerUrl& url) {
  TREFOIL_ASSIGN(const int socket, openSocket(url));
  std::unique_ptr<RespClient> client(new RespClient(socket));
  TREFOIL_TRY(client->greet(url));
  return client;
}

Status RespClient::greet(const ServerUrl& url) {
  FlatReply reply;
  std::vector<std::string_view> hello = {"HELLO", "3"};
  if (!url.password.empty()) {
    hello.insert(hello.end(),
                 {"AUTH", url.user.empty() ? std::string_view("default") : std::string_view(url.user), url.password});
  }
  TREFOIL_TRY(call(hello, reply));
  if (reply[0].kind == ReplyKind::kError) {
    const std::string_view text = reply.bytes(reply[0]);
    if (!text.starts_with("NOPROTO") && !text.starts_with("ERR unknown command")) {
      return Error(ErrorCode::kInvalid, std::string(text));
    }
  }
  if (!url.database.empty()) {
    const std::string_view select[] = {"SELECT", url.database};
    TREFOIL_TRY(call(select, reply));
    if (reply[0].kind == ReplyKind::kError) {
      return Error(ErrorCode::kInvalid, std::string(reply.bytes(reply[0])));
    }
  }
  return {};
}

Status RespClient::call(std::span<const std::string_view> arguments, FlatReply& reply) {
  char number[kMaxIntegerChars];
  request_ = "*";
  request_.append(number, formatUnsigned(number, arguments.size())).append("\r\n");
  for (const std::string_view argument : arguments) {
    request_ += '$';
    request_.append(number, formatUnsigned(number, argument.size())).append("\r\n").append(argument).append("\r\n");
  }
  TREFOIL_TRY(send(request_));
  return readReply(reply);
}

Status RespClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EINTR) {
      return lostConnection(errno);
    }
  }
  return {};
}

Status RespClient::receive() {
  char* const room = input_.reserve(kReadSize);
  for (;;) {
    const ssize_t got = ::recv(socket_, room, kReadSize, 0);
    if (got > 0) {
      input_.wrote(static_cast<std::size_t>(got));
      return {};
    }
    if (got == 0 || errno != EINTR) {
      return lostConnection(got == 0 ? 0 : errno);
    }
  }
}

Result<std::string_view> RespClient::readLine() {
  std::size_t searched = 0;
  for (;;) {
    const std::string_view bytes = input_.bytes();
    const auto end = bytes.find("\r\n", searched);
    if (end != std::string_view::npos) {
      return bytes.substr(0, end);
    }
    if (bytes.size() > kMaxLine) {
      return protocolError("a line without end");
    }
    searched = bytes.empty() ? 0 : bytes.size() - 1;
    TREFOIL_TRY(receive());
  }
}

Status RespClient::readReply(FlatReply& reply) {
  // How many nodes are still to come on each level.
  std::vector<std::size_t> missing;
  for (;;) {
    reply.clear();
    missing.assign(1, 1);
    while (!missing.empty()) {
      if (missing.back() == 0) {
        missing.pop_back();
        continue;
      }
      --missing.back();
      std::size_t children = 0;
      TREFOIL_TRY(readNode(reply, children));
      if (children != 0) {
        if (missing.size() == kMaxReplyDepth) {
          return protocolError("nested too deeply");
        }
        missing.push_back(children);
      }
      if (reply.size() > kMaxReplyNodes) {
        return protocolError("too many elements");
      }
    }
    if (reply[0].kind != ReplyKind::kPush) {
      return {};  // a push is no reply: the server sends it whenever it likes
    }
  }
}

Status RespClient::readBytes(FlatReply& reply, ReplyKind kind, std::string_view count) {
  std::int64_t size = 0;
  if (!parseCount(count, size) || size < -1 || size > kMaxReplyBytes) {
    return protocolError("bad length");
  }
  input_.consume(count.size() + 3);
  if (size < 0) {
    reply.addNull();
    return {};
  }
  const auto length = static_cast<std::size_t>(size);
  while (input_.size() < length + 2) {
    TREFOIL_TRY(receive());
  }
  reply.addBytes(kind, input_.bytes().substr(0, length));
  input_.consume(length + 2);
  return {};
}

// Reads one node; of an aggregate its head, with `children` set.
Status RespClient::readNode(FlatReply& reply, std::size_t& children) {
  TREFOIL_ASSIGN(const std::string_view line, readLine());
  if (line.empty()) {
    return protocolError("an empty line");
  }
  const char type = line[0];
  const std::string_view rest = line.substr(1);
  std::int64_t number = 0;
  switch (type) {
    case '$':
    case '=':
    case '!':
      return readBytes(reply, type == '!' ? ReplyKind::kError : ReplyKind::kBulk, rest);
    case '+':
    case '-':
    case '(':
      reply.addBytes(type == '-' ? ReplyKind::kError : ReplyKind::kSimple, rest);
      break;
    case ':':
      if (!parseCount(rest, number)) {
        return protocolError("bad integer");
      }
      reply.addInteger(number);
      break;
    case '_':
      reply.addNull();
      break;
    case '#':
      reply.addBoolean(rest == "t");
      break;
    case ',': {
      double real = 0;
      const std::string_view digits = rest.starts_with('+') ? rest.substr(1) : rest;
      if (std::from_chars(digits.data(), digits.data() + digits.size(), real).ec != std::errc()) {
        return protocolError("bad double");
      }
      reply.addDouble(real);
      break;
    }
    case '*':
    case '~':
    case '>':
    case '%': {
      if (!parseCount(rest, number) || number < -1 || number > kMaxReplyBytes) {
        return protocolError("bad count");
      }
      if (number < 0) {
        reply.addNull();
        break;
      }
      children = static_cast<std::size_t>(number) * (type == '%' ? 2 : 1);
      reply.addAggregate(type == '*'   ? ReplyKind::kArray
                         : type == '~' ? ReplyKind::kSet
                         : type == '>' ? ReplyKind::kPush
                                       : ReplyKind::kMap,
                         children);
      break;
    }
    default:
      return protocolError("unknown type byte");
  }
  input_.consume(line.size() + 2);
  return {};
}

}  // namespace trefoil::repl
