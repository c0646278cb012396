// PostgreSQL's binary forms of dates and times, most significant byte first:
//
//   date         int32   days since 2000-01-01; the largest is infinity, the least -infinity
//   time         int64   microseconds of the day
//   timestamp    int64   microseconds since 2000-01-01, the same with time zone (UTC); infinities as above
//   interval     int64 microseconds, int32 days, int32 months
//
// Reading checks length and range: `date out of range`, `time out of range`, `timestamp out of range`, `incorrect binary data
// format`. Pure functions, safe for all threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/status.hpp"
#include "sql/types/datetime/interval.hpp"

namespace trefoil::sql::datetime {

inline constexpr std::size_t kDateWireSize = 4;
inline constexpr std::size_t kTimeWireSize = 8;
inline constexpr std::size_t kTimestampWireSize = 8;
inline constexpr std::size_t kIntervalWireSize = 16;

// Each writes so many bytes at `to`, of a valid value.
void dateToWire(char* to, std::int64_t day);
void timeToWire(char* to, std::int64_t time);
void timestampToWire(char* to, std::int64_t micros);
void intervalToWire(char* to, const Interval& interval);

Result<std::int64_t> dateFromWire(std::string_view bytes);
Result<std::int64_t> timeFromWire(std::string_view bytes);
Result<std::int64_t> timestampFromWire(std::string_view bytes);
Result<Interval> intervalFromWire(std::string_view bytes);

}  // namespace trefoil::sql::datetime
