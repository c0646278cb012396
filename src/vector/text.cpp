#include "vector/text.hpp"

#include <charconv>
#include <cmath>

#include "vector/distance.hpp"

namespace trefoil::vector {

namespace {

bool isSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// The position in the text, and the errors that quote it.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  void skipSpaces() {
    while (at_ < text_.size() && isSpace(text_[at_])) {
      ++at_;
    }
  }
  bool take(char expected) {
    if (at_ == text_.size() || text_[at_] != expected) {
      return false;
    }
    ++at_;
    return true;
  }
  [[nodiscard]] bool atEnd() const { return at_ == text_.size(); }
  [[nodiscard]] bool at(char expected) const { return !atEnd() && text_[at_] == expected; }
  [[nodiscard]] Error syntaxError(std::string detail = {}) const {
    // A long literal is quoted by its beginning: the message is for a person.
    constexpr std::size_t kQuoted = 200;
    std::string quoted(text_.substr(0, kQuoted));
    if (text_.size() > kQuoted) {
      quoted += "...";
    }
    return Error(ErrorCode::kInvalidText, "invalid input syntax for type vector: \"" + quoted + "\"")
        .withDetail(std::move(detail));
  }
  Status number(float& out);

 private:
  Status outOfRange(std::string_view number) const {
    return Error(ErrorCode::kOutOfRange, "\"" + std::string(number.substr(0, 100)) + "\" is out of range for type vector");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// Whether a decimal number that no double can hold is too small rather than too large: the decimal exponent of its first digit
// that is not zero is negative.
bool isTiny(std::string_view number) {
  std::int64_t exponent = -1;  // of the digit before the point, or of the first one behind it
  bool point = false;
  bool significant = false;
  std::size_t i = 0;
  for (; i < number.size() && number[i] != 'e' && number[i] != 'E'; ++i) {
    if (number[i] == '.') {
      point = true;
    } else if (number[i] >= '0' && number[i] <= '9') {
      significant = significant || number[i] != '0';
      if (significant && !point) {
        ++exponent;
      } else if (!significant && point) {
        --exponent;
      }
    }
  }
  if (i + 1 >= number.size()) {
    return exponent < 0;
  }
  std::string_view written = number.substr(i + 1);
  const bool negative = written.front() == '-';
  if (written.front() == '+' || negative) {
    written.remove_prefix(1);
  }
  std::int64_t magnitude = 0;
  const auto parsed = std::from_chars(written.data(), written.data() + written.size(), magnitude);
  if (parsed.ec == std::errc::result_out_of_range) {
    return negative;
  }
  return exponent + (negative ? -magnitude : magnitude) < 0;
}

Status Cursor::number(float& out) {
  if (at('+')) {
    ++at_;
    if (at('-')) {
      return syntaxError();
    }
  }
  const char* const begin = text_.data() + at_;
  const char* const end = text_.data() + text_.size();
  const auto parsed = std::from_chars(begin, end, out);
  if (parsed.ec == std::errc::invalid_argument) {
    return syntaxError();
  }
  at_ += static_cast<std::size_t>(parsed.ptr - begin);
  if (parsed.ec == std::errc::result_out_of_range) {
    // Too close to zero is zero (or a subnormal), as in pgvector; too large is an error.
    const std::string_view number(begin, static_cast<std::size_t>(parsed.ptr - begin));
    double wide = 0;
    if (std::from_chars(begin, parsed.ptr, wide).ec == std::errc::result_out_of_range && !isTiny(number)) {
      return outOfRange(number);
    }
    out = static_cast<float>(wide);
    if (std::isinf(out)) {
      return outOfRange(number);
    }
  }
  if (std::isnan(out)) {
    return Error(ErrorCode::kInvalid, "NaN not allowed in vector");
  }
  if (std::isinf(out)) {
    return Error(ErrorCode::kInvalid, "infinite value not allowed in vector");
  }
  return {};
}

}  // namespace

Status parseVector(std::string_view text, std::vector<float>& out) {
  out.clear();
  Cursor cursor(text);
  cursor.skipSpaces();
  if (!cursor.take('[')) {
    return cursor.syntaxError("Vector contents must start with \"[\".");
  }
  cursor.skipSpaces();
  if (cursor.at(']')) {
    return Error(ErrorCode::kInvalid, "vector must have at least 1 dimension");
  }
  for (;;) {
    if (out.size() == kMaxDimension) {
      return Error(ErrorCode::kLimit, "vector cannot have more than " + std::to_string(kMaxDimension) + " dimensions");
    }
    cursor.skipSpaces();
    float value = 0;
    TREFOIL_TRY(cursor.number(value));
    out.push_back(value);
    cursor.skipSpaces();
    if (cursor.take(']')) {
      break;
    }
    if (!cursor.take(',')) {
      return cursor.syntaxError();
    }
  }
  cursor.skipSpaces();
  if (!cursor.atEnd()) {
    return cursor.syntaxError("Junk after closing right brace.");
  }
  return {};
}

void printVector(std::span<const float> values, std::string& out) {
  // The longest: "-1.17549435e-38," and as much again for safety.
  constexpr std::size_t kRoom = 32;
  char buffer[kRoom];
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) {
      out += ',';
    }
    const auto magnitude = std::fabs(values[i]);
    // Between 1e-4 and 1e6 without an exponent: PostgreSQL's float4 output. 999999.9 has exponent 5, the next float is 1e6.
    const bool fixed = values[i] == 0 || (magnitude >= 1e-4F && magnitude < 1e6F);
    const auto printed =
        std::to_chars(buffer, buffer + kRoom, values[i], fixed ? std::chars_format::fixed : std::chars_format::scientific);
    out.append(buffer, printed.ptr);
  }
  out += ']';
}

}  // namespace trefoil::vector
