#include "txn/eviction.hpp"

#include <algorithm>

#include "base/effect_buffer.hpp"
#include "base/env.hpp"
#include "base/memory_account.hpp"
#include "kv/store.hpp"
#include "kv/view.hpp"
#include "txn/manager.hpp"
#include "txn/transaction.hpp"

namespace trefoil::txn {

namespace {

// So often the clock is read, and so often databases are looked for that have keys: both take longer than an eviction.
constexpr std::size_t kPerLook = 8;
constexpr std::size_t kPerSearch = 1000;
// The pool's use is in many rounds, not in large ones.
constexpr std::size_t kMostSamples = 1000;

constexpr bool isVolatile(EvictionPolicy policy) {
  return policy <= EvictionPolicy::kVolatileTtl;
}
constexpr bool isRandom(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllKeysRandom || policy == EvictionPolicy::kVolatileRandom;
}

// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators").
std::uint64_t nextRandom(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

kv::Tracking trackingFor(EvictionPolicy policy) {
  switch (policy) {
    case EvictionPolicy::kAllKeysLru:
    case EvictionPolicy::kVolatileLru:
      return kv::Tracking::kRecency;
    case EvictionPolicy::kAllKeysLfu:
    case EvictionPolicy::kVolatileLfu:
      return kv::Tracking::kFrequency;
    default:
      return kv::Tracking::kNone;
  }
}

// Each thread begins at a lane of its own and takes the first that is free.
std::unique_lock<std::mutex> Eviction::takeLane(Lane*& lane) {
  thread_local const std::size_t mine = next_lane_.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kLanes; ++i) {
    lane = &lanes_[(mine + i) % kLanes];
    if (std::unique_lock lock(lane->mutex, std::try_to_lock); lock.owns_lock()) {
      return lock;
    }
  }
  return {};
}

Eviction::Outcome Eviction::makeRoom(const Rules& rules, Env& env, std::int64_t micros, bool waits) {
  kv::Store& store = manager_.kv();
  const auto is_enough = [&] { return MemoryAccount::roughlyHere() - store.snapshotBytes() <= rules.limit; };
  if (is_enough()) {
    return Outcome::kEnough;
  }
  if (rules.policy == EvictionPolicy::kNone || !manager_.committer().admit().ok()) {
    return Outcome::kNothing;
  }
  Lane* lane = nullptr;
  const std::unique_lock lock = takeLane(lane);
  if (!lock.owns_lock()) {
    return Outcome::kRunning;
  }
  if (lane->policy != rules.policy) {
    lane->policy = rules.policy;
    lane->pool.clear();
    lane->databases.clear();
    lane->random = static_cast<std::uint64_t>(lane - lanes_.data()) << 32;
  }
  const UnixMs now = env.now();
  const std::int64_t until = env.monotonicMicros() + micros;
  for (std::size_t i = 1; !is_enough(); ++i) {
    if (const Outcome outcome = evictOne(*lane, rules, now, waits); outcome != Outcome::kEnough) {
      return outcome;
    }
    if (i % kPerLook == 0 && env.monotonicMicros() >= until) {
      return is_enough() ? Outcome::kEnough : Outcome::kRunning;
    }
  }
  return Outcome::kEnough;
}

bool Eviction::findDatabases(Lane& lane, EvictionPolicy policy) {
  const kv::Store& store = manager_.kv();
  lane.databases.clear();
  lane.databases_age = 0;
  for (int db = 0; db < store.databases(); ++db) {
    if ((isVolatile(policy) ? store.sizeWithDeadline(db) : store.size(db)) > 0) {
      lane.databases.push_back(db);
    }
  }
  return !lane.databases.empty();
}

// One key, or the attempt: kEnough means that it is worth going on.
Eviction::Outcome Eviction::evictOne(Lane& lane, const Rules& rules, UnixMs now, bool waits) {
  if ((lane.databases.empty() || ++lane.databases_age >= kPerSearch) && !findDatabases(lane, rules.policy)) {
    return Outcome::kNothing;
  }
  populate(lane, rules, waits);
  if (lane.pool.empty()) {
    return findDatabases(lane, rules.policy) ? Outcome::kEnough : Outcome::kNothing;  // bad luck, or they are gone
  }
  while (!lane.pool.empty()) {
    const Candidate best = std::move(lane.pool.back());
    lane.pool.pop_back();
    switch (remove(best, rules.policy, now, waits)) {
      case Removed::kYes:
        return Outcome::kEnough;
      case Removed::kBusy:
        return Outcome::kRunning;
      case Removed::kGone:
      case Removed::kTooLarge:
        break;
    }
  }
  return Outcome::kEnough;
}

void Eviction::populate(Lane& lane, const Rules& rules, bool waits) {
  kv::Store& store = manager_.kv();
  const bool is_random = isRandom(rules.policy);
  const auto sample = [&](int db, std::size_t wanted) {
    store.sample(db, nextRandom(lane.random), wanted, isVolatile(rules.policy), waits,
                 [&](const kv::Entry& entry, std::uint32_t access) {
                   offer(lane, db, entry, is_random ? nextRandom(lane.random) : scoreOf(rules.policy, entry, access));
                 });
  };
  if (is_random) {
    lane.pool.clear();
    sample(lane.databases[lane.next_database++ % lane.databases.size()], 1);
    return;
  }
  for (const int db : lane.databases) {
    sample(db, std::min(rules.samples, kMostSamples));
  }
}

// Into the pool, if it has room or a worse one; once.
void Eviction::offer(Lane& lane, int db, const kv::Entry& entry, std::uint64_t score) {
  std::vector<Candidate>& pool = lane.pool;
  if (pool.size() == kPool && score <= pool.front().score) {
    return;
  }
  const std::uint64_t hash = manager_.kv().hash(entry.key());
  std::erase_if(pool, [&](const Candidate& other) { return other.hash == hash && other.db == db; });
  if (pool.size() == kPool) {
    pool.erase(pool.begin());
  }
  const auto at = std::upper_bound(pool.begin(), pool.end(), score,
                                   [](std::uint64_t mine, const Candidate& other) { return mine < other.score; });
  pool.insert(at, {score, hash, db, std::string(entry.key())});
}

std::uint64_t Eviction::scoreOf(EvictionPolicy policy, const kv::Entry& entry, std::uint32_t access) const {
  const kv::AccessTracker& accesses = manager_.kv().accesses();
  switch (policy) {
    case EvictionPolicy::kAllKeysLru:
    case EvictionPolicy::kVolatileLru:
      return static_cast<std::uint64_t>(accesses.idleMs(access));
    case EvictionPolicy::kAllKeysLfu:
    case EvictionPolicy::kVolatileLfu:
      return UINT8_MAX - accesses.frequency(access);
    case EvictionPolicy::kVolatileTtl:
      return UINT64_MAX - (static_cast<std::uint64_t>(entry.deadline().unix_ms) ^ (std::uint64_t{1} << 63));  // in order
    default:
      return UINT64_MAX;  // any is as good
  }
}

Eviction::Removed Eviction::remove(const Candidate& candidate, EvictionPolicy policy, UnixMs now, bool waits) {
  kv::Store& store = manager_.kv();
  const kv::Key key{candidate.key, candidate.hash, candidate.db};
  const auto remove_from = [&](kv::View& view) {
    view.noteUses(false);
    const kv::View::Because evicted(view, Cause::kEvicted);
    view.remove(key);
  };
  EffectBuffer effects;
  bool committed = false;
  {
    const kv::PartitionId partition = kv::Store::partition(key);
    const kv::PartitionLocks locks(store, {&partition, 1}, waits);
    if (!locks.held()) {
      return Removed::kBusy;
    }
    const kv::Entry* const entry = store.find(key);
    if (entry == nullptr || (isVolatile(policy) && !entry->hasDeadline()) ||
        scoreOf(policy, *entry, store.accessOf(key, true)) < candidate.score) {
      return Removed::kGone;  // or has been used since
    }
    kv::View view = kv::View::live(store, effects, now);
    remove_from(view);
    committed = manager_.committer().tryCommit(effects).has_value();
  }
  if (committed) {
    manager_.committer().afterLocks();
    return Removed::kYes;
  }
  if (!waits) {
    return manager_.committer().isLarge(effects) ? Removed::kTooLarge : Removed::kBusy;
  }
  const auto in_transaction = [&](Transaction& own) -> Status {
    remove_from(own.kv());
    return {};
  };
  return runTransaction(manager_, now, in_transaction).ok() ? Removed::kYes : Removed::kBusy;
}

}  // namespace trefoil::txn
