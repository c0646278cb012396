// A reference to bytes in 16 bytes: the layout of text, blob and json in column chunks and in the executor's columns.
//
//   size ≤ 12:  | size u32 | up to 12 bytes, the rest zero      |
//   size > 12:  | size u32 | first 4 bytes | pointer to all bytes |
//
// Invariant: unused inline bytes are zero, so two short strings are equal exactly if their 16 bytes are, and the first 8 bytes
// (size and prefix) decide most comparisons without touching the heap.
// Ownership: none. A chunk or an executor's arena owns the bytes of a long one. A short one owns its bytes itself: view() points
// into the object, so it lives no longer than the StringRef it was taken from.
// After "Umbra: A Disk-Based System with In-Memory Performance" (Neumann, Freitag, 2020), section 3.1.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/assert.hpp"

namespace trefoil::sql {

class StringRef {
 public:
  static constexpr std::size_t kInlineBytes = 12;

  StringRef() = default;
  // Views `bytes` if they are longer than kInlineBytes, else copies them.
  explicit StringRef(std::string_view bytes) : size_(static_cast<std::uint32_t>(bytes.size())) {
    TREFOIL_DEBUG_ASSERT(bytes.size() <= UINT32_MAX);
    if (bytes.size() <= kInlineBytes) {
      if (!bytes.empty()) {
        std::memcpy(bytes_, bytes.data(), bytes.size());
      }
    } else {
      const char* data = bytes.data();
      std::memcpy(bytes_, data, 4);
      std::memcpy(bytes_ + 4, &data, sizeof data);
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool isInline() const { return size_ <= kInlineBytes; }
  [[nodiscard]] const char* data() const {
    if (isInline()) {
      return bytes_;
    }
    const char* data;
    std::memcpy(&data, bytes_ + 4, sizeof data);
    return data;
  }
  [[nodiscard]] std::string_view view() const { return {data(), size_}; }

  friend bool operator==(const StringRef& a, const StringRef& b) {
    std::uint64_t head_a;
    std::uint64_t head_b;
    std::memcpy(&head_a, &a, 8);
    std::memcpy(&head_b, &b, 8);
    if (head_a != head_b) {
      return false;
    }
    if (a.isInline()) {
      return std::memcmp(a.bytes_ + 4, b.bytes_ + 4, 8) == 0;
    }
    return std::memcmp(a.data(), b.data(), a.size_) == 0;
  }
  // Bytewise order (collation "C").
  [[nodiscard]] int compare(const StringRef& other) const { return view().compare(other.view()); }

 private:
  std::uint32_t size_ = 0;
  char bytes_[12] = {};  // inline bytes, or 4 bytes of prefix and the pointer
};
static_assert(sizeof(StringRef) == 16);

// A vector value in the executor's columns: floats that somebody else owns (the column's arena, a parameter, a constant).
struct VectorRef {
  const float* data = nullptr;
  std::uint32_t dimension = 0;
};
static_assert(sizeof(VectorRef) == 16);

}  // namespace trefoil::sql
