// Owns the bytes of values made while a statement runs: text and vectors that a Datum or a column refers to.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/query_memory.hpp"

namespace trefoil::sql {

class ByteArena {
 public:
  ByteArena() = default;
  ByteArena(const ByteArena&) = delete;
  ByteArena& operator=(const ByteArena&) = delete;
  // Uninitialised room, aligned to 16 bytes.
  char* allocate(std::size_t size) {
    size = (size + 15) & ~std::size_t{15};
    if (static_cast<std::size_t>(limit_ - cursor_) < size) {
      return allocateSlow(size);
    }
    char* result = cursor_;
    cursor_ += size;
    return result;
  }
  std::string_view copy(std::string_view bytes);
  // Forgets everything; keeps the largest block for reuse.
  void reset();
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  char* allocateSlow(std::size_t size);
  char* cursor_ = nullptr;
  char* limit_ = nullptr;
  std::size_t capacity_ = 0;
  std::vector<CountedBytes> blocks_;
};

}  // namespace trefoil::sql
