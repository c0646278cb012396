// Numbers as text, the same wherever a client sees one: RESP replies, the shell, stored scores.
//
// A double is printed as Redis (7.2 and later) prints it: without a fraction if it is a whole number below 2^52, otherwise with
// the fewest digits that read back as the same double, positional while that stays short and scientific beyond:
//   3  0.1  1e-7  1.5e+300  100000000  inf  -inf  nan
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trefoil {

inline constexpr std::size_t kMaxIntegerChars = 20;  // -9223372036854775808
inline constexpr std::size_t kMaxDoubleChars = 32;   // sign, 17 digits, point, up to 7 zeros, e, sign, 3 digits

// Each writes the text at `to`, which has room for the maximum above, and returns its length.
std::size_t formatInteger(char* to, std::int64_t value);
std::size_t formatUnsigned(char* to, std::uint64_t value);
std::size_t formatDouble(char* to, double value);

}  // namespace trefoil
