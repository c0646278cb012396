#include "base/reaper.hpp"

#include <thread>
#include <utility>

namespace trefoil {

Reaper& Reaper::instance() {
  static Reaper& reaper = *new Reaper;
  return reaper;
}

void Reaper::run(Work work) {
  const std::lock_guard lock(mutex_);
  if (!started_) {
    std::thread([this] { loop(); }).detach();
    started_ = true;
  }
  queue_.push_back(std::move(work));
  wakes_.notify_one();
}

void Reaper::drain() {
  std::unique_lock lock(mutex_);
  sleeps_.wait(lock, [this] { return queue_.empty() && !busy_; });
}

void Reaper::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wakes_.wait(lock, [this] { return !queue_.empty(); });
    const std::vector<Work> works = std::exchange(queue_, {});
    busy_ = true;
    lock.unlock();
    for (const Work& work : works) {
      work();
    }
    lock.lock();
    busy_ = false;
    sleeps_.notify_all();
  }
}

}  // namespace trefoil
