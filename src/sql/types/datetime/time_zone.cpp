#include "sql/types/datetime/time_zone.hpp"

#include <date/tz.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <exception>
#include <fstream>
#include <iterator>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include "base/ascii_case.hpp"
#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_error.hpp"
#include "sql/types/datetime/datetime_fields.hpp"

namespace trefoil::sql::datetime {
namespace {

constexpr const char* kZoneFolder = "/usr/share/zoneinfo/";
// No zone changes as often; whatever is in a damaged file ends here.
constexpr std::size_t kMostSpans = 4'096;

struct Abbreviation {
  std::string_view name;
  std::int32_t offset;
  AbbreviationKind kind;
  std::string_view zone;
};

constexpr Abbreviation kAbbreviations[] = {
#define FIXED(name, offset, daylight) {name, offset, (daylight) ? AbbreviationKind::kDaylight : AbbreviationKind::kStandard, {}},
#define VARYING(name, zone) {name, 0, AbbreviationKind::kVarying, zone},
#include "sql/types/datetime/time_zone_abbreviations.def"
#undef FIXED
#undef VARYING
};
static_assert(std::is_sorted(std::begin(kAbbreviations), std::end(kAbbreviations),
                             [](const Abbreviation& a, const Abbreviation& b) { return a.name < b.name; }));

const Abbreviation* findAbbreviation(std::string_view lower_case) {
  const auto* const found = std::lower_bound(std::begin(kAbbreviations), std::end(kAbbreviations), lower_case,
                                             [](const Abbreviation& a, std::string_view name) { return a.name < name; });
  return found != std::end(kAbbreviations) && found->name == lower_case ? found : nullptr;
}

// The rule in a zone's file: its last line.
std::optional<PosixRule> ruleOfFile(const std::string& name) {
  std::ifstream file(kZoneFolder + name, std::ios::binary | std::ios::ate);
  constexpr std::streamoff kMost = 256;
  const std::streamoff size = file ? std::streamoff(file.tellg()) : 0;
  if (size <= 0) {
    return std::nullopt;
  }
  std::string tail(static_cast<std::size_t>(std::min(size, kMost)), '\0');
  file.seekg(size - std::streamoff(tail.size()));
  if (!file.read(tail.data(), std::streamsize(tail.size())) || tail.back() != '\n') {
    return std::nullopt;
  }
  tail.pop_back();
  const std::size_t line = tail.rfind('\n');
  return line == std::string::npos ? std::nullopt : PosixRule::parse(std::string_view(tail).substr(line + 1));
}

}  // namespace

// Zones by name, for the process. Those of the data base are few and stay; of POSIX specifications, which clients make up, there
// are at most kMostSpecifications, and what is looked up beyond is made anew each time.
class TimeZoneCache {
 public:
  static TimeZoneCache& instance() {
    static TimeZoneCache cache;
    return cache;
  }

  TimeZonePointer find(std::string_view name) {
    if (name.empty() || name.size() > kMaxZoneName) {
      return nullptr;
    }
    std::string key = lowerCase(name);
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = zones_.find(key); found != zones_.end()) {
        return found->second;
      }
    }
    const auto known = names().find(key);
    TimeZonePointer zone = known != names().end() ? load(known->second) : specification(name);
    if (zone != nullptr) {
      const std::unique_lock lock(mutex_);
      if (known != names().end() || specifications_++ < kMostSpecifications) {
        return zones_.try_emplace(std::move(key), std::move(zone)).first->second;
      }
    }
    return zone;
  }

  // The data base's names by their lower case; empty if the system has none.
  static const std::unordered_map<std::string, std::string>& names() {
    static const std::unordered_map<std::string, std::string> names = [] {
      std::unordered_map<std::string, std::string> found;
      try {
        for (const date::time_zone& zone : date::get_tzdb().zones) {
          found.emplace(lowerCase(zone.name()), zone.name());
        }
      } catch (const std::exception&) {
        found.clear();
      }
      // Not the world's, but this machine's: nobody else has it.
      found.erase("localtime");
      return found;
    }();
    return names;
  }

  static TimeZonePointer fixed(std::int32_t offset, std::string name) {
    std::shared_ptr<TimeZone> zone(new TimeZone);
    zone->rule_ = PosixRule::fixed(offset, name);
    zone->name_ = std::move(name);
    return zone;
  }

 private:
  static constexpr std::size_t kMostSpecifications = 1'000;

  static TimeZonePointer load(const std::string& name) {
    try {
      std::shared_ptr<TimeZone> zone(new TimeZone);
      zone->name_ = name;
      const date::time_zone* const source = date::locate_zone(name);
      // The library's infos tile its time; the last one ends with it.
      date::sys_info info = source->get_info(date::sys_seconds(date::sys_days(date::year::min() / date::January / 1)));
      const date::sys_seconds end(date::sys_days(date::year::max() / date::December / 31));
      zone->addSpan(INT64_MIN, static_cast<std::int32_t>(info.offset.count()), info.abbrev);
      while (info.end < end && zone->spans_.size() < kMostSpans) {
        const date::sys_seconds begin = info.end;
        info = source->get_info(begin);
        zone->addSpan(begin.time_since_epoch().count(), static_cast<std::int32_t>(info.offset.count()), info.abbrev);
        if (info.end <= begin) {
          break;
        }
      }
      zone->rule_ = ruleOfFile(name);
      zone->addSpansOfRule();
      zone->indexSpans();
      return zone;
    } catch (const std::exception&) {
      return nullptr;  // a file that is none of a zone
    }
  }

  static TimeZonePointer specification(std::string_view name) {
    std::string capitals = upperCase(name);
    std::optional<PosixRule> rule = PosixRule::parse(capitals);
    if (!rule && capitals == "UTC") {  // without a data base
      rule = PosixRule::fixed(0, "UTC");
    }
    if (!rule) {
      return nullptr;
    }
    std::shared_ptr<TimeZone> zone(new TimeZone);
    zone->rule_ = std::move(rule);
    zone->name_ = std::move(capitals);
    return zone;
  }

  std::shared_mutex mutex_;  // guards:
  std::unordered_map<std::string, TimeZonePointer> zones_;
  std::size_t specifications_ = 0;
};

void TimeZone::addSpan(std::int64_t begin, std::int32_t offset, std::string_view abbreviation) {
  const auto known = std::find(abbreviations_.begin(), abbreviations_.end(), abbreviation);
  const auto index = static_cast<std::uint32_t>(known - abbreviations_.begin());
  if (known == abbreviations_.end()) {
    abbreviations_.emplace_back(abbreviation);
  }
  spans_.push_back({begin, offset, index});
}

void TimeZone::addSpansOfRule() {
  if (!rule_) {
    return;
  }
  if (spans_.size() == 1 && rule_->changes()) {  // nothing has been listed: the rule has always held
    spans_.clear();
    abbreviations_.clear();
    return;
  }
  constexpr std::int64_t kEnd = daysFromCivil({kLastTabulatedYear + 1, 1, 1}) * kSecondsPerDay;
  std::int64_t at = spans_.back().begin;
  while (const std::optional<std::int64_t> change = rule_->changeAfter(at)) {
    if (*change >= kEnd || spans_.size() >= kMostSpans) {
      break;
    }
    const Meaning meaning = rule_->at(*change);
    addSpan(*change, meaning.offset, meaning.abbreviation);
    at = *change;
  }
}

void TimeZone::indexSpans() {
  if (spans_.size() < 2) {
    return;
  }
  first_stretch_ = spans_[1].begin >> kStretchBits;
  const std::int64_t last = spans_.back().begin >> kStretchBits;
  constexpr std::int64_t kMostStretches = 4'096;
  std::size_t span = 0;
  for (std::int64_t stretch = first_stretch_; stretch <= std::min(last, first_stretch_ + kMostStretches); ++stretch) {
    while (span + 1 < spans_.size() && spans_[span + 1].begin <= stretch * (std::int64_t{1} << kStretchBits)) {
      ++span;
    }
    stretches_.push_back(static_cast<std::uint16_t>(span));
  }
}

std::size_t TimeZone::spanAt(std::int64_t utc_seconds) const {
  const std::int64_t stretch = (utc_seconds >> kStretchBits) - first_stretch_;
  if (stretch >= 0 && stretch < static_cast<std::int64_t>(stretches_.size())) {
    std::size_t span = stretches_[static_cast<std::size_t>(stretch)];
    while (span + 1 < spans_.size() && spans_[span + 1].begin <= utc_seconds) {
      ++span;
    }
    return span;
  }
  const auto next = std::upper_bound(spans_.begin(), spans_.end(), utc_seconds,
                                     [](std::int64_t at, const Span& span) { return at < span.begin; });
  return static_cast<std::size_t>(next - spans_.begin()) - 1;
}

TimeZone::Meaning TimeZone::at(std::int64_t utc_seconds) const {
  if (rule_ && (spans_.empty() || utc_seconds >= spans_.back().begin)) {
    return rule_->at(utc_seconds);
  }
  return meaningOf(spans_[spanAt(utc_seconds)]);
}

std::optional<std::int64_t> TimeZone::changeAfter(std::int64_t utc_seconds) const {
  if (!spans_.empty() && utc_seconds < spans_.back().begin) {
    return spans_[spanAt(utc_seconds) + 1].begin;
  }
  return rule_ ? rule_->changeAfter(utc_seconds) : std::nullopt;
}

std::int32_t TimeZone::offsetOfLocal(std::int64_t local_seconds) const {
  // Offsets are below a day, so the instant is later than `before`, and the next change from there is the only one in question.
  const std::int64_t before = local_seconds - kSecondsPerDay;
  const std::int32_t offset_before = offsetAt(before);
  const std::optional<std::int64_t> change = changeAfter(before);
  if (!change) {
    return offset_before;
  }
  const std::int32_t offset_after = offsetAt(*change);
  const bool is_before = local_seconds - offset_before < *change;
  const bool is_after = local_seconds - offset_after >= *change;
  if (is_before != is_after) {
    return is_before ? offset_before : offset_after;
  }
  // In a gap neither is true, and where an hour comes twice both are.
  return is_before ? offset_after : offset_before;
}

std::optional<std::int32_t> TimeZone::offsetOfAbbreviation(std::string_view abbreviation, std::int64_t utc_seconds) const {
  const auto known = std::find(abbreviations_.begin(), abbreviations_.end(), abbreviation);
  if (known == abbreviations_.end()) {
    return std::nullopt;
  }
  const auto index = static_cast<std::uint32_t>(known - abbreviations_.begin());
  const auto is_it = [&](const Span& span) { return span.abbreviation == index; };
  const auto next = spans_.begin() + static_cast<std::ptrdiff_t>(spanAt(utc_seconds)) + 1;
  const auto last = std::find_if(std::make_reverse_iterator(next), spans_.rend(), is_it);
  if (last != spans_.rend()) {
    return last->offset;
  }
  return std::find_if(next, spans_.end(), is_it)->offset;
}

std::optional<std::int32_t> TimeZone::fixedOffset() const {
  if (rule_ && rule_->changes()) {
    return std::nullopt;
  }
  const std::int32_t offset = spans_.empty() ? rule_->standardOffset() : spans_.front().offset;
  const bool always = std::all_of(spans_.begin(), spans_.end(), [&](const Span& span) { return span.offset == offset; });
  return always ? std::optional(offset) : std::nullopt;
}

const TimeZone& utc() {
  static const TimeZonePointer zone = TimeZoneCache::fixed(0, "UTC");
  return *zone;
}

TimeZonePointer findTimeZone(std::string_view name) {
  return TimeZoneCache::instance().find(name);
}

TimeZonePointer fixedTimeZone(std::int64_t offset) {
  if (offset <= -7 * kSecondsPerDay || offset >= 7 * kSecondsPerDay) {
    return nullptr;
  }
  const auto magnitude = static_cast<int>(offset < 0 ? -offset : offset);
  std::string name(1, offset < 0 ? '-' : '+');
  const auto two = [&](int number) {
    name += static_cast<char>('0' + number / 10 % 10);
    name += static_cast<char>('0' + number % 10);
  };
  if (magnitude >= 360'000) {
    name += '1';
  }
  two(magnitude / 3'600);
  if (magnitude % 3'600 != 0) {
    name += ':';
    two(magnitude / 60 % 60);
  }
  if (magnitude % 60 != 0) {
    name += ':';
    two(magnitude % 60);
  }
  return TimeZoneCache::fixed(static_cast<std::int32_t>(offset), std::move(name));
}

Result<TimeZonePointer> timeZoneOfSetting(std::string_view value) {
  TimeZonePointer zone;
  std::string_view number = value;
  if (number.starts_with('+')) {
    number.remove_prefix(1);
  }
  double hours = 0;
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), hours);
  Error error = invalidParameter("invalid value for parameter \"TimeZone\": \"" + std::string(value) + "\"");
  if (failed == std::errc() && end == number.data() + number.size()) {
    zone = std::fabs(hours) < 168 ? fixedTimeZone(static_cast<std::int64_t>(hours * 3'600)) : nullptr;
    error.detail = "UTC timezone offset is out of range.";
  } else {
    zone = findTimeZone(value);
  }
  if (zone == nullptr) {
    return error;
  }
  return zone;
}

std::vector<std::string> timeZoneNames() {
  std::vector<std::string> names;
  for (const auto& [lower_case, name] : TimeZoneCache::names()) {
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

AbbreviationKind abbreviationKind(std::string_view lower_case) {
  const Abbreviation* const found = findAbbreviation(lower_case);
  return found == nullptr ? AbbreviationKind::kNone : found->kind;
}

std::optional<ZoneReference> ZoneReference::abbreviation(std::string_view name) {
  const Abbreviation* const found = name.size() > kMaxZoneName ? nullptr : findAbbreviation(lowerCase(name));
  if (found == nullptr) {
    return std::nullopt;
  }
  if (found->kind != AbbreviationKind::kVarying) {
    return fixed(found->offset);
  }
  TimeZonePointer zone = findTimeZone(found->zone);
  if (zone == nullptr) {
    return std::nullopt;  // a system without the data base
  }
  return ZoneReference(0, std::move(zone), upperCase(found->name));
}

Result<ZoneReference> ZoneReference::resolve(std::string_view name) {
  if (std::optional<ZoneReference> known = abbreviation(name)) {
    return *std::move(known);
  }
  if (TimeZonePointer zone = findTimeZone(name)) {
    return of(std::move(zone));
  }
  return zoneNotRecognized(name);
}

Result<ZoneReference> ZoneReference::resolveWithDisplacements(std::string_view name) {
  if (!name.empty() && isDigit(name.front())) {
    Error error = invalidParameter("invalid input syntax for type numeric time zone: \"" + std::string(name) + "\"");
    error.hint = "Numeric time zones must have \"-\" or \"+\" as first character.";
    return error;
  }
  std::int32_t offset = 0;
  switch (parseDisplacement(name, offset)) {
    case Trouble::kNone:
      return fixed(offset);
    case Trouble::kDisplacement:
      return invalidParameter("numeric time zone \"" + std::string(name) + "\" out of range");
    default:
      return resolve(name);
  }
}

std::int32_t ZoneReference::offsetAt(std::int64_t utc_seconds) const {
  if (zone_ == nullptr) {
    return offset_;
  }
  if (varies()) {
    if (const auto offset = zone_->offsetOfAbbreviation(abbreviation_, utc_seconds)) {
      return *offset;
    }
  }
  return zone_->offsetAt(utc_seconds);
}

std::int32_t ZoneReference::offsetOfLocal(std::int64_t local_seconds) const {
  if (zone_ == nullptr) {
    return offset_;
  }
  const std::int32_t offset = zone_->offsetOfLocal(local_seconds);
  if (varies()) {
    return zone_->offsetOfAbbreviation(abbreviation_, local_seconds - offset).value_or(offset);
  }
  return offset;
}

}  // namespace trefoil::sql::datetime
