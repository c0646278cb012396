// TableReservation: who keeps losing against others goes first.
//
// An optimistic statement may conflict again and again with those who are quicker. In the end it reserves the tables that it
// uses: whoever is about to change one of them waits, without a lock, until the statement has committed or given up, but not
// longer than kPatience. Readers do not ask, and other tables are not concerned.
//
// Nothing but the order of commits depends on it: the statement is validated as always, whoever comes too early or has lost
// patience is a conflict like any other.
//
// Thread safety: all functions.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace trefoil::sql {

class TableReservation {
 public:
  // `who` is not 0.
  void take(std::uint64_t who) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return holder_.load(std::memory_order_relaxed) == 0; });
    holder_.store(who, std::memory_order_release);
  }
  void giveBack() {
    {
      const std::lock_guard lock(mutex_);
      holder_.store(0, std::memory_order_release);
    }
    changed_.notify_all();
  }
  // By somebody else than `who`.
  [[nodiscard]] bool isTaken(std::uint64_t who) const {
    const std::uint64_t holder = holder_.load(std::memory_order_acquire);
    return holder != 0 && holder != who;
  }
  void await() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [this] { return holder_.load(std::memory_order_relaxed) == 0; });
  }

 private:
  static constexpr std::chrono::seconds kPatience{2};

  std::atomic<std::uint64_t> holder_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace trefoil::sql
