#include "net/byte_buffer.hpp"

#include <algorithm>
#include <new>

namespace trefoil::net {

// Moves the unread bytes to the front if that makes enough room and is cheap, otherwise doubles. Doubling bounds the memory to
// twice the bytes that really arrived, whatever a length in the input promises.
void ByteBuffer::makeRoom(std::size_t more) {
  constexpr std::size_t kMinimum = 512;
  const std::size_t unread = size();
  if (head_ >= unread && capacity_ - unread >= more) {
    std::memcpy(data_, data_ + head_, unread);
    head_ = 0;
    tail_ = unread;
    return;
  }
  const std::size_t capacity = std::max({kMinimum, capacity_ * 2, unread + more});
  if (head_ == 0) {
    char* const grown = static_cast<char*>(std::realloc(data_, capacity));
    if (grown == nullptr) {
      throw std::bad_alloc();
    }
    data_ = grown;
  } else {
    char* const grown = static_cast<char*>(std::malloc(capacity));
    if (grown == nullptr) {
      throw std::bad_alloc();
    }
    std::memcpy(grown, data_ + head_, unread);
    std::free(data_);
    data_ = grown;
    head_ = 0;
    tail_ = unread;
  }
  capacity_ = capacity;
}

}  // namespace trefoil::net
