#include "sql/types/big_integer.hpp"

#include <gmp.h>

#include <cmath>
#include <utility>

namespace trefoil::sql {
namespace {

static_assert(sizeof(mpz_t) == sizeof(BigInteger));
static_assert(sizeof(unsigned long) == sizeof(std::uint64_t));  // GMP's small operands

mpz_ptr raw(BigInteger& value) {
  return static_cast<mpz_ptr>(value.handle());
}
mpz_srcptr raw(const BigInteger& value) {
  return static_cast<mpz_srcptr>(value.handle());
}

}  // namespace

BigInteger::BigInteger() {
  mpz_init(raw(*this));
}

BigInteger::BigInteger(Int128 value)
    : BigInteger(fromUnsigned(value < 0 ? -static_cast<Uint128>(value) : static_cast<Uint128>(value))) {
  if (value < 0) {
    negate();
  }
}

BigInteger::BigInteger(const BigInteger& other) {
  mpz_init_set(raw(*this), raw(other));
}

BigInteger::BigInteger(BigInteger&& other) noexcept : BigInteger() {
  mpz_swap(raw(*this), raw(other));
}

BigInteger& BigInteger::operator=(const BigInteger& other) {
  if (this != &other) {
    mpz_set(raw(*this), raw(other));
  }
  return *this;
}

BigInteger& BigInteger::operator=(BigInteger&& other) noexcept {
  mpz_swap(raw(*this), raw(other));
  return *this;
}

BigInteger::~BigInteger() {
  mpz_clear(raw(*this));
}

BigInteger BigInteger::fromUnsigned(Uint128 value) {
  BigInteger result;
  const std::uint64_t words[] = {static_cast<std::uint64_t>(value), static_cast<std::uint64_t>(value >> 64)};
  mpz_import(raw(result), 2, -1, sizeof(words[0]), 0, 0, words);
  return result;
}

BigInteger BigInteger::fromDigits(std::string_view digits) {
  BigInteger result;
  if (!digits.empty()) {
    mpz_set_str(raw(result), std::string(digits).c_str(), 10);
  }
  return result;
}

BigInteger BigInteger::fromBytes(std::string_view bytes) {
  BigInteger result;
  mpz_import(raw(result), bytes.size(), -1, 1, 0, 0, bytes.data());
  return result;
}

BigInteger BigInteger::powerOfTen(std::uint32_t exponent) {
  BigInteger result;
  mpz_ui_pow_ui(raw(result), 10, exponent);
  return result;
}

BigInteger BigInteger::factorial(std::uint32_t n) {
  BigInteger result;
  mpz_fac_ui(raw(result), n);
  return result;
}

int BigInteger::sign() const {
  return mpz_sgn(raw(*this));
}

bool BigInteger::isOdd() const {
  return mpz_odd_p(raw(*this)) != 0;
}

std::size_t BigInteger::bitLength() const {
  return sign() == 0 ? 0 : mpz_sizeinbase(raw(*this), 2);
}

std::uint32_t BigInteger::digitCount() const {
  const std::size_t estimate = mpz_sizeinbase(raw(*this), 10);  // exact, or one too many
  if (estimate <= 1) {
    return 1;
  }
  const BigInteger least = powerOfTen(static_cast<std::uint32_t>(estimate - 1));
  return static_cast<std::uint32_t>(mpz_cmpabs(raw(*this), raw(least)) < 0 ? estimate - 1 : estimate);
}

std::uint32_t BigInteger::trailingZeros(std::uint32_t most) const {
  if (sign() == 0) {
    return most;
  }
  // A multiple of 10^n is one of 2^n.
  const auto twos = static_cast<std::uint32_t>(std::min<std::size_t>(mpz_scan1(raw(*this), 0), most));
  std::uint32_t low = 0;  // divisible by 10^low, and not by 10^(high + 1)
  std::uint32_t high = twos;
  while (low < high) {
    const std::uint32_t middle = low + (high - low + 1) / 2;
    if (mpz_divisible_p(raw(*this), raw(powerOfTen(middle))) != 0) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

Int128 BigInteger::asInt128() const {
  std::uint64_t words[2] = {0, 0};
  mpz_export(words, nullptr, -1, sizeof(words[0]), 0, 0, raw(*this));
  const auto magnitude = static_cast<Int128>((static_cast<Uint128>(words[1]) << 64) | words[0]);
  return sign() < 0 ? -magnitude : magnitude;
}

std::string BigInteger::digits() const {
  std::string text(mpz_sizeinbase(raw(*this), 10) + 2, '\0');
  mpz_get_str(text.data(), 10, raw(*this));
  text.resize(text.find('\0'));
  if (text.front() == '-') {
    text.erase(0, 1);
  }
  return text;
}

void BigInteger::appendBytes(std::string& to) const {
  const std::size_t begin = to.size();
  to.resize(begin + byteCount());
  mpz_export(to.data() + begin, nullptr, -1, 1, 0, 0, raw(*this));
}

void BigInteger::negate() {
  mpz_neg(raw(*this), raw(*this));
}

void BigInteger::makeAbsolute() {
  mpz_abs(raw(*this), raw(*this));
}

BigInteger& BigInteger::operator+=(const BigInteger& other) {
  mpz_add(raw(*this), raw(*this), raw(other));
  return *this;
}

BigInteger& BigInteger::operator-=(const BigInteger& other) {
  mpz_sub(raw(*this), raw(*this), raw(other));
  return *this;
}

BigInteger& BigInteger::operator*=(const BigInteger& other) {
  mpz_mul(raw(*this), raw(*this), raw(other));
  return *this;
}

void BigInteger::multiplySmall(std::uint64_t value) {
  mpz_mul_ui(raw(*this), raw(*this), value);
}

void BigInteger::multiplyByPowerOfTen(std::uint32_t exponent) {
  if (exponent > 0 && sign() != 0) {
    *this *= powerOfTen(exponent);
  }
}

void BigInteger::divideByPowerOfTen(std::uint32_t exponent) {
  divide(powerOfTen(exponent));
}

void BigInteger::divide(const BigInteger& divisor) {
  mpz_tdiv_q(raw(*this), raw(*this), raw(divisor));
}

void BigInteger::remainder(const BigInteger& divisor) {
  mpz_tdiv_r(raw(*this), raw(*this), raw(divisor));
}

void BigInteger::divideRounding(const BigInteger& divisor) {
  const int result_sign = sign() * divisor.sign();
  BigInteger rest;
  mpz_tdiv_qr(raw(*this), raw(rest), raw(*this), raw(divisor));
  mpz_mul_2exp(raw(rest), raw(rest), 1);
  if (mpz_cmpabs(raw(rest), raw(divisor)) >= 0) {
    *this += BigInteger(result_sign);
  }
}

void BigInteger::squareRoot() {
  mpz_sqrt(raw(*this), raw(*this));
}

BigInteger BigInteger::greatestCommonDivisor(const BigInteger& a, const BigInteger& b) {
  BigInteger result;
  mpz_gcd(raw(result), raw(a), raw(b));
  return result;
}

int BigInteger::compare(const BigInteger& a, const BigInteger& b) {
  return mpz_cmp(raw(a), raw(b));
}

}  // namespace trefoil::sql
