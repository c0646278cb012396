// Dates, times and timestamps as text, with PostgreSQL's DateStyle "ISO, MDY".
//
// Read is whatever PostgreSQL 15 reads: "2024-01-08 04:05:06.789+01", "January 8, 1999", "1/8/99 4:05 PM PST", "19990108T040506",
// "J2451187", "1999.008", "99-Jan-08 BC", "infinity", "now", "yesterday allballs" … Printed is the ISO form, the zone's offset
// behind it for timestamptz. ISO texts take a short way through their reader.
//
// Errors: `invalid input syntax for type …`, `date/time field value out of range: …`, `time zone … not recognized` and the like.
// Pure functions, safe for all threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "sql/types/datetime/time_zone.hpp"

namespace trefoil::sql::datetime {

// What a session knows of time: its zone, and when its transaction has begun (microseconds since 1970 UTC).
struct SessionClock {
  const TimeZone& zone;
  std::int64_t now;
};

Result<std::int64_t> parseDate(std::string_view text, const SessionClock& clock);
// A zone in the text of a time or a timestamp is read and means nothing.
Result<std::int64_t> parseTime(std::string_view text, const SessionClock& clock);
Result<std::int64_t> parseTimestamp(std::string_view text, const SessionClock& clock);
Result<std::int64_t> parseTimestampTz(std::string_view text, const SessionClock& clock);

// Each writes its text at `to`, which has room for kMaxDatetimeChars, and returns its length. The values are valid ones.
inline constexpr std::size_t kMaxDatetimeChars = 48;  // 294247-01-10 04:00:54.775806+167:00:00 BC
std::size_t formatDate(char* to, std::int64_t day);
std::size_t formatTime(char* to, std::int64_t time);
std::size_t formatTimestamp(char* to, std::int64_t micros);
std::size_t formatTimestampTz(char* to, std::int64_t micros, const TimeZone& zone);

}  // namespace trefoil::sql::datetime
