// Numeric: PostgreSQL's type numeric. Exact decimals with a display scale, NaN and both infinities.
//
// A finite value is coefficient / 10^scale. Its scale (0 .. 16383) is part of the value: 1.0 and 1.00 are equal and print
// differently. Up to 131072 digits stand before the point. What the operations give, to the last digit and scale, what they
// refuse and in which words is PostgreSQL 15's: https://www.postgresql.org/docs/15/datatype-numeric.html
//
// Two states. Small: the coefficient is below 2^127 in magnitude and lies in the object; add, subtract, multiply, compare, round,
// pack and most divisions stay there, without an allocation. Big: everything else, behind a pointer (big_integer.hpp). Every
// value has exactly one state. Here are the value, its forms (text, packed, ordered key, PostgreSQL's binary form) and its
// arithmetic; more is in numeric_functions.hpp (sqrt, exp, …) and numeric_sum.hpp (aggregates).
//
// The packed form (persisted: never to be changed)
//
//   byte  0        1   2        3 …
//        +--------+---+---+----------------------------+
//        | kind   | scale |  magnitude of coefficient  |
//        +--------+---+---+----------------------------+
//   kind       0 -Infinity, 1 negative, 2 not negative, 3 +Infinity, 4 NaN
//   scale      16 bits, little-endian, 0 .. 16383; 0 unless finite
//   magnitude  little-endian, its last byte is not 0; none for 0 (whose kind is 2) and unless finite
//
// The ordered key (persisted in no file of its own, but compared with keys made by older programs: never to be changed either).
// As bytes, keys compare as the numbers do; equal numbers have the same key, and no key is the beginning of another.
//
//   byte  0        1 …          …
//        +--------+------------+---------------+
//        | class  | exponent   | digit pairs   |
//        +--------+------------+---------------+
//   class     0x10 -Infinity, 0x20 negative, 0x30 zero, 0x40 positive, 0x50 +Infinity, 0x60 NaN; only 0x20 and 0x40 go on
//   exponent  e, where the magnitude is 0.ddd… * 10^e and its first digit is not 0. One byte, e + 128, if -100 <= e <= 100; else
//             0x01 (smaller) or 0xff (larger) and e + 2^17 in three bytes, big-endian
//   pairs     the digits from the first to the last that is not 0 (or one more, to make them even), two a byte: 2 * pair, + 1 if
//             another one follows
//   negative  all bytes behind the class are inverted
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "sql/types/big_integer.hpp"
#include "sql/types/decimal_digits.hpp"

namespace trefoil::sql {

namespace packed_numeric {

enum Kind : unsigned char { kPackedNegativeInfinity, kPackedNegative, kPackedNotNegative, kPackedInfinity, kPackedNaN };

inline constexpr std::size_t kPackedHeader = 3;  // kind and scale

// Up to 15 bytes, little-endian: two loads that overlap, rather than a call of memcpy.
inline Uint128 loadMagnitude(const char* from, std::size_t length) {
  const auto load = [from](std::size_t offset, std::size_t bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + offset, bytes);
    return word;
  };
  if (length > 8) {
    return load(0, 8) | (static_cast<Uint128>(load(length - 8, 8)) << (8 * (length - 8)));
  }
  if (length == 8) {
    return load(0, 8);
  }
  if (length >= 4) {
    return load(0, 4) | (load(length - 4, 4) << (8 * (length - 4)));
  }
  if (length >= 2) {
    return load(0, 2) | (load(length - 1, 1) << (8 * (length - 1)));
  }
  return length == 1 ? load(0, 1) : 0;
}

}  // namespace packed_numeric

// A value type, 24 bytes. Reading one object from many threads is safe.
class Numeric {
 public:
  static constexpr std::int32_t kMaxScale = 16383;
  static constexpr std::int32_t kMaxIntegerDigits = 131072;
  static constexpr std::int32_t kMaxPrecision = 1000;          // of numeric(p, s)
  static constexpr std::size_t kMaxSmallPackedBytes = 3 + 16;  // of a small value

  Numeric() = default;
  template <std::integral Integer>
  Numeric(Integer value) : Numeric(static_cast<Int128>(value), 0) {}  // NOLINT: implicit, each integer is one
  Numeric(const Numeric& other) : scale_(other.scale_), kind_(other.kind_) { copyState(other); }
  Numeric(Numeric&& other) noexcept : words_{other.words_[0], other.words_[1]}, scale_(other.scale_), kind_(other.kind_) {
    other.kind_ = Kind::kSmall;
  }
  Numeric& operator=(const Numeric& other) {
    if (this != &other) {
      release();
      scale_ = other.scale_;
      kind_ = other.kind_;
      copyState(other);
    }
    return *this;
  }
  Numeric& operator=(Numeric&& other) noexcept {
    std::swap(words_[0], other.words_[0]);
    std::swap(words_[1], other.words_[1]);
    std::swap(scale_, other.scale_);
    std::swap(kind_, other.kind_);
    return *this;
  }
  ~Numeric() { release(); }

  static Numeric nan() { return Numeric(Kind::kNaN); }
  static Numeric infinity() { return Numeric(Kind::kInfinity); }
  static Numeric negativeInfinity() { return Numeric(Kind::kNegativeInfinity); }
  // coefficient / 10^scale, 0 <= scale <= kMaxScale.
  static Numeric fromScaled(Int128 coefficient, std::int32_t scale) {
    if (coefficient == kInt128Least) [[unlikely]] {
      return fromBig(BigInteger(coefficient), scale);
    }
    return Numeric(coefficient, static_cast<std::uint16_t>(scale));
  }
  static Result<Numeric> fromScaled(BigInteger coefficient, std::int32_t scale);  // "value overflows numeric format"
  // A number, "NaN", "Infinity" or "inf" in any case, between white space. kInvalidText, kOutOfRange.
  static Result<Numeric> fromText(std::string_view text);
  static Numeric fromDouble(double value);  // 15 significant digits
  static Numeric fromFloat(float value);    // 6 significant digits
  // Of bytes that may be damaged: kCorruption.
  static Result<Numeric> fromPacked(std::string_view bytes);
  // Of bytes that appendPacked or pack has written.
  static Numeric fromPackedTrusted(std::string_view bytes) {
    const auto kind = static_cast<unsigned char>(bytes[0]);
    const std::size_t length = bytes.size() - packed_numeric::kPackedHeader;
    if ((kind == packed_numeric::kPackedNegative || kind == packed_numeric::kPackedNotNegative) && length < 16) [[likely]] {
      const auto scale =
          static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[1]) | (static_cast<unsigned char>(bytes[2]) << 8));
      const auto coefficient =
          static_cast<Int128>(packed_numeric::loadMagnitude(bytes.data() + packed_numeric::kPackedHeader, length));
      return {kind == packed_numeric::kPackedNegative ? -coefficient : coefficient, scale};
    }
    return fromPackedOther(bytes);
  }
  // PostgreSQL's binary form (numeric_recv): four 16-bit words (count, weight, sign, scale) and `count` digits of base 10000,
  // big-endian.
  static Result<Numeric> fromWire(std::string_view bytes);

  [[nodiscard]] bool isFinite() const { return kind_ <= Kind::kBig; }
  [[nodiscard]] bool isNan() const { return kind_ == Kind::kNaN; }
  [[nodiscard]] bool isInfinite() const { return kind_ == Kind::kInfinity || kind_ == Kind::kNegativeInfinity; }
  [[nodiscard]] bool isSmall() const { return kind_ == Kind::kSmall; }
  // Of a small value.
  [[nodiscard]] Int128 smallCoefficient() const {
    return static_cast<Int128>((static_cast<Uint128>(words_[1]) << 64) | words_[0]);
  }
  // Of a finite value.
  [[nodiscard]] BigInteger coefficient() const { return isSmall() ? BigInteger(smallCoefficient()) : big(); }
  // Digits behind the point that are shown; 0 unless finite. SQL's scale() is NULL then.
  [[nodiscard]] std::int32_t scale() const { return scale_; }
  // The least scale that loses nothing; 0 unless finite (SQL: NULL).
  [[nodiscard]] std::int32_t minScale() const;
  // -1, 0, 1; of the infinities, too; 0 for NaN.
  [[nodiscard]] int sign() const;
  [[nodiscard]] bool isIntegral() const;  // finite without a fraction, or infinite

  // <0, 0, >0. PostgreSQL's order: -Infinity, numbers, Infinity, NaN; 1.0 equals 1.00, NaN equals NaN.
  static int compare(const Numeric& a, const Numeric& b) {
    if (a.isSmall() && b.isSmall() && a.scale_ == b.scale_) [[likely]] {
      const Int128 x = a.smallCoefficient();
      const Int128 y = b.smallCoefficient();
      return (x > y ? 1 : 0) - (x < y ? 1 : 0);
    }
    return compareOther(a, b);
  }
  friend bool operator==(const Numeric& a, const Numeric& b) { return compare(a, b) == 0; }
  // The same for numbers that are equal. Not persisted.
  [[nodiscard]] std::uint64_t hash() const;

  // kOutOfRange "value overflows numeric format", kDivisionByZero.
  static Result<Numeric> add(const Numeric& a, const Numeric& b) {
    Int128 sum = 0;
    if (a.isSmall() && b.isSmall() && a.scale_ == b.scale_ &&
        !__builtin_add_overflow(a.smallCoefficient(), b.smallCoefficient(), &sum) && sum != kInt128Least) [[likely]] {
      return Numeric(sum, a.scale_);
    }
    return addOther(a, b);
  }
  static Result<Numeric> subtract(const Numeric& a, const Numeric& b) {
    Int128 difference = 0;
    if (a.isSmall() && b.isSmall() && a.scale_ == b.scale_ &&
        !__builtin_sub_overflow(a.smallCoefficient(), b.smallCoefficient(), &difference) && difference != kInt128Least)
        [[likely]] {
      return Numeric(difference, a.scale_);
    }
    return subtractOther(a, b);
  }
  static Result<Numeric> multiply(const Numeric& a, const Numeric& b) {
    Int128 product = 0;
    if (a.isSmall() && b.isSmall() && a.scale_ + b.scale_ <= kMaxScale &&
        multiplyFits(a.smallCoefficient(), b.smallCoefficient(), product)) [[likely]] {
      return Numeric(product, static_cast<std::uint16_t>(a.scale_ + b.scale_));
    }
    return multiplyOther(a, b);
  }
  static Result<Numeric> divide(const Numeric& a, const Numeric& b);            // a / b
  static Result<Numeric> divideTruncating(const Numeric& a, const Numeric& b);  // div(a, b)
  static Result<Numeric> modulo(const Numeric& a, const Numeric& b);            // a % b: the sign is a's
  // The scale that PostgreSQL gives to a / b: at least 16 significant digits, and not below the scale of either. Finite values.
  static std::int32_t divisionScale(const Numeric& a, const Numeric& b);
  // The same of coefficients and scales that may be beyond a Numeric's bounds.
  static std::int32_t divisionScale(const BigInteger& a, std::int32_t scale_a, const BigInteger& b, std::int32_t scale_b);
  [[nodiscard]] Numeric negated() const;
  [[nodiscard]] Numeric absolute() const;
  [[nodiscard]] Numeric signum() const;  // sign(n): -1, 0, 1, NaN
  // round(n, scale), trunc(n, scale): a negative scale counts digits before the point. Ties go away from zero.
  [[nodiscard]] Result<Numeric> rounded(std::int32_t scale) const;
  [[nodiscard]] Result<Numeric> truncated(std::int32_t scale) const;
  [[nodiscard]] Result<Numeric> ceiling() const;
  [[nodiscard]] Result<Numeric> floor() const;
  [[nodiscard]] Numeric trimmedScale() const;  // trim_scale(n)

  // Whether there may be a type numeric(precision, scale): 1 .. 1000, -1000 .. 1000. kInvalid.
  static Status checkModifier(std::int32_t precision, std::int32_t scale);
  // The value as numeric(precision, scale) holds it: kOutOfRange "numeric field overflow", with DETAIL.
  [[nodiscard]] Result<Numeric> applyModifier(std::int32_t precision, std::int32_t scale) const;

  // Rounded to whole numbers. kOutOfRange "integer out of range", kUnsupported "cannot convert NaN to integer".
  [[nodiscard]] Result<std::int16_t> toInt16() const;
  [[nodiscard]] Result<std::int32_t> toInt32() const;
  [[nodiscard]] Result<std::int64_t> toInt64() const;
  // To the nearest. kOutOfRange if it is too large, or so small that 0 would be the nearest.
  [[nodiscard]] Result<double> toDouble() const;
  [[nodiscard]] Result<float> toFloat() const;
  // The same with infinities and zeros in the place of errors.
  [[nodiscard]] double toDoubleSaturating() const;

  void appendText(std::string& to) const;
  [[nodiscard]] std::string toText() const;
  void appendPacked(std::string& to) const;
  // Of a small value, where there is room for kMaxSmallPackedBytes; returns how many it needs.
  std::size_t packSmall(char* to) const;
  void appendOrderedKey(std::string& to) const;
  void appendWire(std::string& to) const;

  // The number as PostgreSQL sees it, in digits of base 10000: its estimates of weights, and so its result scales, hang on them.
  // value ~ (digits[0] + digits[1] / 10^4 + …) * 10000^weight, digits[0] is not 0; weight and count are 0 for 0.
  struct Groups {
    std::int32_t weight = 0;
    std::int32_t count = 0;                 // how many there are, up to the last that is not 0
    std::array<std::uint16_t, 4> digits{};  // the first of them
  };
  [[nodiscard]] Groups groups() const;
  // The weight of the first of them, where so many decimal digits stand before the point (fewer than none: zeros behind it).
  static std::int32_t groupWeight(std::int32_t digits_before_point) {
    constexpr std::int32_t kLift = kMaxScale;  // what is divided is positive, so the quotient is rounded down
    return (digits_before_point - 1 + 4 * kLift) / 4 - kLift;
  }

 private:
  enum class Kind : std::uint8_t { kSmall, kBig, kNegativeInfinity, kInfinity, kNaN };
  enum class Rounding : std::uint8_t { kNearest, kTowardsZero, kUp, kDown };
  static constexpr Int128 kInt128Least = static_cast<Int128>(static_cast<Uint128>(1) << 127);

  explicit Numeric(Kind kind) : kind_(kind) {}
  Numeric(Int128 coefficient, std::uint16_t scale)
      : words_{static_cast<std::uint64_t>(coefficient), static_cast<std::uint64_t>(static_cast<Uint128>(coefficient) >> 64)},
        scale_(scale) {}

  [[nodiscard]] BigInteger* bigPointer() const { return reinterpret_cast<BigInteger*>(words_[0]); }
  [[nodiscard]] const BigInteger& big() const { return *bigPointer(); }
  void holdBig(BigInteger* value) { words_[0] = reinterpret_cast<std::uint64_t>(value); }
  void copyState(const Numeric& other) {
    if (other.kind_ == Kind::kBig) [[unlikely]] {
      holdBig(new BigInteger(other.big()));
    } else {
      words_[0] = other.words_[0];
      words_[1] = other.words_[1];
    }
  }
  void release() {
    if (kind_ == Kind::kBig) [[unlikely]] {
      delete bigPointer();
      kind_ = Kind::kSmall;
    }
  }

  static Numeric fromPackedOther(std::string_view bytes);
  static Numeric fromBig(BigInteger coefficient, std::int32_t scale);  // takes whichever state is right; checks no range
  static int compareOther(const Numeric& a, const Numeric& b);
  static int compareBig(const Numeric& a, const Numeric& b);
  static Result<Numeric> addOther(const Numeric& a, const Numeric& b);
  static Result<Numeric> addBig(const Numeric& a, const Numeric& b, bool subtract);
  static Result<Numeric> subtractOther(const Numeric& a, const Numeric& b);
  static Result<Numeric> multiplyOther(const Numeric& a, const Numeric& b);
  static Result<Numeric> divideNonFinite(const Numeric& a, const Numeric& b);
  [[nodiscard]] Result<Numeric> rescaled(std::int32_t scale, Rounding rounding) const;
  [[nodiscard]] Result<Numeric> rescaledBig(std::int32_t scale, Rounding rounding) const;
  [[nodiscard]] Result<std::int64_t> toInteger(std::int64_t least, std::int64_t most, std::string_view type) const;
  template <typename Float>
  [[nodiscard]] Result<Float> toFloating(std::string_view type) const;
  [[nodiscard]] std::string digits() const;  // of the coefficient's magnitude
  [[nodiscard]] std::string_view smallDigits(std::array<char, 40>& buffer) const;
  // The same as digits(), without an allocation for a small value. Good as long as the buffer.
  struct DigitsBuffer {
    std::array<char, 40> small;
    std::string big;
  };
  [[nodiscard]] std::string_view digitsIn(DigitsBuffer& buffer) const {
    if (isSmall()) {
      return smallDigits(buffer.small);
    }
    buffer.big = big().digits();
    return buffer.big;
  }

  std::uint64_t words_[2] = {0, 0};  // the coefficient of a small value, low word first; a big one's BigInteger*, owned
  std::uint16_t scale_ = 0;
  Kind kind_ = Kind::kSmall;
};

}  // namespace trefoil::sql
