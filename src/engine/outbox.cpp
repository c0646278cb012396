#include "engine/outbox.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "engine/output_limits.hpp"

namespace trefoil {

namespace {

// Room that is kept for the next messages, so that one that comes now and then allocates nothing.
constexpr std::size_t kKeptRoom = 8;

}  // namespace

bool Outbox::post(const MessagePointer& message, Lsn fence, const bool* still_wanted) {
  const std::lock_guard lock(mutex_);
  if (closed_ || overflowed_ || (still_wanted != nullptr && !*still_wanted)) {
    return false;
  }
  bool lost = false;
  try {
    items_.push_back({message, fence});
  } catch (const std::bad_alloc&) {
    lost = true;  // as if it was over its limits: others get the message
  }
  noteRoom();
  const std::size_t bytes = bytes_.load(std::memory_order_relaxed) + message->size() + sizeof(Item);
  bytes_.store(bytes, std::memory_order_relaxed);
  count_.store(items_.size() - first_, std::memory_order_release);
  const auto signed_bytes = static_cast<std::int64_t>(bytes);
  const ClientClass which = class_.load(std::memory_order_relaxed);
  if (lost || signed_bytes >= std::min(limits_.lowest(which), OutputLimits::kMostMessages)) [[unlikely]] {
    if (lost || signed_bytes >= OutputLimits::kMostMessages ||
        limits_.exceeded(which, signed_bytes, env_.monotonicMicros(), over_since_us_)) {
      dropAll();
      overflowed_ = true;
      rung_ = false;  // whoever has not come for the messages comes for this
      count_.store(1, std::memory_order_release);
    }
  }
  if (!std::exchange(rung_, true)) {
    if (callback_) {
      callback_();
    }
    ready_.notify_all();
  }
  return true;
}

void Outbox::take(std::vector<Item>& into, std::size_t most_bytes) {
  const std::lock_guard lock(mutex_);
  std::size_t taken = 0;
  while (first_ < items_.size() && (taken == 0 || taken < most_bytes)) {
    taken += items_[first_].message->size() + sizeof(Item);
    into.push_back(std::move(items_[first_++]));
  }
  bytes_.store(bytes_.load(std::memory_order_relaxed) - taken, std::memory_order_relaxed);
  if (first_ == items_.size()) {
    items_.clear();
    first_ = 0;
    over_since_us_ = 0;
    if (items_.capacity() > kKeptRoom) {
      items_ = {};
    }
    rung_ = overflowed_;
  } else if (first_ > items_.size() / 2) {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  noteRoom();
  count_.store(items_.size() - first_ + (overflowed_ ? 1 : 0), std::memory_order_release);
}

bool Outbox::wait(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return ready_.wait_until(lock, deadline, [&] { return first_ < items_.size() || overflowed_; });
}

bool Outbox::takeOverflow() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(overflowed_, false)) {
    return false;
  }
  rung_ = false;
  count_.store(0, std::memory_order_release);
  return true;
}

void Outbox::onReady(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  callback_ = std::move(callback);
}

void Outbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  callback_ = nullptr;
  dropAll();
}

// With the lock.
void Outbox::dropAll() {
  items_ = {};
  first_ = 0;
  over_since_us_ = 0;
  bytes_.store(0, std::memory_order_relaxed);
  count_.store(0, std::memory_order_release);
  noteRoom();
}

void Outbox::noteRoom() {
  charge_.set(items_.capacity() * sizeof(Item));
}

}  // namespace trefoil
