// Transaction: a staging buffer over a snapshot, for BEGIN … COMMIT, EXEC and every DML that is more than a point statement.
//
// It owns one kv::View and one sql::View, which read the snapshot and see their own writes, and one EffectBuffer into which both
// stage. Nobody else sees anything of it before commit().
//
//   commit:  prepare the log (may wait, may fail) ─ lock the footprint ─ validate what was read ─ gate ─ append ─ apply ─ unlock
//
// Large effects on keys are applied after the unlock, which nobody can tell (kv/prepared_effects.hpp).
//
// Isolation is serializable: what was read, by key, row or scan, must be unchanged in the live store under the locks (optimistic;
// Kung, Robinson: "On Optimistic Methods for Concurrency Control", 1981, backward validation). A transaction that only reads
// needs no validation: it saw one instant.
//
// Thread safety: none; its session owns it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/request_block.hpp"
#include "base/status.hpp"
#include "base/types.hpp"
#include "kv/view.hpp"
#include "sql/storage/view.hpp"
#include "txn/manager.hpp"

namespace trefoil::txn {

class AllLocks;

class Transaction {
 public:
  Transaction(Manager& manager, UnixMs now);
  // One query: it is not committed, so what it reads is not recorded.
  struct OneQuery {};
  Transaction(Manager& manager, UnixMs now, OneQuery);
  // Over the live store with every lock held to the end: cannot conflict, and stops everybody else meanwhile.
  struct UnderAllLocks {};
  Transaction(Manager& manager, UnixMs now, UnderAllLocks);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();  // rolls back what was not committed

  [[nodiscard]] kv::View& kv() { return kv_; }
  [[nodiscard]] sql::View& sql() { return sql_; }
  // Inside BEGIN time stands still.
  [[nodiscard]] UnixMs now() const { return now_; }

  // It saw nothing of the record at this position, or of those behind.
  [[nodiscard]] Lsn snapshotLsn() const { return snapshot_.lsn(); }

  [[nodiscard]] bool holdsAllLocks() const { return all_locks_ != nullptr; }

  // The arguments of the command that runs next, for none after it: their bytes outlive the transaction, so that large values
  // among them need not be copied. `block`: they lie in it, no word but the value in question does, and a commit may take it.
  void borrowFrom(std::span<const std::string_view> arguments, RequestBlock* block = nullptr) {
    effects_.borrowFrom(arguments);
    block_ = block;
  }

  // It runs where nobody may wait (an event loop): commit() answers kBusy where it would have to wait for another transaction
  // that has reserved its tables; then nothing was applied.
  void neverWait() { never_waits_ = true; }
  [[nodiscard]] bool neverWaits() const { return never_waits_; }
  // Others let it change these tables first: see sql/storage/table_reservation.hpp.
  void setReservation(std::uint64_t who) { reserved_as_ = who; }

  // What is staged so far, to go back to: before each statement, and for savepoints.
  [[nodiscard]] std::size_t mark() const { return effects_.size(); }
  // Undoes the writes staged after `mark`; never the reads. `broken_off`: whoever wrote was interrupted (memory ran out), so that
  // the private copies may hold what is not staged.
  void rollbackTo(std::size_t mark, bool broken_off = false);

  // SAVEPOINT, ROLLBACK TO, RELEASE. An unknown name is kTransactionState with PostgreSQL's text.
  void savepoint(std::string_view name);
  Status rollbackToSavepoint(std::string_view name);
  Status releaseSavepoint(std::string_view name);

  // The transaction is one statement that decides about each row of a table by that row alone (sql::View::followRows), and which
  // is about to run. Others who change the table are no conflict then: `again` runs it on the rows that they have changed, any
  // number of times, in the end under the table's lock. If it answers an error, that is what commit() answers, and nothing is
  // applied.
  using RunAgain = std::function<Status(const sql::View::Moved& moved)>;
  void followRows(sql::TableId table, RunAgain again);

  // All or nothing, in memory and in the log. Returns the log position behind the record, 0 if there is nothing to wait for.
  // kConflict: something read was changed meanwhile, or `also_valid` said no under the locks; nothing was applied. Errors of the
  // log: nothing was applied. Afterwards, whatever the outcome, the transaction is over.
  // `extra` partitions are locked too (watched keys), for `also_valid`.
  Result<Lsn> commit(UnixMs now, std::span<const kv::PartitionId> extra = {}, const std::function<bool()>& also_valid = {});

 private:
  struct Savepoint {
    std::string name;
    std::size_t mark;
  };

  [[nodiscard]] std::size_t findSavepoint(std::string_view name) const;  // its place + 1, 0: none
  Status validate(UnixMs now, const std::function<bool()>& also_valid);
  void addOldValues();
  void applyEffects(const WriteContext& context, kv::PreparedEffects& on_keys, bool on_keys_later);
  // Waits, without a lock, as long as a table that it is about to change is reserved by somebody else.
  Status awaitTurn();
  [[nodiscard]] std::optional<sql::TableId> reservedTable() const;  // inside the catalog's gate
  [[nodiscard]] std::optional<sql::TableId> mustWaitFor() const;    // outside
  Result<Lsn> commitFollowing(UnixMs now);
  Status catchUp();
  Result<std::optional<Lsn>> tryCommitFollowing(UnixMs now, std::size_t sent, aof::PreparedCommit& ahead);

  Manager& manager_;
  std::unique_ptr<AllLocks> all_locks_;
  Snapshot snapshot_;
  UnixMs now_;
  Snapshot latest_;     // that the view has moved on to, if it has
  RunAgain run_again_;  // null: it follows nobody
  EffectBuffer effects_;
  kv::View kv_;
  sql::View sql_;
  // Where old values are logged: what the keys were that it changes.
  std::unique_ptr<EffectBuffer> old_effects_;
  std::unique_ptr<kv::View> old_kv_;
  std::vector<Savepoint> savepoints_;
  RequestBlock* block_ = nullptr;
  std::uint64_t reserved_as_ = 0;
  bool never_waits_ = false;
  bool patient_ = true;
};

// An autocommit statement as a transaction: runs `body` and commits, again after each conflict; after some, with the tables that
// it used reserved; the last time under all locks (that comes of conflicts about keys). So it never answers kConflict, unless
// `also_valid` or `body` says so. kBusy: it would have to wait for others, or to reserve, and `body` has said neverWait().
// `body` may be called several times. Returns what commit() does.
Result<Lsn> runTransaction(Manager& manager, UnixMs now, const std::function<Status(Transaction&)>& body,
                           std::span<const kv::PartitionId> extra = {}, const std::function<bool()>& also_valid = {});

}  // namespace trefoil::txn
