// Three parts: the reader of templates, the writer that puts digits into places, and the reader of numbers. The writer and the
// reader walk the template's elements from left to right; "place" counts the digit elements and the point among them.
#include "sql/types/number_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/ascii_case.hpp"
#include "sql/types/numeric_functions.hpp"

namespace trefoil::sql {

using number_format_detail::Element;
using number_format_detail::Layout;
using number_format_detail::Pattern;
using number_format_detail::SignPlace;

namespace {

struct Keyword {
  std::string_view name;
  Pattern pattern;
};

// The first that fits is taken.
constexpr Keyword kKeywords[] = {
    {",", Pattern::kComma},     {".", Pattern::kPoint},        {"0", Pattern::kZero},          {"9", Pattern::kNine},
    {"B", Pattern::kBlank},     {"C", Pattern::kNothing},      {"D", Pattern::kPoint},         {"EEEE", Pattern::kExponent},
    {"FM", Pattern::kFillMode}, {"G", Pattern::kComma},        {"L", Pattern::kCurrency},      {"MI", Pattern::kMinus},
    {"PL", Pattern::kPlus},     {"PR", Pattern::kBracket},     {"RN", Pattern::kRoman},        {"SG", Pattern::kSign},
    {"SP", Pattern::kNothing},  {"S", Pattern::kAnchoredSign}, {"TH", Pattern::kOrdinal},      {"V", Pattern::kShift},
    {"b", Pattern::kBlank},     {"c", Pattern::kNothing},      {"d", Pattern::kPoint},         {"eeee", Pattern::kExponent},
    {"fm", Pattern::kFillMode}, {"g", Pattern::kComma},        {"l", Pattern::kCurrency},      {"mi", Pattern::kMinus},
    {"pl", Pattern::kPlus},     {"pr", Pattern::kBracket},     {"rn", Pattern::kLowerRoman},   {"sg", Pattern::kSign},
    {"sp", Pattern::kNothing},  {"s", Pattern::kAnchoredSign}, {"th", Pattern::kLowerOrdinal}, {"v", Pattern::kShift},
};

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

// Of the UTF-8 character at the beginning of a text that is not empty.
std::size_t characterLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(length, text.size());
}

Error syntax(std::string text) {
  return {ErrorCode::kSyntax, std::move(text)};
}

}  // namespace

// --- Templates ---

class NumberFormatParser {
 public:
  explicit NumberFormatParser(NumberFormat& format) : format_(format), rest_(format.template_), layout_(format.layout_) {}

  Status parse() {
    while (!rest_.empty()) {
      const auto* const keyword =
          std::find_if(std::begin(kKeywords), std::end(kKeywords), [&](const Keyword& k) { return rest_.starts_with(k.name); });
      if (keyword != std::end(kKeywords)) {
        format_.elements_.push_back({keyword->pattern, 0, 0});
        rest_.remove_prefix(keyword->name.size());
        TREFOIL_TRY(take(keyword->pattern));
      } else if (rest_.front() == '"') {
        takeQuoted();
      } else {
        if (rest_.starts_with("\\\"")) {
          rest_.remove_prefix(1);
        }
        takeCharacter();
      }
    }
    return {};
  }

 private:
  void takeCharacter() {
    const std::size_t length = characterLength(rest_);
    format_.elements_.push_back({Pattern::kText, static_cast<std::uint32_t>(rest_.data() - format_.template_.data()),
                                 static_cast<std::uint32_t>(length)});
    rest_.remove_prefix(length);
  }

  void takeQuoted() {
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      if (rest_.front() == '"') {
        rest_.remove_prefix(1);
        return;
      }
      if (rest_.front() == '\\' && rest_.size() > 1) {
        rest_.remove_prefix(1);
      }
      takeCharacter();
    }
  }

  Status take(Pattern pattern) {
    if (layout_.exponent && pattern != Pattern::kExponent) {
      return syntax("\"EEEE\" must be the last pattern used");
    }
    switch (pattern) {
      case Pattern::kNine:
      case Pattern::kZero:
        return takeDigit(pattern);
      case Pattern::kPoint:
        if (layout_.point) {
          return syntax("multiple decimal points");
        }
        if (layout_.shift) {
          return syntax("cannot use \"V\" and decimal point together");
        }
        layout_.point = true;
        return {};
      case Pattern::kShift:
        if (layout_.point) {
          return syntax("cannot use \"V\" and decimal point together");
        }
        layout_.shift = true;
        return {};
      case Pattern::kBlank:
        layout_.blank |= layout_.before == 0 && layout_.behind == 0 && !layout_.zero;
        return {};
      case Pattern::kFillMode:
        layout_.fill_mode = true;
        return {};
      case Pattern::kRoman:
      case Pattern::kLowerRoman:
        layout_.roman = true;
        return {};
      case Pattern::kExponent:
        return takeExponent();
      default:
        return takeSign(pattern);
    }
  }

  Status takeDigit(Pattern pattern) {
    const bool nine = pattern == Pattern::kNine;
    if (layout_.bracket) {
      return syntax(nine ? "\"9\" must be ahead of \"PR\"" : "\"0\" must be ahead of \"PR\"");
    }
    if (nine && layout_.shift) {
      ++layout_.shifted;
      return {};
    }
    if (!nine && !layout_.zero && !layout_.point) {
      layout_.zero = true;
      layout_.first_zero = layout_.before + 1;
    }
    ++(layout_.point ? layout_.behind : layout_.before);
    if (!nine) {
      layout_.last_zero = layout_.before + layout_.behind;
    }
    return {};
  }

  Status takeExponent() {
    if (layout_.exponent) {
      return syntax("cannot use \"EEEE\" twice");
    }
    if (layout_.blank || layout_.fill_mode || layout_.anchored || layout_.bracket || layout_.minus || layout_.plus ||
        layout_.roman || layout_.shift) {
      return syntax("\"EEEE\" is incompatible with other formats")
          .withDetail("\"EEEE\" may only be used together with digit and decimal point patterns.");
    }
    layout_.exponent = true;
    return {};
  }

  Status takeSign(Pattern pattern) {
    const auto with_s = [&](std::string_view name) {
      return layout_.anchored ? Status(syntax("cannot use \"S\" and \"" + std::string(name) + "\" together")) : Status();
    };
    switch (pattern) {
      case Pattern::kAnchoredSign:
        if (layout_.anchored) {
          return syntax("cannot use \"S\" twice");
        }
        if (layout_.plus || layout_.minus || layout_.bracket) {
          return syntax("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
        }
        layout_.anchored = true;
        layout_.sign = layout_.point ? SignPlace::kBehind : SignPlace::kBefore;
        layout_.before_sign = layout_.point ? 0 : layout_.before;
        return {};
      case Pattern::kMinus:
        layout_.minus = true;
        return with_s("MI");
      case Pattern::kPlus:
        layout_.plus = true;
        return with_s("PL");
      case Pattern::kSign:
        layout_.plus = layout_.minus = true;
        return with_s("SG");
      case Pattern::kBracket:
        if (layout_.anchored || layout_.plus || layout_.minus) {
          return syntax("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
        }
        layout_.bracket = true;
        return {};
      default:
        return {};
    }
  }

  NumberFormat& format_;
  std::string_view rest_;
  Layout& layout_;
};

Result<NumberFormat> NumberFormat::parse(std::string_view pattern) {
  if (pattern.size() > kMaxTemplateBytes) {
    return Error(ErrorCode::kLimit, "a number's template may have up to " + std::to_string(kMaxTemplateBytes) + " bytes");
  }
  NumberFormat format;
  format.template_ = pattern;
  TREFOIL_TRY(NumberFormatParser(format).parse());
  return format;
}

// --- to_char ---

namespace {

std::string romanNumeral(std::int64_t value) {
  constexpr std::pair<std::int64_t, std::string_view> kNumerals[] = {
      {1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
      {40, "XL"},  {10, "X"},   {9, "IX"},  {5, "V"},    {4, "IV"},  {1, "I"}};
  if (value < 1 || value > 3999) {
    return std::string(15, '#');
  }
  std::string text;
  for (const auto& [worth, letters] : kNumerals) {
    for (; value >= worth; value -= worth) {
      text += letters;
    }
  }
  return text;
}

// st, nd, rd, th
Result<std::string_view> ordinalSuffix(const std::string& number) {
  if (number.empty() || !isDigit(number.back())) {
    return Error(ErrorCode::kInvalidText, "\"" + number + "\" is not a number");
  }
  const bool teen = number.size() > 1 && number[number.size() - 2] == '1';
  constexpr std::string_view kSuffixes[] = {"th", "st", "nd", "rd"};
  return teen || number.back() > '3' ? kSuffixes[0] : kSuffixes[number.back() - '0'];
}

// d.ddde+xx of a finite value. A significand that rounds up to ten stays ten.
std::string scientific(const Numeric& value, std::int32_t behind) {
  BigInteger coefficient = value.coefficient();
  std::string digits = coefficient.digits();
  const auto last = static_cast<std::int32_t>(digits.size()) - 1;  // digits behind the first
  const std::int32_t exponent = value.sign() == 0 ? 0 : last - value.scale();
  if (behind < last) {
    coefficient.divideRounding(BigInteger::powerOfTen(static_cast<std::uint32_t>(last - behind)));
    digits = coefficient.digits();
  } else {
    digits.append(static_cast<std::size_t>(behind - last), '0');
  }
  if (behind > 0) {
    digits.insert(digits.size() - static_cast<std::size_t>(behind), 1, '.');
  }
  std::string text = value.sign() < 0 ? "-" : " ";
  text += digits;
  text += exponent < 0 ? "e-" : "e+";
  const std::string power = std::to_string(std::abs(exponent));
  return text.append(power.size() < 2 ? "0" : "").append(power);
}

// printf's %.*f and %.*e. PostgreSQL asks for 350 digits at the most, and puts zeros in the place of more.
std::string printed(double value, std::int32_t behind, std::chars_format form) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value < 0 ? "-Infinity" : "Infinity";
  }
  constexpr std::int32_t kMostDigits = 350;
  std::array<char, 1024> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, form, std::min(behind, kMostDigits));
  TREFOIL_ASSERT(error == std::errc());
  std::string text(buffer.data(), end);
  const std::size_t exponent = text.find('e');
  text.insert(exponent == std::string::npos ? text.size() : exponent, static_cast<std::size_t>(std::max(behind - kMostDigits, 0)),
              '0');
  return text;
}

// Puts the digits of one number into a template's places.
class NumberWriter {
 public:
  NumberWriter(std::string_view digits, char sign, std::int32_t padding, Layout layout)
      : digits_(digits), sign_(sign), padding_(padding), layout_(layout) {
    layout_.first_zero -= layout_.first_zero > 0 ? 1 : 0;
    if (layout_.plus || layout_.minus) {
      sign_written_ = layout_.minus;
    } else {
      layout_.bracket = layout_.bracket && (sign_ == '-' || !layout_.fill_mode);
      sign_written_ = sign_ == '+' && layout_.fill_mode && !layout_.anchored;
      if (layout_.sign == SignPlace::kBefore && layout_.before == layout_.before_sign) {
        layout_.sign = SignPlace::kBehind;
      }
    }
    places_ = layout_.before + layout_.behind - 1 + (!sign_written_ && padding_ == 0 ? 1 : 0);
    if (layout_.fill_mode && layout_.point) {
      findLastShown();
    }
  }

  // One of 9, 0, the point.
  void digit(Pattern pattern) {
    inside_ = false;
    const bool padded = place_ < padding_;
    if (!sign_written_ && (!padded || (layout_.zero && layout_.first_zero == place_)) && (!hidesZero() || showsBarePoint())) {
      leadingSign();
    }
    if (padded && (!layout_.zero || layout_.first_zero > place_)) {
      blank();
    } else if (padded) {
      out_ += '0';
      inside_ = true;
    } else {
      next(pattern);
    }
    // Behind the last digit that is shown comes what closes the number.
    std::int32_t end = places_ + (padding_ > 0 ? 1 : 0) + (layout_.point ? 1 : 0);
    if (last_shown_ >= 0 && last_shown_ == static_cast<std::int64_t>(at_)) {
      end = place_;
    }
    if (place_ + 1 == end) {
      closingSign();
    }
    ++place_;
  }

  void comma() {
    if (inside_) {
      out_ += ',';
    } else {
      blank();
    }
  }

  // MI and PL: the sign itself if it is that, or a blank.
  void signIf(char sign) {
    if (sign_ == sign) {
      out_ += sign;
    } else {
      blank();
    }
  }

  void sign() { out_ += sign_; }
  void text(std::string_view text) { out_ += text; }

  // PostgreSQL's texts end where a zero byte is written: behind the digits that there are.
  std::string finish() && {
    out_.resize(std::min(out_.find('\0'), out_.size()));
    return std::move(out_);
  }

 private:
  [[nodiscard]] char current() const { return at_ < digits_.size() ? digits_[at_] : '\0'; }
  // .1 is shown without its 0.
  [[nodiscard]] bool hidesZero() const { return !layout_.zero && at_ == 0 && digits_.starts_with('0') && layout_.behind != 0; }
  // FM leaves nothing behind the point.
  [[nodiscard]] bool showsBarePoint() const { return last_shown_ >= 0 && digits_[static_cast<std::size_t>(last_shown_)] == '.'; }

  void blank() {
    if (!layout_.fill_mode) {
      out_ += ' ';
    }
  }

  // FM: the last digit behind the point that is not 0, or that a 0 in the template asks for.
  void findLastShown() {
    const std::size_t point = digits_.find('.');
    if (point == std::string_view::npos) {
      return;
    }
    last_shown_ = static_cast<std::int64_t>(std::max(digits_.find_last_not_of('0'), point));
    if (layout_.last_zero > padding_) {
      last_shown_ = std::max(last_shown_,
                             std::min<std::int64_t>(static_cast<std::int64_t>(digits_.size()) - 1, layout_.last_zero - padding_));
    }
  }

  void leadingSign() {
    if (layout_.anchored) {
      if (layout_.sign == SignPlace::kBefore) {
        out_ += sign_ == '-' ? '-' : '+';
        sign_written_ = true;
      }
      return;
    }
    if (layout_.bracket) {
      out_ += sign_ == '+' ? ' ' : '<';
    } else if (sign_ == '-') {
      out_ += '-';
    } else {
      blank();
    }
    sign_written_ = true;
  }

  void closingSign() {
    if (sign_written_ && layout_.bracket) {
      out_ += sign_ == '+' ? ' ' : '>';
    } else if (layout_.anchored && layout_.sign == SignPlace::kBehind) {
      out_ += sign_ == '-' ? '-' : '+';
    }
  }

  void next(Pattern pattern) {
    const char digit = current();
    if (digit == '.') {
      out_ += '.';
    } else if (last_shown_ >= 0 && static_cast<std::int64_t>(at_) > last_shown_ && pattern != Pattern::kZero) {
      // not shown
    } else if (hidesZero()) {
      if (!layout_.fill_mode) {
        out_ += ' ';
      } else if (showsBarePoint()) {
        out_ += '0';
      }
    } else {
      out_ += digit;
      inside_ = true;
    }
    at_ += digit != '\0' ? 1 : 0;
  }

  std::string_view digits_;
  char sign_;
  std::int32_t padding_;
  Layout layout_;
  bool sign_written_ = false;
  bool inside_ = false;           // behind the first digit: commas are shown
  std::int32_t places_ = 0;       // of the last digit
  std::int32_t place_ = 0;        // of the element
  std::size_t at_ = 0;            // in digits_
  std::int64_t last_shown_ = -1;  // in digits_; -1: all are shown
  std::string out_;
};

}  // namespace

NumberFormat::Digits NumberFormat::place(std::string text, const Layout& layout) const {
  Digits digits;
  digits.sign = text.starts_with('-') ? '-' : '+';
  if (digits.sign == '-') {
    text.erase(0, 1);
  }
  const auto before = static_cast<std::int32_t>(std::min(text.find('.'), text.size()));
  if (before > layout.before) {
    const auto point = static_cast<std::size_t>(layout.before);
    text.assign(point + static_cast<std::size_t>(layout.behind) + 1, '#');
    text[point] = '.';
  }
  digits.padding = std::max(layout.before - before, 0);
  digits.text = std::move(text);
  return digits;
}

Result<std::string> NumberFormat::write(Digits digits, Layout layout) const {
  if (layout.exponent) {
    return std::move(digits.text);
  }
  if (layout.roman) {
    Layout roman;
    roman.roman = true;
    roman.fill_mode = layout.fill_mode;
    layout = roman;
  }
  NumberWriter writer(digits.text, digits.sign, digits.padding, layout);
  for (const Element& element : elements_) {
    switch (element.pattern) {
      case Pattern::kText:
        writer.text(textOf(element));
        break;
      case Pattern::kNine:
      case Pattern::kZero:
      case Pattern::kPoint:
        if (!layout.roman) {
          writer.digit(element.pattern);
        }
        break;
      case Pattern::kComma:
        writer.comma();
        break;
      case Pattern::kCurrency:
        writer.text(" ");
        break;
      case Pattern::kMinus:
        writer.signIf('-');
        break;
      case Pattern::kPlus:
        writer.signIf('+');
        break;
      case Pattern::kSign:
        writer.sign();
        break;
      case Pattern::kRoman:
      case Pattern::kLowerRoman:
        writer.text(layout.fill_mode ? "" : std::string(15 - digits.text.size(), ' '));
        writer.text(element.pattern == Pattern::kRoman ? digits.text : lowerCase(digits.text));
        break;
      case Pattern::kOrdinal:
      case Pattern::kLowerOrdinal: {
        if (layout.roman || digits.text.starts_with('#') || digits.sign == '-' || layout.point) {
          break;
        }
        TREFOIL_ASSIGN(const std::string_view suffix, ordinalSuffix(digits.text));
        writer.text(element.pattern == Pattern::kOrdinal ? upperCase(suffix) : std::string(suffix));
        break;
      }
      default:
        break;
    }
  }
  return std::move(writer).finish();
}

std::string NumberFormat::overflowedExponent() const {
  // A sign, the point, and four characters of exponent.
  const auto before = static_cast<std::size_t>(layout_.before);
  std::string text(before + static_cast<std::size_t>(layout_.behind) + 6, '#');
  text[0] = ' ';
  text[before + 1] = '.';
  return text;
}

Result<std::string> NumberFormat::format(const Numeric& value) const {
  if (layout_.roman) {
    TREFOIL_ASSIGN(const std::int32_t integer, value.toInt32());
    return write({romanNumeral(integer)}, layout_);
  }
  if (layout_.exponent) {
    return value.isFinite() ? scientific(value, layout_.behind) : overflowedExponent();
  }
  Layout layout = layout_;
  Numeric shifted = value;
  if (layout.shift) {
    TREFOIL_ASSIGN(const Numeric power, numericPower(Numeric(10), Numeric(layout.shifted)));
    TREFOIL_ASSIGN(shifted, Numeric::multiply(value, power));
    layout.before += layout.shifted;
  }
  TREFOIL_ASSIGN(const Numeric rounded, shifted.rounded(layout.behind));
  return write(place(rounded.toText(), layout), layout);
}

Result<std::string> NumberFormat::formatWhole(std::int64_t value) const {
  Layout layout = layout_;
  layout.before += layout.shift ? layout.shifted : 0;
  std::string text = std::to_string(value);
  if (layout.behind > 0) {
    text.append(1, '.').append(static_cast<std::size_t>(layout.behind), '0');
  }
  return write(place(std::move(text), layout), layout);
}

Result<std::string> NumberFormat::format(std::int32_t value) const {
  if (layout_.roman) {
    return write({romanNumeral(value)}, layout_);
  }
  if (layout_.exponent) {
    const std::string text = printed(value, layout_.behind, std::chars_format::scientific);
    return (value < 0 ? "" : " ") + text;
  }
  if (layout_.shift) {
    // In 32 bits, whatever becomes of it.
    const double power = std::pow(10.0, layout_.shifted);
    const std::int32_t factor = power < 0x1p31 ? static_cast<std::int32_t>(power) : INT32_MIN;
    value = static_cast<std::int32_t>(static_cast<std::uint32_t>(value) * static_cast<std::uint32_t>(factor));
  }
  return formatWhole(value);
}

Result<std::string> NumberFormat::format(std::int64_t value) const {
  if (layout_.roman) {
    if (value != static_cast<std::int32_t>(value)) {
      return Error(ErrorCode::kOutOfRange, "integer out of range");
    }
    return write({romanNumeral(value)}, layout_);
  }
  if (layout_.exponent) {
    return scientific(Numeric(value), layout_.behind);
  }
  if (layout_.shift) {
    const double power = std::pow(10.0, layout_.shifted);
    if (power >= 0x1p63 || __builtin_mul_overflow(value, static_cast<std::int64_t>(power), &value)) {
      return Error(ErrorCode::kOutOfRange, "bigint out of range");
    }
  }
  return formatWhole(value);
}

template <typename Float>
Result<std::string> NumberFormat::formatFloating(Float value) const {
  if (layout_.roman) {
    const double rounded = std::rint(static_cast<double>(value));
    return write({romanNumeral(std::fabs(rounded) <= 3999 ? static_cast<std::int64_t>(rounded) : 0)}, layout_);
  }
  if (layout_.exponent) {
    if (!std::isfinite(value)) {
      return overflowedExponent();
    }
    const std::string text = printed(value, layout_.behind, std::chars_format::scientific);
    return (text.starts_with('-') ? "" : " ") + text;
  }
  Layout layout = layout_;
  if (layout.shift) {
    value *= static_cast<Float>(std::pow(10.0, layout.shifted));
    layout.before += layout.shifted;
  }
  // No more digits than the type is good for.
  constexpr std::int32_t kDigits = std::numeric_limits<Float>::digits10;
  const auto before = static_cast<std::int32_t>(printed(std::fabs(value), 0, std::chars_format::fixed).size());
  layout.behind = std::min(layout.behind, std::max(kDigits - before, 0));
  return write(place(printed(value, layout.behind, std::chars_format::fixed), layout), layout);
}

Result<std::string> NumberFormat::format(float value) const {
  return formatFloating(value);
}

Result<std::string> NumberFormat::format(double value) const {
  return formatFloating(value);
}

// --- to_number ---

namespace {

// Takes a number's sign and digits out of a text.
class NumberReader {
 public:
  NumberReader(std::string_view text, const Layout& layout) : text_(text), layout_(layout) {}

  [[nodiscard]] bool atEnd() const { return at_ >= text_.size(); }

  void read(Pattern pattern) {
    switch (pattern) {
      case Pattern::kNine:
      case Pattern::kZero:
      case Pattern::kPoint:
        digit(pattern);
        ++at_;
        break;
      case Pattern::kComma:
        at_ += !layout_.fill_mode && text_[at_] == ',' ? 1 : 0;
        break;
      case Pattern::kMinus:
        signOr(text_[at_] == '-');
        break;
      case Pattern::kPlus:
        signOr(text_[at_] == '+');
        break;
      case Pattern::kSign:
        signOr(text_[at_] == '-' || text_[at_] == '+');
        break;
      case Pattern::kCurrency:
        skip(1);
        break;
      case Pattern::kOrdinal:
      case Pattern::kLowerOrdinal:
        skip(layout_.point ? 0 : 2);
        break;
      case Pattern::kText:
        at_ += characterLength(text_.substr(at_));
        break;
      default:
        break;
    }
  }

  // What numerics are made of: sign or blank, digits.
  std::string finish() && {
    if (digits_.ends_with('.')) {
      digits_.pop_back();
    }
    return digits_.insert(0, 1, sign_);
  }
  [[nodiscard]] std::int32_t behind() const { return behind_; }

 private:
  // Passes up to `count` characters that cannot be part of a number.
  void skip(int count) {
    for (; count > 0 && !atEnd() && std::string_view("0123456789.,+-").find(text_[at_]) == std::string_view::npos; --count) {
      at_ += characterLength(text_.substr(at_));
    }
  }

  void signOr(bool is_sign) {
    if (is_sign) {
      sign_ = text_[at_++];
    } else {
      skip(1);
    }
  }

  void leadingSign() {
    const char c = text_[at_];
    const bool anchored = layout_.anchored && layout_.sign == SignPlace::kBefore;
    if (c == '-' || c == '+') {
      sign_ = c;
      ++at_;
    } else if (!anchored && layout_.bracket && c == '<') {
      sign_ = '-';
      ++at_;
    }
  }

  // Whether it was a digit or the point that stood there; nothing if no more may come.
  std::optional<bool> take() {
    const char c = text_[at_];
    if (isDigit(c)) {
      if (point_ && behind_ == layout_.behind) {
        return std::nullopt;
      }
      digits_ += c;
      ++(point_ ? behind_ : before_);
      return true;
    }
    if (c == '.' && layout_.point && !point_) {
      digits_ += c;
      point_ = true;
      return true;
    }
    return false;
  }

  // What is behind the digits may be their sign.
  void trailingSign(bool taken) {
    const auto is_sign = [](char c) { return c == '-' || c == '+'; };
    if (layout_.anchored) {
      if (taken && at_ + 1 < text_.size() && is_sign(text_[at_ + 1])) {
        sign_ = text_[++at_];
      }
    } else if (!taken && (layout_.plus || layout_.minus) && is_sign(text_[at_])) {
      sign_ = text_[at_];
    }
  }

  // Leaves at_ on the last character that it has taken, or on one that nobody takes.
  void digit(Pattern pattern) {
    at_ += text_[at_] == ' ' ? 1 : 0;
    if (atEnd()) {
      return;
    }
    if (sign_ == ' ' && pattern != Pattern::kPoint && before_ + behind_ == 0) {
      leadingSign();
      if (atEnd()) {
        return;
      }
    }
    const std::optional<bool> taken = take();
    if (taken && sign_ == ' ' && before_ + behind_ > 0) {
      trailingSign(*taken);
    }
  }

  std::string_view text_;
  const Layout& layout_;
  std::size_t at_ = 0;
  std::string digits_;
  char sign_ = ' ';
  bool point_ = false;
  std::int32_t before_ = 0;
  std::int32_t behind_ = 0;
};

}  // namespace

Result<std::optional<Numeric>> NumberFormat::toNumber(std::string_view text) const {
  if (template_.empty()) {
    return std::optional<Numeric>();
  }
  if (layout_.exponent || layout_.roman) {
    return Error(ErrorCode::kUnsupported, std::string(layout_.exponent ? "\"EEEE\"" : "\"RN\"") + " not supported for input");
  }
  NumberReader reader(text, layout_);
  for (auto element = elements_.begin(); element != elements_.end() && !reader.atEnd(); ++element) {
    reader.read(element->pattern);
  }
  const std::int32_t behind = reader.behind();
  TREFOIL_ASSIGN(Numeric value, Numeric::fromText(std::move(reader).finish()));
  // PostgreSQL hands this over as a type modifier: 16 bits of precision, 11 of scale, with a sign.
  const auto precision = static_cast<std::uint32_t>(layout_.before + layout_.shifted + behind);
  const std::uint32_t modifier = (precision << 16) | static_cast<std::uint32_t>(behind);
  const auto scale = static_cast<std::int32_t>((modifier & 0x7ff) ^ 0x400) - 0x400;
  TREFOIL_ASSIGN(value, value.applyModifier(static_cast<std::int32_t>(modifier >> 16), scale));
  if (layout_.shift) {
    TREFOIL_ASSIGN(const Numeric power, numericPower(Numeric(10), Numeric(-layout_.shifted)));
    TREFOIL_ASSIGN(value, Numeric::multiply(value, power));
  }
  return std::optional<Numeric>(std::move(value));
}

}  // namespace trefoil::sql
