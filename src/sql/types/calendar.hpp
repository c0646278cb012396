// The proleptic Gregorian calendar: days since 1970-01-01 to year, month, day and back.
// Algorithms by Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (public domain).
#pragma once

#include <cstdint>

namespace trefoil::sql {

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

// The years that dates and timestamps may lie in; 64-bit microseconds hold a little more.
inline constexpr std::int64_t kFirstYear = 1;
inline constexpr std::int64_t kLastYear = 290'000;

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
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const int month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

constexpr bool isLeapYear(std::int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

constexpr int daysInMonth(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && isLeapYear(year) ? 29 : kDays[month - 1];
}

// Floor division of microseconds into whole days, and what is left of the day.
constexpr std::int64_t dayOfMicros(std::int64_t micros) {
  return micros >= 0 ? micros / kMicrosPerDay : -((-micros + kMicrosPerDay - 1) / kMicrosPerDay);
}
constexpr std::int64_t timeOfMicros(std::int64_t micros) {
  return micros - dayOfMicros(micros) * kMicrosPerDay;
}

inline constexpr std::int64_t kFirstDay = daysFromCivil({kFirstYear, 1, 1});
inline constexpr std::int64_t kLastDay = daysFromCivil({kLastYear, 12, 31});

constexpr bool isTimestamp(std::int64_t micros) {
  return micros >= kFirstDay * kMicrosPerDay && micros < (kLastDay + 1) * kMicrosPerDay;
}

static_assert(daysFromCivil({2000, 3, 1}) == 11'017 && civilFromDays(11'017).month == 3);
static_assert(daysFromCivil({1969, 12, 31}) == -1 && civilFromDays(-1).day == 31);

}  // namespace trefoil::sql
