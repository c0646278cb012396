// Loops that kernels share. Internal to functions/.
//
// Argument<T> reads one column, constant or not, through a stride of 0 or 1: right for kernels that do real work a row. The
// binary loops below are for arithmetic and comparisons, where the compiler should see a plain loop.
#pragma once

#include <cstdint>
#include <string_view>

#include "sql/expressions/functions.hpp"

namespace trefoil::sql {

// Integers are 64 bits wide in memory; a type's width says which results are out of its range.
enum class IntegerWidth : std::uint8_t { k16 = 2, k32 = 4, k64 = 8 };

template <typename T>
class Argument {
 public:
  explicit Argument(const Column& column) : data_(column.as<T>()), mask_(column.constant ? 0 : ~std::uint32_t{0}) {}
  const T& operator[](std::uint32_t position) const { return data_[position & mask_]; }

 private:
  const T* data_;
  std::uint32_t mask_;
};

// Text arguments as views.
class TextArgument {
 public:
  explicit TextArgument(const Column& column) : refs_(column) {}
  std::string_view operator[](std::uint32_t position) const { return refs_[position].view(); }

 private:
  Argument<StringRef> refs_;
};

// Writes text results; bytes that do not fit inline must live in call.bytes or behind the arguments.
inline void setText(const KernelCall& call, std::uint32_t position, std::string_view text) {
  call.result.as<StringRef>()[position] = StringRef(text);
}
inline void setNewText(const KernelCall& call, std::uint32_t position, std::string_view text) {
  call.result.as<StringRef>()[position] = StringRef(text.size() <= StringRef::kInlineBytes ? text : call.bytes.copy(text));
}

// function(position) for each row, up to the first that fails.
template <typename Function>
inline Status tryEachPosition(const Rows& rows, Function&& function) {
  for (std::uint32_t row = 0; row < rows.count; ++row) {
    TREFOIL_TRY(function(rows.position(row)));
  }
  return {};
}

// result[i] = operation(argument[i]).
template <typename R, typename A, typename Operation>
inline void mapUnary(const KernelCall& call, Operation&& operation) {
  const Argument<A> a(call.arguments[0]);
  R* const out = call.result.as<R>();
  forEachPosition(call.rows, [&](std::uint32_t i) { out[i] = static_cast<R>(operation(a[i])); });
}

// function(i, a, b) for each row, specialised for which side is constant.
template <typename A, typename B, typename Function>
inline void forEachPair(std::span<const Column> arguments, const Rows& rows, Function&& function) {
  const A* const a = arguments[0].as<A>();
  const B* const b = arguments[1].as<B>();
  if (arguments[1].constant) {
    const B constant = b[0];
    if (arguments[0].constant) {
      const A other = a[0];
      forEachPosition(rows, [&](std::uint32_t i) { function(i, other, constant); });
    } else {
      forEachPosition(rows, [&](std::uint32_t i) { function(i, a[i], constant); });
    }
  } else if (arguments[0].constant) {
    const A constant = a[0];
    forEachPosition(rows, [&](std::uint32_t i) { function(i, constant, b[i]); });
  } else {
    forEachPosition(rows, [&](std::uint32_t i) { function(i, a[i], b[i]); });
  }
}

template <typename R, typename A, typename B, typename Operation>
inline void mapBinary(const KernelCall& call, Operation&& operation) {
  R* const out = call.result.as<R>();
  forEachPair<A, B>(call.arguments, call.rows,
                    [&](std::uint32_t i, const A& a, const B& b) { out[i] = static_cast<R>(operation(a, b)); });
}

// (The call's own type may be a wider one by now.)
inline Error integerOutOfRange(const KernelCall& call) {
  return Error(ErrorCode::kOutOfRange, sqlTypeName(call.expression.function->result) + " out of range");
}
inline Error realOutOfRange(bool overflow) {
  return Error(ErrorCode::kOutOfRange, overflow ? "value out of range: overflow" : "value out of range: underflow");
}
inline Error divisionByZero() {
  return Error(ErrorCode::kDivisionByZero, "division by zero");
}

}  // namespace trefoil::sql
