// Mathematical functions. Domain errors are PostgreSQL's.
#include <chrono>
#include <cmath>
#include <limits>

#include "sql/expressions/kernels.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;

Error invalidArgument(std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message));
}

template <IntegerWidth W>
Status absInteger(const KernelCall& call) {
  const Argument<Int> a(call.arguments[0]);
  Int* const out = call.result.as<Int>();
  bool failed = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    Int value = a[i];
    if (value < 0) {
      failed |= __builtin_sub_overflow(Int{0}, value, &value);
      failed |= W == IntegerWidth::k32 && value != static_cast<std::int32_t>(value);
      failed |= W == IntegerWidth::k16 && value != static_cast<std::int16_t>(value);
    }
    out[i] = value;
  });
  if (failed) {
    return integerOutOfRange(call);
  }
  return {};
}

Status signInteger(const KernelCall& call) {
  mapUnary<double, Int>(call, [](Int a) { return a > 0 ? 1.0 : a < 0 ? -1.0 : 0.0; });
  return {};
}

// A function of one double that cannot fail.
template <double (*F)(double)>
Status total(const KernelCall& call) {
  mapUnary<double, double>(call, [](double a) { return F(a); });
  return {};
}

double absReal(double a) {
  return std::fabs(a);
}
double ceilReal(double a) {
  return std::ceil(a);
}
double floorReal(double a) {
  return std::floor(a);
}
double roundReal(double a) {
  return std::nearbyint(a);
}  // to even at .5, as float8 rounds
double truncateReal(double a) {
  return std::trunc(a);
}
double signReal(double a) {
  return a > 0 ? 1 : a < 0 ? -1 : 0;
}
double atanReal(double a) {
  return std::atan(a);
}
double cbrtReal(double a) {
  return std::cbrt(a);
}

// Angles without end have no sine.
template <double (*F)(double)>
Status ofFinite(const KernelCall& call) {
  bool infinite = false;
  mapUnary<double, double>(call, [&](double a) {
    infinite |= std::isinf(a);
    return F(a);
  });
  if (infinite) {
    return Error(ErrorCode::kOutOfRange, "input is out of range");
  }
  return {};
}
double sinReal(double a) {
  return std::sin(a);
}
double cosReal(double a) {
  return std::cos(a);
}
double tanReal(double a) {
  return std::tan(a);
}

// An infinite result of a finite argument is an overflow; 0 of what does not give 0 an underflow.
template <double (*F)(double), bool (*GivesZero)(double)>
Status inRange(const KernelCall& call) {
  bool overflow = false;
  bool underflow = false;
  mapUnary<double, double>(call, [&](double a) {
    const double result = F(a);
    overflow |= std::isinf(result) && std::isfinite(a);
    underflow |= result == 0 && !GivesZero(a);
    return result;
  });
  if (overflow || underflow) {
    return realOutOfRange(overflow);
  }
  return {};
}
bool isZero(double a) {
  return a == 0;
}
bool isMinusInfinity(double a) {
  return a == -std::numeric_limits<double>::infinity();
}
double expReal(double a) {
  return std::exp(a);
}
double radiansReal(double a) {
  return a * 0.017453292519943295;
}
double degreesReal(double a) {
  return a / 0.017453292519943295;
}

Status sqrtKernel(const KernelCall& call) {
  const Argument<double> a(call.arguments[0]);
  bool negative = false;
  double* const out = call.result.as<double>();
  forEachPosition(call.rows, [&](std::uint32_t i) {
    negative |= a[i] < 0;
    out[i] = std::sqrt(a[i]);
  });
  if (negative) {
    return invalidArgument("cannot take square root of a negative number");
  }
  return {};
}

template <double (*F)(double)>
Status logKernel(const KernelCall& call) {
  const Argument<double> a(call.arguments[0]);
  bool zero = false;
  bool negative = false;
  double* const out = call.result.as<double>();
  forEachPosition(call.rows, [&](std::uint32_t i) {
    zero |= a[i] == 0;
    negative |= a[i] < 0;
    out[i] = F(a[i]);
  });
  if (zero) {
    return invalidArgument("cannot take logarithm of zero");
  }
  if (negative) {
    return invalidArgument("cannot take logarithm of a negative number");
  }
  return {};
}

double naturalLog(double a) {
  return std::log(a);
}
double decimalLog(double a) {
  return std::log10(a);
}

Status powerKernel(const KernelCall& call) {
  double* const out = call.result.as<double>();
  bool zero_to_negative = false;
  bool complex = false;
  bool overflow = false;
  bool underflow = false;
  forEachPair<double, double>(call.arguments, call.rows, [&](std::uint32_t i, double a, double b) {
    const bool finite = std::isfinite(a) && std::isfinite(b);
    zero_to_negative |= a == 0 && b < 0;
    complex |= a < 0 && b != std::floor(b);
    out[i] = std::pow(a, b);
    overflow |= std::isinf(out[i]) && finite && a != 0;
    underflow |= out[i] == 0 && finite && a != 0;
  });
  if (zero_to_negative) {
    return invalidArgument("zero raised to a negative power is undefined");
  }
  if (complex) {
    return invalidArgument("a negative number raised to a non-integer power yields a complex result");
  }
  if (overflow || underflow) {
    return realOutOfRange(overflow);
  }
  return {};
}

// round(x, digits): half away from zero in decimal, as numeric rounds.
template <bool Truncate>
Status roundDigits(const KernelCall& call) {
  const Argument<double> a(call.arguments[0]);
  const Argument<Int> digits(call.arguments[1]);
  double* const out = call.result.as<double>();
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const auto places = static_cast<int>(std::clamp<Int>(digits[i], -308, 308));
    const double scale = std::pow(10.0, std::abs(places));
    const double scaled = places >= 0 ? a[i] * scale : a[i] / scale;
    if (!std::isfinite(scaled) || std::fabs(scaled) > 9007199254740992.0) {
      out[i] = a[i];
      return;
    }
    // 2.675 * 100 is 267.49999999999997: nudge by one unit in the last place before rounding.
    const double whole =
        Truncate ? std::trunc(std::nextafter(scaled, scaled * 2)) : std::round(std::nextafter(scaled, scaled * 2));
    out[i] = places >= 0 ? whole / scale : whole * scale;
  });
  return {};
}

// xorshift64*: enough for random().
Status randomKernel(const KernelCall& call) {
  double* const out = call.result.as<double>();
  std::uint64_t state = call.context.random_state;
  if (state == 0) {  // the first of this statement
    thread_local std::uint64_t counter = 0;
    const auto now = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    state = (now + ++counter) * 0x9E3779B97F4A7C15ULL | 1;
  }
  forEachPosition(call.rows, [&](std::uint32_t i) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    out[i] = static_cast<double>((state * 2685821657736338717ULL) >> 11) * 0x1.0p-53;
  });
  call.context.random_state = state;
  return {};
}

Status piKernel(const KernelCall& call) {
  double* const out = call.result.as<double>();
  forEachPosition(call.rows, [&](std::uint32_t i) { out[i] = 3.141592653589793; });
  return {};
}

template <IntegerWidth W>
void addInteger(std::vector<Function>& list, SqlType type) {
  list.push_back({.name = "abs", .parameters = {type}, .result = type, .kernel = absInteger<W>, .nulls = NullPolicy::kRetry});
}

}  // namespace

std::vector<Function> mathFunctions() {
  std::vector<Function> list;
  const SqlType real = SqlType::doublePrecision();
  addInteger<IntegerWidth::k32>(list, SqlType::integer());
  addInteger<IntegerWidth::k64>(list, SqlType::bigint());
  addInteger<IntegerWidth::k16>(list, SqlType::smallint());
  const auto add = [&](std::string_view name, Kernel kernel, NullPolicy nulls = NullPolicy::kIgnore) {
    list.push_back({.name = name, .parameters = {real}, .result = real, .kernel = kernel, .nulls = nulls});
  };
  for (const SqlType& type : {real, SqlType::real()}) {
    list.push_back({.name = "abs", .parameters = {type}, .result = type, .kernel = total<absReal>, .nulls = NullPolicy::kIgnore});
  }
  add("ceil", total<ceilReal>);
  add("ceiling", total<ceilReal>);
  add("floor", total<floorReal>);
  add("round", total<roundReal>);
  add("trunc", total<truncateReal>);
  add("sign", total<signReal>);
  add("sin", ofFinite<sinReal>, NullPolicy::kRetry);
  add("cos", ofFinite<cosReal>, NullPolicy::kRetry);
  add("tan", ofFinite<tanReal>, NullPolicy::kRetry);
  add("atan", total<atanReal>);
  add("cbrt", total<cbrtReal>);
  add("radians", inRange<radiansReal, isZero>, NullPolicy::kRetry);
  add("degrees", inRange<degreesReal, isZero>, NullPolicy::kRetry);
  add("sqrt", sqrtKernel, NullPolicy::kRetry);
  add("exp", inRange<expReal, isMinusInfinity>, NullPolicy::kRetry);
  add("ln", logKernel<naturalLog>, NullPolicy::kRetry);
  add("log", logKernel<decimalLog>, NullPolicy::kRetry);
  add("log10", logKernel<decimalLog>, NullPolicy::kRetry);
  list.push_back(
      {.name = "sign", .parameters = {SqlType::bigint()}, .result = real, .kernel = signInteger, .nulls = NullPolicy::kIgnore});
  for (const std::string_view name : {"power", "pow", "^"}) {
    list.push_back(
        {.name = name, .parameters = {real, real}, .result = real, .kernel = powerKernel, .nulls = NullPolicy::kRetry});
  }
  list.push_back({.name = "round", .parameters = {real, SqlType::integer()}, .result = real, .kernel = roundDigits<false>});
  list.push_back({.name = "trunc", .parameters = {real, SqlType::integer()}, .result = real, .kernel = roundDigits<true>});
  list.push_back({.name = "random", .parameters = {}, .result = real, .kernel = randomKernel, .is_volatile = true});
  list.push_back({.name = "pi", .parameters = {}, .result = real, .kernel = piKernel});
  return list;
}

}  // namespace trefoil::sql
