// Manager: the one road on which data changes.
//
//   statement ─ stages effects in an EffectBuffer, seen through a kv::View and a sql::View
//      │
//      ├─ live        locks held by the statement: commitLive()            one autocommit point statement
//      └─ Transaction its own snapshot, locks taken at COMMIT, validated   BEGIN … COMMIT, EXEC, every other DML
//             │
//             ▼   enter the gate (shared) ── log.append(effects) ── apply the same bytes to the stores ── leave
//
// A snapshot holds the gate exclusively for the moment in which it reads the log's end: append and apply are both inside the
// gate, so it holds exactly the records below its LSN, over keys, rows and vectors alike. Opening one copies nothing.
//
// Locks have one order: catalog, partitions, tables, gate, log. With a lock held nobody does I/O, waits for room in the log or
// enters a parallel loop.
//
// Recovery is the same apply over the checkpoint's effects and then over the log's records.
//
// Thread safety: all functions.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aof/checkpoint.hpp"
#include "aof/log.hpp"
#include "aof/recovery.hpp"
#include "base/env.hpp"
#include "base/gate.hpp"
#include "base/status.hpp"
#include "base/types.hpp"
#include "base/versions.hpp"
#include "kv/store.hpp"
#include "sql/store.hpp"
#include "txn/doubt.hpp"

namespace trefoil::txn {

class Manager;

// One instant over keys, rows and vectors, open until destroyed. Must not outlive its manager.
class Snapshot {
 public:
  Snapshot() = default;
  Snapshot(Snapshot&& other) noexcept : manager_(std::exchange(other.manager_, nullptr)), lsn_(other.lsn_) {}
  Snapshot& operator=(Snapshot&& other) noexcept {
    std::swap(manager_, other.manager_);
    std::swap(lsn_, other.lsn_);
    return *this;
  }
  ~Snapshot();
  // It holds what records below this one did.
  [[nodiscard]] Lsn lsn() const { return lsn_; }

 private:
  friend class Manager;
  Snapshot(Manager& manager, Lsn lsn) : manager_(&manager), lsn_(lsn) {}
  Manager* manager_ = nullptr;
  Lsn lsn_ = 0;
};

struct ManagerOptions {
  std::string directory;  // empty: in memory only
  Env* env = nullptr;
  aof::LogOptions log;
  kv::StoreOptions kv;  // its hash seed is replaced by the directory's
};

class Manager {
 public:
  // Opens and recovers. Errors are those of aof::Recovery::open, and kCorruption for records that make no sense.
  static Result<std::unique_ptr<Manager>> open(const ManagerOptions& options);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  [[nodiscard]] kv::Store& kv() { return *kv_; }
  [[nodiscard]] sql::Store& sql() { return *sql_; }
  [[nodiscard]] Versions& versions() { return versions_; }
  [[nodiscard]] aof::Log* log() { return log_.get(); }  // null without a directory
  [[nodiscard]] const aof::RecoveryReport& recoveryReport() const { return report_; }

  [[nodiscard]] Snapshot openSnapshot();

  // For a statement that is about to write: kReadOnly (and why) while the log refuses writes. One comparison.
  Status admitWrite();
  // For one that commitLive() has sent away: waits until the log has room for small records. Without locks. Fails as above.
  Status awaitRoom();

  // What an answer must not tell of while the log refuses writes and `appendfsync` is `always`: never null then.
  std::shared_ptr<const Doubt> doubt();

  // Commits what a live statement staged; the locks of all that it read and wrote are held by the caller. Returns the log
  // position behind the record (0 without a log), or nothing if the record needs room that would have to be waited for: then
  // nothing happened, and the caller lets go of its locks, calls awaitRoom() and starts again, or, if isLarge(effects), runs the
  // statement as a Transaction.
  std::optional<Lsn> commitLive(std::string_view effects);
  [[nodiscard]] bool isLarge(std::string_view effects) const;

  [[nodiscard]] std::uint64_t nextTransactionNumber() { return next_transaction_.fetch_add(1, std::memory_order_relaxed); }

  // Writes a checkpoint of one snapshot; after a failed sync this is also the way back. kBusy if one is being written.
  Status checkpoint();

  // Brings the vector indexes nearer to their tables; a piece of work under a snapshot of its own. True: go on, there is much to
  // do. Any number of callers; none may hold a lock. When to call it: sql().followSignal().
  bool followVectorIndexes();

  // VectorIndexBuild, below.
  bool buildVectorIndex(const sql::NewVectorIndex& index);

  // Looks at about `budget` keys with deadlines, and removes those that have passed, a partition's in one ChangeSet. Returns how
  // many. One caller at a time.
  std::size_t sweepExpired(UnixMs now, std::size_t budget);
  // Of these keys, all of one partition, removes those that are there and have expired, in one ChangeSet. Returns how many; none
  // while the log refuses writes or has no room just now.
  std::size_t removeExpired(std::span<const kv::ExpiredKey> keys, UnixMs now);

 private:
  friend class Snapshot;
  friend class Transaction;

  explicit Manager(Env& env) : env_(env) {}
  Status recover(const ManagerOptions& options);
  Status loadCheckpoint(const aof::CheckpointReader& reader);
  Status loadVectorIndex(const aof::CheckpointReader& reader, const aof::UnitEntry& unit);
  Status replay(aof::Recovery& recovery);
  // Applies each effect, but for those that the loaded checkpoint holds already.
  Status applyAll(std::string_view effects, const WriteContext& context);
  Status writeUnits(aof::CheckpointWriter& writer);
  void closeSnapshot(Lsn lsn);

  Env& env_;
  Versions versions_;
  Gate gate_;
  std::atomic<Lsn> memory_lsn_{1};  // without a log: advances when a snapshot is taken (base/types.hpp)
  std::atomic<std::uint64_t> next_transaction_{1};
  std::unique_ptr<kv::Store> kv_;
  std::unique_ptr<sql::Store> sql_;
  std::unique_ptr<aof::Log> log_;
  aof::RecoveryReport report_;
  std::uint64_t next_unit_ = 1;
  std::mutex doubt_mutex_;
  std::shared_ptr<const Doubt> doubt_;  // about these records:
  aof::Log::InDoubt doubt_range_;
  // What the checkpoint that was loaded holds already; only used while recovering.
  Lsn kv_captured_ = 0;
  Lsn sql_captured_ = 0;
};

// Builds one new vector index, in pieces, on the caller's thread and those of its arena. The follower leaves it alone meanwhile:
// two that take turns would be in each other's way.
class VectorIndexBuild {
 public:
  VectorIndexBuild(Manager& manager, const sql::NewVectorIndex& index) : manager_(manager), index_(index) {
    manager.sql().claimVectorIndex(index, true);
  }
  VectorIndexBuild(const VectorIndexBuild&) = delete;
  VectorIndexBuild& operator=(const VectorIndexBuild&) = delete;
  // What is left is the follower's.
  ~VectorIndexBuild() { manager_.sql().claimVectorIndex(index_, false); }

  // One piece, under a snapshot of its own; no lock may be held. False: it is built, or gone.
  [[nodiscard]] bool goOn() const { return manager_.buildVectorIndex(index_); }

 private:
  Manager& manager_;
  const sql::NewVectorIndex index_;
};

}  // namespace trefoil::txn
