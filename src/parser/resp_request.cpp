// Requests. readWhole() is the road of every ordinary request: all of it is there, and it is read in one go without touching the
// parser's state. When that fails for whatever reason, the request is read again from its start by resume(), which can stop and
// go on at every byte and knows the error texts; so a request is looked at by readWhole() at most once.
#include <cstring>

#include "base/assert.hpp"
#include "parser/command_line.hpp"
#include "parser/resp.hpp"

namespace trefoil::parser {
namespace {

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

// Redis's string2ll: no sign but '-', no leading zeros, no spaces. False: no number.
bool readNumber(std::string_view text, std::int64_t& value) {
  if (text == "0") {
    value = 0;
    return true;
  }
  const bool negative = !text.empty() && text.front() == '-';
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 18 || digits.front() == '0') {  // 18 digits are far above every limit
    return false;
  }
  std::int64_t number = 0;
  for (const char c : digits) {
    if (!isDigit(c)) {
      return false;
    }
    number = number * 10 + (c - '0');
  }
  value = negative ? -number : number;
  return true;
}

// A length of at most 9 digits and its \r\n. Returns what is behind it; nullptr: anything else, or the input ends first.
inline const char* readLength(const char* at, const char* end, std::size_t& value) {
  const auto digit = [&](std::ptrdiff_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(at[i])) - '0'; };
  constexpr std::ptrdiff_t kMostDigits = 9;
  if (end - at < 4) {  // a length and what must follow it is longer
    return nullptr;
  }
  std::size_t number = digit(0);
  if (number > 9) {
    return nullptr;
  }
  if (at[1] == '\r') {
    value = number;
    return at + 3;
  }
  if (at[2] == '\r' && number != 0 && digit(1) <= 9) {
    value = number * 10 + digit(1);
    return at + 4;
  }
  std::ptrdiff_t digits = 1;
  for (; digits < end - at && digit(digits) <= 9; ++digits) {
    number = number * 10 + digit(digits);
    if (digits == kMostDigits) {
      return nullptr;
    }
  }
  const bool leading_zero = *at == '0';
  if (leading_zero || end - at < digits + 2 || at[digits] != '\r') {
    return nullptr;
  }
  value = number;
  return at + digits + 2;
}

}  // namespace

RespOutcome RespRequestParser::next(std::string_view input, std::vector<std::string_view>& arguments) {
  if (!unfinished_) {
    if (input.empty()) {
      arguments.clear();
      return needMore(1);  // of a request that was not begun nothing needs to be kept
    }
    if (readWhole(input, arguments)) [[likely]] {
      return RespOutcome::kRequest;
    }
    at_ = 0;
    searched_ = 0;
    waiting_for_ = 0;
    in_arguments_ = false;
    bulk_size_ = kNoBulk;
    ranges_.clear();
    unfinished_ = true;
  }
  arguments.clear();
  const RespOutcome outcome = resume(input, arguments);
  unfinished_ = outcome != RespOutcome::kRequest;
  return outcome;
}

bool RespRequestParser::readWhole(std::string_view input, std::vector<std::string_view>& arguments) {
  constexpr std::size_t kShortestArgument = 6;  // $0, \r\n, \r\n
  const char* at = input.data();
  const char* const end = at + input.size();
  std::size_t count = 0;
  if (input.size() < 5 || *at != '*' || (at = readLength(at + 1, end, count)) == nullptr || count > limits_.max_arguments ||
      count > static_cast<std::size_t>(end - at) / kShortestArgument) {
    return false;
  }
  arguments.resize(count);
  const std::size_t longest = limits_.max_bulk_bytes;
  for (std::string_view& argument : arguments) {
    std::size_t size = 0;
    if (at == end || *at != '$' || (at = readLength(at + 1, end, size)) == nullptr || size > longest) {
      return false;
    }
    const auto left = static_cast<std::size_t>(end - at);
    if (left < 2 || size > left - 2) {
      return false;
    }
    argument = {at, size};
    at += size + 2;
  }
  at_ = static_cast<std::size_t>(at - input.data());
  return true;
}

RespOutcome RespRequestParser::resume(std::string_view input, std::vector<std::string_view>& arguments) {
  if (!error_.empty()) {
    return RespOutcome::kError;
  }
  if (input.size() < waiting_for_ || input.empty()) {
    return needMore(input.empty() ? 1 : waiting_for_ - input.size());
  }
  if (!in_arguments_) {
    if (input.front() != '*') {
      return readInline(input, arguments);
    }
    if (const RespOutcome outcome = readHeader(input); outcome != RespOutcome::kRequest) {
      return outcome;
    }
  }
  while (arguments_left_ > 0) {
    if (const RespOutcome outcome = readBulk(input); outcome != RespOutcome::kRequest) {
      if (outcome == RespOutcome::kNeedMore) {
        waiting_for_ = input.size() + lacking_;
      }
      return outcome;
    }
  }
  for (const Range& range : ranges_) {
    arguments.push_back(input.substr(range.begin, range.size));
  }
  return RespOutcome::kRequest;
}

RespOutcome RespRequestParser::readInline(std::string_view input, std::vector<std::string_view>& arguments) {
  std::size_t line_end = 0;
  if (const RespOutcome outcome = findLineEnd(input, '\n', "too big inline request", line_end);
      outcome != RespOutcome::kRequest) {
    return outcome;
  }
  std::string_view line = input.substr(0, line_end);
  if (!line.empty() && line.back() == '\r') {
    line.remove_suffix(1);
  }
  auto split = splitCommandLine(line);
  if (!split.ok()) {
    return fail(split.error().message);
  }
  inline_arguments_ = std::move(split).value();
  arguments.assign(inline_arguments_.begin(), inline_arguments_.end());
  at_ = line_end + 1;
  return RespOutcome::kRequest;
}

RespOutcome RespRequestParser::readHeader(std::string_view input) {
  std::size_t line_end = 0;
  if (const RespOutcome outcome = findLineEnd(input, '\r', "too big mbulk count string", line_end);
      outcome != RespOutcome::kRequest) {
    return outcome;
  }
  std::int64_t count = 0;
  if (!readNumber(input.substr(1, line_end - 1), count) || count > static_cast<std::int64_t>(limits_.max_arguments)) {
    return fail("invalid multibulk length");
  }
  at_ = searched_ = line_end + 2;
  arguments_left_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  in_arguments_ = true;
  return RespOutcome::kRequest;
}

RespOutcome RespRequestParser::readBulk(std::string_view input) {
  if (bulk_size_ == kNoBulk) {
    std::size_t line_end = 0;
    if (const RespOutcome outcome = findLineEnd(input, '\r', "too big bulk count string", line_end);
        outcome != RespOutcome::kRequest) {
      return outcome;
    }
    if (input[at_] != '$') {
      const char got = input[at_] == '\r' || input[at_] == '\n' ? ' ' : input[at_];  // an error is one line
      return fail(std::string("expected '$', got '") + got + "'");
    }
    std::int64_t size = 0;
    if (!readNumber(input.substr(at_ + 1, line_end - at_ - 1), size) || size < 0 ||
        size > static_cast<std::int64_t>(limits_.max_bulk_bytes)) {
      return fail("invalid bulk length");
    }
    bulk_size_ = static_cast<std::size_t>(size);
    at_ = line_end + 2;
  }
  const std::size_t there = input.size() - at_;
  if (there < bulk_size_ + 2) {
    return needMore(bulk_size_ + 2 - there);
  }
  ranges_.push_back({at_, bulk_size_});
  at_ += bulk_size_ + 2;
  searched_ = at_;
  bulk_size_ = kNoBulk;
  --arguments_left_;
  return RespOutcome::kRequest;
}

RespOutcome RespRequestParser::findLineEnd(std::string_view input, char last, const char* too_long, std::size_t& line_end) {
  const std::size_t from = searched_ < at_ ? at_ : searched_;
  const void* found = from < input.size() ? std::memchr(input.data() + from, last, input.size() - from) : nullptr;
  const std::size_t end =
      found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - input.data()) : input.size();
  if (end - at_ > limits_.max_line_bytes) {
    return fail(too_long);
  }
  searched_ = end;
  // The \r of a header has one more byte behind it.
  if (found == nullptr || (last == '\r' && end + 1 >= input.size())) {
    return needMore(1);
  }
  line_end = end;
  return RespOutcome::kRequest;
}

RespOutcome RespRequestParser::needMore(std::size_t bytes) {
  lacking_ = bytes;
  return RespOutcome::kNeedMore;
}

RespOutcome RespRequestParser::fail(std::string text) {
  error_ = "Protocol error: " + std::move(text);
  return RespOutcome::kError;
}

}  // namespace trefoil::parser
