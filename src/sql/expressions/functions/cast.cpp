// Conversions between types that are some work: one "cast" function for each pair. Who may ask for them is casts.def's to say.
// Modifiers (VARCHAR(n), VECTOR(n)) are applied by "fit text" and "fit vector" behind the cast.
#include <cmath>

#include "sql/expressions/kernels.hpp"
#include "sql/types/calendar.hpp"
#include "sql/types/utf8.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;
using Bool = std::uint8_t;

template <typename Float>
Status integerToFloat(const KernelCall& call) {
  mapUnary<double, Int>(call, [](Int a) { return static_cast<Float>(a); });
  return {};
}

Status doubleToReal(const KernelCall& call) {
  const Argument<double> a(call.arguments[0]);
  double* const out = call.result.as<double>();
  bool overflow = false;
  bool underflow = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    out[i] = static_cast<float>(a[i]);
    overflow |= std::isinf(out[i]) && std::isfinite(a[i]);
    underflow |= out[i] == 0 && a[i] != 0;
  });
  if (overflow || underflow) {
    return realOutOfRange(overflow);
  }
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
Status floatToInteger(const KernelCall& call) {
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
Status toTextKernel(const KernelCall& call) {
  const SqlType type = call.expression.children[0]->type;
  std::string text;
  return tryEachPosition(call.rows, [&](std::uint32_t i) -> Status {
    const Datum value = call.arguments[0].datum(i);
    text.clear();
    if (type.is(TypeId::kBoolean)) {
      text = value.asBool() ? "true" : "false";
    } else {
      appendText(text, type, value);
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
  const SqlType wide = SqlType::doublePrecision();
  const SqlType boolean = SqlType::boolean();
  const SqlType small = SqlType::smallint();
  const SqlType integer = SqlType::integer();
  const SqlType big = SqlType::bigint();
  std::vector<Function> list;
  const auto add = [&](SqlType from, SqlType to, Kernel kernel, NullPolicy nulls = NullPolicy::kRetry) {
    list.push_back({.name = "cast", .parameters = {from}, .result = to, .kernel = kernel, .nulls = nulls});
  };
  for (const SqlType& from : {small, integer, big}) {
    add(from, real, integerToFloat<float>, NullPolicy::kIgnore);
    add(from, wide, integerToFloat<double>, NullPolicy::kIgnore);
    add(from, integer, integerToInteger<IntegerWidth::k32>);
    add(from, small, integerToInteger<IntegerWidth::k16>);
  }
  for (const SqlType& from : {real, wide}) {
    add(from, big, floatToInteger<IntegerWidth::k64>);
    add(from, integer, floatToInteger<IntegerWidth::k32>);
    add(from, small, floatToInteger<IntegerWidth::k16>);
  }
  add(wide, real, doubleToReal);
  add(boolean, integer, boolToInteger, NullPolicy::kIgnore);
  add(integer, boolean, integerToBool, NullPolicy::kIgnore);
  for (const SqlType& timestamp : {SqlType::timestamp(), SqlType::timestamptz()}) {
    add(SqlType::date(), timestamp, dateToTimestamp, NullPolicy::kIgnore);
    add(timestamp, SqlType::date(), timestampToDate, NullPolicy::kIgnore);
  }
  for (std::size_t id = 1; id < std::size(kTypeInfos); ++id) {
    const SqlType type{static_cast<TypeId>(id)};
    if (!isBinaryCoercible(type, text)) {
      add(type, text, toTextKernel, NullPolicy::kSkip);
    }
    if (!type.isString()) {
      add(text, type, fromTextKernel, NullPolicy::kSkip);
    }
  }
  list.push_back({.name = "fit text", .parameters = {text, big}, .result = text, .kernel = fitTextKernel});
  list.push_back(
      {.name = "fit vector", .parameters = {SqlType::vector(), big}, .result = SqlType::vector(), .kernel = fitVectorKernel});
  return list;
}

}  // namespace trefoil::sql
