// PartitionLock: four bytes, held for well under a microsecond as a rule. Spins a little, then sleeps in the kernel (futex).
//
//   0 free    1 held    2 held, and somebody may be asleep        after Drepper, "Futexes Are Tricky", mutex 2
//   3 free, and something is owed: whoever gets it does that first (kv/prepared_effects.hpp)
#pragma once

#include <atomic>
#include <cstdint>

#include "base/assert.hpp"

namespace trefoil::kv {

class PartitionLock {
 public:
  enum class Grant : std::uint8_t {
    kNone,   // not held
    kClean,  // held
    kOwing,  // held, and something is owed
  };

  [[nodiscard]] Grant lock() {
    std::uint32_t expected = kFree;
    if (!state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed)) [[unlikely]] {
      return lockContended();
    }
    return Grant::kClean;
  }
  // For a thread that must not be held up: kNone if the lock is not to be had within some tenths of a millisecond.
  [[nodiscard]] Grant lockSoon() {
    std::uint32_t expected = kFree;
    if (!state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed)) [[unlikely]] {
      return lockSoonContended();
    }
    return Grant::kClean;
  }
  // Does not wait at all: kNone also where something is owed.
  [[nodiscard]] Grant tryLock() {
    std::uint32_t expected = kFree;
    return state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed) ? Grant::kClean
                                                                                                                 : Grant::kNone;
  }
  void unlock() { leave(kFree); }
  void unlockOwing() { leave(kOwing); }
  [[nodiscard]] bool isLocked() const {
    const std::uint32_t state = state_.load(std::memory_order_relaxed);
    return state == kHeld || state == kSleepers;
  }

 private:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kHeld = 1;
  static constexpr std::uint32_t kSleepers = 2;
  static constexpr std::uint32_t kOwing = 3;
  static constexpr int kSpins = 128;

  void leave(std::uint32_t state) {
    const std::uint32_t before = state_.exchange(state, std::memory_order_release);
    TREFOIL_DEBUG_ASSERT(before == kHeld || before == kSleepers);
    if (before == kSleepers) [[unlikely]] {
      state_.notify_one();
    }
  }
  Grant spin();
  Grant lockContended();
  Grant lockSoonContended();

  std::atomic<std::uint32_t> state_{kFree};
};

}  // namespace trefoil::kv
