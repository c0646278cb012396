// Gate: many readers, a rare exclusive side, and no cache line that readers share.
//
//   slot 0 [count]   slot 1 [count]   …   slot n-1 [count]        each on a cache line of its own
//   door   [open/closed/awaited]                                  opened and closed by the exclusive side only
//
// A reader adds one to the slot of its thread and then looks at the door: open, and it is in. Closed, and it takes its one back
// and waits for the door, having marked it, so that an opening that nobody awaits needs no system call. The exclusive side (a
// mutex among themselves) closes the door and then waits until every slot is zero. Both sides write first and look second with
// sequentially consistent operations, so at least one sees the other.
//
// Used as the database's gate (append and apply inside, a snapshot exclusive) and, with fewer slots, as a table's lock.
//
// Rules for users: shared entry is not recursive (a second entry of the same thread would wait for the door, and the door for the
// first one). Whoever enters leaves (lock_order.hpp). Inside, no I/O and no parallel loop.
// Thread safety: all member functions.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/lock_order.hpp"

namespace trefoil {

class Gate {
 public:
  // Names the slot that was counted up, to be given back to leaveShared.
  struct Token {
    std::uint32_t slot;
  };

  // `slots` is rounded up to a power of two, at most 64. Rank and id: its place in the order of locks.
  explicit Gate(std::uint32_t slots = 32, LockRank rank = LockRank::kUnranked, std::uint64_t id = 0);
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate();

  [[nodiscard]] Token enterShared() {
    LockOrder::take(rank_, id_);
    const std::uint32_t slot = threadIndex() & mask_;
    slots_[slot].count.fetch_add(1, std::memory_order_seq_cst);
    if (door_.load(std::memory_order_seq_cst) != kOpen) [[unlikely]] {
      waitForDoor(slot);
    }
    return {slot};
  }
  void leaveShared(Token token) {
    LockOrder::leave(rank_, id_);
    stepBack(token.slot);
  }

  void enterExclusive();
  void leaveExclusive();

  // True while somebody is, or is about to be, inside exclusively. For assertions.
  [[nodiscard]] bool isClosed() const { return door_.load(std::memory_order_relaxed) != kOpen; }

  // A small number of its own for each thread, dense from 0.
  static std::uint32_t threadIndex() {
    thread_local const std::uint32_t index = next_thread_index_.fetch_add(1, std::memory_order_relaxed);
    return index;
  }

 private:
  static constexpr std::uint32_t kOpen = 0;
  static constexpr std::uint32_t kClosed = 1;
  static constexpr std::uint32_t kAwaited = 2;  // closed, and somebody sleeps until it opens

  struct alignas(64) Slot {
    std::atomic<std::uint32_t> count{0};
  };

  void stepBack(std::uint32_t slot) {
    slots_[slot].count.fetch_sub(1, std::memory_order_seq_cst);
    if (door_.load(std::memory_order_seq_cst) != kOpen) [[unlikely]] {
      wakeExclusive();
    }
  }
  void waitForDoor(std::uint32_t slot);
  void wakeExclusive();

  alignas(64) std::atomic<std::uint32_t> door_{kOpen};
  std::uint32_t mask_;
  const LockRank rank_;
  const std::uint64_t id_;
  std::unique_ptr<Slot[]> slots_;
  alignas(64) std::atomic<std::uint32_t> departures_{0};  // bumped by readers that leave while the door is closed
  std::mutex exclusive_;

  static std::atomic<std::uint32_t> next_thread_index_;
};

// Inside the gate, shared, for the guard's lifetime.
class SharedGuard {
 public:
  explicit SharedGuard(Gate& gate) : gate_(gate), token_(gate.enterShared()) {}
  SharedGuard(const SharedGuard&) = delete;
  SharedGuard& operator=(const SharedGuard&) = delete;
  ~SharedGuard() { gate_.leaveShared(token_); }

 private:
  Gate& gate_;
  Gate::Token token_;
};

// Inside the gate, alone, for the guard's lifetime.
class ExclusiveGuard {
 public:
  explicit ExclusiveGuard(Gate& gate) : gate_(gate) { gate_.enterExclusive(); }
  ExclusiveGuard(const ExclusiveGuard&) = delete;
  ExclusiveGuard& operator=(const ExclusiveGuard&) = delete;
  ~ExclusiveGuard() { gate_.leaveExclusive(); }

 private:
  Gate& gate_;
};

}  // namespace trefoil
