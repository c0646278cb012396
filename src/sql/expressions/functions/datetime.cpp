// Dates and timestamps (the session's zone is UTC): now(), extract, date_trunc, arithmetic with days and intervals.
//
// There is no interval type. `timestamp + INTERVAL '1 month 2 days'` is bound to "add interval"(timestamp, months, microseconds).
#include <cmath>

#include "sql/expressions/kernels.hpp"
#include "sql/types/calendar.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;

Error dateOutOfRange() {
  return Error(ErrorCode::kOutOfRange, "date out of range");
}
Error timestampOutOfRange() {
  return Error(ErrorCode::kOutOfRange, "timestamp out of range");
}
bool validDay(Int day) {
  return day >= kFirstDay && day <= kLastDay;
}

Int nowOf(const EvalContext& context) {
  return context.now_us;
}

Status nowKernel(const KernelCall& call) {
  Int* const out = call.result.as<Int>();
  forEachPosition(call.rows, [&](std::uint32_t i) { out[i] = nowOf(call.context); });
  return {};
}

Status currentDateKernel(const KernelCall& call) {
  Int* const out = call.result.as<Int>();
  forEachPosition(call.rows, [&](std::uint32_t i) { out[i] = dayOfMicros(nowOf(call.context)); });
  return {};
}

enum class Field {
  kMicroseconds,
  kMilliseconds,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kDayOfWeek,
  kIsoDayOfWeek,
  kDayOfYear,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
  kIsoYear,
  kDecade,
  kCentury,
  kMillennium,
  kEpoch,
};

struct NamedField {
  std::string_view name;
  Field field;
};
constexpr NamedField kFields[] = {
    {"microseconds", Field::kMicroseconds},
    {"microsecond", Field::kMicroseconds},
    {"milliseconds", Field::kMilliseconds},
    {"millisecond", Field::kMilliseconds},
    {"second", Field::kSecond},
    {"seconds", Field::kSecond},
    {"minute", Field::kMinute},
    {"minutes", Field::kMinute},
    {"hour", Field::kHour},
    {"hours", Field::kHour},
    {"day", Field::kDay},
    {"days", Field::kDay},
    {"dow", Field::kDayOfWeek},
    {"isodow", Field::kIsoDayOfWeek},
    {"doy", Field::kDayOfYear},
    {"week", Field::kWeek},
    {"month", Field::kMonth},
    {"months", Field::kMonth},
    {"quarter", Field::kQuarter},
    {"year", Field::kYear},
    {"years", Field::kYear},
    {"isoyear", Field::kIsoYear},
    {"decade", Field::kDecade},
    {"century", Field::kCentury},
    {"millennium", Field::kMillennium},
    {"epoch", Field::kEpoch},
};

Result<Field> parseField(std::string_view name, std::string_view type) {
  std::string lowered(name);
  for (char& c : lowered) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  for (const NamedField& candidate : kFields) {
    if (candidate.name == lowered) {
      return candidate.field;
    }
  }
  return Error(ErrorCode::kInvalid, "unit \"" + std::string(name) + "\" not recognized for type " + std::string(type));
}

// 0 Sunday … 6 Saturday; 1970-01-01 was a Thursday.
Int dayOfWeek(Int day) {
  return ((day % 7) + 11) % 7;
}

// ISO 8601: week 1 holds the year's first Thursday.
struct IsoWeek {
  Int year;
  Int week;
};
IsoWeek isoWeek(Int day) {
  const Int monday_based = (dayOfWeek(day) + 6) % 7;
  const Int thursday = day - monday_based + 3;
  const Int year = civilFromDays(thursday).year;
  return {year, (thursday - daysFromCivil({year, 1, 1})) / 7 + 1};
}

double extractField(Field field, Int micros) {
  const Int day = dayOfMicros(micros);
  const Int time = timeOfMicros(micros);
  const CivilDate date = civilFromDays(day);
  const auto real = [](Int value) { return static_cast<double>(value); };
  switch (field) {
    case Field::kMicroseconds:
      return real(time % (60 * kMicrosPerSecond));
    case Field::kMilliseconds:
      return real(time % (60 * kMicrosPerSecond)) / 1000;
    case Field::kSecond:
      return real(time % (60 * kMicrosPerSecond)) / 1e6;
    case Field::kMinute:
      return real(time / (60 * kMicrosPerSecond) % 60);
    case Field::kHour:
      return real(time / (3600 * kMicrosPerSecond));
    case Field::kDay:
      return date.day;
    case Field::kDayOfWeek:
      return real(dayOfWeek(day));
    case Field::kIsoDayOfWeek:
      return real(dayOfWeek(day) == 0 ? 7 : dayOfWeek(day));
    case Field::kDayOfYear:
      return real(day - daysFromCivil({date.year, 1, 1}) + 1);
    case Field::kWeek:
      return real(isoWeek(day).week);
    case Field::kMonth:
      return date.month;
    case Field::kQuarter:
      return real((date.month + 2) / 3);
    case Field::kYear:
      return real(date.year);
    case Field::kIsoYear:
      return real(isoWeek(day).year);
    case Field::kDecade:
      return real(date.year / 10);
    case Field::kCentury:
      return real((date.year + 99) / 100);
    case Field::kMillennium:
      return real((date.year + 999) / 1000);
    case Field::kEpoch:
      return real(micros) / 1e6;
  }
  return 0;
}

Int truncateTo(Field field, Int micros) {
  const Int day = dayOfMicros(micros);
  const CivilDate date = civilFromDays(day);
  const auto whole = [&](Int unit) { return day * kMicrosPerDay + timeOfMicros(micros) / unit * unit; };
  const auto start = [](Int year, int month) { return daysFromCivil({year, month, 1}) * kMicrosPerDay; };
  switch (field) {
    case Field::kMicroseconds:
      return micros;
    case Field::kMilliseconds:
      return whole(1000);
    case Field::kSecond:
      return whole(kMicrosPerSecond);
    case Field::kMinute:
      return whole(60 * kMicrosPerSecond);
    case Field::kHour:
      return whole(3600 * kMicrosPerSecond);
    case Field::kWeek:
      return (day - (dayOfWeek(day) + 6) % 7) * kMicrosPerDay;
    case Field::kMonth:
      return start(date.year, date.month);
    case Field::kQuarter:
      return start(date.year, (date.month - 1) / 3 * 3 + 1);
    case Field::kYear:
      return start(date.year, 1);
    case Field::kDecade:
      return start(std::max<Int>(date.year / 10 * 10, 1), 1);
    case Field::kCentury:
      return start((date.year - 1) / 100 * 100 + 1, 1);
    case Field::kMillennium:
      return start((date.year - 1) / 1000 * 1000 + 1, 1);
    default:
      return day * kMicrosPerDay;
  }
}

bool isTruncatable(Field field) {
  switch (field) {
    case Field::kDayOfWeek:
    case Field::kIsoDayOfWeek:
    case Field::kDayOfYear:
    case Field::kIsoYear:
    case Field::kEpoch:
      return false;
    default:
      return true;
  }
}

// extract(field FROM timestamp) and date_part(field, timestamp).
template <bool Date>
Status extractKernel(const KernelCall& call) {
  const TextArgument field_name(call.arguments[0]);
  const Argument<Int> a(call.arguments[1]);
  double* const out = call.result.as<double>();
  for (std::uint32_t row = 0; row < call.rows.count; ++row) {
    const std::uint32_t i = call.rows.position(row);
    TREFOIL_ASSIGN(const Field field, parseField(field_name[i], Date ? "date" : "timestamp without time zone"));
    out[i] = extractField(field, Date ? a[i] * kMicrosPerDay : a[i]);
  }
  return {};
}

Status truncateKernel(const KernelCall& call) {
  const TextArgument field_name(call.arguments[0]);
  const Argument<Int> a(call.arguments[1]);
  Int* const out = call.result.as<Int>();
  for (std::uint32_t row = 0; row < call.rows.count; ++row) {
    const std::uint32_t i = call.rows.position(row);
    TREFOIL_ASSIGN(const Field field, parseField(field_name[i], "timestamp without time zone"));
    if (!isTruncatable(field)) {
      return Error(ErrorCode::kUnsupported,
                   "unit \"" + std::string(field_name[i]) + "\" not supported for type timestamp without time zone");
    }
    out[i] = truncateTo(field, a[i]);
  }
  return {};
}

// date ± integer, in days.
template <int Sign, std::size_t Date, std::size_t Days>
Status shiftDateKernel(const KernelCall& call) {
  const Argument<Int> date(call.arguments[Date]);
  const Argument<Int> days(call.arguments[Days]);
  Int* const out = call.result.as<Int>();
  bool failed = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    out[i] = date[i] + Sign * days[i];
    failed |= !validDay(out[i]);
  });
  if (failed) {
    return dateOutOfRange();
  }
  return {};
}

Status subtractDatesKernel(const KernelCall& call) {
  mapBinary<Int, Int, Int>(call, [](Int a, Int b) { return a - b; });
  return {};
}

// Months first, keeping the day within the month, then the rest.
Status addIntervalKernel(const KernelCall& call) {
  const Argument<Int> timestamp(call.arguments[0]);
  const Argument<Int> months(call.arguments[1]);
  const Argument<Int> micros(call.arguments[2]);
  Int* const out = call.result.as<Int>();
  for (std::uint32_t row = 0; row < call.rows.count; ++row) {
    const std::uint32_t i = call.rows.position(row);
    CivilDate date = civilFromDays(dayOfMicros(timestamp[i]));
    const Int month = date.year * 12 + date.month - 1 + std::clamp<Int>(months[i], -12'000'000, 12'000'000);
    if (month < kFirstYear * 12 || month >= (kLastYear + 1) * 12) {
      return timestampOutOfRange();
    }
    date.year = month / 12;
    date.month = static_cast<int>(month % 12) + 1;
    date.day = std::min(date.day, daysInMonth(date.year, date.month));
    if (__builtin_add_overflow(daysFromCivil(date) * kMicrosPerDay + timeOfMicros(timestamp[i]), micros[i], &out[i]) ||
        !isTimestamp(out[i])) {
      return timestampOutOfRange();
    }
  }
  return {};
}

Status makeDateKernel(const KernelCall& call) {
  const Argument<Int> year(call.arguments[0]);
  const Argument<Int> month(call.arguments[1]);
  const Argument<Int> day(call.arguments[2]);
  Int* const out = call.result.as<Int>();
  for (std::uint32_t row = 0; row < call.rows.count; ++row) {
    const std::uint32_t i = call.rows.position(row);
    if (year[i] < kFirstYear || year[i] > kLastYear || month[i] < 1 || month[i] > 12 || day[i] < 1 ||
        day[i] > daysInMonth(year[i], static_cast<int>(month[i]))) {
      const auto two = [](Int field) { return (field >= 0 && field < 10 ? "-0" : "-") + std::to_string(field); };
      return Error(ErrorCode::kOutOfRange,
                   "date field value out of range: " + std::to_string(year[i]) + two(month[i]) + two(day[i]));
    }
    out[i] = daysFromCivil({year[i], static_cast<int>(month[i]), static_cast<int>(day[i])});
  }
  return {};
}

Status toTimestampKernel(const KernelCall& call) {
  const Argument<double> seconds(call.arguments[0]);
  Int* const out = call.result.as<Int>();
  for (std::uint32_t row = 0; row < call.rows.count; ++row) {
    const std::uint32_t i = call.rows.position(row);
    const double micros = std::nearbyint(seconds[i] * 1e6);
    if (!(std::fabs(micros) < 9.2e18) || !isTimestamp(static_cast<Int>(micros))) {
      return timestampOutOfRange();
    }
    out[i] = static_cast<Int>(micros);
  }
  return {};
}

}  // namespace

std::vector<Function> dateTimeFunctions() {
  const SqlType text = SqlType::text();
  const SqlType integer = SqlType::integer();
  const SqlType real = SqlType::doublePrecision();
  const SqlType date = SqlType::date();
  const SqlType timestamp = SqlType::timestamp();
  std::vector<Function> list;
  const auto add = [&](std::string_view name, std::vector<SqlType> parameters, SqlType result, Kernel kernel,
                       NullPolicy nulls = NullPolicy::kSkip) {
    list.push_back({.name = name, .parameters = std::move(parameters), .result = result, .kernel = kernel, .nulls = nulls});
  };
  const SqlType instant = SqlType::timestamptz();
  for (const std::string_view name :
       {"now", "current_timestamp", "transaction_timestamp", "statement_timestamp", "clock_timestamp"}) {
    add(name, {}, instant, nowKernel);
  }
  add("localtimestamp", {}, timestamp, nowKernel);
  add("current_date", {}, date, currentDateKernel);
  for (const std::string_view name : {"extract", "date_part"}) {
    add(name, {text, timestamp}, real, extractKernel<false>);
    add(name, {text, instant}, real, extractKernel<false>);
    add(name, {text, date}, real, extractKernel<true>);
  }
  for (const SqlType& type : {timestamp, instant}) {
    add("date_trunc", {text, type}, type, truncateKernel);
    add("add interval", {type, SqlType::bigint(), SqlType::bigint()}, type, addIntervalKernel);
  }
  add("+", {date, integer}, date, shiftDateKernel<1, 0, 1>, NullPolicy::kRetry);
  add("+", {integer, date}, date, shiftDateKernel<1, 1, 0>, NullPolicy::kRetry);
  add("-", {date, integer}, date, shiftDateKernel<-1, 0, 1>, NullPolicy::kRetry);
  add("-", {date, date}, integer, subtractDatesKernel, NullPolicy::kIgnore);
  add("make_date", {integer, integer, integer}, date, makeDateKernel);
  add("to_timestamp", {real}, instant, toTimestampKernel);
  return list;
}

}  // namespace trefoil::sql
