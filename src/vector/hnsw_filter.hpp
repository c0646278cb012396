// Which entries may be in the answer to a request: those that its snapshot sees and its filter lets pass.
#pragma once

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
  [[nodiscard]] bool counts(NodeId node) { return isVisible(node) && matches(nodes_.entry(node).row); }
  [[nodiscard]] std::size_t tested() const { return tested_; }

 private:
  [[nodiscard]] bool matches(std::uint64_t row) {
    if (filter_ == nullptr) {
      return true;
    }
    ++tested_;
    if (filter_->bitmap) {
      const std::uint64_t bit = row - filter_->bitmap->first_row;
      return bit / 64 < filter_->bitmap->words.size() && (filter_->bitmap->words[bit / 64] >> bit % 64 & 1) != 0;
    }
    return filter_->matches(row);
  }

  const HnswNodes& nodes_;
  const Lsn snapshot_;
  const RowFilter* const filter_;
  std::size_t tested_ = 0;
};

}  // namespace trefoil::vector
