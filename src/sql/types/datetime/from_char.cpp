// to_date and to_timestamp: TemplateReader goes through template and text side by side and collects fields; resolve() makes a
// date and a time of them.
//
// Outside of FX, a blank or separator of the template takes one of the text or none, and blanks of the text before and behind
// fields are skipped: `surplus_` counts how many more characters have been skipped than the template had, so that a literal does
// not take a character that belongs to the next field.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "base/ascii_case.hpp"
#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_error.hpp"
#include "sql/types/datetime/datetime_fields.hpp"
#include "sql/types/datetime/datetime_format.hpp"
#include "sql/types/datetime/precision.hpp"
#include "sql/types/datetime/template_words.hpp"

namespace trefoil::sql::datetime {
namespace {

using Node = TemplateNode;

// What a text says; 0 is "not said", as in PostgreSQL.
struct Fields {
  int hour = 0;
  bool twelve_hours = false;  // the hour was one of HH12, or AM or PM was there
  int afternoon = 0;
  int minute = 0;
  int second = 0;
  int second_of_day = 0;
  int millis = 0;
  int micros = 0;
  int day_of_week = 0;  // 1 Sunday
  int day = 0;
  int day_of_year = 0;
  int month = 0;
  int year = 0;
  int year_digits = 0;
  int before_christ = 0;
  int week = 0;
  int week_of_month = 0;
  int century = 0;
  int julian = 0;
  int zone_sign = 0;
  int zone_hour = 0;
  int zone_minute = 0;
  int fraction_digits = 0;  // of FF1 … FF6
  Convention convention = Convention::kNone;
};

// A partial year is the one nearest to 2020.
int completedYear(int year) {
  return year < 70 ? year + 2'000 : year < 100 ? year + 1'900 : year < 520 ? year + 2'000 : year < 1'000 ? year + 1'000 : year;
}

// The characters that lie within the first `most` bytes.
std::string_view wholeCharacters(std::string_view text, std::size_t most) {
  std::size_t end = 0;
  while (end < text.size() && end + characterSize(text, end) <= most) {
    end += characterSize(text, end);
  }
  return text.substr(0, end);
}

class TemplateReader {
 public:
  TemplateReader(const DatetimeTemplate& pattern, std::string_view text) : template_(pattern), text_(text) {}

  Status read() {
    const std::vector<Node>& nodes = template_.nodes();
    for (node_ = 0; node_ < nodes.size() && at_ < text_.size(); ++node_) {
      const Node& node = nodes[node_];
      const bool pattern = node.kind == Node::Kind::kPattern;
      if (!fixed_ && ((pattern && node.pattern != Pattern::kFixed) || (!pattern && node_ == 0))) {
        skipBlanks();
      }
      if (!pattern) {
        skipLiteral(node);
        continue;
      }
      TREFOIL_TRY(setConvention(node));
      TREFOIL_TRY(readPattern(node));
      if (!fixed_) {
        surplus_ = 0;
        skipBlanks();
      }
    }
    return {};
  }
  [[nodiscard]] const Fields& fields() const { return fields_; }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skipCharacter() { at_ += at_ < text_.size() ? characterSize(text_, at_) : 0; }
  void skipBlanks() {
    while (isBlank(peek())) {
      ++at_;
      ++surplus_;
    }
  }

  void skipLiteral(const Node& node) {
    if (fixed_) {
      skipCharacter();
    } else if (node.kind == Node::Kind::kCharacter) {
      if (surplus_ > 0) {
        --surplus_;
      } else {
        skipCharacter();
      }
    } else {
      --surplus_;
      if (isBlank(peek()) || isSeparator(peek())) {
        ++at_;
        ++surplus_;
      }
    }
  }

  // TH behind a number: two characters, whatever they are.
  void skipOrdinal(const Node& node) {
    if (node.ordinal != Node::Ordinal::kNone) {
      skipCharacter();
      skipCharacter();
    }
  }

  Status setConvention(const Node& node) {
    if (node.convention == Convention::kNone || node.convention == fields_.convention) {
      return {};
    }
    if (fields_.convention != Convention::kNone) {
      return invalidFormat("invalid combination of date conventions")
          .withHint("Do not mix Gregorian and ISO week date conventions in a formatting template.");
    }
    fields_.convention = node.convention;
    return {};
  }

  [[nodiscard]] std::string nameOf(const Node& node) const { return "\"" + std::string(template_.textOf(node)) + "\""; }

  Status set(const Node& node, int& field, int value) const {
    if (field != 0 && field != value) {
      return invalidFormat("conflicting values for " + nameOf(node) + " field in formatting string")
          .withDetail("This value contradicts a previous setting for the same field type.");
    }
    field = value;
    return {};
  }

  // Whether what follows the node cannot begin with a digit, so that its number ends by itself.
  [[nodiscard]] bool endsByItself(const Node& node) const {
    if (node.ordinal != Node::Ordinal::kNone || node_ + 1 == template_.nodes().size()) {
      return true;
    }
    const Node& next = template_.nodes()[node_ + 1];
    return next.kind == Node::Kind::kPattern ? !next.digits : !isDigit(template_.textOf(next).front());
  }

  // A number of `width` digits, or of any if it ends by itself. `used` gets the characters it has taken, blanks before it too.
  Status readNumber(const Node& node, std::size_t width, int* field, std::size_t* used = nullptr) {
    const std::size_t begin = at_;
    while (isBlank(peek())) {
      ++at_;
    }
    const std::string_view rest = text_.substr(at_);
    const std::string copy(wholeCharacters(rest, width));
    const std::string widths = std::to_string(width) + " characters, but only ";
    constexpr const char* kHint = "If your source string is not fixed-width, try using the \"FM\" modifier.";
    std::int64_t value = 0;
    bool fits = false;
    if (node.fill || endsByItself(node)) {
      fits = takeNumber(rest, value);
    } else {
      if (rest.size() < width) {
        return invalidFormat("source string too short for " + nameOf(node) + " formatting field")
            .withDetail("Field requires " + widths + std::to_string(rest.size()) + " remain.")
            .withHint(kHint);
      }
      fits = takeNumber(rest.substr(0, width), value);
      if (taken_ > 0 && taken_ < width) {
        return invalidFormat("invalid value \"" + copy + "\" for " + nameOf(node))
            .withDetail("Field requires " + widths + std::to_string(taken_) + " could be parsed.")
            .withHint(kHint);
      }
    }
    if (taken_ == 0) {
      return invalidFormat("invalid value \"" + copy + "\" for " + nameOf(node)).withDetail("Value must be an integer.");
    }
    at_ += taken_;
    if (!fits) {
      return outOfRange("value for " + nameOf(node) + " in source string is out of range")
          .withDetail("Value must be in the range -2147483648 to 2147483647.");
    }
    if (used != nullptr) {
      *used = at_ - begin;
    }
    return field == nullptr ? Status() : set(node, *field, static_cast<int>(value));
  }

  // Blanks, sign and digits, as C reads them; taken_ gets how many. False if it is no int.
  bool takeNumber(std::string_view text, std::int64_t& value) {
    const std::size_t blanks = std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size());
    std::string_view number = text.substr(blanks);
    const bool fits = takeInteger(number, std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), value);
    taken_ = text.size() - blanks == number.size() ? 0 : text.size() - number.size();
    return fits;
  }

  // The first of the words that the text begins with, in any case of letters.
  template <typename Words>
  Status readWord(const Node& node, const Words& words, std::size_t most, int& index) {
    const std::string_view rest = text_.substr(at_);
    index = 0;
    for (std::string_view word : words) {
      word = word.substr(0, most);
      if (equalsIgnoringCase(word, rest.substr(0, word.size()))) {
        at_ += word.size();
        return {};
      }
      ++index;
    }
    const std::string shown(rest.substr(0, rest.find_first_of(" \t\n\v\f\r")));
    return invalidFormat("invalid value \"" + shown + "\" for " + nameOf(node))
        .withDetail("The given value did not match any of the allowed values for this field.");
  }

  // A number as wide as its pattern's name, and what an ordinal has behind it.
  Status readPlain(const Node& node, int* field) {
    TREFOIL_TRY(readNumber(node, node.length, field));
    skipOrdinal(node);
    return {};
  }
  Status readWide(const Node& node, std::size_t width, int* field) {
    TREFOIL_TRY(readNumber(node, width, field));
    skipOrdinal(node);
    return {};
  }

  Status readPattern(const Node& node) {
    switch (node.pattern) {
      case Pattern::kFixed:
        fixed_ = true;
        return {};
      case Pattern::kHour12:
        fields_.twelve_hours = true;
        return readWide(node, 2, &fields_.hour);
      case Pattern::kHour24:
        return readWide(node, 2, &fields_.hour);
      case Pattern::kMinute:
        return readPlain(node, &fields_.minute);
      case Pattern::kSecond:
        return readPlain(node, &fields_.second);
      case Pattern::kSecondOfDay:
        return readPlain(node, &fields_.second_of_day);
      case Pattern::kMillisecond:
        return readFraction(node, 3, fields_.millis);
      case Pattern::kMicrosecond:
        return readFraction(node, 6, fields_.micros);
      case Pattern::kFraction1:
      case Pattern::kFraction2:
      case Pattern::kFraction3:
      case Pattern::kFraction4:
      case Pattern::kFraction5:
      case Pattern::kFraction6:
        fields_.fraction_digits = static_cast<int>(node.pattern) - static_cast<int>(Pattern::kFraction1) + 1;
        return readFraction(node, static_cast<std::size_t>(fields_.fraction_digits), fields_.micros);
      case Pattern::kZone:
      case Pattern::kOffset:
        return notSupported("formatting field " + nameOf(node) + " is only supported in to_char");
      case Pattern::kZoneHour:
        return readZoneHour(node);
      case Pattern::kZoneMinute:
        fields_.zone_sign = fields_.zone_sign == 0 ? 1 : fields_.zone_sign;
        return readNumber(node, 2, &fields_.zone_minute);
      default:
        return readDatePattern(node);
    }
  }

  Status readDatePattern(const Node& node) {
    switch (node.pattern) {
      case Pattern::kMonth:
        return readPlain(node, &fields_.month);
      case Pattern::kDayOfYear:
        return readPlain(node, &fields_.day_of_year);
      case Pattern::kIsoDayOfYear:
        return readWide(node, 3, &fields_.day_of_year);
      case Pattern::kDay:
        return readPlain(node, &fields_.day);
      case Pattern::kDayOfWeek:
        return readPlain(node, &fields_.day_of_week);
      case Pattern::kIsoDayOfWeek:
        TREFOIL_TRY(readNumber(node, 1, &fields_.day_of_week));
        fields_.day_of_week = fields_.day_of_week >= 7 ? 1 : fields_.day_of_week + 1;
        skipOrdinal(node);
        return {};
      case Pattern::kWeek:
      case Pattern::kIsoWeek:
        return readPlain(node, &fields_.week);
      case Pattern::kWeekOfMonth:
        return readPlain(node, &fields_.week_of_month);
      case Pattern::kQuarter:  // says too little to be of use
        return readPlain(node, nullptr);
      case Pattern::kCentury:
        return readPlain(node, &fields_.century);
      case Pattern::kJulian:
        return readPlain(node, &fields_.julian);
      case Pattern::kYearComma:
        return readYearWithComma(node);
      case Pattern::kYear4:
      case Pattern::kIsoYear4:
        return readYear(node, 4);
      case Pattern::kYear3:
      case Pattern::kIsoYear3:
        return readYear(node, 3);
      case Pattern::kYear2:
      case Pattern::kIsoYear2:
        return readYear(node, 2);
      case Pattern::kYear1:
      case Pattern::kIsoYear1:
        return readYear(node, 1);
      default:
        return readName(node);
    }
  }

  Status readName(const Node& node) {
    constexpr std::string_view kMeridiems[] = {"AM", "PM"};
    constexpr std::string_view kDottedMeridiems[] = {"A.M.", "P.M."};
    constexpr std::string_view kEras[] = {"AD", "BC"};
    constexpr std::string_view kDottedEras[] = {"A.D.", "B.C."};
    constexpr auto kWhole = std::string_view::npos;
    int index = 0;
    switch (node.pattern) {
      case Pattern::kMeridiem:
      case Pattern::kMeridiemDotted:
        TREFOIL_TRY(readWord(node, node.pattern == Pattern::kMeridiem ? kMeridiems : kDottedMeridiems, kWhole, index));
        fields_.twelve_hours = true;
        return set(node, fields_.afternoon, index);
      case Pattern::kEra:
      case Pattern::kEraDotted:
        TREFOIL_TRY(readWord(node, node.pattern == Pattern::kEra ? kEras : kDottedEras, kWhole, index));
        return set(node, fields_.before_christ, index);
      case Pattern::kMonthName:
      case Pattern::kMonthShort:
        TREFOIL_TRY(readWord(node, kMonthNames, node.pattern == Pattern::kMonthName ? kWhole : kShortName, index));
        return set(node, fields_.month, index + 1);
      case Pattern::kRoman:
        TREFOIL_TRY(readWord(node, kRomanMonths, kWhole, index));
        return set(node, fields_.month, 12 - index);
      default:  // a day's name
        TREFOIL_TRY(readWord(node, kDayNames, node.pattern == Pattern::kDayName ? kWhole : kShortName, index));
        TREFOIL_TRY(set(node, fields_.day_of_week, index));
        ++fields_.day_of_week;
        return {};
    }
  }

  // Digits behind a point: "5" is half a second, whatever the width.
  Status readFraction(const Node& node, std::size_t width, int& field) {
    std::size_t used = 0;
    TREFOIL_TRY(readNumber(node, width, &field, &used));
    std::int64_t value = field;
    for (std::size_t digits = used; digits < (width == 3 && node.pattern == Pattern::kMillisecond ? 3U : 6U); ++digits) {
      value *= 10;
    }
    if (value > std::numeric_limits<int>::max() || value < std::numeric_limits<int>::min()) {
      return outOfRange("value for " + nameOf(node) + " in source string is out of range");
    }
    field = static_cast<int>(value);
    skipOrdinal(node);
    return {};
  }

  Status readYear(const Node& node, int digits) {
    std::size_t used = 0;
    TREFOIL_TRY(readNumber(node, node.length, &fields_.year, &used));
    if (digits < 4 && used < 4) {
      fields_.year = completedYear(fields_.year);
    }
    fields_.year_digits = digits;
    skipOrdinal(node);
    return {};
  }

  // "2,024": thousands, a comma, and up to three digits.
  Status readYearWithComma(const Node& node) {
    std::int64_t thousands = 0;
    std::int64_t years = 0;
    const std::size_t begin = at_;
    bool fits = takeNumber(text_.substr(at_), thousands);
    bool complete = taken_ > 0;
    at_ += taken_;
    complete = complete && peek() == ',';
    if (complete) {
      ++at_;
      const std::size_t blanks = std::min(text_.find_first_not_of(" \t\n\v\f\r", at_), text_.size());
      at_ = blanks;
      fits = takeNumber(text_.substr(at_, 3), years) && fits;
      complete = taken_ > 0;
      at_ += taken_;
    }
    if (!complete) {
      at_ = begin;
      return invalidFormat("invalid input string for \"Y,YYY\"");
    }
    years += thousands * 1'000;
    if (!fits || years > std::numeric_limits<int>::max() || years < std::numeric_limits<int>::min()) {
      return outOfRange("value for \"Y,YYY\" in source string is out of range");
    }
    TREFOIL_TRY(set(node, fields_.year, static_cast<int>(years)));
    fields_.year_digits = 4;
    skipOrdinal(node);
    return {};
  }

  Status readZoneHour(const Node& node) {
    if (peek() == '+' || peek() == '-' || peek() == ' ') {
      fields_.zone_sign = peek() == '-' ? -1 : 1;
      ++at_;
    } else {
      // The sign may have gone as a separator.
      fields_.zone_sign = surplus_ > 0 && at_ > 0 && text_[at_ - 1] == '-' ? -1 : 1;
    }
    return readNumber(node, 2, &fields_.zone_hour);
  }

  const DatetimeTemplate& template_;
  std::string_view text_;
  std::size_t node_ = 0;
  std::size_t at_ = 0;
  std::size_t taken_ = 0;  // of the last number
  int surplus_ = 0;
  bool fixed_ = false;
  Fields fields_;
};

// A date and a time, and the offset if the text has one.
struct Resolved {
  CivilTime value;
  std::optional<std::int32_t> offset;
  int precision = -1;
};

class Resolver {
 public:
  Resolver(const Fields& fields, std::string_view text) : fields_(fields), text_(text), day_of_year_(fields.day_of_year) {
    result_.value = {0, 1, 1, 0, 0, 0, 0};
  }

  Result<Resolved> resolve() {
    TREFOIL_TRY(resolveTime());
    TREFOIL_TRY(resolveYear());
    TREFOIL_TRY(resolveDays());
    TREFOIL_TRY(checkDate());
    TREFOIL_TRY(checkTime());
    TREFOIL_TRY(resolveZone());
    result_.precision = fields_.fraction_digits > 0 ? fields_.fraction_digits : -1;
    return result_;
  }

 private:
  [[nodiscard]] Error outOfRangeField() const { return fieldOutOfRange(text_); }

  Status resolveTime() {
    std::int64_t hour = 0;
    CivilTime& value = result_.value;
    if (fields_.second_of_day != 0) {
      hour = fields_.second_of_day / 3'600;
      value.minute = fields_.second_of_day / 60 % 60;
      value.second = fields_.second_of_day % 60;
    }
    value.second = fields_.second != 0 ? fields_.second : value.second;
    value.minute = fields_.minute != 0 ? fields_.minute : value.minute;
    hour = fields_.hour != 0 ? fields_.hour : hour;
    if (fields_.twelve_hours) {
      if (hour < 1 || hour > 12) {
        return invalidFormat("hour \"" + std::to_string(hour) + "\" is invalid for the 12-hour clock")
            .withHint("Use the 24-hour clock, or give an hour between 1 and 12.");
      }
      hour = hour % 12 + (fields_.afternoon != 0 ? 12 : 0);
    }
    value.hour = static_cast<int>(hour);
    return {};
  }

  Status resolveYear() {
    std::int64_t year = 0;
    const std::int64_t century = fields_.before_christ != 0 ? -std::int64_t{fields_.century} : fields_.century;
    if (fields_.year != 0) {
      if (fields_.century != 0 && fields_.year_digits <= 2) {
        // The century runs from 1 to 100, and backwards before Christ.
        year = fields_.year % 100;
        if (year != 0) {
          year = century >= 0 ? year + (century - 1) * 100 : (century + 1) * 100 - year + 1;
        } else {
          year = century * 100 + (century >= 0 ? 0 : 1);
        }
      } else {
        year = fields_.before_christ != 0 ? -std::int64_t{fields_.year} : fields_.year;
        year += year < 0 ? 1 : 0;
      }
    } else if (fields_.century != 0) {
      year = century >= 0 ? (century - 1) * 100 + 1 : century * 100 + 1;
    }
    has_year_ = fields_.year != 0 || fields_.century != 0;
    if (year > std::numeric_limits<int>::max() || year < std::numeric_limits<int>::min()) {
      return outOfRangeField();
    }
    result_.value.year = year;
    return {};
  }

  // A day by itself: of the Julian count, or of the ISO calendar.
  void setDay(std::int64_t day) {
    setDate(result_.value, day);
    has_year_ = has_month_ = has_day_ = true;
  }

  Status resolveDays() {
    CivilTime& value = result_.value;
    if (fields_.julian != 0) {
      setDay(fields_.julian - kJulianDayOfEpoch);
    }
    if (fields_.week != 0) {
      if (fields_.convention == Convention::kIsoWeek) {
        const std::int64_t monday = mondayOfIsoWeek(value.year, fields_.week);
        setDay(monday + (fields_.day_of_week == 0 ? 0 : fields_.day_of_week > 1 ? fields_.day_of_week - 2 : 6));
      } else {
        day_of_year_ = (std::int64_t{fields_.week} - 1) * 7 + 1;
      }
    }
    std::int64_t day = fields_.day;
    if (fields_.week_of_month != 0) {
      day = (std::int64_t{fields_.week_of_month} - 1) * 7 + 1;
    }
    if (day > std::numeric_limits<int>::max() || day < std::numeric_limits<int>::min()) {
      return outOfRangeField();
    }
    if (day != 0) {
      value.day = static_cast<int>(day);
      has_day_ = true;
    }
    if (fields_.month != 0) {
      value.month = fields_.month;
      has_month_ = true;
    }
    if (day_of_year_ != 0 && (value.month <= 1 || value.day <= 1)) {
      return resolveDayOfYear();
    }
    return {};
  }

  Status resolveDayOfYear() {
    CivilTime& value = result_.value;
    if (value.year == 0 && fields_.before_christ == 0) {
      return invalidFormat("cannot calculate day of year without year information");
    }
    if (fields_.convention == Convention::kIsoWeek) {
      setDay(mondayOfIsoWeek(value.year, 1) - 1 + day_of_year_);
      return {};
    }
    // Beyond the year's end the month is one that there is not.
    int month = 1;
    std::int64_t day = day_of_year_;
    while (month <= 12 && day > daysInMonth(value.year, month)) {
      day -= daysInMonth(value.year, month);
      ++month;
    }
    if (value.month <= 1) {
      value.month = month;
    }
    if (value.day <= 1) {
      value.day = static_cast<int>(std::clamp<std::int64_t>(day, -1, 1'000));
    }
    has_month_ = has_day_ = true;
    return {};
  }

  [[nodiscard]] Status checkDate() const {
    const CivilTime& value = result_.value;
    const bool wrong_month = has_month_ && (value.month < 1 || value.month > 12);
    const bool wrong_day = has_day_ && (value.day < 1 || value.day > 31);
    if (wrong_month || wrong_day || (has_year_ && has_month_ && has_day_ && value.day > daysInMonth(value.year, value.month))) {
      return outOfRangeField();
    }
    return {};
  }

  Status checkTime() {
    CivilTime& value = result_.value;
    const std::int64_t micros = std::int64_t{fields_.millis} * 1'000 + fields_.micros;
    if (value.hour < 0 || value.hour >= 24 || value.minute < 0 || value.minute >= 60 || value.second < 0 || value.second >= 60 ||
        micros < 0 || micros >= kMicrosPerSecond) {
      return outOfRangeField();
    }
    value.micros = static_cast<int>(micros);
    return {};
  }

  Status resolveZone() {
    if (fields_.zone_sign == 0) {
      return {};
    }
    if (fields_.zone_hour < 0 || fields_.zone_hour > kMaxDisplacementHour || fields_.zone_minute < 0 ||
        fields_.zone_minute >= 60) {
      return displacementOutOfRange(text_);
    }
    result_.offset = fields_.zone_sign * (fields_.zone_hour * 3'600 + fields_.zone_minute * 60);
    return {};
  }

  const Fields& fields_;
  std::string_view text_;
  std::int64_t day_of_year_;
  bool has_year_ = false;
  bool has_month_ = false;
  bool has_day_ = false;
  Resolved result_;
};

Result<Resolved> read(std::string_view text, const DatetimeTemplate& pattern) {
  TemplateReader reader(pattern, text);
  TREFOIL_TRY(reader.read());
  return Resolver(reader.fields(), text).resolve();
}

}  // namespace

Result<std::int64_t> toDate(std::string_view text, const DatetimeTemplate& pattern) {
  TREFOIL_ASSIGN(const Resolved resolved, read(text, pattern));
  if (resolved.value.year < kFirstYear || resolved.value.year > kLastYear || !isDate(resolved.value.days())) {
    return outOfRange("date out of range: \"" + std::string(text) + "\"");
  }
  return resolved.value.days();
}

Result<std::int64_t> toTimestampTz(std::string_view text, const DatetimeTemplate& pattern, const TimeZone& zone) {
  TREFOIL_ASSIGN(const Resolved resolved, read(text, pattern));
  std::int64_t micros = 0;
  if (resolved.value.year < kFirstYear || resolved.value.year > kLastYear) {
    return timestampOutOfRange();
  }
  const std::int64_t local = resolved.value.days() * kSecondsPerDay + resolved.value.timeOfDay() / kMicrosPerSecond;
  const std::int32_t offset = resolved.offset ? *resolved.offset : zone.offsetOfLocal(local);
  if (!joinTimestamp(resolved.value, offset, micros) || !roundTimestamp(micros, resolved.precision)) {
    return timestampOutOfRange();
  }
  return micros;
}

}  // namespace trefoil::sql::datetime
