// A block's candidates in groups of 64 rows: one word of the bitmap, one call of a kernel.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

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

// A run may span slots of rows that are no candidates, and those may be somebody else's to write by now. What a kernel reads
// there is thrown away, so it harms nobody; ThreadSanitizer cannot know that, and checks runs without such holes.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kRunsHaveHoles = false;
#else
inline constexpr bool kRunsHaveHoles = true;
#endif

// Whether slots[0 … count) are slots[0], slots[0] + 1, …: in fours, by the vector extension of GCC and clang.
inline bool consecutive(const Slot* slots, std::size_t count) {
  using Four = std::uint32_t __attribute__((vector_size(16)));
  const auto base = static_cast<std::uint32_t>(slots[0]);
  Four expected = {base, base + 1, base + 2, base + 3};
  Four difference = {0, 0, 0, 0};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    Four actual;
    std::memcpy(&actual, slots + i, sizeof(actual));
    difference |= actual ^ expected;
    expected += 4;
  }
  for (; i < count; ++i) {
    difference[0] |= static_cast<std::uint32_t>(slots[i]) ^ (base + static_cast<std::uint32_t>(i));
  }
  return (difference[0] | difference[1] | difference[2] | difference[3]) == 0;
}

inline VectorArena::Run runOf(const VectorArena& arena, const Slot* slots, std::uint64_t members) {
  const auto first = static_cast<std::size_t>(std::countr_zero(members));
  const std::size_t size = 64 - static_cast<std::size_t>(std::countl_zero(members)) - first;
  if (!kRunsHaveHoles && static_cast<std::size_t>(std::popcount(members)) != size) {
    return {nullptr, nullptr, 0};
  }
  if (std::popcount(members) < kDenseMembers || slots[first] == kNoSlot || !consecutive(slots + first, size)) {
    return {nullptr, nullptr, 0};
  }
  VectorArena::Run run = arena.runFrom(slots[first]);
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
    if (members == 0) {
      continue;
    }
    const Slot* const slots = block.slots.data() + begin;
    VectorArena::Run run = detail::runOf(arena, slots, members);
    if (run.floats == nullptr) {  // consecutive slots have no NULL among them
      for (std::uint64_t left = members; left != 0; left &= left - 1) {
        const int i = std::countr_zero(left);
        members &= ~(std::uint64_t{slots[i] == kNoSlot} << i);
      }
      if (members == 0) {
        continue;
      }
    }
    visit(CandidateGroup{block.first_row + begin, members, slots, static_cast<std::size_t>(std::countr_zero(members)), run});
  }
}

}  // namespace trefoil::vector
