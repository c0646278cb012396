// PartitionLock: four bytes, held for well under a microsecond as a rule. Spins a little, then sleeps in the kernel (futex).
//
//   0 free    1 held    2 held, and somebody may be asleep        after Drepper, "Futexes Are Tricky", mutex 2
#pragma once

#include <atomic>
#include <cstdint>

#include "base/assert.hpp"

namespace trefoil::kv {

class PartitionLock {
 public:
  void lock() {
    std::uint32_t expected = kFree;
    if (!state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed)) [[unlikely]] {
      lockContended();
    }
  }
  // For a thread that must not be held up: false if the lock is not to be had within some tenths of a millisecond.
  [[nodiscard]] bool lockSoon() {
    std::uint32_t expected = kFree;
    return state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed) ||
           lockSoonContended();
  }
  void unlock() {
    const std::uint32_t before = state_.exchange(kFree, std::memory_order_release);
    TREFOIL_DEBUG_ASSERT(before != kFree);
    if (before == kSleepers) [[unlikely]] {
      state_.notify_one();
    }
  }
  [[nodiscard]] bool isLocked() const { return state_.load(std::memory_order_relaxed) != kFree; }

 private:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kHeld = 1;
  static constexpr std::uint32_t kSleepers = 2;
  static constexpr int kSpins = 128;

  bool spin();
  void lockContended();
  bool lockSoonContended();

  std::atomic<std::uint32_t> state_{kFree};
};

}  // namespace trefoil::kv
