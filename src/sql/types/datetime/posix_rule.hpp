// POSIX's way to write a time zone: "EST5EDT,M3.2.0,M11.1.0", "<+0530>-5:30", "UTC+3" (three hours west of Greenwich: the sign is
// the other way round). It is what the last line of a zone's file says about the years to come, and a zone's name in PostgreSQL.
//
//   NAME OFFSET [NAME [OFFSET] [,START,END]]     NAME: letters, or anything in <>      OFFSET: [+-]h[:mm[:ss]], up to 167 hours
//   START, END: Jn (1 … 365, never 29 February), n (0 … 365) or Mm.w.d, each with /OFFSET (2:00 otherwise)
//
// As in PostgreSQL, a name may be any text without digits and signs, the first one even none ("+5" is west!), and daylight saving
// time without rules is that of the USA. Immutable after parse(), so safe for all threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trefoil::sql::datetime {

class PosixRule {
 public:
  // What holds at an instant: seconds east of Greenwich, and the abbreviation (which lives as long as the rule).
  struct Meaning {
    std::int32_t offset;
    std::string_view abbreviation;
  };

  static std::optional<PosixRule> parse(std::string_view text);
  // Always `offset` seconds east.
  static PosixRule fixed(std::int32_t offset, std::string abbreviation);

  [[nodiscard]] Meaning at(std::int64_t utc_seconds) const;
  // The first change after an instant; none where there is no daylight saving time.
  [[nodiscard]] std::optional<std::int64_t> changeAfter(std::int64_t utc_seconds) const;
  [[nodiscard]] bool changes() const { return daylight_.has_value(); }
  [[nodiscard]] std::int32_t standardOffset() const { return standard_.offset; }

 private:
  struct Name {
    std::int32_t offset = 0;
    std::string abbreviation;
  };
  // A day of each year, and seconds from its midnight by the clock that holds until then.
  struct YearDay {
    enum class Kind : std::uint8_t { kJulian, kDay, kMonthWeek } kind = Kind::kDay;
    int day = 0;    // Jn: n; n: n; Mm.w.d: d, 0 Sunday
    int week = 0;   // 1 … 5, 5: the last
    int month = 0;  // 1 … 12
    std::int32_t seconds = 7'200;
    [[nodiscard]] std::int64_t in(std::int64_t year) const;  // local seconds since 1970
  };
  class Reader;
  struct Change {
    std::int64_t at;
    bool daylight;
  };
  // The changes of the years around an instant, ordered.
  struct Changes {
    Change of[8];
  };
  [[nodiscard]] Changes around(std::int64_t utc_seconds) const;

  Name standard_;
  std::optional<Name> daylight_;
  YearDay start_;
  YearDay end_;
};

}  // namespace trefoil::sql::datetime
