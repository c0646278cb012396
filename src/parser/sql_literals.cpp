#include "parser/sql_literals.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/assert.hpp"
#include "base/parse_number.hpp"
#include "parser/sql_tokens.hpp"
#include "parser/utf8.hpp"

namespace trefoil::parser {
namespace {

std::uint32_t hexValue(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<std::uint32_t>(c - '0');
  }
  return static_cast<std::uint32_t>(toLowerAscii(c) - 'a' + 10);
}

// `body` with each doubled `quote` made single.
std::string_view undouble(std::string_view body, char quote, Arena& arena) {
  if (std::memchr(body.data(), quote, body.size()) == nullptr) {
    return body;
  }
  char* const begin = arena.makeArray<char>(body.size());
  char* to = begin;
  for (std::size_t i = 0; i < body.size(); ++i) {
    *to++ = body[i];
    if (body[i] == quote) {
      ++i;
    }
  }
  return {begin, static_cast<std::size_t>(to - begin)};
}

// The escapes of E'…' (PostgreSQL 4.1.2.2). Reads and writes through one cursor each; the output is never longer than the input.
class EscapeDecoder {
 public:
  EscapeDecoder(std::string_view body, char* to) : body_(body), to_(to) {}

  LiteralError run() {
    while (at_ < body_.size()) {
      const char c = body_[at_];
      if (c == '\'') {
        *to_++ = c;
        at_ += 2;
      } else if (c != '\\') {
        *to_++ = c;
        ++at_;
      } else if (LiteralError error = escape(); !error.ok()) {
        return error;
      }
    }
    return {};
  }
  [[nodiscard]] char* end() const { return to_; }

 private:
  LiteralError escape() {
    const std::size_t start = at_;
    const char c = body_[at_ + 1];  // the token rule lets no backslash stand alone
    at_ += 2;
    switch (c) {
      case 'b':
        *to_++ = '\b';
        return {};
      case 'f':
        *to_++ = '\f';
        return {};
      case 'n':
        *to_++ = '\n';
        return {};
      case 'r':
        *to_++ = '\r';
        return {};
      case 't':
        *to_++ = '\t';
        return {};
      case 'u':
        return unicode(start, 4);
      case 'U':
        return unicode(start, 8);
      case 'x':
        if (at_ < body_.size() && isOfClass(body_[at_], kHexClass)) {
          *to_++ = static_cast<char>(number(16, 2));
        } else {
          *to_++ = 'x';
        }
        return {};
      default:
        if (c >= '0' && c <= '7') {
          --at_;
          *to_++ = static_cast<char>(number(8, 3));
        } else {
          *to_++ = c;
        }
        return {};
    }
  }

  LiteralError unicode(std::size_t start, std::size_t digits) {
    const std::size_t before = at_;
    const std::uint32_t code_point = number(16, digits);
    if (at_ - before != digits) {
      return {"invalid Unicode escape", start};
    }
    if (code_point == 0 || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) {
      return {"invalid Unicode escape value", start};
    }
    to_ += encodeUtf8(code_point, to_);
    return {};
  }

  std::uint32_t number(std::uint32_t base, std::size_t most_digits) {
    std::uint32_t value = 0;
    for (; most_digits > 0 && at_ < body_.size() && isOfClass(body_[at_], kHexClass) && hexValue(body_[at_]) < base;
         --most_digits) {
      value = value * base + hexValue(body_[at_++]);
    }
    return value;
  }

  std::string_view body_;
  std::size_t at_ = 0;
  char* to_;
};

}  // namespace

std::optional<std::int64_t> decodeInteger(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return value;
}

LiteralError decodeString(std::string_view token, Arena& arena, std::string_view& out) {
  TREFOIL_DEBUG_ASSERT(token.size() >= 2 && token.back() == '\'');
  if (token.front() == '\'') {
    out = undouble(token.substr(1, token.size() - 2), '\'', arena);
    return {};
  }
  const std::string_view body = token.substr(2, token.size() - 3);
  char* const begin = arena.makeArray<char>(body.size());
  EscapeDecoder decoder(body, begin);
  if (LiteralError error = decoder.run(); !error.ok()) {
    error.offset += 2;
    return error;
  }
  out = {begin, static_cast<std::size_t>(decoder.end() - begin)};
  if (findInvalidUtf8(out) != std::string_view::npos) {
    return {"invalid byte sequence for encoding \"UTF8\" in escape string", 0};
  }
  return {};
}

LiteralError decodeBlob(std::string_view token, Arena& arena, std::string_view& out) {
  TREFOIL_DEBUG_ASSERT(token.size() >= 3);
  const std::string_view digits = token.substr(2, token.size() - 3);
  if (digits.size() % 2 != 0) {
    return {"a blob needs an even number of hexadecimal digits", token.size() - 1};
  }
  char* const begin = arena.makeArray<char>(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    begin[i / 2] = static_cast<char>(hexValue(digits[i]) << 4 | hexValue(digits[i + 1]));
  }
  out = {begin, digits.size() / 2};
  return {};
}

LiteralError decodeVector(std::string_view token, Arena& arena, std::span<const float>& out) {
  TREFOIL_DEBUG_ASSERT(token.front() == '[' && token.back() == ']');
  const auto count = static_cast<std::size_t>(std::count(token.begin(), token.end(), ',')) + 1;
  auto* const floats = arena.makeArray<float>(count);
  const char* const end = token.data() + token.size();
  const char* at = token.data() + 1;
  for (std::size_t i = 0; i < count; ++i) {
    while (isOfClass(*at, kSpaceClass)) {
      ++at;
    }
    const char* const element = at;
    if (*at == '+') {
      ++at;  // from_chars takes no plus
    }
    const auto [after, error] = parseFloat(at, end, floats[i]);
    if (error == std::errc::result_out_of_range) {
      // Too small rounds to zero, as in pgvector; too large is an error. from_chars leaves the value alone in both cases.
      double wide = 0;
      const auto again = std::from_chars(at, end, wide);
      if (again.ec != std::errc{} || wide > std::numeric_limits<float>::max() || wide < std::numeric_limits<float>::lowest()) {
        return {"vector element is out of range for type real", static_cast<std::size_t>(element - token.data())};
      }
      floats[i] = static_cast<float>(wide);
    } else {
      TREFOIL_ASSERT(error == std::errc{});
    }
    at = after;
    while (isOfClass(*at, kSpaceClass)) {
      ++at;
    }
    TREFOIL_ASSERT(*at == ',' || *at == ']');
    ++at;
  }
  out = {floats, count};
  return {};
}

std::string_view decodeIdentifier(std::string_view token, Arena& arena) {
  if (token.front() == '"') {
    return undouble(token.substr(1, token.size() - 2), '"', arena);
  }
  if (std::none_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return token;
  }
  char* const begin = arena.makeArray<char>(token.size());
  std::transform(token.begin(), token.end(), begin, toLowerAscii);
  return {begin, token.size()};
}

}  // namespace trefoil::parser
