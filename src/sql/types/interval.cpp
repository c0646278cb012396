#include "sql/types/interval.hpp"

#include <charconv>
#include <cmath>
#include <string>

#include "base/ascii_case.hpp"
#include "sql/types/calendar.hpp"

namespace trefoil::sql {
namespace {

struct Unit {
  std::string_view name;
  double months;
  double micros;
};

constexpr double kSecond = kMicrosPerSecond;
constexpr Unit kUnits[] = {{"year", 12, 0},
                           {"month", 1, 0},
                           {"mon", 1, 0},
                           {"week", 0, 604'800 * kSecond},
                           {"day", 0, 86'400 * kSecond},
                           {"hour", 0, 3'600 * kSecond},
                           {"minute", 0, 60 * kSecond},
                           {"min", 0, 60 * kSecond},
                           {"second", 0, kSecond},
                           {"sec", 0, kSecond},
                           {"millisecond", 0, 1'000},
                           {"microsecond", 0, 1}};

void skipBlanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

// Takes a number off the front.
bool takeNumber(std::string_view& text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number)) {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// The rest of a time of day behind its hours: ":05", ":05:06.7".
bool takeClock(std::string_view& text, double hours, double& micros) {
  const bool negative = std::signbit(hours);
  double minutes = 0;
  double seconds = 0;
  text.remove_prefix(1);
  if (!takeNumber(text, minutes)) {
    return false;
  }
  if (text.starts_with(':')) {
    text.remove_prefix(1);
    if (!takeNumber(text, seconds)) {
      return false;
    }
  }
  if (std::signbit(minutes) || std::signbit(seconds) || minutes >= 60 || seconds >= 60 || minutes != std::trunc(minutes) ||
      hours != std::trunc(hours)) {
    return false;
  }
  const double clock = (std::fabs(hours) * 3'600 + minutes * 60 + seconds) * kSecond;
  micros += negative ? -clock : clock;
  return true;
}

const Unit* takeUnit(std::string_view& text) {
  std::string word;
  while (word.size() < text.size() && lowerCase(text[word.size()]) >= 'a' && lowerCase(text[word.size()]) <= 'z') {
    word += lowerCase(text[word.size()]);
  }
  text.remove_prefix(word.size());
  if (word.size() > 1 && word.back() == 's') {
    word.pop_back();
  }
  const auto* const unit = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& u) { return u.name == word; });
  return unit == std::end(kUnits) ? nullptr : unit;
}

}  // namespace

Result<Interval> parseInterval(std::string_view text) {
  const auto invalid = [&] {
    return Error(ErrorCode::kInvalidText, "invalid input syntax for type interval: \"" + std::string(text) + "\"");
  };
  double months = 0;
  double micros = 0;
  bool clock_seen = false;
  std::string_view rest = text;
  skipBlanks(rest);
  if (rest.empty()) {
    return invalid();
  }
  for (; !rest.empty(); skipBlanks(rest)) {
    if (rest.front() == '+') {
      rest.remove_prefix(1);
    }
    double number = 0;
    if (!takeNumber(rest, number)) {
      return invalid();
    }
    if (rest.starts_with(':')) {
      if (clock_seen || !takeClock(rest, number, micros)) {
        return invalid();
      }
      clock_seen = true;
      continue;
    }
    skipBlanks(rest);
    const Unit* unit = takeUnit(rest);
    if (unit == nullptr) {
      return invalid();
    }
    months += number * unit->months;
    micros += number * unit->micros;
  }
  if (std::fabs(months) > 4e6 || std::fabs(micros) > 9e18 || months != std::trunc(months)) {
    return invalid();
  }
  return Interval{static_cast<std::int64_t>(months), std::llround(micros)};
}

}  // namespace trefoil::sql
