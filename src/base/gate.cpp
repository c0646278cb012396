#include "base/gate.hpp"

#include <bit>

#include "base/assert.hpp"

namespace trefoil {

namespace {

constexpr std::uint32_t kMaxSlots = 64;
constexpr int kSpins = 200;  // a reader inside a gate is gone within a microsecond or so

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

std::atomic<std::uint32_t> Gate::next_thread_index_{0};

Gate::Gate(std::uint32_t slots, LockRank rank, std::uint64_t id) : rank_(rank), id_(id) {
  TREFOIL_ASSERT(slots >= 1 && slots <= kMaxSlots);
  const std::uint32_t count = std::bit_ceil(slots);
  mask_ = count - 1;
  slots_ = std::make_unique<Slot[]>(count);
}

Gate::~Gate() {
  TREFOIL_DEBUG_ASSERT(door_.load() == kOpen);
  for (std::uint32_t slot = 0; slot <= mask_; ++slot) {
    TREFOIL_DEBUG_ASSERT(slots_[slot].count.load() == 0);
  }
}

void Gate::waitForDoor(std::uint32_t slot) {
  for (;;) {
    stepBack(slot);  // and tells the exclusive side
    for (int spin = 0; spin < kSpins && door_.load(std::memory_order_relaxed) != kOpen; ++spin) {
      pause();
    }
    std::uint32_t door = kClosed;
    if (door_.compare_exchange_strong(door, kAwaited, std::memory_order_acq_rel) || door == kAwaited) {
      door_.wait(kAwaited, std::memory_order_acquire);
    }
    slots_[slot].count.fetch_add(1, std::memory_order_seq_cst);
    if (door_.load(std::memory_order_seq_cst) == kOpen) {
      return;
    }
  }
}

void Gate::wakeExclusive() {
  departures_.fetch_add(1, std::memory_order_seq_cst);
  departures_.notify_one();
}

void Gate::enterExclusive() {
  LockOrder::take(rank_, id_);
  exclusive_.lock();
  door_.store(kClosed, std::memory_order_seq_cst);
  for (std::uint32_t slot = 0; slot <= mask_; ++slot) {
    for (int spin = 0; slots_[slot].count.load(std::memory_order_seq_cst) != 0; ++spin) {
      if (spin < kSpins) {
        pause();
        continue;
      }
      // Look at the departures before the slot: who leaves after that look changes the number, and the wait falls through.
      const std::uint32_t departures = departures_.load(std::memory_order_seq_cst);
      if (slots_[slot].count.load(std::memory_order_seq_cst) != 0) {
        departures_.wait(departures, std::memory_order_seq_cst);
      }
    }
  }
}

void Gate::leaveExclusive() {
  TREFOIL_DEBUG_ASSERT(isClosed());
  LockOrder::leave(rank_, id_);
  if (door_.exchange(kOpen, std::memory_order_seq_cst) == kAwaited) {
    door_.notify_all();
  }
  exclusive_.unlock();
}

}  // namespace trefoil
