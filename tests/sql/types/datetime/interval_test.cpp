#include "sql/types/datetime/interval_text.hpp"

#include <cmath>
#include <compare>
#include <cstring>
#include <random>
#include <string>

#include "sql/types/datetime/interval_arithmetic.hpp"
#include "tests/sql/types/datetime/shown.hpp"

namespace trefoil::sql::datetime {
namespace {

struct Text {
  std::string_view in;
  std::string_view out;
};

constexpr Text kIntervals[] = {
    {"1 year 2 mons 3 days 04:05:06", "1 year 2 mons 3 days 04:05:06"},
    {"@ 1 year 2 mons -3 days 4 hours 5 mins 6 secs ago", "-1 years -2 mons +3 days -04:05:06"},
    {"1-2", "1 year 2 mons"},
    {"-1-2", "-1 years -2 mons"},
    {"3 4:05:06", "3 days 04:05:06"},
    {"1-2 3 4:05:06", "1 year 2 mons 3 days 04:05:06"},
    {"-1-2 +3 -4:05:06", "-1 years -2 mons +3 days -04:05:06"},
    {"P1Y2M3DT4H5M6S", "1 year 2 mons 3 days 04:05:06"},
    {"P0001-02-03T04:05:06", "1 year 2 mons 3 days 04:05:06"},
    {"P00010203T040506", "1 year 2 mons 3 days 04:05:06"},
    {"P1W", "7 days"},
    {"PT", "00:00:00"},
    {"P", "ERROR: invalid input syntax for type interval: \"P\""},
    {"P1.5Y", "1 year 6 mons"},
    {"P1Y-2M", "10 mons"},
    {"PT1.5H", "01:30:00"},
    {"P1DT", "1 day"},
    {"P1Y2", "ERROR: invalid input syntax for type interval: \"P1Y2\""},
    {"1.5 years", "1 year 6 mons"},
    {"1.5 months", "1 mon 15 days"},
    {"1.5 weeks", "10 days 12:00:00"},
    {"1.5 days", "1 day 12:00:00"},
    {"1.23456789 seconds", "00:00:01.234568"},
    {"0.0000005 s", "00:00:00"},
    {"-0.5 month", "-15 days"},
    {"1 decade 2 centuries 3 millennia", "3210 years"},
    {"1 fortnight", "ERROR: invalid input syntax for type interval: \"1 fortnight\""},
    {"1 quarter", "ERROR: invalid input syntax for type interval: \"1 quarter\""},
    {"12", "00:00:12"},
    {"1 12", "ERROR: invalid input syntax for type interval: \"1 12\""},
    {"1:2", "01:02:00"},
    {"1:2.5", "00:01:02.5"},
    {"100:00:00", "100:00:00"},
    {"1 day -1 hour", "1 day -01:00:00"},
    {"-1 day +1:00", "-1 days +01:00:00"},
    {"1 mon -1 day", "1 mon -1 days"},
    {"-1 mon +1 day", "-1 mons +1 day"},
    {"-1 year +1 mon", "-11 mons"},
    {"1 day ago", "-1 days"},
    {"1 day ago 2", "-1 days -00:00:02"},
    {"", "ERROR: invalid input syntax for type interval: \"\""},
    {"ago", "ERROR: invalid input syntax for type interval: \"ago\""},
    {"1", "00:00:01"},
    {"1 d 2 d", "ERROR: invalid input syntax for type interval: \"1 d 2 d\""},
    {"10 microseconds 20 ms", "00:00:00.02001"},
    {"9223372036854775807 us", "2562047788:00:54.775807"},
    {"9223372036854775808 us", "ERROR: interval field value out of range: \"9223372036854775808 us\""},
    {"2562047788:00:54.775807", "2562047788:00:54.775807"},
    {"2562047788:00:54.775808", "ERROR: interval field value out of range: \"2562047788:00:54.775808\""},
    {"178956970 years 7 mons", "178956970 years 7 mons"},
    {"178956970 years 8 mons", "ERROR: interval out of range"},
    {"2147483647 days", "2147483647 days"},
    {"2147483648 days", "ERROR: interval field value out of range: \"2147483648 days\""},
    {"1 day 24:00", "1 day 24:00:00"},
    {"1 month 61:00:00", "1 mon 61:00:00"},
    {"-00:00:01", "-00:00:01"},
    {"00:60", "ERROR: interval field value out of range: \"00:60\""},
    {"00:00:61", "ERROR: interval field value out of range: \"00:00:61\""},
    {"infinity", "ERROR: invalid input syntax for type interval: \"infinity\""},
    {"1e3 days", "ERROR: invalid input syntax for type interval: \"1e3 days\""},
    {"P1e3D", "1000 days"},
    {"1 mon 1 month", "ERROR: invalid input syntax for type interval: \"1 mon 1 month\""},
    {"+1 -2", "ERROR: invalid input syntax for type interval: \"+1 -2\""},
    {"1-13", "ERROR: interval field value out of range: \"1-13\""},
    {"1-", "1 year"},
    {"P-1Y2M", "-10 mons"},
    {"P1Y T", "ERROR: invalid input syntax for type interval: \"P1Y T\""},
    {"5 y 3", "5 years 00:00:03"},
    {"y5", "00:00:05"},
    {"1 week 1 day", "8 days"},
    {" 1  day ", "1 day"},
    {"1day2hours", "ERROR: invalid input syntax for type interval: \"1day2hours\""},
    {"@ 1.5", "00:00:01.5"},
    {"-1.5", "-00:00:01.5"},
    {".5 h", "00:30:00"},
    {"1 microsecondsfoo", "00:00:00.000001"},
    {"P1YT1M1", "ERROR: invalid input syntax for type interval: \"P1YT1M1\""},
    {"PT1:2:3", "01:02:03"},
    {"PT010203", "01:02:03"},
    {"P00010203", "1 year 2 mons 3 days"},
    {"P0001-02", "1 year 2 mons"},
};

struct Modified {
  std::string_view in;
  IntervalFields fields;
  int precision;
  std::string_view out;
};

constexpr Modified kModified[] = {
    {"5", IntervalFields::kYear, -1, "5 years"},
    {"1-2", IntervalFields::kYear, -1, "1 year"},
    {"1 2:03:04.567", IntervalFields::kYear, -1, "00:00:00"},
    {"100:20", IntervalFields::kYear, -1, "00:00:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kYear, -1, "2 years"},
    {"-7:08.9", IntervalFields::kYear, -1, "00:00:00"},
    {"5", IntervalFields::kMonth, -1, "5 mons"},
    {"1-2", IntervalFields::kMonth, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kMonth, -1, "00:00:00"},
    {"100:20", IntervalFields::kMonth, -1, "00:00:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kMonth, -1, "2 years 3 mons"},
    {"-7:08.9", IntervalFields::kMonth, -1, "00:00:00"},
    {"5", IntervalFields::kDay, -1, "5 days"},
    {"1-2", IntervalFields::kDay, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kDay, -1, "1 day"},
    {"100:20", IntervalFields::kDay, -1, "00:00:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kDay, -1, "2 years 3 mons 4 days"},
    {"-7:08.9", IntervalFields::kDay, -1, "00:00:00"},
    {"5", IntervalFields::kHour, -1, "05:00:00"},
    {"1-2", IntervalFields::kHour, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kHour, -1, "1 day 02:00:00"},
    {"100:20", IntervalFields::kHour, -1, "100:00:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kHour, -1, "2 years 3 mons 4 days 05:00:00"},
    {"-7:08.9", IntervalFields::kHour, -1, "00:00:00"},
    {"5", IntervalFields::kMinute, -1, "00:05:00"},
    {"1-2", IntervalFields::kMinute, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kMinute, -1, "1 day 02:03:00"},
    {"100:20", IntervalFields::kMinute, -1, "100:20:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kMinute, -1, "2 years 3 mons 4 days 05:06:00"},
    {"-7:08.9", IntervalFields::kMinute, -1, "-00:07:00"},
    {"5", IntervalFields::kSecond, -1, "00:00:05"},
    {"1-2", IntervalFields::kSecond, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kSecond, -1, "1 day 02:03:04.567"},
    {"100:20", IntervalFields::kSecond, -1, "100:20:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kSecond, -1, "2 years 3 mons 4 days 05:06:07.891"},
    {"-7:08.9", IntervalFields::kSecond, -1, "-00:07:08.9"},
    {"5", IntervalFields::kYearToMonth, -1, "5 mons"},
    {"1-2", IntervalFields::kYearToMonth, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kYearToMonth, -1, "00:00:00"},
    {"100:20", IntervalFields::kYearToMonth, -1, "00:00:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kYearToMonth, -1, "2 years 3 mons"},
    {"-7:08.9", IntervalFields::kYearToMonth, -1, "00:00:00"},
    {"5", IntervalFields::kDayToHour, -1, "05:00:00"},
    {"1-2", IntervalFields::kDayToHour, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kDayToHour, -1, "1 day 02:00:00"},
    {"100:20", IntervalFields::kDayToHour, -1, "100:00:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kDayToHour, -1, "2 years 3 mons 4 days 05:00:00"},
    {"-7:08.9", IntervalFields::kDayToHour, -1, "00:00:00"},
    {"5", IntervalFields::kDayToMinute, -1, "00:05:00"},
    {"1-2", IntervalFields::kDayToMinute, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kDayToMinute, -1, "1 day 02:03:00"},
    {"100:20", IntervalFields::kDayToMinute, -1, "100:20:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kDayToMinute, -1, "2 years 3 mons 4 days 05:06:00"},
    {"-7:08.9", IntervalFields::kDayToMinute, -1, "-00:07:00"},
    {"5", IntervalFields::kDayToSecond, -1, "00:00:05"},
    {"1-2", IntervalFields::kDayToSecond, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kDayToSecond, -1, "1 day 02:03:04.567"},
    {"100:20", IntervalFields::kDayToSecond, -1, "100:20:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kDayToSecond, -1, "2 years 3 mons 4 days 05:06:07.891"},
    {"-7:08.9", IntervalFields::kDayToSecond, -1, "-00:07:08.9"},
    {"5", IntervalFields::kHourToMinute, -1, "00:05:00"},
    {"1-2", IntervalFields::kHourToMinute, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kHourToMinute, -1, "1 day 02:03:00"},
    {"100:20", IntervalFields::kHourToMinute, -1, "100:20:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kHourToMinute, -1, "2 years 3 mons 4 days 05:06:00"},
    {"-7:08.9", IntervalFields::kHourToMinute, -1, "-00:07:00"},
    {"5", IntervalFields::kHourToSecond, -1, "00:00:05"},
    {"1-2", IntervalFields::kHourToSecond, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kHourToSecond, -1, "1 day 02:03:04.567"},
    {"100:20", IntervalFields::kHourToSecond, -1, "100:20:00"},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kHourToSecond, -1, "2 years 3 mons 4 days 05:06:07.891"},
    {"-7:08.9", IntervalFields::kHourToSecond, -1, "-00:07:08.9"},
    {"5", IntervalFields::kMinuteToSecond, -1, "00:00:05"},
    {"1-2", IntervalFields::kMinuteToSecond, -1, "1 year 2 mons"},
    {"1 2:03:04.567", IntervalFields::kMinuteToSecond, -1, "1 day 02:03:04.567"},
    {"100:20", IntervalFields::kMinuteToSecond, -1, "ERROR: interval field value out of range: \"100:20\""},
    {"2 years 3 mons 4 days 05:06:07.891", IntervalFields::kMinuteToSecond, -1, "2 years 3 mons 4 days 05:06:07.891"},
    {"-7:08.9", IntervalFields::kMinuteToSecond, -1, "-00:07:08.9"},
    {"1.45678912", IntervalFields::kSecond, 0, "00:00:01"},
    {"-1.5", IntervalFields::kSecond, 0, "-00:00:02"},
    {"59.9999", IntervalFields::kSecond, 0, "00:01:00"},
    {"1.45678912", IntervalFields::kSecond, 3, "00:00:01.457"},
    {"-1.5", IntervalFields::kSecond, 3, "-00:00:01.5"},
    {"59.9999", IntervalFields::kSecond, 3, "00:01:00"},
    {"1.45678912", IntervalFields::kDayToSecond, 2, "00:00:01.46"},
    {"-1.5", IntervalFields::kDayToSecond, 2, "-00:00:01.5"},
    {"59.9999", IntervalFields::kDayToSecond, 2, "00:01:00"},
    {"1.45678912", IntervalFields::kMinuteToSecond, 1, "00:00:01.5"},
    {"-1.5", IntervalFields::kMinuteToSecond, 1, "-00:00:01.5"},
    {"59.9999", IntervalFields::kMinuteToSecond, 1, "00:01:00"},
    {"1.45678912", IntervalFields::kAll, 0, "00:00:01"},
    {"-1.5", IntervalFields::kAll, 0, "-00:00:02"},
    {"59.9999", IntervalFields::kAll, 0, "00:01:00"},
    {"1.45678912", IntervalFields::kAll, 4, "00:00:01.4568"},
    {"-1.5", IntervalFields::kAll, 4, "-00:00:01.5"},
    {"59.9999", IntervalFields::kAll, 4, "00:00:59.9999"},
    {"1.45678912", IntervalFields::kAll, 6, "00:00:01.456789"},
    {"-1.5", IntervalFields::kAll, 6, "-00:00:01.5"},
    {"59.9999", IntervalFields::kAll, 6, "00:00:59.9999"},
};

struct Sum {
  char op;
  std::string_view a;
  std::string_view b;
  std::string_view out;
};

constexpr Sum kSums[] = {
    {'+', "1 mon 2 days 03:00", "-1 mon 5 days 22:00", "7 days 25:00:00"},
    {'-', "1 mon 2 days 03:00", "-1 mon 5 days 22:00", "2 mons -3 days -19:00:00"},
    {'+', "2147483647 days", "1 day", "ERROR: interval out of range"},
    {'-', "2147483647 days", "1 day", "2147483646 days"},
    {'+', "-2147483648 mons", "-1 mons", "ERROR: interval out of range"},
    {'-', "-2147483648 mons", "-1 mons", "-178956970 years -7 mons"},
    {'+', "1 year", "1 day 1 us", "1 year 1 day 00:00:00.000001"},
    {'-', "1 year", "1 day 1 us", "1 year -1 days -00:00:00.000001"},
    {'*', "1 mon", "0.5", "15 days"},
    {'*', "1 year 1 mon 1 day 1 sec", "1.5", "1 year 7 mons 16 days 12:00:01.5"},
    {'*', "1 mon 15 days", "0.3333", "14 days 23:57:50.4"},
    {'*', "-1 mon -1 day", "2.5", "-2 mons -17 days -12:00:00"},
    {'*', "1 day", "0.1", "02:24:00"},
    {'*', "2147483647 mons", "2", "ERROR: interval out of range"},
    {'*', "1 mon", "NaN", "ERROR: interval out of range"},
    {'*', "1 mon", "Infinity", "ERROR: interval out of range"},
    {'*', "10 mons 10 days 10 hours", "-0.7", "-7 mons -7 days -07:00:00"},
    {'*', "3 days 24:00", "1.0000001", "3 days 24:00:00.03456"},
    {'/', "1 mon", "2", "15 days"},
    {'/', "1 year", "7", "1 mon 21 days 10:17:08.5344"},
    {'/', "1 mon 1 day", "3", "10 days 08:00:00"},
    {'/', "10 days", "3", "3 days 08:00:00"},
    {'/', "1 mon", "0", "ERROR: division by zero"},
    {'/', "1 mon", "1e-12", "ERROR: interval out of range"},
    {'/', "-41 mons -12 days -360:00", "0.3", "-11 years -4 mons -60 days -1200:00:00"},
    {'/', "1 mon", "Infinity", "00:00:00"},
};

struct Justified {
  std::string_view in;
  std::string_view days;
  std::string_view hours;
  std::string_view all;
};

constexpr Justified kJustified[] = {
    {"35 days", "1 mon 5 days", "35 days", "1 mon 5 days"},
    {"-35 days", "-1 mons -5 days", "-35 days", "-1 mons -5 days"},
    {"1 mon -1 day", "29 days", "1 mon -1 days", "29 days"},
    {"27:00", "27:00:00", "1 day 03:00:00", "1 day 03:00:00"},
    {"-27:00", "-27:00:00", "-1 days -03:00:00", "-1 days -03:00:00"},
    {"1 day -1 hour", "1 day -01:00:00", "23:00:00", "23:00:00"},
    {"1 mon -1 hour", "1 mon -01:00:00", "1 mon -01:00:00", "29 days 23:00:00"},
    {"6 mons 3 days 52:03", "6 mons 3 days 52:03:00", "6 mons 5 days 04:03:00", "6 mons 5 days 04:03:00"},
    {"-1 mon 1 day 1 us", "-29 days +00:00:00.000001", "-1 mons +1 day 00:00:00.000001", "-28 days -23:59:59.999999"},
    {"2147483647 mons 60 days", "ERROR: interval out of range", "178956970 years 7 mons 60 days", "ERROR: interval out of range"},
    {"2147483647 days 48:00", "5965232 years 4 mons 7 days 48:00:00", "ERROR: interval out of range",
     "5965232 years 4 mons 9 days"},
    {"-1 mon 30 days 24:00", "24:00:00", "-1 mons +31 days", "1 day"},
};

}  // namespace

TEST_CASE("Intervals are read and printed as PostgreSQL does", "[sql][datetime]") {
  for (const Text& text : kIntervals) {
    INFO(text.in);
    CHECK(shownInterval(parseInterval(text.in)) == text.out);
  }
}

TEST_CASE("Fields and precision of an interval's type", "[sql][datetime]") {
  for (const Modified& text : kModified) {
    INFO(text.in << " " << static_cast<int>(text.fields) << " " << text.precision);
    CHECK(shownInterval(parseInterval(text.in, {text.fields, text.precision})) == text.out);
  }
  CHECK(shownInterval(withModifier({INT64_MAX, 0, 0}, {IntervalFields::kAll, 0})) == "ERROR: interval out of range");
}

TEST_CASE("Intervals are added, multiplied and justified as PostgreSQL does", "[sql][datetime]") {
  for (const Sum& sum : kSums) {
    INFO(sum.a << " " << sum.op << " " << sum.b);
    const Interval a = intervalOf(sum.a);
    if (sum.op == '+' || sum.op == '-') {
      const Interval b = intervalOf(sum.b);
      CHECK(shownInterval(sum.op == '+' ? add(a, b) : subtract(a, b)) == sum.out);
    } else {
      const double b = std::stod(std::string(sum.b));
      CHECK(shownInterval(sum.op == '*' ? multiply(a, b) : divide(a, b)) == sum.out);
    }
  }
  for (const Justified& justified : kJustified) {
    INFO(justified.in);
    const Interval interval = intervalOf(justified.in);
    CHECK(shownInterval(justifyDays(interval)) == justified.days);
    CHECK(shownInterval(justifyHours(interval)) == justified.hours);
    CHECK(shownInterval(justifyInterval(interval)) == justified.all);
  }
  CHECK(shownInterval(negate(intervalOf("1 mon -2 days 00:00:03"))) == "-1 mons +2 days -00:00:03");
  CHECK(shownInterval(negate(intervalOf("-2147483648 days"))) == "ERROR: interval out of range");
  CHECK(shownInterval(makeInterval({1, 2, 3, 4, 5, 6, 7.5})) == "1 year 2 mons 25 days 05:06:07.5");
  CHECK(shownInterval(makeInterval({0, 0, 0, 0, 0, 0, -0.0000005})) == "00:00:00");
  CHECK(shownInterval(makeInterval({INT32_MAX, 0, 0, 0, 0, 0, 0})) == "ERROR: interval out of range");
  CHECK(shownInterval(makeInterval({0, 0, 0, 0, 0, 0, NAN})) == "ERROR: interval out of range");
}

TEST_CASE("Order, keys and hashes of intervals agree: a month has 30 days and a day 24 hours", "[sql][datetime]") {
  CHECK(compare(intervalOf("1 mon"), intervalOf("30 days")) == std::strong_ordering::equal);
  CHECK(compare(intervalOf("1 day"), intervalOf("24:00")) == std::strong_ordering::equal);
  CHECK(compare(intervalOf("1 mon -1 day"), intervalOf("29 days 00:00:00.000001")) == std::strong_ordering::less);
  CHECK_FALSE(isIdentical(intervalOf("1 mon"), intervalOf("30 days")));
  std::mt19937_64 random(1);  // NOLINT: the same values each time
  // Small months, days of few kinds and hours, so that many are equal; and extremes.
  const auto any = [&]() -> Interval {
    constexpr std::int64_t kHour = 3'600'000'000;
    if (random() % 4 == 0) {
      return {static_cast<std::int64_t>(random()), static_cast<std::int32_t>(random()), static_cast<std::int32_t>(random())};
    }
    return {(static_cast<std::int64_t>(random() % 7) - 3) * 12 * kHour, static_cast<std::int32_t>(random() % 5) * 15 - 30,
            static_cast<std::int32_t>(random() % 5) - 2};
  };
  int equal = 0;
  for (int round = 0; round < 100'000; ++round) {
    const Interval a = any();
    const Interval b = any();
    const IntervalKey key_a = keyOf(a);
    const IntervalKey key_b = keyOf(b);
    const auto order = compare(a, b);
    INFO(intervalText(a) << " and " << intervalText(b));
    REQUIRE((std::memcmp(key_a.data(), key_b.data(), key_a.size()) <=> 0) == order);
    REQUIRE((compare(b, a) <=> 0) == (0 <=> order));
    if (order == 0) {
      ++equal;
      REQUIRE(hashOf(a) == hashOf(b));
    }
    REQUIRE(isIdentical(*parseInterval(intervalText(a)), a));
  }
  CHECK(equal > 500);
}

}  // namespace trefoil::sql::datetime
