#include "sql/types/datetime/time_zone.hpp"

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_arithmetic.hpp"
#include "tests/sql/types/datetime/shown.hpp"

namespace trefoil::sql::datetime {
namespace {

// A time by the clocks of a zone as an instant (UTC), and an instant as what the clocks show.
struct InZone {
  std::string_view zone;
  std::string_view time;
  std::string_view instant;
  std::string_view clock;
};

constexpr InZone kInZones[] = {
    {"America/New_York", "2024-03-10 01:59:59", "2024-03-10 06:59:59+00", "2024-03-09 20:59:59"},
    {"America/New_York", "2024-03-10 02:00:00", "2024-03-10 07:00:00+00", "2024-03-09 21:00:00"},
    {"America/New_York", "2024-03-10 02:30:00", "2024-03-10 07:30:00+00", "2024-03-09 21:30:00"},
    {"America/New_York", "2024-03-10 03:00:00", "2024-03-10 07:00:00+00", "2024-03-09 22:00:00"},
    {"America/New_York", "2024-11-03 00:59:59", "2024-11-03 04:59:59+00", "2024-11-02 20:59:59"},
    {"America/New_York", "2024-11-03 01:00:00", "2024-11-03 06:00:00+00", "2024-11-02 21:00:00"},
    {"America/New_York", "2024-11-03 01:59:59", "2024-11-03 06:59:59+00", "2024-11-02 21:59:59"},
    {"America/New_York", "2024-11-03 02:00:00", "2024-11-03 07:00:00+00", "2024-11-02 22:00:00"},
    {"America/New_York", "1883-11-18 12:03:58", "1883-11-18 17:03:58+00", "1883-11-18 07:07:56"},
    {"America/New_York", "1883-11-18 12:03:57", "1883-11-18 17:03:57+00", "1883-11-18 07:07:55"},
    {"America/New_York", "1800-01-01 00:00:00", "1800-01-01 04:56:02+00", "1799-12-31 19:03:58"},
    {"Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31 01:30:00+00", "2024-03-31 04:30:00"},
    {"Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27 01:30:00+00", "2024-10-27 03:30:00"},
    {"Europe/Berlin", "1945-05-24 02:30:00", "1945-05-24 00:30:00+00", "1945-05-24 05:30:00"},
    {"Europe/Berlin", "1893-03-31 23:59:59", "1893-03-31 23:06:31+00", "1893-04-01 00:59:59"},
    {"Europe/Berlin", "0001-01-01 00:00:00", "0001-12-31 23:06:32+00 BC", "0001-01-01 00:53:28"},
    {"Europe/Dublin", "2024-07-01 12:00:00", "2024-07-01 11:00:00+00", "2024-07-01 13:00:00"},
    {"Europe/Dublin", "2024-01-01 12:00:00", "2024-01-01 12:00:00+00", "2024-01-01 12:00:00"},
    {"Europe/Dublin", "2024-03-31 01:30:00", "2024-03-31 01:30:00+00", "2024-03-31 02:30:00"},
    {"Europe/Dublin", "2024-10-27 01:30:00", "2024-10-27 01:30:00+00", "2024-10-27 01:30:00"},
    {"Europe/Dublin", "1916-10-01 02:30:00", "1916-10-01 02:30:00+00", "1916-10-01 02:30:00"},
    {"Europe/Moscow", "2014-10-26 01:30:00", "2014-10-25 22:30:00+00", "2014-10-26 04:30:00"},
    {"Europe/Moscow", "2011-03-27 02:30:00", "2011-03-26 23:30:00+00", "2011-03-27 06:30:00"},
    {"Europe/Moscow", "2010-10-31 02:30:00", "2010-10-30 23:30:00+00", "2010-10-31 05:30:00"},
    {"Europe/Moscow", "2012-07-01 00:00:00", "2012-06-30 20:00:00+00", "2012-07-01 04:00:00"},
    {"Australia/Lord_Howe", "2024-04-07 01:45:00", "2024-04-06 15:15:00+00", "2024-04-07 12:15:00"},
    {"Australia/Lord_Howe", "2024-10-06 02:15:00", "2024-10-05 15:45:00+00", "2024-10-06 13:15:00"},
    {"Australia/Lord_Howe", "2024-07-01 00:00:00", "2024-06-30 13:30:00+00", "2024-07-01 10:30:00"},
    {"Pacific/Apia", "2011-12-29 23:59:59", "2011-12-30 09:59:59+00", "2011-12-29 13:59:59"},
    {"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30 22:00:00+00", "2011-12-31 02:00:00"},
    {"Pacific/Apia", "2011-12-31 00:00:00", "2011-12-30 10:00:00+00", "2011-12-31 14:00:00"},
    {"Asia/Kolkata", "2024-01-01 00:00:00", "2023-12-31 18:30:00+00", "2024-01-01 05:30:00"},
    {"Asia/Kolkata", "1942-10-01 00:00:00", "1942-09-30 17:30:00+00", "1942-10-01 06:30:00"},
    {"Asia/Kolkata", "1850-01-01 00:00:00", "1849-12-31 18:06:32+00", "1850-01-01 05:53:28"},
    {"America/St_Johns", "2006-10-29 00:00:30", "2006-10-29 03:30:30+00", "2006-10-28 21:30:30"},
    {"America/St_Johns", "2006-04-02 00:30:00", "2006-04-02 04:00:00+00", "2006-04-01 21:00:00"},
    {"Africa/Monrovia", "1960-01-01 00:00:00", "1960-01-01 00:44:30+00", "1959-12-31 23:15:30"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2090-07-01 12:00:00", "2090-07-01 10:00:00+00", "2090-07-01 14:00:00"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2090-01-01 12:00:00", "2090-01-01 11:00:00+00", "2090-01-01 13:00:00"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2024-03-31 02:30:00", "2024-03-31 01:30:00+00", "2024-03-31 04:30:00"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2024-10-27 02:30:00", "2024-10-27 01:30:00+00", "2024-10-27 03:30:00"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "1800-07-01 00:00:00", "1800-06-30 22:00:00+00", "1800-07-01 02:00:00"},
    {"EST5EDT4,M3.2.0,M11.1.0", "2024-03-10 02:30:00", "2024-03-10 07:30:00+00", "2024-03-09 21:30:00"},
    {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2024-01-01 00:00:00", "2023-12-31 13:00:00+00", "2024-01-01 11:00:00"},
    {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2024-07-01 00:00:00", "2024-06-30 14:00:00+00", "2024-07-01 10:00:00"},
    {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2024-04-07 02:30:00", "2024-04-06 16:30:00+00", "2024-04-07 12:30:00"},
    {"<+0530>-5:30", "2024-01-01 00:00:00", "2023-12-31 18:30:00+00", "2024-01-01 05:30:00"},
    {"UTC+3", "2024-01-01 00:00:00", "2024-01-01 03:00:00+00", "2023-12-31 21:00:00"},
    {"UTC-05:30", "2024-01-01 00:00:00", "2023-12-31 18:30:00+00", "2024-01-01 05:30:00"},
    {"+5", "2024-01-01 00:00:00", "2024-01-01 05:00:00+00", "2023-12-31 19:00:00"},
    {"foo bar7", "2024-01-01 00:00:00", "2024-01-01 07:00:00+00", "2023-12-31 17:00:00"},
    {"FOO5BAR", "2024-07-01 00:00:00", "2024-07-01 04:00:00+00", "2024-06-30 20:00:00"},
    {"FOO5BAR", "2024-12-01 00:00:00", "2024-12-01 05:00:00+00", "2024-11-30 19:00:00"},
    {"XXX0YYY,J60/0,J300", "2024-02-29 00:00:00", "2024-02-29 00:00:00+00", "2024-02-29 00:00:00"},
    {"XXX0YYY,J60/0,J300", "2024-03-01 00:00:00", "2024-03-01 00:00:00+00", "2024-03-01 01:00:00"},
    {"XXX0YYY,J60/0,J300", "2023-03-01 00:00:00", "2023-03-01 00:00:00+00", "2023-03-01 01:00:00"},
    {"XXX0YYY,59/0,300", "2024-02-29 00:00:00", "2024-02-29 00:00:00+00", "2024-02-29 01:00:00"},
    {"XXX0YYY,59/0,300", "2023-03-01 00:00:00", "2023-03-01 00:00:00+00", "2023-03-01 01:00:00"},
    {"europe/BERLIN", "2024-07-01 00:00:00", "2024-06-30 22:00:00+00", "2024-07-01 02:00:00"},
    {"est5edt", "2024-07-01 00:00:00", "2024-07-01 04:00:00+00", "2024-06-30 20:00:00"},
    {"EST", "2024-07-01 00:00:00", "2024-07-01 05:00:00+00", "2024-06-30 19:00:00"},
    {"edt", "2024-07-01 00:00:00", "2024-07-01 04:00:00+00", "2024-06-30 20:00:00"},
    {"MSK", "2010-07-01 00:00:00", "2010-06-30 21:00:00+00", "2010-07-01 03:00:00"},
    {"MSK", "2012-07-01 00:00:00", "2012-06-30 20:00:00+00", "2012-07-01 04:00:00"},
    {"MSK", "2024-07-01 00:00:00", "2024-06-30 21:00:00+00", "2024-07-01 03:00:00"},
    {"MSD", "2010-07-01 00:00:00", "2010-06-30 20:00:00+00", "2010-07-01 04:00:00"},
    {"MSD", "2024-07-01 00:00:00", "2024-06-30 20:00:00+00", "2024-07-01 04:00:00"},
    {"VET", "2000-01-01 00:00:00", "2000-01-01 04:00:00+00", "1999-12-31 20:00:00"},
    {"VET", "2010-01-01 00:00:00", "2010-01-01 04:30:00+00", "2009-12-31 19:30:00"},
    {"zulu", "2024-07-01 00:00:00", "2024-07-01 00:00:00+00", "2024-07-01 00:00:00"},
    {"IST", "2024-07-01 00:00:00", "2024-06-30 22:00:00+00", "2024-07-01 02:00:00"},
    {"ALMST", "2024-07-01 00:00:00", "2024-06-30 17:00:00+00", "2024-07-01 07:00:00"},
    {"Nowhere", "2024-01-01 00:00:00", "ERROR: time zone \"Nowhere\" not recognized",
     "ERROR: time zone \"Nowhere\" not recognized"},
    {"", "2024-01-01 00:00:00", "ERROR: time zone \"\" not recognized", "ERROR: time zone \"\" not recognized"},
    {"UTC+168", "2024-01-01 00:00:00", "ERROR: time zone \"UTC+168\" not recognized",
     "ERROR: time zone \"UTC+168\" not recognized"},
    {"UTC+5:60", "2024-01-01 00:00:00", "ERROR: time zone \"UTC+5:60\" not recognized",
     "ERROR: time zone \"UTC+5:60\" not recognized"},
    {"<foo>", "2024-01-01 00:00:00", "ERROR: time zone \"<foo>\" not recognized", "ERROR: time zone \"<foo>\" not recognized"},
    {"FOO5BAR,M13.1.0,M1.1.1", "2024-01-01 00:00:00", "ERROR: time zone \"FOO5BAR,M13.1.0,M1.1.1\" not recognized",
     "ERROR: time zone \"FOO5BAR,M13.1.0,M1.1.1\" not recognized"},
    {"../../etc/passwd", "2024-01-01 00:00:00", "ERROR: time zone \"../../etc/passwd\" not recognized",
     "ERROR: time zone \"../../etc/passwd\" not recognized"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa5",
     "2024-01-01 00:00:00",
     "ERROR: time zone "
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa5\" not recognized",
     "ERROR: time zone "
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa5\" not recognized"},
};

}  // namespace

TEST_CASE("AT TIME ZONE: zones, specifications and abbreviations, gaps and overlaps", "[sql][datetime]") {
  for (const InZone& row : kInZones) {
    INFO(row.time << " in " << row.zone);
    const Result<ZoneReference> zone = ZoneReference::resolve(row.zone);
    if (!zone.ok()) {
      CHECK(shown(zone.error()) == row.instant);
      continue;
    }
    CHECK(shownTimestampTz(instantInZone(timestampOf(row.time), *zone), utc()) == row.instant);
    CHECK(shownTimestamp(clockInZone(timestampOf(row.time), *zone)) == row.clock);
  }
}

TEST_CASE("The session's zone: names and hours", "[sql][datetime]") {
  const auto offset = [](std::string_view setting) {
    const auto zone = timeZoneOfSetting(setting);
    return zone.ok() ? (*zone)->name() + " " + std::to_string((*zone)->offsetAt(0)) : shown(zone.error());
  };
  CHECK(offset("europe/berlin") == "Europe/Berlin 3600");
  CHECK(offset("UTC") == "UTC 0");
  CHECK(offset("-8") == "-08 -28800");
  CHECK(offset("+5.5") == "+05:30 19800");
  CHECK(offset("foo5") == "FOO5 -18000");
  CHECK(offset("Mars/Base") == "ERROR: invalid value for parameter \"TimeZone\": \"Mars/Base\"");
  CHECK(offset("200") == "ERROR: invalid value for parameter \"TimeZone\": \"200\" DETAIL: UTC timezone offset is out of range.");
  CHECK(offset("nan") == "ERROR: invalid value for parameter \"TimeZone\": \"nan\" DETAIL: UTC timezone offset is out of range.");
}

TEST_CASE("Displacements, abbreviations and zones for make_timestamptz", "[sql][datetime]") {
  const auto offset = [](std::string_view name) {
    const auto zone = ZoneReference::resolveWithDisplacements(name);
    return zone.ok() ? std::to_string(zone->offsetAt(0)) : shown(zone.error());
  };
  CHECK(offset("+05:30") == "19800");
  CHECK(offset("-0830") == "-30600");
  CHECK(offset("EDT") == "-14400");
  CHECK(offset("Asia/Tokyo") == "32400");
  CHECK(offset("+25") == "ERROR: numeric time zone \"+25\" out of range");
  CHECK(offset("foo") == "ERROR: time zone \"foo\" not recognized");
  CHECK(offset("5") ==
        "ERROR: invalid input syntax for type numeric time zone: \"5\" HINT: Numeric time zones must have \"-\" or \"+\" as "
        "first character.");
}

TEST_CASE("Local times and instants agree, hour by hour over the changes of many zones", "[sql][datetime]") {
  const std::vector<std::string> names = timeZoneNames();
  CHECK(names.size() > 400);
  for (std::size_t i = 0; i < names.size(); i += 7) {
    const TimeZonePointer zone = zoneNamed(names[i]);
    INFO(names[i]);
    // The years around the end of the files' lists, which the rules take over from.
    for (std::int64_t at = daysFromCivil({2036, 1, 1}) * kSecondsPerDay; at < daysFromCivil({2039, 1, 1}) * kSecondsPerDay;
         at += 5'400) {
      const std::int64_t local = at + zone->offsetAt(at);
      const std::int32_t offset = zone->offsetOfLocal(local);
      // The instant is found again, except where the local time comes twice: then it is the second.
      const std::int64_t found = local - offset;
      REQUIRE((found == at || (found > at && zone->offsetAt(found) == offset)));
    }
    // The calendar repeats after 400 years, and so do the rules.
    constexpr std::int64_t kYears400 = 146'097 * kSecondsPerDay;
    for (std::int64_t day = daysFromCivil({2100, 1, 1}); day < daysFromCivil({2102, 1, 1}); day += 3) {
      REQUIRE(zone->offsetAt(day * kSecondsPerDay) == zone->offsetAt(day * kSecondsPerDay + kYears400));
    }
  }
}

TEST_CASE("Zones are looked up by many threads, and made-up names do not fill the memory", "[sql][datetime]") {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 2'000; ++i) {
        const TimeZonePointer made_up =
            findTimeZone("FOO" + std::to_string(i % 100) + ":" + std::to_string(i % 60) + ":" + std::to_string(t * 10 + i % 7));
        const TimeZonePointer known = findTimeZone(i % 2 == 0 ? "Europe/Berlin" : "america/new_york");
        if (made_up == nullptr || known == nullptr || known->offsetAt(0) == made_up->offsetAt(0) + 1) {
          std::abort();
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(findTimeZone("Europe/Berlin") == findTimeZone("EUROPE/berlin"));
  CHECK(findTimeZone("FOO3") != nullptr);
}

}  // namespace trefoil::sql::datetime
