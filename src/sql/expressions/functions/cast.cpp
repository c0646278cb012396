// Conversions between types: one "cast" function for each pair. Which of them may happen unasked is implicitConversionCost's to
// say; the rest need CAST or ::. Modifiers (VARCHAR(n), VECTOR(n)) are applied by "fit text" and "fit vector" behind the cast.
#include <cmath>

#include "sql/expressions/kernels.hpp"
#include "sql/types/calendar.hpp"
#include "sql/types/utf8.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;
using Bool = std::uint8_t;

Status integerToReal(const KernelCall& call) {
  mapUnary<double, Int>(call, [](Int a) { return static_cast<double>(a); });
  return {};
}

template <IntegerWidth W>
Status integerToInteger(const KernelCall& call) {
  const Argument<Int> a(call.arguments[0]);
  Int* const out = call.result.as<Int>();
  bool failed = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    out[i] = a[i];
    failed |= W == IntegerWidth::k32 && a[i] != static_cast<std::int32_t>(a[i]);
    failed |= W == IntegerWidth::k16 && a[i] != static_cast<std::int16_t>(a[i]);
  });
  if (failed) {
    return integerOutOfRange(call);
  }
  return {};
}

// Rounds to the nearest, halves to even.
template <IntegerWidth W>
Status realToInteger(const KernelCall& call) {
  const Argument<double> a(call.arguments[0]);
  Int* const out = call.result.as<Int>();
  bool failed = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const double rounded = std::nearbyint(a[i]);
    constexpr double kLimit = W == IntegerWidth::k16 ? 32768.0 : W == IntegerWidth::k32 ? 2147483648.0 : 9223372036854775808.0;
    const bool fits = rounded >= -kLimit && rounded < kLimit;
    failed |= !fits;
    out[i] = fits ? static_cast<Int>(rounded) : 0;
  });
  if (failed) {
    return integerOutOfRange(call);
  }
  return {};
}

Status boolToInteger(const KernelCall& call) {
  mapUnary<Int, Bool>(call, [](Bool a) { return a; });
  return {};
}
Status integerToBool(const KernelCall& call) {
  mapUnary<Bool, Int>(call, [](Int a) { return a != 0 ? 1 : 0; });
  return {};
}
Status dateToTimestamp(const KernelCall& call) {
  mapUnary<Int, Int>(call, [](Int a) { return a * kMicrosPerDay; });
  return {};
}
Status timestampToDate(const KernelCall& call) {
  mapUnary<Int, Int>(call, [](Int a) { return dayOfMicros(a); });
  return {};
}
Status copyBytes(const KernelCall& call) {
  mapUnary<StringRef, StringRef>(call, [](const StringRef& a) { return a; });
  return {};
}

Status toTextKernel(const KernelCall& call) {
  std::string text;
  return tryEachPosition(call.rows, [&](std::uint32_t i) -> Status {
    const Datum value = call.arguments[0].datum(i);
    text.clear();
    if (value.type() == Type::kBool) {
      text = value.asBool() ? "true" : "false";
    } else {
      appendText(text, value);
    }
    setNewText(call, i, text);
    return call.context.meter.charge(text.size());
  });
}

Status fromTextKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const SqlType type = call.expression.type.withoutModifier();
  for (std::uint32_t row = 0; row < call.rows.count; ++row) {
    const std::uint32_t i = call.rows.position(row);
    TREFOIL_ASSIGN(Datum value, parseText(type, a[i], call.bytes));
    call.result.set(i, value);
  }
  return {};
}

// CAST(text AS VARCHAR(n)) cuts silently, as SQL asks for explicit casts.
Status fitTextKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const Argument<Int> limit(call.arguments[1]);
  forEachPosition(call.rows, [&](std::uint32_t i) {
    setText(call, i, a[i].substr(0, characterOffset(a[i], static_cast<std::size_t>(limit[i]))));
  });
  return {};
}

Status fitVectorKernel(const KernelCall& call) {
  const Argument<VectorRef> a(call.arguments[0]);
  const Argument<Int> dimension(call.arguments[1]);
  for (std::uint32_t row = 0; row < call.rows.count; ++row) {
    const std::uint32_t i = call.rows.position(row);
    const SqlType type = SqlType::vector(static_cast<std::uint32_t>(dimension[i]));
    TREFOIL_TRY(checkModifier(type, Datum::vector({a[i].data, a[i].dimension})));
    call.result.as<VectorRef>()[i] = a[i];
  }
  return {};
}

}  // namespace

std::vector<Function> castFunctions() {
  const SqlType text = SqlType::text();
  const SqlType real = SqlType::real();
  const SqlType boolean = SqlType::boolean();
  const SqlType small = SqlType::smallint();
  const SqlType integer = SqlType::integer();
  const SqlType big = SqlType::bigint();
  std::vector<Function> list;
  const auto add = [&](SqlType from, SqlType to, Kernel kernel, NullPolicy nulls = NullPolicy::kRetry) {
    list.push_back({.name = "cast", .parameters = {from}, .result = to, .kernel = kernel, .nulls = nulls});
  };
  for (const SqlType& from : {small, integer, big}) {
    add(from, real, integerToReal, NullPolicy::kIgnore);
    add(from, big, integerToInteger<IntegerWidth::k64>, NullPolicy::kIgnore);
    add(from, integer, integerToInteger<IntegerWidth::k32>);
    add(from, small, integerToInteger<IntegerWidth::k16>);
  }
  add(real, big, realToInteger<IntegerWidth::k64>);
  add(real, integer, realToInteger<IntegerWidth::k32>);
  add(real, small, realToInteger<IntegerWidth::k16>);
  add(boolean, integer, boolToInteger, NullPolicy::kIgnore);
  add(integer, boolean, integerToBool, NullPolicy::kIgnore);
  add(SqlType::date(), SqlType::timestamp(), dateToTimestamp, NullPolicy::kIgnore);
  add(SqlType::timestamp(), SqlType::date(), timestampToDate, NullPolicy::kIgnore);
  add(SqlType::json(), text, copyBytes, NullPolicy::kSkip);
  for (const SqlType& type :
       {boolean, small, integer, big, real, SqlType::blob(), SqlType::date(), SqlType::timestamp(), SqlType::vector()}) {
    add(type, text, toTextKernel, NullPolicy::kSkip);
  }
  for (const SqlType& type : {boolean, small, integer, big, real, SqlType::blob(), SqlType::date(), SqlType::timestamp(),
                              SqlType::json(), SqlType::vector()}) {
    add(text, type, fromTextKernel, NullPolicy::kSkip);
  }
  list.push_back({.name = "fit text", .parameters = {text, big}, .result = text, .kernel = fitTextKernel});
  list.push_back(
      {.name = "fit vector", .parameters = {SqlType::vector(), big}, .result = SqlType::vector(), .kernel = fitVectorKernel});
  return list;
}

}  // namespace trefoil::sql
