#include "sql/types/datetime/posix_rule.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sql/types/datetime/calendar.hpp"

namespace trefoil::sql::datetime {
namespace {

constexpr bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

// Takes the parts of a rule off the front of its text; false where there is none.
class PosixRule::Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool atEnd() const { return rest_.empty(); }
  [[nodiscard]] bool startsWith(char c) const { return rest_.starts_with(c); }

  bool take(char c) {
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  bool takeName(std::string& name) {
    if (take('<')) {
      const std::size_t end = rest_.find('>');
      if (end == std::string_view::npos) {
        return false;
      }
      name = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
    } else {
      const auto* const end =
          std::find_if(rest_.begin(), rest_.end(), [](char c) { return isDigit(c) || c == ',' || c == '-' || c == '+'; });
      name.assign(rest_.begin(), end);
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.begin()));
    }
    return true;
  }

  bool takeNumber(int& number, int least, int most) {
    if (rest_.empty() || !isDigit(rest_.front())) {
      return false;
    }
    number = 0;
    while (!rest_.empty() && isDigit(rest_.front())) {
      number = number * 10 + (rest_.front() - '0');
      if (number > most) {
        return false;
      }
      rest_.remove_prefix(1);
    }
    return number >= least;
  }

  // [+-]h[:mm[:ss]] as seconds. A week less an hour, as tzcode; seconds may be a leap one.
  bool takeOffset(std::int32_t& seconds) {
    const bool negative = take('-');
    if (!negative) {
      take('+');
    }
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!takeNumber(hour, 0, 24 * 7 - 1) ||
        (take(':') && (!takeNumber(minute, 0, 59) || (take(':') && !takeNumber(second, 0, 60))))) {
      return false;
    }
    seconds = hour * 3'600 + minute * 60 + second;
    seconds = negative ? -seconds : seconds;
    return true;
  }

  bool takeYearDay(YearDay& day) {
    bool read = false;
    if (take('J')) {
      day.kind = YearDay::Kind::kJulian;
      read = takeNumber(day.day, 1, 365);
    } else if (take('M')) {
      day.kind = YearDay::Kind::kMonthWeek;
      read = takeNumber(day.month, 1, 12) && take('.') && takeNumber(day.week, 1, 5) && take('.') && takeNumber(day.day, 0, 6);
    } else {
      day.kind = YearDay::Kind::kDay;
      read = takeNumber(day.day, 0, 365);
    }
    return read && (!take('/') || takeOffset(day.seconds));
  }

 private:
  std::string_view rest_;
};

std::optional<PosixRule> PosixRule::parse(std::string_view text) {
  PosixRule rule;
  Reader reader(text);
  if (!reader.takeName(rule.standard_.abbreviation) || !reader.takeOffset(rule.standard_.offset)) {
    return std::nullopt;
  }
  rule.standard_.offset = -rule.standard_.offset;
  if (reader.atEnd()) {
    return rule;
  }
  Name daylight;
  if (!reader.takeName(daylight.abbreviation) || daylight.abbreviation.empty()) {
    return std::nullopt;
  }
  daylight.offset = rule.standard_.offset + 3'600;
  if (!reader.atEnd() && !reader.startsWith(',') && !reader.startsWith(';')) {
    if (!reader.takeOffset(daylight.offset)) {
      return std::nullopt;
    }
    daylight.offset = -daylight.offset;
  }
  Reader rules(reader.atEnd() ? ",M3.2.0,M11.1.0" : "");
  Reader& days = reader.atEnd() ? rules : reader;
  if ((!days.take(',') && !days.take(';')) || !days.takeYearDay(rule.start_) || !days.take(',') || !days.takeYearDay(rule.end_) ||
      !days.atEnd()) {
    return std::nullopt;
  }
  rule.daylight_ = std::move(daylight);
  return rule;
}

PosixRule PosixRule::fixed(std::int32_t offset, std::string abbreviation) {
  PosixRule rule;
  rule.standard_ = {offset, std::move(abbreviation)};
  return rule;
}

std::int64_t PosixRule::YearDay::in(std::int64_t year) const {
  std::int64_t at = 0;
  switch (kind) {
    case Kind::kJulian:
      at = daysFromCivil({year, 1, 1}) + day - 1 + (day >= 60 && isLeapYear(year) ? 1 : 0);
      break;
    case Kind::kDay:
      at = daysFromCivil({year, 1, 1}) + day;
      break;
    case Kind::kMonthWeek: {
      const std::int64_t first = daysFromCivil({year, month, 1});
      int days = (day - dayOfWeek(first) + 7) % 7 + (week - 1) * 7;
      days -= days >= daysInMonth(year, month) ? 7 : 0;
      at = first + days;
      break;
    }
  }
  return at * kSecondsPerDay + seconds;
}

PosixRule::Changes PosixRule::around(std::int64_t utc_seconds) const {
  const std::int64_t year = civilFromDays(floorDivide(utc_seconds, kSecondsPerDay)).year;
  Changes changes{};
  for (int i = 0; i < 4; ++i) {
    // The end first: where the next start is at the same instant, daylight saving time never ends.
    changes.of[2 * i] = {end_.in(year - 2 + i) - daylight_->offset, false};
    changes.of[2 * i + 1] = {start_.in(year - 2 + i) - standard_.offset, true};
  }
  // Nearly in order already, and few: no library's sort is as quick.
  for (Change* next = std::begin(changes.of) + 1; next != std::end(changes.of); ++next) {
    for (Change* at = next; at != std::begin(changes.of) && at->at < at[-1].at; --at) {
      std::swap(*at, at[-1]);
    }
  }
  return changes;
}

PosixRule::Meaning PosixRule::at(std::int64_t utc_seconds) const {
  bool daylight = false;
  if (daylight_) {
    for (const Change& change : around(utc_seconds).of) {
      daylight = change.at <= utc_seconds ? change.daylight : daylight;
    }
  }
  const Name& name = daylight ? *daylight_ : standard_;
  return {name.offset, name.abbreviation};
}

std::optional<std::int64_t> PosixRule::changeAfter(std::int64_t utc_seconds) const {
  if (!daylight_) {
    return std::nullopt;
  }
  const Changes changes = around(utc_seconds);
  const auto* const next =
      std::find_if(std::begin(changes.of), std::end(changes.of), [&](const Change& c) { return c.at > utc_seconds; });
  return next == std::end(changes.of) ? std::nullopt : std::optional(next->at);
}

}  // namespace trefoil::sql::datetime
