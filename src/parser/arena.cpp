#include "parser/arena.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace trefoil::parser {

void* Arena::allocateSlow(std::size_t size, std::size_t alignment) {
  TREFOIL_ASSERT(alignment <= alignof(std::max_align_t));
  if (size > kLargestBlock / 4) {  // a block of its own, so that the current one is not given up half empty
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
    capacity_ += size;
    return blocks_.back().bytes.get();
  }
  const std::size_t block_size = std::max(next_block_, size);
  next_block_ = std::min(next_block_ * 2, kLargestBlock);
  blocks_.push_back({std::make_unique_for_overwrite<char[]>(block_size), block_size});
  capacity_ += block_size;
  char* from = blocks_.back().bytes.get();  // new[] of char is aligned for every fundamental type
  cursor_ = from + size;
  limit_ = from + block_size;
  return from;
}

void Arena::reset() {
  if (blocks_.empty()) {
    return;
  }
  // The largest ordinary block stays; a huge single object must not pin its memory in a reused arena.
  auto kept = blocks_.end();
  for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
    if (block->size <= kLargestBlock && (kept == blocks_.end() || block->size > kept->size)) {
      kept = block;
    }
  }
  if (kept == blocks_.end()) {
    blocks_.clear();
    cursor_ = limit_ = nullptr;
    capacity_ = 0;
    return;
  }
  Block block = std::move(*kept);
  blocks_.clear();
  cursor_ = block.bytes.get();
  limit_ = cursor_ + block.size;
  capacity_ = block.size;
  blocks_.push_back(std::move(block));
}

}  // namespace trefoil::parser
