#include "txn/commit_order.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace trefoil::txn {

std::uint64_t CommitOrder::attach(CommitObserver& observer) {
  const std::lock_guard lock(mutex_);
  if (observers_.empty() && !delivering_) {
    places_.clear();  // of those who came when the last one left
    delivered_up_to_ = next_sequence_ - 1;
    progress_.notify_all();
  }
  observers_.push_back({&observer, next_sequence_});
  is_followed_.store(true, std::memory_order_relaxed);
  return next_sequence_;
}

void CommitOrder::detach(CommitObserver& observer) {
  std::unique_lock lock(mutex_);
  std::erase_if(observers_, [&](const Attached& one) { return one.observer == &observer; });
  is_followed_.store(!observers_.empty(), std::memory_order_relaxed);
  const std::uint64_t before = delivered_up_to_;
  progress_.wait(lock, [&] { return !delivering_ || delivered_up_to_ != before; });
}

void CommitOrder::applied(Place place, std::string_view effects) {
  std::string copy(effects);
  const std::lock_guard lock(mutex_);
  Pending& pending = places_[place - places_.front().sequence];
  TREFOIL_ASSERT(pending.sequence == place && !pending.is_complete);
  pending.effects = std::move(copy);
  pending.is_complete = true;
  progress_.notify_all();
}

void CommitOrder::deliver() {
  std::unique_lock lock(mutex_);
  const std::uint64_t last = next_sequence_ - 1;
  while (delivered_up_to_ < last) {
    if (!delivering_ && places_.front().is_complete) {
      deliverOldest(lock);
    } else {
      progress_.wait(lock);
    }
  }
}

void CommitOrder::deliverOldest(std::unique_lock<std::mutex>& lock) {
  delivering_ = true;
  const Pending one = std::move(places_.front());
  places_.pop_front();
  const std::vector<Attached> observers = observers_;
  lock.unlock();
  for (const Attached& attached : observers) {
    if (attached.from <= one.sequence) {
      attached.observer->onCommit({one.sequence, one.appended.lsn, one.appended.end, one.effects, one.author, one.new_keys});
    }
  }
  lock.lock();
  delivered_up_to_ = one.sequence;
  delivering_ = false;
  progress_.notify_all();
}

}  // namespace trefoil::txn
