// = <> < <= > >=, IS [NOT] DISTINCT FROM, IS tests, NOT, NULLIF, GREATEST and LEAST.
//
// Doubles compare as PostgreSQL's: NaN equals NaN and is greater than everything else. Text, bytea and json compare bytewise.
#include <cmath>

#include "sql/expressions/kernels.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;
using Bool = std::uint8_t;

// -1, 0, 1 for types without a built-in order that fits.
inline int order(double a, double b) {
  if (a < b) {
    return -1;
  }
  if (a > b) {
    return 1;
  }
  return a == b ? 0 : static_cast<int>(std::isnan(a)) - static_cast<int>(std::isnan(b));
}
inline int order(const StringRef& a, const StringRef& b) {
  return a.compare(b);
}
inline int order(const VectorRef& a, const VectorRef& b) {
  const std::uint32_t common = std::min(a.dimension, b.dimension);
  for (std::uint32_t i = 0; i < common; ++i) {
    if (a.data[i] != b.data[i]) {
      return a.data[i] < b.data[i] ? -1 : 1;
    }
  }
  return a.dimension == b.dimension ? 0 : a.dimension < b.dimension ? -1 : 1;
}
inline int order(Int a, Int b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
inline int order(Bool a, Bool b) {
  return static_cast<int>(a) - static_cast<int>(b);
}

struct Equal {
  static bool apply(Int a, Int b) { return a == b; }
  static bool apply(Bool a, Bool b) { return a == b; }
  static bool apply(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
  static bool apply(const StringRef& a, const StringRef& b) { return a == b; }
  static bool apply(const VectorRef& a, const VectorRef& b) { return order(a, b) == 0; }
};
struct NotEqual {
  template <typename T>
  static bool apply(const T& a, const T& b) {
    return !Equal::apply(a, b);
  }
};
struct Less {
  static bool apply(Int a, Int b) { return a < b; }
  static bool apply(double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); }
  template <typename T>
  static bool apply(const T& a, const T& b) {
    return order(a, b) < 0;
  }
};
struct LessEqual {
  static bool apply(Int a, Int b) { return a <= b; }
  static bool apply(double a, double b) { return a <= b || std::isnan(b); }
  template <typename T>
  static bool apply(const T& a, const T& b) {
    return order(a, b) <= 0;
  }
};
struct Greater {
  template <typename T>
  static bool apply(const T& a, const T& b) {
    return Less::apply(b, a);
  }
};
struct GreaterEqual {
  template <typename T>
  static bool apply(const T& a, const T& b) {
    return LessEqual::apply(b, a);
  }
};

template <typename Operation, typename T>
Status compareKernel(const KernelCall& call) {
  mapBinary<Bool, T, T>(call, [](const T& a, const T& b) { return Operation::apply(a, b); });
  return {};
}

template <typename Operation, typename T>
std::uint32_t compareSelect(std::span<const Column> arguments, const Rows& rows, std::uint16_t* out) {
  std::uint32_t count = 0;
  forEachPair<T, T>(arguments, rows, [&](std::uint32_t i, const T& a, const T& b) {
    out[count] = static_cast<std::uint16_t>(i);
    count += Operation::apply(a, b) ? 1 : 0;
  });
  return count;
}

template <typename T, bool Negated>
Status distinctKernel(const KernelCall& call) {
  const Column& left = call.arguments[0];
  const Column& right = call.arguments[1];
  const Argument<T> a(left);
  const Argument<T> b(right);
  Bool* const out = call.result.as<Bool>();
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const bool null_a = left.isNull(i);
    const bool null_b = right.isNull(i);
    const bool distinct = null_a || null_b ? null_a != null_b : !Equal::apply(a[i], b[i]);
    out[i] = distinct != Negated ? 1 : 0;
  });
  return {};
}

template <typename T>
Status nullIfKernel(const KernelCall& call) {
  const Column& left = call.arguments[0];
  const Column& right = call.arguments[1];
  const Argument<T> a(left);
  const Argument<T> b(right);
  T* const out = call.result.as<T>();
  forEachPosition(call.rows, [&](std::uint32_t i) {
    if (left.isNull(i) || (!right.isNull(i) && Equal::apply(a[i], b[i]))) {
      call.result.setNull(i);
    } else {
      out[i] = a[i];
    }
  });
  return {};
}

// GREATEST and LEAST ignore NULLs; all NULL gives NULL.
template <typename T, bool Greatest>
Status extremeKernel(const KernelCall& call) {
  T* const out = call.result.as<T>();
  forEachPosition(call.rows, [&](std::uint32_t i) {
    bool found = false;
    for (const Column& column : call.arguments) {
      if (column.isNull(i)) {
        continue;
      }
      const T& value = column.as<T>()[column.constant ? 0 : i];
      if (!found || (Greatest ? order(value, out[i]) > 0 : order(value, out[i]) < 0)) {
        out[i] = value;
        found = true;
      }
    }
    if (!found) {
      call.result.setNull(i);
    }
  });
  return {};
}

Status notKernel(const KernelCall& call) {
  mapUnary<Bool, Bool>(call, [](Bool a) { return a == 0 ? 1 : 0; });
  return {};
}

template <bool Wanted>
Status isNullKernel(const KernelCall& call) {
  Bool* const out = call.result.as<Bool>();
  const Column& column = call.arguments[0];
  if (column.nulls == nullptr && column.type != Type::kNull) {
    forEachPosition(call.rows, [&](std::uint32_t i) { out[i] = Wanted ? 0 : 1; });
  } else {
    forEachPosition(call.rows, [&](std::uint32_t i) { out[i] = column.isNull(i) == Wanted ? 1 : 0; });
  }
  return {};
}

// IS [NOT] TRUE (Value = true) and IS [NOT] FALSE.
template <bool Value, bool Negated>
Status isBooleanKernel(const KernelCall& call) {
  Bool* const out = call.result.as<Bool>();
  const Column& column = call.arguments[0];
  const Argument<Bool> a(column);
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const bool is = !column.isNull(i) && (a[i] != 0) == Value;
    out[i] = is != Negated ? 1 : 0;
  });
  return {};
}

template <typename T>
void addComparisons(std::vector<Function>& list, const SqlType& left, const SqlType& right) {
  const SqlType boolean = SqlType::boolean();
  constexpr bool kPlain = std::is_arithmetic_v<T>;
  constexpr NullPolicy kNulls = kPlain ? NullPolicy::kIgnore : NullPolicy::kSkip;
  const auto add = [&](std::string_view name, Kernel kernel, SelectKernel select) {
    list.push_back({.name = name,
                    .parameters = {left, right},
                    .result = boolean,
                    .kernel = kernel,
                    .nulls = kNulls,
                    .select = kPlain ? select : nullptr});
  };
  add("=", compareKernel<Equal, T>, compareSelect<Equal, T>);
  add("<>", compareKernel<NotEqual, T>, compareSelect<NotEqual, T>);
  add("<", compareKernel<Less, T>, compareSelect<Less, T>);
  add("<=", compareKernel<LessEqual, T>, compareSelect<LessEqual, T>);
  add(">", compareKernel<Greater, T>, compareSelect<Greater, T>);
  add(">=", compareKernel<GreaterEqual, T>, compareSelect<GreaterEqual, T>);
  for (const auto& [name, kernel] : {std::pair<std::string_view, Kernel>("IS DISTINCT FROM", distinctKernel<T, false>),
                                     std::pair<std::string_view, Kernel>("IS NOT DISTINCT FROM", distinctKernel<T, true>)}) {
    list.push_back(
        {.name = name, .parameters = {left, right}, .result = boolean, .kernel = kernel, .nulls = NullPolicy::kHandles});
  }
}

// What compares values of one type and answers one of them.
template <typename T>
void addChoices(std::vector<Function>& list, const SqlType& type) {
  const auto add = [&](std::string_view name, Kernel kernel, bool variadic) {
    list.push_back({.name = name,
                    .parameters = variadic ? std::vector<SqlType>{type} : std::vector<SqlType>{type, type},
                    .result = type,
                    .kernel = kernel,
                    .nulls = NullPolicy::kHandles,
                    .variadic = variadic});
  };
  add("nullif", nullIfKernel<T>, false);
  add("greatest", extremeKernel<T, true>, true);
  add("least", extremeKernel<T, false>, true);
}

// All pairs of types that compare as they lie in memory.
template <typename T>
void addFamily(std::vector<Function>& list, std::initializer_list<SqlType> types) {
  for (const SqlType& left : types) {
    for (const SqlType& right : types) {
      addComparisons<T>(list, left, right);
    }
    addChoices<T>(list, left);
  }
}

}  // namespace

std::vector<Function> comparisonFunctions() {
  std::vector<Function> list;
  addFamily<Int>(list, {SqlType::integer(), SqlType::bigint(), SqlType::smallint()});
  addFamily<double>(list, {SqlType::doublePrecision(), SqlType::real()});
  addFamily<Int>(list, {SqlType::timestamp()});
  addFamily<Int>(list, {SqlType::timestamptz()});
  addFamily<Int>(list, {SqlType::date()});
  addFamily<Bool>(list, {SqlType::boolean()});
  addFamily<StringRef>(list, {SqlType::text()});
  addFamily<StringRef>(list, {SqlType::bytea()});
  addFamily<VectorRef>(list, {SqlType::vector()});
  const SqlType boolean = SqlType::boolean();
  list.push_back({.name = "not", .parameters = {boolean}, .result = boolean, .kernel = notKernel, .nulls = NullPolicy::kIgnore});
  const auto add_test = [&](std::string_view name, SqlType operand, Kernel kernel) {
    list.push_back({.name = name, .parameters = {operand}, .result = boolean, .kernel = kernel, .nulls = NullPolicy::kHandles});
  };
  add_test("is null", SqlType::unknown(), isNullKernel<true>);
  add_test("is not null", SqlType::unknown(), isNullKernel<false>);
  add_test("is true", boolean, isBooleanKernel<true, false>);
  add_test("is not true", boolean, isBooleanKernel<true, true>);
  add_test("is false", boolean, isBooleanKernel<false, false>);
  add_test("is not false", boolean, isBooleanKernel<false, true>);
  return list;
}

}  // namespace trefoil::sql
