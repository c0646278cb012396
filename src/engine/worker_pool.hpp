// The slow lane: long statements run here, on a bounded TBB arena, so that event loops stay free for short ones.
//
// The queue is bounded: a statement that finds it full is refused at once, never silently kept waiting without end.
// Thread safety: all functions.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "base/status.hpp"

namespace trefoil {

class WorkerPool {
 public:
  // `threads` workers; 0: one for each processor.
  explicit WorkerPool(std::size_t threads);
  // Waits for everything that was submitted.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs `work` on a worker, where it may use TBB's parallel algorithms. kBusy if `queue_limit` statements are waiting or
  // running.
  Status submit(std::function<void()> work, std::size_t queue_limit);
  // Returns when nothing is waiting or running.
  void drain();
  [[nodiscard]] std::size_t pending() const;

 private:
  struct Arena;  // keeps TBB out of this header
  std::unique_ptr<Arena> arena_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t pending_ = 0;
};

}  // namespace trefoil
