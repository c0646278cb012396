// Eviction: removes keys when there is more than `maxmemory`, as `maxmemory-policy` says; as any change, through the log.
// https://redis.io/docs/latest/develop/reference/eviction/
//
//   samples ──▶ pool of the best candidates so far ──▶ the best of them is removed, if it is still what it was
//
// Nobody keeps keys in an order. Each time some keys are looked at, and those that are the best to go are kept in a small pool
// beside what earlier samples have left there: after some rounds it holds keys that are nearly the best of all.
//
// Who needs memory makes room itself, for no longer than a slice of time, and then goes on: there is a background thread that
// does the rest. So many threads evict as make it necessary, each with a pool of its own. A thread that must not wait takes no
// lock that is not to be had at once, and does not wait for room in the log.
//
// What open snapshots still see of keys that are gone does not count: no eviction would give it back.
//
// Thread safety: all functions; no lock may be held.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "kv/access.hpp"

namespace trefoil {
class Env;
}
namespace trefoil::kv {
class Entry;
}

namespace trefoil::txn {

class Manager;

// The choices of `maxmemory-policy`, in the order of base/settings.cpp.
enum class EvictionPolicy : std::uint8_t {
  kVolatileLru,
  kVolatileLfu,
  kVolatileRandom,
  kVolatileTtl,
  kAllKeysLru,
  kAllKeysLfu,
  kAllKeysRandom,
  kNone,
};
// What it must know of how keys are used.
kv::Tracking trackingFor(EvictionPolicy policy);

class Eviction {
 public:
  struct Rules {
    EvictionPolicy policy = EvictionPolicy::kNone;
    std::int64_t limit = 0;   // bytes
    std::size_t samples = 5;  // keys that are looked at for each that goes
  };
  enum class Outcome : std::uint8_t {
    kEnough,   // no more than the limit is used
    kRunning,  // its time is over, or it would have to wait
    kNothing,  // there is nothing to remove: no such key, or a log that refuses writes
  };

  // The manager outlives it.
  explicit Eviction(Manager& manager) : manager_(manager) {}

  // Removes keys for `micros` at most. `waits`: the thread may wait for locks and for the log.
  Outcome makeRoom(const Rules& rules, Env& env, std::int64_t micros, bool waits);

 private:
  static constexpr std::size_t kPool = 16;
  static constexpr std::size_t kLanes = 16;

  struct Candidate {
    std::uint64_t score = 0;  // the higher, the better to go
    std::uint64_t hash = 0;
    int db = 0;
    std::string key;
  };
  // What one thread at a time works with.
  struct Lane {
    std::mutex mutex;
    EvictionPolicy policy = EvictionPolicy::kNone;  // that the pool is for
    std::vector<Candidate> pool;                    // best last
    std::vector<int> databases;                     // that have keys to choose from, as of
    std::size_t databases_age = 0;                  // so many keys ago
    std::size_t next_database = 0;
    std::uint64_t random = 0;
  };
  enum class Removed : std::uint8_t { kYes, kGone, kBusy, kTooLarge };

  std::unique_lock<std::mutex> takeLane(Lane*& lane);
  Outcome evictOne(Lane& lane, const Rules& rules, UnixMs now, bool waits);
  bool findDatabases(Lane& lane, EvictionPolicy policy);
  void populate(Lane& lane, const Rules& rules, bool waits);
  void offer(Lane& lane, int db, const kv::Entry& entry, std::uint64_t score);
  [[nodiscard]] std::uint64_t scoreOf(EvictionPolicy policy, const kv::Entry& entry, std::uint32_t access) const;
  Removed remove(const Candidate& candidate, EvictionPolicy policy, UnixMs now, bool waits);

  Manager& manager_;
  std::array<Lane, kLanes> lanes_;
  std::atomic<std::size_t> next_lane_{0};
};

}  // namespace trefoil::txn
