// SQL's functions of numerics, with PostgreSQL 15's results to the last digit: the same scale, and the value rounded to it where
// PostgreSQL rounds. That is nearly always the correctly rounded value. Where it is not (logarithms of very long numbers, ties of
// powers and exponentials close to 1), the same intermediate results are rounded here as there.
//
// All are pure and safe to call from any thread. Errors are kOutOfRange, kDivisionByZero, or kInvalid with PostgreSQL's text.
// Time is bounded by Numeric's bounds and the 1000 digits behind the point that a result has at the most: microseconds for
// ordinary arguments, less than half a second for the longest.
#pragma once

#include <cstdint>

#include "base/status.hpp"
#include "sql/types/numeric.hpp"

namespace trefoil::sql {

Result<Numeric> numericSqrt(const Numeric& value);
Result<Numeric> numericExp(const Numeric& value);
Result<Numeric> numericLn(const Numeric& value);
Result<Numeric> numericLog(const Numeric& base, const Numeric& value);
// log(n), log10(n)
Result<Numeric> numericLog10(const Numeric& value);
Result<Numeric> numericPower(const Numeric& base, const Numeric& exponent);

Result<Numeric> numericGcd(const Numeric& a, const Numeric& b);
Result<Numeric> numericLcm(const Numeric& a, const Numeric& b);
Result<Numeric> numericFactorial(std::int64_t n);

// width_bucket(operand, low, high, count): 0 below the range, count + 1 above it; a range whose low is above its high is counted
// from there downwards.
Result<std::int32_t> numericWidthBucket(const Numeric& operand, const Numeric& low, const Numeric& high, std::int32_t count);

// The square root of coefficient / 10^coefficient_scale, which is not negative, rounded to `scale` digits behind the point.
Result<Numeric> numericSqrtToScale(BigInteger coefficient, std::int32_t coefficient_scale, std::int32_t scale);

}  // namespace trefoil::sql
