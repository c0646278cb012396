// Time zones: the IANA data base of the system, POSIX specifications, fixed offsets and abbreviations, with PostgreSQL's rules
// for which name means what and for local times that do not exist or exist twice.
//
// The zones of the data base come from Howard Hinnant's date library, which knows the changes that a zone's file lists (up to
// 2037). The years behind them follow the rule in the file's last line, which the library does not read: we do. All changes up to
// kLastTabulatedYear lie in a table, so that an offset is found in a few nanoseconds.
//
// A TimeZone is immutable and shared; lookups are cached for the process. All functions may be called by all threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "sql/types/datetime/posix_rule.hpp"

namespace trefoil::sql::datetime {

// No name of a zone is longer.
inline constexpr std::size_t kMaxZoneName = 255;
// The changes of later years are computed when they are asked for.
inline constexpr std::int64_t kLastTabulatedYear = 2'137;
// Displacements written in a date or an offset lie below 16 hours.
inline constexpr std::int32_t kMaxDisplacementHour = 15;

class TimeZone {
 public:
  using Meaning = PosixRule::Meaning;

  // As it is spelt in the data base; a POSIX specification in capitals.
  [[nodiscard]] const std::string& name() const { return name_; }
  // What holds at an instant (seconds since 1970 UTC).
  [[nodiscard]] Meaning at(std::int64_t utc_seconds) const;
  [[nodiscard]] std::int32_t offsetAt(std::int64_t utc_seconds) const { return at(utc_seconds).offset; }
  // The offset of a local time (seconds since 1970 by the zone's clocks). One that clocks skip is taken by the offset from before
  // the gap, one that they show twice is the second.
  [[nodiscard]] std::int32_t offsetOfLocal(std::int64_t local_seconds) const;
  // What an abbreviation (capitals) means in this zone at an instant: its last meaning until then, or the first after; none if
  // the zone has never used it.
  [[nodiscard]] std::optional<std::int32_t> offsetOfAbbreviation(std::string_view abbreviation, std::int64_t utc_seconds) const;
  // The offset, if it is always the same.
  [[nodiscard]] std::optional<std::int32_t> fixedOffset() const;

 private:
  friend class TimeZoneCache;
  // What holds from an instant until the next span's. The first begins at the beginning of time.
  struct Span {
    std::int64_t begin;
    std::int32_t offset;
    std::uint32_t abbreviation;  // in abbreviations_
  };
  TimeZone() = default;
  [[nodiscard]] Meaning meaningOf(const Span& span) const { return {span.offset, abbreviations_[span.abbreviation]}; }
  [[nodiscard]] std::size_t spanAt(std::int64_t utc_seconds) const;
  [[nodiscard]] std::optional<std::int64_t> changeAfter(std::int64_t utc_seconds) const;
  void addSpan(std::int64_t begin, std::int32_t offset, std::string_view abbreviation);
  void addSpansOfRule();
  void indexSpans();

  std::string name_;
  std::vector<Span> spans_;  // may be empty: then the rule holds always
  // For each stretch of 2^kStretchBits seconds from first_stretch_ on: the span at its beginning. What lies outside is rare, and
  // searched for.
  static constexpr int kStretchBits = 24;  // half a year: there are few spans in one
  std::vector<std::uint16_t> stretches_;
  std::int64_t first_stretch_ = 0;
  std::vector<std::string> abbreviations_;
  std::optional<PosixRule> rule_;  // after the beginning of the last span
};

using TimeZonePointer = std::shared_ptr<const TimeZone>;

// UTC; it needs no data base.
const TimeZone& utc();
// A zone of the data base (in any case of letters) or a POSIX specification; null if the name is neither. Abbreviations are none,
// except those which are zones, too.
TimeZonePointer findTimeZone(std::string_view name);
// Always `offset` seconds east, called like "+05:30"; null beyond a week.
TimeZonePointer fixedTimeZone(std::int64_t offset);
// What SET TIME ZONE takes: hours east ("-8", "5.5") or a zone's name. `invalid value for parameter "TimeZone": "…"`.
Result<TimeZonePointer> timeZoneOfSetting(std::string_view value);
// The names in the data base, ordered.
std::vector<std::string> timeZoneNames();

// What a name means as PostgreSQL's AT TIME ZONE, date_trunc and the texts of timestamps take it: an abbreviation first, then a
// zone. Good for as long as it lives.
class ZoneReference {
 public:
  // Always `offset` seconds east.
  static ZoneReference fixed(std::int32_t offset) { return {offset, nullptr, {}}; }
  static ZoneReference of(TimeZonePointer zone) { return {0, std::move(zone), {}}; }
  // The abbreviation of this name (any case of letters); none if there is none.
  static std::optional<ZoneReference> abbreviation(std::string_view name);
  // An abbreviation or a zone: `time zone "…" not recognized`.
  static Result<ZoneReference> resolve(std::string_view name);
  // As resolve(), and displacements "+05:30": make_timestamptz.
  static Result<ZoneReference> resolveWithDisplacements(std::string_view name);

  [[nodiscard]] std::int32_t offsetAt(std::int64_t utc_seconds) const;
  [[nodiscard]] std::int32_t offsetOfLocal(std::int64_t local_seconds) const;
  // The zone, without regard to which of its offsets an abbreviation means: what date_trunc takes.
  [[nodiscard]] TimeZonePointer asZone() const { return zone_ != nullptr ? zone_ : fixedTimeZone(offset_); }
  // The zone itself; null if the reference is a fixed offset.
  [[nodiscard]] const TimeZonePointer& zone() const { return zone_; }
  // Whether it is an abbreviation whose meaning depends on the instant.
  [[nodiscard]] bool varies() const { return !abbreviation_.empty(); }

 private:
  ZoneReference(std::int32_t offset, TimeZonePointer zone, std::string abbreviation)
      : offset_(offset), zone_(std::move(zone)), abbreviation_(std::move(abbreviation)) {}

  std::int32_t offset_ = 0;
  TimeZonePointer zone_;
  std::string abbreviation_;  // capitals; empty unless its meaning varies
};

// The kinds of abbreviations, for whoever reads them in a date.
enum class AbbreviationKind : std::uint8_t { kNone, kStandard, kDaylight, kVarying };
AbbreviationKind abbreviationKind(std::string_view lower_case);

}  // namespace trefoil::sql::datetime
