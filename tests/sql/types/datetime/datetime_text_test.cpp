#include "sql/types/datetime/datetime_text.hpp"

#include <iterator>
#include <random>
#include <string>

#include "sql/types/datetime/calendar.hpp"
#include "tests/sql/types/datetime/shown.hpp"

namespace trefoil::sql::datetime {
namespace {

struct Text {
  std::string_view in;
  std::string_view out;
};

constexpr Text kDates[] = {
    {"2024-02-28", "2024-02-28"},
    {"2024-2-8", "2024-02-08"},
    {"January 8, 1999", "1999-01-08"},
    {"1/8/1999", "1999-01-08"},
    {"1/18/1999", "1999-01-18"},
    {"18/1/1999",
     "ERROR: date/time field value out of range: \"18/1/1999\" HINT: Perhaps you need a different \"datestyle\" setting."},
    {"01/02/03", "2003-01-02"},
    {"1999-Jan-08", "1999-01-08"},
    {"Jan-08-1999", "1999-01-08"},
    {"08-Jan-1999", "1999-01-08"},
    {"99-Jan-08",
     "ERROR: date/time field value out of range: \"99-Jan-08\" HINT: Perhaps you need a different \"datestyle\" setting."},
    {"08-Jan-99", "1999-01-08"},
    {"Jan-08-99", "1999-01-08"},
    {"19990108", "1999-01-08"},
    {"990108", "1999-01-08"},
    {"1999.008", "1999-01-08"},
    {"1999-008", "1999-01-08"},
    {"2024.366", "2024-12-31"},
    {"2023.366", "2024-01-01"},
    {"J2451187", "1999-01-08"},
    {"julian 2451187", "1999-01-08"},
    {"J0", "4714-11-24 BC"},
    {"J2451187.75", "1999-01-08"},
    {"January 8, 99 BC", "0099-01-08 BC"},
    {"0099-01-08 BC", "0099-01-08 BC"},
    {"4714-11-24 BC", "4714-11-24 BC"},
    {"4714-11-23 BC", "ERROR: date out of range: \"4714-11-23 BC\""},
    {"5874897-12-31", "5874897-12-31"},
    {"5874898-01-01", "ERROR: date out of range: \"5874898-01-01\""},
    {"0000-01-01", "ERROR: date/time field value out of range: \"0000-01-01\""},
    {"0001-01-01", "0001-01-01"},
    {"2024-02-30", "ERROR: date/time field value out of range: \"2024-02-30\""},
    {"2023-02-29", "ERROR: date/time field value out of range: \"2023-02-29\""},
    {"2024-13-01",
     "ERROR: date/time field value out of range: \"2024-13-01\" HINT: Perhaps you need a different \"datestyle\" setting."},
    {"2024-00-10",
     "ERROR: date/time field value out of range: \"2024-00-10\" HINT: Perhaps you need a different \"datestyle\" setting."},
    {"13/13/2024",
     "ERROR: date/time field value out of range: \"13/13/2024\" HINT: Perhaps you need a different \"datestyle\" setting."},
    {"infinity", "infinity"},
    {"-infinity", "-infinity"},
    {"+infinity", "ERROR: invalid input syntax for type date: \"+infinity\""},
    {"epoch", "1970-01-01"},
    {"Mon Jan 8 1999", "1999-01-08"},
    {"monday", "ERROR: invalid input syntax for type date: \"monday\""},
    {"y2001m02d04", "2001-02-04"},
    {"2024-01-01 25:00", "ERROR: date/time field value out of range: \"2024-01-01 25:00\""},
    {"1999-01-08 04:05:06 America/Nowhere", "ERROR: time zone \"america/nowhere\" not recognized"},
    {"2024-01-01+16", "ERROR: time zone displacement out of range: \"2024-01-01+16\""},
    {"2024-01-01 -15:59:59", "2024-01-01"},
    {"on 2024-01-01", "2024-01-01"},
    {"99999999999",
     "ERROR: date/time field value out of range: \"99999999999\" HINT: Perhaps you need a different \"datestyle\" setting."},
    {"12345-6-7", "12345-06-07"},
    {"", "ERROR: invalid input syntax for type date: \"\""},
    {"today now", "ERROR: invalid input syntax for type date: \"today now\""},
    {"2024-01-01T", "ERROR: invalid input syntax for type date: \"2024-01-01T\""},
    {"1 2 3 4 5 6", "ERROR: invalid input syntax for type date: \"1 2 3 4 5 6\""},
    {"Sept 5 2020", "2020-09-05"},
    {"5 Foo 2020", "ERROR: invalid input syntax for type date: \"5 Foo 2020\""},
    {"2024-01-01x", "ERROR: invalid input syntax for type date: \"2024-01-01x\""},
    {"J", "ERROR: invalid input syntax for type date: \"J\""},
    {"2024 Feb", "ERROR: invalid input syntax for type date: \"2024 Feb\""},
    {"10000-01-01", "10000-01-01"},
    {"-2024-01-01", "ERROR: time zone displacement out of range: \"-2024-01-01\""},
    {"2024--01-01", "2024-01-01"},
    {"2024/01-02", "ERROR: invalid input syntax for type date: \"2024/01-02\""},
    {"2024-01-01\t", "2024-01-01"},
    {"1999-01-08 BC AD", "ERROR: invalid input syntax for type date: \"1999-01-08 BC AD\""},
    {"é", "ERROR: invalid input syntax for type date: \"é\""},
};

constexpr Text kTimes[] = {
    {"04:05:06.789", "04:05:06.789"},
    {"04:05", "04:05:00"},
    {"040506", "04:05:06"},
    {"04:05 AM", "04:05:00"},
    {"04:05 PM", "16:05:00"},
    {"12:00 AM", "00:00:00"},
    {"12:30 pm", "12:30:00"},
    {"13:00 PM", "ERROR: date/time field value out of range: \"13:00 PM\""},
    {"04:05:06-08:00", "04:05:06"},
    {"040506+0730", "04:05:06"},
    {"04:05:06 PST", "04:05:06"},
    {"04:05:06 America/New_York", "ERROR: invalid input syntax for type time: \"04:05:06 America/New_York\""},
    {"2003-04-12 04:05:06 America/New_York", "04:05:06"},
    {"24:00:00", "24:00:00"},
    {"24:00:00.000001", "ERROR: date/time field value out of range: \"24:00:00.000001\""},
    {"23:59:60", "24:00:00"},
    {"23:59:59.9999999", "24:00:00"},
    {"25:00", "ERROR: date/time field value out of range: \"25:00\""},
    {"04:60", "ERROR: date/time field value out of range: \"04:60\""},
    {"allballs", "00:00:00"},
    {"epoch", "ERROR: invalid input syntax for type time: \"epoch\""},
    {"now 1", "ERROR: invalid input syntax for type time: \"now 1\""},
    {"0405", "04:05:00"},
    {"12:34.5", "00:12:34.5"},
    {"T040506", "04:05:06"},
    {"040506.789", "04:05:06.789"},
    {"4", "ERROR: invalid input syntax for type time: \"4\""},
    {"04:05:06 BC", "04:05:06"},
    {"04:05:06.", "04:05:06"},
    {"h4m5s6.5", "ERROR: invalid input syntax for type time: \"h4m5s6.5\""},
    {"10:10 EST EDT", "ERROR: invalid input syntax for type time: \"10:10 EST EDT\""},
    {"10:10 MET DST", "10:10:00"},
    {"2024-01-01", "ERROR: invalid input syntax for type time: \"2024-01-01\""},
    {"10:10:10 +16", "ERROR: time zone displacement out of range: \"10:10:10 +16\""},
    {"99999999999:00", "ERROR: date/time field value out of range: \"99999999999:00\""},
};

constexpr Text kTimestamps[] = {
    {"2024-02-28 12:34:56.789012", "2024-02-28 12:34:56.789012"},
    {"2024-02-28T12:34:56", "2024-02-28 12:34:56"},
    {"2024-02-28t12:34:56Z", "2024-02-28 12:34:56"},
    {"2024-02-28 12:34:56.7890125", "2024-02-28 12:34:56.789012"},
    {"2024-02-28 12:34:56.0000005", "2024-02-28 12:34:56"},
    {"1999-12-31 23:59:59.9999999", "2000-01-01 00:00:00"},
    {"Wed Feb 28 17:32:01 1997 PST", "1997-02-28 17:32:01"},
    {"Feb 28 17:32:01.4 1997", "1997-02-28 17:32:01.4"},
    {"2/28/97 5:32 PM", "1997-02-28 17:32:00"},
    {"19970228T173201", "1997-02-28 17:32:01"},
    {"970228 1732", "1997-02-28 17:32:00"},
    {"1997.059 17:32:01", "1997-02-28 17:32:01"},
    {"97FEB28 17:32:01", "ERROR: invalid input syntax for type timestamp: \"97FEB28 17:32:01\""},
    {"1997-02-28 17:32:01 BC", "1997-02-28 17:32:01 BC"},
    {"1997-02-28 17:32:01+05:30", "1997-02-28 17:32:01"},
    {"1997-02-28 24:00:00", "1997-03-01 00:00:00"},
    {"1997-02-28 24:00:01", "ERROR: date/time field value out of range: \"1997-02-28 24:00:01\""},
    {"J2451187 04:05", "1999-01-08 04:05:00"},
    {"J2451187.5", "1999-01-08 12:00:00"},
    {"2451187 04:05:06",
     "ERROR: date/time field value out of range: \"2451187 04:05:06\" HINT: Perhaps you need a different \"datestyle\" setting."},
    {"infinity", "infinity"},
    {"epoch", "1970-01-01 00:00:00"},
    {"-infinity 10:00", "-infinity"},
    {"2024-01-01 10:00:00 UTC+3", "2024-01-01 10:00:00"},
    {"2024-01-01 noon", "ERROR: invalid input syntax for type timestamp: \"2024-01-01 noon\""},
    {"2024-01-01 12:00 1", "ERROR: invalid input syntax for type timestamp: \"2024-01-01 12:00 1\""},
    {"4713-01-01 00:00:00 BC", "4713-01-01 00:00:00 BC"},
    {"4714-11-23 23:59:59 BC", "ERROR: timestamp out of range: \"4714-11-23 23:59:59 BC\""},
    {"2024-02-28 12:00 Foo/Bar", "ERROR: time zone \"foo/bar\" not recognized"},
    {"2024-02-28 99:00", "ERROR: date/time field value out of range: \"2024-02-28 99:00\""},
    {"2024-02-28 12:00+24", "ERROR: time zone displacement out of range: \"2024-02-28 12:00+24\""},
    {"2024-02-28 12:00-05-03", "ERROR: invalid input syntax for type timestamp: \"2024-02-28 12:00-05-03\""},
    {"2024-02-28 12", "ERROR: invalid input syntax for type timestamp: \"2024-02-28 12\""},
    {"20240228120000",
     "ERROR: date/time field value out of range: \"20240228120000\" HINT: Perhaps you need a different \"datestyle\" setting."},
    {"2024-02-28 1:2:3.4.5", "ERROR: invalid input syntax for type timestamp: \"2024-02-28 1:2:3.4.5\""},
    {"2024-02-28 12:00 DST", "ERROR: invalid input syntax for type timestamp: \"2024-02-28 12:00 DST\""},
    {"y2001m02d04h05m06s07.5", "2001-02-04 05:06:07.5"},
    {"T12:00 2024-01-01", "ERROR: invalid input syntax for type timestamp: \"T12:00 2024-01-01\""},
    {"2024-01-01 12:00 at 5", "ERROR: invalid input syntax for type timestamp: \"2024-01-01 12:00 at 5\""},
    {"Jan 1 4pm 2024", "ERROR: date/time field value out of range: \"Jan 1 4pm 2024\""},
    {"Jan 1 4 2024 pm", "ERROR: date/time field value out of range: \"Jan 1 4 2024 pm\""},
};

// The session is in New York.
constexpr Text kTimestampsTz[] = {
    {"2024-02-28 12:34:56.789", "2024-02-28 12:34:56.789-05"},
    {"2024-07-01 12:00", "2024-07-01 12:00:00-04"},
    {"2024-07-01 12:00+02", "2024-07-01 06:00:00-04"},
    {"2024-07-01 12:00 -03:30", "2024-07-01 11:30:00-04"},
    {"2024-07-01 12:00+0530", "2024-07-01 02:30:00-04"},
    {"2024-07-01 12:00:00.5Z", "2024-07-01 08:00:00.5-04"},
    {"2024-07-01 12:00 EST", "2024-07-01 13:00:00-04"},
    {"2024-07-01 12:00 EDT", "2024-07-01 12:00:00-04"},
    {"2024-07-01 12:00 EST DST", "2024-07-01 12:00:00-04"},
    {"2024-07-01 12:00 America/New_York", "2024-07-01 12:00:00-04"},
    {"2024-03-10 02:30", "2024-03-10 03:30:00-04"},
    {"2024-03-10 01:59:59", "2024-03-10 01:59:59-05"},
    {"2024-03-10 03:00", "2024-03-10 03:00:00-04"},
    {"2024-11-03 01:30", "2024-11-03 01:30:00-05"},
    {"2024-11-03 01:30 EDT", "2024-11-03 01:30:00-04"},
    {"2024-11-03 01:30 EST", "2024-11-03 01:30:00-05"},
    {"2024-11-03 00:59:59", "2024-11-03 00:59:59-04"},
    {"2024-11-03 02:00", "2024-11-03 02:00:00-05"},
    {"1883-11-18 12:00", "1883-11-18 12:00:00-05"},
    {"1800-01-01 00:00", "1800-01-01 00:00:00-04:56:02"},
    {"2014-10-26 01:30 Europe/Moscow", "2014-10-25 18:30:00-04"},
    {"2014-10-26 01:30 MSK", "2014-10-25 18:30:00-04"},
    {"2010-10-26 01:30 MSD", "2010-10-25 17:30:00-04"},
    {"2024-07-01 12:00 UTC+3", "2024-07-01 11:00:00-04"},
    {"2024-07-01 12:00 EST5EDT", "2024-07-01 12:00:00-04"},
    {"2024-07-01 12:00 FOO7", "2024-07-01 15:00:00-04"},
    {"2024-07-01 12:00 +15:59:59", "2024-06-30 16:00:01-04"},
    {"2024-07-01 12:00 +16:00", "ERROR: time zone displacement out of range: \"2024-07-01 12:00 +16:00\""},
    {"infinity", "infinity"},
    {"epoch", "1969-12-31 19:00:00-05"},
    {"0044-03-15 12:00 BC", "0044-03-15 12:00:00-04:56:02 BC"},
    {"19990108 040506-08", "1999-01-08 07:05:06-05"},
    {"J2451187-5", "1999-01-08 00:00:00-05"},
    {"2024-07-01 allballs", "2024-06-30 20:00:00-04"},
    {"2024-07-01 12:00 DST", "ERROR: invalid input syntax for type timestamp with time zone: \"2024-07-01 12:00 DST\""},
    {"2024-07-01 12:00 VET", "2024-07-01 12:00:00-04"},
    {"2013-07-01 12:00 VET", "2013-07-01 12:30:00-04"},
    {"2024-07-01T12:00:00.123456-04:00", "2024-07-01 12:00:00.123456-04"},
    {"2024-07-01 12:00 zulu", "2024-07-01 08:00:00-04"},
    {"2024-07-01 12:00 Europe/Nowhere", "ERROR: time zone \"europe/nowhere\" not recognized"},
};

const SessionClock& clockOfUtc() {
  static const SessionClock clock{utc(), kTestNow};
  return clock;
}

}  // namespace

TEST_CASE("Dates and times are read and printed as PostgreSQL does", "[sql][datetime]") {
  for (const Text& text : kDates) {
    INFO(text.in);
    CHECK(shownDate(parseDate(text.in, clockOfUtc())) == text.out);
  }
  for (const Text& text : kTimes) {
    INFO(text.in);
    CHECK(shownTime(parseTime(text.in, clockOfUtc())) == text.out);
  }
  for (const Text& text : kTimestamps) {
    INFO(text.in);
    CHECK(shownTimestamp(parseTimestamp(text.in, clockOfUtc())) == text.out);
  }
  const TimeZonePointer zone = zoneNamed("America/New_York");
  for (const Text& text : kTimestampsTz) {
    INFO(text.in);
    CHECK(shownTimestampTz(parseTimestampTz(text.in, {*zone, kTestNow}), *zone) == text.out);
  }
}

TEST_CASE("Words for times are relative to the transaction, by the session's clocks", "[sql][datetime]") {
  const TimeZonePointer kolkata = zoneNamed("Asia/Kolkata");  // where it is five in the morning of the next day
  const SessionClock clock{*kolkata, kTestNow};
  CHECK(shownDate(parseDate("today", clock)) == "2024-02-29");
  CHECK(shownDate(parseDate("now", clock)) == "2024-02-29");
  CHECK(shownDate(parseDate("tomorrow", clock)) == "2024-03-01");
  CHECK(shownDate(parseDate("Yesterday", clock)) == "2024-02-28");
  CHECK(shownTime(parseTime("now", clock)) == "05:00:00.25");
  CHECK(shownTimestamp(parseTimestamp("now", clock)) == "2024-02-29 05:00:00.25");
  CHECK(shownTimestamp(parseTimestamp("today 12:00", clock)) == "2024-02-29 12:00:00");
  CHECK(shownTimestampTz(parseTimestampTz("now", clock), *kolkata) == "2024-02-29 05:00:00.25+05:30");
  CHECK(shownTimestampTz(parseTimestampTz("tomorrow allballs", clock), *kolkata) == "2024-03-01 05:30:00+05:30");
  CHECK(shownDate(parseDate("today", clockOfUtc())) == "2024-02-28");
}

TEST_CASE("Timestamps end with the microseconds that 64 bits hold", "[sql][datetime]") {
  CHECK(shownTimestamp(parseTimestamp("294247-01-10 04:00:54.775806", clockOfUtc())) == "294247-01-10 04:00:54.775806");
  CHECK(shownTimestamp(parseTimestamp("294247-01-10 04:00:54.775807", clockOfUtc())) ==
        "ERROR: timestamp out of range: \"294247-01-10 04:00:54.775807\"");
  CHECK(shownTimestampTz(parseTimestampTz("294247-01-10 04:00:54.775806-01", clockOfUtc()), utc()) ==
        "ERROR: timestamp out of range: \"294247-01-10 04:00:54.775806-01\"");
  CHECK(timestampTzText(kLastTimestamp, *zoneNamed("Asia/Kolkata")) == "294247-01-10 09:30:54.775806+05:30");
  CHECK(timestampTzText(kFirstTimestamp, *zoneNamed("Etc/GMT+5")) == "4714-11-23 19:00:00-05 BC");
}

TEST_CASE("What is printed is read back as the same value", "[sql][datetime]") {
  std::mt19937_64 random(1);  // NOLINT: the same values each time
  const TimeZonePointer zone = zoneNamed("America/St_Johns");
  const SessionClock clock{*zone, kTestNow};
  for (int round = 0; round < 50'000; ++round) {
    std::int64_t micros = 0;
    do {
      micros = static_cast<std::int64_t>(random()) >> (random() % 40);
    } while (!isTimestamp(micros) || !isTimestamp(micros - kMicrosPerDay));
    INFO(timestampText(micros));
    REQUIRE(*parseTimestamp(timestampText(micros), clock) == micros);
    REQUIRE(*parseTimestampTz(timestampTzText(micros, *zone), clock) == micros);
    REQUIRE(*parseDate(dateText(dayOf(micros)), clock) == dayOf(micros));
    REQUIRE(*parseTime(timeText(timeOf(micros)), clock) == timeOf(micros));
  }
}

TEST_CASE("Any bytes are a value or an error", "[sql][datetime]") {
  std::mt19937 random(2);  // NOLINT: the same texts each time
  constexpr std::string_view kParts[] = {"2024", "-",   ":", "12",  "99999999999", ".",     "jan", "t",
                                         "j",    "+",   " ", "bc",  "pm",          "utc",   "/",   "P",
                                         "1e9",  "mon", "y", "dst", "\xC3\xA9",    "epoch", "ago", "d"};
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (auto left = random() % 12; left > 0; --left) {
      text += kParts[random() % std::size(kParts)];
    }
    INFO(text);
    for (const auto& result : {parseDate(text, clockOfUtc()), parseTime(text, clockOfUtc()), parseTimestamp(text, clockOfUtc()),
                               parseTimestampTz(text, clockOfUtc())}) {
      REQUIRE((result.ok() || !result.error().message.empty()));
    }
    REQUIRE((parseInterval(text).ok() || !parseInterval(text).error().message.empty()));
  }
  CHECK_FALSE(parseTimestamp(std::string(1'000'000, '1'), clockOfUtc()).ok());
  CHECK_FALSE(parseInterval("P" + std::string(1'000'000, '1')).ok());
}

}  // namespace trefoil::sql::datetime
