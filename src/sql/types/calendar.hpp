// The calendar of the types that there are today: datetime/calendar.hpp with years 1 to 290000.
#pragma once

#include <cstdint>

#include "sql/types/datetime/calendar.hpp"

namespace trefoil::sql {

using datetime::CivilDate;
using datetime::civilFromDays;
using datetime::daysFromCivil;
using datetime::daysInMonth;
using datetime::isLeapYear;
using datetime::kMicrosPerDay;
using datetime::kMicrosPerSecond;

// The years that dates and timestamps may lie in; 64-bit microseconds hold a little more.
inline constexpr std::int64_t kFirstYear = 1;
inline constexpr std::int64_t kLastYear = 290'000;

// Floor division of microseconds into whole days, and what is left of the day.
constexpr std::int64_t dayOfMicros(std::int64_t micros) {
  return datetime::dayOf(micros);
}
constexpr std::int64_t timeOfMicros(std::int64_t micros) {
  return datetime::timeOf(micros);
}

inline constexpr std::int64_t kFirstDay = daysFromCivil({kFirstYear, 1, 1});
inline constexpr std::int64_t kLastDay = daysFromCivil({kLastYear, 12, 31});

constexpr bool isTimestamp(std::int64_t micros) {
  return micros >= kFirstDay * kMicrosPerDay && micros < (kLastDay + 1) * kMicrosPerDay;
}

}  // namespace trefoil::sql
