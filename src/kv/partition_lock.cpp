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

PartitionLock::Grant PartitionLock::spin() {
  for (int i = 0; i < kSpins; ++i) {
    std::uint32_t expected = state_.load(std::memory_order_relaxed);
    if ((expected == kFree || expected == kOwing) &&
        state_.compare_exchange_weak(expected, kHeld, std::memory_order_acquire, std::memory_order_relaxed)) {
      return expected == kOwing ? Grant::kOwing : Grant::kClean;
    }
    pauseCpu();
  }
  return Grant::kNone;
}

PartitionLock::Grant PartitionLock::lockSoonContended() {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds kSoon(300);
  const Clock::time_point end = Clock::now() + kSoon;
  Grant grant = spin();
  while (grant == Grant::kNone && Clock::now() < end) {
    std::this_thread::yield();  // to the holder, perhaps
    grant = spin();
  }
  return grant;
}

PartitionLock::Grant PartitionLock::lockContended() {
  if (const Grant grant = spin(); grant != Grant::kNone) {
    return grant;
  }
  // Whoever gets the lock here leaves it marked: others may still be asleep.
  while (true) {
    const std::uint32_t before = state_.exchange(kSleepers, std::memory_order_acquire);
    if (before == kFree || before == kOwing) {
      return before == kOwing ? Grant::kOwing : Grant::kClean;
    }
    state_.wait(kSleepers, std::memory_order_relaxed);
  }
}

}  // namespace trefoil::kv
