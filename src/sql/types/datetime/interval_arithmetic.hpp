// Intervals added, multiplied, tidied and cut. What leaves the range of a part is `interval out of range`; a product's fractions
// spill down from months to days to the time. Pure functions, safe for all threads.
#pragma once

#include "base/status.hpp"
#include "sql/types/datetime/interval.hpp"

namespace trefoil::sql::datetime {

Result<Interval> add(const Interval& a, const Interval& b);
Result<Interval> subtract(const Interval& a, const Interval& b);
Result<Interval> negate(const Interval& interval);
Result<Interval> multiply(const Interval& interval, double factor);
Result<Interval> divide(const Interval& interval, double divisor);

// 30 days to a month; 24 hours to a day; both, and all parts of one sign.
Result<Interval> justifyDays(Interval interval);
Result<Interval> justifyHours(Interval interval);
Result<Interval> justifyInterval(Interval interval);

struct IntervalParts {
  std::int32_t years = 0;
  std::int32_t months = 0;
  std::int32_t weeks = 0;
  std::int32_t days = 0;
  std::int32_t hours = 0;
  std::int32_t minutes = 0;
  double seconds = 0;
};
Result<Interval> makeInterval(const IntervalParts& parts);

}  // namespace trefoil::sql::datetime
