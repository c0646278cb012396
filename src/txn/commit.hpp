// Committer: the one road on which a change becomes part of the database, whoever made it.
//
//   statement ─ stages effects in an EffectBuffer, seen through a kv::View and a sql::View
//      │
//      ├─ live         locks held by the statement (live.hpp): tryCommit()        one autocommit point statement, EXEC, expiry
//      └─ Transaction  its own snapshot, locks taken at COMMIT, validated: commit()   BEGIN … COMMIT, every other change
//             │
//             ▼   enter the gate (shared) ── log.append(effects) ── apply the same bytes to the stores ── leave
//                 serve who waits for keys (kv/waiting.hpp) ── let the locks go ── tell who follows (commit_order.hpp)
//
// A snapshot holds the gate exclusively for the moment in which it reads the log's end: append and apply are both inside the
// gate, so it holds exactly the records below its LSN, over keys, rows and vectors alike. Opening one copies nothing.
//
// Locks have one order: catalog, partitions, tables, gate, log. With a lock held nobody does I/O, waits for room in the log or
// enters a parallel loop.
//
// Thread safety: all functions.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "aof/log.hpp"
#include "base/effect_buffer.hpp"
#include "base/gate.hpp"
#include "base/memory_reserve.hpp"
#include "base/query_memory.hpp"
#include "base/status.hpp"
#include "base/types.hpp"
#include "base/versions.hpp"
#include "kv/store.hpp"
#include "txn/commit_order.hpp"
#include "txn/doubt.hpp"

namespace trefoil::sql {
class Store;
}

namespace trefoil::txn {

// Of the commits of a database without a log, before the first snapshot is taken (base/types.hpp).
inline constexpr Lsn kFirstMemoryLsn = 1;

// One instant over keys, rows and vectors, open until destroyed. Must not outlive the database.
class Snapshot {
 public:
  Snapshot() = default;
  Snapshot(Snapshot&& other) noexcept : versions_(std::exchange(other.versions_, nullptr)), lsn_(other.lsn_) {}
  Snapshot& operator=(Snapshot&& other) noexcept {
    std::swap(versions_, other.versions_);
    std::swap(lsn_, other.lsn_);
    return *this;
  }
  ~Snapshot() {
    if (versions_ != nullptr) {
      versions_->releaseSnapshot(lsn_);
    }
  }
  // It holds what records below this one did.
  [[nodiscard]] Lsn lsn() const { return lsn_; }

 private:
  friend class Committer;
  Snapshot(Versions& versions, Lsn lsn) : versions_(&versions), lsn_(lsn) {}
  Versions* versions_ = nullptr;
  Lsn lsn_ = 0;
};

class Committer {
 public:
  // All outlive it; `log` is null in memory.
  Committer(Versions& versions, kv::Store& kv, sql::Store& sql, aof::Log* log)
      : versions_(versions), kv_(kv), sql_(sql), log_(log) {}

  [[nodiscard]] Snapshot openSnapshot();

  // For a statement that is about to write: kReadOnly (and why) while the log refuses writes, or if it follows another database
  // (follower.hpp). A comparison or two.
  Status admit() {
    if (log_ != nullptr) [[likely]] {
      return log_->admit();
    }
    return follows_another_ ? refusalOfFollower() : Status();
  }
  // Before anybody else knows it.
  void setFollowsAnother() { follows_another_ = true; }
  // For one that tryCommit() has sent away: waits until the log has room for small records. Without locks. Fails as above.
  Status awaitRoom() { return log_ == nullptr ? Status() : log_->awaitRoom(); }
  // Whether a record of these effects is too large for tryCommit(), however much room there is.
  // Where old values are logged nobody knows how large it is.
  [[nodiscard]] bool isLarge(const EffectBuffer& effects) const {
    return log_ != nullptr && (effects.size() > log_->smallPayloadBytes() || logsOldValues());
  }

  // Whether records say what was there before (old_values.hpp, sql/storage/effects.hpp). For transactions that begin to commit
  // from now on.
  [[nodiscard]] bool logsOldValues() const { return logs_old_values_.load(std::memory_order_relaxed); }
  void setLogsOldValues(bool log);

  // Commits what a live statement staged (not nothing); the locks of all that it read and wrote are held. Returns the log
  // position behind the record (0 without a log), or nothing if the record needs room that would have to be waited for: then
  // nothing has happened.
  std::optional<Lsn> tryCommit(const EffectBuffer& effects);

  // Commits what was prepared, and validated under the locks, which are held: `effects`, all of them. `apply` makes memory agree
  // with the record, which is in the log by then: it must not fail. Returns as above. Those who wait for keys that it has filled
  // are served here.
  template <typename Apply>  // of a WriteContext
  Lsn commit(aof::PreparedCommit& prepared, const EffectBuffer& effects, Apply&& apply) {
    const Lsn end = appendAndApply(prepared, effects, std::forward<Apply>(apply));
    if (kv_.hasWaiters()) [[unlikely]] {
      kv_.serveWaiting();
    }
    return end;
  }
  // After commit() or tryCommit(), when the locks are let go and before anybody has an answer: what could not be done under them.
  // Serves those who wait and could not be served there, and tells those who follow the commits.
  void afterLocks() {
    if (kv_.hasWaiters()) [[unlikely]] {
      kv_.serveLater();
    }
    if (order_.isFollowed()) [[unlikely]] {
      memory_reserve::mustNotFail([&] { order_.deliver(); });
    }
  }

  // The observer is told of every commit that the snapshot does not hold (commit_order.hpp), the first of which has this number;
  // until unfollow() returns, which is called without locks and not by the observer.
  struct Following {
    Snapshot snapshot;
    std::uint64_t sequence;
  };
  [[nodiscard]] Following follow(CommitObserver& observer);
  void unfollow(CommitObserver& observer) { order_.detach(observer); }
  // A snapshot, and the number of the first commit that it does not hold. While somebody follows.
  [[nodiscard]] Following placeInOrder();
  // Whether those who follow are told which keys are new. It is found out by a look at each key before it is changed.
  void tellNewKeys(bool on) { tells_new_keys_.store(on, std::memory_order_relaxed); }

  // Applies each effect to its store: under the locks of tryCommit(), or while a directory is loaded and nobody else knows the
  // stores. Then kCorruption is possible, and a store's effects are skipped if they are older than what a checkpoint put into it.
  struct Since {
    Lsn kv = 0;
    Lsn sql = 0;
  };
  Status apply(const EffectReader& effects, const WriteContext& context, const Since& since);

  // What an answer must not tell of while the log refuses writes and `appendfsync` is `always`: never null then.
  std::shared_ptr<const Doubt> doubt();

  [[nodiscard]] std::uint64_t nextTransactionNumber() { return next_transaction_.fetch_add(1, std::memory_order_relaxed); }

 private:
  static Error refusalOfFollower();
  std::optional<Lsn> tryCommitAll(const EffectBuffer& effects);
  Snapshot snapshotHere();
  template <typename Apply>
  Lsn appendAndApply(aof::PreparedCommit& prepared, const EffectBuffer& effects, Apply&& apply) {
    const SharedGuard inside(gate_);
    const bool is_followed = order_.isFollowed();
    const QueryMemory::Scope not_the_statements(nullptr);
    return memory_reserve::mustNotFail([&] {
      CommitOrder::Place place = 0;
      const aof::Appended appended = is_followed ? appendInOrder(prepared, place, effects) : append(prepared);
      apply(WriteContext::live(versions_, appended.lsn));
      if (is_followed) [[unlikely]] {
        complete(place, effects);
      }
      return appended.end;
    });
  }
  aof::Appended append(aof::PreparedCommit& prepared) {
    return log_ != nullptr ? log_->append(prepared) : aof::Appended{memory_lsn_.load(std::memory_order_relaxed), 0};
  }
  aof::Appended appendInOrder(aof::PreparedCommit& prepared, CommitOrder::Place& place, const EffectBuffer& effects);
  [[nodiscard]] std::vector<bool> newKeys(std::string_view effects) const;
  void complete(CommitOrder::Place place, const EffectBuffer& effects);

  Versions& versions_;
  kv::Store& kv_;
  sql::Store& sql_;
  aof::Log* const log_;
  Gate gate_{32, LockRank::kDatabase};
  CommitOrder order_;
  std::atomic<bool> tells_new_keys_{false};
  bool follows_another_ = false;
  std::atomic<bool> logs_old_values_{false};
  std::atomic<Lsn> memory_lsn_{kFirstMemoryLsn};  // without a log: advances when a snapshot is taken (base/types.hpp)
  std::atomic<std::uint64_t> next_transaction_{1};
  std::mutex doubt_mutex_;
  std::shared_ptr<const Doubt> doubt_;  // about these records:
  aof::Log::InDoubt doubt_range_;
};

}  // namespace trefoil::txn
