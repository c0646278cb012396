// A block's candidates in groups of 64 rows: one word of the bitmap, one call of a kernel.
#pragma once

#include <bit>
#include <cstdint>

#include "vector/exact_search.hpp"

namespace trefoil::vector {

inline constexpr std::size_t kGroupRows = 64;

struct CandidateGroup {
  std::uint64_t first_row;   // the row of bit 0
  std::uint64_t members;     // the candidates, at least one
  const Slot* slots;         // of row first_row + i
  std::size_t first_member;  // the lowest bit of members
  VectorArena::Run run;      // from first_member to the last member, when they lie one behind the other; floats null otherwise
};

namespace detail {

// A group with fewer members is gathered: reading 64 vectors to use a few is the dearer way.
inline constexpr int kDenseMembers = 24;

inline VectorArena::Run runOf(const VectorArena& arena, const Slot* slots, std::uint64_t members, std::size_t first) {
  if (std::popcount(members) < kDenseMembers) {
    return {nullptr, nullptr, 0};
  }
  const std::size_t last = 63 - static_cast<std::size_t>(std::countl_zero(members));
  const auto base = static_cast<std::uint32_t>(slots[first]);
  bool consecutive = true;
  for (std::size_t i = first; i <= last; ++i) {
    consecutive &= static_cast<std::uint32_t>(slots[i]) == base + static_cast<std::uint32_t>(i - first);
  }
  if (!consecutive) {
    return {nullptr, nullptr, 0};
  }
  VectorArena::Run run = arena.runFrom(slots[first]);
  const std::size_t size = last - first + 1;
  if (run.size < size) {
    return {nullptr, nullptr, 0};
  }
  run.size = size;
  return run;
}

}  // namespace detail

// visit(const CandidateGroup&) for each group that has a candidate, in row order.
template <typename Visit>
void forEachGroup(const VectorArena& arena, const CandidateBlock& block, const Visit& visit) {
  const std::size_t rows = block.slots.size();
  TREFOIL_ASSERT(block.selected.empty() || block.selected.size() * kGroupRows >= rows);
  for (std::size_t begin = 0; begin < rows; begin += kGroupRows) {
    const std::size_t size = rows - begin < kGroupRows ? rows - begin : kGroupRows;
    std::uint64_t members = size == kGroupRows ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
    if (!block.selected.empty()) {
      members &= block.selected[begin / kGroupRows];
    }
    const Slot* const slots = block.slots.data() + begin;
    for (std::uint64_t left = members; left != 0; left &= left - 1) {
      const int i = std::countr_zero(left);
      members &= ~(std::uint64_t{slots[i] == kNoSlot} << i);
    }
    if (members == 0) {
      continue;
    }
    const auto first = static_cast<std::size_t>(std::countr_zero(members));
    visit(CandidateGroup{block.first_row + begin, members, slots, first, detail::runOf(arena, slots, members, first)});
  }
}

}  // namespace trefoil::vector
