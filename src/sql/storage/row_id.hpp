// Row ids: block * 2048 + slot. Given once, stable for the row's life, never used again.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trefoil::sql {

enum class RowId : std::uint64_t {};

inline constexpr std::uint32_t kBlockRows = 2048;
inline constexpr std::size_t kBlockWords = kBlockRows / 64;
// The largest number of blocks: row ids from damaged bytes are checked against it before a directory is sized by them.
inline constexpr std::uint32_t kMaxBlocks = 1U << 26;

constexpr RowId makeRowId(std::uint32_t block, std::uint32_t slot) {
  return static_cast<RowId>(static_cast<std::uint64_t>(block) * kBlockRows + slot);
}
constexpr std::uint32_t blockOf(RowId row) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(row) / kBlockRows);
}
constexpr std::uint32_t slotOf(RowId row) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(row) % kBlockRows);
}

}  // namespace trefoil::sql
