#include "kv/partition_lock.hpp"

#include <chrono>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace trefoil::kv {

namespace {
inline void pauseCpu() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}
}  // namespace

bool PartitionLock::spin() {
  for (int i = 0; i < kSpins; ++i) {
    std::uint32_t expected = kFree;
    if (state_.load(std::memory_order_relaxed) == kFree &&
        state_.compare_exchange_weak(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed)) {
      return true;
    }
    pauseCpu();
  }
  return false;
}

bool PartitionLock::lockSoonContended() {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds kSoon(300);
  const Clock::time_point end = Clock::now() + kSoon;
  while (!spin()) {
    if (Clock::now() >= end) {
      return false;
    }
    std::this_thread::yield();  // to the holder, perhaps
  }
  return true;
}

void PartitionLock::lockContended() {
  if (spin()) {
    return;
  }
  // Whoever gets the lock here leaves it marked: others may still be asleep.
  while (state_.exchange(kSleepers, std::memory_order_acquire) != kFree) {
    state_.wait(kSleepers, std::memory_order_relaxed);
  }
}

}  // namespace trefoil::kv
