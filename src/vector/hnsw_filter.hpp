// Which entries may be in the answer to a request: those that its snapshot sees and its filter lets pass.
#pragma once

#include <bit>

#include "vector/hnsw.hpp"
#include "vector/hnsw_nodes.hpp"

namespace trefoil::vector {

class EntryFilter {
 public:
  EntryFilter(const HnswNodes& nodes, const HnswRequest& request)
      : nodes_(nodes), snapshot_(request.snapshot), filter_(request.filter) {}

  [[nodiscard]] bool isVisible(NodeId node) const {
    return nodes_.entry(node).born < snapshot_ && snapshot_ <= nodes_.died(node);
  }
  // The node is an entry (HnswNodes::isEntry).
  [[nodiscard]] bool counts(NodeId node) {
    if (!isVisible(node)) {
      return false;
    }
    if (filter_ == nullptr) {
      return true;
    }
    ++tested_;
    return filter_->bitmap ? isIn(*filter_->bitmap, nodes_.entry(node).row) : filter_->matches(nodes_.entry(node).row);
  }
  // The same for the `count` ids from `first` on, a block of them: bit i is set if first + i is an entry that counts.
  std::uint64_t select(NodeId first, std::size_t count) {
    const std::uint64_t visible = nodes_.visible(first, count, snapshot_);
    if (filter_ == nullptr) {
      return visible;
    }
    tested_ += static_cast<std::size_t>(std::popcount(visible));
    const HnswNodes::Entry* const entries = &nodes_.entry(first);
    if (!filter_->bitmap) {
      return those(visible, [&](int i) { return filter_->matches(entries[i].row); });
    }
    const RowBitmap bitmap = *filter_->bitmap;
    return those(visible, [&](int i) { return isIn(bitmap, entries[i].row); });
  }
  [[nodiscard]] std::size_t tested() const { return tested_; }

 private:
  static bool isIn(const RowBitmap& bitmap, std::uint64_t row) {
    const std::uint64_t bit = row - bitmap.first_row;
    return (bit / 64 < bitmap.words.size() ? bitmap.words[bit / 64] >> bit % 64 & 1 : 0) != 0;
  }
  // The members that `passes` lets pass, found without a branch on it: nothing could predict one.
  template <typename Passes>
  static std::uint64_t those(std::uint64_t members, const Passes& passes) {
    std::uint64_t passing = 0;
    for (; members != 0; members &= members - 1) {
      const int i = std::countr_zero(members);
      passing |= std::uint64_t{passes(i)} << i;
    }
    return passing;
  }

  const HnswNodes& nodes_;
  const Lsn snapshot_;
  const RowFilter* const filter_;
  std::size_t tested_ = 0;
};

}  // namespace trefoil::vector
