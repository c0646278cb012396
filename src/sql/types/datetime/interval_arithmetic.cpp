#include "sql/types/datetime/interval_arithmetic.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_error.hpp"

namespace trefoil::sql::datetime {
namespace {

constexpr int kDaysPerMonth = 30;

// Rounded to a millionth: products of fractions that ought to be whole numbers are, then.
double tidied(double value) {
  return std::rint(value * 1e6) / 1e6;
}

bool toInt32(double value, std::int32_t& to) {
  if (!(value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max())) {
    return false;
  }
  to = static_cast<std::int32_t>(value);
  return true;
}

bool toInt64(double value, std::int64_t& to) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(value >= -kLimit && value < kLimit)) {
    return false;
  }
  to = static_cast<std::int64_t>(value);
  return true;
}

// The interval with each part scaled: `scaled` computes a part times the factor, or divided by it.
template <typename Scale>
Result<Interval> scale(const Interval& interval, Scale scaled) {
  Interval result;
  const double months = scaled(interval.months);
  const double days = scaled(interval.days);
  if (!toInt32(months, result.months) || !toInt32(days, result.days)) {
    return intervalOutOfRange();
  }
  const double more_days = tidied((months - result.months) * kDaysPerMonth);
  double seconds = tidied((days - result.days + more_days - static_cast<int>(more_days)) * static_cast<double>(kSecondsPerDay));
  std::int32_t carried = static_cast<std::int32_t>(more_days);
  if (std::fabs(seconds) >= static_cast<double>(kSecondsPerDay)) {
    const int whole = static_cast<int>(seconds / static_cast<double>(kSecondsPerDay));
    carried += whole;
    seconds -= whole * static_cast<double>(kSecondsPerDay);
  }
  const double micros = std::rint(scaled(static_cast<double>(interval.micros)) + seconds * static_cast<double>(kMicrosPerSecond));
  if (__builtin_add_overflow(result.days, carried, &result.days) || !toInt64(micros, result.micros)) {
    return intervalOutOfRange();
  }
  return result;
}

// Moves whole months out of the days, or whole days out of the time; false if they do not fit.
bool carryMonths(Interval& interval) {
  const std::int32_t months = interval.days / kDaysPerMonth;
  interval.days -= months * kDaysPerMonth;
  return !__builtin_add_overflow(interval.months, months, &interval.months);
}
bool carryDays(Interval& interval) {
  const auto days = static_cast<std::int32_t>(interval.micros / kMicrosPerDay);
  interval.micros %= kMicrosPerDay;
  return !__builtin_add_overflow(interval.days, days, &interval.days);
}

// Gives a part the sign of the part above it.
void alignDays(Interval& interval) {
  if (interval.days > 0 && interval.micros < 0) {
    interval.micros += kMicrosPerDay;
    --interval.days;
  } else if (interval.days < 0 && interval.micros > 0) {
    interval.micros -= kMicrosPerDay;
    ++interval.days;
  }
}

}  // namespace

Result<Interval> add(const Interval& a, const Interval& b) {
  Interval sum;
  if (__builtin_add_overflow(a.months, b.months, &sum.months) || __builtin_add_overflow(a.days, b.days, &sum.days) ||
      __builtin_add_overflow(a.micros, b.micros, &sum.micros)) {
    return intervalOutOfRange();
  }
  return sum;
}

Result<Interval> subtract(const Interval& a, const Interval& b) {
  Interval difference;
  if (__builtin_sub_overflow(a.months, b.months, &difference.months) ||
      __builtin_sub_overflow(a.days, b.days, &difference.days) ||
      __builtin_sub_overflow(a.micros, b.micros, &difference.micros)) {
    return intervalOutOfRange();
  }
  return difference;
}

Result<Interval> negate(const Interval& interval) {
  return subtract({}, interval);
}

Result<Interval> multiply(const Interval& interval, double factor) {
  return scale(interval, [factor](double part) { return part * factor; });
}

Result<Interval> divide(const Interval& interval, double divisor) {
  if (divisor == 0) {
    return divisionByZero();
  }
  return scale(interval, [divisor](double part) { return part / divisor; });
}

Result<Interval> justifyDays(Interval interval) {
  if (!carryMonths(interval)) {
    return intervalOutOfRange();
  }
  if (interval.months > 0 && interval.days < 0) {
    interval.days += kDaysPerMonth;
    --interval.months;
  } else if (interval.months < 0 && interval.days > 0) {
    interval.days -= kDaysPerMonth;
    ++interval.months;
  }
  return interval;
}

Result<Interval> justifyHours(Interval interval) {
  if (!carryDays(interval)) {
    return intervalOutOfRange();
  }
  alignDays(interval);
  return interval;
}

Result<Interval> justifyInterval(Interval interval) {
  // Of one sign, days and time might overflow together where months would take them.
  if ((interval.days > 0 && interval.micros > 0) || (interval.days < 0 && interval.micros < 0)) {
    if (!carryMonths(interval)) {
      return intervalOutOfRange();
    }
  }
  if (!carryDays(interval) || !carryMonths(interval)) {
    return intervalOutOfRange();
  }
  if (interval.months > 0 && (interval.days < 0 || (interval.days == 0 && interval.micros < 0))) {
    interval.days += kDaysPerMonth;
    --interval.months;
  } else if (interval.months < 0 && (interval.days > 0 || (interval.days == 0 && interval.micros > 0))) {
    interval.days -= kDaysPerMonth;
    ++interval.months;
  }
  alignDays(interval);
  return interval;
}

Result<Interval> makeInterval(const IntervalParts& parts) {
  Interval interval;
  std::int32_t weeks = 0;
  std::int64_t seconds = 0;
  if (__builtin_mul_overflow(parts.years, 12, &interval.months) ||
      __builtin_add_overflow(interval.months, parts.months, &interval.months) || __builtin_mul_overflow(parts.weeks, 7, &weeks) ||
      __builtin_add_overflow(weeks, parts.days, &interval.days) ||
      !toInt64(std::rint(parts.seconds * static_cast<double>(kMicrosPerSecond)), seconds) ||
      __builtin_add_overflow(parts.hours * kMicrosPerHour + parts.minutes * kMicrosPerMinute, seconds, &interval.micros)) {
    return intervalOutOfRange();
  }
  return interval;
}

}  // namespace trefoil::sql::datetime
