#include "engine/following.hpp"

#include <utility>

#include "base/logging.hpp"
#include "base/query_memory.hpp"

namespace trefoil {

Following::Following(aof::Log& log, std::unique_ptr<txn::Follower> follower)
    : log_(log),
      follower_(std::move(follower)),
      listener_(log.onReached([this] { more_.raise(); })),
      lsn_(follower_->lsn()),
      thread_([this] { run(); }) {}

Following::~Following() {
  stopping_.store(true);
  more_.raise();
  thread_.join();
  log_.removeOnReached(listener_);
}

void Following::run() {
  while (!stopping_.load()) {
    bool more = true;
    const Status stepped = guardMemory([&]() -> Status {
      TREFOIL_ASSIGN(more, follower_->step());
      return {};
    });
    if (!stepped.ok()) {
      logWarning("following another database has ended: {}", stepped.error().message);
      const std::lock_guard lock(mutex_);
      failure_ = Status(stepped.error());
      moved_.notify_all();
      return;
    }
    if (more) {
      lsn_.store(follower_->lsn(), std::memory_order_release);
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      lsn_.store(follower_->lsn(), std::memory_order_release);
      moved_.notify_all();
    }
    more_.await();
  }
}

Status Following::catchUp(std::chrono::steady_clock::time_point deadline) {
  const Lsn reached = log_.reachedLsn();
  std::unique_lock lock(mutex_);
  const bool in_time = moved_.wait_until(lock, deadline, [&] { return lsn_ >= reached || !failure_.ok(); });
  if (!failure_.ok()) {
    return failure_.error();
  }
  return in_time ? Status() : Status(Error(ErrorCode::kTimeout, "the follower has not caught up in time"));
}

}  // namespace trefoil
