#include "sql/types/datetime/datetime_fields.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/ascii_case.hpp"
#include "sql/types/datetime/datetime_error.hpp"
#include "sql/types/datetime/datetime_words.hpp"
#include "sql/types/datetime/time_zone.hpp"

namespace trefoil::sql::datetime {
namespace {

constexpr bool isAlphanumeric(char c) {
  return isDigit(c) || isLetter(c);
}
constexpr bool isPunctuation(char c) {
  return c > ' ' && c < '\x7F' && !isAlphanumeric(c);
}

}  // namespace

Error errorOf(Trouble trouble, std::string_view type, std::string_view text) {
  switch (trouble) {
    case Trouble::kField:
      return type == "interval" ? intervalFieldOutOfRange(text) : fieldOutOfRange(text);
    case Trouble::kMonthOrDay:
      return fieldOutOfRange(text, true);
    case Trouble::kDisplacement:
      return displacementOutOfRange(text);
    case Trouble::kZone:
      return zoneNotRecognized(text);
    default:
      return invalidInput(type, text);
  }
}

// Goes through a text once. Each take…() appends what it accepts to the field that is being made.
class FieldList::Cutter {
 public:
  Cutter(std::string_view text, char* to, std::size_t room) : rest_(text), to_(to), end_(to + room) {}

  // The next field; false at the end of the text, or at what has no place in one (failed()).
  bool next(Field& field) {
    while (!rest_.empty() && (isBlank(rest_.front()) || (isPunctuation(rest_.front()) && !opensField(rest_.front())))) {
      rest_.remove_prefix(1);
    }
    if (rest_.empty()) {
      return false;
    }
    const char* const begin = to_;
    field.kind = takeField();
    field.text = {begin, static_cast<std::size_t>(to_ - begin)};
    ++to_;
    return !failed_;
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  static bool opensField(char c) { return c == '.' || c == '+' || c == '-'; }

  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  void take() {
    if (to_ + 1 >= end_) {
      failed_ = true;
    } else {
      *to_++ = lowerCase(rest_.front());
    }
    rest_.remove_prefix(1);
  }
  template <typename Accepts>
  void takeWhile(Accepts accepts) {
    while (!rest_.empty() && accepts(rest_.front()) && !failed_) {
      take();
    }
  }

  FieldKind takeField() {
    const char first = peek();
    if (isDigit(first)) {
      return takeNumeric();
    }
    if (first == '.') {
      take();
      takeWhile(isDigit);
      return FieldKind::kNumber;
    }
    if (isLetter(first)) {
      return takeWord();
    }
    if (first == '+' || first == '-') {
      return takeSigned();
    }
    failed_ = true;
    return FieldKind::kWord;
  }

  FieldKind takeNumeric() {
    takeWhile(isDigit);
    const char delimiter = peek();
    if (delimiter == ':') {
      takeWhile([](char c) { return isDigit(c) || c == ':' || c == '.'; });
      return FieldKind::kTime;
    }
    if (delimiter != '-' && delimiter != '/' && delimiter != '.') {
      return FieldKind::kNumber;
    }
    take();
    if (!isDigit(peek())) {  // a month's name may follow
      takeWhile([&](char c) { return isAlphanumeric(c) || c == delimiter; });
      return FieldKind::kDate;
    }
    takeWhile(isDigit);
    if (peek() != delimiter) {
      return delimiter == '.' ? FieldKind::kNumber : FieldKind::kDate;
    }
    takeWhile([&](char c) { return isDigit(c) || c == delimiter; });
    return FieldKind::kDate;
  }

  // A month before its day ("jan-5"), or the name of a zone.
  FieldKind takeWord() {
    const char* const begin = to_;
    takeWhile(isLetter);
    bool joined = peek() == '-' || peek() == '/' || peek() == '.';
    if (peek() == '+' || isDigit(peek())) {
      joined = findDateWord({begin, static_cast<std::size_t>(to_ - begin)}).kind == WordKind::kNone;
    }
    if (!joined) {
      return FieldKind::kWord;
    }
    takeWhile([](char c) { return isAlphanumeric(c) || c == '+' || c == '-' || c == '/' || c == '_' || c == '.' || c == ':'; });
    return FieldKind::kDate;
  }

  FieldKind takeSigned() {
    take();
    while (isBlank(peek())) {
      rest_.remove_prefix(1);
    }
    if (isDigit(peek())) {
      takeWhile([](char c) { return isDigit(c) || c == ':' || c == '.' || c == '-'; });
      return FieldKind::kOffset;
    }
    if (isLetter(peek())) {
      takeWhile(isLetter);
      return FieldKind::kSpecial;
    }
    failed_ = true;
    return FieldKind::kSpecial;
  }

  std::string_view rest_;
  char* to_;
  char* end_;
  bool failed_ = false;
};

Trouble FieldList::cut(std::string_view text, std::size_t room) {
  Cutter cutter(text, bytes_.data(), std::min(room, kRoom));
  Field field{};
  while (cutter.next(field)) {
    if (count_ == kMostFields) {
      return Trouble::kFormat;
    }
    fields_[count_++] = field;
  }
  return cutter.failed() ? Trouble::kFormat : Trouble::kNone;
}

bool takeInteger(std::string_view& text, std::int64_t least, std::int64_t most, std::int64_t& value) {
  std::string_view number = text;
  if (number.starts_with('+')) {
    number.remove_prefix(1);
    if (number.empty() || !isDigit(number.front())) {
      value = 0;
      return true;
    }
  }
  value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc::invalid_argument) {
    value = 0;
    return true;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() && value >= least && value <= most;
}

bool takeInteger(std::string_view& text, int& value) {
  std::int64_t wide = 0;
  const bool fits = takeInteger(text, std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), wide);
  value = fits ? static_cast<int>(wide) : 0;
  return fits;
}

bool parseFraction(std::string_view text, double& fraction) {
  fraction = 0;
  if (text.size() == 1) {
    return true;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fraction, std::chars_format::fixed);
  return error == std::errc() && end == text.data() + text.size();
}

Trouble parseDisplacement(std::string_view text, std::int32_t& offset) {
  if (!text.starts_with('+') && !text.starts_with('-')) {
    return Trouble::kFormat;
  }
  const bool negative = text.front() == '-';
  const std::size_t size = text.size();
  text.remove_prefix(1);
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!takeInteger(text, hour)) {
    return Trouble::kDisplacement;
  }
  if (text.starts_with(':')) {
    text.remove_prefix(1);
    if (!takeInteger(text, minute)) {
      return Trouble::kDisplacement;
    }
    if (text.starts_with(':')) {
      text.remove_prefix(1);
      if (!takeInteger(text, second)) {
        return Trouble::kDisplacement;
      }
    }
  } else if (text.empty() && size > 3) {
    minute = hour % 100;
    hour /= 100;
  }
  if (hour < 0 || hour > kMaxDisplacementHour || minute < 0 || minute >= 60 || second < 0 || second >= 60) {
    return Trouble::kDisplacement;
  }
  offset = (hour * 60 + minute) * 60 + second;
  offset = negative ? -offset : offset;
  return text.empty() ? Trouble::kNone : Trouble::kFormat;
}

}  // namespace trefoil::sql::datetime
