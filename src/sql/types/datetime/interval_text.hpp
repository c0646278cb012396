// Intervals as text. Read is whatever PostgreSQL 15 reads: "1 year 2 mons 3 days 04:05:06", "@ 1 hour ago", "1-2 3 4:05:06.7"
// (SQL), "P1Y2M3DT4H5M6S", "P0001-02-03T04:05:06" (ISO 8601). Printed is IntervalStyle "postgres".
//
// A fraction of a unit spills down to smaller ones: of a year into whole months, of a month or a week into days and the time, of
// all others into the time.
//
// Errors: `invalid input syntax for type interval: …`, `interval field value out of range: …`, `interval out of range`. Pure
// functions, safe for all threads.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.hpp"
#include "sql/types/datetime/interval.hpp"

namespace trefoil::sql::datetime {

// The modifier says what a number without a unit is ('5' of INTERVAL MINUTE), and what is kept.
Result<Interval> parseInterval(std::string_view text, const IntervalModifier& modifier = {});

// Writes the text at `to`, which has room for kMaxIntervalChars, and returns its length.
inline constexpr std::size_t kMaxIntervalChars = 80;  // -178956970 years -8 mons -2147483648 days -2562047788:00:54.775808
std::size_t formatInterval(char* to, const Interval& interval);

}  // namespace trefoil::sql::datetime
