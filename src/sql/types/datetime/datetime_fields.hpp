// The lexical half of reading dates, times and intervals: a text is cut into fields, which know their kind by their punctuation
// alone. What a field means is decided by datetime_parse.cpp and interval_parse.cpp, and depends on the fields before it.
//
// Letters are folded to lower case on the way. A text of more than 25 fields, or longer than its type allows, has a bad format,
// so that all work here is bounded. No allocation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/status.hpp"

namespace trefoil::sql::datetime {

constexpr bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool isLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool isBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Why a text is no value. Kept small on the way up; the outermost function, which has the text, words it (errorOf).
enum class Trouble : std::uint8_t {
  kNone,
  kFormat,        // no date, time or interval at all
  kField,         // a field is out of range
  kMonthOrDay,    // the month or the day is, perhaps because they are in another order
  kDisplacement,  // a zone's offset is out of range
  kZone,          // a zone is not known
};
Error errorOf(Trouble trouble, std::string_view type, std::string_view text);

enum class FieldKind : std::uint8_t {
  kNumber,   // 12, 12.5, .5
  kWord,     // letters
  kDate,     // digits or letters, joined by - / . and the like: a date, or the name of a zone
  kTime,     // 12:30…
  kOffset,   // + or - before a digit: a zone's offset, or a number with a sign
  kSpecial,  // + or - before letters: -infinity
};

struct Field {
  FieldKind kind;
  std::string_view text;
};

class FieldList {
 public:
  static constexpr std::size_t kMostFields = 25;

  FieldList() = default;
  FieldList(const FieldList&) = delete;
  FieldList& operator=(const FieldList&) = delete;

  // Cuts the text; `room` bounds the fields' bytes, counting one more for each field.
  Trouble cut(std::string_view text, std::size_t room);
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] const Field& operator[](std::size_t i) const { return fields_[i]; }

 private:
  class Cutter;
  static constexpr std::size_t kRoom = 256;

  std::array<Field, kMostFields> fields_;
  std::size_t count_ = 0;
  std::array<char, kRoom> bytes_;
};

// Room for the fields' bytes of each type.
inline constexpr std::size_t kDateRoom = 129;
inline constexpr std::size_t kTimestampRoom = 153;
inline constexpr std::size_t kIntervalRoom = 256;

// A whole number off the front of a text: sign and digits, 0 if there are none. False if it is not between least and most.
bool takeInteger(std::string_view& text, std::int64_t least, std::int64_t most, std::int64_t& value);
bool takeInteger(std::string_view& text, int& value);
// ".5" to 0.5; "." is 0. False if there is more.
bool parseFraction(std::string_view text, double& fraction);
// "+5", "-05:30", "+05:30:15", "+0530" to seconds east of Greenwich. kFormat or kDisplacement.
Trouble parseDisplacement(std::string_view text, std::int32_t& offset);

}  // namespace trefoil::sql::datetime
