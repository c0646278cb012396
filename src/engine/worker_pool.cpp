#include "engine/worker_pool.hpp"

namespace trefoil {

Status WorkerPool::submit(std::function<void()> work, std::size_t queue_limit) {
  if (pending_.fetch_add(1, std::memory_order_relaxed) >= queue_limit) {
    pending_.fetch_sub(1, std::memory_order_relaxed);
    return Error(ErrorCode::kBusy, "too many long statements are waiting (slow-lane-queue is " + std::to_string(queue_limit) +
                                       "): try again later");
  }
  arena_.enqueue([this, work = std::move(work)] {
    work();
    pending_.fetch_sub(1, std::memory_order_relaxed);
  });
  return {};
}

}  // namespace trefoil
