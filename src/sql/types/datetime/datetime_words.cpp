#include "sql/types/datetime/datetime_words.hpp"

#include <algorithm>
#include <iterator>

namespace trefoil::sql::datetime {
namespace {

constexpr std::size_t kLettersThatCount = 10;

struct Entry {
  std::string_view text;
  WordKind kind;
  int value;
};

constexpr Entry reserved(std::string_view text, Reserved value) {
  return {text, WordKind::kReserved, static_cast<int>(value)};
}
constexpr Entry month(std::string_view text, int value) {
  return {text, WordKind::kMonth, value};
}
constexpr Entry weekday(std::string_view text, int value) {
  return {text, WordKind::kWeekday, value};
}
constexpr Entry label(std::string_view text, Unit value) {
  return {text, WordKind::kLabel, static_cast<int>(value)};
}
constexpr Entry unit(std::string_view text, Unit value) {
  return {text, WordKind::kUnit, static_cast<int>(value)};
}

constexpr Entry kDateWords[] = {
    reserved("-infinity", Reserved::kEarly),
    {"ad", WordKind::kEra, 0},
    reserved("allballs", Reserved::kAllBalls),
    {"am", WordKind::kMeridiem, 0},
    month("apr", 4),
    month("april", 4),
    {"at", WordKind::kIgnored, 0},
    month("aug", 8),
    month("august", 8),
    {"bc", WordKind::kEra, 1},
    label("d", Unit::kDay),
    month("dec", 12),
    month("december", 12),
    label("dow", Unit::kDayOfWeek),
    label("doy", Unit::kDayOfYear),
    {"dst", WordKind::kDaylight, 3'600},
    reserved("epoch", Reserved::kEpoch),
    month("feb", 2),
    month("february", 2),
    weekday("fri", 5),
    weekday("friday", 5),
    label("h", Unit::kHour),
    reserved("infinity", Reserved::kLate),
    label("isodow", Unit::kIsoDayOfWeek),
    label("isoyear", Unit::kIsoYear),
    label("j", Unit::kJulian),
    month("jan", 1),
    month("january", 1),
    label("jd", Unit::kJulian),
    month("jul", 7),
    label("julian", Unit::kJulian),
    month("july", 7),
    month("jun", 6),
    month("june", 6),
    label("m", Unit::kMonth),
    month("mar", 3),
    month("march", 3),
    month("may", 5),
    label("mm", Unit::kMinute),
    weekday("mon", 1),
    weekday("monday", 1),
    month("nov", 11),
    month("november", 11),
    reserved("now", Reserved::kNow),
    month("oct", 10),
    month("october", 10),
    {"on", WordKind::kIgnored, 0},
    {"pm", WordKind::kMeridiem, 1},
    label("s", Unit::kSecond),
    weekday("sat", 6),
    weekday("saturday", 6),
    month("sep", 9),
    month("sept", 9),
    month("september", 9),
    weekday("sun", 0),
    weekday("sunday", 0),
    {"t", WordKind::kTimeFollows, 0},
    weekday("thu", 4),
    weekday("thur", 4),
    weekday("thurs", 4),
    weekday("thursday", 4),
    reserved("today", Reserved::kToday),
    reserved("tomorrow", Reserved::kTomorrow),
    weekday("tue", 2),
    weekday("tues", 2),
    weekday("tuesday", 2),
    weekday("wed", 3),
    weekday("wednesday", 3),
    weekday("weds", 3),
    label("y", Unit::kYear),
    reserved("yesterday", Reserved::kYesterday),
};

constexpr Entry kIntervalWords[] = {
    {"ago", WordKind::kAgo, 0},
    unit("c", Unit::kCentury),
    unit("cent", Unit::kCentury),
    unit("centuries", Unit::kCentury),
    unit("century", Unit::kCentury),
    unit("d", Unit::kDay),
    unit("day", Unit::kDay),
    unit("days", Unit::kDay),
    unit("dec", Unit::kDecade),
    unit("decade", Unit::kDecade),
    unit("decades", Unit::kDecade),
    unit("decs", Unit::kDecade),
    unit("h", Unit::kHour),
    unit("hour", Unit::kHour),
    unit("hours", Unit::kHour),
    unit("hr", Unit::kHour),
    unit("hrs", Unit::kHour),
    unit("m", Unit::kMinute),
    unit("microsecon", Unit::kMicrosecond),
    unit("mil", Unit::kMillennium),
    unit("millennia", Unit::kMillennium),
    unit("millennium", Unit::kMillennium),
    unit("millisecon", Unit::kMillisecond),
    unit("mils", Unit::kMillennium),
    unit("min", Unit::kMinute),
    unit("mins", Unit::kMinute),
    unit("minute", Unit::kMinute),
    unit("minutes", Unit::kMinute),
    unit("mon", Unit::kMonth),
    unit("mons", Unit::kMonth),
    unit("month", Unit::kMonth),
    unit("months", Unit::kMonth),
    unit("ms", Unit::kMillisecond),
    unit("msec", Unit::kMillisecond),
    unit("msecond", Unit::kMillisecond),
    unit("mseconds", Unit::kMillisecond),
    unit("msecs", Unit::kMillisecond),
    unit("qtr", Unit::kQuarter),
    unit("quarter", Unit::kQuarter),
    unit("s", Unit::kSecond),
    unit("sec", Unit::kSecond),
    unit("second", Unit::kSecond),
    unit("seconds", Unit::kSecond),
    unit("secs", Unit::kSecond),
    unit("timezone", Unit::kZone),
    unit("timezone_h", Unit::kZoneHour),
    unit("timezone_m", Unit::kZoneMinute),
    unit("us", Unit::kMicrosecond),
    unit("usec", Unit::kMicrosecond),
    unit("usecond", Unit::kMicrosecond),
    unit("useconds", Unit::kMicrosecond),
    unit("usecs", Unit::kMicrosecond),
    unit("w", Unit::kWeek),
    unit("week", Unit::kWeek),
    unit("weeks", Unit::kWeek),
    unit("y", Unit::kYear),
    unit("year", Unit::kYear),
    unit("years", Unit::kYear),
    unit("yr", Unit::kYear),
    unit("yrs", Unit::kYear),
};

constexpr bool comesBefore(const Entry& a, const Entry& b) {
  return a.text < b.text;
}
static_assert(std::is_sorted(std::begin(kDateWords), std::end(kDateWords), comesBefore));
static_assert(std::is_sorted(std::begin(kIntervalWords), std::end(kIntervalWords), comesBefore));

template <std::size_t Size>
Word find(const Entry (&entries)[Size], std::string_view text) {
  text = text.substr(0, kLettersThatCount);
  const Entry* const found = std::lower_bound(std::begin(entries), std::end(entries), text,
                                              [](const Entry& entry, std::string_view key) { return entry.text < key; });
  return found == std::end(entries) || found->text != text ? Word{} : Word{found->kind, found->value};
}

}  // namespace

Word findDateWord(std::string_view lower_case) {
  return find(kDateWords, lower_case);
}

Word findIntervalWord(std::string_view lower_case) {
  return find(kIntervalWords, lower_case);
}

}  // namespace trefoil::sql::datetime
