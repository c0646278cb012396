#include "sql/types/datetime/datetime_part.hpp"

#include <limits>

#include "base/ascii_case.hpp"
#include "sql/types/datetime/datetime_error.hpp"

namespace trefoil::sql::datetime {
namespace {

constexpr std::size_t kMaxIdentifier = 63;

constexpr std::string_view kDateType = "date";
constexpr std::string_view kTimeType = "time without time zone";
constexpr std::string_view kTimestampType = "timestamp without time zone";
constexpr std::string_view kTimestampTzType = "timestamp with time zone";
constexpr std::string_view kIntervalType = "interval";

Error notRecognized(const FieldName& field, std::string_view type) {
  return invalidParameter("unit \"" + field.text() + "\" not recognized for type " + std::string(type));
}

Error fieldNotSupported(const FieldName& field, std::string_view type) {
  return notSupported("unit \"" + field.text() + "\" not supported for type " + std::string(type));
}

// The error for a field that a type has not. Types with a date know the words of dates, though not as fields.
Error noSuchField(const FieldName& field, std::string_view type) {
  const bool known = field.isReserved() && type != kTimeType && type != kIntervalType;
  return field.unit() || known ? fieldNotSupported(field, type) : notRecognized(field, type);
}

FieldValue whole(std::int64_t value) {
  return {FieldValue::Kind::kNumber, 0, value};
}
FieldValue scaled(WideInteger coefficient, int scale) {
  return {FieldValue::Kind::kNumber, scale, coefficient};
}

WideInteger powerOfTen(int exponent) {
  WideInteger power = 1;
  for (; exponent > 0; --exponent) {
    power *= 10;
  }
  return power;
}

// Years as the calendar counts them, without a year 0, and their groups. 1 BC is in the century and millennium -1.
std::int64_t shownYear(std::int64_t year) {
  return year > 0 ? year : year - 1;
}
std::int64_t decadeOf(std::int64_t year) {
  return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10);
}
std::int64_t centuryOf(std::int64_t year) {
  return year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100);
}
std::int64_t millenniumOf(std::int64_t year) {
  return year > 0 ? (year + 999) / 1'000 : -((999 - (year - 1)) / 1'000);
}

// The Julian day with the time as its fraction. The division has as many digits as PostgreSQL's numeric would give it: 16
// significant ones at least, in groups of four.
FieldValue julianWithFraction(std::int64_t day, std::int64_t time) {
  constexpr std::int64_t kGroup = 10'000;
  constexpr int kFirstGroupOfDay = 864;  // 864'0000'0000 microseconds
  int weight = 0;
  std::int64_t first_group = time;
  while (first_group >= kGroup) {
    first_group /= kGroup;
    ++weight;
  }
  const int weight_of_quotient = weight - 2 - (first_group <= kFirstGroupOfDay ? 1 : 0);
  const int scale = 16 - weight_of_quotient * 4;
  const WideInteger power = powerOfTen(scale);
  const WideInteger fraction = (time * power + kMicrosPerDay / 2) / kMicrosPerDay;
  return scaled(julianDay(day) * power + fraction, scale);
}

// The fields that a date has; none if it is not one of them.
std::optional<FieldValue> fieldOfDate(Unit unit, std::int64_t day) {
  const CivilDate date = civilFromDays(day);
  switch (unit) {
    case Unit::kDay:
      return whole(date.day);
    case Unit::kMonth:
      return whole(date.month);
    case Unit::kQuarter:
      return whole((date.month - 1) / 3 + 1);
    case Unit::kWeek:
      return whole(isoWeek(day).week);
    case Unit::kYear:
      return whole(shownYear(date.year));
    case Unit::kDecade:
      return whole(decadeOf(date.year));
    case Unit::kCentury:
      return whole(centuryOf(date.year));
    case Unit::kMillennium:
      return whole(millenniumOf(date.year));
    case Unit::kIsoYear:
      return whole(shownYear(isoWeek(day).year));
    case Unit::kDayOfWeek:
      return whole(dayOfWeek(day));
    case Unit::kIsoDayOfWeek:
      return whole(isoDayOfWeek(day));
    case Unit::kDayOfYear:
      return whole(dayOfYear(day));
    default:
      return std::nullopt;
  }
}

// The fields that a time of day has, and the time of an interval, whose hours may be many and whose fields may be negative.
std::optional<FieldValue> fieldOfTime(Unit unit, std::int64_t time) {
  const std::int64_t of_minute = time % kMicrosPerMinute;
  switch (unit) {
    case Unit::kMicrosecond:
      return whole(of_minute);
    case Unit::kMillisecond:
      return scaled(of_minute, 3);
    case Unit::kSecond:
      return scaled(of_minute, 6);
    case Unit::kMinute:
      return whole(time / kMicrosPerMinute % 60);
    case Unit::kHour:
      return whole(time / kMicrosPerHour);
    default:
      return std::nullopt;
  }
}

std::optional<FieldValue> fieldOfZone(Unit unit, std::int32_t offset) {
  switch (unit) {
    case Unit::kZone:
      return whole(offset);
    case Unit::kZoneHour:
      return whole(offset / 3'600);
    case Unit::kZoneMinute:
      return whole(offset / 60 % 60);
    default:
      return std::nullopt;
  }
}

bool growsForever(Unit unit) {
  switch (unit) {
    case Unit::kYear:
    case Unit::kDecade:
    case Unit::kCentury:
    case Unit::kMillennium:
    case Unit::kIsoYear:
    case Unit::kJulian:
    case Unit::kEpoch:
      return true;
    default:
      return false;
  }
}

// Of an infinite date or timestamp.
FieldValue fieldOfInfinity(Unit unit, std::int64_t value) {
  if (!growsForever(unit)) {
    return {};
  }
  return {value == kInfinity ? FieldValue::Kind::kPlusInfinity : FieldValue::Kind::kMinusInfinity, 0, 0};
}

bool isZoneUnit(Unit unit) {
  return unit == Unit::kZone || unit == Unit::kZoneHour || unit == Unit::kZoneMinute;
}

// `zone` null: a timestamp without.
Result<FieldValue> extractTimestamp(const FieldName& field, std::int64_t micros, const TimeZone* zone) {
  const std::string_view type = zone == nullptr ? kTimestampType : kTimestampTzType;
  if (!field.unit()) {
    return noSuchField(field, type);
  }
  const Unit unit = *field.unit();
  if (!isFinite(micros)) {
    return fieldOfInfinity(unit, micros);
  }
  if (unit == Unit::kEpoch) {
    return scaled(micros, 6);
  }
  const std::int32_t offset = zone == nullptr ? 0 : zone->offsetAt(floorDivide(micros, kMicrosPerSecond));
  if (isZoneUnit(unit)) {
    if (zone == nullptr) {
      return fieldNotSupported(field, type);
    }
    return *fieldOfZone(unit, offset);
  }
  const CivilTime local = civilTime(micros, offset);
  if (unit == Unit::kJulian) {
    return julianWithFraction(local.days(), local.timeOfDay());
  }
  const std::optional<FieldValue> of_time = fieldOfTime(unit, local.timeOfDay());
  return of_time ? *of_time : *fieldOfDate(unit, local.days());
}

double toDouble(WideInteger value) {
  return static_cast<double>(value);
}

// A field as a double, which has been computed from doubles: not always the double next to the numeric.
std::optional<double> asDouble(const FieldValue& value) {
  switch (value.kind) {
    case FieldValue::Kind::kNull:
      return std::nullopt;
    case FieldValue::Kind::kPlusInfinity:
      return std::numeric_limits<double>::infinity();
    case FieldValue::Kind::kMinusInfinity:
      return -std::numeric_limits<double>::infinity();
    case FieldValue::Kind::kNumber:
      break;
  }
  const auto seconds = [&] { return value.coefficient / kMicrosPerSecond; };
  const auto micros = [&] { return value.coefficient % kMicrosPerSecond; };
  switch (value.scale) {
    case 0:
      return toDouble(value.coefficient);
    case 3:
      return toDouble(seconds()) * 1000.0 + toDouble(micros()) / 1000.0;
    default:
      return toDouble(seconds()) + toDouble(micros()) / 1000000.0;
  }
}

Result<std::optional<double>> part(Result<FieldValue> value) {
  if (!value.ok()) {
    return std::move(value).failure();
  }
  return asDouble(*value);
}

Result<std::optional<double>> partOf(const FieldName& field, std::int64_t micros, const TimeZone* zone) {
  if (isFinite(micros) && field.unit() == Unit::kEpoch) {
    return std::optional(static_cast<double>(micros) / 1000000.0);
  }
  if (isFinite(micros) && field.unit() == Unit::kJulian) {
    const CivilTime local = civilTime(micros, zone == nullptr ? 0 : zone->offsetAt(floorDivide(micros, kMicrosPerSecond)));
    const double seconds = (local.hour * 60 + local.minute) * 60 + local.second + local.micros / 1000000.0;
    return std::optional(static_cast<double>(julianDay(local.days())) + seconds / static_cast<double>(kSecondsPerDay));
  }
  return part(extractTimestamp(field, micros, zone));
}

// The first year of the decade, century or millennium.
std::int64_t firstYearOf(Unit unit, std::int64_t year) {
  switch (unit) {
    case Unit::kMillennium:
      return year > 0 ? (year + 999) / 1'000 * 1'000 - 999 : -((999 - (year - 1)) / 1'000) * 1'000 + 1;
    case Unit::kCentury:
      return year > 0 ? (year + 99) / 100 * 100 - 99 : -((99 - (year - 1)) / 100) * 100 + 1;
    case Unit::kDecade:
      return year > 0 ? year / 10 * 10 : -((8 - (year - 1)) / 10) * 10;
    default:
      return year;
  }
}

// Cuts a date and time down to its field; false if there is no cutting to it. Whether the date has been cut, too, is in `days`.
bool truncate(Unit unit, CivilTime& local, bool& days) {
  std::int64_t step = kMicrosPerDay;
  switch (unit) {
    case Unit::kMillennium:
    case Unit::kCentury:
    case Unit::kDecade:
    case Unit::kYear:
      local.year = firstYearOf(unit, local.year);
      local.month = 1;
      local.day = 1;
      break;
    case Unit::kQuarter:
      local.month = (local.month - 1) / 3 * 3 + 1;
      local.day = 1;
      break;
    case Unit::kMonth:
      local.day = 1;
      break;
    case Unit::kWeek:
      setDate(local, local.days() - isoDayOfWeek(local.days()) + 1);
      break;
    case Unit::kDay:
      break;
    case Unit::kHour:
      step = kMicrosPerHour;
      break;
    case Unit::kMinute:
      step = kMicrosPerMinute;
      break;
    case Unit::kSecond:
      step = kMicrosPerSecond;
      break;
    case Unit::kMillisecond:
      step = 1'000;
      break;
    case Unit::kMicrosecond:
      step = 1;
      break;
    default:
      return false;
  }
  const std::int64_t time = local.timeOfDay();
  setTime(local, time - time % step);
  days = step == kMicrosPerDay;
  return true;
}

Result<std::int64_t> truncateTimestamp(const FieldName& field, std::int64_t micros, const TimeZone* zone) {
  const std::string_view type = zone == nullptr ? kTimestampType : kTimestampTzType;
  if (!isFinite(micros)) {
    return micros;
  }
  if (!field.isUnit()) {
    return notRecognized(field, type);
  }
  std::int32_t offset = zone == nullptr ? 0 : zone->offsetAt(floorDivide(micros, kMicrosPerSecond));
  CivilTime local = civilTime(micros, offset);
  bool days = false;
  if (!truncate(*field.unit(), local, days)) {
    return fieldNotSupported(field, type);
  }
  // Within a day the offset stays; its beginning, and that of others, may have another.
  if (zone != nullptr && days) {
    offset = zone->offsetOfLocal(local.days() * kSecondsPerDay);
  }
  if (!joinTimestamp(local, offset, micros)) {
    return timestampOutOfRange();
  }
  return micros;
}

}  // namespace

FieldName::FieldName(std::string_view text) : text_(lowerCase(text.substr(0, kMaxIdentifier))) {
  if (const Word word = findIntervalWord(text_); word.kind != WordKind::kNone) {
    if (word.kind == WordKind::kUnit) {
      unit_ = static_cast<Unit>(word.value);
      is_unit_ = true;
    }
    return;
  }
  const Word word = findDateWord(text_);
  if (word.kind == WordKind::kLabel) {
    unit_ = static_cast<Unit>(word.value);
  } else if (word.kind == WordKind::kReserved) {
    is_reserved_ = true;
    if (static_cast<Reserved>(word.value) == Reserved::kEpoch) {
      unit_ = Unit::kEpoch;
    }
  }
}

Result<FieldValue> extractFromDate(const FieldName& field, std::int64_t date) {
  if (!field.unit()) {
    return noSuchField(field, kDateType);
  }
  const Unit unit = *field.unit();
  std::optional<FieldValue> value;
  if (unit == Unit::kJulian) {
    value = whole(isFinite(date) ? julianDay(date) : 0);
  } else if (unit == Unit::kEpoch) {
    value = whole(isFinite(date) ? date * kSecondsPerDay : 0);
  } else {
    value = fieldOfDate(unit, isFinite(date) ? date : 0);
  }
  if (!value) {
    return fieldNotSupported(field, kDateType);
  }
  return isFinite(date) ? *value : fieldOfInfinity(unit, date);
}

Result<FieldValue> extractFromTime(const FieldName& field, std::int64_t time) {
  if (field.unit() == Unit::kEpoch) {
    return scaled(time, 6);
  }
  const std::optional<FieldValue> value = field.unit() ? fieldOfTime(*field.unit(), time) : std::nullopt;
  if (!value) {
    return noSuchField(field, kTimeType);
  }
  return *value;
}

Result<FieldValue> extractFromTimestamp(const FieldName& field, std::int64_t micros) {
  return extractTimestamp(field, micros, nullptr);
}

Result<FieldValue> extractFromTimestampTz(const FieldName& field, std::int64_t micros, const TimeZone& zone) {
  return extractTimestamp(field, micros, &zone);
}

Result<FieldValue> extractFromInterval(const FieldName& field, const Interval& interval) {
  if (!field.unit()) {
    return noSuchField(field, kIntervalType);
  }
  const Unit unit = *field.unit();
  const std::int32_t years = interval.months / 12;
  const std::int32_t months = interval.months % 12;
  switch (unit) {
    case Unit::kDay:
      return whole(interval.days);
    case Unit::kMonth:
      return whole(months);
    case Unit::kQuarter:
      return whole(months / 3 + 1);
    case Unit::kYear:
      return whole(years);
    case Unit::kDecade:
      return whole(years / 10);
    case Unit::kCentury:
      return whole(years / 100);
    case Unit::kMillennium:
      return whole(years / 1'000);
    case Unit::kEpoch: {
      // A year has 365.25 days here, a month 30: in quarters of a day.
      const std::int64_t quarters = std::int64_t{years} * 1'461 + std::int64_t{months} * 120 + std::int64_t{interval.days} * 4;
      return scaled(static_cast<WideInteger>(quarters) * (kMicrosPerDay / 4) + interval.micros, 6);
    }
    default:
      break;
  }
  const std::optional<FieldValue> value = fieldOfTime(unit, interval.micros);
  if (!value) {
    return fieldNotSupported(field, kIntervalType);
  }
  return *value;
}

Result<std::optional<double>> partOfTime(const FieldName& field, std::int64_t time) {
  if (field.unit() == Unit::kEpoch) {
    return std::optional(static_cast<double>(time) / 1000000.0);
  }
  return part(extractFromTime(field, time));
}

Result<std::optional<double>> partOfTimestamp(const FieldName& field, std::int64_t micros) {
  return partOf(field, micros, nullptr);
}

Result<std::optional<double>> partOfTimestampTz(const FieldName& field, std::int64_t micros, const TimeZone& zone) {
  return partOf(field, micros, &zone);
}

Result<std::optional<double>> partOfInterval(const FieldName& field, const Interval& interval) {
  if (field.unit() == Unit::kEpoch) {
    const std::int32_t years = interval.months / 12;
    const std::int32_t months = interval.months % 12;
    double seconds = static_cast<double>(interval.micros) / 1000000.0;
    seconds += 365.25 * static_cast<double>(kSecondsPerDay) * years;
    seconds += 30.0 * static_cast<double>(kSecondsPerDay) * months;
    seconds += static_cast<double>(kSecondsPerDay) * interval.days;
    return std::optional(seconds);
  }
  return part(extractFromInterval(field, interval));
}

Result<std::int64_t> truncateTimestamp(const FieldName& field, std::int64_t micros) {
  return truncateTimestamp(field, micros, nullptr);
}

Result<std::int64_t> truncateTimestampTz(const FieldName& field, std::int64_t micros, const TimeZone& zone) {
  return truncateTimestamp(field, micros, &zone);
}

Result<Interval> truncateInterval(const FieldName& field, const Interval& interval) {
  if (!field.isUnit()) {
    return notRecognized(field, kIntervalType);
  }
  const auto in_years = [&](int years) { return Interval{0, 0, interval.months / (12 * years) * (12 * years)}; };
  const auto in_time = [&](std::int64_t unit) {
    return Interval{interval.micros - interval.micros % unit, interval.days, interval.months};
  };
  switch (*field.unit()) {
    case Unit::kMillennium:
      return in_years(1'000);
    case Unit::kCentury:
      return in_years(100);
    case Unit::kDecade:
      return in_years(10);
    case Unit::kYear:
      return in_years(1);
    case Unit::kQuarter:
      return Interval{0, 0, interval.months / 3 * 3};
    case Unit::kMonth:
      return Interval{0, 0, interval.months};
    case Unit::kDay:
      return Interval{0, interval.days, interval.months};
    case Unit::kHour:
      return in_time(kMicrosPerHour);
    case Unit::kMinute:
      return in_time(kMicrosPerMinute);
    case Unit::kSecond:
      return in_time(kMicrosPerSecond);
    case Unit::kMillisecond:
      return in_time(1'000);
    case Unit::kMicrosecond:
      return interval;
    default: {
      Error error = fieldNotSupported(field, kIntervalType);
      if (field.unit() == Unit::kWeek) {
        error.detail = "Months usually have fractional weeks.";
      }
      return error;
    }
  }
}

}  // namespace trefoil::sql::datetime
