#include "repl/resp_client.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "base/format_number.hpp"
#include "repl/interrupt.hpp"

namespace trefoil::repl {
namespace {

constexpr std::size_t kReadSize = std::size_t{64} << 10;

Error lostConnection(int error_number) {
  return Error(ErrorCode::kIo, error_number == 0 ? std::string("server closed the connection")
                                                 : std::string("connection lost: ") + std::strerror(error_number));
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

bool allDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Error canceled() {
  return Error(ErrorCode::kCancelled, "canceled");
}

// Waits for `events` on a socket, or for a Ctrl-C.
Status await(int socket, short events) {
  for (;;) {
    std::array<pollfd, 2> sources{{{socket, events, 0}, {interruptEvent(), POLLIN, 0}}};
    ::poll(sources.data(), sources.size(), -1);
    if (interruptPending()) {
      return canceled();
    }
    if (sources[0].revents != 0) {
      return {};
    }
  }
}

Status connectSocket(int socket, const addrinfo& address) {
  if (::connect(socket, address.ai_addr, address.ai_addrlen) == 0) {
    return {};
  }
  int error_number = errno;
  if (error_number == EINPROGRESS) {
    TREFOIL_TRY(await(socket, POLLOUT));
    socklen_t size = sizeof error_number;
    getsockopt(socket, SOL_SOCKET, SO_ERROR, &error_number, &size);
  }
  return error_number == 0 ? Status() : Error(ErrorCode::kIo, std::strerror(error_number));
}

Result<int> openSocket(const ServerUrl& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); code != 0) {
    return Error(ErrorCode::kIo, "cannot resolve " + url.host + ": " + gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  Status status;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int socket = ::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
    status = socket < 0 ? Status(Error(ErrorCode::kIo, std::strerror(errno))) : connectSocket(socket, *address);
    if (status.ok()) {
      const int on = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket;
    }
    if (socket >= 0) {
      ::close(socket);
    }
    if (status.error().code == ErrorCode::kCancelled) {
      return status.error();
    }
  }
  return Error(ErrorCode::kIo, "cannot connect to " + url.host + ":" + url.port + ": " + status.error().message);
}

ReplyKind aggregateKind(parser::RespType type) {
  switch (type) {
    case parser::RespType::kMap:
      return ReplyKind::kMap;
    case parser::RespType::kSet:
      return ReplyKind::kSet;
    case parser::RespType::kPush:
      return ReplyKind::kPush;
    default:
      return ReplyKind::kArray;
  }
}

// Depth is bounded by the parser.
void flatten(const parser::RespReply& reply, FlatReply& out) {
  using parser::RespType;
  switch (reply.type) {
    case RespType::kSimpleString:
    case RespType::kBigNumber:
    case RespType::kVerbatim:
      return out.addBytes(ReplyKind::kSimple, reply.text);
    case RespType::kError:
      return out.addBytes(ReplyKind::kError, reply.text);
    case RespType::kBulkString:
      return out.addBytes(ReplyKind::kBulk, reply.text);
    case RespType::kInteger:
      return out.addInteger(reply.integer);
    case RespType::kDouble:
      return out.addDouble(reply.real);
    case RespType::kBoolean:
      return out.addBoolean(reply.integer != 0);
    case RespType::kNull:
      return out.addNull();
    default:
      break;
  }
  out.addAggregate(aggregateKind(reply.type), reply.elements.size());
  for (const parser::RespReply& element : reply.elements) {
    flatten(element, out);
  }
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
    if (!allDigits(url.database)) {
      return Error(ErrorCode::kInvalid, "expected the number of a database, not '" + url.database + "'");
    }
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
    if (text.front() != ':' || text.size() == 1 || !allDigits(text.substr(1))) {
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
  hangUp();
}

void RespClient::hangUp() {
  if (socket_ >= 0) {
    ::close(std::exchange(socket_, -1));
  }
}

bool RespClient::isConnected() const {
  if (socket_ < 0) {
    return false;
  }
  char byte = 0;
  const ssize_t got = ::recv(socket_, &byte, 1, MSG_PEEK);
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

Status RespClient::connect() {
  hangUp();
  TREFOIL_ASSIGN(socket_, openSocket(server_));
  parser_ = {};
  parser_.takeApart();
  Status status = greet();
  if (!status.ok()) {
    hangUp();
  }
  return status;
}

Status RespClient::greet() {
  std::vector<std::string_view> hello = {"HELLO", "3"};
  if (!server_.password.empty()) {
    hello.insert(hello.end(),
                 {"AUTH", server_.user.empty() ? std::string_view("default") : std::string_view(server_.user), server_.password});
  }
  FlatReply reply;
  TREFOIL_TRY(call(hello, reply));
  if (reply[0].kind == ReplyKind::kError) {
    const std::string_view text = reply.bytes(reply[0]);
    if (text.starts_with("NOAUTH") && server_.password.empty()) {
      return {};  // until AUTH nothing else is answered
    }
    if (!text.starts_with("NOPROTO") && !text.starts_with("ERR unknown command")) {
      return Error(ErrorCode::kInvalid, std::string(text));
    }
  }
  const std::string_view attributes[] = {"CLIENT", "ATTRIBUTES", "ON"};
  TREFOIL_TRY(call(attributes, reply));  // refused by other servers, which have no SQL
  if (!server_.database.empty()) {
    const std::string_view select[] = {"SELECT", server_.database};
    TREFOIL_TRY(call(select, reply));
    if (reply[0].kind == ReplyKind::kError) {
      return Error(ErrorCode::kInvalid, std::string(reply.bytes(reply[0])));
    }
  }
  return {};
}

Status RespClient::call(std::span<const std::string_view> arguments, FlatReply& reply) {
  TREFOIL_TRY(send(arguments));
  parser::RespReply head;
  TREFOIL_TRY(receive(head));
  return receiveRest(head, reply);
}

Status RespClient::receiveRest(const parser::RespReply& head, FlatReply& reply) {
  reply.clear();
  if (head.type < parser::RespType::kArray || head.type == parser::RespType::kPush) {
    flatten(head, reply);
    return {};
  }
  const auto children = static_cast<std::size_t>(head.integer);
  reply.addAggregate(aggregateKind(head.type), children);
  parser::RespReply element;
  for (std::size_t i = 0; i < children; ++i) {
    TREFOIL_TRY(receive(element));
    flatten(element, reply);
  }
  return {};
}

Status RespClient::send(std::span<const std::string_view> arguments) {
  char number[kMaxIntegerChars];
  request_ = "*";
  request_.append(number, formatUnsigned(number, arguments.size())).append("\r\n");
  for (const std::string_view argument : arguments) {
    request_ += '$';
    request_.append(number, formatUnsigned(number, argument.size())).append("\r\n").append(argument).append("\r\n");
  }
  std::string_view rest = request_;
  while (!rest.empty()) {
    const ssize_t sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      TREFOIL_TRY(await(socket_, POLLOUT));
    } else if (errno != EINTR) {
      return lostConnection(errno);
    }
  }
  return {};
}

Status RespClient::receive(parser::RespReply& reply) {
  do {
    TREFOIL_TRY(receiveAny(reply));
  } while (reply.type == parser::RespType::kPush);  // those come whenever the server likes
  return {};
}

Status RespClient::receiveAny(parser::RespReply& reply) {
  for (;;) {
    reply = {};
    const parser::RespOutcome outcome = parser_.next(reply);
    if (outcome == parser::RespOutcome::kError) {
      return Error(ErrorCode::kIo, "the server's reply is not RESP: " + parser_.error());
    }
    if (outcome == parser::RespOutcome::kRequest) {
      return {};
    }
    TREFOIL_TRY(await(socket_, POLLIN));
    received_.resize(kReadSize);
    const ssize_t got = ::recv(socket_, received_.data(), received_.size(), 0);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
      return lostConnection(got == 0 ? 0 : errno);
    }
    parser_.feed(std::string_view(received_).substr(0, got < 0 ? 0 : static_cast<std::size_t>(got)));
  }
}

}  // namespace trefoil::repl
