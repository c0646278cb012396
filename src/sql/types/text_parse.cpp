// Text to values, in PostgreSQL's forms and with its complaints.
#include <charconv>
#include <cmath>

#include "base/parse_number.hpp"
#include "sql/types/calendar.hpp"
#include "sql/types/json.hpp"
#include "sql/types/utf8.hpp"
#include "sql/types/value_text.hpp"
#include "vector/distance.hpp"
#include "vector/text.hpp"

namespace trefoil::sql {
namespace {

bool isSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && isSpace(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && isSpace(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

Error invalidSyntax(const SqlType& type, std::string_view text) {
  return Error(ErrorCode::kInvalidText,
               "invalid input syntax for type " + sqlTypeName(type.withoutModifier()) + ": \"" + std::string(text) + "\"");
}

Error fieldOutOfRange(std::string_view text) {
  return Error(ErrorCode::kOutOfRange, "date/time field value out of range: \"" + std::string(text) + "\"");
}

Result<Datum> parseBoolean(const SqlType& type, std::string_view text) {
  const std::string word = lowered(trim(text));
  const auto abbreviates = [&](std::string_view full, std::size_t least) {
    return word.size() >= least && full.substr(0, word.size()) == word;
  };
  if (word == "1" || abbreviates("true", 1) || abbreviates("yes", 1) || word == "on") {
    return Datum::boolean(true);
  }
  if (word == "0" || abbreviates("false", 1) || abbreviates("no", 1) || abbreviates("off", 2)) {
    return Datum::boolean(false);
  }
  return invalidSyntax(type, text);
}

Result<Datum> parseInteger(const SqlType& type, std::string_view text) {
  std::string_view digits = trim(text);
  if (!digits.empty() && digits.front() == '+') {
    digits.remove_prefix(1);
    if (!digits.empty() && digits.front() == '-') {
      return invalidSyntax(type, text);
    }
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size() || digits.empty() || error == std::errc::invalid_argument) {
    return invalidSyntax(type, text);
  }
  const Datum datum = Datum::integer(value);
  if (error == std::errc::result_out_of_range || !checkModifier(type, datum).ok()) {
    return Error(ErrorCode::kOutOfRange, "value \"" + std::string(text) + "\" is out of range for type " + sqlTypeName(type));
  }
  return datum;
}

template <typename Float>
Result<Datum> parseFloatingPoint(const SqlType& type, std::string_view text) {
  std::string_view digits = trim(text);
  const std::string word = lowered(digits);
  if (word == "nan") {
    return Datum::real(std::nan(""));
  }
  if (word == "infinity" || word == "inf" || word == "+infinity" || word == "+inf") {
    return Datum::real(HUGE_VAL);
  }
  if (word == "-infinity" || word == "-inf") {
    return Datum::real(-HUGE_VAL);
  }
  if (!digits.empty() && digits.front() == '+') {
    digits.remove_prefix(1);
  }
  const std::size_t first = !digits.empty() && digits.front() == '-' ? 1 : 0;
  if (first >= digits.size() || !(isDigit(digits[first]) || digits[first] == '.')) {
    return invalidSyntax(type, text);
  }
  Float value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) {
    return Error(ErrorCode::kOutOfRange, "\"" + std::string(text) + "\" is out of range for type " + sqlTypeName(type));
  }
  if (end != digits.data() + digits.size() || error != std::errc()) {
    return invalidSyntax(type, text);
  }
  return Datum::real(value);
}

Result<Datum> parseBlob(const SqlType& type, std::string_view text, ByteArena& arena) {
  const auto hex_digit = [](char c) {
    return isDigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  char* const out = arena.allocate(text.size());
  std::size_t size = 0;
  if (text.size() >= 2 && text[0] == '\\' && text[1] == 'x') {
    const std::string_view digits = text.substr(2);
    if (digits.size() % 2 != 0) {
      return Error(ErrorCode::kInvalidText, "invalid hexadecimal data: odd number of digits");
    }
    for (std::size_t i = 0; i < digits.size(); i += 2) {
      const int high = hex_digit(digits[i]);
      const int low = hex_digit(digits[i + 1]);
      if (high < 0 || low < 0) {
        return Error(ErrorCode::kInvalidText, std::string("invalid hexadecimal digit: \"") + digits[high < 0 ? i : i + 1] + "\"");
      }
      out[size++] = static_cast<char>(high * 16 + low);
    }
    return Datum::blob({out, size});
  }
  const auto octal = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out[size++] = text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '\\') {
      out[size++] = '\\';
      ++i;
    } else if (octal(i + 1) && text[i + 1] <= '3' && octal(i + 2) && octal(i + 3)) {
      out[size++] = static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      return invalidSyntax(type, text);
    }
  }
  return Datum::blob({out, size});
}

// Reads dates and times field by field.
class DateTimeReader {
 public:
  explicit DateTimeReader(std::string_view text) : text_(text) {}
  [[nodiscard]] bool done() const { return at_ == text_.size(); }
  bool accept(char c) {
    if (at_ < text_.size() && text_[at_] == c) {
      ++at_;
      return true;
    }
    return false;
  }
  void skipSpaces() {
    while (accept(' ')) {
    }
  }
  // A number of `least` to `most` digits.
  bool number(std::size_t least, std::size_t most, std::int64_t& value) {
    value = 0;
    std::size_t digits = 0;
    while (at_ < text_.size() && isDigit(text_[at_]) && digits < most) {
      value = value * 10 + (text_[at_++] - '0');
      ++digits;
    }
    return digits >= least;
  }
  // Digits after a decimal point as microseconds, rounded to nearest.
  bool fraction(std::int64_t& micros) {
    micros = 0;
    std::size_t digits = 0;
    for (; at_ < text_.size() && isDigit(text_[at_]); ++at_, ++digits) {
      if (digits < 6) {
        micros = micros * 10 + (text_[at_] - '0');
      } else if (digits == 6 && text_[at_] >= '5') {
        ++micros;
      }
    }
    for (std::size_t i = digits; i < 6; ++i) {
      micros *= 10;
    }
    return digits > 0;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

enum class Parsed { kOk, kInvalid, kRange };

Parsed readDate(DateTimeReader& reader, std::int64_t& days) {
  std::int64_t year;
  std::int64_t month;
  std::int64_t day;
  if (!reader.number(4, 6, year) || !reader.accept('-') || !reader.number(1, 2, month) || !reader.accept('-') ||
      !reader.number(1, 2, day)) {
    return Parsed::kInvalid;
  }
  if (year < kFirstYear || year > kLastYear || month < 1 || month > 12 || day < 1 ||
      day > daysInMonth(year, static_cast<int>(month))) {
    return Parsed::kRange;
  }
  days = daysFromCivil({year, static_cast<int>(month), static_cast<int>(day)});
  return Parsed::kOk;
}

// HH:MM[:SS[.ffffff]] [Z | UTC | ±HH[[:]MM]]; the zone is how far it is ahead of UTC.
Parsed readTime(DateTimeReader& reader, std::int64_t& micros, std::int64_t& zone) {
  std::int64_t hour;
  std::int64_t minute;
  std::int64_t second = 0;
  std::int64_t fraction = 0;
  if (!reader.number(1, 2, hour) || !reader.accept(':') || !reader.number(2, 2, minute)) {
    return Parsed::kInvalid;
  }
  if (reader.accept(':')) {
    if (!reader.number(2, 2, second) || (reader.accept('.') && !reader.fraction(fraction))) {
      return Parsed::kInvalid;
    }
  }
  if (minute > 59 || second > 60 || hour > 24 || (hour == 24 && (minute != 0 || second != 0 || fraction != 0))) {
    return Parsed::kRange;
  }
  micros = ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond + fraction;
  reader.skipSpaces();
  if (reader.accept('Z') || reader.accept('z')) {
    return Parsed::kOk;
  }
  if (reader.accept('U') || reader.accept('u')) {
    return (reader.accept('T') || reader.accept('t')) && (reader.accept('C') || reader.accept('c')) ? Parsed::kOk
                                                                                                    : Parsed::kInvalid;
  }
  const bool plus = reader.accept('+');
  if (plus || reader.accept('-')) {
    std::int64_t offset_hours;
    std::int64_t offset_minutes = 0;
    if (!reader.number(1, 2, offset_hours)) {
      return Parsed::kInvalid;
    }
    reader.accept(':');
    if (!reader.done() && !reader.number(2, 2, offset_minutes)) {
      return Parsed::kInvalid;
    }
    if (offset_hours > 15 || offset_minutes > 59) {
      return Parsed::kRange;
    }
    const std::int64_t offset = (offset_hours * 60 + offset_minutes) * 60 * kMicrosPerSecond;
    zone = plus ? offset : -offset;
  }
  return Parsed::kOk;
}

Result<Datum> parseDateTime(const SqlType& type, std::string_view text) {
  const std::string_view trimmed = trim(text);
  if (lowered(trimmed) == "epoch") {
    return Datum::integer(0);
  }
  DateTimeReader reader(trimmed);
  std::int64_t days = 0;
  std::int64_t micros = 0;
  std::int64_t zone = 0;
  Parsed outcome = readDate(reader, days);
  if (outcome == Parsed::kOk && !reader.done()) {
    if (!reader.accept('T') && !reader.accept('t') && !reader.accept(' ')) {
      return invalidSyntax(type, text);
    }
    reader.skipSpaces();
    if (!reader.done()) {
      outcome = readTime(reader, micros, zone);
    }
  }
  if (outcome == Parsed::kRange) {
    return fieldOutOfRange(text);
  }
  if (outcome == Parsed::kInvalid || !reader.done()) {
    return invalidSyntax(type, text);
  }
  if (type.is(TypeId::kDate)) {
    return Datum::integer(days);
  }
  // What a clock shows has no zone: one that is given is passed over, as in PostgreSQL.
  const std::int64_t timestamp = days * kMicrosPerDay + micros - (type.is(TypeId::kTimestamptz) ? zone : 0);
  return isTimestamp(timestamp) ? Result<Datum>(Datum::integer(timestamp)) : Result<Datum>(fieldOutOfRange(text));
}

Result<Datum> parseJson(std::string_view text) {
  if (auto problem = jsonProblem(text)) {
    return Error(ErrorCode::kInvalidText, "invalid input syntax for type json").withDetail(std::move(*problem));
  }
  return Datum::text(text);
}

// A vector as programs print it: finite decimals, blanks behind the commas alone. Returns how many there are; 0:
// vector::parseVector has to look, and to complain. `values` has room for kMaxDimension.
std::size_t readPlainVector(std::string_view text, float* values) {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.size() < 3 || *at != '[' || end[-1] != ']') {
    return 0;
  }
  for (std::size_t count = 0; count < vector::kMaxDimension; ++count) {
    float value = 0;
    const auto [after, error] = parseFloat(at + 1, end, value);
    if (error != std::errc() || !std::isfinite(value)) {
      return 0;
    }
    values[count] = value;
    at = after;
    if (*at != ',') {
      return at == end - 1 ? count + 1 : 0;
    }
    if (at[1] == ' ') {
      ++at;
    }
  }
  return 0;
}

Result<Datum> parseVector(std::string_view text, ByteArena& arena) {
  thread_local const auto plain = std::make_unique_for_overwrite<float[]>(vector::kMaxDimension);
  std::span<const float> values(plain.get(), readPlainVector(text, plain.get()));
  std::vector<float> others;
  if (values.empty()) {
    TREFOIL_TRY(vector::parseVector(text, others));
    values = others;
  }
  auto* const floats = reinterpret_cast<float*>(arena.allocate(values.size_bytes()));
  std::memcpy(floats, values.data(), values.size_bytes());
  return Datum::vector({floats, values.size()});
}

Result<Datum> validText(std::string_view text) {
  const std::size_t bad = findInvalidUtf8(text);
  if (bad != kValidUtf8) {
    constexpr char kHex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(text[bad]);
    return Error(ErrorCode::kInvalidText,
                 std::string("invalid byte sequence for encoding \"UTF8\": 0x") + kHex[byte >> 4] + kHex[byte & 15]);
  }
  return Datum::text(text);
}

}  // namespace

Result<Datum> parseText(const SqlType& type, std::string_view text, ByteArena& arena) {
  switch (type.id) {
    case TypeId::kUnknown:
    case TypeId::kText:
    case TypeId::kVarchar:
      return validText(text);
    case TypeId::kBoolean:
      return parseBoolean(type, text);
    case TypeId::kSmallint:
    case TypeId::kInteger:
    case TypeId::kBigint:
      return parseInteger(type, text);
    case TypeId::kReal:
      return parseFloatingPoint<float>(type, text);
    case TypeId::kDouble:
      return parseFloatingPoint<double>(type, text);
    case TypeId::kBytea:
      return parseBlob(type, text, arena);
    case TypeId::kTimestamp:
    case TypeId::kTimestamptz:
    case TypeId::kDate:
      return parseDateTime(type, text);
    case TypeId::kJson:
      return parseJson(text);
    case TypeId::kVector:
      return parseVector(text, arena);
  }
  return invalidSyntax(type, text);
}

}  // namespace trefoil::sql
