// Numbers in strings, read as strictly as Redis reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace trefoil::kv {

// The number that the text is the one canonical decimal form of: no plus, no leading zeros, no spaces, no "-0", within 64 bits.
inline std::optional<std::int64_t> parseInteger(std::string_view text) {
  if (text.empty() || text.size() > 20) {
    return std::nullopt;
  }
  const bool negative = text.front() == '-';
  if (negative) {
    text.remove_prefix(1);
  }
  if (text.empty() || text.front() < '0' || text.front() > '9') {
    return std::nullopt;
  }
  if (text.front() == '0') {
    return text.size() == 1 && !negative ? std::optional<std::int64_t>(0) : std::nullopt;
  }
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto digit = static_cast<std::uint64_t>(static_cast<unsigned char>(c)) - '0';
    if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
      return std::nullopt;
    }
    value = value * 10 + digit;
  }
  constexpr std::uint64_t kMinimum = std::uint64_t{1} << 63;
  if (negative) {
    return value <= kMinimum ? std::optional<std::int64_t>(static_cast<std::int64_t>(~value + 1)) : std::nullopt;
  }
  return value < kMinimum ? std::optional<std::int64_t>(static_cast<std::int64_t>(value)) : std::nullopt;
}

}  // namespace trefoil::kv
