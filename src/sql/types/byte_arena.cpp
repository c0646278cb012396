#include "sql/types/byte_arena.hpp"

#include <algorithm>
#include <cstring>

namespace trefoil::sql {

std::string_view ByteArena::copy(std::string_view bytes) {
  if (bytes.empty()) {
    return {};
  }
  char* to = allocate(bytes.size());
  std::memcpy(to, bytes.data(), bytes.size());
  return {to, bytes.size()};
}

char* ByteArena::allocateSlow(std::size_t size) {
  constexpr std::size_t kFirstBlock = 4096;
  constexpr std::size_t kLargestStep = std::size_t{1} << 20;
  const std::size_t grown = blocks_.empty() ? kFirstBlock : std::min(kLargestStep, blocks_.back().size() * 2);
  const std::size_t block = std::max(size, grown);
  blocks_.emplace_back(block);
  capacity_ += block;
  cursor_ = blocks_.back().get() + size;
  limit_ = blocks_.back().get() + block;
  return blocks_.back().get();
}

void ByteArena::reset() {
  if (blocks_.empty()) {
    return;
  }
  if (blocks_.size() > 1) {
    auto largest =
        std::max_element(blocks_.begin(), blocks_.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    CountedBytes kept = std::move(*largest);
    blocks_.clear();
    capacity_ = kept.size();
    blocks_.push_back(std::move(kept));
  }
  cursor_ = blocks_.front().get();
  limit_ = cursor_ + blocks_.front().size();
}

}  // namespace trefoil::sql
