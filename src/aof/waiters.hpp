// Waiters: threads that wait, under a mutex, for something that another thread changes without that mutex. Telling them costs one
// atomic operation while there are none.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace trefoil::aof {

class Waiters {
 public:
  // One who is about to look, and perhaps to wait; counted from here on.
  class Entry {
   public:
    explicit Entry(Waiters& waiters) : waiters_(waiters) { waiters_.count_.fetch_add(1, std::memory_order_seq_cst); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { waiters_.count_.fetch_sub(1, std::memory_order_seq_cst); }

    template <typename Predicate>
    void wait(std::unique_lock<std::mutex>& lock, Predicate predicate) {
      waiters_.condition_.wait(lock, predicate);
    }

   private:
    Waiters& waiters_;
  };

  [[nodiscard]] bool any() const { return count_.load(std::memory_order_seq_cst) != 0; }

  // After a change. The read-modify-write orders that change before the look at the count: either we see the waiter, or it sees
  // the change. `mutex` is the one that they wait under; it is not held.
  void notify(std::mutex& mutex) {
    if (count_.fetch_add(0, std::memory_order_seq_cst) != 0) {
      const std::lock_guard lock(mutex);
      condition_.notify_all();
    }
  }
  // The same, with the mutex held.
  void notifyLocked() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
  std::atomic<unsigned> count_{0};
};

}  // namespace trefoil::aof
