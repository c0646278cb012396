// Store: the keyspace of all databases.
//
//   hash of the key (64 bits, seeded):   [ partition: 8 ][ segment: as many as needed ][ bucket … ][ … tag ]
//
//   database -> 256 partitions -> directory of segments by hash prefix -> buckets of 8 slots -> Entry
//
// A partition is a lock and what it guards. Reading the hash from the top down gives one order of all keys of a database, in
// which SCAN, KEYS and checkpoints walk; a cursor is a hash prefix and stays valid through growth and splits (keyspace.hpp).
//
// The store changes by apply() only: the bytes of an effect, as they were staged by a View and appended to the log.
// Snapshots: what a change replaces while a snapshot is open moves to the partition's shadow map with the change's LSN
// (shadow.hpp); a pointer to an entry that an open snapshot sees stays valid, and its content unchanged, until it is released.
//
// Thread safety: each function says which locks it needs. Lock order: partitions by ascending PartitionId.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "base/types.hpp"
#include "base/versions.hpp"
#include "kv/access.hpp"
#include "kv/key_hash.hpp"
#include "kv/partition_lock.hpp"

namespace trefoil::kv {

class Directory;
class Entry;
class KeyWaiter;
struct PartitionDebt;
class PreparedEffects;
class PreparedStrings;
class PrivateValue;
class Reaper;
class StablePool;
struct DirectoryContext;
struct Partition;

inline constexpr int kDefaultDatabases = 16;
inline constexpr std::uint32_t kPartitionBits = 8;
inline constexpr std::uint32_t kPartitions = 1U << kPartitionBits;

// Names a lock. Ascending order is lock order: database first, then the key's place in it.
struct PartitionId {
  std::uint32_t value;
  auto operator<=>(const PartitionId&) const = default;
};

// Up to which sizes a collection stays packed within its entry. Settings, and small in tests.
struct PackedLimits {
  std::uint32_t entries = 128;       // elements of a hash, set or sorted set
  std::uint32_t element_bytes = 64;  // longest field, value or member
  std::uint32_t list_bytes = 4096;   // all of a list's elements together
};

struct StoreOptions {
  std::uint64_t hash_seed = 0;
  int databases = kDefaultDatabases;
  PackedLimits packed;
};

// A key with its hash, computed once. The bytes are borrowed.
struct Key {
  std::string_view bytes;
  std::uint64_t hash = 0;
  int db = 0;
};

// Raised when a watched key is changed. Owned by the session that watches.
struct WatchFlag {
  std::atomic<bool> dirty{false};
};

struct ExpiredKey {
  int db;
  std::string key;
};

struct SweepResult {
  std::vector<ExpiredKey> expired;  // to be removed by ChangeSets (View::removeIfExpired)
  std::size_t examined = 0;         // entries with a deadline that were looked at
};

class Store {
 public:
  Store(Versions& versions, const StoreOptions& options);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  // All snapshots that were opened over it must be released.
  ~Store();

  [[nodiscard]] int databases() const { return options_.databases; }
  [[nodiscard]] std::uint64_t hash(std::string_view key) const { return hashBytes(key, options_.hash_seed); }
  [[nodiscard]] Key key(int db, std::string_view bytes) const { return {bytes, hash(bytes), db}; }
  [[nodiscard]] static PartitionId partition(int db, std::uint64_t hash) {
    return {(static_cast<std::uint32_t>(db) << kPartitionBits) | static_cast<std::uint32_t>(hash >> (64 - kPartitionBits))};
  }
  [[nodiscard]] static PartitionId partition(const Key& key) { return partition(key.db, key.hash); }

  // Hints for a batch, kMaxPrefetch at most: the caches get all that leads to these keys, so that their misses overlap. No lock
  // needed.
  static constexpr std::size_t kMaxPrefetch = 64;
  void prefetch(int db, std::span<const std::uint64_t> hashes) const;

  // Locks, exclusive. `sorted` is ascending and without repeats. Spins, then sleeps. Applies what is owed to a partition first.
  void lock(PartitionId id) const;
  void unlock(PartitionId id) const;
  void lock(std::span<const PartitionId> sorted);
  void unlock(std::span<const PartitionId> sorted) const;
  // The same for a thread that must not be held up: false, and none is locked, if one of them is held for long, or much is owed.
  [[nodiscard]] bool lockSoon(std::span<const PartitionId> sorted);
  void lockAll(int db) const;  // all partitions of a database; several databases in ascending order
  void unlockAll(int db) const;

  // Applies ONE kv effect; its kind byte has been read. The only way the store changes. With the partition's lock held (all of
  // the database for kFlush), inside the gate. kCorruption if the bytes are not of the format or do not fit the key's type: only
  // possible for bytes from a disk, after which the store is not to be used.
  [[nodiscard]] Status apply(std::uint8_t kind, EffectReader& reader, const WriteContext& context,
                             PreparedStrings* prepared = nullptr);

  // What a transaction has prepared. Under the same locks.
  void apply(PreparedEffects& effects, const WriteContext& context);
  // Instead of that, if it is much: it is owed to its partitions (prepared_effects.hpp). With all their locks held, inside the
  // gate. Then the locks are let go by unlockOwing(), and whoever owes calls settle(), without a lock, before `effects` and the
  // bytes that they view may go.
  void owe(PreparedEffects& effects, const WriteContext& context);
  void unlockOwing(std::span<const PartitionId> sorted);
  void settle(const PreparedEffects& effects);
  // Whether anything is owed to a partition of this database: size() is not exact then. No lock needed; what a lock that was let
  // go since has shown is known here.
  [[nodiscard]] bool isOwed(int db) const;

  // While a directory is loaded, by one thread and before anybody else knows the store, apply() needs no locks.
  void setLoading(bool loading) { loading_ = loading; }

  // The entry of a key, whether expired or not; nullptr if absent. With the partition's lock held; valid until it is released.
  // That somebody uses the key is noted, if that is tracked and wanted.
  [[nodiscard]] const Entry* find(const Key& key, bool is_use = false) const;
  // The same as of an open snapshot; takes the lock by itself, and the entry stays valid and unchanged while the snapshot is
  // open.
  [[nodiscard]] const Entry* findAt(const Key& key, Lsn snapshot, bool is_use = false) const;
  // Whether `key` was changed by a record at or after `snapshot`, which must be open. With the partition's lock held.
  [[nodiscard]] bool changedSince(int db, std::uint64_t hash, Lsn snapshot) const;
  // Whether an open snapshot sees what the live store holds for the key, so that a change would copy it. The same.
  [[nodiscard]] bool isSeen(const Key& key) const;
  // Whether any key of the partition was that `is_meant`. With its lock held.
  using KeyTest = std::function<bool(std::uint64_t hash, std::string_view key)>;
  [[nodiscard]] bool anyChangedSince(PartitionId id, Lsn snapshot, const KeyTest& is_meant) const;

  // How keys are used. What is known of one: a word of access.hpp, of a key that is absent as if it were new; takes the
  // partition's lock by itself unless `locked`.
  [[nodiscard]] AccessTracker& accesses() const { return accesses_; }
  [[nodiscard]] std::uint32_t accessOf(const Key& key, bool locked) const;
  // Visits about `wanted` keys of a database, that lie together at a place which `random` chooses, with their words; only those
  // with a deadline, if so asked. Takes a partition's lock by itself, which is not waited for unless `waits`; the visitor is
  // called under it. Returns how many were visited: none if there are no such keys, or by bad luck.
  using SampleVisitor = std::function<void(const Entry&, std::uint32_t access)>;
  std::size_t sample(int db, std::uint64_t random, std::size_t wanted, bool with_deadline, bool waits,
                     const SampleVisitor& visitor);
  // Keys that were removed as such since the store was opened, by what came of whose effects. No lock needed.
  [[nodiscard]] std::uint64_t expiredKeys() const { return expired_keys_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t evictedKeys() const { return evicted_keys_.load(std::memory_order_relaxed); }

  // Keys of a database, expired ones included. No lock needed; exact if all partitions are locked.
  [[nodiscard]] std::size_t size(int db) const;
  // Keys with a deadline. The same.
  [[nodiscard]] std::size_t sizeWithDeadline(int db) const;
  // Bytes of entries, collections and directories, as the allocator rounds them. No lock needed, approximate.
  [[nodiscard]] std::size_t memoryBytes() const;
  // Those of directories.
  [[nodiscard]] std::size_t directoryBytes() const;
  // Those among all that only open snapshots still see.
  [[nodiscard]] std::int64_t snapshotBytes() const { return snapshot_bytes_.load(std::memory_order_relaxed); }

  // Receives each entry that a walk meets.
  using EntryVisitor = std::function<void(const Entry&)>;
  // Visits the entries of database `db` with hash prefix in [cursor, next) where about `budget` slots are looked at, and returns
  // `next`, the cursor to go on from, 0 at the end. A snapshot (kNoSnapshot: the live store) decides which version of a key is
  // visited. Takes the partition's lock by itself unless `locked`; the visitor is called under it.
  // Guarantee: a key that is there during a whole walk is visited at least once.
  std::uint64_t visit(int db, std::uint64_t cursor, std::size_t budget, Lsn snapshot, bool locked,
                      const EntryVisitor& visitor) const;
  // A whole walk, in which no key is visited twice. Between two steps `between`, without a lock of the walk's, is told how many
  // were visited in the last one, and its error ends the walk.
  using BetweenSteps = std::function<Status(std::size_t visited)>;
  Status visitAll(int db, Lsn snapshot, bool locked, const EntryVisitor& visitor, const BetweenSteps& between = {}) const;

  // Visits one entry: number `rank` of the live size(db), in an order that stays the same as long as nothing changes. False if
  // there are fewer just now. Takes the partition's lock by itself unless `locked`; the visitor is called under it.
  bool visitAt(int db, std::size_t rank, bool locked, const EntryVisitor& visitor) const;

  // Checkpoint: hands every entry visible at the open snapshot to `sink` as effects that build it, some kilobytes at a time; no
  // lock is held during sink(). Stops at the sink's first error. Applying all of it to an empty store gives the snapshot's
  // content.
  using CaptureSink = std::function<Status(std::string_view effects)>;
  Status capture(Lsn snapshot, const CaptureSink& sink) const;

  // Looks at some keys with deadlines, going on where the last call ended, until about `budget` of them have been examined and
  // less than a quarter of the last sample was stale. Takes locks by itself, one at a time. One caller at a time.
  SweepResult sweepExpired(UnixMs now, std::size_t budget);
  // Frees shadow entries that no open snapshot sees. Takes locks by itself. Called now and then, and after a snapshot is
  // released. `thorough` looks at every entry, and finds those between snapshots, too.
  void purgeShadows(bool thorough = false);

  // WATCH. Each takes the partition's lock by itself. The flag is raised by every change of the key until unwatch.
  void watch(const Key& key, WatchFlag& flag);
  void unwatch(const Key& key, WatchFlag& flag);
  // Waiting for keys (waiting.hpp).
  [[nodiscard]] bool hasWaiters() const { return waiters_.load(std::memory_order_relaxed) != 0; }
  // Joins the queues of these keys. With the locks of their partitions held.
  void await(std::span<const Key> keys, KeyWaiter& waiter);
  // Leaves them. Takes the locks by itself, one at a time: when it returns, nobody is about to serve the waiter.
  void stopWaiting(KeyWaiter& waiter);
  // After a commit, with its locks: serves those who wait for what it has put there.
  void serveWaiting();
  // When they are let go: serves those who could not be served under them.
  void serveLater();
  // Whoever waits for this key, if there is something. Without a lock.
  void serveKey(const Key& key);
  // For who serves: one lock more, whatever is held, if it is to be had at once, or `soon`. What becomes ready under it is served
  // later.
  [[nodiscard]] bool lockAside(PartitionId id, bool soon);
  void unlockAside(PartitionId id) const;

  // For a client that watches a key that passes its deadline: with the partition's lock held.
  [[nodiscard]] bool isExpired(const Key& key, UnixMs now) const;

  // Checks every structure's invariants; asserts. For tests, with nobody else at work.
  void verify() const;

  [[nodiscard]] const PackedLimits& packedLimits() const { return options_.packed; }
  void setPackedLimits(const PackedLimits& limits) { options_.packed = limits; }  // before use by several threads
  [[nodiscard]] std::uint64_t hashSeed() const { return options_.hash_seed; }
  // Returns when everything that is freed in the background is. For tests.
  void drainReaper();
  [[nodiscard]] Versions& versions() const { return versions_; }

 private:
  struct Apply;  // one effect on its way into a partition

  [[nodiscard]] Partition& partitionAt(PartitionId id) const;
  [[nodiscard]] Partition& partitionAt(const Key& key) const { return partitionAt(partition(key)); }
  [[nodiscard]] DirectoryContext directoryContext() const;
  // A step of a walk, from a hash on: where the next one begins, unless it was the last.
  struct WalkStep {
    std::uint64_t next;
    bool at_end;
  };
  // Looks at the segment of `from`. `exact` leaves out what hashes below `from`: a walk in exact steps visits no key twice.
  WalkStep walkStep(int db, std::uint64_t from, std::size_t budget, Lsn snapshot, bool locked, bool exact, std::size_t& visited,
                    const EntryVisitor& visitor) const;
  void flush(int db, const WriteContext& context);
  // The dead of a flush, for the reaper.
  struct Flushed {
    std::vector<Entry*> entries;
    std::vector<std::unique_ptr<Directory>> directories;
  };
  void flushPartition(Partition& partition, const WriteContext& context, Flushed& flushed);
  void adopt(const Key& key, PrivateValue* value, const WriteContext& context);
  void dropIdleInterest(Partition& partition);
  void serve(const Key& key, bool alone);
  void apply(const PartitionDebt& debt);
  void pay(PartitionId id);
  bool takeOwing(PartitionId id, PartitionLock::Grant grant, std::size_t& owed);
  void emptyPartition(Partition& partition, std::vector<std::unique_ptr<Directory>>& whole);
  void shadowPartition(Partition& partition, const WriteContext& context, std::vector<Entry*>& dead);
  void purge(Partition& partition, bool thorough = false);
  void countRemoval(Cause cause);
  const Entry* findForUse(const Key& key) const;

  Versions& versions_;
  StoreOptions options_;
  bool loading_ = false;
  std::unique_ptr<StablePool> pool_;
  std::unique_ptr<Reaper> reaper_;
  std::unique_ptr<Partition[]> partitions_;                     // of all databases, by PartitionId
  std::unique_ptr<std::atomic<const PartitionDebt*>[]> debts_;  // what is owed to them; written under the lock
  std::atomic<std::size_t> waiters_{0};
  mutable AccessTracker accesses_;
  std::atomic<std::int64_t> snapshot_bytes_{0};
  std::atomic<std::uint64_t> expired_keys_{0};
  std::atomic<std::uint64_t> evicted_keys_{0};
  // Where the sweeper goes on.
  std::uint64_t sweep_hash_ = 0;
  int sweep_db_ = 0;
};

// Holds one partition's lock for its lifetime, if it is `wanted`.
class PartitionHold {
 public:
  PartitionHold(const Store& store, PartitionId id, bool wanted = true) : store_(wanted ? &store : nullptr), id_(id) {
    if (wanted) {
      store.lock(id);
    }
  }
  PartitionHold(const PartitionHold&) = delete;
  PartitionHold& operator=(const PartitionHold&) = delete;
  ~PartitionHold() {
    if (store_ != nullptr) {
      store_->unlock(id_);
    }
  }

 private:
  const Store* store_;
  PartitionId id_;
};

// Holds partitions' locks for its lifetime. The ids must outlive it. Without `waits`, only if they are to be had soon: held().
class PartitionLocks {
 public:
  PartitionLocks(Store& store, std::span<const PartitionId> sorted, bool waits = true) : store_(store), ids_(sorted) {
    if (waits) {
      store_.lock(ids_);
    } else {
      held_ = store_.lockSoon(ids_);
    }
  }
  PartitionLocks(const PartitionLocks&) = delete;
  PartitionLocks& operator=(const PartitionLocks&) = delete;
  ~PartitionLocks() {
    if (held_) {
      store_.unlock(ids_);
    }
  }
  [[nodiscard]] bool held() const { return held_; }
  // Lets them go after Store::owe().
  void unlockOwing() {
    TREFOIL_ASSERT(held_);
    store_.unlockOwing(ids_);
    held_ = false;
  }

 private:
  Store& store_;
  std::span<const PartitionId> ids_;
  bool held_ = true;
};

}  // namespace trefoil::kv
