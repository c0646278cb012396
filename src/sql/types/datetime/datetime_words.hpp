// The words that dates and intervals are written with, in lower case, and their meanings. As in PostgreSQL, of a longer word only
// the first ten letters count, so that "microseconds" and "microsecond" are one.
#pragma once

#include <cstdint>
#include <string_view>

namespace trefoil::sql::datetime {

enum class WordKind : std::uint8_t {
  kNone,         // not in the table
  kIgnored,      // "at", "on"
  kReserved,     // value: a Reserved
  kMonth,        // value: 1 … 12
  kWeekday,      // value: 0 Sunday … 6; of no consequence
  kMeridiem,     // value: 0 AM, 1 PM
  kEra,          // value: 0 AD, 1 BC
  kLabel,        // value: a Unit; says what the next number is
  kTimeFollows,  // "t" between date and time
  kDaylight,     // "dst" behind a zone: an hour more
  kUnit,         // of intervals and extract(): value: a Unit
  kAgo,
};

enum class Reserved : std::uint8_t { kNow, kToday, kTomorrow, kYesterday, kAllBalls, kEpoch, kLate, kEarly };

enum class Unit : std::uint8_t {
  kMicrosecond,
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
  kDecade,
  kCentury,
  kMillennium,
  kDayOfWeek,
  kIsoDayOfWeek,
  kDayOfYear,
  kIsoYear,
  kJulian,
  kEpoch,
  kZone,
  kZoneHour,
  kZoneMinute,
};

struct Word {
  WordKind kind = WordKind::kNone;
  int value = 0;
};

// A word of dates and times. `lower_case` for both.
Word findDateWord(std::string_view lower_case);
// A word of intervals, and of extract() for their units.
Word findIntervalWord(std::string_view lower_case);

}  // namespace trefoil::sql::datetime
