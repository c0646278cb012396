#include "vector/hnsw_scratch.hpp"

namespace trefoil::vector {

Scratch::Scratch(const VectorCodes& vector_codes)
    : query(vector_codes),
      other(vector_codes),
      nodes(kMostNodes + 16),
      codes(nodes.size()),
      lengths(nodes.size()),
      error_classes(nodes.size()),
      distances(nodes.size()) {}

std::size_t Scratch::memoryBytes() const {
  return visited.memoryBytes() + nodes.size() * (sizeof(NodeId) + sizeof(void*) + 2 * sizeof(float) + 1);
}

ScratchPool::Borrowed ScratchPool::acquire() {
  Scratch* scratch = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      scratch = idle_.back();
      idle_.pop_back();
    } else {
      all_.push_back(std::make_unique<Scratch>(codes_));
      scratch = all_.back().get();
    }
  }
  // Sequentially consistent, as the look in passed(): either it sees us, or we see the graph as it was before that look.
  scratch->epoch.exchange(epoch_.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
  scratch->counts = {};
  return {scratch, GiveBack{this}};
}

void ScratchPool::giveBack(Scratch* scratch) {
  scratch->epoch.store(0, std::memory_order_release);
  const std::scoped_lock lock(mutex_);
  idle_.push_back(scratch);
}

bool ScratchPool::passed(std::uint64_t epoch) const {
  const std::scoped_lock lock(mutex_);
  return std::all_of(all_.begin(), all_.end(), [&](const std::unique_ptr<Scratch>& scratch) {
    const std::uint64_t began = scratch->epoch.load(std::memory_order_seq_cst);
    return began == 0 || began >= epoch;
  });
}

std::size_t ScratchPool::memoryBytes() const {
  const std::scoped_lock lock(mutex_);
  std::size_t bytes = 0;
  for (const Scratch* scratch : idle_) {
    bytes += sizeof(Scratch) + scratch->memoryBytes();
  }
  return bytes;
}

}  // namespace trefoil::vector
