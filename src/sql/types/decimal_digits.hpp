// Decimal digits of integers of up to 128 bits: powers of ten, counting, scaling, rounding, printing.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "sql/types/big_integer.hpp"

namespace trefoil::sql {

inline constexpr std::uint32_t kMaxPowerOfTen = 38;  // 10^38 < 2^127

namespace decimal_detail {

constexpr std::array<Uint128, kMaxPowerOfTen + 1> powersOfTen() {
  std::array<Uint128, kMaxPowerOfTen + 1> powers{};
  Uint128 power = 1;
  for (auto& entry : powers) {
    entry = power;
    power *= 10;
  }
  return powers;
}

constexpr std::array<char, 200> digitPairs() {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}

inline constexpr auto kPairs = digitPairs();

}  // namespace decimal_detail

inline constexpr auto kPowersOfTen = decimal_detail::powersOfTen();

inline Uint128 magnitudeOf(Int128 value) {
  return value < 0 ? -static_cast<Uint128>(value) : static_cast<Uint128>(value);
}

inline bool fits64(Uint128 value) {
  return (value >> 64) == 0;
}

// 1 for 0.
inline std::uint32_t digitCount(Uint128 value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  const int bits = high != 0 ? 128 - std::countl_zero(high) : 64 - std::countl_zero(static_cast<std::uint64_t>(value) | 1);
  // bits * log10(2), rounded down, is the count or one less.
  const auto estimate = static_cast<std::uint32_t>((bits * 1233) >> 12);
  return estimate + (estimate <= kMaxPowerOfTen && value >= kPowersOfTen[estimate] ? 1 : 0) + (value == 0 ? 1 : 0);
}

// a * b, unless it needs more than 127 bits.
inline bool multiplyFits(Int128 a, Int128 b, Int128& product) {
  if (a == static_cast<std::int64_t>(a) && b == static_cast<std::int64_t>(b)) [[likely]] {
    product = a * b;
    return true;
  }
  const bool negative = (a < 0) != (b < 0);
  Uint128 x = magnitudeOf(a);
  Uint128 y = magnitudeOf(b);
  if (fits64(x)) {
    std::swap(x, y);
  }
  if (!fits64(y)) {
    return false;
  }
  const Uint128 high = (x >> 64) * y;
  const Uint128 low = static_cast<std::uint64_t>(x) * y;
  if ((high >> 63) != 0) {
    return false;
  }
  const Uint128 sum = (high << 64) + low;  // below 2^127 + 2^128: may wrap, and then is below `low`
  if (sum < low || (sum >> 127) != 0) {
    return false;
  }
  product = negative ? -static_cast<Int128>(sum) : static_cast<Int128>(sum);
  return true;
}

// value * 10^exponent, unless it needs more than 127 bits.
inline bool scaleUpFits(Int128 value, std::uint32_t exponent, Int128& scaled) {
  if (exponent > kMaxPowerOfTen) {
    scaled = 0;
    return value == 0;
  }
  return multiplyFits(value, static_cast<Int128>(kPowersOfTen[exponent]), scaled);
}

struct Quotient {
  Uint128 quotient;
  Uint128 remainder;
};

inline Quotient divideUnsigned(Uint128 dividend, Uint128 divisor) {
  if (fits64(dividend) && fits64(divisor)) [[likely]] {
    const auto a = static_cast<std::uint64_t>(dividend);
    const auto b = static_cast<std::uint64_t>(divisor);
    return {a / b, a % b};
  }
  const Uint128 quotient = dividend / divisor;
  return {quotient, dividend - quotient * divisor};
}

// value / divisor to the nearest, ties away from zero; below 2^127 both.
inline Int128 divideRounding(Int128 value, Uint128 divisor) {
  const auto [quotient, remainder] = divideUnsigned(magnitudeOf(value), divisor);
  const auto rounded = static_cast<Int128>(quotient + (remainder >= divisor - remainder ? 1 : 0));
  return value < 0 ? -rounded : rounded;
}

// Writes the digits so that they end before `end`, and returns where they begin; "0" for 0. Up to 39 characters.
inline char* writeDigits64(std::uint64_t value, char* end) {
  while (value >= 100) {
    end -= 2;
    std::memcpy(end, decimal_detail::kPairs.data() + 2 * (value % 100), 2);
    value /= 100;
  }
  if (value >= 10) {
    end -= 2;
    std::memcpy(end, decimal_detail::kPairs.data() + 2 * value, 2);
    return end;
  }
  *--end = static_cast<char>('0' + value);
  return end;
}

inline char* writeDigits(Uint128 value, char* end) {
  constexpr std::uint64_t kChunk = 10'000'000'000'000'000'000U;  // 10^19
  while (!fits64(value)) {
    const Uint128 quotient = value / kChunk;
    char* const begin = writeDigits64(static_cast<std::uint64_t>(value - quotient * kChunk), end);
    end -= 19;
    std::memset(end, '0', static_cast<std::size_t>(begin - end));
    value = quotient;
  }
  return writeDigits64(static_cast<std::uint64_t>(value), end);
}

}  // namespace trefoil::sql
