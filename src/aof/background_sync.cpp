#include "aof/background_sync.hpp"

#include <utility>

#include "base/assert.hpp"

namespace trefoil::aof {

BackgroundSync::~BackgroundSync() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void BackgroundSync::start(File& file) {
  TREFOIL_ASSERT(!busy_);
  busy_ = true;
  {
    const std::lock_guard lock(mutex_);
    file_ = &file;
    changed_.notify_all();
  }
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
  }
}

std::optional<Status> BackgroundSync::take() {
  const std::lock_guard lock(mutex_);
  busy_ = busy_ && !result_.has_value();
  return std::exchange(result_, std::nullopt);
}

std::optional<Status> BackgroundSync::wait() {
  if (!busy_) {
    return std::nullopt;
  }
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return result_.has_value(); });
  }
  return take();
}

void BackgroundSync::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return file_ != nullptr || stopping_; });
    if (file_ == nullptr) {
      return;
    }
    File& file = *std::exchange(file_, nullptr);
    lock.unlock();
    Status status = file.sync();
    lock.lock();
    result_.emplace(std::move(status));
    changed_.notify_all();
    lock.unlock();
    done_();
    lock.lock();
  }
}

}  // namespace trefoil::aof
