// Text in: parseIso() takes what is spelt exactly as the ISO forms, without allocation and in a few nanoseconds; any doubt, and
// the whole text goes to DatetimeReader, which also finds the words for errors. Text out: digits two at a time from a table.
#include "sql/types/datetime/datetime_text.hpp"

#include <cstring>
#include <optional>

#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_error.hpp"
#include "sql/types/datetime/datetime_reader.hpp"

namespace trefoil::sql::datetime {
namespace {

// Two digits at `at`; above 99 if they are none.
inline unsigned twoDigits(const char* at) {
  const auto tens = static_cast<unsigned char>(at[0] - '0');
  const auto ones = static_cast<unsigned char>(at[1] - '0');
  return tens > 9 || ones > 9 ? 100U : tens * 10U + ones;
}

struct IsoText {
  std::int64_t day = 0;
  std::int64_t time = 0;
  std::optional<std::int32_t> offset;
};

// "YYYY-MM-DD" at `at`.
bool parseIsoDate(const char* at, std::int64_t& day) {
  const unsigned century = twoDigits(at);
  const unsigned year = twoDigits(at + 2);
  const unsigned month = twoDigits(at + 5);
  const unsigned of_month = twoDigits(at + 8);
  if (century > 99 || year > 99 || at[4] != '-' || at[7] != '-' || month - 1 > 11 || of_month - 1 > 30 || century + year == 0) {
    return false;
  }
  const std::int64_t full_year = century * 100 + year;
  if (of_month > 28 && static_cast<int>(of_month) > daysInMonth(full_year, static_cast<int>(month))) {
    return false;
  }
  day = daysFromCivil({full_year, static_cast<int>(month), static_cast<int>(of_month)});
  return true;
}

// "hh:mm:ss[.f…]" off the front of [at, end); up to six digits behind the point.
bool parseIsoTime(const char*& at, const char* end, std::int64_t& time) {
  if (end - at < 8) {
    return false;
  }
  const unsigned hour = twoDigits(at);
  const unsigned minute = twoDigits(at + 3);
  const unsigned second = twoDigits(at + 6);
  if (hour > 23 || minute > 59 || second > 59 || at[2] != ':' || at[5] != ':') {
    return false;
  }
  at += 8;
  std::int64_t micros = 0;
  if (at != end && *at == '.') {
    std::int64_t unit = kMicrosPerSecond;
    for (++at; at != end && isDigit(*at); ++at) {
      unit /= 10;
      if (unit == 0) {
        return false;  // to be rounded
      }
      micros += (*at - '0') * unit;
    }
  }
  time = hour * kMicrosPerHour + minute * kMicrosPerMinute + second * kMicrosPerSecond + micros;
  return true;
}

// "+hh", "+hh:mm" or "Z": all of [at, end).
bool parseIsoOffset(const char* at, const char* end, std::optional<std::int32_t>& offset) {
  const auto size = end - at;
  if (size == 1) {
    offset = 0;
    return *at == 'Z';
  }
  if ((size != 3 && size != 6) || (*at != '+' && *at != '-')) {
    return false;
  }
  const unsigned hour = twoDigits(at + 1);
  const unsigned minute = size == 6 ? twoDigits(at + 4) : 0;
  if (hour > kMaxDisplacementHour || minute > 59 || (size == 6 && at[3] != ':')) {
    return false;
  }
  const auto seconds = static_cast<std::int32_t>(hour * 3'600 + minute * 60);
  offset = *at == '-' ? -seconds : seconds;
  return true;
}

bool parseIso(std::string_view text, IsoText& iso) {
  if (text.size() < 10 || !parseIsoDate(text.data(), iso.day)) {
    return false;
  }
  const char* at = text.data() + 10;
  const char* const end = text.data() + text.size();
  if (at == end) {
    return true;
  }
  if (*at != ' ' && *at != 'T') {
    return false;
  }
  ++at;
  return parseIsoTime(at, end, iso.time) && (at == end || parseIsoOffset(at, end, iso.offset));
}

// Reads a text the long way.
Status read(std::string_view text, std::string_view type, std::size_t room, DatetimeReader& reader) {
  FieldList fields;
  Trouble trouble = fields.cut(text, room);
  if (trouble == Trouble::kNone) {
    trouble = reader.read(fields);
  }
  if (trouble != Trouble::kNone) {
    return errorOf(trouble, type, trouble == Trouble::kZone ? reader.unknownZone() : text);
  }
  return {};
}

std::int64_t infinityOf(Reserved special) {
  return special == Reserved::kLate ? kInfinity : kNegativeInfinity;
}

Error textOutOfRange(const char* what, std::string_view text) {
  return outOfRange(std::string(what) + " out of range: \"" + std::string(text) + "\"");
}

Result<std::int64_t> readTimestamp(std::string_view text, const SessionClock& clock, bool with_zone) {
  DatetimeReader reader(clock, false);
  TREFOIL_TRY(read(text, with_zone ? "timestamp with time zone" : "timestamp", kTimestampRoom, reader));
  if (reader.special()) {
    return *reader.special() == Reserved::kEpoch ? 0 : infinityOf(*reader.special());
  }
  std::int64_t micros = 0;
  if (!joinTimestamp(reader.value(), with_zone ? reader.offset() : 0, micros)) {
    return textOutOfRange("timestamp", text);
  }
  return micros;
}

constexpr char kPairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849505152535455565758596061"
    "6263"
    "6465666768697071727374757677787980818283848586878889909192939495969798"
    "99";

inline char* putTwo(char* to, unsigned number) {
  std::memcpy(to, kPairs + 2 * static_cast<std::size_t>(number), 2);
  return to + 2;
}

char* putYear(char* to, std::int64_t year) {
  auto number = static_cast<unsigned>(year > 0 ? year : 1 - year);
  if (number > 9'999) [[unlikely]] {
    char digits[8];
    int count = 0;
    for (; number > 0; number /= 10) {
      digits[count++] = static_cast<char>('0' + number % 10);
    }
    while (count > 0) {
      *to++ = digits[--count];
    }
    return to;
  }
  return putTwo(putTwo(to, number / 100), number % 100);
}

char* putDate(char* to, const CivilDate& date) {
  to = putYear(to, date.year);
  *to++ = '-';
  to = putTwo(to, static_cast<unsigned>(date.month));
  *to++ = '-';
  return putTwo(to, static_cast<unsigned>(date.day));
}

char* putTime(char* to, std::int64_t time) {
  const auto seconds = static_cast<std::uint32_t>(time / kMicrosPerSecond);
  auto micros = static_cast<std::uint32_t>(time % kMicrosPerSecond);
  to = putTwo(to, seconds / 3'600);
  *to++ = ':';
  to = putTwo(to, seconds / 60 % 60);
  *to++ = ':';
  to = putTwo(to, seconds % 60);
  if (micros != 0) {
    *to++ = '.';
    to = putTwo(putTwo(putTwo(to, micros / 10'000), micros / 100 % 100), micros % 100);
    while (to[-1] == '0') {
      --to;
    }
  }
  return to;
}

char* putOffset(char* to, std::int32_t offset) {
  *to++ = offset < 0 ? '-' : '+';
  auto seconds = static_cast<unsigned>(offset < 0 ? -offset : offset);
  if (seconds >= 360'000) {
    *to++ = '1';
    seconds -= 360'000;
  }
  to = putTwo(to, seconds / 3'600);
  if (seconds % 3'600 != 0) {
    *to++ = ':';
    to = putTwo(to, seconds / 60 % 60);
  }
  if (seconds % 60 != 0) {
    *to++ = ':';
    to = putTwo(to, seconds % 60);
  }
  return to;
}

char* putEra(char* to, std::int64_t year) {
  if (year <= 0) {
    std::memcpy(to, " BC", 3);
    to += 3;
  }
  return to;
}

std::size_t putInfinity(char* to, std::int64_t value) {
  constexpr std::string_view kText = "-infinity";
  const std::string_view text = value == kInfinity ? kText.substr(1) : kText;
  std::memcpy(to, text.data(), text.size());
  return text.size();
}

}  // namespace

Result<std::int64_t> parseDate(std::string_view text, const SessionClock& clock) {
  std::int64_t day = 0;
  if (text.size() == 10 && parseIsoDate(text.data(), day)) {
    return day;
  }
  DatetimeReader reader(clock, false);
  TREFOIL_TRY(read(text, "date", kDateRoom, reader));
  if (reader.special()) {
    return *reader.special() == Reserved::kEpoch ? 0 : infinityOf(*reader.special());
  }
  if (reader.value().year < kFirstYear || reader.value().year > kLastYear || !isDate(reader.value().days())) {
    return textOutOfRange("date", text);
  }
  return reader.value().days();
}

Result<std::int64_t> parseTime(std::string_view text, const SessionClock& clock) {
  std::int64_t time = 0;
  const char* at = text.data();
  if (parseIsoTime(at, text.data() + text.size(), time) && at == text.data() + text.size()) {
    return time;
  }
  DatetimeReader reader(clock, true);
  TREFOIL_TRY(read(text, "time", kDateRoom, reader));
  return reader.value().timeOfDay();
}

Result<std::int64_t> parseTimestamp(std::string_view text, const SessionClock& clock) {
  if (IsoText iso; parseIso(text, iso)) {
    return iso.day * kMicrosPerDay + iso.time;
  }
  return readTimestamp(text, clock, false);
}

Result<std::int64_t> parseTimestampTz(std::string_view text, const SessionClock& clock) {
  if (IsoText iso; parseIso(text, iso)) {
    const std::int64_t local = iso.day * kMicrosPerDay + iso.time;
    const std::int32_t offset = iso.offset ? *iso.offset : clock.zone.offsetOfLocal(floorDivide(local, kMicrosPerSecond));
    return local - offset * kMicrosPerSecond;
  }
  return readTimestamp(text, clock, true);
}

std::size_t formatDate(char* to, std::int64_t day) {
  if (!isFinite(day)) {
    return putInfinity(to, day);
  }
  const CivilDate date = civilFromDays(day);
  return static_cast<std::size_t>(putEra(putDate(to, date), date.year) - to);
}

std::size_t formatTime(char* to, std::int64_t time) {
  return static_cast<std::size_t>(putTime(to, time) - to);
}

std::size_t formatTimestamp(char* to, std::int64_t micros) {
  if (!isFinite(micros)) {
    return putInfinity(to, micros);
  }
  const CivilDate date = civilFromDays(dayOf(micros));
  char* at = putDate(to, date);
  *at++ = ' ';
  return static_cast<std::size_t>(putEra(putTime(at, timeOf(micros)), date.year) - to);
}

std::size_t formatTimestampTz(char* to, std::int64_t micros, const TimeZone& zone) {
  if (!isFinite(micros)) {
    return putInfinity(to, micros);
  }
  const std::int32_t offset = zone.offsetAt(floorDivide(micros, kMicrosPerSecond));
  const std::int64_t time = timeOf(micros) + offset * kMicrosPerSecond;
  const CivilDate date = civilFromDays(dayOf(micros) + dayOf(time));
  char* at = putDate(to, date);
  *at++ = ' ';
  at = putOffset(putTime(at, timeOf(time)), offset);
  return static_cast<std::size_t>(putEra(at, date.year) - to);
}

}  // namespace trefoil::sql::datetime
