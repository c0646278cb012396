// to_char of timestamps and intervals, to_date and to_timestamp, with PostgreSQL 15's templates (datetime_template.hpp), leniency
// and errors.
//
// Reading, blanks and punctuation of the template fit any in the text, or none, up to a pattern FX; blanks before fields are
// skipped; a number ends where its pattern's width does if digits follow, and where its digits do otherwise. Fields that are not
// in the text are those of 0001-01-01 BC 00:00.
//
// Pure functions, safe for all threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "sql/types/datetime/datetime_template.hpp"
#include "sql/types/datetime/interval.hpp"
#include "sql/types/datetime/time_zone.hpp"

namespace trefoil::sql::datetime {

// None (SQL's null) for an empty template and for infinity.
Result<std::optional<std::string>> timestampToChar(const DatetimeTemplate& pattern, std::int64_t micros);
Result<std::optional<std::string>> timestampTzToChar(const DatetimeTemplate& pattern, std::int64_t micros, const TimeZone& zone);
// `invalid format specification for an interval value` for patterns that need a calendar.
Result<std::optional<std::string>> intervalToChar(const DatetimeTemplate& pattern, const Interval& interval);

Result<std::int64_t> toDate(std::string_view text, const DatetimeTemplate& pattern);
// A text without TZH is by the zone's clocks.
Result<std::int64_t> toTimestampTz(std::string_view text, const DatetimeTemplate& pattern, const TimeZone& zone);

}  // namespace trefoil::sql::datetime
