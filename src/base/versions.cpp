#include "base/versions.hpp"

#include <algorithm>
#include <iterator>
#include <span>
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
  const std::lock_guard lock(mutex_);
  const auto closing = snapshots_.find(snapshot);
  TREFOIL_ASSERT(closing != snapshots_.end());
  if (--closing->second.holders != 0) {
    return;
  }
  Limbo limbo = std::move(closing->second.limbo);
  snapshots_.erase(closing);
  newest_.store(snapshots_.empty() ? kNoSnapshot : snapshots_.rbegin()->first, std::memory_order_release);
  oldest_.store(snapshots_.empty() ? kNoSnapshot : snapshots_.begin()->first, std::memory_order_release);
  if (limbo.size() >= kManyObjects) {
    Reaper::instance().run([this, limbo = std::move(limbo), snapshot] { sortBehindTheScenes(limbo, snapshot); });
    return;
  }
  freeAll(sort(limbo, snapshot));
}

// With the mutex held: what hung on a snapshot that was `closed` died at it or later. The next older one sees what was born
// before it; returns the rest.
Versions::Limbo Versions::sort(std::span<const Retired> limbo, Lsn closed) {
  const auto next = snapshots_.lower_bound(closed);
  if (next == snapshots_.begin()) {
    return {limbo.begin(), limbo.end()};
  }
  auto& [lsn, older] = *std::prev(next);
  Limbo dead;
  for (const Retired& retired : limbo) {
    (retired.object->born < lsn ? older.limbo : dead).push_back(retired);
  }
  return dead;
}

void Versions::sortBehindTheScenes(const Limbo& limbo, Lsn closed) {
  const memory_reserve::MustNotFail freeing;
  for (std::span<const Retired> rest = limbo; !rest.empty();) {
    const std::span<const Retired> some = rest.first(std::min(rest.size(), kManyObjects));
    rest = rest.subspan(some.size());
    freeAll([&] {
      const std::lock_guard lock(mutex_);
      return sort(some, closed);
    }());
  }
}

// Parts now, wholes behind all that the reaper was handed so far.
void Versions::freeAll(const Limbo& dead) {
  Limbo wholes;
  for (const Retired& retired : dead) {
    if (retired.object->born == 0) {
      wholes.push_back(retired);
    } else {
      retired.free(retired.object);
    }
  }
  if (!wholes.empty()) {
    Reaper::instance().run([wholes = std::move(wholes)] {
      for (const Retired& whole : wholes) {
        whole.free(whole.object);
      }
    });
  }
}

void Versions::retire(Stamped* object, FreeFunction free, Lsn died) {
  TREFOIL_DEBUG_ASSERT(object->born <= died);
  {
    const std::lock_guard lock(mutex_);
    const auto after = snapshots_.upper_bound(died);
    if (after != snapshots_.begin()) {
      auto& [lsn, snapshot] = *std::prev(after);
      if (object->born < lsn) {
        snapshot.limbo.push_back({object, free});
        return;
      }
    }
    if (object->born == 0) {
      Reaper::instance().run([object, free] { free(object); });
      return;
    }
  }
  free(object);
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
