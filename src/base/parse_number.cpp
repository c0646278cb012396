// parseFloat: digits * 10^exponent is computed in double, where both factors are off by half a unit in the last place at most.
// The product is off by less than four, so it rounds to the right float unless it lies that close to the middle of two: then, and
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

constexpr int kMaxDigits = 19;  // fit 64 bits
constexpr int kMaxExponentDigits = 3;
constexpr int kMaxPower = 22;
constexpr double kPowersOfTen[] = {1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11,
                                   1e-10, 1e-9,  1e-8,  1e-7,  1e-6,  1e-5,  1e-4,  1e-3,  1e-2,  1e-1,  1e0,   1e1,
                                   1e2,   1e3,   1e4,   1e5,   1e6,   1e7,   1e8,   1e9,   1e10,  1e11,  1e12,  1e13,
                                   1e14,  1e15,  1e16,  1e17,  1e18,  1e19,  1e20,  1e21,  1e22};
static_assert(std::size(kPowersOfTen) == 2 * kMaxPower + 1);
constexpr std::uint64_t kSmallPowers[] = {1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000};

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

// What follows works on eight bytes as one word, the first one lowest, and takes turns at little else that cannot be predicted:
// the signs and lengths of the numbers of a vector.
static_assert(std::endian::native == std::endian::little);

// In a word of bytes less '0': the highest bit of each that is no digit. One is none if it is above 9; 0x76 more sets that bit.
std::uint64_t markOthers(std::uint64_t values) {
  return (((values & 0x7F7F7F7F7F7F7F7F) + 0x7676767676767676) | values) & 0x8080808080808080;
}

// The number that eight digits make: pairs, fours and eights are put together within the word.
std::uint64_t joinDigits(std::uint64_t values) {
  values = values * (1 + (10 << 8)) >> 8;
  values = (values & 0x00FF00FF00FF00FF) * (1 + (100 << 16)) >> 16;
  return (values & 0x0000FFFF0000FFFF) * (1 + (std::uint64_t{10000} << 32)) >> 32;
}

// Appends the digits at `at` to `digits`, which wraps around if there are too many: it is not used then.
const char* readDigits(const char* at, const char* end, std::uint64_t& digits) {
  for (; at != end && isDigit(*at); ++at) {
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  return at;
}

// The same for the digits behind a point, of which there are many as a rule.
const char* readFraction(const char* at, const char* end, std::uint64_t& digits) {
  for (; end - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t values = word ^ 0x3030303030303030;
    const std::uint64_t others = markOthers(values);
    if (others != 0) {
      const auto count = static_cast<unsigned>(std::countr_zero(others)) / 8;
      // The digits move to the end of the word, behind zeros; in two steps, since there may be none.
      digits = digits * kSmallPowers[count] + joinDigits(values << 8 << (56 - 8 * count));
      return at + count;
    }
    digits = digits * 100'000'000 + joinDigits(values);
  }
  return readDigits(at, end, digits);
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
  at = readDigits(at, end, digits);
  auto count = at - first;
  int exponent = 0;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    at = readFraction(at, end, digits);
    count += at - fraction;
    exponent = count > kMaxDigits ? 0 : -static_cast<int>(at - fraction);
  }
  if (count == 0 || count > kMaxDigits || !readExponent(at, end, exponent) || exponent < -kMaxPower || exponent > kMaxPower) {
    return std::from_chars(begin, end, out);
  }
  const double value = static_cast<double>(digits) * kPowersOfTen[kMaxPower + exponent];
  const bool ordinary = value >= std::numeric_limits<float>::min() && value <= std::numeric_limits<float>::max();
  if (digits != 0 && (!ordinary || !roundsSafely(value))) {
    return std::from_chars(begin, end, out);
  }
  const std::uint32_t sign = std::uint32_t{negative} << 31;
  out = std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) | sign);
  return {at, std::errc()};
}

}  // namespace trefoil
