// What sum, avg, variance and stddev keep while they go through rows. Exact: sums are integers of 128 bits, and of any size when
// those are full, so the order of the rows never shows and two states are merged without loss (parallel aggregation).
//
// A result is PostgreSQL's, to the last digit and scale; no rows (or one, for a sample) give no value, which is SQL's NULL. The
// only error is "value overflows numeric format". States are value types; none is safe to change from two threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/status.hpp"
#include "sql/types/numeric.hpp"

namespace trefoil::sql {

using NumericResult = Result<std::optional<Numeric>>;

// Which of the four: over all rows or a sample of them, squared or its root.
enum class Spread : std::uint8_t { kVariancePopulation, kVarianceSample, kStddevPopulation, kStddevSample };

// The sum of integers and decimals of any scale.
class ExactSum {
 public:
  ExactSum() = default;
  ExactSum(const ExactSum& other);
  ExactSum(ExactSum&&) noexcept = default;
  ExactSum& operator=(const ExactSum& other);
  ExactSum& operator=(ExactSum&&) noexcept = default;
  ~ExactSum() = default;

  // coefficient / 10^scale
  void add(Int128 coefficient, std::uint32_t scale) {
    if (scale != scale_ || __builtin_add_overflow(low_, coefficient, &low_)) [[unlikely]] {
      addOther(coefficient, scale);
    }
  }
  void add(const BigInteger& coefficient, std::uint32_t scale);
  void merge(const ExactSum& other);

  // The largest that was added.
  [[nodiscard]] std::uint32_t scale() const { return scale_; }
  // The sum times 10^scale().
  [[nodiscard]] BigInteger coefficient() const;
  [[nodiscard]] Result<Numeric> value() const;

 private:
  void addOther(Int128 coefficient, std::uint32_t scale);
  void raiseScale(std::uint32_t scale);
  void spill();

  Int128 low_ = 0;                    // the sum times 10^scale_, or what of it has come since the last spill
  std::unique_ptr<BigInteger> rest_;  // the other part of it
  std::uint32_t scale_ = 0;
};

// sum and avg of int64. The sum of 2^64 rows fits.
class Int64Sum {
 public:
  void add(std::int64_t value) {
    ++count_;
    sum_ += value;
  }
  void merge(const Int64Sum& other) {
    count_ += other.count_;
    sum_ += other.sum_;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Int128 sum128() const { return sum_; }
  [[nodiscard]] std::optional<Numeric> sum() const;  // sum(bigint) is a numeric
  [[nodiscard]] NumericResult average() const;       // avg(1, 2) is 1.5000000000000000

 private:
  Int128 sum_ = 0;
  std::uint64_t count_ = 0;
};

// variance and stddev of int64.
class Int64Spread {
 public:
  void add(std::int64_t value) {
    sum_.add(value);
    squares_.add(static_cast<Int128>(value) * value, 0);
  }
  void merge(const Int64Spread& other) {
    sum_.merge(other.sum_);
    squares_.merge(other.squares_);
  }
  [[nodiscard]] std::uint64_t count() const { return sum_.count(); }
  [[nodiscard]] NumericResult result(Spread spread) const;

 private:
  Int64Sum sum_;
  ExactSum squares_;
};

// sum and avg of numerics: of scaled integers, as columns hold them, and of values of any kind.
class NumericSum {
 public:
  void add(Int128 coefficient, std::int32_t scale) {
    ++count_;
    sum_.add(coefficient, static_cast<std::uint32_t>(scale));
  }
  void add(const Numeric& value) {
    if (value.isSmall()) [[likely]] {
      add(value.smallCoefficient(), value.scale());
    } else {
      addOther(value);
    }
  }
  void merge(const NumericSum& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] NumericResult sum() const;
  [[nodiscard]] NumericResult average() const;

 private:
  friend class NumericSpread;

  void addOther(const Numeric& value);
  // What the sum is if not all were finite.
  [[nodiscard]] std::optional<Numeric> special() const;

  std::uint64_t count_ = 0;  // all of them
  ExactSum sum_;             // of the finite ones
  bool nan_ = false;
  bool infinity_ = false;
  bool negative_infinity_ = false;
};

// variance and stddev of numerics.
class NumericSpread {
 public:
  void add(Int128 coefficient, std::int32_t scale) {
    sum_.add(coefficient, scale);
    Int128 square = 0;
    if (multiplyFits(coefficient, coefficient, square)) [[likely]] {
      squares_.add(square, 2 * static_cast<std::uint32_t>(scale));
    } else {
      addSquare(BigInteger(coefficient), scale);
    }
  }
  void add(const Numeric& value);
  void merge(const NumericSpread& other) {
    sum_.merge(other.sum_);
    squares_.merge(other.squares_);
  }
  [[nodiscard]] std::uint64_t count() const { return sum_.count(); }
  [[nodiscard]] NumericResult result(Spread spread) const;

 private:
  void addSquare(BigInteger coefficient, std::int32_t scale);

  NumericSum sum_;
  ExactSum squares_;
};

}  // namespace trefoil::sql
