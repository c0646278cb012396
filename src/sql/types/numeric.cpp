// State, order, keys and arithmetic of Numeric; its texts and other forms are in numeric_forms.cpp.
#include "sql/types/numeric.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

namespace trefoil::sql {
namespace {

constexpr std::int32_t kMinSignificantDigits = 16;  // that a division gives
constexpr std::int32_t kMaxDisplayScale = 1000;     // up to which a division goes for the sake of them
constexpr double kLog10Of2 = 0.30102999566398120;

Error overflow() {
  return {ErrorCode::kOutOfRange, "value overflows numeric format"};
}

Error divisionByZero() {
  return {ErrorCode::kDivisionByZero, "division by zero"};
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  const Uint128 product = static_cast<Uint128>(hash ^ word) * 0x9e3779b97f4a7c15U;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Takes zeros off the end of a coefficient, and as many off its scale.
void stripZeros(Uint128& coefficient, std::uint32_t& scale) {
  if (fits64(coefficient)) [[likely]] {
    auto rest = static_cast<std::uint64_t>(coefficient);
    scale = rest == 0 ? 0 : scale;
    for (; scale > 0 && rest % 10 == 0; --scale) {
      rest /= 10;
    }
    coefficient = rest;
    return;
  }
  for (const std::uint32_t step : {16U, 8U, 4U, 2U, 1U}) {
    while (scale >= step) {
      const auto [quotient, remainder] = divideUnsigned(coefficient, kPowersOfTen[step]);
      if (remainder != 0) {
        break;
      }
      coefficient = quotient;
      scale -= step;
    }
  }
}

// The exponent of an ordered key: see numeric.hpp.
void appendKeyExponent(std::string& to, std::int32_t exponent) {
  if (exponent >= -100 && exponent <= 100) {
    to += static_cast<char>(exponent + 128);
    return;
  }
  const auto biased = static_cast<std::uint32_t>(exponent + (1 << 17));
  to += static_cast<char>(exponent < 0 ? 0x01 : 0xff);
  to += static_cast<char>(biased >> 16);
  to += static_cast<char>(biased >> 8);
  to += static_cast<char>(biased);
}

}  // namespace

Numeric Numeric::fromBig(BigInteger coefficient, std::int32_t scale) {
  if (coefficient.fitsInt128()) {
    return {coefficient.asInt128(), static_cast<std::uint16_t>(scale)};
  }
  Numeric result;
  result.holdBig(new BigInteger(std::move(coefficient)));
  result.kind_ = Kind::kBig;
  result.scale_ = static_cast<std::uint16_t>(scale);
  return result;
}

Result<Numeric> Numeric::fromScaled(BigInteger coefficient, std::int32_t scale) {
  if (scale > kMaxScale) {
    return overflow();
  }
  // Only close to the bound digits are worth counting.
  if (static_cast<double>(coefficient.bitLength()) * kLog10Of2 > kMaxIntegerDigits + scale - 2 &&
      static_cast<std::int32_t>(coefficient.digitCount()) - scale > kMaxIntegerDigits) {
    return overflow();
  }
  return fromBig(std::move(coefficient), scale);
}

int Numeric::sign() const {
  switch (kind_) {
    case Kind::kSmall: {
      const Int128 value = smallCoefficient();
      return (value > 0 ? 1 : 0) - (value < 0 ? 1 : 0);
    }
    case Kind::kBig:
      return big().sign();
    case Kind::kNegativeInfinity:
      return -1;
    case Kind::kInfinity:
      return 1;
    case Kind::kNaN:
      break;
  }
  return 0;
}

std::int32_t Numeric::minScale() const {
  if (isSmall()) {
    Uint128 coefficient = magnitudeOf(smallCoefficient());
    std::uint32_t scale = scale_;
    stripZeros(coefficient, scale);
    return static_cast<std::int32_t>(scale);
  }
  return kind_ == Kind::kBig ? static_cast<std::int32_t>(scale_ - big().trailingZeros(scale_)) : 0;
}

bool Numeric::isIntegral() const {
  return !isNan() && minScale() == 0;
}

Numeric Numeric::trimmedScale() const {
  if (!isFinite()) {
    return *this;
  }
  if (isSmall()) {
    const Int128 value = smallCoefficient();
    Uint128 coefficient = magnitudeOf(value);
    std::uint32_t scale = scale_;
    stripZeros(coefficient, scale);
    return fromScaled(value < 0 ? -static_cast<Int128>(coefficient) : static_cast<Int128>(coefficient),
                      static_cast<std::int32_t>(scale));
  }
  const std::uint32_t zeros = big().trailingZeros(scale_);
  BigInteger coefficient = big();
  coefficient.divideByPowerOfTen(zeros);
  return fromBig(std::move(coefficient), static_cast<std::int32_t>(scale_ - zeros));
}

// --- Order ---

int Numeric::compareOther(const Numeric& a, const Numeric& b) {
  if (!a.isSmall() || !b.isSmall()) [[unlikely]] {
    return compareBig(a, b);
  }
  const Int128 x = a.smallCoefficient();
  const Int128 y = b.smallCoefficient();
  Int128 scaled = 0;
  if (a.scale_ < b.scale_) {
    if (scaleUpFits(x, b.scale_ - a.scale_, scaled)) {
      return (scaled > y ? 1 : 0) - (scaled < y ? 1 : 0);
    }
    return x < 0 ? -1 : 1;  // what does not fit is further from zero than y is
  }
  if (scaleUpFits(y, a.scale_ - b.scale_, scaled)) {
    return (x > scaled ? 1 : 0) - (x < scaled ? 1 : 0);
  }
  return y < 0 ? 1 : -1;
}

int Numeric::compareBig(const Numeric& a, const Numeric& b) {
  if (!a.isFinite() || !b.isFinite()) {
    const auto rank = [](const Numeric& value) {
      return value.isFinite() ? 1 : value.isNan() ? 3 : value.kind_ == Kind::kInfinity ? 2 : 0;
    };
    return rank(a) - rank(b);
  }
  const int sign = a.sign();
  if (sign != b.sign()) {
    return sign - b.sign();
  }
  BigInteger x = a.coefficient();
  BigInteger y = b.coefficient();
  // Where the lengths differ, there is no need to multiply.
  const double length_a = static_cast<double>(x.bitLength()) * kLog10Of2 - a.scale_;
  const double length_b = static_cast<double>(y.bitLength()) * kLog10Of2 - b.scale_;
  if (sign == 0 || std::fabs(length_a - length_b) > 1) {
    return length_a > length_b ? sign : -sign;
  }
  x.multiplyByPowerOfTen(static_cast<std::uint32_t>(std::max(b.scale_ - a.scale_, 0)));
  y.multiplyByPowerOfTen(static_cast<std::uint32_t>(std::max(a.scale_ - b.scale_, 0)));
  return BigInteger::compare(x, y);
}

std::uint64_t Numeric::hash() const {
  constexpr std::uint64_t kSeed = 0x243f6a8885a308d3U;
  if (!isFinite()) {
    return mix(kSeed, static_cast<std::uint64_t>(kind_));
  }
  if (kind_ == Kind::kBig) {
    const Numeric trimmed = trimmedScale();
    if (trimmed.isSmall()) {
      return trimmed.hash();
    }
    std::string bytes;
    trimmed.big().appendBytes(bytes);
    bytes.resize((bytes.size() + 7) / 8 * 8);
    std::uint64_t hash = mix(kSeed, (static_cast<std::uint64_t>(trimmed.scale_) << 1) | (sign() < 0 ? 1 : 0));
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i, sizeof(word));
      hash = mix(hash, word);
    }
    return hash;
  }
  const Int128 value = smallCoefficient();
  Uint128 coefficient = magnitudeOf(value);
  std::uint32_t scale = scale_;
  stripZeros(coefficient, scale);
  const std::uint64_t hash = mix(kSeed + scale, static_cast<std::uint64_t>(coefficient));
  return mix(hash, (static_cast<std::uint64_t>(coefficient >> 64) << 1) | (value < 0 ? 1 : 0));
}

void Numeric::appendOrderedKey(std::string& to) const {
  const int sign_of = sign();
  if (!isFinite() || sign_of == 0) {
    to += static_cast<char>(isFinite() ? 0x30 : isNan() ? 0x60 : sign_of > 0 ? 0x50 : 0x10);
    return;
  }
  to += static_cast<char>(sign_of > 0 ? 0x40 : 0x20);
  const std::size_t begin = to.size();
  DigitsBuffer buffer;
  std::string_view digits = digitsIn(buffer);
  appendKeyExponent(to, static_cast<std::int32_t>(digits.size()) - scale_);
  digits = digits.substr(0, digits.find_last_not_of('0') + 1);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int pair = (digits[i] - '0') * 10 + (i + 1 < digits.size() ? digits[i + 1] - '0' : 0);
    to += static_cast<char>(2 * pair + (i + 2 < digits.size() ? 1 : 0));
  }
  if (sign_of < 0) {
    std::transform(to.begin() + static_cast<std::ptrdiff_t>(begin), to.end(), to.begin() + static_cast<std::ptrdiff_t>(begin),
                   [](char c) { return static_cast<char>(~c); });
  }
}

// --- Addition, multiplication ---

Result<Numeric> Numeric::addOther(const Numeric& a, const Numeric& b) {
  if (a.isSmall() && b.isSmall()) {
    const bool a_coarser = a.scale_ < b.scale_;
    const Numeric& coarse = a_coarser ? a : b;
    const Numeric& fine = a_coarser ? b : a;
    Int128 scaled = 0;
    Int128 sum = 0;
    if (scaleUpFits(coarse.smallCoefficient(), fine.scale_ - coarse.scale_, scaled) &&
        !__builtin_add_overflow(scaled, fine.smallCoefficient(), &sum) && sum != kInt128Least) {
      return Numeric(sum, fine.scale_);
    }
  }
  if (!a.isFinite() || !b.isFinite()) {
    if (a.isNan() || b.isNan() || (a.isInfinite() && b.isInfinite() && a.kind_ != b.kind_)) {
      return nan();
    }
    return a.isFinite() ? b : a;
  }
  return addBig(a, b, false);
}

Result<Numeric> Numeric::subtractOther(const Numeric& a, const Numeric& b) {
  return b.isSmall() || !b.isFinite() ? addOther(a, b.negated()) : a.isFinite() ? addBig(a, b, true) : Result<Numeric>(a);
}

Result<Numeric> Numeric::addBig(const Numeric& a, const Numeric& b, bool subtract) {
  const std::int32_t scale = std::max(a.scale_, b.scale_);
  BigInteger x = a.coefficient();
  BigInteger y = b.coefficient();
  x.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - a.scale_));
  y.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - b.scale_));
  if (subtract) {
    x -= y;
  } else {
    x += y;
  }
  return fromScaled(std::move(x), scale);
}

Result<Numeric> Numeric::multiplyOther(const Numeric& a, const Numeric& b) {
  if (!a.isFinite() || !b.isFinite()) {
    const int sign = a.sign() * b.sign();
    return sign == 0 ? nan() : sign > 0 ? infinity() : negativeInfinity();  // NaN has the sign 0, too
  }
  BigInteger product = a.coefficient();
  product *= b.coefficient();
  std::int32_t scale = a.scale_ + b.scale_;
  if (scale > kMaxScale) {
    product.divideRounding(BigInteger::powerOfTen(static_cast<std::uint32_t>(scale - kMaxScale)));
    scale = kMaxScale;
  }
  return fromScaled(std::move(product), scale);
}

Numeric Numeric::negated() const {
  switch (kind_) {
    case Kind::kSmall:
      return {-smallCoefficient(), scale_};
    case Kind::kBig: {
      Numeric result = *this;
      result.bigPointer()->negate();
      return result;
    }
    case Kind::kNegativeInfinity:
      return infinity();
    case Kind::kInfinity:
      return negativeInfinity();
    case Kind::kNaN:
      break;
  }
  return nan();
}

Numeric Numeric::absolute() const {
  return sign() < 0 ? negated() : *this;
}

Numeric Numeric::signum() const {
  return isNan() ? nan() : Numeric(static_cast<std::int64_t>(sign()));
}

// --- Division ---

Numeric::Groups Numeric::groups() const {
  Groups groups;
  DigitsBuffer buffer;
  std::string_view digits = digitsIn(buffer);
  const std::int32_t before_point = static_cast<std::int32_t>(digits.size()) - scale_;
  digits = digits.substr(0, digits.find_last_not_of('0') + 1);
  if (digits.empty()) {
    return groups;
  }
  groups.weight = groupWeight(before_point);
  std::size_t length = static_cast<std::size_t>(before_point - 4 * groups.weight);
  groups.count = 1 + (digits.size() <= length ? 0 : static_cast<std::int32_t>((digits.size() - length + 3) / 4));
  std::size_t position = 0;
  for (std::size_t i = 0; i < groups.digits.size() && position < digits.size(); ++i) {
    std::uint16_t group = 0;
    for (std::size_t end = position + length; position < end; ++position) {
      group = static_cast<std::uint16_t>(group * 10 + (position < digits.size() ? digits[position] - '0' : 0));
    }
    groups.digits[i] = group;
    length = 4;
  }
  return groups;
}

namespace {

// The first digit of base 10000 and its weight, of a small coefficient.
struct FirstGroup {
  std::int32_t weight = 0;
  std::uint32_t digit = 0;
};

FirstGroup firstGroup(const BigInteger& coefficient, std::int32_t scale) {
  if (coefficient.sign() == 0) {
    return {};
  }
  const std::string digits = coefficient.digits();
  const std::int32_t before_point = static_cast<std::int32_t>(digits.size()) - scale;
  FirstGroup group{Numeric::groupWeight(before_point), 0};
  for (std::int32_t i = 0; i < before_point - 4 * group.weight; ++i) {
    const auto position = static_cast<std::size_t>(i);
    group.digit = group.digit * 10 + static_cast<std::uint32_t>(position < digits.size() ? digits[position] - '0' : 0);
  }
  return group;
}

FirstGroup firstGroup(Uint128 coefficient, std::int32_t scale) {
  if (coefficient == 0) {
    return {};
  }
  const std::uint32_t digits = digitCount(coefficient);
  const std::int32_t before_point = static_cast<std::int32_t>(digits) - scale;
  const std::int32_t weight = Numeric::groupWeight(before_point);
  const auto length = static_cast<std::uint32_t>(before_point - 4 * weight);
  if (digits <= length) {
    return {weight, static_cast<std::uint32_t>(coefficient * kPowersOfTen[length - digits])};
  }
  return {weight, static_cast<std::uint32_t>(divideUnsigned(coefficient, kPowersOfTen[digits - length]).quotient)};
}

std::int32_t divisionScaleOf(FirstGroup a, FirstGroup b, std::int32_t scale_a, std::int32_t scale_b) {
  const std::int32_t weight = a.weight - b.weight - (a.digit <= b.digit ? 1 : 0);
  return std::min(std::max({kMinSignificantDigits - weight * 4, scale_a, scale_b, 0}), kMaxDisplayScale);
}

}  // namespace

std::int32_t Numeric::divisionScale(const Numeric& a, const Numeric& b) {
  const auto first = [](const Numeric& value) {
    return value.isSmall() ? firstGroup(magnitudeOf(value.smallCoefficient()), value.scale_)
                           : firstGroup(value.big(), value.scale_);
  };
  return divisionScaleOf(first(a), first(b), a.scale_, b.scale_);
}

std::int32_t Numeric::divisionScale(const BigInteger& a, std::int32_t scale_a, const BigInteger& b, std::int32_t scale_b) {
  return divisionScaleOf(firstGroup(a, scale_a), firstGroup(b, scale_b), scale_a, scale_b);
}

Result<Numeric> Numeric::divideNonFinite(const Numeric& a, const Numeric& b) {
  if (a.isNan() || b.isNan() || (a.isInfinite() && b.isInfinite())) {
    return nan();
  }
  if (a.isFinite()) {
    return Numeric();
  }
  if (b.sign() == 0) {
    return divisionByZero();
  }
  return a.sign() * b.sign() > 0 ? infinity() : negativeInfinity();
}

Result<Numeric> Numeric::divide(const Numeric& a, const Numeric& b) {
  if (!a.isFinite() || !b.isFinite()) {
    return divideNonFinite(a, b);
  }
  if (b.sign() == 0) {
    return divisionByZero();
  }
  const std::int32_t scale = divisionScale(a, b);
  const std::int32_t exponent = scale + b.scale_ - a.scale_;  // what the dividend's coefficient is multiplied by
  Int128 dividend = 0;
  if (a.isSmall() && b.isSmall() && exponent >= 0 &&
      scaleUpFits(a.smallCoefficient(), static_cast<std::uint32_t>(exponent), dividend)) {
    const Int128 divisor = b.smallCoefficient();
    const Int128 quotient = divideRounding(dividend, magnitudeOf(divisor));
    return Numeric(divisor < 0 ? -quotient : quotient, static_cast<std::uint16_t>(scale));
  }
  BigInteger quotient = a.coefficient();
  BigInteger divisor = b.coefficient();
  quotient.multiplyByPowerOfTen(static_cast<std::uint32_t>(std::max(exponent, 0)));
  divisor.multiplyByPowerOfTen(static_cast<std::uint32_t>(std::max(-exponent, 0)));
  quotient.divideRounding(divisor);
  return fromScaled(std::move(quotient), scale);
}

Result<Numeric> Numeric::divideTruncating(const Numeric& a, const Numeric& b) {
  if (!a.isFinite() || !b.isFinite()) {
    return divideNonFinite(a, b);
  }
  if (b.sign() == 0) {
    return divisionByZero();
  }
  const std::int32_t scale = std::max(a.scale_, b.scale_);
  Int128 dividend = 0;
  Int128 divisor = 0;
  if (a.isSmall() && b.isSmall() && scaleUpFits(a.smallCoefficient(), static_cast<std::uint32_t>(scale - a.scale_), dividend) &&
      scaleUpFits(b.smallCoefficient(), static_cast<std::uint32_t>(scale - b.scale_), divisor)) {
    return Numeric(dividend / divisor, 0);
  }
  BigInteger big_dividend = a.coefficient();
  BigInteger big_divisor = b.coefficient();
  big_dividend.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - a.scale_));
  big_divisor.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - b.scale_));
  big_dividend.divide(big_divisor);
  return fromScaled(std::move(big_dividend), 0);
}

Result<Numeric> Numeric::modulo(const Numeric& a, const Numeric& b) {
  if (!a.isFinite() || !b.isFinite()) {
    if (a.isNan() || b.isNan()) {
      return nan();
    }
    if (a.isFinite()) {
      return a;
    }
    return b.sign() == 0 ? Result<Numeric>(divisionByZero()) : nan();
  }
  if (b.sign() == 0) {
    return divisionByZero();
  }
  const std::int32_t scale = std::max(a.scale_, b.scale_);
  Int128 dividend = 0;
  Int128 divisor = 0;
  if (a.isSmall() && b.isSmall() && scaleUpFits(a.smallCoefficient(), static_cast<std::uint32_t>(scale - a.scale_), dividend) &&
      scaleUpFits(b.smallCoefficient(), static_cast<std::uint32_t>(scale - b.scale_), divisor)) {
    return Numeric(dividend % divisor, static_cast<std::uint16_t>(scale));
  }
  BigInteger big_dividend = a.coefficient();
  BigInteger big_divisor = b.coefficient();
  big_dividend.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - a.scale_));
  big_divisor.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - b.scale_));
  big_dividend.remainder(big_divisor);
  return fromScaled(std::move(big_dividend), scale);
}

// --- Rounding ---

Result<Numeric> Numeric::rescaled(std::int32_t scale, Rounding rounding) const {
  if (!isFinite()) {
    return *this;
  }
  scale = std::clamp(scale, -kMaxIntegerDigits - 1, kMaxScale);
  const std::int32_t drop = scale_ - scale;
  if (!isSmall() || scale < -static_cast<std::int32_t>(kMaxPowerOfTen)) {
    return rescaledBig(scale, rounding);
  }
  const Int128 value = smallCoefficient();
  if (drop <= 0) {
    Int128 scaled = 0;
    if (scaleUpFits(value, static_cast<std::uint32_t>(-drop), scaled)) {
      return Numeric(scaled, static_cast<std::uint16_t>(scale));
    }
    return rescaledBig(scale, rounding);
  }
  Quotient parts{0, magnitudeOf(value)};
  bool half = false;  // the rest is half of what is dropped, or more
  if (drop <= static_cast<std::int32_t>(kMaxPowerOfTen)) {
    const Uint128 power = kPowersOfTen[static_cast<std::uint32_t>(drop)];
    parts = divideUnsigned(parts.remainder, power);
    half = parts.remainder >= power - parts.remainder;
  }
  const bool away = rounding == Rounding::kNearest ? half
                    : rounding == Rounding::kUp    ? parts.remainder != 0 && value > 0
                    : rounding == Rounding::kDown  ? parts.remainder != 0 && value < 0
                                                   : false;
  const auto kept = static_cast<Int128>(parts.quotient + (away ? 1 : 0));
  const Int128 result = value < 0 ? -kept : kept;
  Int128 scaled = result;
  if (scale < 0 && !scaleUpFits(result, static_cast<std::uint32_t>(-scale), scaled)) {
    return rescaledBig(scale, rounding);
  }
  return Numeric(scaled, static_cast<std::uint16_t>(std::max(scale, 0)));
}

Result<Numeric> Numeric::rescaledBig(std::int32_t scale, Rounding rounding) const {
  BigInteger value = coefficient();
  const std::int32_t drop = scale_ - scale;
  if (drop <= 0) {
    value.multiplyByPowerOfTen(static_cast<std::uint32_t>(-drop));
    return fromScaled(std::move(value), scale);
  }
  const BigInteger power = BigInteger::powerOfTen(static_cast<std::uint32_t>(drop));
  if (rounding == Rounding::kNearest) {
    value.divideRounding(power);
  } else {
    BigInteger rest = value;
    rest.remainder(power);
    value.divide(power);
    if ((rounding == Rounding::kUp && rest.sign() > 0) || (rounding == Rounding::kDown && rest.sign() < 0)) {
      value += BigInteger(static_cast<Int128>(rest.sign()));
    }
  }
  if (scale < 0) {
    value.multiplyByPowerOfTen(static_cast<std::uint32_t>(-scale));
  }
  return fromScaled(std::move(value), std::max(scale, 0));
}

Result<Numeric> Numeric::rounded(std::int32_t scale) const {
  return rescaled(scale, Rounding::kNearest);
}

Result<Numeric> Numeric::truncated(std::int32_t scale) const {
  return rescaled(scale, Rounding::kTowardsZero);
}

Result<Numeric> Numeric::ceiling() const {
  return rescaled(0, Rounding::kUp);
}

Result<Numeric> Numeric::floor() const {
  return rescaled(0, Rounding::kDown);
}

Status Numeric::checkModifier(std::int32_t precision, std::int32_t scale) {
  if (precision < 1 || precision > kMaxPrecision) {
    return Error(ErrorCode::kInvalid, "NUMERIC precision " + std::to_string(precision) + " must be between 1 and 1000");
  }
  if (scale < -kMaxPrecision || scale > kMaxPrecision) {
    return Error(ErrorCode::kInvalid, "NUMERIC scale " + std::to_string(scale) + " must be between -1000 and 1000");
  }
  return {};
}

Result<Numeric> Numeric::applyModifier(std::int32_t precision, std::int32_t scale) const {
  const auto field = [&] { return "A field with precision " + std::to_string(precision) + ", scale " + std::to_string(scale); };
  if (!isFinite()) {
    if (isNan()) {
      return *this;
    }
    return Error(ErrorCode::kOutOfRange, "numeric field overflow").withDetail(field() + " cannot hold an infinite value.");
  }
  TREFOIL_ASSIGN(Numeric rounded_value, rounded(scale));
  const std::int32_t most = precision - scale;  // digits before the point
  const Uint128 magnitude = rounded_value.isSmall() ? magnitudeOf(rounded_value.smallCoefficient()) : 0;
  const auto digits =
      static_cast<std::int32_t>(rounded_value.isSmall() ? digitCount(magnitude) : rounded_value.big().digitCount());
  if (rounded_value.sign() == 0 || digits - rounded_value.scale_ <= most) {
    return rounded_value;
  }
  return Error(ErrorCode::kOutOfRange, "numeric field overflow")
      .withDetail(field() + " must round to an absolute value less than " + (most != 0 ? "10^" + std::to_string(most) : "1") +
                  ".");
}

}  // namespace trefoil::sql
