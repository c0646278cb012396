#include "sql/types/datetime/datetime_arithmetic.hpp"

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>

#include "sql/types/datetime/datetime_error.hpp"
#include "sql/types/datetime/interval_arithmetic.hpp"
#include "sql/types/datetime/interval_text.hpp"

namespace trefoil::sql::datetime {
namespace {

std::int64_t secondOf(std::int64_t micros) {
  return floorDivide(micros, kMicrosPerSecond);
}

// A clock: that of a zone, or one without zone (null).
std::int32_t offsetAt(const TimeZone* zone, std::int64_t micros) {
  return zone == nullptr ? 0 : zone->offsetAt(secondOf(micros));
}

// The instant at which the clock shows a date and time; false beyond all timestamps.
bool instantOf(const CivilTime& local, const TimeZone* zone, std::int64_t& micros) {
  if (local.year < kFirstYear || local.year > kLastYear) {
    return false;
  }
  const std::int64_t second = local.days() * kSecondsPerDay + secondOf(local.timeOfDay());
  return joinTimestamp(local, zone == nullptr ? 0 : zone->offsetOfLocal(second), micros);
}

bool moveMonths(std::int64_t& micros, std::int64_t months, const TimeZone* zone) {
  CivilTime local = civilTime(micros, offsetAt(zone, micros));
  const std::int64_t month = local.year * 12 + local.month - 1 + months;
  local.year = floorDivide(month, 12);
  local.month = static_cast<int>(month - local.year * 12) + 1;
  local.day = std::min(local.day, daysInMonth(local.year, local.month));
  return instantOf(local, zone, micros);
}

bool moveDays(std::int64_t& micros, std::int64_t days, const TimeZone* zone) {
  CivilTime local = civilTime(micros, offsetAt(zone, micros));
  setDate(local, local.days() + days);
  return instantOf(local, zone, micros);
}

// Months, days and microseconds, in this order, since a month's end is to be found before days are counted.
Result<std::int64_t> move(std::int64_t micros, const Interval& interval, int sign, const TimeZone* zone) {
  if (!isFinite(micros)) {
    return micros;
  }
  if (interval.months != 0 && !moveMonths(micros, std::int64_t{interval.months} * sign, zone)) {
    return timestampOutOfRange();
  }
  if (interval.days != 0 && !moveDays(micros, std::int64_t{interval.days} * sign, zone)) {
    return timestampOutOfRange();
  }
  const bool overflow = sign > 0 ? __builtin_add_overflow(micros, interval.micros, &micros)
                                 : __builtin_sub_overflow(micros, interval.micros, &micros);
  if (overflow || !isTimestamp(micros)) {
    return timestampOutOfRange();
  }
  return micros;
}

Result<Interval> ageOf(std::int64_t a, std::int64_t b, const TimeZone* zone) {
  if (!isFinite(a) || !isFinite(b)) {
    return timestampOutOfRange();
  }
  const bool negative = a < b;
  // From the earlier one on; days are borrowed from its month.
  const CivilTime from = civilTime(std::min(a, b), offsetAt(zone, std::min(a, b)));
  const CivilTime to = civilTime(std::max(a, b), offsetAt(zone, std::max(a, b)));
  std::int64_t months = (to.year - from.year) * 12 + to.month - from.month;
  int days = to.day - from.day;
  std::int64_t time = to.timeOfDay() - from.timeOfDay();
  if (time < 0) {
    time += kMicrosPerDay;
    --days;
  }
  while (days < 0) {
    days += daysInMonth(from.year, from.month);
    --months;
  }
  if (negative) {
    return Interval{-time, -days, static_cast<std::int32_t>(-months)};
  }
  return Interval{time, days, static_cast<std::int32_t>(months)};
}

Result<ZoneReference> zoneOfInterval(const Interval& interval) {
  if (interval.months != 0 || interval.days != 0) {
    char text[kMaxIntervalChars];
    return invalidParameter("interval time zone \"" + std::string(text, formatInterval(text, interval)) +
                            "\" must not include months or days");
  }
  const std::int64_t seconds = interval.micros / kMicrosPerSecond;
  if (seconds > std::numeric_limits<std::int32_t>::max() || seconds < std::numeric_limits<std::int32_t>::min()) {
    return timestampOutOfRange();
  }
  return ZoneReference::fixed(static_cast<std::int32_t>(seconds));
}

template <typename... Arguments>
Error outOfRangeWith(const char* format, Arguments... arguments) {
  char text[256];
  std::snprintf(text, sizeof text, format, arguments...);
  return outOfRange(text);
}

// A number of seconds as errors show it.
std::string shownSeconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%02g", seconds);
  return std::isnan(seconds) ? "NaN" : std::isinf(seconds) ? (seconds > 0 ? "Infinity" : "-Infinity") : text;
}

// Whether there is such a date; a negative year is BC and becomes an astronomical one.
bool checkDate(CivilDate& date) {
  if (date.year == 0) {
    return false;
  }
  date.year += date.year < 0 ? 1 : 0;
  return date.month >= 1 && date.month <= 12 && date.day >= 1 && date.day <= daysInMonth(date.year, date.month);
}

// Whether the date's month is one that PostgreSQL counts the days of. Timestamps that do not exist in those months are found out
// later, and in other words.
bool isInJulianMonths(const CivilDate& date) {
  constexpr std::int64_t kFirst = -4'713 * 12 + 11;
  constexpr std::int64_t kEnd = 5'874'898 * 12 + 6;
  const std::int64_t month = date.year * 12 + date.month;
  return month >= kFirst && month < kEnd;
}

// Microseconds of a day; false if there is no such time.
bool checkTime(int hour, int minute, double second, std::int64_t& time) {
  const double micros = std::rint(second * 1e6);
  if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || !(micros >= 0 && micros <= 60e6)) {
    return false;
  }
  time = hour * kMicrosPerHour + minute * kMicrosPerMinute + static_cast<std::int64_t>(micros);
  return time <= kMicrosPerDay;
}

}  // namespace

Result<std::int64_t> addDays(std::int64_t date, std::int64_t days) {
  if (!isFinite(date)) {
    return date;
  }
  if (__builtin_add_overflow(date, days, &date) || !isDate(date)) {
    return dateOutOfRange();
  }
  return date;
}

Result<std::int64_t> subtractDates(std::int64_t a, std::int64_t b) {
  if (!isFinite(a) || !isFinite(b)) {
    return outOfRange("cannot subtract infinite dates");
  }
  return a - b;
}

Result<std::int64_t> addToTimestamp(std::int64_t micros, const Interval& interval) {
  return move(micros, interval, 1, nullptr);
}

Result<std::int64_t> subtractFromTimestamp(std::int64_t micros, const Interval& interval) {
  return move(micros, interval, -1, nullptr);
}

Result<std::int64_t> addToTimestampTz(std::int64_t micros, const Interval& interval, const TimeZone& zone) {
  return move(micros, interval, 1, &zone);
}

Result<std::int64_t> subtractFromTimestampTz(std::int64_t micros, const Interval& interval, const TimeZone& zone) {
  return move(micros, interval, -1, &zone);
}

Result<Interval> subtractTimestamps(std::int64_t a, std::int64_t b) {
  if (!isFinite(a) || !isFinite(b)) {
    return outOfRange("cannot subtract infinite timestamps");
  }
  Interval difference;
  if (__builtin_sub_overflow(a, b, &difference.micros)) {
    return intervalOutOfRange();
  }
  return justifyHours(difference);
}

std::int64_t addToTime(std::int64_t time, const Interval& interval) {
  return timeOf(time + interval.micros % kMicrosPerDay);
}

std::int64_t subtractFromTime(std::int64_t time, const Interval& interval) {
  return timeOf(time - interval.micros % kMicrosPerDay);
}

Interval subtractTimes(std::int64_t a, std::int64_t b) {
  return {a - b, 0, 0};
}

Result<std::int64_t> addTimeToDate(std::int64_t date, std::int64_t time) {
  TREFOIL_ASSIGN(std::int64_t micros, timestampOfDate(date));
  if (isFinite(micros) && (__builtin_add_overflow(micros, time, &micros) || !isTimestamp(micros))) {
    return timestampOutOfRange();
  }
  return micros;
}

Result<Interval> age(std::int64_t a, std::int64_t b) {
  return ageOf(a, b, nullptr);
}

Result<Interval> ageTz(std::int64_t a, std::int64_t b, const TimeZone& zone) {
  return ageOf(a, b, &zone);
}

Result<std::int64_t> timestampOfDate(std::int64_t date) {
  if (!isFinite(date)) {
    return date;
  }
  if (date > kLastDayOfTimestamps) {
    return outOfRange("date out of range for timestamp");
  }
  return date * kMicrosPerDay;
}

Result<std::int64_t> timestampTzOfDate(std::int64_t date, const TimeZone& zone) {
  TREFOIL_ASSIGN(std::int64_t micros, timestampOfDate(date));
  if (isFinite(micros) && !instantOf(civilTime(micros), &zone, micros)) {
    return outOfRange("date out of range for timestamp");
  }
  return micros;
}

std::int64_t dateOfTimestamp(std::int64_t micros) {
  return isFinite(micros) ? dayOf(micros) : micros;
}

std::int64_t dateOfTimestampTz(std::int64_t micros, const TimeZone& zone) {
  return isFinite(micros) ? civilTime(micros, offsetAt(&zone, micros)).days() : micros;
}

std::optional<std::int64_t> timeOfTimestamp(std::int64_t micros) {
  return isFinite(micros) ? std::optional(timeOf(micros)) : std::nullopt;
}

std::optional<std::int64_t> timeOfTimestampTz(std::int64_t micros, const TimeZone& zone) {
  return isFinite(micros) ? std::optional(civilTime(micros, offsetAt(&zone, micros)).timeOfDay()) : std::nullopt;
}

std::int64_t timeOfInterval(const Interval& interval) {
  return timeOf(interval.micros);
}

Interval intervalOfTime(std::int64_t time) {
  return {time, 0, 0};
}

Result<std::int64_t> timestampTzOfTimestamp(std::int64_t micros, const TimeZone& zone) {
  if (isFinite(micros) && !instantOf(civilTime(micros), &zone, micros)) {
    return timestampOutOfRange();
  }
  return micros;
}

Result<std::int64_t> timestampOfTimestampTz(std::int64_t micros, const TimeZone& zone) {
  if (isFinite(micros) && !joinTimestamp(civilTime(micros, offsetAt(&zone, micros)), 0, micros)) {
    return timestampOutOfRange();
  }
  return micros;
}

Result<std::int64_t> instantInZone(std::int64_t micros, const ZoneReference& zone) {
  if (isFinite(micros) && !joinTimestamp(civilTime(micros), zone.offsetOfLocal(secondOf(micros)), micros)) {
    return timestampOutOfRange();
  }
  return micros;
}

Result<std::int64_t> clockInZone(std::int64_t micros, const ZoneReference& zone) {
  if (isFinite(micros) && !joinTimestamp(civilTime(micros, zone.offsetAt(secondOf(micros))), 0, micros)) {
    return timestampOutOfRange();
  }
  return micros;
}

Result<std::int64_t> instantInZone(std::int64_t micros, const Interval& zone) {
  if (!isFinite(micros)) {
    return micros;
  }
  TREFOIL_ASSIGN(const ZoneReference reference, zoneOfInterval(zone));
  return instantInZone(micros, reference);
}

Result<std::int64_t> clockInZone(std::int64_t micros, const Interval& zone) {
  if (!isFinite(micros)) {
    return micros;
  }
  TREFOIL_ASSIGN(const ZoneReference reference, zoneOfInterval(zone));
  return clockInZone(micros, reference);
}

Result<std::int64_t> timestampTzOfSeconds(double seconds) {
  if (std::isnan(seconds)) {
    return outOfRange("timestamp cannot be NaN");
  }
  if (std::isinf(seconds)) {
    return seconds > 0 ? kInfinity : kNegativeInfinity;
  }
  // Rounded as seconds since 2000: that is how PostgreSQL counts, and doubles are finer near their zero.
  constexpr double kLimit = 9.3e12;
  constexpr std::int64_t kEpoch = kPostgresEpochDay * kSecondsPerDay;
  if (seconds > -kLimit && seconds < kLimit) {
    const double since_2000 = std::rint((seconds - static_cast<double>(kEpoch)) * 1e6);
    std::int64_t micros = 0;
    if (since_2000 < 0x1p63 && !__builtin_add_overflow(static_cast<std::int64_t>(since_2000), kPostgresEpochMicros, &micros) &&
        isTimestamp(micros)) {
      return micros;
    }
  }
  return outOfRangeWith("timestamp out of range: \"%g\"", seconds);
}

Result<std::int64_t> makeDate(int year, int month, int day) {
  CivilDate date{year, month, day};
  const bool valid = checkDate(date);
  const int shown = static_cast<int>(date.year);  // astronomical, as PostgreSQL has it here
  if (!valid) {
    return outOfRangeWith("date field value out of range: %d-%02d-%02d", shown, month, day);
  }
  if (!isDate(daysFromCivil(date))) {
    return outOfRangeWith("date out of range: %d-%02d-%02d", shown, month, day);
  }
  return daysFromCivil(date);
}

Result<std::int64_t> makeTime(int hour, int minute, double second) {
  std::int64_t time = 0;
  if (!checkTime(hour, minute, second, time)) {
    return outOfRangeWith("time field value out of range: %d:%02d:%s", hour, minute, shownSeconds(second).c_str());
  }
  return time;
}

Result<std::int64_t> makeTimestamp(int year, int month, int day, int hour, int minute, double second) {
  CivilDate date{year, month, day};
  if (!checkDate(date)) {
    return outOfRangeWith("date field value out of range: %d-%02d-%02d", year, month, day);
  }
  if (!isInJulianMonths(date)) {
    return outOfRangeWith("date out of range: %d-%02d-%02d", year, month, day);
  }
  TREFOIL_ASSIGN(const std::int64_t time, makeTime(hour, minute, second));
  std::int64_t micros = 0;
  if (__builtin_mul_overflow(daysFromCivil(date), kMicrosPerDay, &micros) || __builtin_add_overflow(micros, time, &micros) ||
      !isTimestamp(micros)) {
    return outOfRangeWith("timestamp out of range: %d-%02d-%02d %d:%02d:%s", year, month, day, hour, minute,
                          shownSeconds(second).c_str());
  }
  return micros;
}

Result<std::int64_t> makeTimestampTz(int year, int month, int day, int hour, int minute, double second,
                                     const ZoneReference& zone) {
  TREFOIL_ASSIGN(const std::int64_t micros, makeTimestamp(year, month, day, hour, minute, second));
  return instantInZone(micros, zone);
}

Result<std::int64_t> binTimestamp(const Interval& stride, std::int64_t micros, std::int64_t origin) {
  if (!isFinite(micros)) {
    return micros;
  }
  if (!isFinite(origin)) {
    return outOfRange("origin out of range");
  }
  if (stride.months != 0) {
    return notSupported("timestamps cannot be binned into intervals containing months or years");
  }
  std::int64_t width = 0;
  std::int64_t distance = 0;
  if (__builtin_mul_overflow(stride.days, kMicrosPerDay, &width) || __builtin_add_overflow(width, stride.micros, &width)) {
    return intervalOutOfRange();
  }
  if (width <= 0) {
    return outOfRange("stride must be greater than zero");
  }
  if (__builtin_sub_overflow(micros, origin, &distance)) {
    return intervalOutOfRange();
  }
  const std::int64_t rest = distance % width;
  std::int64_t result = origin + (distance - rest);
  if (rest < 0 && (__builtin_sub_overflow(result, width, &result) || !isTimestamp(result))) {
    return timestampOutOfRange();
  }
  return result;
}

std::optional<bool> overlaps(Nullable start1, Nullable end1, Nullable start2, Nullable end2) {
  const auto order = [](Nullable& start, Nullable& end) {
    if (!start || (end && *start > *end)) {
      std::swap(start, end);
    }
    return start.has_value();
  };
  if (!order(start1, end1) || !order(start2, end2)) {
    return std::nullopt;
  }
  if (*start1 < *start2) {
    std::swap(start1, start2);
    std::swap(end1, end2);
  }
  if (*start1 == *start2) {
    return end1 && end2 ? std::optional(true) : std::nullopt;
  }
  // The first period begins later: it overlaps if that is before the other's end.
  if (!end2) {
    return std::nullopt;
  }
  if (*start1 < *end2) {
    return true;
  }
  return end1 ? std::optional(false) : std::nullopt;
}

}  // namespace trefoil::sql::datetime
