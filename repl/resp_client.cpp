#include "repl/resp_client.hpp"

#include <vector>

#include "base/format_number.hpp"

namespace trefoil::repl {
namespace {

constexpr std::size_t kReadSize = std::size_t{64} << 10;

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

bool RespClient::isConnected() {
  if (link_ == nullptr) {
    return false;
  }
  received_.resize(kReadSize);
  const Result<std::size_t> got = link_->receiveNow(received_);
  if (got.ok()) {
    parser_.feed(std::string_view(received_).substr(0, *got));
  }
  return got.ok();
}

Status RespClient::connect() {
  hangUp();
  TREFOIL_ASSIGN(link_, Link::open(server_));
  parser_ = {};
  parser_.takeApart();
  Status status = greet();
  if (!status.ok()) {
    hangUp();
    if (status.error().code == ErrorCode::kIo && !server_.tls && server_.socket.empty()) {
      status.error().hint = "perhaps the server expects TLS at this port: --tls";
    }
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
    TREFOIL_TRY(receiveAny(element));
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
  return link_->send(request_);
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
    received_.resize(kReadSize);
    TREFOIL_ASSIGN(const std::size_t got, link_->receive(received_));
    parser_.feed(std::string_view(received_).substr(0, got));
  }
}

}  // namespace trefoil::repl
