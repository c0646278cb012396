#include "engine/worker_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>

#include "base/parallel.hpp"

namespace trefoil {

namespace {

constexpr auto kIdle = std::chrono::seconds(10);

std::int64_t monotonicMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

WorkerPool::WorkerPool(std::size_t threads)
    : workers_(threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency())) {}

WorkerPool::~WorkerPool() {
  drain();
  std::unique_lock lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
  drained_.wait(lock, [this] { return threads_.empty(); });
  joinEnded(lock);
}

Result<std::uint64_t> WorkerPool::submit(std::function<void()> work, SlowLane lane, std::size_t queue_limit) {
  std::unique_lock lock(mutex_);
  Lane& own = lanes_[static_cast<std::size_t>(lane)];
  if (own.size() >= queue_limit) {
    return Error(ErrorCode::kBusy, "too many long statements are waiting (slow-lane-queue is " + std::to_string(queue_limit) +
                                       "): try again later");
  }
  const std::uint64_t ticket = next_ticket_++;
  try {
    own.waiting.push_back({ticket, std::move(work), &own});
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::kBusy, "the system has no memory for a long statement: try again later");
  }
  if (!wakeSomebody() && threads_.empty()) {
    own.waiting.pop_back();
    return Error(ErrorCode::kBusy, "the system has no thread for a long statement: try again later");
  }
  joinEnded(lock);
  return ticket;
}

bool WorkerPool::withdraw(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  for (Lane& lane : lanes_) {
    const auto found =
        std::find_if(lane.waiting.begin(), lane.waiting.end(), [&](const Task& task) { return task.ticket == ticket; });
    if (found != lane.waiting.end()) {
      lane.waiting.erase(found);
      drained_.notify_all();
      return true;
    }
  }
  return false;
}

void WorkerPool::drain() {
  std::unique_lock lock(mutex_);
  drained_.wait(lock,
                [this] { return std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.size() == 0; }); });
}

std::size_t WorkerPool::pending() const {
  const std::lock_guard lock(mutex_);
  return lanes_[0].size() + lanes_[1].size();
}

bool WorkerPool::anyWaiting() const {
  return std::any_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return !lane.waiting.empty(); });
}

// Whenever something waits there is a thread that is idle, be it only to see when the next one counts as long.
// False: the system has no more threads; those that run go on with what waits.
bool WorkerPool::wakeSomebody() {
  if (idle_ > 0) {
    wake_.notify_one();
    return true;
  }
  std::list<std::thread> fresh;
  try {
    fresh.emplace_front();
    fresh.front() = std::thread([this, self = fresh.begin()] { work(self); });
  } catch (const std::system_error&) {
    return false;
  } catch (const std::bad_alloc&) {
    return false;
  }
  threads_.splice(threads_.begin(), fresh);
  ++idle_;  // it is as good as there
  ::pthread_setname_np(threads_.front().native_handle(), "slow-lane");
  return true;
}

void WorkerPool::joinEnded(std::unique_lock<std::mutex>& lock) {
  std::list<std::thread> ended;
  ended.swap(ended_);
  lock.unlock();
  for (std::thread& thread : ended) {
    thread.join();
  }
}

// The lane whose next one may begin; null if there is none.
WorkerPool::Lane* WorkerPool::nextLane() {
  const std::int64_t now = monotonicMicros();
  for (Task& one : running_) {
    if (!one.lengthy && now - one.started_us >= kLongMicros && one.lane->lengthy < workers_ * kLongPerWorker) {
      one.lengthy = true;
      --one.lane->brief;
      ++one.lane->lengthy;
    }
  }
  const auto found = std::find_if(lanes_.rbegin(), lanes_.rend(),
                                  [this](const Lane& lane) { return !lane.waiting.empty() && lane.brief < workers_; });
  return found == lanes_.rend() ? nullptr : &*found;
}

// When the next of the running ones counts as long.
std::int64_t WorkerPool::nextLongAt() const {
  std::int64_t next = INT64_MAX;
  for (const Task& one : running_) {
    if (!one.lengthy && one.lane->lengthy < workers_ * kLongPerWorker) {
      next = std::min(next, one.started_us + kLongMicros);
    }
  }
  return next;
}

void WorkerPool::run(Lane& lane, LoopArena& loops, std::unique_lock<std::mutex>& lock) {
  const auto self = lane.waiting.begin();
  self->started_us = monotonicMicros();
  running_.splice(running_.end(), lane.waiting, self);
  ++lane.brief;
  if (anyWaiting()) {
    wakeSomebody();
  }
  lock.unlock();
  loops.execute(self->work);
  self->work = nullptr;
  lock.lock();
  --(self->lengthy ? lane.lengthy : lane.brief);
  running_.erase(self);
  drained_.notify_all();
}

void WorkerPool::work(std::list<std::thread>::iterator self) {
  LoopArena loops(workers_);
  std::unique_lock lock(mutex_);
  while (true) {
    if (Lane* const lane = nextLane(); lane != nullptr) {
      --idle_;
      run(*lane, loops, lock);
      ++idle_;
    } else if (anyWaiting()) {
      const std::int64_t at = nextLongAt();
      if (at == INT64_MAX) {
        wake_.wait(lock);
      } else {
        wake_.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::microseconds(at)));
      }
    } else if (stopping_ || wake_.wait_for(lock, kIdle) == std::cv_status::timeout) {
      if (!anyWaiting()) {
        break;
      }
    }
  }
  --idle_;
  ended_.splice(ended_.begin(), threads_, self);
  drained_.notify_all();
}

}  // namespace trefoil
