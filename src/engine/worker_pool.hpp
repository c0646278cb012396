// The slow lane: long statements run here, on a bounded arena of workers, so that event loops stay free for short ones.
//
// The queue is bounded: a statement that finds it full is refused at once, never silently kept waiting without end.
// Thread safety: all functions.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/parallel.hpp"
#include "base/status.hpp"

namespace trefoil {

class WorkerPool {
 public:
  // `threads` workers; 0: one for each processor.
  explicit WorkerPool(std::size_t threads) : arena_(threads) {}

  // Runs `work` on a worker, where it may use parallel loops. kBusy if `queue_limit` statements are waiting or running.
  Status submit(std::function<void()> work, std::size_t queue_limit);
  // Returns when nothing is waiting or running.
  void drain() { arena_.drain(); }
  [[nodiscard]] std::size_t pending() const { return pending_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> pending_{0};
  WorkerArena arena_;
};

}  // namespace trefoil
