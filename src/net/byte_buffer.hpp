// Bytes in transit: filled at the tail, emptied at the head. Every connection's input and output is one of these.
//
//   data_          data_+head_                data_+tail_              data_+capacity_
//     | consumed     | unread: bytes()          | room                   |
//
// The unread bytes are always contiguous, so that the parser can hand out views and one write sends everything. Views stay valid
// until the next call that may move bytes: reserve(), reserveExactly(), shrink(), release(), and the assignment of another
// buffer; and they live on in the block that giveAway() returns. An empty buffer that was released holds no memory: an idle
// connection costs two of those.
//
// Thread safety: none; the owner is one event loop, or the worker to which a parked connection was handed.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "base/assert.hpp"
#include "base/memory_account.hpp"
#include "base/request_block.hpp"

namespace trefoil::net {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ~ByteBuffer() { freeAll(); }

  [[nodiscard]] std::string_view bytes() const { return {data_ + head_, tail_ - head_}; }
  [[nodiscard]] std::size_t size() const { return tail_ - head_; }
  [[nodiscard]] bool empty() const { return head_ == tail_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  // The room at the tail as it is, perhaps none.
  [[nodiscard]] std::span<char> room() { return {data_ + tail_, capacity_ - tail_}; }
  // Room for at least `more` bytes at the tail; the caller writes there and then calls wrote().
  char* reserve(std::size_t more) {
    if (capacity_ - tail_ < more) [[unlikely]] {
      makeRoom(more);
    }
    return data_ + tail_;
  }
  // The same, and no more room than that if there is too little.
  void reserveExactly(std::size_t more) {
    if (capacity_ - tail_ < more) {
      growTo(size() + more);
    }
  }
  void wrote(std::size_t count) {
    TREFOIL_DEBUG_ASSERT(count <= capacity_ - tail_);
    tail_ += count;
  }
  void append(std::string_view bytes) {
    if (!bytes.empty()) {
      std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
      tail_ += bytes.size();
    }
  }
  void append(char byte) {
    *reserve(1) = byte;
    ++tail_;
  }

  // Drops `count` bytes from the head.
  void consume(std::size_t count) {
    TREFOIL_ASSERT(count <= size());
    head_ += count;
    if (head_ == tail_) {
      head_ = tail_ = 0;
    }
  }
  // Drops everything after the first `keep` unread bytes.
  void truncate(std::size_t keep) {
    TREFOIL_ASSERT(keep <= size());
    tail_ = head_ + keep;
  }
  // Opens a gap of `count` bytes at unread offset `offset`; its content is undefined.
  void insertGap(std::size_t offset, std::size_t count) {
    TREFOIL_ASSERT(offset <= size());
    reserve(count);
    char* const at = data_ + head_ + offset;
    std::memmove(at + count, at, size() - offset);
    tail_ += count;
  }
  // The unread byte at `offset`, to be patched.
  char* at(std::size_t offset) {
    TREFOIL_DEBUG_ASSERT(offset <= size());
    return data_ + head_ + offset;
  }

  void clear() { head_ = tail_ = 0; }
  // Gives back the room behind what is unread, if it is much.
  void shrink();
  // Gives the memory back. Only when empty.
  void release() {
    TREFOIL_ASSERT(empty());
    freeAll();
    data_ = nullptr;
    head_ = tail_ = capacity_ = 0;
  }
  // Gives the memory, with what is in it, to the caller.
  [[nodiscard]] RequestBlock giveAway() {
    head_ = tail_ = 0;
    return {std::exchange(data_, nullptr), std::exchange(capacity_, 0)};
  }
  void swap(ByteBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(head_, other.head_);
    std::swap(tail_, other.tail_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void makeRoom(std::size_t more);
  void growTo(std::size_t capacity);
  void freeAll() {
    if (data_ != nullptr) {
      MemoryAccount::add(MemoryLeaf::kClients, -static_cast<std::int64_t>(capacity_));
      std::free(data_);
    }
  }

  char* data_ = nullptr;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace trefoil::net
