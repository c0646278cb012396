#include "kv/waiting.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/lock_order.hpp"
#include "base/memory_reserve.hpp"
#include "kv/interest.hpp"
#include "kv/partition.hpp"
#include "kv/ready_keys.hpp"

namespace trefoil::kv {

namespace {

// What has become ready comes of a commit: a key that is lost is somebody who is never served.
void moveAll(std::vector<ReadyKey>& from, std::size_t begin, std::vector<ReadyKey>& to) {
  memory_reserve::mustNotFail([&] {
    to.insert(to.end(), std::make_move_iterator(from.begin() + static_cast<std::ptrdiff_t>(begin)),
              std::make_move_iterator(from.end()));
    from.resize(begin);
  });
}

}  // namespace

void ReadyKeys::note(int db, std::uint64_t hash, std::string_view key) {
  if (keys.empty() || keys.back().hash != hash || keys.back().db != db || keys.back().bytes != key) {
    keys.push_back({db, hash, std::string(key)});
  }
}

void ReadyKeys::leaveForLater(const Key& key) {
  memory_reserve::mustNotFail([&] { later.push_back({key.db, key.hash, std::string(key.bytes)}); });
}

void ReadyKeys::leaveToDebtor(std::size_t begin, InterestTable& interest) {
  moveAll(keys, begin, interest.ready_by_debt);
}

void ReadyKeys::takeFromDebt(InterestTable& interest) {
  moveAll(interest.ready_by_debt, 0, later);
}

void Store::await(std::span<const Key> keys, KeyWaiter& waiter) {
  TREFOIL_ASSERT(waiter.places_.empty());
  waiter.places_.reserve(keys.size());
  for (const Key& key : keys) {
    Partition& partition = partitionAt(key);
    TREFOIL_DEBUG_ASSERT(partition.lock.isLocked());
    if (partition.interest == nullptr) {
      partition.interest = std::make_unique<InterestTable>();
    }
    WaitQueue* queue = partition.interest->queueOf(key.hash, key.bytes);
    if (queue == nullptr) {
      queue = &partition.interest->addQueue(key.hash, key.bytes);
    }
    const auto at = queue->waiters.insert(queue->waiters.end(), {&waiter, waiter.places_.size()});
    waiter.places_.push_back({key.db, key.hash, queue, at});
  }
  waiters_.fetch_add(1, std::memory_order_relaxed);
}

void Store::stopWaiting(KeyWaiter& waiter) {
  for (KeyWaiter::Place& place : waiter.places_) {
    const PartitionId id = partition(place.db, place.hash);
    const PartitionHold lock(*this, id);
    if (WaitQueue* const queue = std::exchange(place.queue, nullptr); queue != nullptr) {
      Partition& partition = partitionAt(id);
      queue->waiters.erase(place.at);
      if (queue->waiters.empty()) {
        partition.interest->dropQueue(place.hash, queue);
        dropIdleInterest(partition);
      }
    }
  }
  if (!waiter.places_.empty()) {
    waiters_.fetch_sub(1, std::memory_order_relaxed);
    waiter.places_.clear();
  }
}

// With the lock of its partition held. A waiter that was served has left the queue before the lock is let go, and cannot be gone
// earlier.
void Store::serve(const Key& key, bool alone) {
  Partition& partition = partitionAt(key);
  TREFOIL_DEBUG_ASSERT(partition.lock.isLocked());
  WaitQueue* const queue = partition.interest == nullptr ? nullptr : partition.interest->queueOf(key.hash, key.bytes);
  if (queue == nullptr) {
    return;
  }
  for (auto at = queue->waiters.begin(); at != queue->waiters.end() && find(key) != nullptr;) {
    KeyWaiter& waiter = *at->waiter;
    const KeyWaiter::Outcome outcome = waiter.serve(key, alone);
    if (outcome == KeyWaiter::Outcome::kLater) {
      ReadyKeys::mine().leaveForLater(key);
      return;
    }
    const auto next = std::next(at);
    if (outcome == KeyWaiter::Outcome::kServed || outcome == KeyWaiter::Outcome::kByOther) {
      waiter.places_[at->place].queue = nullptr;
      queue->waiters.erase(at);
    }
    if (outcome == KeyWaiter::Outcome::kByOther) {
      break;
    }
    at = next;
  }
  if (queue->waiters.empty()) {
    partition.interest->dropQueue(key.hash, queue);
    dropIdleInterest(partition);
  }
}

void Store::serveWaiting() {
  ReadyKeys& ready = ReadyKeys::mine();
  if (ready.keys.empty() || ready.serving) {
    return;  // nothing, or whoever serves now goes on with it
  }
  ready.serving = true;
  for (std::size_t i = 0; i < ready.keys.size(); ++i) {
    const ReadyKey key = std::move(ready.keys[i]);
    serve({key.bytes, key.hash, key.db}, false);
  }
  ready.keys.clear();
  ready.serving = false;
}

void Store::serveLater() {
  ReadyKeys& ready = ReadyKeys::mine();
  while (!ready.later.empty()) {
    const std::vector<ReadyKey> keys = std::exchange(ready.later, {});
    for (const ReadyKey& key : keys) {
      const PartitionHold lock(*this, partition(key.db, key.hash));
      ready.serving = true;
      serve({key.bytes, key.hash, key.db}, true);
      ready.serving = false;
      moveAll(ready.keys, 0, ready.later);
    }
  }
}

void Store::serveKey(const Key& key) {
  ReadyKeys::mine().leaveForLater(key);
  serveLater();
}

bool Store::lockAside(PartitionId id, bool soon) {
  PartitionLock& lock = partitionAt(id).lock;
  const PartitionLock::Grant grant = soon ? lock.lockSoon() : lock.tryLock();
  if (grant == PartitionLock::Grant::kNone) {
    return false;
  }
  LockOrder::takeAside(LockRank::kPartition, id.value);
  if (grant == PartitionLock::Grant::kOwing) {
    pay(id);
  }
  return true;
}

void Store::unlockAside(PartitionId id) const {
  ReadyKeys& ready = ReadyKeys::mine();
  const auto under_it = std::stable_partition(ready.keys.begin(), ready.keys.end(),
                                              [&](const ReadyKey& key) { return partition(key.db, key.hash) != id; });
  moveAll(ready.keys, static_cast<std::size_t>(under_it - ready.keys.begin()), ready.later);
  unlock(id);
}

}  // namespace trefoil::kv
