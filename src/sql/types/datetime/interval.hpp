// The interval: months, days and microseconds side by side, since months differ in days and days in hours.
//
// For comparison, and for nothing else, a month has 30 days and a day 24 hours; '1 mon', '30 days' and '720:00:00' are equal. The
// key and the hash here agree with that. Plain values, safe for all threads.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

#include "base/status.hpp"

namespace trefoil::sql::datetime {

struct Interval {
  std::int64_t micros = 0;
  std::int32_t days = 0;
  std::int32_t months = 0;
};
static_assert(sizeof(Interval) == 16);

// Microseconds, as far as comparison goes: below 2^73.
__extension__ using IntervalSpan = __int128;
IntervalSpan spanOf(const Interval& interval);

std::strong_ordering compare(const Interval& a, const Interval& b);
// Whether all three parts are the same: equal intervals may differ here.
constexpr bool isIdentical(const Interval& a, const Interval& b) {
  return a.micros == b.micros && a.days == b.days && a.months == b.months;
}
std::uint64_t hashOf(const Interval& interval);
// memcmp() of keys is compare() of intervals.
using IntervalKey = std::array<unsigned char, 16>;
IntervalKey keyOf(const Interval& interval);

// Which fields an interval type keeps: INTERVAL DAY TO SECOND … A range keeps what is above its last field, too, except that
// those in years and months keep nothing else.
enum class IntervalFields : std::uint8_t {
  kAll,
  kYear,
  kMonth,
  kDay,
  kHour,
  kMinute,
  kSecond,
  kYearToMonth,
  kDayToHour,
  kDayToMinute,
  kDayToSecond,
  kHourToMinute,
  kHourToSecond,
  kMinuteToSecond,
};

// A type's modifier: INTERVAL fields (precision).
struct IntervalModifier {
  IntervalFields fields = IntervalFields::kAll;
  int precision = -1;  // digits behind the seconds' point, 0 … 6; -1: all
};
// An interval as a column of such a type keeps it: `interval out of range` where rounding leaves the range.
Result<Interval> withModifier(Interval interval, const IntervalModifier& modifier);

}  // namespace trefoil::sql::datetime
