// RequestBlock: the block of memory in which a large request has arrived. Whoever runs the request may keep it: the value of a
// SET stays where it is, and the block around it becomes the key's entry (kv/prepared_strings.hpp).
//
// Ownership: the block is freed with this object, unless it was taken before.
// Thread safety: none; whoever commits what the request has staged may take it on another thread, under a lock that the owner
// takes afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <utility>

#include "base/memory_account.hpp"

namespace trefoil {

class RequestBlock {
 public:
  RequestBlock() = default;
  // A block of malloc's of `size` bytes, which the account of clients' buffers knows as such.
  RequestBlock(char* memory, std::size_t size) : memory_(memory), size_(size) {}
  RequestBlock(RequestBlock&& other) noexcept { swap(other); }
  RequestBlock& operator=(RequestBlock&& other) noexcept {
    swap(other);
    return *this;
  }
  RequestBlock(const RequestBlock&) = delete;
  RequestBlock& operator=(const RequestBlock&) = delete;
  ~RequestBlock() { release(); }

  // Offers it to whoever runs the request: `argument`, which outlives this, is the only one that lies in it. It is empty once the
  // block is taken, so that nobody reads what is another's by then.
  void offer(std::string_view* argument) { argument_ = argument; }
  [[nodiscard]] bool isOffered() const { return argument_ != nullptr; }

  [[nodiscard]] char* memory() const { return memory_; }
  [[nodiscard]] bool holds(std::string_view bytes) const {
    return memory_ != nullptr && std::less_equal<>()(memory_, bytes.data()) &&
           std::less_equal<>()(bytes.data() + bytes.size(), memory_ + size_);
  }
  // The block is the caller's, and in no account.
  char* take() {
    MemoryAccount::add(MemoryLeaf::kClients, -static_cast<std::int64_t>(size_));
    if (argument_ != nullptr) {
      *argument_ = {};
    }
    return std::exchange(memory_, nullptr);
  }
  void release() {
    if (memory_ != nullptr) {
      std::free(take());
    }
  }

 private:
  void swap(RequestBlock& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(argument_, other.argument_);
  }

  char* memory_ = nullptr;
  std::size_t size_ = 0;
  std::string_view* argument_ = nullptr;
};

}  // namespace trefoil
