// parseFloat: digits * 10^exponent is computed in double, where both factors are exact or off by half a unit in the last place.
// The product is off by less than two, so it rounds to the right float unless it lies that close to the middle of two: then, and
// for whatever else is out of the ordinary, std::from_chars decides. (W. D. Clinger: How to read floating point numbers
// accurately, PLDI 1990, has the fast path for results as wide as the computation; ours are narrower, so it serves nearly
// always.)
#include "base/parse_number.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>

namespace trefoil {
namespace {

constexpr int kMaxDigits = 19;      // fit 64 bits
constexpr int kMaxExactPower = 22;  // 10^22 is the largest power of ten that is a double
constexpr int kMaxExponentDigits = 3;
constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
static_assert(std::size(kPowersOfTen) == kMaxExactPower + 1);

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

// Appends the digits at `at` to `digits`, which wraps around if there are too many: it is not used then. Eight at a time: a byte
// is a digit if its upper half is 3 and stays 3 when 6 is added; then pairs, fours and eights are put together within the word.
void readDigits(const char*& at, const char* end, std::uint64_t& digits) {
  static_assert(std::endian::native == std::endian::little);
  while (end - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    constexpr std::uint64_t kUpper = 0xF0F0F0F0F0F0F0F0;
    if ((word & (word + 0x0606060606060606) & kUpper) != 0x3030303030303030) {
      break;
    }
    word = (word & ~kUpper) * (1 + (10 << 8)) >> 8;
    word = (word & 0x00FF00FF00FF00FF) * (1 + (100 << 16)) >> 16;
    word = (word & 0x0000FFFF0000FFFF) * (1 + (std::uint64_t{10000} << 32)) >> 32;
    digits = digits * 100'000'000 + word;
    at += 8;
  }
  for (; at != end && isDigit(*at); ++at) {
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
  }
}

// Reads [e|E][+|-]digits at `at` if that is what stands there; false if the exponent is long.
bool readExponent(const char*& at, const char* end, int& exponent) {
  if (at == end || (*at | 0x20) != 'e') {
    return true;
  }
  const char* digit = at + 1;
  const bool negative = digit != end && *digit == '-';
  if (digit != end && (*digit == '-' || *digit == '+')) {
    ++digit;
  }
  const char* const first = digit;
  int value = 0;
  for (; digit != end && isDigit(*digit) && digit - first <= kMaxExponentDigits; ++digit) {
    value = value * 10 + (*digit - '0');
  }
  if (digit - first > kMaxExponentDigits) {
    return false;
  }
  if (digit != first) {  // "1e" and "1e+" are 1, and the e is not part of it
    at = digit;
    exponent += negative ? -value : value;
  }
  return true;
}

// Whether a double is further than the error of its computation from every middle of two floats.
bool roundsSafely(double value) {
  constexpr int kDropped = std::numeric_limits<double>::digits - std::numeric_limits<float>::digits;
  constexpr std::uint64_t kMiddle = std::uint64_t{1} << (kDropped - 1);
  constexpr std::uint64_t kError = 4;
  const std::uint64_t dropped = std::bit_cast<std::uint64_t>(value) & ((std::uint64_t{1} << kDropped) - 1);
  return dropped + kError < kMiddle || dropped > kMiddle + kError;
}

}  // namespace

std::from_chars_result parseFloat(const char* begin, const char* end, float& out) {
  const char* at = begin;
  const bool negative = at != end && *at == '-';
  at += negative ? 1 : 0;
  const char* const first = at;
  std::uint64_t digits = 0;
  readDigits(at, end, digits);
  auto count = at - first;
  int exponent = 0;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    readDigits(at, end, digits);
    count += at - fraction;
    exponent = count > kMaxDigits ? 0 : -static_cast<int>(at - fraction);
  }
  if (count == 0 || count > kMaxDigits || !readExponent(at, end, exponent) || exponent < -kMaxExactPower ||
      exponent > kMaxExactPower) {
    return std::from_chars(begin, end, out);
  }
  const auto whole = static_cast<double>(digits);
  const double value = exponent < 0 ? whole / kPowersOfTen[-exponent] : whole * kPowersOfTen[exponent];
  const bool ordinary = value >= std::numeric_limits<float>::min() && value <= std::numeric_limits<float>::max();
  if (digits != 0 && (!ordinary || !roundsSafely(value))) {
    return std::from_chars(begin, end, out);
  }
  out = static_cast<float>(negative ? -value : value);
  return {at, std::errc()};
}

}  // namespace trefoil
