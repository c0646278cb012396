#include "base/format_number.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

namespace trefoil {
namespace {

// Whole numbers in this range are exact doubles and print as integers.
constexpr double kExactInteger = 4503599627370496.0;  // 2^52

// The shortest digits of a finite value that is not 0: value = 0.d1d2d3… * 10^point.
struct Decimal {
  char digits[20];
  int count = 0;
  int point = 0;
};

Decimal shortestDigits(double magnitude) {
  char text[40];
  const char* end = std::to_chars(text, text + sizeof text, magnitude, std::chars_format::scientific).ptr;
  Decimal decimal;
  const char* at = text;
  for (; at != end && *at != 'e'; ++at) {
    if (*at != '.') {
      decimal.digits[decimal.count++] = *at;
    }
  }
  int exponent = 0;
  const char* from = at + 1;
  if (from != end && *from == '+') {
    ++from;
  }
  std::from_chars(from, end, exponent);
  decimal.point = exponent + 1;
  return decimal;
}

char* putDigits(char* to, const char* digits, int count) {
  std::memcpy(to, digits, static_cast<std::size_t>(count));
  return to + count;
}

char* putZeros(char* to, int count) {
  std::memset(to, '0', static_cast<std::size_t>(count));
  return to + count;
}

char* putScientific(char* to, const Decimal& decimal) {
  *to++ = decimal.digits[0];
  if (decimal.count > 1) {
    *to++ = '.';
    to = putDigits(to, decimal.digits + 1, decimal.count - 1);
  }
  *to++ = 'e';
  const int exponent = decimal.point - 1;
  *to++ = exponent < 0 ? '-' : '+';
  return std::to_chars(to, to + 4, exponent < 0 ? -exponent : exponent).ptr;
}

}  // namespace

std::size_t formatInteger(char* to, std::int64_t value) {
  return static_cast<std::size_t>(std::to_chars(to, to + kMaxIntegerChars, value).ptr - to);
}

std::size_t formatUnsigned(char* to, std::uint64_t value) {
  return static_cast<std::size_t>(std::to_chars(to, to + kMaxIntegerChars, value).ptr - to);
}

std::size_t formatDouble(char* to, double value) {
  if (std::isnan(value)) {
    std::memcpy(to, "nan", 3);
    return 3;
  }
  char* const begin = to;
  if (std::signbit(value)) {
    *to++ = '-';
    value = -value;
  }
  if (std::isinf(value)) {
    std::memcpy(to, "inf", 3);
    return static_cast<std::size_t>(to + 3 - begin);
  }
  if (value < kExactInteger && value == std::floor(value)) {
    return static_cast<std::size_t>(std::to_chars(to, to + kMaxIntegerChars, static_cast<std::int64_t>(value)).ptr - begin);
  }
  const Decimal decimal = shortestDigits(value);
  if (decimal.point >= decimal.count && decimal.point <= decimal.count + 7) {  // 12345678900000000
    to = putDigits(to, decimal.digits, decimal.count);
    to = putZeros(to, decimal.point - decimal.count);
  } else if (decimal.point > 0 && decimal.point < decimal.count) {  // 12.5
    to = putDigits(to, decimal.digits, decimal.point);
    *to++ = '.';
    to = putDigits(to, decimal.digits + decimal.point, decimal.count - decimal.point);
  } else if (decimal.point <= 0 && decimal.point > -6) {  // 0.00125
    *to++ = '0';
    *to++ = '.';
    to = putZeros(to, -decimal.point);
    to = putDigits(to, decimal.digits, decimal.count);
  } else {
    to = putScientific(to, decimal);
  }
  return static_cast<std::size_t>(to - begin);
}

}  // namespace trefoil
