// SegmentedArray: records of one size, numbered from 0, that never move.
//
//   record number   segment = position of its highest bit (after adding kBlock), index = the bits below
//   segment s       kBlock << s records, allocated once, on a 64-byte boundary; large ones ask for huge pages
//
// So the array grows without copying and readers need no lock: the address of a record is a table look-up. Memory is touched only
// as records are used; doubling costs address space.
//
// Thread safety: reserve() by one thread at a time; at() by any, for records that were reserved before (and learnt of from the
// thread that did). What is in the records is the user's business.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <type_traits>

#include <sys/mman.h>

#include "base/memory_reserve.hpp"

namespace trefoil::vector {

template <typename T>
class SegmentedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  // Records from a multiple of this on lie side by side.
  static constexpr std::size_t kBlock = 64;

  // A record is `width` values of T, not initialised.
  explicit SegmentedArray(std::size_t width = 1) : record_bytes_(width * sizeof(T)) {}
  SegmentedArray(const SegmentedArray&) = delete;
  SegmentedArray& operator=(const SegmentedArray&) = delete;
  ~SegmentedArray() {
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      if (const std::uintptr_t base = segments_[s].load(std::memory_order_relaxed)) {
        std::free(reinterpret_cast<void*>(base + firstOf(s) * record_bytes_));
      }
    }
  }

  [[nodiscard]] T* at(std::uint32_t record) const {
    const std::uintptr_t base = segments_[segmentOf(record)].load(std::memory_order_acquire);
    return reinterpret_cast<T*>(base + record * record_bytes_);
  }
  T& operator[](std::uint32_t record) const { return *at(record); }

  // Makes sure that `record` has memory.
  void reserve(std::uint32_t record) {
    std::atomic<std::uintptr_t>& segment = segments_[segmentOf(record)];
    if (segment.load(std::memory_order_relaxed) == 0) {
      const std::size_t s = segmentOf(record);
      segment.store(allocate((kBlock << s) * record_bytes_) - firstOf(s) * record_bytes_, std::memory_order_release);
    }
  }
  [[nodiscard]] std::size_t recordBytes() const { return record_bytes_; }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

  static std::size_t segmentOf(std::uint32_t record) {
    return static_cast<std::size_t>(57 - __builtin_clzll(std::uint64_t{record} + kBlock));
  }
  static std::size_t firstOf(std::size_t segment) { return (kBlock << segment) - kBlock; }
  static std::uintptr_t allocate(std::size_t bytes) {
    const std::size_t alignment = bytes >= 4 * kHugePage ? kHugePage : 64;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    void* const memory = memory_reserve::allocateAligned(alignment, bytes);
    if (alignment == kHugePage) {
      (void)madvise(memory, bytes, MADV_HUGEPAGE);  // a wish only
    }
    return reinterpret_cast<std::uintptr_t>(memory);
  }

  const std::size_t record_bytes_;
  // Where record 0 would lie if the segment began with it.
  std::array<std::atomic<std::uintptr_t>, 27> segments_{};
};

}  // namespace trefoil::vector
