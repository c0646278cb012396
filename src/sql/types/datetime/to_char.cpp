// to_char: each node of a template appends its text. Widths are printf's "%0*d": a sign counts, and negative fields (of
// intervals) are one wider.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/ascii_case.hpp"
#include "base/format_number.hpp"
#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_error.hpp"
#include "sql/types/datetime/datetime_format.hpp"
#include "sql/types/datetime/template_words.hpp"

namespace trefoil::sql::datetime {
namespace {

using Letters = TemplateNode::Letters;
using Ordinal = TemplateNode::Ordinal;

// What there is to print. An interval's fields may be negative, its hours many, and it has neither weekday nor zone.
struct Fields {
  bool interval = false;
  std::int64_t year = 0;
  int month = 0;
  int day = 0;
  std::int64_t hour = 0;
  int minute = 0;
  int second = 0;
  int micros = 0;
  std::int64_t days = 0;  // since 1970
  int week_day = 0;
  std::int64_t year_day = 0;
  std::int32_t offset = 0;
  std::string_view zone;

  // Years as they are shown: 1 BC is 1.
  [[nodiscard]] std::int64_t shown(std::int64_t of) const { return interval || of > 0 ? of : 1 - of; }
};

Fields fieldsOf(std::int64_t micros, std::int32_t offset, std::string_view zone) {
  const CivilTime local = civilTime(micros, offset);
  Fields fields;
  fields.year = local.year;
  fields.month = local.month;
  fields.day = local.day;
  fields.hour = local.hour;
  fields.minute = local.minute;
  fields.second = local.second;
  fields.micros = local.micros;
  fields.days = local.days();
  fields.week_day = dayOfWeek(fields.days);
  fields.year_day = dayOfYear(fields.days);
  fields.offset = offset;
  fields.zone = zone;
  return fields;
}

Fields fieldsOf(const Interval& interval) {
  Fields fields;
  fields.interval = true;
  fields.year = interval.months / 12;
  fields.month = interval.months % 12;
  fields.day = interval.days;
  fields.hour = interval.micros / kMicrosPerHour;
  fields.minute = static_cast<int>(interval.micros / kMicrosPerMinute % 60);
  fields.second = static_cast<int>(interval.micros / kMicrosPerSecond % 60);
  fields.micros = static_cast<int>(interval.micros % kMicrosPerSecond);
  fields.days = daysFromCivil({fields.year, fields.month, 1}) + fields.day - 1;
  fields.year_day = std::int64_t{interval.months} * 30 + interval.days;
  return fields;
}

bool needsCalendar(Pattern pattern) {
  switch (pattern) {
    case Pattern::kEra:
    case Pattern::kEraDotted:
    case Pattern::kDayName:
    case Pattern::kDayShort:
    case Pattern::kDayOfWeek:
    case Pattern::kIsoDayOfWeek:
    case Pattern::kMonthName:
    case Pattern::kMonthShort:
    case Pattern::kOffset:
    case Pattern::kZone:
    case Pattern::kZoneHour:
    case Pattern::kZoneMinute:
      return true;
    default:
      return false;
  }
}

class Printer {
 public:
  Printer(const Fields& fields, std::string& out) : fields_(fields), out_(out) {}

  void print(const TemplateNode& node) {
    if (!printName(node) && !printZone(node)) {
      const std::size_t begin = out_.size();
      if (!printTime(node)) {
        printDate(node);
      }
      if (node.ordinal != Ordinal::kNone && out_.size() > begin) {
        printOrdinal(node.ordinal == Ordinal::kUpper, std::string_view(out_).substr(begin));
      }
    }
  }

 private:
  void printNumber(std::int64_t value, int width) {
    char digits[kMaxIntegerChars];
    const std::uint64_t magnitude = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    const std::size_t size = formatUnsigned(digits, magnitude);
    if (value < 0) {
      out_ += '-';
      --width;
    }
    out_.append(width > static_cast<int>(size) ? static_cast<std::size_t>(width) - size : 0, '0');
    out_.append(digits, size);
  }
  // A field of so many digits, one wider if it is negative.
  void printField(const TemplateNode& node, std::int64_t value, int width) {
    printNumber(value, node.fill ? 0 : value >= 0 ? width : width + 1);
  }

  void printWord(std::string_view word, Letters letters, std::size_t width) {
    for (std::size_t i = 0; i < word.size(); ++i) {
      const bool upper = letters == Letters::kUpper || (letters == Letters::kCapital && i == 0);
      out_ += upper ? upperCase(word[i]) : lowerCase(word[i]);
    }
    out_.append(width > word.size() ? width - word.size() : 0, ' ');
  }

  // 1st, 2nd, 3rd, 4th, 11th.
  void printOrdinal(bool upper, std::string_view number) {
    const char last = number.back();
    const bool teen = number.size() > 1 && number[number.size() - 2] == '1';
    const std::string_view ending = teen ? "th" : last == '1' ? "st" : last == '2' ? "nd" : last == '3' ? "rd" : "th";
    printWord(ending, upper ? Letters::kUpper : Letters::kLower, 0);
  }

  bool printName(const TemplateNode& node) {
    constexpr std::size_t kLongestName = 9;
    const std::size_t width = node.fill || node.translated ? 0 : kLongestName;
    const bool afternoon = fields_.hour % 24 >= 12;
    switch (node.pattern) {
      case Pattern::kMeridiem:
        printWord(afternoon ? "PM" : "AM", node.letters, 0);
        return true;
      case Pattern::kMeridiemDotted:
        printWord(afternoon ? "P.M." : "A.M.", node.letters, 0);
        return true;
      case Pattern::kEra:
        printWord(fields_.year <= 0 ? "BC" : "AD", node.letters, 0);
        return true;
      case Pattern::kEraDotted:
        printWord(fields_.year <= 0 ? "B.C." : "A.D.", node.letters, 0);
        return true;
      case Pattern::kMonthName:
        printWord(kMonthNames[fields_.month - 1], node.letters, width);
        return true;
      case Pattern::kMonthShort:
        printWord(kMonthNames[fields_.month - 1].substr(0, kShortName), node.letters, 0);
        return true;
      case Pattern::kDayName:
        printWord(kDayNames[fields_.week_day], node.letters, width);
        return true;
      case Pattern::kDayShort:
        printWord(kDayNames[fields_.week_day].substr(0, kShortName), node.letters, 0);
        return true;
      case Pattern::kRoman:
        printRoman(node);
        return true;
      case Pattern::kFixed:
        return true;
      default:
        return false;
    }
  }

  void printRoman(const TemplateNode& node) {
    constexpr std::size_t kLongest = 4;
    if (fields_.month == 0 && fields_.year == 0) {
      return;
    }
    // An interval's whole years end with a month: December, and January backwards; -1 is December, too.
    const int index = fields_.month == 0  ? (fields_.year >= 0 ? 0 : 11)
                      : fields_.month < 0 ? -(fields_.month + 1)
                                          : 12 - fields_.month;
    printWord(kRomanMonths[index], node.letters, node.fill ? 0 : kLongest);
  }

  bool printZone(const TemplateNode& node) {
    const std::int32_t magnitude = std::abs(fields_.offset);
    const char sign = fields_.offset < 0 ? '-' : '+';
    switch (node.pattern) {
      case Pattern::kZone:
        if (node.letters == Letters::kLower) {
          printWord(fields_.zone, Letters::kLower, 0);
        } else {
          out_ += fields_.zone;
        }
        return true;
      case Pattern::kZoneHour:
        out_ += sign;
        printNumber(magnitude / 3'600, 2);
        return true;
      case Pattern::kZoneMinute:
        printNumber(magnitude % 3'600 / 60, 2);
        return true;
      case Pattern::kOffset:
        out_ += sign;
        printNumber(magnitude / 3'600, node.fill ? 0 : 2);
        if (magnitude % 3'600 != 0) {
          out_ += ':';
          printNumber(magnitude % 3'600 / 60, 2);
        }
        return true;
      default:
        return false;
    }
  }

  bool printTime(const TemplateNode& node) {
    switch (node.pattern) {
      case Pattern::kHour12: {
        const std::int64_t hour = fields_.hour % 12 == 0 ? 12 : fields_.hour % 12;
        printNumber(hour, node.fill ? 0 : fields_.hour >= 0 ? 2 : 3);
        return true;
      }
      case Pattern::kHour24:
        printField(node, fields_.hour, 2);
        return true;
      case Pattern::kMinute:
        printField(node, fields_.minute, 2);
        return true;
      case Pattern::kSecond:
        printField(node, fields_.second, 2);
        return true;
      case Pattern::kFraction1:
        printNumber(fields_.micros / 100'000, 1);
        return true;
      case Pattern::kFraction2:
        printNumber(fields_.micros / 10'000, 2);
        return true;
      case Pattern::kFraction3:
      case Pattern::kMillisecond:
        printNumber(fields_.micros / 1'000, 3);
        return true;
      case Pattern::kFraction4:
        printNumber(fields_.micros / 100, 4);
        return true;
      case Pattern::kFraction5:
        printNumber(fields_.micros / 10, 5);
        return true;
      case Pattern::kFraction6:
      case Pattern::kMicrosecond:
        printNumber(fields_.micros, 6);
        return true;
      case Pattern::kSecondOfDay:
        printNumber((fields_.hour * 60 + fields_.minute) * 60 + fields_.second, 0);
        return true;
      default:
        return false;
    }
  }

  void printDate(const TemplateNode& node) {
    switch (node.pattern) {
      case Pattern::kMonth:
        return printField(node, fields_.month, 2);
      case Pattern::kDayOfYear:
        return printNumber(fields_.year_day, node.fill ? 0 : 3);
      case Pattern::kIsoDayOfYear:
        return printNumber(fields_.days - mondayOfIsoWeek(isoWeek(fields_.days).year, 1) + 1, node.fill ? 0 : 3);
      case Pattern::kDay:
        return printNumber(fields_.day, node.fill ? 0 : 2);
      case Pattern::kDayOfWeek:
        return printNumber(fields_.week_day + 1, 0);
      case Pattern::kIsoDayOfWeek:
        return printNumber(fields_.week_day == 0 ? 7 : fields_.week_day, 0);
      case Pattern::kWeek:
        return printNumber((fields_.year_day - 1) / 7 + 1, node.fill ? 0 : 2);
      case Pattern::kIsoWeek:
        return printNumber(isoWeek(fields_.days).week, node.fill ? 0 : 2);
      case Pattern::kWeekOfMonth:
        return printNumber((std::int64_t{fields_.day} - 1) / 7 + 1, 0);
      case Pattern::kQuarter:
        if (fields_.month != 0) {
          printNumber((fields_.month - 1) / 3 + 1, 0);
        }
        return;
      case Pattern::kJulian:
        return printNumber(julianDay(fields_.days), 0);
      case Pattern::kCentury:
        return printCentury(node);
      default:
        return printYear(node);
    }
  }

  void printCentury(const TemplateNode& node) {
    const std::int64_t year = fields_.year;
    const std::int64_t century = fields_.interval ? year / 100 : year > 0 ? (year - 1) / 100 + 1 : year / 100 - 1;
    printField(node, century, century <= 99 && century >= -99 ? 2 : 0);
  }

  void printYear(const TemplateNode& node) {
    const std::int64_t year = fields_.shown(fields_.year);
    const auto iso_year = [&] { return fields_.shown(isoWeek(fields_.days).year); };
    const auto iso_width = [&](int width) { return node.fill ? 0 : year >= 0 ? width : width + 1; };  // by the year itself
    switch (node.pattern) {
      case Pattern::kYearComma:
        printNumber(year / 1'000, 0);
        out_ += ',';
        return printNumber(year % 1'000, 3);
      case Pattern::kYear4:
        return printField(node, year, 4);
      case Pattern::kYear3:
        return printField(node, year % 1'000, 3);
      case Pattern::kYear2:
        return printField(node, year % 100, 2);
      case Pattern::kYear1:
        return printNumber(year % 10, 1);
      case Pattern::kIsoYear4:
        return printNumber(iso_year(), iso_width(4));
      case Pattern::kIsoYear3:
        return printNumber(iso_year() % 1'000, iso_width(3));
      case Pattern::kIsoYear2:
        return printNumber(iso_year() % 100, iso_width(2));
      default:
        return printNumber(iso_year() % 10, 1);
    }
  }

  const Fields& fields_;
  std::string& out_;
};

Result<std::optional<std::string>> print(const DatetimeTemplate& pattern, const Fields& fields) {
  std::string out;
  Printer printer(fields, out);
  for (const TemplateNode& node : pattern.nodes()) {
    if (node.kind != TemplateNode::Kind::kPattern) {
      out += pattern.textOf(node);
      continue;
    }
    if (fields.interval && needsCalendar(node.pattern)) {
      return invalidFormat("invalid format specification for an interval value")
          .withHint("Intervals are not tied to specific calendar dates.");
    }
    printer.print(node);
  }
  return std::optional(std::move(out));
}

}  // namespace

Result<std::optional<std::string>> timestampToChar(const DatetimeTemplate& pattern, std::int64_t micros) {
  if (pattern.empty() || !isFinite(micros)) {
    return std::optional<std::string>();
  }
  return print(pattern, fieldsOf(micros, 0, {}));
}

Result<std::optional<std::string>> timestampTzToChar(const DatetimeTemplate& pattern, std::int64_t micros, const TimeZone& zone) {
  if (pattern.empty() || !isFinite(micros)) {
    return std::optional<std::string>();
  }
  const TimeZone::Meaning meaning = zone.at(floorDivide(micros, kMicrosPerSecond));
  return print(pattern, fieldsOf(micros, meaning.offset, meaning.abbreviation));
}

Result<std::optional<std::string>> intervalToChar(const DatetimeTemplate& pattern, const Interval& interval) {
  if (pattern.empty()) {
    return std::optional<std::string>();
  }
  return print(pattern, fieldsOf(interval));
}

}  // namespace trefoil::sql::datetime
