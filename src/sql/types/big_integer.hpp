// Integers of any size: what Numeric falls back to when 128 bits are too few. A wrapper of GMP's mpz that keeps gmp.h out of our
// headers; its storage holds an mpz_t.
//
// The caller bounds the sizes (a Numeric has at most 131072 + 16383 digits): GMP ends the process when it gets no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trefoil::sql {

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

// A value type; no function throws, none is safe to call on an object that another thread changes.
class BigInteger {
 public:
  BigInteger();
  explicit BigInteger(Int128 value);
  BigInteger(const BigInteger& other);
  BigInteger(BigInteger&& other) noexcept;
  BigInteger& operator=(const BigInteger& other);
  BigInteger& operator=(BigInteger&& other) noexcept;
  ~BigInteger();

  static BigInteger fromUnsigned(Uint128 value);
  // Decimal digits and nothing else; none is 0.
  static BigInteger fromDigits(std::string_view digits);
  // A magnitude, little-endian.
  static BigInteger fromBytes(std::string_view bytes);
  static BigInteger powerOfTen(std::uint32_t exponent);
  static BigInteger factorial(std::uint32_t n);

  [[nodiscard]] int sign() const;  // -1, 0, 1
  [[nodiscard]] bool isOdd() const;
  [[nodiscard]] std::size_t bitLength() const;  // of the magnitude; 0 for 0
  // How many decimal digits the magnitude has; 1 for 0.
  [[nodiscard]] std::uint32_t digitCount() const;
  // How many of its last decimal digits are zeros, but no more than `most`; `most` for 0.
  [[nodiscard]] std::uint32_t trailingZeros(std::uint32_t most) const;
  // Below 2^127 in magnitude, which is what asInt128 takes.
  [[nodiscard]] bool fitsInt128() const { return bitLength() <= 127; }
  [[nodiscard]] Int128 asInt128() const;
  // The magnitude's decimal digits; "0" for 0.
  [[nodiscard]] std::string digits() const;
  // The magnitude, little-endian without leading zero bytes.
  void appendBytes(std::string& to) const;
  [[nodiscard]] std::size_t byteCount() const { return (bitLength() + 7) / 8; }

  void negate();
  void makeAbsolute();
  BigInteger& operator+=(const BigInteger& other);
  BigInteger& operator-=(const BigInteger& other);
  BigInteger& operator*=(const BigInteger& other);
  void multiplySmall(std::uint64_t value);
  void multiplyByPowerOfTen(std::uint32_t exponent);
  // Towards zero.
  void divideByPowerOfTen(std::uint32_t exponent);
  // Towards zero; the divisor is not 0. The remainder has the dividend's sign.
  void divide(const BigInteger& divisor);
  void remainder(const BigInteger& divisor);
  // To the nearest, ties away from zero.
  void divideRounding(const BigInteger& divisor);
  // The square root, rounded down; of 0 or a positive number.
  void squareRoot();
  static BigInteger greatestCommonDivisor(const BigInteger& a, const BigInteger& b);
  // <0, 0, >0
  static int compare(const BigInteger& a, const BigInteger& b);

  // The mpz_ptr, for the files that include gmp.h.
  [[nodiscard]] void* handle() { return storage_; }
  [[nodiscard]] const void* handle() const { return storage_; }

 private:
  alignas(8) unsigned char storage_[16];
};

}  // namespace trefoil::sql
