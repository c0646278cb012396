// The proleptic Gregorian calendar as PostgreSQL 15 counts it: days since 1970-01-01 to year, month, day and back, Julian days,
// ISO 8601 weeks, and which dates and timestamps there are.
//
// Values, everywhere in this folder:
//   date           int64, days since 1970-01-01
//   time           int64, microseconds of the day, 0 … 24:00:00 inclusive
//   timestamp[tz]  int64, microseconds since 1970-01-01 00:00:00 (UTC for timestamptz)
// kInfinity and kNegativeInfinity stand for infinity and -infinity of date, timestamp and timestamptz.
//
// Years are astronomical: year 0 is 1 BC, -1 is 2 BC. Pure functions. Conversion by Howard Hinnant's "chrono-Compatible Low-Level
// Date Algorithms" (public domain).
#pragma once

#include <cstdint>

namespace trefoil::sql::datetime {

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
inline constexpr std::int64_t kMicrosPerHour = 3'600 * kMicrosPerSecond;
inline constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
inline constexpr std::int64_t kSecondsPerDay = 86'400;

inline constexpr std::int64_t kInfinity = INT64_MAX;
inline constexpr std::int64_t kNegativeInfinity = INT64_MIN;

constexpr bool isFinite(std::int64_t value) {
  return value != kInfinity && value != kNegativeInfinity;
}

struct CivilDate {
  std::int64_t year = 1970;
  int month = 1;  // 1 … 12
  int day = 1;    // 1 … 31
};

constexpr std::int64_t daysFromCivil(const CivilDate& date) {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month = date.month + (date.month > 2 ? -3 : 9);
  const std::int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

constexpr CivilDate civilFromDays(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<std::uint32_t>(days - era * 146'097);
  const std::uint32_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint32_t shifted_month = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const int month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

constexpr bool isLeapYear(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr int daysInMonth(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && isLeapYear(year) ? 29 : kDays[month - 1];
}

// Division that rounds towards minus infinity; divisor > 0.
constexpr std::int64_t floorDivide(std::int64_t value, std::int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

// A timestamp's day, and its microseconds of that day.
constexpr std::int64_t dayOf(std::int64_t micros) {
  return floorDivide(micros, kMicrosPerDay);
}
constexpr std::int64_t timeOf(std::int64_t micros) {
  const std::int64_t rest = micros % kMicrosPerDay;
  return rest < 0 ? rest + kMicrosPerDay : rest;
}

// Day 0 of the Julian count is 4714-11-24 BC.
inline constexpr std::int64_t kJulianDayOfEpoch = 2'440'588;
constexpr std::int64_t julianDay(std::int64_t day) {
  return day + kJulianDayOfEpoch;
}

// PostgreSQL's epoch, 2000-01-01: its wire format and its rounding count from there.
inline constexpr std::int64_t kPostgresEpochDay = 10'957;
inline constexpr std::int64_t kPostgresEpochMicros = kPostgresEpochDay * kMicrosPerDay;

// Dates: 4714-11-24 BC (Julian day 0) … 5874897-12-31.
inline constexpr std::int64_t kFirstDate = -kJulianDayOfEpoch;
inline constexpr std::int64_t kLastDate = daysFromCivil({5'874'897, 12, 31});
// Timestamps: from Julian day 0 to the last microsecond that 64 bits hold from 1970 on, in 294247-01-10. (PostgreSQL counts from
// 2000 and ends with 294276.)
inline constexpr std::int64_t kFirstTimestamp = kFirstDate * kMicrosPerDay;
inline constexpr std::int64_t kLastTimestamp = kInfinity - 1;
inline constexpr std::int64_t kLastDayOfTimestamps = kLastTimestamp / kMicrosPerDay;

constexpr bool isDate(std::int64_t day) {
  return day >= kFirstDate && day <= kLastDate;
}
constexpr bool isTimestamp(std::int64_t micros) {
  return micros >= kFirstTimestamp && micros <= kLastTimestamp;
}

// A year that may be computed with in int64 without care: beyond all dates on both sides.
inline constexpr std::int64_t kFirstYear = -5'000;
inline constexpr std::int64_t kLastYear = 5'900'000;

// 0 Sunday … 6 Saturday.
constexpr int dayOfWeek(std::int64_t day) {
  return static_cast<int>((day % 7 + 11) % 7);
}
// 1 Monday … 7 Sunday.
constexpr int isoDayOfWeek(std::int64_t day) {
  return dayOfWeek(day) == 0 ? 7 : dayOfWeek(day);
}
// 1 … 366.
constexpr int dayOfYear(std::int64_t day) {
  return static_cast<int>(day - daysFromCivil({civilFromDays(day).year, 1, 1}) + 1);
}

// Week 1 of an ISO year is the one with its first Thursday (or 4 January); weeks begin on Monday.
struct IsoWeek {
  std::int64_t year;
  int week;  // 1 … 53
};
constexpr IsoWeek isoWeek(std::int64_t day) {
  const std::int64_t thursday = day - isoDayOfWeek(day) + 4;
  const std::int64_t year = civilFromDays(thursday).year;
  return {year, static_cast<int>((thursday - daysFromCivil({year, 1, 1})) / 7 + 1)};
}
// The Monday of a week; weeks beyond the year's own run on into others.
constexpr std::int64_t mondayOfIsoWeek(std::int64_t year, std::int64_t week) {
  const std::int64_t fourth = daysFromCivil({year, 1, 4});
  return fourth - isoDayOfWeek(fourth) + 1 + (week - 1) * 7;
}

// A timestamp taken apart, or a time of day with the date left alone.
struct CivilTime {
  std::int64_t year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int micros = 0;

  [[nodiscard]] constexpr std::int64_t days() const { return daysFromCivil({year, month, day}); }
  [[nodiscard]] constexpr std::int64_t timeOfDay() const {
    return hour * kMicrosPerHour + minute * kMicrosPerMinute + second * kMicrosPerSecond + micros;
  }
};

constexpr void setDate(CivilTime& to, std::int64_t day) {
  const CivilDate date = civilFromDays(day);
  to.year = date.year;
  to.month = date.month;
  to.day = date.day;
}
constexpr void setTime(CivilTime& to, std::int64_t time) {
  to.hour = static_cast<int>(time / kMicrosPerHour);
  to.minute = static_cast<int>(time / kMicrosPerMinute % 60);
  to.second = static_cast<int>(time / kMicrosPerSecond % 60);
  to.micros = static_cast<int>(time % kMicrosPerSecond);
}

// A finite timestamp, moved by `offset` seconds (a zone's), taken apart; no timestamp is too large for it.
constexpr CivilTime civilTime(std::int64_t micros, std::int64_t offset = 0) {
  std::int64_t day = dayOf(micros);
  std::int64_t time = timeOf(micros) + offset * kMicrosPerSecond;
  day += dayOf(time);
  time = timeOf(time);
  CivilTime result;
  setDate(result, day);
  setTime(result, time);
  return result;
}

// The timestamp of a date and time on the clocks of a zone `offset` seconds east; the parts of the time may be beyond their
// units. False: there is none.
constexpr bool joinTimestamp(const CivilTime& value, std::int64_t offset, std::int64_t& micros) {
  if (value.year < kFirstYear || value.year > kLastYear) {
    return false;
  }
  const std::int64_t time = value.timeOfDay() - offset * kMicrosPerSecond;
  return !__builtin_mul_overflow(value.days(), kMicrosPerDay, &micros) && !__builtin_add_overflow(micros, time, &micros) &&
         isTimestamp(micros);
}

static_assert(daysFromCivil({2000, 3, 1}) == 11'017 && civilFromDays(11'017).month == 3);
static_assert(daysFromCivil({1969, 12, 31}) == -1 && civilFromDays(-1).day == 31);
static_assert(daysFromCivil({-4713, 11, 24}) == kFirstDate && daysFromCivil({2000, 1, 1}) == kPostgresEpochDay);
static_assert(dayOfWeek(0) == 4 && isoWeek(0).week == 1 && dayOfWeek(-1) == 3);

}  // namespace trefoil::sql::datetime
