#include "sql/types/datetime/calendar.hpp"

#include <catch2/catch.hpp>

namespace trefoil::sql::datetime {

TEST_CASE("The calendar, day by day for 900 years", "[sql][datetime]") {
  // From Monday, 1 January 1500 on, by the rules for months and leap years alone.
  CivilDate date{1500, 1, 1};
  int week_day = 1;
  int year_day = 1;
  for (std::int64_t day = daysFromCivil(date); date.year < 2400; ++day) {
    const CivilDate found = civilFromDays(day);
    REQUIRE((found.year == date.year && found.month == date.month && found.day == date.day));
    REQUIRE(daysFromCivil(date) == day);
    REQUIRE(dayOfWeek(day) == week_day);
    REQUIRE(dayOfYear(day) == year_day);
    // A week belongs to the year of its Thursday; its number is the Thursday's.
    const IsoWeek week = isoWeek(day);
    const std::int64_t thursday = day - (week_day + 6) % 7 + 3;
    REQUIRE(week.year == civilFromDays(thursday).year);
    REQUIRE(week.week == (dayOfYear(thursday) - 1) / 7 + 1);
    REQUIRE(mondayOfIsoWeek(week.year, week.week) == thursday - 3);
    week_day = (week_day + 1) % 7;
    ++year_day;
    if (++date.day > daysInMonth(date.year, date.month)) {
      date.day = 1;
      if (++date.month > 12) {
        date.month = 1;
        ++date.year;
        year_day = 1;
      }
    }
  }
}

TEST_CASE("The ends of the calendar", "[sql][datetime]") {
  for (const std::int64_t day : {kFirstDate, kLastDate, std::int64_t{0}, std::int64_t{-1}, kPostgresEpochDay}) {
    REQUIRE(daysFromCivil(civilFromDays(day)) == day);
  }
  CHECK(julianDay(kFirstDate) == 0);
  CHECK(julianDay(kPostgresEpochDay) == 2'451'545);
  CHECK(isTimestamp(kFirstTimestamp));
  CHECK_FALSE(isTimestamp(kFirstTimestamp - 1));
  CHECK(isTimestamp(kLastTimestamp));
  CHECK_FALSE(isTimestamp(kInfinity));
  CHECK_FALSE(isDate(kInfinity));
  for (const std::int64_t micros : {kFirstTimestamp, kLastTimestamp, std::int64_t{0}, std::int64_t{-1}}) {
    std::int64_t joined = 0;
    REQUIRE(joinTimestamp(civilTime(micros), 0, joined));
    REQUIRE(joined == micros);
    for (const std::int32_t offset : {-50'000, 1, 50'000}) {
      const CivilTime local = civilTime(micros, offset);
      REQUIRE((!joinTimestamp(local, offset, joined) || joined == micros));
    }
  }
}

}  // namespace trefoil::sql::datetime
