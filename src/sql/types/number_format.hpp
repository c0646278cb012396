// to_char() and to_number(): numbers by templates, as PostgreSQL 15 has them.
// https://www.postgresql.org/docs/15/functions-formatting.html#FUNCTIONS-FORMATTING-NUMERIC-TABLE
//
// All patterns: 9 0 . , D G L S MI PL SG PR RN TH V EEEE FM (also in lower case), B, C and SP, which are read and do nothing, and
// text, which may stand in double quotes. The locale is C: the point is ".", groups are set apart by ",", the currency is a
// blank. Where PostgreSQL's answer is odd (9.99 as 9.9EEEE is 10.0e+00), so is ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "sql/types/numeric.hpp"

namespace trefoil::sql {

namespace number_format_detail {

enum class Pattern : std::uint8_t {
  kText,
  kNine,
  kZero,
  kPoint,
  kComma,
  kCurrency,
  kMinus,
  kPlus,
  kSign,
  kBracket,
  kAnchoredSign,
  kRoman,
  kLowerRoman,
  kOrdinal,
  kLowerOrdinal,
  kShift,
  kExponent,
  kFillMode,
  kBlank,
  kNothing,
};

struct Element {
  Pattern pattern = Pattern::kText;
  std::uint32_t offset = 0;  // kText: one character of the template
  std::uint32_t length = 0;
};

enum class SignPlace : std::uint8_t { kNone, kBefore, kBehind };

// What a template says as a whole.
struct Layout {
  bool zero = false;       // 0 before the point
  bool point = false;      // . or D
  bool fill_mode = false;  // FM
  bool bracket = false;    // PR
  bool minus = false;      // MI or SG
  bool plus = false;       // PL or SG
  bool blank = false;      // B
  bool roman = false;      // RN
  bool shift = false;      // V
  bool exponent = false;   // EEEE
  bool anchored = false;   // S
  SignPlace sign = SignPlace::kNone;
  std::int32_t before = 0;       // digits before the point
  std::int32_t behind = 0;       // and behind it
  std::int32_t before_sign = 0;  // digits before S
  std::int32_t shifted = 0;      // digits behind V
  std::int32_t first_zero = 0;   // the place of the first 0 before the point, counted from 1
  std::int32_t last_zero = 0;    // that of the last 0
};

}  // namespace number_format_detail

// A template, read once and used for many numbers; immutable, safe to share between threads.
class NumberFormat {
 public:
  static constexpr std::size_t kMaxTemplateBytes = std::size_t{1} << 20;  // kLimit above it

  // kSyntax with PostgreSQL's text; some have a DETAIL.
  static Result<NumberFormat> parse(std::string_view pattern);

  // to_char(). kOutOfRange; kInvalidText for NaN with TH.
  [[nodiscard]] Result<std::string> format(const Numeric& value) const;
  [[nodiscard]] Result<std::string> format(std::int32_t value) const;
  [[nodiscard]] Result<std::string> format(std::int64_t value) const;
  [[nodiscard]] Result<std::string> format(float value) const;
  [[nodiscard]] Result<std::string> format(double value) const;

  // to_number(): no value for an empty template (SQL: NULL). kInvalidText, kOutOfRange; kUnsupported for RN and EEEE.
  [[nodiscard]] Result<std::optional<Numeric>> toNumber(std::string_view text) const;

 private:
  friend class NumberFormatParser;

  // A number that is ready for its places: without a sign, with as many digits behind the point as it will show.
  struct Digits {
    std::string text;
    char sign = 0;
    std::int32_t padding = 0;  // places before it
  };
  [[nodiscard]] Digits place(std::string text, const number_format_detail::Layout& layout) const;
  [[nodiscard]] Result<std::string> write(Digits digits, number_format_detail::Layout layout) const;
  template <typename Float>
  [[nodiscard]] Result<std::string> formatFloating(Float value) const;
  [[nodiscard]] Result<std::string> formatWhole(std::int64_t value) const;
  [[nodiscard]] std::string overflowedExponent() const;
  [[nodiscard]] std::string_view textOf(const number_format_detail::Element& element) const {
    return std::string_view(template_).substr(element.offset, element.length);
  }

  std::string template_;
  std::vector<number_format_detail::Element> elements_;
  number_format_detail::Layout layout_;
};

}  // namespace trefoil::sql
