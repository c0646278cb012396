// Dates, times and timestamps moved, subtracted, converted, made and binned, as PostgreSQL 15 does it.
//
// Values are as in calendar.hpp. Infinite dates and timestamps stay what they are under addition. Whatever depends on a zone
// takes it: timestamptz moves by months and days on the zone's clocks, and by microseconds in time itself. Errors are values, in
// PostgreSQL's words. Pure functions, safe for all threads.
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.hpp"
#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/interval.hpp"
#include "sql/types/datetime/time_zone.hpp"

namespace trefoil::sql::datetime {

// Sums and differences.
Result<std::int64_t> addDays(std::int64_t date, std::int64_t days);  // date + integer, and date - integer with -days
Result<std::int64_t> subtractDates(std::int64_t a, std::int64_t b);  // days
Result<std::int64_t> addToTimestamp(std::int64_t micros, const Interval& interval);
Result<std::int64_t> subtractFromTimestamp(std::int64_t micros, const Interval& interval);
Result<std::int64_t> addToTimestampTz(std::int64_t micros, const Interval& interval, const TimeZone& zone);
Result<std::int64_t> subtractFromTimestampTz(std::int64_t micros, const Interval& interval, const TimeZone& zone);
// Of two timestamps, with or without zone: days of 24 hours, and the rest.
Result<Interval> subtractTimestamps(std::int64_t a, std::int64_t b);
std::int64_t addToTime(std::int64_t time, const Interval& interval);  // around midnight
std::int64_t subtractFromTime(std::int64_t time, const Interval& interval);
Interval subtractTimes(std::int64_t a, std::int64_t b);
Result<std::int64_t> addTimeToDate(std::int64_t date, std::int64_t time);  // a timestamp
// The calendar's difference: years, months, days and time from b to a.
Result<Interval> age(std::int64_t a, std::int64_t b);
Result<Interval> ageTz(std::int64_t a, std::int64_t b, const TimeZone& zone);

// Conversions. Those to a date or a timestamp keep infinity; a time has none: nullopt.
Result<std::int64_t> timestampOfDate(std::int64_t date);
Result<std::int64_t> timestampTzOfDate(std::int64_t date, const TimeZone& zone);
std::int64_t dateOfTimestamp(std::int64_t micros);
std::int64_t dateOfTimestampTz(std::int64_t micros, const TimeZone& zone);
std::optional<std::int64_t> timeOfTimestamp(std::int64_t micros);
std::optional<std::int64_t> timeOfTimestampTz(std::int64_t micros, const TimeZone& zone);
std::int64_t timeOfInterval(const Interval& interval);
Interval intervalOfTime(std::int64_t time);
Result<std::int64_t> timestampTzOfTimestamp(std::int64_t micros, const TimeZone& zone);
Result<std::int64_t> timestampOfTimestampTz(std::int64_t micros, const TimeZone& zone);
// timestamp AT TIME ZONE: an instant. timestamptz AT TIME ZONE: what the zone's clocks show.
Result<std::int64_t> instantInZone(std::int64_t micros, const ZoneReference& zone);
Result<std::int64_t> clockInZone(std::int64_t micros, const ZoneReference& zone);
// AT TIME ZONE INTERVAL: `interval time zone "…" must not include months or days`.
Result<std::int64_t> instantInZone(std::int64_t micros, const Interval& zone);
Result<std::int64_t> clockInZone(std::int64_t micros, const Interval& zone);
// to_timestamp(double precision): seconds since 1970.
Result<std::int64_t> timestampTzOfSeconds(double seconds);

// Values from their fields; a negative year is BC.
Result<std::int64_t> makeDate(int year, int month, int day);
Result<std::int64_t> makeTime(int hour, int minute, double second);
Result<std::int64_t> makeTimestamp(int year, int month, int day, int hour, int minute, double second);
Result<std::int64_t> makeTimestampTz(int year, int month, int day, int hour, int minute, double second,
                                     const ZoneReference& zone);

// The beginning of the bin of `stride` that a timestamp lies in, counted from `origin`.
Result<std::int64_t> binTimestamp(const Interval& stride, std::int64_t micros, std::int64_t origin);

// (start1, end1) OVERLAPS (start2, end2) for any of the types as integers; ends of a period may come in any order, and null is
// unknown.
using Nullable = std::optional<std::int64_t>;
std::optional<bool> overlaps(Nullable start1, Nullable end1, Nullable start2, Nullable end2);

}  // namespace trefoil::sql::datetime
