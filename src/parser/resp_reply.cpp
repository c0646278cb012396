// Replies, for clients. Aggregates are kept on a stack of our own, so that a reply may arrive in any pieces and nesting costs no
// recursion.
#include <charconv>
#include <limits>

#include "parser/resp.hpp"

namespace trefoil::parser {
namespace {

bool readInteger(std::string_view text, std::int64_t& value) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

bool readReal(std::string_view text, double& value) {
  if (text == "inf" || text == "+inf") {
    value = std::numeric_limits<double>::infinity();
    return true;
  }
  if (text == "-inf") {
    value = -std::numeric_limits<double>::infinity();
    return true;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void RespReplyParser::feed(std::string_view bytes) {
  // What was read is dropped when it is the larger part, so that the copying stays in proportion to what is fed.
  if (at_ > buffer_.size() / 2) {
    buffer_.erase(0, at_);
    searched_ -= searched_ < at_ ? searched_ : at_;
    at_ = 0;
  }
  buffer_.append(bytes);
}

RespOutcome RespReplyParser::next(RespReply& reply) {
  if (failed_) {
    return RespOutcome::kError;
  }
  if (!begun_) {
    attributes_.clear();
    begun_ = true;
  }
  for (;;) {
    RespReply value;
    switch (readValue(value)) {
      case Step::kNeedMore:
        return RespOutcome::kNeedMore;
      case Step::kError:
        return RespOutcome::kError;
      case Step::kOpened:
        continue;
      case Step::kValue:
        break;
    }
    // The value belongs to the innermost open aggregate and may complete it, and that the next one …
    for (;;) {
      if (open_.empty()) {
        reply = std::move(value);
        begun_ = false;
        apart_left_ -= apart_left_ > 0 ? 1 : 0;
        return RespOutcome::kRequest;
      }
      Open& top = open_.back();
      top.reply.elements.push_back(std::move(value));
      if (--top.left > 0) {
        break;
      }
      const bool is_attribute = top.is_attribute;
      value = std::move(top.reply);
      open_.pop_back();
      if (is_attribute) {
        if (open_.empty()) {
          attributes_ = std::move(value.elements);
        }
        break;  // it was only a preface to the value that follows
      }
    }
  }
}

RespReplyParser::Step RespReplyParser::readValue(RespReply& value) {
  const std::size_t line_end = buffer_.find("\r\n", searched_ < at_ ? at_ : searched_);
  if (line_end == std::string::npos) {
    searched_ = buffer_.empty() ? 0 : buffer_.size() - 1;  // its last byte may be the \r
    return Step::kNeedMore;
  }
  searched_ = line_end;
  const std::string_view line = std::string_view(buffer_).substr(at_, line_end - at_);
  if (line.empty()) {
    return fail("a reply begins with an empty line");
  }
  switch (line.front()) {
    case '+':
    case '-':
    case ':':
    case '_':
    case ',':
    case '#':
    case '(':
      return readScalar(line, value);
    case '$':
    case '!':
    case '=':
      return readBulk(line, value);
    case '*':
    case '~':
    case '>':
    case '%':
    case '|':
      return readAggregate(line, value);
    default:
      return fail("a reply begins with an unknown type byte");
  }
}

RespReplyParser::Step RespReplyParser::readScalar(std::string_view line, RespReply& value) {
  const std::string_view text = line.substr(1);
  switch (line.front()) {
    case '+':
      value.type = RespType::kSimpleString;
      value.text = text;
      break;
    case '-':
      value.type = RespType::kError;
      value.text = text;
      break;
    case ':':
      value.type = RespType::kInteger;
      if (!readInteger(text, value.integer)) {
        return fail("a reply's integer is none");
      }
      break;
    case ',':
      value.type = RespType::kDouble;
      if (!readReal(text, value.real)) {
        return fail("a reply's double is none");
      }
      break;
    case '#':
      value.type = RespType::kBoolean;
      if (text != "t" && text != "f") {
        return fail("a reply's boolean is neither t nor f");
      }
      value.integer = text == "t" ? 1 : 0;
      break;
    case '(':
      value.type = RespType::kBigNumber;
      value.text = text;
      break;
    default:
      value.type = RespType::kNull;
      break;
  }
  at_ += line.size() + 2;
  return Step::kValue;
}

RespReplyParser::Step RespReplyParser::readBulk(std::string_view line, RespReply& value) {
  std::int64_t announced = 0;
  if (!readInteger(line.substr(1), announced) || announced < -1) {
    return fail("a reply's bulk length is none");
  }
  const std::size_t start = at_ + line.size() + 2;
  if (announced < 0) {
    value.type = RespType::kNull;
    at_ = start;
    return Step::kValue;
  }
  const auto size = static_cast<std::size_t>(announced);
  if (buffer_.size() - start < 2 || buffer_.size() - start - 2 < size) {
    return Step::kNeedMore;
  }
  if (buffer_.compare(start + size, 2, "\r\n") != 0) {
    return fail("a reply's bulk does not end where its length says");
  }
  std::string_view text = std::string_view(buffer_).substr(start, size);
  value.type = line.front() == '!' ? RespType::kError : RespType::kBulkString;
  if (line.front() == '=') {
    value.type = RespType::kVerbatim;
    text.remove_prefix(text.size() >= 4 && text[3] == ':' ? 4 : 0);  // txt: or mkd:
  }
  value.text = text;
  at_ = start + size + 2;
  return Step::kValue;
}

RespReplyParser::Step RespReplyParser::readAggregate(std::string_view line, RespReply& value) {
  const char type = line.front();
  std::int64_t count = 0;
  if (!readInteger(line.substr(1), count) || count < -1 || count > INT32_MAX) {
    return fail("a reply's count of elements is none");
  }
  at_ += line.size() + 2;
  if (count < 0) {
    value.type = RespType::kNull;
    return Step::kValue;
  }
  switch (type) {
    case '~':
      value.type = RespType::kSet;
      break;
    case '>':
      value.type = RespType::kPush;
      break;
    case '%':
      value.type = RespType::kMap;
      break;
    default:
      value.type = RespType::kArray;
      break;
  }
  const bool pairs = type == '%' || type == '|';
  if (count == 0) {
    return type == '|' ? Step::kOpened : Step::kValue;
  }
  value.integer = count * (pairs ? 2 : 1);
  if (apart_ && open_.empty() && apart_left_ == 0 && type != '|' && type != '>') {
    apart_left_ = static_cast<std::size_t>(value.integer) + 1;  // this head itself is counted off next
    return Step::kValue;
  }
  if (open_.size() == kMaxDepth) {
    return fail("a reply is nested too deeply");
  }
  const auto elements = static_cast<std::size_t>(value.integer);
  open_.push_back({std::move(value), elements, type == '|'});
  return Step::kOpened;
}

RespReplyParser::Step RespReplyParser::fail(std::string text) {
  failed_ = true;
  error_ = std::move(text);
  return Step::kError;
}

}  // namespace trefoil::parser
