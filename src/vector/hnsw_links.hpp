// Node ids, and how a list of them is packed: in words of 64 bits, each read and written as one, so that a reader without a lock
// never sees parts of two ids.
//
//   bit 63 clear    | 0 | third: 21 bits | second: 21 bits | first: 21 bits |
//   bit 63 set      | 1 | 1 |       second: 31 bits   |   first: 31 bits    |
//
// A place with all bits set has no id; a word with all bits set ends the list. So a list takes 24 bits a link while there are
// fewer than two million nodes, which is where links weigh most beside byte codes. Beyond, a list has room for three quarters of
// what it asks for, whatever the ids, and the furthest neighbours are left out.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace trefoil::vector {

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = UINT32_MAX;
inline constexpr NodeId kMaxNodes = (NodeId{1} << 31) - 1;  // 31 bits in a wide place and in a pool's key; all set is no id

using LinkWord = std::uint64_t;
inline constexpr LinkWord kNoLinks = ~LinkWord{0};
inline constexpr std::size_t kMostLinksPerWord = 3;

namespace detail {

inline constexpr LinkWord kWideWord = LinkWord{3} << 62;
inline constexpr int kNarrowBits = 21;
inline constexpr int kWideBits = 31;
inline constexpr NodeId kNoNarrow = (NodeId{1} << kNarrowBits) - 1;
inline constexpr NodeId kNoWide = (NodeId{1} << kWideBits) - 1;

}  // namespace detail

// The words of a list that asks for room for `capacity` links.
constexpr std::size_t linkWords(std::size_t capacity) {
  return (3 * capacity + 7) / 8;
}

// Packs the first of `links` (at least one) into a word; returns how many it took.
inline std::size_t packLinks(std::span<const NodeId> links, LinkWord& word) {
  using namespace detail;
  std::size_t narrow = 0;
  while (narrow < links.size() && narrow < kMostLinksPerWord && links[narrow] < kNoNarrow) {
    ++narrow;
  }
  if (narrow == kMostLinksPerWord || narrow == links.size()) {
    word = 0;
    for (std::size_t i = kMostLinksPerWord; i-- > 0;) {
      word = word << kNarrowBits | (i < narrow ? links[i] : kNoNarrow);
    }
    return narrow;
  }
  word = kWideWord | LinkWord{links.size() > 1 ? links[1] : kNoWide} << kWideBits | links[0];
  return links.size() > 1 ? 2 : 1;
}

template <typename Visit>
inline void forEachLink(LinkWord word, const Visit& visit) {
  using namespace detail;
  if (word < kWideWord) {
    for (std::size_t i = 0; i < kMostLinksPerWord; ++i, word >>= kNarrowBits) {
      if (const auto link = static_cast<NodeId>(word & kNoNarrow); link != kNoNarrow) {
        visit(link);
      }
    }
    return;
  }
  for (std::size_t i = 0; i < 2; ++i, word >>= kWideBits) {
    if (const auto link = static_cast<NodeId>(word & kNoWide); link != kNoWide) {
      visit(link);
    }
  }
}

}  // namespace trefoil::vector
