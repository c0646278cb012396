// Fewer digits behind the seconds' point: time(3), timestamp(0), interval(2). Halves are rounded away from zero, where the zero
// of timestamps is PostgreSQL's epoch, 2000-01-01, not ours. Pure functions.
#pragma once

#include <cstdint>

#include "sql/types/datetime/calendar.hpp"

namespace trefoil::sql::datetime {

inline constexpr int kMaxPrecision = 6;

// Rounds microseconds to `precision` digits; all other precisions than 0 … 5 leave them. False if the result does not fit.
constexpr bool roundMicros(std::int64_t& micros, int precision) {
  if (precision < 0 || precision >= kMaxPrecision) {
    return true;
  }
  std::int64_t unit = kMicrosPerSecond;
  for (int i = 0; i < precision; ++i) {
    unit /= 10;
  }
  std::int64_t rounded = micros;
  if (__builtin_add_overflow(micros, micros >= 0 ? unit / 2 : -(unit / 2), &rounded)) {
    return false;
  }
  micros = rounded - rounded % unit;
  return true;
}

constexpr std::int64_t roundTime(std::int64_t time, int precision) {
  roundMicros(time, precision);
  return time;
}

// A timestamp, with or without zone. False: `timestamp out of range`.
constexpr bool roundTimestamp(std::int64_t& micros, int precision) {
  if (!isFinite(micros)) {
    return true;
  }
  // One that is before 2000 by less than 64 bits hold: timestamps begin long after the least of them.
  std::int64_t since_2000 = micros - kPostgresEpochMicros;
  if (!roundMicros(since_2000, precision)) {
    return false;
  }
  return !__builtin_add_overflow(since_2000, kPostgresEpochMicros, &micros) && isTimestamp(micros);
}

}  // namespace trefoil::sql::datetime
