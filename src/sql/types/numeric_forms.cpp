// Numeric's other forms: text, packed, PostgreSQL's binary one, machine numbers.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/ascii_case.hpp"
#include "sql/types/numeric.hpp"

namespace trefoil::sql {

using namespace packed_numeric;

namespace {

constexpr std::uint16_t kWireNegative = 0x4000;
constexpr std::uint16_t kWireNaN = 0xc000;
constexpr std::uint16_t kWireInfinity = 0xd000;
constexpr std::uint16_t kWireNegativeInfinity = 0xf000;
constexpr std::uint16_t kWireInfinityScale = 32;  // PostgreSQL sends it with them

Error invalidText(std::string_view text) {
  return {ErrorCode::kInvalidText, "invalid input syntax for type numeric: \"" + std::string(text) + "\""};
}

Error overflow() {
  return {ErrorCode::kOutOfRange, "value overflows numeric format"};
}

bool isSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view withoutSpaces(std::string_view text) {
  while (!text.empty() && isSpace(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && isSpace(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::string_view takeDigits(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && isDigit(text[length])) {
    ++length;
  }
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

// A number's text, cut: sign, integer digits, digits behind the point, exponent.
struct CutNumber {
  bool negative = false;
  std::string_view integer;
  std::string_view fraction;
  std::int64_t exponent = 0;
};

// An exponent without end stays as far away as this.
constexpr std::int64_t kFarExponent = std::int64_t{1} << 40;

// [white space][sign]digits, as strtol takes them.
bool takeExponent(std::string_view& text, std::int64_t& exponent) {
  while (!text.empty() && isSpace(text.front())) {
    text.remove_prefix(1);
  }
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  const std::string_view digits = takeDigits(text);
  for (const char c : digits) {
    exponent = std::min(exponent * 10 + (c - '0'), kFarExponent);
  }
  exponent = negative ? -exponent : exponent;
  return !digits.empty();
}

bool cutNumber(std::string_view text, CutNumber& number) {
  number.negative = text.starts_with('-');
  if (number.negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  number.integer = takeDigits(text);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    number.fraction = takeDigits(text);
  }
  if (number.integer.empty() && number.fraction.empty()) {
    return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (!takeExponent(text, number.exponent)) {
      return false;
    }
  }
  return text.empty();
}

bool specialFromText(std::string_view text, Numeric& value) {
  if (equalsIgnoringCase(text, "nan")) {
    value = Numeric::nan();
    return true;
  }
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  if (!equalsIgnoringCase(text, "infinity") && !equalsIgnoringCase(text, "inf")) {
    return false;
  }
  value = negative ? Numeric::negativeInfinity() : Numeric::infinity();
  return true;
}

Uint128 parseDigits(Uint128 value, std::string_view digits) {
  while (!digits.empty()) {  // in steps that a machine word holds
    std::uint64_t chunk = 0;
    const std::size_t length = std::min<std::size_t>(digits.size(), 18);
    for (std::size_t i = 0; i < length; ++i) {
      chunk = chunk * 10 + static_cast<std::uint64_t>(digits[i] - '0');
    }
    value = value * kPowersOfTen[length] + chunk;
    digits.remove_prefix(length);
  }
  return value;
}

// A number that has more digits than fit into a small value, or might not be one at all. `digits` has no leading zeros.
Result<Numeric> bigFromDigits(std::string_view digits, bool negative, std::int64_t zeros, std::int32_t scale) {
  if (static_cast<std::int64_t>(digits.size()) + zeros - scale > Numeric::kMaxIntegerDigits) {
    return overflow();
  }
  BigInteger coefficient = BigInteger::fromDigits(digits);
  coefficient.multiplyByPowerOfTen(static_cast<std::uint32_t>(zeros));
  if (negative) {
    coefficient.negate();
  }
  return Numeric::fromScaled(std::move(coefficient), scale);
}

void appendWord(std::string& to, std::uint16_t word) {
  to += static_cast<char>(word >> 8);
  to += static_cast<char>(word);
}

std::uint16_t wordAt(std::string_view bytes, std::size_t offset) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[offset]) << 8) |
                                    static_cast<unsigned char>(bytes[offset + 1]));
}

}  // namespace

// --- Text ---

Result<Numeric> Numeric::fromText(std::string_view text) {
  CutNumber number;
  if (!cutNumber(withoutSpaces(text), number)) {
    Numeric special;
    return specialFromText(withoutSpaces(text), special) ? Result<Numeric>(std::move(special)) : invalidText(text);
  }
  number.integer.remove_prefix(std::min(number.integer.find_first_not_of('0'), number.integer.size()));
  const auto fraction_digits = static_cast<std::int64_t>(number.fraction.size());
  const std::int64_t scale = std::max<std::int64_t>(fraction_digits - number.exponent, 0);
  std::int64_t zeros = std::max<std::int64_t>(number.exponent - fraction_digits, 0);  // behind the digits
  constexpr std::int64_t kMaxExponent = std::numeric_limits<std::int32_t>::max() / 2;
  if (scale > kMaxScale || number.exponent >= kMaxExponent || number.exponent <= -kMaxExponent) {
    return overflow();
  }
  if (number.integer.empty()) {
    number.fraction.remove_prefix(std::min(number.fraction.find_first_not_of('0'), number.fraction.size()));
    zeros = number.fraction.empty() ? 0 : zeros;
  }
  const std::size_t digits = number.integer.size() + number.fraction.size();
  if (digits + static_cast<std::size_t>(zeros) > kMaxPowerOfTen) {
    return bigFromDigits(std::string(number.integer).append(number.fraction), number.negative, zeros,
                         static_cast<std::int32_t>(scale));
  }
  const Uint128 magnitude =
      parseDigits(parseDigits(0, number.integer), number.fraction) * kPowersOfTen[static_cast<std::size_t>(zeros)];
  const auto coefficient = static_cast<Int128>(magnitude);
  return Numeric(number.negative ? -coefficient : coefficient, static_cast<std::uint16_t>(scale));
}

std::string_view Numeric::smallDigits(std::array<char, 40>& buffer) const {
  char* const end = buffer.data() + buffer.size();
  char* const begin = writeDigits(magnitudeOf(smallCoefficient()), end);
  return {begin, static_cast<std::size_t>(end - begin)};
}

void Numeric::appendText(std::string& to) const {
  if (!isFinite()) {
    to += isNan() ? "NaN" : sign() > 0 ? "Infinity" : "-Infinity";
    return;
  }
  DigitsBuffer buffer;
  std::string_view digits = digitsIn(buffer);
  if (sign() < 0) {
    to += '-';
  }
  if (scale_ == 0) {
    to += digits;
  } else if (digits.size() > scale_) {
    to.append(digits.substr(0, digits.size() - scale_)).append(1, '.').append(digits.substr(digits.size() - scale_));
  } else {
    to.append("0.").append(scale_ - digits.size(), '0').append(digits);
  }
}

std::string Numeric::toText() const {
  std::string text;
  appendText(text);
  return text;
}

// --- Packed ---

std::size_t Numeric::packSmall(char* to) const {
  const Int128 value = smallCoefficient();
  const Uint128 magnitude = magnitudeOf(value);
  to[0] = static_cast<char>(value < 0 ? kPackedNegative : kPackedNotNegative);
  to[1] = static_cast<char>(scale_);
  to[2] = static_cast<char>(scale_ >> 8);
  const std::uint64_t words[] = {static_cast<std::uint64_t>(magnitude), static_cast<std::uint64_t>(magnitude >> 64)};
  std::memcpy(to + kPackedHeader, words, sizeof(words));
  const int bits = words[1] != 0 ? 128 - std::countl_zero(words[1]) : 64 - std::countl_zero(words[0]);
  const auto bytes = static_cast<std::size_t>((bits + 7) / 8);
  return kPackedHeader + bytes;
}

void Numeric::appendPacked(std::string& to) const {
  if (isSmall()) {
    std::array<char, kMaxSmallPackedBytes> bytes;
    to.append(bytes.data(), packSmall(bytes.data()));
    return;
  }
  const bool finite = isFinite();
  to += static_cast<char>(isNan()      ? kPackedNaN
                          : sign() < 0 ? (finite ? kPackedNegative : kPackedNegativeInfinity)
                          : finite     ? kPackedNotNegative
                                       : kPackedInfinity);
  to += static_cast<char>(scale_);
  to += static_cast<char>(scale_ >> 8);
  if (finite) {
    big().appendBytes(to);
  }
}

Numeric Numeric::fromPackedOther(std::string_view bytes) {
  const auto kind = static_cast<unsigned char>(bytes[0]);
  if (kind != kPackedNegative && kind != kPackedNotNegative) {
    return kind == kPackedNaN ? nan() : kind == kPackedInfinity ? infinity() : negativeInfinity();
  }
  BigInteger coefficient = BigInteger::fromBytes(bytes.substr(kPackedHeader));
  if (kind == kPackedNegative) {
    coefficient.negate();
  }
  return fromBig(std::move(coefficient), static_cast<unsigned char>(bytes[1]) | (static_cast<unsigned char>(bytes[2]) << 8));
}

Result<Numeric> Numeric::fromPacked(std::string_view bytes) {
  const auto damaged = [](std::string_view what) {
    return Error(ErrorCode::kCorruption, "a stored numeric " + std::string(what));
  };
  constexpr std::size_t kMostBytes = kPackedHeader + (kMaxIntegerDigits + kMaxScale) / 2;  // more than any has
  if (bytes.size() < kPackedHeader || bytes.size() > kMostBytes) {
    return damaged("has " + std::to_string(bytes.size()) + " bytes");
  }
  const auto kind = static_cast<unsigned char>(bytes[0]);
  const int scale = static_cast<unsigned char>(bytes[1]) | (static_cast<unsigned char>(bytes[2]) << 8);
  const bool finite = kind == kPackedNegative || kind == kPackedNotNegative;
  if (kind > kPackedNaN) {
    return damaged("is of the unknown kind " + std::to_string(kind));
  }
  if (scale > (finite ? kMaxScale : 0)) {
    return damaged("has the scale " + std::to_string(scale));
  }
  if (finite ? bytes.size() > kPackedHeader && bytes.back() == 0 : bytes.size() > kPackedHeader) {
    return damaged("has bytes too many");
  }
  if (kind == kPackedNegative && bytes.size() == kPackedHeader) {
    return damaged("is a negative zero");
  }
  if (bytes.size() > kMaxSmallPackedBytes) {
    BigInteger coefficient = BigInteger::fromBytes(bytes.substr(kPackedHeader));
    if (kind == kPackedNegative) {
      coefficient.negate();
    }
    Result<Numeric> value = fromScaled(std::move(coefficient), scale);
    return value.ok() ? std::move(value) : damaged("has digits too many");
  }
  return fromPackedTrusted(bytes);
}

// --- PostgreSQL's binary form ---

Result<Numeric> Numeric::fromWire(std::string_view bytes) {
  constexpr std::size_t kHeader = 8;
  const Error bad_size(ErrorCode::kInvalid, "insufficient data left in message");
  if (bytes.size() < kHeader) {
    return bad_size;
  }
  const std::size_t count = wordAt(bytes, 0);
  const auto weight = static_cast<std::int16_t>(wordAt(bytes, 2));
  const std::uint16_t sign = wordAt(bytes, 4);
  const std::int32_t scale = wordAt(bytes, 6);
  if (sign != 0 && sign != kWireNegative && sign != kWireNaN && sign != kWireInfinity && sign != kWireNegativeInfinity) {
    return Error(ErrorCode::kInvalid, "invalid sign in external \"numeric\" value");
  }
  if (scale > kMaxScale) {
    return Error(ErrorCode::kInvalid, "invalid scale in external \"numeric\" value");
  }
  if (bytes.size() < kHeader + 2 * count) {
    return bad_size;
  }
  if (bytes.size() > kHeader + 2 * count) {
    return Error(ErrorCode::kInvalid, "incorrect binary data format");
  }
  std::string digits;
  digits.reserve(4 * count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint16_t digit = wordAt(bytes, kHeader + 2 * i);
    if (digit > 9999) {
      return Error(ErrorCode::kInvalid, "invalid digit in external \"numeric\" value");
    }
    for (const int power : {1000, 100, 10, 1}) {
      digits += static_cast<char>('0' + digit / power % 10);
    }
  }
  if (sign == kWireNaN || sign >= kWireInfinity) {
    return sign == kWireNaN ? nan() : sign == kWireInfinity ? infinity() : negativeInfinity();
  }
  // Digits behind the scale are cut off, and zeros up to it are put there.
  const std::int64_t kept = std::int64_t{4} * (weight + 1) + scale;
  if (kept <= 0) {
    return Numeric(0, static_cast<std::uint16_t>(scale));
  }
  digits.resize(std::min(digits.size(), static_cast<std::size_t>(kept)));
  const std::int64_t zeros = kept - static_cast<std::int64_t>(digits.size());
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  return bigFromDigits(digits, sign == kWireNegative, digits.empty() ? 0 : zeros, scale);
}

void Numeric::appendWire(std::string& to) const {
  if (!isFinite()) {
    for (const std::uint16_t word : {std::uint16_t{0}, std::uint16_t{0},
                                     isNan()      ? kWireNaN
                                     : sign() > 0 ? kWireInfinity
                                                  : kWireNegativeInfinity,
                                     isNan() ? std::uint16_t{0} : kWireInfinityScale}) {
      appendWord(to, word);
    }
    return;
  }
  const Groups groups_of = groups();
  appendWord(to, static_cast<std::uint16_t>(groups_of.count));
  appendWord(to, static_cast<std::uint16_t>(groups_of.weight));
  appendWord(to, sign() < 0 ? kWireNegative : 0);
  appendWord(to, scale_);
  std::array<char, 40> buffer;
  const std::string digits = isSmall() ? std::string(smallDigits(buffer)) : big().digits();
  // The first group has the digits above the next border between groups.
  std::size_t position = 0;
  auto length = static_cast<std::size_t>(static_cast<std::int32_t>(digits.size()) - scale_ - 4 * groups_of.weight);
  for (std::int32_t i = 0; i < groups_of.count; ++i) {
    std::uint16_t group = 0;
    for (const std::size_t end = position + length; position < end; ++position) {
      group = static_cast<std::uint16_t>(group * 10 + (position < digits.size() ? digits[position] - '0' : 0));
    }
    appendWord(to, group);
    length = 4;
  }
}

// --- Machine numbers ---

namespace {

template <typename Float>
Numeric fromFloating(Float value) {
  if (std::isnan(value)) {
    return Numeric::nan();
  }
  if (std::isinf(value)) {
    return value > 0 ? Numeric::infinity() : Numeric::negativeInfinity();
  }
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general,
                                          std::numeric_limits<Float>::digits10);
  TREFOIL_ASSERT(error == std::errc());
  return Numeric::fromText({text.data(), static_cast<std::size_t>(end - text.data())}).value();
}

}  // namespace

Numeric Numeric::fromDouble(double value) {
  return fromFloating(value);
}

Numeric Numeric::fromFloat(float value) {
  return fromFloating(value);
}

Result<std::int64_t> Numeric::toInteger(std::int64_t least, std::int64_t most, std::string_view type) const {
  if (!isFinite()) {
    return Error(ErrorCode::kUnsupported,
                 "cannot convert " + std::string(isNan() ? "NaN" : "infinity") + " to " + std::string(type));
  }
  // A value that overflows when it is rounded is out of range all the more.
  Result<Numeric> whole = scale_ == 0 ? Result<Numeric>(*this) : rounded(0);
  if (!whole.ok() || !whole->isSmall() || whole->smallCoefficient() < least || whole->smallCoefficient() > most) {
    return Error(ErrorCode::kOutOfRange, std::string(type) + " out of range");
  }
  return static_cast<std::int64_t>(whole->smallCoefficient());
}

Result<std::int16_t> Numeric::toInt16() const {
  TREFOIL_ASSIGN(const std::int64_t value, toInteger(INT16_MIN, INT16_MAX, "smallint"));
  return static_cast<std::int16_t>(value);
}

Result<std::int32_t> Numeric::toInt32() const {
  TREFOIL_ASSIGN(const std::int64_t value, toInteger(INT32_MIN, INT32_MAX, "integer"));
  return static_cast<std::int32_t>(value);
}

Result<std::int64_t> Numeric::toInt64() const {
  return toInteger(INT64_MIN, INT64_MAX, "bigint");
}

template <typename Float>
Result<Float> Numeric::toFloating(std::string_view type) const {
  if (!isFinite()) {
    const Float limit = isNan() ? std::numeric_limits<Float>::quiet_NaN() : std::numeric_limits<Float>::infinity();
    return sign() < 0 ? -limit : limit;
  }
  // Two numbers that a Float holds exactly: their quotient is the nearest.
  constexpr int kExactPower = std::numeric_limits<Float>::digits == 53 ? 22 : 10;
  if (isSmall() && scale_ <= kExactPower) {
    const Int128 value = smallCoefficient();
    if (magnitudeOf(value) <= (std::uint64_t{1} << std::numeric_limits<Float>::digits)) {
      return static_cast<Float>(static_cast<std::int64_t>(value)) / static_cast<Float>(kPowersOfTen[scale_]);
    }
  }
  const std::string text = toText();
  Float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range || (value == 0 && sign() != 0)) {
    return Error(ErrorCode::kOutOfRange, "\"" + text + "\" is out of range for type " + std::string(type));
  }
  return value;
}

Result<double> Numeric::toDouble() const {
  return toFloating<double>("double precision");
}

Result<float> Numeric::toFloat() const {
  return toFloating<float>("real");
}

double Numeric::toDoubleSaturating() const {
  const Result<double> value = toDouble();
  if (value.ok()) {
    return *value;
  }
  const Groups groups_of = groups();
  return groups_of.weight < 0 ? 0 : sign() * std::numeric_limits<double>::infinity();
}

}  // namespace trefoil::sql
