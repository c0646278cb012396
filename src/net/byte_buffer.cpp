#include "net/byte_buffer.hpp"

#include <algorithm>

#include "base/large_pages.hpp"
#include "base/memory_reserve.hpp"

namespace trefoil::net {

// Moves the unread bytes to the front if that makes enough room and is cheap, otherwise at least doubles.
void ByteBuffer::makeRoom(std::size_t more) {
  constexpr std::size_t kMinimum = 512;
  const std::size_t unread = size();
  if (head_ >= unread && capacity_ - unread >= more) {
    std::memcpy(data_, data_ + head_, unread);
    head_ = 0;
    tail_ = unread;
    return;
  }
  growTo(std::max({kMinimum, capacity_ * 2, unread + more}));
}

// The unread bytes to the front of a block of this size.
void ByteBuffer::growTo(std::size_t capacity) {
  // What is copied to a large block is the first to touch it, so the hint comes before: the C library could not give it.
  constexpr std::size_t kLarge = std::size_t{8} << 20;
  const std::size_t unread = size();
  if (head_ == 0 && capacity < kLarge) {
    data_ = static_cast<char*>(memory_reserve::reallocate(data_, capacity));
  } else {
    char* const grown = static_cast<char*>(memory_reserve::allocate(capacity));
    preferLargePages(grown, capacity);
    if (unread > 0) {
      std::memcpy(grown, data_ + head_, unread);
    }
    std::free(data_);
    data_ = grown;
    head_ = 0;
    tail_ = unread;
  }
  MemoryAccount::add(MemoryLeaf::kClients, static_cast<std::int64_t>(capacity) - static_cast<std::int64_t>(capacity_));
  capacity_ = capacity;
}

void ByteBuffer::shrink() {
  constexpr std::size_t kMuch = std::size_t{1} << 20;
  if (capacity_ < kMuch || capacity_ / 4 < size()) {
    return;
  }
  ByteBuffer small;
  small.append(bytes());
  swap(small);
}

}  // namespace trefoil::net
