// What the tests of dates and times compare: values and errors as text, as psql shows them.
//
// Expected values come from PostgreSQL 15. The session's zone is that of a test; its transaction has begun on 2024-02-28 at
// 23:30:00.25 UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "base/status.hpp"
#include "sql/types/datetime/datetime_part.hpp"
#include "sql/types/datetime/datetime_text.hpp"
#include "sql/types/datetime/interval_text.hpp"
#include "sql/types/datetime/time_zone.hpp"

namespace trefoil::sql::datetime {

inline constexpr std::int64_t kTestNow = 1'709'163'000'250'000;

inline TimeZonePointer zoneNamed(std::string_view name) {
  TimeZonePointer zone = findTimeZone(name);
  REQUIRE(zone != nullptr);
  return zone;
}

inline std::string shown(const Error& error) {
  std::string text = "ERROR: " + error.message;
  text += error.detail.empty() ? "" : " DETAIL: " + error.detail;
  text += error.hint.empty() ? "" : " HINT: " + error.hint;
  return text;
}

template <typename T, typename Print>
std::string shownWith(const Result<T>& result, Print print) {
  return result.ok() ? print(*result) : shown(result.error());
}

inline std::string dateText(std::int64_t day) {
  char text[kMaxDatetimeChars];
  return {text, formatDate(text, day)};
}
inline std::string timeText(std::int64_t time) {
  char text[kMaxDatetimeChars];
  return {text, formatTime(text, time)};
}
inline std::string timestampText(std::int64_t micros) {
  char text[kMaxDatetimeChars];
  return {text, formatTimestamp(text, micros)};
}
inline std::string timestampTzText(std::int64_t micros, const TimeZone& zone) {
  char text[kMaxDatetimeChars];
  return {text, formatTimestampTz(text, micros, zone)};
}
inline std::string intervalText(const Interval& interval) {
  char text[kMaxIntervalChars];
  return {text, formatInterval(text, interval)};
}

inline std::string shownDate(const Result<std::int64_t>& result) {
  return shownWith(result, dateText);
}
inline std::string shownTime(const Result<std::int64_t>& result) {
  return shownWith(result, timeText);
}
inline std::string shownTimestamp(const Result<std::int64_t>& result) {
  return shownWith(result, timestampText);
}
inline std::string shownTimestampTz(const Result<std::int64_t>& result, const TimeZone& zone) {
  return shownWith(result, [&](std::int64_t micros) { return timestampTzText(micros, zone); });
}
inline std::string shownInterval(const Result<Interval>& result) {
  return shownWith(result, intervalText);
}

// A numeric, with as many digits as its scale says.
inline std::string shownField(const Result<FieldValue>& result) {
  return shownWith(result, [](const FieldValue& value) -> std::string {
    switch (value.kind) {
      case FieldValue::Kind::kNull:
        return "null";
      case FieldValue::Kind::kPlusInfinity:
        return "Infinity";
      case FieldValue::Kind::kMinusInfinity:
        return "-Infinity";
      case FieldValue::Kind::kNumber:
        break;
    }
    WideInteger rest = value.coefficient < 0 ? -value.coefficient : value.coefficient;
    std::string digits;
    for (; rest != 0 || static_cast<int>(digits.size()) <= value.scale; rest /= 10) {
      digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    }
    if (value.scale > 0) {
      digits.insert(digits.size() - static_cast<std::size_t>(value.scale), ".");
    }
    return (value.coefficient < 0 ? "-" : "") + digits;
  });
}

inline std::int64_t timestampOf(std::string_view text) {
  const auto micros = parseTimestamp(text, {utc(), kTestNow});
  INFO(text);
  REQUIRE(micros.ok());
  return *micros;
}
inline std::int64_t timestampTzOf(std::string_view text, const TimeZone& zone) {
  const auto micros = parseTimestampTz(text, {zone, kTestNow});
  INFO(text);
  REQUIRE(micros.ok());
  return *micros;
}
inline std::int64_t dateOf(std::string_view text) {
  const auto day = parseDate(text, {utc(), kTestNow});
  INFO(text);
  REQUIRE(day.ok());
  return *day;
}
inline std::int64_t timeOfDay(std::string_view text) {
  const auto time = parseTime(text, {utc(), kTestNow});
  INFO(text);
  REQUIRE(time.ok());
  return *time;
}
inline Interval intervalOf(std::string_view text) {
  const auto interval = parseInterval(text);
  INFO(text);
  REQUIRE(interval.ok());
  return *interval;
}

}  // namespace trefoil::sql::datetime
