// + - * / % on integers and floats, and unary minus. A mixed pair gives the wider type. Integers are 64 bits wide in memory; a
// result outside of its type's width is an error, found by one flag collected over the whole chunk.
#include <cmath>

#include "sql/expressions/kernels.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;

template <IntegerWidth W>
inline bool outside(Int value) {
  if constexpr (W == IntegerWidth::k16) {
    return value != static_cast<std::int16_t>(value);
  } else if constexpr (W == IntegerWidth::k32) {
    return value != static_cast<std::int32_t>(value);
  } else {
    return false;
  }
}

struct Add {
  static bool overflows(Int a, Int b, Int& out) { return __builtin_add_overflow(a, b, &out); }
  static double apply(double a, double b) { return a + b; }
  static bool underflows(double, double, double) { return false; }  // is exact near 0
};
struct Subtract {
  static bool overflows(Int a, Int b, Int& out) { return __builtin_sub_overflow(a, b, &out); }
  static double apply(double a, double b) { return a - b; }
  static bool underflows(double, double, double) { return false; }
};
struct Multiply {
  static bool overflows(Int a, Int b, Int& out) { return __builtin_mul_overflow(a, b, &out); }
  static double apply(double a, double b) { return a * b; }
  static bool underflows(double a, double b, double product) { return (product == 0) & (a != 0) & (b != 0); }
};

template <typename Operation, IntegerWidth W>
Status integerKernel(const KernelCall& call) {
  Int* const out = call.result.as<Int>();
  bool failed = false;
  forEachPair<Int, Int>(call.arguments, call.rows, [&](std::uint32_t i, Int a, Int b) {
    Int value;
    failed |= Operation::overflows(a, b, value);
    failed |= outside<W>(value);
    out[i] = value;
  });
  if (failed) {
    return integerOutOfRange(call);
  }
  return {};
}

// An infinite result from finite arguments is an overflow and 0 from what is not 0 an underflow, as in PostgreSQL's float4 and
// float8 operators. A real is a double in memory, rounded to Float: rounding the double result of two floats is the float result.
template <typename Operation, typename Float>
Status floatKernel(const KernelCall& call) {
  double* const out = call.result.as<double>();
  bool overflow = false;
  bool underflow = false;
  forEachPair<double, double>(call.arguments, call.rows, [&](std::uint32_t i, double a, double b) {
    const double value = static_cast<Float>(Operation::apply(a, b));
    overflow |= std::isinf(value) && std::isfinite(a) && std::isfinite(b);
    underflow |= Operation::underflows(a, b, value);
    out[i] = value;
  });
  if (overflow || underflow) {
    return realOutOfRange(overflow);
  }
  return {};
}

template <IntegerWidth W>
Status integerDivide(const KernelCall& call) {
  Int* const out = call.result.as<Int>();
  bool zero = false;
  bool failed = false;
  forEachPair<Int, Int>(call.arguments, call.rows, [&](std::uint32_t i, Int a, Int b) {
    if (b == 0) {
      zero = true;
    } else if (b == -1) {
      failed |= __builtin_sub_overflow(Int{0}, a, &out[i]);
      failed |= outside<W>(out[i]);
    } else {
      out[i] = a / b;
    }
  });
  if (zero) {
    return divisionByZero();
  }
  if (failed) {
    return integerOutOfRange(call);
  }
  return {};
}

Status integerModulo(const KernelCall& call) {
  Int* const out = call.result.as<Int>();
  bool zero = false;
  forEachPair<Int, Int>(call.arguments, call.rows, [&](std::uint32_t i, Int a, Int b) {
    if (b == 0) {
      zero = true;
    } else {
      out[i] = b == -1 ? 0 : a % b;
    }
  });
  if (zero) {
    return divisionByZero();
  }
  return {};
}

template <typename Float>
Status floatDivide(const KernelCall& call) {
  double* const out = call.result.as<double>();
  bool zero = false;
  bool overflow = false;
  bool underflow = false;
  forEachPair<double, double>(call.arguments, call.rows, [&](std::uint32_t i, double a, double b) {
    zero |= b == 0 && !std::isnan(a);
    out[i] = static_cast<Float>(a / b);
    overflow |= std::isinf(out[i]) && std::isfinite(a) && b != 0;
    underflow |= out[i] == 0 && a != 0 && std::isfinite(b);
  });
  if (zero) {
    return divisionByZero();
  }
  if (overflow || underflow) {
    return realOutOfRange(overflow);
  }
  return {};
}

Status realModulo(const KernelCall& call) {
  double* const out = call.result.as<double>();
  bool zero = false;
  forEachPair<double, double>(call.arguments, call.rows, [&](std::uint32_t i, double a, double b) {
    zero |= b == 0;
    out[i] = std::fmod(a, b);
  });
  if (zero) {
    return divisionByZero();
  }
  return {};
}

Status realNegate(const KernelCall& call) {
  mapUnary<double, double>(call, [](double a) { return -a; });
  return {};
}

template <IntegerWidth W>
Status integerNegate(const KernelCall& call) {
  const Argument<Int> a(call.arguments[0]);
  Int* const out = call.result.as<Int>();
  bool failed = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    failed |= __builtin_sub_overflow(Int{0}, a[i], &out[i]);
    failed |= outside<W>(out[i]);
  });
  if (failed) {
    return integerOutOfRange(call);
  }
  return {};
}

template <IntegerWidth W>
void addIntegers(std::vector<Function>& list, const SqlType& left, const SqlType& right, const SqlType& result) {
  const auto add = [&](std::string_view name, Kernel kernel, NullPolicy nulls) {
    list.push_back({.name = name, .parameters = {left, right}, .result = result, .kernel = kernel, .nulls = nulls});
  };
  add("+", integerKernel<Add, W>, NullPolicy::kRetry);
  add("-", integerKernel<Subtract, W>, NullPolicy::kRetry);
  add("*", integerKernel<Multiply, W>, NullPolicy::kRetry);
  add("/", integerDivide<W>, NullPolicy::kSkip);
  if (left == right) {
    add("%", integerModulo, NullPolicy::kSkip);
    add("mod", integerModulo, NullPolicy::kSkip);
    list.push_back(
        {.name = "-", .parameters = {left}, .result = result, .kernel = integerNegate<W>, .nulls = NullPolicy::kRetry});
  }
}

template <typename Float>
void addFloats(std::vector<Function>& list, const SqlType& left, const SqlType& right, const SqlType& result) {
  const auto add = [&](std::string_view name, Kernel kernel) {
    list.push_back({.name = name, .parameters = {left, right}, .result = result, .kernel = kernel, .nulls = NullPolicy::kRetry});
  };
  add("+", floatKernel<Add, Float>);
  add("-", floatKernel<Subtract, Float>);
  add("*", floatKernel<Multiply, Float>);
  add("/", floatDivide<Float>);
}

}  // namespace

std::vector<Function> arithmeticFunctions() {
  std::vector<Function> list;
  const SqlType small = SqlType::smallint();
  const SqlType integer = SqlType::integer();
  const SqlType big = SqlType::bigint();
  addIntegers<IntegerWidth::k16>(list, small, small, small);
  addIntegers<IntegerWidth::k32>(list, integer, integer, integer);
  addIntegers<IntegerWidth::k64>(list, big, big, big);
  for (const auto& [left, right] : {std::pair(small, integer), std::pair(integer, small)}) {
    addIntegers<IntegerWidth::k32>(list, left, right, integer);
  }
  for (const SqlType& narrow : {small, integer}) {
    addIntegers<IntegerWidth::k64>(list, narrow, big, big);
    addIntegers<IntegerWidth::k64>(list, big, narrow, big);
  }
  const SqlType real = SqlType::real();
  const SqlType wide = SqlType::doublePrecision();
  addFloats<float>(list, real, real, real);
  addFloats<double>(list, wide, wide, wide);
  addFloats<double>(list, real, wide, wide);
  addFloats<double>(list, wide, real, wide);
  // PostgreSQL has % for numeric, which is what a literal like 1.5 is there.
  for (const std::string_view name : {"%", "mod"}) {
    list.push_back({.name = name, .parameters = {wide, wide}, .result = wide, .kernel = realModulo, .nulls = NullPolicy::kRetry});
  }
  for (const SqlType& type : {real, wide}) {
    list.push_back({.name = "-", .parameters = {type}, .result = type, .kernel = realNegate, .nulls = NullPolicy::kIgnore});
  }
  return list;
}

}  // namespace trefoil::sql
