#include "base/lock_order.hpp"

#ifndef NDEBUG

#include <algorithm>
#include <compare>
#include <vector>

#include "base/assert.hpp"

namespace trefoil {

namespace {

struct Held {
  LockRank rank;
  std::uint64_t id;
  auto operator<=>(const Held&) const = default;
};

struct Locks {
  std::vector<Held> held;  // ascending
  int holds_all = 0;
};

Locks& mine() {
  thread_local Locks locks;
  return locks;
}

}  // namespace

void LockOrder::take(LockRank rank, std::uint64_t id) {
  if (rank != LockRank::kUnranked) {
    std::vector<Held>& held = mine().held;
    const Held wanted{rank, id};
    TREFOIL_ASSERT(held.empty() || held.back() < wanted);  // locks are taken in their order
    held.push_back(wanted);
  }
}

void LockOrder::takeAside(LockRank rank, std::uint64_t id) {
  if (rank != LockRank::kUnranked) {
    std::vector<Held>& held = mine().held;
    const Held wanted{rank, id};
    const auto place = std::lower_bound(held.begin(), held.end(), wanted);
    TREFOIL_ASSERT(place == held.end() || *place != wanted);
    held.insert(place, wanted);
  }
}

void LockOrder::leave(LockRank rank, std::uint64_t id) {
  if (rank != LockRank::kUnranked) {
    std::vector<Held>& held = mine().held;
    const auto found = std::find(held.rbegin(), held.rend(), Held{rank, id});
    TREFOIL_ASSERT(found != held.rend());  // whoever takes a lock gives it back
    held.erase(std::prev(found.base()));
  }
}

void LockOrder::mayWait() {
  const Locks& locks = mine();
  TREFOIL_ASSERT(locks.held.empty() || locks.holds_all > 0);  // nobody waits with a lock held
}

LockOrder::HoldsAll::HoldsAll() {
  ++mine().holds_all;
}
LockOrder::HoldsAll::~HoldsAll() {
  --mine().holds_all;
}

}  // namespace trefoil

#endif
