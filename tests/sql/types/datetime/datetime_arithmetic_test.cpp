#include "sql/types/datetime/datetime_arithmetic.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "sql/types/datetime/datetime_part.hpp"
#include "sql/types/datetime/precision.hpp"
#include "tests/sql/types/datetime/shown.hpp"

namespace trefoil::sql::datetime {
namespace {

// Moved by an interval, forwards and backwards: timestamps, and those with time zone in New York.
struct Moved {
  std::string_view time;
  std::string_view interval;
  std::string_view plus;
  std::string_view minus;
  std::string_view plus_tz;
  std::string_view minus_tz;
};

constexpr Moved kMoved[] = {
    {"2024-01-31 10:00", "1 mon", "2024-02-29 10:00:00", "2023-12-31 10:00:00", "2024-02-29 10:00:00-05",
     "2023-12-31 10:00:00-05"},
    {"2024-02-29 10:00", "1 year", "2025-02-28 10:00:00", "2023-02-28 10:00:00", "2025-02-28 10:00:00-05",
     "2023-02-28 10:00:00-05"},
    {"2024-03-31 10:00", "-1 mon", "2024-02-29 10:00:00", "2024-04-30 10:00:00", "2024-02-29 10:00:00-05",
     "2024-04-30 10:00:00-04"},
    {"2024-01-01 00:00", "-1 mon -1 day -00:00:01", "2023-11-29 23:59:59", "2024-02-02 00:00:01", "2023-11-29 23:59:59-05",
     "2024-02-02 00:00:01-05"},
    {"2024-03-09 12:00", "1 day", "2024-03-10 12:00:00", "2024-03-08 12:00:00", "2024-03-10 12:00:00-04",
     "2024-03-08 12:00:00-05"},
    {"2024-03-09 12:00", "24:00", "2024-03-10 12:00:00", "2024-03-08 12:00:00", "2024-03-10 13:00:00-04",
     "2024-03-08 12:00:00-05"},
    {"2024-03-09 02:30", "1 day", "2024-03-10 02:30:00", "2024-03-08 02:30:00", "2024-03-10 03:30:00-04",
     "2024-03-08 02:30:00-05"},
    {"2024-11-02 01:30", "1 day", "2024-11-03 01:30:00", "2024-11-01 01:30:00", "2024-11-03 01:30:00-05",
     "2024-11-01 01:30:00-04"},
    {"2024-11-03 01:30", "1:00", "2024-11-03 02:30:00", "2024-11-03 00:30:00", "2024-11-03 02:30:00-05",
     "2024-11-03 01:30:00-04"},
    {"2024-02-10 02:30", "1 mon", "2024-03-10 02:30:00", "2024-01-10 02:30:00", "2024-03-10 03:30:00-04",
     "2024-01-10 02:30:00-05"},
    {"0001-01-01 00:00", "-1 mon", "0001-12-01 00:00:00 BC", "0001-02-01 00:00:00", "0001-12-01 00:00:00-04:56:02 BC",
     "0001-02-01 00:00:00-04:56:02"},
    {"0001-12-31 00:00 BC", "1 day", "0001-01-01 00:00:00", "0001-12-30 00:00:00 BC", "0001-01-01 00:00:00-04:56:02",
     "0001-12-30 00:00:00-04:56:02 BC"},
    {"4713-01-01 00:00 BC", "-2 mons", "ERROR: timestamp out of range", "4713-03-01 00:00:00 BC", "ERROR: timestamp out of range",
     "4713-03-01 00:00:00-04:56:02 BC"},
    {"4713-01-01 00:00 BC", "-40 days", "ERROR: timestamp out of range", "4713-02-10 00:00:00 BC",
     "ERROR: timestamp out of range", "4713-02-10 00:00:00-04:56:02 BC"},
    {"2024-01-01 00:00", "300000 years", "ERROR: timestamp out of range", "ERROR: timestamp out of range",
     "ERROR: timestamp out of range", "ERROR: timestamp out of range"},
    {"2024-01-01 00:00", "2147483647 days", "ERROR: timestamp out of range", "ERROR: timestamp out of range",
     "ERROR: timestamp out of range", "ERROR: timestamp out of range"},
    {"infinity", "1 day", "infinity", "infinity", "infinity", "infinity"},
    {"-infinity", "-1 mon", "-infinity", "-infinity", "-infinity", "-infinity"},
    {"2024-01-01 12:00", "1 mon 2 days 03:04:05.6", "2024-02-03 15:04:05.6", "2023-11-29 08:55:54.4", "2024-02-03 15:04:05.6-05",
     "2023-11-29 08:55:54.4-05"},
    {"2024-05-31 12:00", "-13 mons -31 days 100:00", "2023-04-03 16:00:00", "2025-07-27 08:00:00", "2023-04-03 16:00:00-04",
     "2025-07-27 08:00:00-04"},
};

struct Difference {
  std::string_view a;
  std::string_view b;
  std::string_view difference;
  std::string_view age;
  std::string_view difference_tz;
  std::string_view age_tz;
};

constexpr Difference kDifferences[] = {
    {"2024-03-01 00:00", "2024-02-28 12:00", "1 day 12:00:00", "1 day 12:00:00", "1 day 12:00:00", "1 day 12:00:00"},
    {"2024-02-28 12:00", "2024-03-01 00:00", "-1 days -12:00:00", "-1 days -12:00:00", "-1 days -12:00:00", "-1 days -12:00:00"},
    {"2024-03-31 00:00", "2024-02-29 00:00", "31 days", "1 mon 2 days", "30 days 23:00:00", "1 mon 2 days"},
    {"2024-11-04 00:00", "2024-11-02 12:00", "1 day 12:00:00", "1 day 12:00:00", "1 day 13:00:00", "1 day 12:00:00"},
    {"2024-03-10 12:00", "2024-03-09 12:00", "1 day", "1 day", "23:00:00", "1 day"},
    {"2001-01-01 00:00", "1999-05-31 23:59:59.999999", "580 days 00:00:00.000001", "1 year 7 mons 00:00:00.000001",
     "580 days 01:00:00.000001", "1 year 7 mons 00:00:00.000001"},
    {"0001-01-01 00:00", "0001-01-01 00:00 BC", "366 days", "1 year", "366 days", "1 year"},
    {"2024-11-03 01:30", "2024-11-03 00:30", "01:00:00", "01:00:00", "02:00:00", "01:00:00"},
    {"2024-01-01 00:00", "2024-01-01 00:00", "00:00:00", "00:00:00", "00:00:00", "00:00:00"},
    {"1957-06-13 00:00", "2001-04-10 00:00", "-16007 days", "-43 years -9 mons -27 days", "-16007 days",
     "-43 years -9 mons -27 days"},
};

struct Binned {
  std::string_view stride;
  std::string_view time;
  std::string_view origin;
  std::string_view out;
};

constexpr Binned kBinned[] = {
    {"15 minutes", "2024-02-28 12:34:56.7", "2024-01-01 00:00", "2024-02-28 12:30:00"},
    {"1 day", "2024-02-28 12:34", "2024-01-01 06:00", "2024-02-28 06:00:00"},
    {"1 hour 30 minutes", "2000-01-01 00:00", "2024-01-01 00:00", "2000-01-01 00:00:00"},
    {"7 days", "1999-01-01 00:00", "2001-01-01 01:00", "1998-12-28 01:00:00"},
    {"1 mon", "2024-01-01 00:00", "2024-01-01 00:00",
     "ERROR: timestamps cannot be binned into intervals containing months or years"},
    {"0 s", "2024-01-01 00:00", "2024-01-01 00:00", "ERROR: stride must be greater than zero"},
    {"-1 day", "2024-01-01 00:00", "2024-01-01 00:00", "ERROR: stride must be greater than zero"},
    {"1 day", "infinity", "2024-01-01 00:00", "infinity"},
    {"1 day", "2024-01-01 00:00", "infinity", "ERROR: origin out of range"},
    {"200000000 days", "2024-01-01 00:00", "2024-01-01 00:00", "ERROR: interval out of range"},
    {"100000000 days", "2024-01-01 00:00", "2024-01-02 00:00", "ERROR: timestamp out of range"},
    {"1 us", "2024-01-01 00:00:00.000001", "2000-01-01 00:00", "2024-01-01 00:00:00.000001"},
};

struct Made {
  int year;
  int month;
  int day;
  int hour;
  int minute;
  double second;
  std::string_view date;
  std::string_view time;
  std::string_view timestamp;
};

const Made kMade[] = {
    {2024, 2, 29, 12, 34, 56.7891234, "2024-02-29", "12:34:56.789123", "2024-02-29 12:34:56.789123"},
    {-44, 3, 15, 0, 0, 0, "0044-03-15 BC", "00:00:00", "0044-03-15 00:00:00 BC"},
    {0, 1, 1, 0, 0, 0, "ERROR: date field value out of range: 0-01-01", "00:00:00",
     "ERROR: date field value out of range: 0-01-01"},
    {2023, 2, 29, 0, 0, 0, "ERROR: date field value out of range: 2023-02-29", "00:00:00",
     "ERROR: date field value out of range: 2023-02-29"},
    {2024, 13, 1, 0, 0, 0, "ERROR: date field value out of range: 2024-13-01", "00:00:00",
     "ERROR: date field value out of range: 2024-13-01"},
    {2024, 1, 1, 24, 0, 0, "2024-01-01", "24:00:00", "2024-01-02 00:00:00"},
    {2024, 1, 1, 24, 0, 0.1, "2024-01-01", "ERROR: time field value out of range: 24:00:0.1",
     "ERROR: time field value out of range: 24:00:0.1"},
    {2024, 1, 1, 23, 59, 60, "2024-01-01", "24:00:00", "2024-01-02 00:00:00"},
    {2024, 1, 1, 23, 59, 60.5, "2024-01-01", "ERROR: time field value out of range: 23:59:60.5",
     "ERROR: time field value out of range: 23:59:60.5"},
    {2024, 1, 1, 1, 2, NAN, "2024-01-01", "ERROR: time field value out of range: 1:02:NaN",
     "ERROR: time field value out of range: 1:02:NaN"},
    {2024, 1, 1, 1, 60, 0, "2024-01-01", "ERROR: time field value out of range: 1:60:00",
     "ERROR: time field value out of range: 1:60:00"},
    {2024, 1, 1, -1, 0, 0, "2024-01-01", "ERROR: time field value out of range: -1:00:00",
     "ERROR: time field value out of range: -1:00:00"},
    {-4714, 11, 24, 0, 0, 0, "4714-11-24 BC", "00:00:00", "4714-11-24 00:00:00 BC"},
    {-4714, 11, 23, 0, 0, 0, "ERROR: date out of range: -4713-11-23", "00:00:00",
     "ERROR: timestamp out of range: -4714-11-23 0:00:00"},
    {-4715, 1, 1, 0, 0, 0, "ERROR: date out of range: -4714-01-01", "00:00:00", "ERROR: date out of range: -4715-01-01"},
    {300000, 1, 1, 0, 0, 0, "300000-01-01", "00:00:00", "ERROR: timestamp out of range: 300000-01-01 0:00:00"},
    {2147483647, 1, 1, 0, 0, 0, "ERROR: date out of range: 2147483647-01-01", "00:00:00",
     "ERROR: date out of range: 2147483647-01-01"},
    {-2147483647, 1, 1, 0, 0, 0, "ERROR: date out of range: -2147483646-01-01", "00:00:00",
     "ERROR: date out of range: -2147483647-01-01"},
    {-988, 13, 1, 1, 2, 3.5, "ERROR: date field value out of range: -987-13-01", "01:02:03.5",
     "ERROR: date field value out of range: -988-13-01"},
};

struct Seconds {
  double seconds;
  std::string_view out;
};

const Seconds kSeconds[] = {
    {0, "1970-01-01 00:00:00+00"},
    {1709163000.25, "2024-02-28 23:30:00.25+00"},
    {-1.5, "1969-12-31 23:59:58.5+00"},
    {0.0000005, "1970-01-01 00:00:00+00"},
    {1e10, "2286-11-20 17:46:40+00"},
    {9.2e12, "293506-05-25 11:33:20+00"},
    {1e18, "ERROR: timestamp out of range: \"1e+18\""},
    {-210866803200, "4714-11-24 00:00:00+00 BC"},
    {-210866803201, "ERROR: timestamp out of range: \"-2.10867e+11\""},
    {INFINITY, "infinity"},
    {-INFINITY, "-infinity"},
    {NAN, "ERROR: timestamp cannot be NaN"},
    {946684799.9999995, "2000-01-01 00:00:00+00"},
    {1709163000.123456, "2024-02-28 23:30:00.123456+00"},
};

struct Rounded {
  std::string_view time;
  std::string_view out[7];
};

constexpr Rounded kRounded[] = {
    {"2024-02-28 12:34:56.789512",
     {"2024-02-28 12:34:57", "2024-02-28 12:34:56.8", "2024-02-28 12:34:56.79", "2024-02-28 12:34:56.79",
      "2024-02-28 12:34:56.7895", "2024-02-28 12:34:56.78951", "2024-02-28 12:34:56.789512"}},
    {"1999-12-31 23:59:59.5",
     {"1999-12-31 23:59:59", "1999-12-31 23:59:59.5", "1999-12-31 23:59:59.5", "1999-12-31 23:59:59.5", "1999-12-31 23:59:59.5",
      "1999-12-31 23:59:59.5", "1999-12-31 23:59:59.5"}},
    {"1999-12-31 23:59:58.5",
     {"1999-12-31 23:59:58", "1999-12-31 23:59:58.5", "1999-12-31 23:59:58.5", "1999-12-31 23:59:58.5", "1999-12-31 23:59:58.5",
      "1999-12-31 23:59:58.5", "1999-12-31 23:59:58.5"}},
    {"2000-01-01 00:00:00.5",
     {"2000-01-01 00:00:01", "2000-01-01 00:00:00.5", "2000-01-01 00:00:00.5", "2000-01-01 00:00:00.5", "2000-01-01 00:00:00.5",
      "2000-01-01 00:00:00.5", "2000-01-01 00:00:00.5"}},
    {"0044-03-15 12:00:00.4999995 BC",
     {"0044-03-15 12:00:00 BC", "0044-03-15 12:00:00.5 BC", "0044-03-15 12:00:00.5 BC", "0044-03-15 12:00:00.5 BC",
      "0044-03-15 12:00:00.5 BC", "0044-03-15 12:00:00.5 BC", "0044-03-15 12:00:00.5 BC"}},
    {"1970-01-01 00:00:00.05",
     {"1970-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 00:00:00.05", "1970-01-01 00:00:00.05", "1970-01-01 00:00:00.05",
      "1970-01-01 00:00:00.05", "1970-01-01 00:00:00.05"}},
    {"infinity", {"infinity", "infinity", "infinity", "infinity", "infinity", "infinity", "infinity"}},
};

}  // namespace

TEST_CASE("Timestamps are moved by intervals, with time zone on its clocks", "[sql][datetime]") {
  const TimeZonePointer zone = zoneNamed("America/New_York");
  for (const Moved& moved : kMoved) {
    INFO(moved.time << " by " << moved.interval);
    const Interval interval = intervalOf(moved.interval);
    const std::int64_t time = timestampOf(moved.time);
    const std::int64_t time_tz = timestampTzOf(moved.time, *zone);
    CHECK(shownTimestamp(addToTimestamp(time, interval)) == moved.plus);
    CHECK(shownTimestamp(subtractFromTimestamp(time, interval)) == moved.minus);
    CHECK(shownTimestampTz(addToTimestampTz(time_tz, interval, *zone), *zone) == moved.plus_tz);
    CHECK(shownTimestampTz(subtractFromTimestampTz(time_tz, interval, *zone), *zone) == moved.minus_tz);
  }
  constexpr Interval kLeast{INT64_MIN, INT32_MIN, INT32_MIN};
  constexpr Interval kMost{INT64_MAX, INT32_MAX, INT32_MAX};
  for (const std::int64_t time : {kFirstTimestamp, kLastTimestamp, std::int64_t{0}}) {
    for (const Interval& interval : {kLeast, kMost}) {
      CHECK(shownTimestamp(addToTimestamp(time, interval)) == "ERROR: timestamp out of range");
      CHECK(shownTimestampTz(subtractFromTimestampTz(time, interval, *zone), *zone) == "ERROR: timestamp out of range");
    }
  }
}

TEST_CASE("Differences of timestamps, and age", "[sql][datetime]") {
  const TimeZonePointer zone = zoneNamed("America/New_York");
  for (const Difference& row : kDifferences) {
    INFO(row.a << " and " << row.b);
    const std::int64_t a = timestampTzOf(row.a, *zone);
    const std::int64_t b = timestampTzOf(row.b, *zone);
    CHECK(shownInterval(subtractTimestamps(timestampOf(row.a), timestampOf(row.b))) == row.difference);
    CHECK(shownInterval(age(timestampOf(row.a), timestampOf(row.b))) == row.age);
    CHECK(shownInterval(subtractTimestamps(a, b)) == row.difference_tz);
    CHECK(shownInterval(ageTz(a, b, *zone)) == row.age_tz);
  }
  CHECK(shownInterval(subtractTimestamps(kInfinity, 0)) == "ERROR: cannot subtract infinite timestamps");
  CHECK(shownInterval(subtractTimestamps(kLastTimestamp, kFirstTimestamp)) == "ERROR: interval out of range");
  CHECK(shownInterval(age(kInfinity, 0)) == "ERROR: timestamp out of range");
}

TEST_CASE("Dates and times of day", "[sql][datetime]") {
  CHECK(shownDate(addDays(dateOf("2024-02-28"), 2)) == "2024-03-01");
  CHECK(shownDate(addDays(kInfinity, -1)) == "infinity");
  CHECK(shownDate(addDays(kLastDate, 1)) == "ERROR: date out of range");
  CHECK(shownDate(addDays(kFirstDate, -1)) == "ERROR: date out of range");
  CHECK(shownDate(addDays(0, INT64_MAX)) == "ERROR: date out of range");
  CHECK(*subtractDates(dateOf("2024-03-01"), dateOf("2024-02-28")) == 2);
  CHECK(shownDate(subtractDates(kInfinity, 0)) == "ERROR: cannot subtract infinite dates");
  CHECK(timeText(addToTime(timeOfDay("23:30"), intervalOf("1 day 01:00"))) == "00:30:00");
  CHECK(timeText(addToTime(timeOfDay("24:00"), Interval{})) == "00:00:00");
  CHECK(timeText(subtractFromTime(timeOfDay("00:30"), intervalOf("49:00"))) == "23:30:00");
  CHECK(timeText(addToTime(timeOfDay("12:00"), {INT64_MIN, 0, 0})) == "07:59:05.224192");
  CHECK(intervalText(subtractTimes(timeOfDay("01:00"), timeOfDay("02:00:00.5"))) == "-01:00:00.5");
  CHECK(shownTimestamp(addTimeToDate(dateOf("2024-02-28"), timeOfDay("24:00"))) == "2024-02-29 00:00:00");
  CHECK(shownTimestamp(addTimeToDate(kInfinity, timeOfDay("12:00"))) == "infinity");
  CHECK(shownTimestamp(addTimeToDate(kLastDayOfTimestamps, timeOfDay("12:00"))) == "ERROR: timestamp out of range");
  CHECK(timeText(timeOfInterval(intervalOf("-1 day -01:00"))) == "23:00:00");
}

TEST_CASE("Conversions between dates and timestamps", "[sql][datetime]") {
  const TimeZonePointer zone = zoneNamed("America/New_York");
  CHECK(shownTimestamp(timestampOfDate(dateOf("2024-02-28"))) == "2024-02-28 00:00:00");
  CHECK(shownTimestamp(timestampOfDate(kLastDate)) == "ERROR: date out of range for timestamp");
  CHECK(shownTimestamp(timestampOfDate(kNegativeInfinity)) == "-infinity");
  CHECK(shownTimestampTz(timestampTzOfDate(dateOf("2024-07-01"), *zone), *zone) == "2024-07-01 00:00:00-04");
  CHECK(shownTimestampTz(timestampTzOfDate(kFirstDate, *zoneNamed("Asia/Tokyo")), *zone) ==
        "ERROR: date out of range for timestamp");
  CHECK(dateText(dateOfTimestamp(timestampOf("0001-01-01 23:00 BC"))) == "0001-01-01 BC");
  CHECK(dateText(dateOfTimestampTz(timestampTzOf("2024-07-01 02:00+00", *zone), *zone)) == "2024-06-30");
  CHECK(timeText(*timeOfTimestampTz(timestampTzOf("2024-07-01 02:00+00", *zone), *zone)) == "22:00:00");
  CHECK_FALSE(timeOfTimestamp(kInfinity));
  CHECK(shownTimestampTz(timestampTzOfTimestamp(timestampOf("2024-03-10 02:30"), *zone), *zone) == "2024-03-10 03:30:00-04");
  CHECK(shownTimestamp(timestampOfTimestampTz(timestampTzOf("2024-03-10 03:30", *zone), *zone)) == "2024-03-10 03:30:00");
  CHECK(shownTimestamp(timestampOfTimestampTz(kFirstTimestamp, *zone)) == "ERROR: timestamp out of range");
  CHECK(shownTimestampTz(instantInZone(timestampOf("2024-01-01 00:00"), intervalOf("-03:30")), utc()) ==
        "2024-01-01 03:30:00+00");
  CHECK(shownTimestamp(clockInZone(timestampOf("2024-01-01 00:00"), intervalOf("100:00"))) == "2024-01-05 04:00:00");
  CHECK(shownTimestamp(clockInZone(0, intervalOf("1 day"))) ==
        "ERROR: interval time zone \"1 day\" must not include months or days");
  CHECK(shownTimestamp(clockInZone(0, Interval{INT64_MAX, 0, 0})) == "ERROR: timestamp out of range");
  CHECK(shownTimestamp(clockInZone(kInfinity, intervalOf("1 day"))) == "infinity");
  for (const Seconds& row : kSeconds) {
    INFO(row.seconds);
    CHECK(shownTimestampTz(timestampTzOfSeconds(row.seconds), utc()) == row.out);
  }
}

TEST_CASE("Dates, times and timestamps of their fields", "[sql][datetime]") {
  for (const Made& made : kMade) {
    INFO(made.year << "-" << made.month << "-" << made.day << " " << made.hour << ":" << made.minute << ":" << made.second);
    CHECK(shownDate(makeDate(made.year, made.month, made.day)) == made.date);
    CHECK(shownTime(makeTime(made.hour, made.minute, made.second)) == made.time);
    CHECK(shownTimestamp(makeTimestamp(made.year, made.month, made.day, made.hour, made.minute, made.second)) == made.timestamp);
  }
  const auto zone = ZoneReference::resolve("America/New_York");
  CHECK(shownTimestampTz(makeTimestampTz(2024, 3, 10, 2, 30, 0, *zone), utc()) == "2024-03-10 07:30:00+00");
}

TEST_CASE("Bins of timestamps", "[sql][datetime]") {
  for (const Binned& binned : kBinned) {
    INFO(binned.stride << " " << binned.time << " " << binned.origin);
    CHECK(shownTimestamp(binTimestamp(intervalOf(binned.stride), timestampOf(binned.time), timestampOf(binned.origin))) ==
          binned.out);
  }
}

TEST_CASE("Precision: halves go away from the year 2000", "[sql][datetime]") {
  for (const Rounded& rounded : kRounded) {
    for (int precision = 0; precision <= kMaxPrecision; ++precision) {
      INFO(rounded.time << " (" << precision << ")");
      std::int64_t micros = timestampOf(rounded.time);
      CHECK(roundTimestamp(micros, precision));
      CHECK(timestampText(micros) == rounded.out[precision]);
    }
  }
  CHECK(timeText(roundTime(timeOfDay("23:59:59.5"), 0)) == "24:00:00");
  CHECK(timeText(roundTime(timeOfDay("12:34:56.7896"), 3)) == "12:34:56.79");
  std::int64_t last = kLastTimestamp;
  CHECK_FALSE(roundTimestamp(last, 0));
}

TEST_CASE("OVERLAPS, with periods turned round and with null", "[sql][datetime]") {
  const Nullable null;
  CHECK(overlaps(1, 3, 2, 4) == true);
  CHECK(overlaps(3, 1, 4, 2) == true);
  CHECK(overlaps(1, 2, 2, 4) == false);
  CHECK(overlaps(2, 4, 1, 2) == false);
  CHECK(overlaps(1, 1, 1, 1) == true);
  CHECK(overlaps(1, 1, 1, 5) == true);
  CHECK(overlaps(1, 1, 0, 5) == true);
  CHECK(overlaps(5, 5, 0, 5) == false);
  CHECK(overlaps(null, null, 1, 2) == std::nullopt);
  CHECK(overlaps(1, null, 0, 2) == true);
  CHECK(overlaps(null, 1, 0, 2) == true);
  CHECK(overlaps(3, null, 0, 2) == std::nullopt);
  CHECK(overlaps(1, null, 1, 2) == std::nullopt);
  CHECK(overlaps(0, null, 1, 2) == std::nullopt);
  CHECK(overlaps(0, 5, 1, null) == true);
  CHECK(overlaps(0, 1, 1, null) == std::nullopt);
}

}  // namespace trefoil::sql::datetime
