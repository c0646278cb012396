// Three parts: IntervalSum collects numbers times units, with the spilling of fractions; IntervalReader reads the fields that
// FieldList cuts, from the last to the first, so that a unit is known before its number; IsoIntervalReader reads ISO 8601, which
// is tried when the former finds a bad format.
#include "sql/types/datetime/interval_text.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_error.hpp"
#include "sql/types/datetime/datetime_fields.hpp"
#include "sql/types/datetime/datetime_words.hpp"

namespace trefoil::sql::datetime {
namespace {

// What has been read so far; each add…() is false if a part does not fit.
class IntervalSum {
 public:
  // value + fraction units of so many microseconds.
  bool addTime(std::int64_t value, double fraction, std::int64_t unit) {
    std::int64_t micros = 0;
    return !__builtin_mul_overflow(value, unit, &micros) && !__builtin_add_overflow(micros_, micros, &micros_) &&
           addFractionOfTime(fraction, unit);
  }
  bool addDays(std::int64_t value, std::int32_t unit) { return add(days_, value, unit); }
  bool addMonths(std::int64_t value) { return add(months_, value, 1); }
  bool addYears(std::int64_t value, std::int32_t unit) { return add(years_, value, unit); }

  bool addFractionOfTime(double fraction, std::int64_t unit) {
    fraction *= static_cast<double>(unit);
    auto micros = static_cast<std::int64_t>(fraction);
    fraction -= static_cast<double>(micros);
    micros += fraction > 0.5 ? 1 : fraction < -0.5 ? -1 : 0;
    return !__builtin_add_overflow(micros_, micros, &micros_);
  }
  bool addFractionOfDays(double fraction, int unit) {
    fraction *= unit;
    const auto days = static_cast<std::int32_t>(fraction);
    return !__builtin_add_overflow(days_, days, &days_) && addFractionOfTime(fraction - days, kMicrosPerDay);
  }
  bool addFractionOfYears(double fraction, int unit) {
    const auto months = static_cast<std::int32_t>(std::rint(fraction * unit * 12));
    return !__builtin_add_overflow(months_, months, &months_);
  }

  void setTime(std::int64_t micros) { micros_ = micros; }

  bool negate() {
    constexpr auto kLeast = std::numeric_limits<std::int32_t>::min();
    if (micros_ == std::numeric_limits<std::int64_t>::min() || days_ == kLeast || months_ == kLeast || years_ == kLeast) {
      return false;
    }
    micros_ = -micros_;
    days_ = -days_;
    months_ = -months_;
    years_ = -years_;
    return true;
  }

  [[nodiscard]] std::optional<Interval> value() const {
    const std::int64_t months = std::int64_t{years_} * 12 + months_;
    if (months > std::numeric_limits<std::int32_t>::max() || months < std::numeric_limits<std::int32_t>::min()) {
      return std::nullopt;
    }
    return Interval{micros_, days_, static_cast<std::int32_t>(months)};
  }

 private:
  static bool add(std::int32_t& to, std::int64_t value, std::int32_t unit) {
    std::int32_t product = 0;
    return !__builtin_mul_overflow(value, unit, &product) && !__builtin_add_overflow(to, product, &to);
  }

  std::int64_t micros_ = 0;
  std::int32_t days_ = 0;
  std::int32_t months_ = 0;
  std::int32_t years_ = 0;
};

// What a number without a unit is, at the end of a text.
Unit lastUnit(IntervalFields fields) {
  switch (fields) {
    case IntervalFields::kYear:
      return Unit::kYear;
    case IntervalFields::kMonth:
    case IntervalFields::kYearToMonth:
      return Unit::kMonth;
    case IntervalFields::kDay:
      return Unit::kDay;
    case IntervalFields::kHour:
    case IntervalFields::kDayToHour:
      return Unit::kHour;
    case IntervalFields::kMinute:
    case IntervalFields::kDayToMinute:
    case IntervalFields::kHourToMinute:
      return Unit::kMinute;
    default:
      return Unit::kSecond;
  }
}

// A bit for each unit that has been read.
constexpr std::uint32_t bit(Unit unit) {
  return 1U << static_cast<unsigned>(unit);
}
constexpr std::uint32_t kSubseconds = bit(Unit::kMicrosecond) | bit(Unit::kMillisecond);
constexpr std::uint32_t kTime = bit(Unit::kHour) | bit(Unit::kMinute) | bit(Unit::kSecond) | kSubseconds;

class IntervalReader {
 public:
  explicit IntervalReader(IntervalFields fields) : fields_(fields) {}

  Trouble read(const FieldList& list) {
    for (std::size_t i = list.size(); i > 0; --i) {
      found_ = 0;
      if (const Trouble trouble = readField(list[i - 1]); trouble != Trouble::kNone) {
        return trouble;
      }
      if ((found_ & seen_) != 0) {
        return Trouble::kFormat;
      }
      seen_ |= found_;
    }
    if (seen_ == 0) {
      return Trouble::kFormat;
    }
    return ago_ && !sum_.negate() ? Trouble::kField : Trouble::kNone;
  }
  [[nodiscard]] std::optional<Interval> value() const { return sum_.value(); }

 private:
  Trouble readField(const Field& field) {
    switch (field.kind) {
      case FieldKind::kTime: {
        const Trouble trouble = readTime(field.text, false);
        unit_ = Unit::kDay;
        return trouble;
      }
      case FieldKind::kOffset:
        if (field.text.find(':', 1) != std::string_view::npos &&
            readTime(field.text.substr(1), field.text.front() == '-') == Trouble::kNone) {
          unit_ = Unit::kDay;
          return Trouble::kNone;
        }
        return readNumber(field.text);
      case FieldKind::kDate:
      case FieldKind::kNumber:
        return readNumber(field.text);
      default:
        return readWord(field.text);
    }
  }

  // h:mm, h:mm:ss, h:mm:ss.f; mm:ss.f, and mm:ss of INTERVAL MINUTE TO SECOND.
  Trouble readTime(std::string_view text, bool negative) {
    found_ = kTime;
    std::int64_t hour = 0;
    int minute = 0;
    int second = 0;
    double fraction = 0;
    if (!takeInteger(text, 0, std::numeric_limits<std::int64_t>::max(), hour)) {
      return Trouble::kField;
    }
    if (!text.starts_with(':')) {
      return Trouble::kFormat;
    }
    text.remove_prefix(1);
    if (!takeInteger(text, minute)) {
      return Trouble::kField;
    }
    bool minutes_first = text.empty() && fields_ == IntervalFields::kMinuteToSecond;
    if (text.starts_with('.')) {
      minutes_first = true;
    } else if (text.starts_with(':')) {
      text.remove_prefix(1);
      if (!takeInteger(text, second)) {
        return Trouble::kField;
      }
    }
    if (!text.empty() && (text.front() != '.' || !parseFraction(text, fraction))) {
      return Trouble::kFormat;
    }
    if (minutes_first) {
      if (hour > std::numeric_limits<int>::max()) {
        return Trouble::kField;
      }
      second = minute;
      minute = static_cast<int>(hour);
      hour = 0;
    }
    const auto micros = static_cast<std::int64_t>(std::rint(fraction * 1e6));
    if (minute < 0 || minute > 59 || second < 0 || second > 60) {
      return Trouble::kField;
    }
    IntervalSum time;
    time.setTime(micros);
    if (!time.addTime(hour, 0, kMicrosPerHour) || !time.addTime(minute, 0, kMicrosPerMinute) ||
        !time.addTime(second, 0, kMicrosPerSecond) || (negative && !time.negate())) {
      return Trouble::kField;
    }
    sum_.setTime(time.value()->micros);
    return Trouble::kNone;
  }

  Trouble readNumber(std::string_view text) {
    const bool negative = text.front() == '-';
    std::string_view rest = text;
    std::int64_t value = 0;
    double fraction = 0;
    if (!takeInteger(rest, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), value)) {
      return Trouble::kField;
    }
    if (!unit_) {
      unit_ = lastUnit(fields_);
    }
    if (rest.starts_with('-')) {  // SQL's years-months
      rest.remove_prefix(1);
      int months = 0;
      if (!takeInteger(rest, months) || months < 0 || months >= 12) {
        return Trouble::kField;
      }
      if (!rest.empty()) {
        return Trouble::kFormat;
      }
      unit_ = Unit::kMonth;
      if (__builtin_mul_overflow(value, 12, &value) || __builtin_add_overflow(value, negative ? -months : months, &value)) {
        return Trouble::kField;
      }
    } else if (!rest.empty()) {
      if (rest.front() != '.' || !parseFraction(rest, fraction)) {
        return Trouble::kFormat;
      }
      fraction = negative ? -fraction : fraction;
    }
    found_ = bit(*unit_);
    switch (*unit_) {
      case Unit::kEpoch:
      case Unit::kQuarter:
      case Unit::kZone:
      case Unit::kZoneHour:
      case Unit::kZoneMinute:
        return Trouble::kFormat;
      default:
        return add(value, fraction) ? Trouble::kNone : Trouble::kField;
    }
  }

  bool add(std::int64_t value, double fraction) {
    switch (*unit_) {
      case Unit::kMicrosecond:
        return sum_.addTime(value, fraction, 1);
      case Unit::kMillisecond:
        return sum_.addTime(value, fraction, 1'000);
      case Unit::kSecond:
        found_ |= fraction != 0 ? kSubseconds : 0U;
        return sum_.addTime(value, fraction, kMicrosPerSecond);
      case Unit::kMinute:
        return sum_.addTime(value, fraction, kMicrosPerMinute);
      case Unit::kHour:
        unit_ = Unit::kDay;  // what a number before it is
        return sum_.addTime(value, fraction, kMicrosPerHour);
      case Unit::kDay:
        return sum_.addDays(value, 1) && sum_.addFractionOfTime(fraction, kMicrosPerDay);
      case Unit::kWeek:
        return sum_.addDays(value, 7) && sum_.addFractionOfDays(fraction, 7);
      case Unit::kMonth:
        return sum_.addMonths(value) && sum_.addFractionOfDays(fraction, 30);
      default: {
        const int years = *unit_ == Unit::kYear ? 1 : *unit_ == Unit::kDecade ? 10 : *unit_ == Unit::kCentury ? 100 : 1'000;
        return sum_.addYears(value, years) && sum_.addFractionOfYears(fraction, years);
      }
    }
  }

  Trouble readWord(std::string_view text) {
    const Word word = findIntervalWord(text);
    if (word.kind == WordKind::kUnit) {
      unit_ = static_cast<Unit>(word.value);
      return Trouble::kNone;
    }
    if (word.kind == WordKind::kAgo) {
      ago_ = true;
      unit_ = Unit::kEpoch;  // a number before it needs one of its own
      return Trouble::kNone;
    }
    return Trouble::kFormat;
  }

  IntervalFields fields_;
  IntervalSum sum_;
  std::uint32_t seen_ = 0;
  std::uint32_t found_ = 0;
  std::optional<Unit> unit_;  // of the number before
  bool ago_ = false;
};

// ISO 8601: "P1Y2M3W4DT5H6M7S", and the alternative forms "P00010203T040506", "P0001-02-03T04:05:06". Any number may be negative
// and may have a fraction, which spills down.
class IsoIntervalReader {
 public:
  explicit IsoIntervalReader(std::string_view text) : rest_(text) {}

  Trouble read() {
    if (rest_.size() < 2 || !take('P')) {
      return Trouble::kFormat;
    }
    while (!rest_.empty() && !done_) {
      if (take('T')) {
        beginTime();
        continue;
      }
      const std::size_t width = integerWidth();
      Number number;
      Trouble trouble = takeNumber(number);
      if (trouble == Trouble::kNone) {
        trouble = in_time_ ? readTimePart(number, width) : readDatePart(number, width);
      }
      if (trouble != Trouble::kNone) {
        return trouble;
      }
    }
    return Trouble::kNone;
  }
  [[nodiscard]] std::optional<Interval> value() const { return sum_.value(); }

 private:
  struct Number {
    std::int64_t whole = 0;
    double fraction = 0;
  };

  bool take(char c) {
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  void beginTime() {
    in_time_ = true;
    has_field_ = false;
  }
  static Trouble fits(bool added) { return added ? Trouble::kNone : Trouble::kField; }

  [[nodiscard]] std::size_t integerWidth() const {
    const std::string_view number = rest_.substr(rest_.starts_with('-') ? 1 : 0);
    return std::min(number.find_first_not_of("0123456789"), number.size());
  }

  Trouble takeNumber(Number& number) {
    constexpr double kMost = 1e15;  // whole numbers up to here are exact
    if (rest_.empty() || (!isDigit(rest_.front()) && rest_.front() != '-' && rest_.front() != '.')) {
      return Trouble::kFormat;
    }
    double value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) {
      return Trouble::kFormat;
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    if (!(std::fabs(value) <= kMost)) {
      return Trouble::kField;
    }
    number.whole = static_cast<std::int64_t>(value);
    number.fraction = value - static_cast<double>(number.whole);
    return Trouble::kNone;
  }

  bool addYears(const Number& n) { return sum_.addYears(n.whole, 1) && sum_.addFractionOfYears(n.fraction, 1); }
  bool addMonths(const Number& n) { return sum_.addMonths(n.whole) && sum_.addFractionOfDays(n.fraction, 30); }
  bool addDays(const Number& n) { return sum_.addDays(n.whole, 1) && sum_.addFractionOfTime(n.fraction, kMicrosPerDay); }
  bool addTime(const Number& n, std::int64_t unit) { return sum_.addTime(n.whole, n.fraction, unit); }

  Trouble readDatePart(const Number& n, std::size_t width) {
    const bool had_field = has_field_;
    has_field_ = true;
    if (take('Y')) {
      return fits(addYears(n));
    }
    if (take('M')) {
      return fits(addMonths(n));
    }
    if (take('W')) {
      return fits(sum_.addDays(n.whole, 7) && sum_.addFractionOfDays(n.fraction, 7));
    }
    if (take('D')) {
      return fits(addDays(n));
    }
    const bool ends = rest_.empty() || rest_.front() == 'T';
    if (had_field || (!ends && rest_.front() != '-')) {
      return Trouble::kFormat;
    }
    if (ends && width == 8) {  // yyyymmdd
      return fits(sum_.addYears(n.whole / 10'000, 1) && sum_.addMonths(n.whole / 100 % 100) && sum_.addDays(n.whole % 100, 1) &&
                  sum_.addFractionOfTime(n.fraction, kMicrosPerDay));
    }
    return addYears(n) ? readRestOfDate() : Trouble::kField;
  }

  // Behind the year: [-mm[-dd]], up to the end or to the T.
  Trouble readRestOfDate() {
    for (int part = 1; take('-'); ++part) {
      Number n;
      if (const Trouble trouble = takeNumber(n); trouble != Trouble::kNone) {
        return trouble;
      }
      if (!(part == 1 ? addMonths(n) : addDays(n))) {
        return Trouble::kField;
      }
      if (part == 2) {
        break;
      }
    }
    return rest_.empty() || rest_.front() == 'T' ? Trouble::kNone : Trouble::kFormat;
  }

  Trouble readTimePart(const Number& n, std::size_t width) {
    const bool had_field = has_field_;
    has_field_ = true;
    if (take('H')) {
      return fits(addTime(n, kMicrosPerHour));
    }
    if (take('M')) {
      return fits(addTime(n, kMicrosPerMinute));
    }
    if (take('S')) {
      return fits(addTime(n, kMicrosPerSecond));
    }
    if (had_field || (!rest_.empty() && rest_.front() != ':')) {
      return Trouble::kFormat;
    }
    if (rest_.empty() && width == 6) {  // hhmmss; what is behind its point is of a microsecond
      return fits(sum_.addTime(n.whole / 10'000, 0, kMicrosPerHour) && sum_.addTime(n.whole / 100 % 100, 0, kMicrosPerMinute) &&
                  sum_.addTime(n.whole % 100, 0, kMicrosPerSecond) && sum_.addFractionOfTime(n.fraction, 1));
    }
    return addTime(n, kMicrosPerHour) ? readRestOfTime() : Trouble::kField;
  }

  // Behind the hour: [:mm[:ss]] and the end.
  Trouble readRestOfTime() {
    for (const std::int64_t unit : {kMicrosPerMinute, kMicrosPerSecond}) {
      if (!take(':')) {
        break;
      }
      Number n;
      if (const Trouble trouble = takeNumber(n); trouble != Trouble::kNone) {
        return trouble;
      }
      if (!addTime(n, unit)) {
        return Trouble::kField;
      }
    }
    done_ = true;
    return rest_.empty() ? Trouble::kNone : Trouble::kFormat;
  }

  std::string_view rest_;
  IntervalSum sum_;
  bool in_time_ = false;
  bool has_field_ = false;  // a part with its letter has been read, on this side of the T
  bool done_ = false;
};

char* putNumber(char* to, std::int64_t number) {
  return std::to_chars(to, to + 20, number).ptr;
}

char* putTwo(char* to, std::int64_t number) {
  *to++ = static_cast<char>('0' + number / 10);
  *to++ = static_cast<char>('0' + number % 10);
  return to;
}

// "hh:mm:ss[.f]" of a magnitude.
char* putTime(char* to, std::uint64_t micros) {
  constexpr std::uint64_t kHour = kMicrosPerHour;
  const std::uint64_t hours = micros / kHour;
  to = hours < 100 ? putTwo(to, static_cast<std::int64_t>(hours)) : putNumber(to, static_cast<std::int64_t>(hours));
  const auto rest = static_cast<std::int64_t>(micros % kHour);
  *to++ = ':';
  to = putTwo(to, rest / kMicrosPerMinute);
  *to++ = ':';
  to = putTwo(to, rest / kMicrosPerSecond % 60);
  std::int64_t fraction = rest % kMicrosPerSecond;
  if (fraction != 0) {
    *to++ = '.';
    for (std::int64_t unit = kMicrosPerSecond / 10; fraction != 0; unit /= 10) {
      *to++ = static_cast<char>('0' + fraction / unit);
      fraction %= unit;
    }
  }
  return to;
}

}  // namespace

Result<Interval> parseInterval(std::string_view text, const IntervalModifier& modifier) {
  FieldList list;
  IntervalReader reader(modifier.fields);
  Trouble trouble = list.cut(text, kIntervalRoom);
  if (trouble == Trouble::kNone) {
    trouble = reader.read(list);
  }
  std::optional<Interval> value = reader.value();
  if (trouble == Trouble::kFormat) {
    IsoIntervalReader iso(text);
    trouble = iso.read();
    value = iso.value();
  }
  if (trouble != Trouble::kNone) {
    return errorOf(trouble, "interval", text);
  }
  if (!value) {
    return intervalOutOfRange();
  }
  return withModifier(*value, modifier);
}

std::size_t formatInterval(char* to, const Interval& interval) {
  const char* const begin = to;
  bool negative_before = false;
  const auto part = [&](std::int32_t number, std::string_view unit) {
    if (number == 0) {
      return;
    }
    if (to != begin) {
      *to++ = ' ';
    }
    if (negative_before && number > 0) {  // otherwise the sign before would seem to hold here, too
      *to++ = '+';
    }
    to = putNumber(to, number);
    *to++ = ' ';
    std::memcpy(to, unit.data(), unit.size());
    to += unit.size();
    if (number != 1) {
      *to++ = 's';
    }
    negative_before = number < 0;
  };
  part(interval.months / 12, "year");
  part(interval.months % 12, "mon");
  part(interval.days, "day");
  if (interval.micros != 0 || to == begin) {
    if (to != begin) {
      *to++ = ' ';
    }
    if (interval.micros < 0 || negative_before) {
      *to++ = interval.micros < 0 ? '-' : '+';
    }
    const auto micros = static_cast<std::uint64_t>(interval.micros);
    to = putTime(to, interval.micros < 0 ? 0 - micros : micros);
  }
  return static_cast<std::size_t>(to - begin);
}

}  // namespace trefoil::sql::datetime
