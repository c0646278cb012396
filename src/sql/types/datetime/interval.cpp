#include "sql/types/datetime/interval.hpp"

#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_error.hpp"
#include "sql/types/datetime/precision.hpp"

namespace trefoil::sql::datetime {

IntervalSpan spanOf(const Interval& interval) {
  const std::int64_t days = std::int64_t{interval.months} * 30 + interval.days;
  return static_cast<IntervalSpan>(days) * kMicrosPerDay + interval.micros;
}

std::strong_ordering compare(const Interval& a, const Interval& b) {
  const IntervalSpan x = spanOf(a);
  const IntervalSpan y = spanOf(b);
  return x < y ? std::strong_ordering::less : x > y ? std::strong_ordering::greater : std::strong_ordering::equal;
}

std::uint64_t hashOf(const Interval& interval) {
  const IntervalSpan span = spanOf(interval);
  // Two rounds of a multiplication by a large odd number; the high half is mostly the sign.
  constexpr std::uint64_t kFactor = 0x9E37'79B9'7F4A'7C15;
  std::uint64_t hash = (static_cast<std::uint64_t>(span) ^ static_cast<std::uint64_t>(span >> 64)) * kFactor;
  hash = (hash ^ (hash >> 32)) * kFactor;
  return hash ^ (hash >> 29);
}

IntervalKey keyOf(const Interval& interval) {
  constexpr unsigned char kSign = 0x80;
  IntervalSpan span = spanOf(interval);
  IntervalKey key{};
  for (std::size_t i = key.size(); i > 0; --i) {
    key[i - 1] = static_cast<unsigned char>(span & 0xFF);
    span >>= 8;
  }
  key[0] ^= kSign;
  return key;
}

Result<Interval> withModifier(Interval interval, const IntervalModifier& modifier) {
  const auto keep_time = [&](std::int64_t unit) { interval.micros -= interval.micros % unit; };
  switch (modifier.fields) {
    case IntervalFields::kYear:
      interval = {0, 0, interval.months / 12 * 12};
      break;
    case IntervalFields::kMonth:
    case IntervalFields::kYearToMonth:
      interval = {0, 0, interval.months};
      break;
    case IntervalFields::kDay:
      interval.micros = 0;
      break;
    case IntervalFields::kHour:
    case IntervalFields::kDayToHour:
      keep_time(kMicrosPerHour);
      break;
    case IntervalFields::kMinute:
    case IntervalFields::kDayToMinute:
    case IntervalFields::kHourToMinute:
      keep_time(kMicrosPerMinute);
      break;
    default:
      break;
  }
  if (!roundMicros(interval.micros, modifier.precision)) {
    return intervalOutOfRange();
  }
  return interval;
}

}  // namespace trefoil::sql::datetime
