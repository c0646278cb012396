// Scales of results are chosen as PostgreSQL chooses them, from estimates in double precision of how long a result will be; the
// estimates are part of what is seen, so they are made of the same numbers. Values come from MPFR with some more bits than
// the scale needs, and again with more if that does not decide how to round (roundedInteger).
#include "sql/types/numeric_functions.hpp"

#include <gmp.h>
#include <mpfr.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace trefoil::sql {
namespace {

constexpr std::int32_t kMinSignificantDigits = 16;
constexpr std::int32_t kMaxDisplayScale = 1000;
constexpr double kLog10OfE = 0.434294481903252;
constexpr double kLnOf10 = 2.302585092994046;
constexpr double kBitsPerDigit = 3.3219280948873626;
constexpr double kMaxExponent = 6000;  // of exp()

mpz_ptr raw(BigInteger& value) {
  return static_cast<mpz_ptr>(value.handle());
}
mpz_srcptr raw(const BigInteger& value) {
  return static_cast<mpz_srcptr>(value.handle());
}

Error overflow() {
  return {ErrorCode::kOutOfRange, "value overflows numeric format"};
}

std::int32_t displayScale(std::int32_t wanted, std::int32_t least) {
  return std::min(std::max({wanted, least, 0}), kMaxDisplayScale);
}

// MPFR keeps constants (ln 2) in memory of the thread; they leave with it.
struct ConstantCache {
  ~ConstantCache() { mpfr_free_cache(); }
};

Numeric zero(std::int32_t scale) {
  return Numeric::fromScaled(0, scale);
}

class Real {
 public:
  explicit Real(mpfr_prec_t bits) {
    thread_local const ConstantCache cache;
    static_cast<void>(cache);
    mpfr_init2(value_, std::max<mpfr_prec_t>(bits, 64));
  }
  Real(const Numeric& value, mpfr_prec_t bits) : Real(bits) { set(value.coefficient(), value.scale()); }
  Real(const Real&) = delete;
  Real& operator=(const Real&) = delete;
  ~Real() { mpfr_clear(value_); }

  // Within one unit in the last place.
  void set(const BigInteger& coefficient, std::int32_t scale) {
    mpfr_set_z(value_, raw(coefficient), MPFR_RNDN);
    if (scale > 0) {
      mpfr_div_z(value_, value_, raw(BigInteger::powerOfTen(static_cast<std::uint32_t>(scale))), MPFR_RNDN);
    }
  }
  mpfr_ptr get() { return value_; }
  double asDouble() { return mpfr_get_d(value_, MPFR_RNDN); }

 private:
  mpfr_t value_;
};

mpfr_prec_t bitsForDigits(double digits) {
  return static_cast<mpfr_prec_t>(std::max(digits, 0.0) * kBitsPerDigit) + 64;
}

// A value times 10^scale, rounded. `compute(real, bits)` makes it so that its error is below 10^-(scale + guard digits) for bits
// = `digits_before` + scale + guard digits. Ties, which only come up where the value is a decimal of few digits, go away from
// zero.
template <typename Compute>
BigInteger roundedInteger(std::int32_t scale, double digits_before, const Compute& compute) {
  constexpr int kAttempts = 3;
  std::int32_t guard = 12;
  for (int attempt = 1;; ++attempt, guard *= 4) {
    const mpfr_prec_t bits = bitsForDigits(digits_before + scale + guard);
    Real value(bits);
    compute(value.get(), bits);
    const bool negative = mpfr_signbit(value.get()) != 0;
    mpfr_abs(value.get(), value.get(), MPFR_RNDN);
    // In units of 10^-(scale + guard - 2), so that the error is below a hundredth.
    const auto shift = static_cast<std::uint32_t>(guard - 2);
    mpfr_mul_z(value.get(), value.get(), raw(BigInteger::powerOfTen(static_cast<std::uint32_t>(scale) + shift)), MPFR_RNDN);
    BigInteger units;
    mpfr_get_z(raw(units), value.get(), MPFR_RNDN);
    const BigInteger unit = BigInteger::powerOfTen(shift);
    BigInteger lower = units;
    BigInteger upper = units;
    lower += BigInteger(-1);
    upper += BigInteger(1);
    lower.divideRounding(unit);
    upper.divideRounding(unit);
    if (attempt == kAttempts || BigInteger::compare(lower, upper) == 0) {
      if (negative) {
        upper.negate();
      }
      return upper;
    }
  }
}

template <typename Compute>
Result<Numeric> roundedResult(std::int32_t scale, double digits_before, const Compute& compute) {
  return Numeric::fromScaled(roundedInteger(scale, digits_before, compute), scale);
}

// coefficient / 10^scale, of any scale; a negative one means zeros before the point.
struct Decimal {
  BigInteger coefficient;
  std::int32_t scale = 0;

  explicit Decimal(const Numeric& value) : coefficient(value.coefficient()), scale(value.scale()) {}
  Decimal(BigInteger coefficient_in, std::int32_t scale_in) : coefficient(std::move(coefficient_in)), scale(scale_in) {}

  void round(std::int32_t to) {
    if (to < scale) {
      coefficient.divideRounding(BigInteger::powerOfTen(static_cast<std::uint32_t>(scale - to)));
    } else {
      coefficient.multiplyByPowerOfTen(static_cast<std::uint32_t>(to - scale));
    }
    scale = to;
  }

  // The root of a value that is not negative, rounded. One digit more, cut off, decides: from a 5 on, it goes up.
  void squareRoot(std::int32_t to) {
    const std::int32_t exponent = 2 * (to + 1) - scale;
    if (exponent < 0) {
      coefficient.divideByPowerOfTen(static_cast<std::uint32_t>(-exponent));
    }
    coefficient.multiplyByPowerOfTen(static_cast<std::uint32_t>(std::max(exponent, 0)));
    coefficient.squareRoot();
    coefficient.divideRounding(BigInteger(10));
    scale = to;
  }

  // <0, 0, >0: against tenths / 10, which is not far from 1; this one is positive.
  [[nodiscard]] int compareToTenths(std::uint32_t tenths) const {
    if (scale < 0) {
      return 1;
    }
    BigInteger other = BigInteger::powerOfTen(static_cast<std::uint32_t>(scale));
    other.multiplySmall(tenths);
    BigInteger ten_times = coefficient;
    ten_times.multiplySmall(10);
    return BigInteger::compare(ten_times, other);
  }

  // Decimal digits before the point; fewer than none: zeros behind it.
  [[nodiscard]] std::int32_t digitsBeforePoint() const { return static_cast<std::int32_t>(coefficient.digitCount()) - scale; }
};

// a - b
Decimal difference(const Numeric& a, const Numeric& b) {
  Decimal x(a);
  Decimal y(b);
  x.round(std::max(a.scale(), b.scale()));
  y.round(x.scale);
  x.coefficient -= y.coefficient;
  return x;
}

// dividend / divisor, rounded.
Decimal divided(Decimal dividend, Decimal divisor, std::int32_t scale) {
  const std::int32_t exponent = scale + divisor.scale - dividend.scale;
  dividend.coefficient.multiplyByPowerOfTen(static_cast<std::uint32_t>(std::max(exponent, 0)));
  divisor.coefficient.multiplyByPowerOfTen(static_cast<std::uint32_t>(std::max(-exponent, 0)));
  dividend.coefficient.divideRounding(divisor.coefficient);
  dividend.scale = scale;
  return dividend;
}

// --- Logarithms ---

// About log10(|ln(value)|), of a finite value; 0 where there is no logarithm.
std::int32_t lnWeight(const Numeric& value) {
  if (value.sign() <= 0) {
    return 0;
  }
  if (Numeric::compare(value, Numeric::fromScaled(9, 1)) >= 0 && Numeric::compare(value, Numeric::fromScaled(11, 1)) <= 0) {
    const Numeric::Groups groups = Numeric::subtract(value, Numeric(1)).value().groups();
    return groups.count == 0 ? 0 : groups.weight * 4 + static_cast<std::int32_t>(std::log10(groups.digits[0]));
  }
  const Numeric::Groups groups = value.groups();
  double digits = groups.digits[0];
  std::int32_t weight = groups.weight * 4;
  if (groups.count > 1) {
    digits = digits * 10000 + groups.digits[1];
    weight -= 4;
  }
  return static_cast<std::int32_t>(std::log10(std::fabs(std::log(digits) + weight * kLnOf10)));
}

Status checkLogarithm(const Numeric& value) {
  if (value.sign() < 0) {
    return Error(ErrorCode::kInvalid, "cannot take logarithm of a negative number");
  }
  if (value.sign() == 0) {
    return Error(ErrorCode::kInvalid, "cannot take logarithm of zero");
  }
  return {};
}

// Up to here ln(x) is that close to x - 1 that its digits may end in a tie.
constexpr std::int32_t kMaxWeightOfSeries = -6;

// ln(x) of an x this close to 1, by PostgreSQL's series: 2 * (z + z^3 / 3 + z^5 / 5 + …), z = (x - 1) / (x + 1).
Decimal lnBySeries(const Decimal& x, std::int32_t scale) {
  const std::int32_t series_scale = scale + 8;
  const BigInteger one = BigInteger::powerOfTen(static_cast<std::uint32_t>(x.scale));
  Decimal below = x;
  below.coefficient -= one;
  Decimal above = x;
  above.coefficient += one;
  Decimal power = divided(std::move(below), std::move(above), series_scale);
  Decimal sum = power;
  Decimal square = power;
  square.coefficient *= power.coefficient;
  square.scale *= 2;
  square.round(series_scale);
  for (std::uint32_t n = 3;; n += 2) {
    power.coefficient *= square.coefficient;
    power.scale += square.scale;
    power.round(series_scale);
    BigInteger term = power.coefficient;
    term.divideRounding(BigInteger(static_cast<Int128>(n)));
    if (term.sign() == 0) {
      break;
    }
    sum.coefficient += term;
  }
  sum.coefficient.multiplySmall(2);
  sum.round(scale);
  return sum;
}

// ln of a positive finite value, rounded to the scale. PostgreSQL takes roots until what is left is close to 1, and each of them
// is rounded. With many roots that shows: they are taken here, too.
Decimal lnToScale(const Numeric& value, std::int32_t scale) {
  Decimal rest(value);
  int roots = 0;
  const auto take_root = [&] {
    const std::int32_t weight = Numeric::groupWeight(rest.digitsBeforePoint());
    rest.squareRoot(scale - 2 * weight + 8);
    ++roots;
  };
  while (rest.compareToTenths(9) <= 0) {
    take_root();
  }
  while (rest.compareToTenths(11) >= 0) {
    take_root();
  }
  if (roots == 0 && lnWeight(value) <= kMaxWeightOfSeries) {
    return lnBySeries(rest, scale);
  }
  // An error of the argument in its last bit is one of the logarithm behind the point, and then doubled for each root.
  BigInteger logarithm = roundedInteger(scale, 7 + roots * 0.302, [&](mpfr_ptr result, mpfr_prec_t bits) {
    Real argument(bits);
    argument.set(rest.coefficient, rest.scale);
    mpfr_log(result, argument.get(), MPFR_RNDN);
    mpfr_mul_2si(result, result, roots, MPFR_RNDN);
  });
  return {std::move(logarithm), scale};
}

// --- Exponentials ---

// Up to here PostgreSQL sums up the series of e^x for x itself.
constexpr double kMaxOfSeries = 0.01;

// e^x for such an x. There, ties are common (1 + x + x^2/2 for an x of few digits), and which way they go depends on where the
// series ends: eight digits behind the result's scale.
Result<Numeric> expBySeries(const Decimal& x, std::int32_t scale) {
  const std::int32_t series_scale = scale + 8;
  Decimal sum = x;
  sum.coefficient += BigInteger::powerOfTen(static_cast<std::uint32_t>(x.scale));
  sum.round(std::max(x.scale, series_scale));
  Decimal term = x;
  for (std::uint32_t n = 2;; ++n) {
    term.coefficient *= x.coefficient;
    term.scale += x.scale;
    term.round(series_scale);
    term.coefficient.divideRounding(BigInteger(static_cast<Int128>(n)));
    if (term.coefficient.sign() == 0) {
      break;
    }
    BigInteger aligned = term.coefficient;
    aligned.multiplyByPowerOfTen(static_cast<std::uint32_t>(sum.scale - series_scale));
    sum.coefficient += aligned;
  }
  sum.round(scale);
  return Numeric::fromScaled(std::move(sum.coefficient), scale);
}

double asDouble(const Decimal& value) {
  Real real(64);
  real.set(value.coefficient, value.scale);
  return real.asDouble();
}

Result<Numeric> expToScale(const Decimal& exponent, std::int32_t scale) {
  const double argument = asDouble(exponent);
  if (std::fabs(argument) >= kMaxExponent) {
    return argument > 0 ? Result<Numeric>(overflow()) : zero(scale);
  }
  if (std::fabs(argument) <= kMaxOfSeries) {
    return expBySeries(exponent, scale);
  }
  return roundedResult(scale, std::max(argument * kLog10OfE, 0.0) + 6, [&](mpfr_ptr result, mpfr_prec_t bits) {
    Real real(bits);
    real.set(exponent.coefficient, exponent.scale);
    mpfr_exp(result, real.get(), MPFR_RNDN);
  });
}

// --- Power ---

bool isOddInteger(const Numeric& value) {
  const Numeric trimmed = value.trimmedScale();
  return value.isFinite() && trimmed.scale() == 0 && trimmed.coefficient().isOdd();
}

// POSIX's rules for pow() where one of the operands is no finite number.
Result<Numeric> powerOfSpecial(const Numeric& base, const Numeric& exponent) {
  if (base.isNan() || exponent.isNan()) {
    const bool is_one = base.isNan() ? exponent.isFinite() && exponent.sign() == 0 : base == Numeric(1);
    return is_one ? Numeric(1) : Numeric::nan();
  }
  if (base.sign() == 0 && exponent.sign() < 0) {
    return Error(ErrorCode::kInvalid, "zero raised to a negative power is undefined");
  }
  if (base.sign() < 0 && !exponent.isIntegral()) {
    return Error(ErrorCode::kInvalid, "a negative number raised to a non-integer power yields a complex result");
  }
  if (base == Numeric(1) || exponent.sign() == 0) {
    return Numeric(1);
  }
  if (base.sign() == 0) {
    return Numeric();
  }
  if (exponent.isInfinite()) {
    if (base == Numeric(-1)) {
      return Numeric(1);
    }
    const bool grows = (Numeric::compare(base.absolute(), Numeric(1)) > 0) == (exponent.sign() > 0);
    return grows ? Numeric::infinity() : Numeric();
  }
  if (exponent.sign() < 0) {
    return Numeric();
  }
  return base.sign() < 0 && isOddInteger(exponent) ? Numeric::negativeInfinity() : Numeric::infinity();
}

// log10(|base|^exponent), from up to 16 digits of the base.
double powerWeight(const Numeric& base, std::int32_t exponent) {
  const Numeric::Groups groups = base.groups();
  double digits = groups.digits[0];
  std::int32_t weight = groups.weight * 4;
  for (std::int32_t i = 1; i < groups.count && i < 4; ++i) {
    digits = digits * 10000 + groups.digits[static_cast<std::size_t>(i)];
    weight -= 4;
  }
  return exponent * (std::log10(digits) + weight);
}

// base^exponent of a base that is not 0, by MPFR.
Result<Numeric> powerToScale(const Numeric& base, std::int32_t exponent, std::int32_t scale, double weight) {
  // An error of the base in its last bit is multiplied by the exponent, of at most ten digits.
  return roundedResult(scale, std::max(weight, 0.0) + 12, [&](mpfr_ptr result, mpfr_prec_t bits) {
    Real argument(base, bits);
    mpfr_pow_si(result, argument.get(), exponent, MPFR_RNDN);
  });
}

Result<Numeric> powerOfInteger(const Numeric& base, std::int32_t exponent) {
  const std::int32_t scale = displayScale(kMinSignificantDigits, base.scale());
  switch (exponent) {
    case 0:
      return Numeric(1).rounded(scale);
    case 1:
      return base.rounded(scale);
    case -1: {
      if (base.sign() == 0) {
        return Error(ErrorCode::kDivisionByZero, "division by zero");
      }
      return powerToScale(base, exponent, scale, powerWeight(base, exponent));
    }
    case 2: {
      TREFOIL_ASSIGN(const Numeric square, Numeric::multiply(base, base));
      return square.rounded(scale);
    }
    default:
      break;
  }
  if (base.sign() == 0) {
    return zero(scale);
  }
  const double weight = powerWeight(base, exponent);
  if (weight > 3.0 * 32767 * 4) {
    return overflow();
  }
  if (weight + 1 < -scale || weight + 1 < -kMaxDisplayScale) {
    return zero(scale);
  }
  if (weight > Numeric::kMaxIntegerDigits + 1) {
    return overflow();
  }
  return powerToScale(base, exponent, scale, weight);
}

Result<Numeric> powerOfFraction(const Numeric& base, const Numeric& exponent) {
  if (base.sign() == 0) {
    return zero(kMinSignificantDigits);
  }
  if (base.sign() < 0 && !exponent.isIntegral()) {
    return Error(ErrorCode::kInvalid, "a negative number raised to a non-integer power yields a complex result");
  }
  const bool negative = base.sign() < 0 && isOddInteger(exponent);
  const Numeric magnitude = base.absolute();
  // The logarithm of the result, roughly: it says how long the result is.
  const std::int32_t ln_weight = lnWeight(magnitude);
  const auto exponent_times_ln = [&](std::int32_t ln_scale) {
    Decimal product = lnToScale(magnitude, ln_scale);
    product.coefficient *= exponent.coefficient();
    product.scale += exponent.scale();
    product.round(ln_scale);
    return product;
  };
  const double estimate = asDouble(exponent_times_ln(std::max(8 - ln_weight, 0)));
  if (std::fabs(estimate) > kMaxExponent + 20) {
    return estimate > 0 ? Result<Numeric>(overflow()) : zero(kMaxDisplayScale);
  }
  const double weight = estimate * kLog10OfE;
  const std::int32_t scale =
      displayScale(kMinSignificantDigits - static_cast<std::int32_t>(weight), std::max(base.scale(), exponent.scale()));
  // As many digits of the logarithm as the result needs, and eight more.
  const std::int32_t digits = std::max(scale + static_cast<std::int32_t>(weight), 0);
  Result<Numeric> result = expToScale(exponent_times_ln(std::max(digits - ln_weight + 8, 0)), scale);
  return result.ok() && negative ? result->negated() : std::move(result);
}

}  // namespace

// --- Roots, exponentials, logarithms ---

Result<Numeric> numericSqrtToScale(BigInteger coefficient, std::int32_t coefficient_scale, std::int32_t scale) {
  Decimal root(std::move(coefficient), coefficient_scale);
  root.squareRoot(scale);
  return Numeric::fromScaled(std::move(root.coefficient), scale);
}

Result<Numeric> numericSqrt(const Numeric& value) {
  if (value.sign() < 0) {
    return Error(ErrorCode::kInvalid, "cannot take square root of a negative number");
  }
  if (!value.isFinite()) {
    return value;
  }
  const std::int32_t weight = (value.groups().weight + 1) * 4 / 2 - 1;
  return numericSqrtToScale(value.coefficient(), value.scale(), displayScale(kMinSignificantDigits - weight, value.scale()));
}

Result<Numeric> numericExp(const Numeric& value) {
  if (!value.isFinite()) {
    return value.sign() < 0 ? Numeric() : value;
  }
  const double argument = value.toDoubleSaturating();
  const double weight = std::clamp(argument * kLog10OfE, -2000.0, 2000.0);
  const std::int32_t scale = displayScale(kMinSignificantDigits - static_cast<std::int32_t>(weight), value.scale());
  return expToScale(Decimal(value), scale);
}

Result<Numeric> numericLn(const Numeric& value) {
  if (value.isNan() || (value.isInfinite() && value.sign() > 0)) {
    return value;
  }
  TREFOIL_TRY(checkLogarithm(value));
  const std::int32_t scale = displayScale(kMinSignificantDigits - lnWeight(value), value.scale());
  return Numeric::fromScaled(lnToScale(value, scale).coefficient, scale);
}

Result<Numeric> numericLog(const Numeric& base, const Numeric& value) {
  if (!base.isFinite() || !value.isFinite()) {
    if (base.isNan() || value.isNan()) {
      return Numeric::nan();
    }
    if (base.sign() < 0 || value.sign() < 0) {
      return Error(ErrorCode::kInvalid, "cannot take logarithm of a negative number");
    }
    TREFOIL_TRY(checkLogarithm(base));
    TREFOIL_TRY(checkLogarithm(value));
    return base.isFinite() ? Numeric::infinity() : value.isFinite() ? Numeric() : Numeric::nan();
  }
  TREFOIL_TRY(checkLogarithm(base));
  TREFOIL_TRY(checkLogarithm(value));
  if (base == Numeric(1)) {
    return Error(ErrorCode::kDivisionByZero, "division by zero");
  }
  const std::int32_t base_weight = lnWeight(base);
  const std::int32_t weight = lnWeight(value) - base_weight;
  const std::int32_t scale = displayScale(kMinSignificantDigits - weight, std::max(base.scale(), value.scale()));
  // Both logarithms with as many digits as the result, and eight more.
  Decimal dividend = lnToScale(value, std::max(scale + weight - lnWeight(value) + 8, 0));
  Decimal divisor = lnToScale(base, std::max(scale + weight - base_weight + 8, 0));
  return Numeric::fromScaled(divided(std::move(dividend), std::move(divisor), scale).coefficient, scale);
}

Result<Numeric> numericLog10(const Numeric& value) {
  return numericLog(Numeric(10), value);
}

Result<Numeric> numericPower(const Numeric& base, const Numeric& exponent) {
  if (!base.isFinite() || !exponent.isFinite()) {
    return powerOfSpecial(base, exponent);
  }
  if (base.sign() == 0 && exponent.sign() < 0) {
    return Error(ErrorCode::kInvalid, "zero raised to a negative power is undefined");
  }
  if (exponent.isIntegral()) {
    const Result<std::int32_t> integer = exponent.toInt32();
    if (integer.ok()) {
      return powerOfInteger(base, *integer);
    }
  }
  return powerOfFraction(base, exponent);
}

// --- Integers ---

Result<Numeric> numericGcd(const Numeric& a, const Numeric& b) {
  if (!a.isFinite() || !b.isFinite()) {
    return Numeric::nan();
  }
  const std::int32_t scale = std::max(a.scale(), b.scale());
  BigInteger x = a.coefficient();
  BigInteger y = b.coefficient();
  x.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - a.scale()));
  y.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - b.scale()));
  return Numeric::fromScaled(BigInteger::greatestCommonDivisor(x, y), scale);
}

Result<Numeric> numericLcm(const Numeric& a, const Numeric& b) {
  if (!a.isFinite() || !b.isFinite()) {
    return Numeric::nan();
  }
  const std::int32_t scale = std::max(a.scale(), b.scale());
  BigInteger x = a.coefficient();
  BigInteger y = b.coefficient();
  if (x.sign() == 0 || y.sign() == 0) {
    return zero(scale);
  }
  x.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - a.scale()));
  y.multiplyByPowerOfTen(static_cast<std::uint32_t>(scale - b.scale()));
  x.divide(BigInteger::greatestCommonDivisor(x, y));
  x *= y;
  x.makeAbsolute();
  return Numeric::fromScaled(std::move(x), scale);
}

Result<Numeric> numericFactorial(std::int64_t n) {
  constexpr std::int64_t kLargest = 32177;
  if (n < 0) {
    return Error(ErrorCode::kOutOfRange, "factorial of a negative number is undefined");
  }
  if (n > kLargest) {
    return overflow();
  }
  return Numeric::fromScaled(BigInteger::factorial(static_cast<std::uint32_t>(n)), 0);
}

Result<std::int32_t> numericWidthBucket(const Numeric& operand, const Numeric& low, const Numeric& high, std::int32_t count) {
  if (count <= 0) {
    return Error(ErrorCode::kInvalid, "count must be greater than zero");
  }
  if (operand.isNan() || low.isNan() || high.isNan()) {
    return Error(ErrorCode::kInvalid, "operand, lower bound, and upper bound cannot be NaN");
  }
  if (low.isInfinite() || high.isInfinite()) {
    return Error(ErrorCode::kInvalid, "lower and upper bounds must be finite");
  }
  const int order = Numeric::compare(low, high);
  if (order == 0) {
    return Error(ErrorCode::kInvalid, "lower bound cannot equal upper bound");
  }
  if (Numeric::compare(operand, low) * order > 0) {
    return 0;
  }
  if (Numeric::compare(operand, high) * order <= 0) {
    if (count == INT32_MAX) {
      return Error(ErrorCode::kOutOfRange, "integer out of range");
    }
    return count + 1;
  }
  // What is between may be longer than a Numeric. The quotient is rounded before it is cut, as PostgreSQL has it.
  Decimal dividend = difference(operand, low);
  Decimal width = difference(high, low);
  dividend.coefficient.multiplySmall(static_cast<std::uint64_t>(count));
  const std::int32_t scale = Numeric::divisionScale(dividend.coefficient, dividend.scale, width.coefficient, width.scale);
  Decimal quotient = divided(std::move(dividend), std::move(width), scale);
  quotient.coefficient.divideByPowerOfTen(static_cast<std::uint32_t>(scale));
  quotient.coefficient += BigInteger(1);
  return Numeric::fromScaled(std::move(quotient.coefficient), 0).value().toInt32();
}

}  // namespace trefoil::sql
