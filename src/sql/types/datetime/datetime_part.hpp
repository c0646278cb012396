// extract(field FROM …), date_part(field, …) and date_trunc(field, …) for every type of date and time.
//
// A field's name is looked up once (FieldName) and used for many values. Errors: `unit "…" not recognized for type …`, `unit "…"
// not supported for type …`. Pure functions, safe for all threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_words.hpp"
#include "sql/types/datetime/interval.hpp"
#include "sql/types/datetime/time_zone.hpp"

namespace trefoil::sql::datetime {

class FieldName {
 public:
  explicit FieldName(std::string_view text);

  // As errors show it: in lower case, and no longer than an identifier.
  [[nodiscard]] const std::string& text() const { return text_; }
  // None if no type has such a field.
  [[nodiscard]] std::optional<Unit> unit() const { return unit_; }
  // Whether date_trunc knows the name, too: it does not know all.
  [[nodiscard]] bool isUnit() const { return is_unit_; }
  // A word of dates that is no field, like "now": not supported, rather than not recognized.
  [[nodiscard]] bool isReserved() const { return is_reserved_; }

 private:
  std::string text_;
  std::optional<Unit> unit_;
  bool is_unit_ = false;
  bool is_reserved_ = false;
};

__extension__ using WideInteger = __int128;

// A numeric: coefficient / 10^scale; or infinity, for the fields of an infinite timestamp that only grow; or null, for those that
// come around.
struct FieldValue {
  enum class Kind : std::uint8_t { kNull, kNumber, kPlusInfinity, kMinusInfinity };
  Kind kind = Kind::kNull;
  int scale = 0;
  WideInteger coefficient = 0;
};

// extract()
Result<FieldValue> extractFromDate(const FieldName& field, std::int64_t date);
Result<FieldValue> extractFromTime(const FieldName& field, std::int64_t time);
Result<FieldValue> extractFromTimestamp(const FieldName& field, std::int64_t micros);
Result<FieldValue> extractFromTimestampTz(const FieldName& field, std::int64_t micros, const TimeZone& zone);
Result<FieldValue> extractFromInterval(const FieldName& field, const Interval& interval);

// date_part(): the same as a double; none is null. Of a date, it is that of the timestamp.
Result<std::optional<double>> partOfTime(const FieldName& field, std::int64_t time);
Result<std::optional<double>> partOfTimestamp(const FieldName& field, std::int64_t micros);
Result<std::optional<double>> partOfTimestampTz(const FieldName& field, std::int64_t micros, const TimeZone& zone);
Result<std::optional<double>> partOfInterval(const FieldName& field, const Interval& interval);

// date_trunc()
Result<std::int64_t> truncateTimestamp(const FieldName& field, std::int64_t micros);
// On the clocks of a zone, the session's or a given one (ZoneReference::asZone).
Result<std::int64_t> truncateTimestampTz(const FieldName& field, std::int64_t micros, const TimeZone& zone);
Result<Interval> truncateInterval(const FieldName& field, const Interval& interval);

}  // namespace trefoil::sql::datetime
