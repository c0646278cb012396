#include "base/versions.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/memory_reserve.hpp"
#include "base/reaper.hpp"

namespace trefoil {

namespace {

// Freeing so many objects takes long enough to be done behind the scenes.
constexpr std::size_t kManyObjects = 256;

}  // namespace

Versions::~Versions() {
  TREFOIL_ASSERT(snapshots_.empty());
  Reaper::instance().drain();
}

void Versions::registerSnapshot(Lsn snapshot) {
  TREFOIL_ASSERT(snapshot != kNoSnapshot && snapshot < kPrivateStamp);
  const std::lock_guard lock(mutex_);
  TREFOIL_ASSERT(snapshots_.empty() || snapshot >= snapshots_.rbegin()->first);
  ++snapshots_[snapshot].holders;
  newest_.store(snapshot, std::memory_order_release);
  oldest_.store(snapshots_.begin()->first, std::memory_order_release);
}

void Versions::releaseSnapshot(Lsn snapshot) {
  const memory_reserve::MustNotFail freeing;  // whatever failed before: this is how memory comes back
  // What is born at 0 stands for a whole (a dropped table and all it leads to): it outlives its parts, and is large.
  const auto is_part = [](const Retired& retired) { return retired.object->born != 0; };
  std::vector<Retired> dead;
  const auto reap = [](auto from, auto to) {
    Reaper::Work work;
    std::transform(from, to, std::back_inserter(work), [](const Retired& r) { return std::pair(r.object, r.free); });
    Reaper::instance().free(std::move(work));
  };
  {
    const std::lock_guard lock(mutex_);
    const auto closing = snapshots_.find(snapshot);
    TREFOIL_ASSERT(closing != snapshots_.end());
    if (--closing->second.holders != 0) {
      return;
    }
    std::vector<Retired> limbo = std::move(closing->second.limbo);
    const auto next = snapshots_.erase(closing);
    // All of these died at or after `snapshot`; the next older snapshot sees those that were born before it.
    Snapshot* older = nullptr;
    Lsn older_lsn = kNoSnapshot;
    if (next != snapshots_.begin()) {
      const auto previous = std::prev(next);
      older_lsn = previous->first;
      older = &previous->second;
    }
    for (const Retired& retired : limbo) {
      (older != nullptr && retired.object->born < older_lsn ? older->limbo : dead).push_back(retired);
    }
    newest_.store(snapshots_.empty() ? kNoSnapshot : snapshots_.rbegin()->first, std::memory_order_release);
    oldest_.store(snapshots_.empty() ? kNoSnapshot : snapshots_.begin()->first, std::memory_order_release);
    if (dead.size() >= kManyObjects) {
      std::stable_partition(dead.begin(), dead.end(), is_part);
      reap(dead.begin(), dead.end());  // with the lock held: in the order of the releases
      return;
    }
  }
  const auto wholes = std::stable_partition(dead.begin(), dead.end(), is_part);
  std::for_each(dead.begin(), wholes, [](const Retired& retired) { retired.free(retired.object); });
  if (wholes != dead.end()) {
    reap(wholes, dead.end());
  }
}

void Versions::retire(Stamped* object, FreeFunction free, Lsn died) {
  TREFOIL_DEBUG_ASSERT(object->born <= died);
  {
    const std::lock_guard lock(mutex_);
    auto after = snapshots_.upper_bound(died);
    if (after != snapshots_.begin()) {
      auto& [lsn, snapshot] = *std::prev(after);
      if (object->born < lsn) {
        snapshot.limbo.push_back({object, free});
        return;
      }
    }
  }
  if (object->born == 0) {
    Reaper::instance().free({{object, free}});
  } else {
    free(object);
  }
}

std::size_t Versions::limboSize() const {
  const std::lock_guard lock(mutex_);
  std::size_t size = 0;
  for (const auto& [lsn, snapshot] : snapshots_) {
    size += snapshot.limbo.size();
  }
  return size;
}

void PrivateNodes::drop() {
  if (adopted_by_ != nullptr) {
    const memory_reserve::MustNotFail retiring;  // it is committed
    settle();
    for (const Entry& entry : replaced_) {
      adopted_by_->retire(entry.object, entry.free, adopted_at_);
    }
    adopted_by_ = nullptr;
  }
  for (const Entry& entry : created_) {
    entry.free(entry.object);
  }
  for (const Entry& entry : sealed_) {
    entry.free(entry.object);
  }
  created_.clear();
  sealed_.clear();
  replaced_.clear();
  forgotten_ = {};
}

void PrivateNodes::seal(Lsn stamp) {
  sealed_.reserve(sealed_.size() + created_.size());
  for (const Entry& entry : created_) {
    if (entry.object->born == kDeadStamp) {
      entry.free(entry.object);
    } else {
      TREFOIL_DEBUG_ASSERT(entry.object->born >= kPrivateStamp);
      entry.object->born = stamp;
      sealed_.push_back(entry);
    }
  }
  created_.clear();
}

void PrivateNodes::settle() {
  const Forgotten forgotten = std::exchange(forgotten_, {});
  if (forgotten.gone.empty() && forgotten.kept.empty()) {
    return;
  }
  std::size_t left = 0;
  for (std::size_t i = 0; i < replaced_.size(); ++i) {
    const Entry& entry = replaced_[i];
    const bool kept = i < forgotten.kept_below && forgotten.kept.contains(entry.object);
    if (!kept && !forgotten.gone.contains(entry.object)) {
      replaced_[left++] = entry;
    }
  }
  replaced_.resize(left);
}

void PrivateNodes::adopt(Versions& versions, Lsn lsn) {
  TREFOIL_ASSERT(adopted_by_ == nullptr);
  for (const Entry& entry : created_) {
    if (entry.object->born == kDeadStamp) {
      entry.free(entry.object);
    } else {
      TREFOIL_DEBUG_ASSERT(entry.object->born >= kPrivateStamp);
      entry.object->born = lsn;
    }
  }
  created_.clear();
  sealed_.clear();
  adopted_by_ = &versions;
  adopted_at_ = lsn;
}

}  // namespace trefoil
