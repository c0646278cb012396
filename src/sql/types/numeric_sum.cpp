#include "sql/types/numeric_sum.hpp"

#include <algorithm>
#include <utility>

#include "sql/types/numeric_functions.hpp"

namespace trefoil::sql {
namespace {

// sum / count, as SQL's division has it.
NumericResult averageOf(const Result<Numeric>& sum, std::uint64_t count) {
  if (!sum.ok()) {
    return Error(sum.error());
  }
  TREFOIL_ASSIGN(Numeric average, Numeric::divide(*sum, Numeric::fromScaled(static_cast<Int128>(count), 0)));
  return std::optional<Numeric>(std::move(average));
}

// The spread of `count` values, from their sum and that of their squares, both as integers: what is to be divided by 10^scale,
// and by 10^(2 * scale).
NumericResult spreadOf(Spread spread, std::uint64_t count, BigInteger sum, BigInteger squares, std::uint32_t scale) {
  const bool sample = spread == Spread::kVarianceSample || spread == Spread::kStddevSample;
  const BigInteger rows = BigInteger::fromUnsigned(count);
  // (count * squares - sum^2) / (count * (count - 1)), without a rounding before the division
  BigInteger dividend = std::move(squares);
  dividend *= rows;
  const BigInteger copy = sum;
  sum *= copy;
  dividend -= sum;
  if (dividend.sign() <= 0) {
    return std::optional<Numeric>(Numeric());
  }
  BigInteger divisor = BigInteger::fromUnsigned(sample ? count - 1 : count);
  divisor *= rows;
  // All this may be beyond a Numeric's bounds, and the result within them.
  const auto dividend_scale = static_cast<std::int32_t>(2 * scale);
  const std::int32_t result_scale = Numeric::divisionScale(dividend, dividend_scale, divisor, 0);
  dividend.multiplyByPowerOfTen(static_cast<std::uint32_t>(std::max(result_scale - dividend_scale, 0)));
  divisor.multiplyByPowerOfTen(static_cast<std::uint32_t>(std::max(dividend_scale - result_scale, 0)));
  dividend.divideRounding(divisor);
  if (spread == Spread::kVariancePopulation || spread == Spread::kVarianceSample) {
    TREFOIL_ASSIGN(Numeric variance, Numeric::fromScaled(std::move(dividend), result_scale));
    return std::optional<Numeric>(std::move(variance));
  }
  TREFOIL_ASSIGN(Numeric root, numericSqrtToScale(std::move(dividend), result_scale, result_scale));
  return std::optional<Numeric>(std::move(root));
}

bool tooFew(Spread spread, std::uint64_t count) {
  const bool sample = spread == Spread::kVarianceSample || spread == Spread::kStddevSample;
  return count <= (sample ? 1 : 0);
}

}  // namespace

// --- ExactSum ---

ExactSum::ExactSum(const ExactSum& other)
    : low_(other.low_), rest_(other.rest_ ? std::make_unique<BigInteger>(*other.rest_) : nullptr), scale_(other.scale_) {}

ExactSum& ExactSum::operator=(const ExactSum& other) {
  if (this != &other) {
    *this = ExactSum(other);
  }
  return *this;
}

void ExactSum::spill() {
  if (rest_ == nullptr) {
    rest_ = std::make_unique<BigInteger>();
  }
  *rest_ += BigInteger(low_);
  low_ = 0;
}

void ExactSum::raiseScale(std::uint32_t scale) {
  if (Int128 scaled = 0; scaleUpFits(low_, scale - scale_, scaled)) {
    low_ = scaled;
  } else {
    spill();
  }
  if (rest_ != nullptr) {
    rest_->multiplyByPowerOfTen(scale - scale_);
  }
  scale_ = scale;
}

void ExactSum::addOther(Int128 coefficient, std::uint32_t scale) {
  if (scale == scale_) {
    // The addition has wrapped.
    low_ = static_cast<Int128>(static_cast<Uint128>(low_) - static_cast<Uint128>(coefficient));
    spill();
    low_ = coefficient;
    return;
  }
  if (scale > scale_) {
    raiseScale(scale);
    add(coefficient, scale);
    return;
  }
  if (Int128 scaled = 0; scaleUpFits(coefficient, scale_ - scale, scaled)) {
    add(scaled, scale_);
  } else {
    add(BigInteger(coefficient), scale);
  }
}

void ExactSum::add(const BigInteger& coefficient, std::uint32_t scale) {
  if (scale > scale_) {
    raiseScale(scale);
  }
  BigInteger scaled = coefficient;
  scaled.multiplyByPowerOfTen(scale_ - scale);
  spill();
  *rest_ += scaled;
}

void ExactSum::merge(const ExactSum& other) {
  add(other.low_, other.scale_);
  if (other.rest_ != nullptr) {
    add(*other.rest_, other.scale_);
  }
}

BigInteger ExactSum::coefficient() const {
  BigInteger sum(low_);
  if (rest_ != nullptr) {
    sum += *rest_;
  }
  return sum;
}

Result<Numeric> ExactSum::value() const {
  if (rest_ == nullptr && scale_ <= static_cast<std::uint32_t>(Numeric::kMaxScale)) {
    return Numeric::fromScaled(low_, static_cast<std::int32_t>(scale_));
  }
  return Numeric::fromScaled(coefficient(), static_cast<std::int32_t>(scale_));
}

// --- Integers ---

std::optional<Numeric> Int64Sum::sum() const {
  return count_ == 0 ? std::nullopt : std::optional(Numeric::fromScaled(sum_, 0));
}

NumericResult Int64Sum::average() const {
  return count_ == 0 ? NumericResult(std::nullopt) : averageOf(Numeric::fromScaled(sum_, 0), count_);
}

NumericResult Int64Spread::result(Spread spread) const {
  if (tooFew(spread, count())) {
    return std::optional<Numeric>();
  }
  return spreadOf(spread, count(), BigInteger(sum_.sum128()), squares_.coefficient(), 0);
}

// --- Numerics ---

void NumericSum::addOther(const Numeric& value) {
  ++count_;
  if (value.isFinite()) {
    sum_.add(value.coefficient(), static_cast<std::uint32_t>(value.scale()));
  } else if (value.isNan()) {
    nan_ = true;
  } else if (value.sign() > 0) {
    infinity_ = true;
  } else {
    negative_infinity_ = true;
  }
}

void NumericSum::merge(const NumericSum& other) {
  count_ += other.count_;
  sum_.merge(other.sum_);
  nan_ |= other.nan_;
  infinity_ |= other.infinity_;
  negative_infinity_ |= other.negative_infinity_;
}

std::optional<Numeric> NumericSum::special() const {
  if (nan_ || (infinity_ && negative_infinity_)) {
    return Numeric::nan();
  }
  if (infinity_) {
    return Numeric::infinity();
  }
  return negative_infinity_ ? std::optional(Numeric::negativeInfinity()) : std::nullopt;
}

NumericResult NumericSum::sum() const {
  if (count_ == 0) {
    return std::optional<Numeric>();
  }
  if (std::optional<Numeric> value = special()) {
    return value;
  }
  TREFOIL_ASSIGN(Numeric value, sum_.value());
  return std::optional<Numeric>(std::move(value));
}

NumericResult NumericSum::average() const {
  if (count_ == 0) {
    return std::optional<Numeric>();
  }
  if (std::optional<Numeric> value = special()) {
    return value;
  }
  return averageOf(sum_.value(), count_);
}

void NumericSpread::add(const Numeric& value) {
  if (value.isSmall()) {
    add(value.smallCoefficient(), value.scale());
    return;
  }
  sum_.add(value);
  if (value.isFinite()) {
    addSquare(value.coefficient(), value.scale());
  }
}

void NumericSpread::addSquare(BigInteger coefficient, std::int32_t scale) {
  const BigInteger factor = coefficient;
  coefficient *= factor;
  squares_.add(coefficient, 2 * static_cast<std::uint32_t>(scale));
}

NumericResult NumericSpread::result(Spread spread) const {
  if (tooFew(spread, count())) {
    return std::optional<Numeric>();
  }
  if (sum_.special()) {
    return std::optional<Numeric>(Numeric::nan());
  }
  return spreadOf(spread, count(), sum_.sum_.coefficient(), squares_.coefficient(), sum_.sum_.scale());
}

}  // namespace trefoil::sql
