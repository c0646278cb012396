#include "engine/worker_pool.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <thread>

namespace trefoil {

namespace {

int concurrencyOf(std::size_t threads) {
  if (threads == 0) {
    threads = std::max(1U, std::thread::hardware_concurrency());
  }
  return static_cast<int>(threads);
}

}  // namespace

struct WorkerPool::Arena {
  explicit Arena(int concurrency)
      // TBB would run one worker less than it counts processors, since it expects the caller to help; event loops do not.
      : limit(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(concurrency) + 1),
        arena(concurrency, 0) {}
  oneapi::tbb::global_control limit;
  oneapi::tbb::task_arena arena;
};

WorkerPool::WorkerPool(std::size_t threads) : arena_(std::make_unique<Arena>(concurrencyOf(threads))) {}

WorkerPool::~WorkerPool() {
  drain();
}

Status WorkerPool::submit(std::function<void()> work, std::size_t queue_limit) {
  {
    const std::lock_guard lock(mutex_);
    if (pending_ >= queue_limit) {
      return Error(ErrorCode::kBusy, "too many long statements are waiting (slow-lane-queue is " + std::to_string(queue_limit) +
                                         "): try again later");
    }
    ++pending_;
  }
  arena_->arena.enqueue([this, work = std::move(work)] {
    work();
    const std::lock_guard lock(mutex_);
    if (--pending_ == 0) {
      idle_.notify_all();
    }
  });
  return {};
}

void WorkerPool::drain() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return pending_ == 0; });
}

std::size_t WorkerPool::pending() const {
  const std::lock_guard lock(mutex_);
  return pending_;
}

}  // namespace trefoil
