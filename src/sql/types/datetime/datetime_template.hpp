// Templates of to_char, to_date and to_timestamp: "YYYY-MM-DD HH24:MI:SS", 'FMMonth DDth, YYYY "at" HH12:MI AM'.
//
// A template is a sequence of nodes. A pattern is the longest name of the table that fits, all capitals or all small (Month, Mon,
// Day and Dy also with a first capital); FM or TM may stand before it, TH, th or SP behind. Everything else is text: a character
// each, that of a quoted string always, others as separators (punctuation) or blanks, which matters to reading only.
//
// Immutable, safe for all threads; compile once, use for many values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trefoil::sql::datetime {

enum class Pattern : std::uint8_t {
  kMeridiem,        // AM PM
  kMeridiemDotted,  // A.M. P.M.
  kEra,             // AD BC
  kEraDotted,       // A.D. B.C.
  kCentury,         // CC
  kDayName,         // DAY
  kDayShort,        // DY
  kDayOfYear,       // DDD
  kDay,             // DD
  kDayOfWeek,       // D, 1 Sunday
  kFraction1,       // FF1 …
  kFraction2,
  kFraction3,
  kFraction4,
  kFraction5,
  kFraction6,
  kFixed,         // FX
  kHour24,        // HH24
  kHour12,        // HH12, HH
  kIsoDayOfYear,  // IDDD
  kIsoDayOfWeek,  // ID, 1 Monday
  kIsoWeek,       // IW
  kIsoYear4,      // IYYY
  kIsoYear3,
  kIsoYear2,
  kIsoYear1,
  kJulian,       // J
  kMinute,       // MI
  kMonth,        // MM
  kMonthName,    // MONTH
  kMonthShort,   // MON
  kMillisecond,  // MS
  kOffset,       // OF
  kQuarter,      // Q
  kRoman,        // RM
  kSecondOfDay,  // SSSS, SSSSS
  kSecond,       // SS
  kZoneHour,     // TZH
  kZoneMinute,   // TZM
  kZone,         // TZ
  kMicrosecond,  // US
  kWeek,         // WW
  kWeekOfMonth,  // W
  kYearComma,    // Y,YYY
  kYear4,
  kYear3,
  kYear2,
  kYear1,
};

// Which calendar a pattern belongs to: the two do not mix in what is read.
enum class Convention : std::uint8_t { kNone, kGregorian, kIsoWeek };

struct TemplateNode {
  enum class Kind : std::uint8_t { kPattern, kBlank, kSeparator, kCharacter };
  enum class Letters : std::uint8_t { kUpper, kLower, kCapital };
  enum class Ordinal : std::uint8_t { kNone, kUpper, kLower };

  Kind kind = Kind::kCharacter;
  // Of a pattern:
  Pattern pattern{};
  Letters letters = Letters::kUpper;
  Ordinal ordinal = Ordinal::kNone;  // TH, th
  bool fill = false;                 // FM: no padding
  bool translated = false;           // TM: names in the locale's language (English) and not padded
  bool digits = false;               // read as digits
  Convention convention = Convention::kNone;
  // The name or the character, in the template's text.
  std::uint8_t length = 0;
  std::uint32_t offset = 0;
};

class DatetimeTemplate {
 public:
  explicit DatetimeTemplate(std::string_view text);

  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::vector<TemplateNode>& nodes() const { return nodes_; }
  [[nodiscard]] std::string_view textOf(const TemplateNode& node) const {
    return std::string_view(text_).substr(node.offset, node.length);
  }

 private:
  void addCharacter(std::size_t& at, bool quoted);
  bool addPattern(std::size_t& at);

  std::string text_;
  std::vector<TemplateNode> nodes_;
};

// Punctuation, as a separator in a template or a text.
constexpr bool isSeparator(char c) {
  return c > ' ' && c < '\x7F' && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
}

// Bytes of the character at `at` in UTF-8, at most those that are left.
std::size_t characterSize(std::string_view text, std::size_t at);

}  // namespace trefoil::sql::datetime
