#include "txn/transaction.hpp"

#include <algorithm>

#include "kv/prepared_effects.hpp"
#include "txn/commit_locks.hpp"
#include "txn/effects.hpp"
#include "txn/old_values.hpp"

namespace trefoil::txn {

namespace {

// So often a statement is tried, and from which try on with its tables reserved.
constexpr int kOptimisticAttempts = 8;
constexpr int kReservesFrom = 5;

Error conflictError() {
  return Error(ErrorCode::kConflict, "could not serialize access: something this transaction has read was changed meanwhile")
      .withHint("Nothing was applied. Run the transaction again.");
}

kv::View makeKvView(Manager& manager, EffectBuffer& effects, UnixMs now, const Snapshot& snapshot, bool under_locks) {
  return under_locks ? kv::View::locked(manager.kv(), effects, now)
                     : kv::View::snapshot(manager.kv(), effects, now, snapshot.lsn());
}

}  // namespace

Transaction::Transaction(Manager& manager, UnixMs now)
    : manager_(manager),
      snapshot_(manager.openSnapshot()),
      now_(now),
      kv_(makeKvView(manager, effects_, now, snapshot_, false)),
      sql_(manager.sql(), effects_, snapshot_.lsn(), manager.committer().nextTransactionNumber()) {}

Transaction::Transaction(Manager& manager, UnixMs now, OneQuery)
    : manager_(manager),
      snapshot_(manager.openSnapshot()),
      now_(now),
      kv_(makeKvView(manager, effects_, now, snapshot_, false)),
      sql_(manager.sql(), effects_, snapshot_.lsn(), sql::View::kReadOnly) {}

Transaction::Transaction(Manager& manager, UnixMs now, UnderAllLocks)
    : manager_(manager),
      all_locks_(std::make_unique<AllLocks>(manager)),
      now_(now),
      kv_(makeKvView(manager, effects_, now, snapshot_, true)),
      sql_(manager.sql(), effects_, sql::View::UnderLocks{}, manager.committer().nextTransactionNumber()) {}

Transaction::~Transaction() = default;

void Transaction::rollbackTo(std::size_t mark, bool broken_off) {
  if (effects_.size() == mark && !broken_off) {
    return;
  }
  const QueryMemory::Scope not_the_statements(nullptr);  // what was admitted once is staged again
  effects_.truncate(mark);
  kv_.forget();
  sql_.beginRebuild();
  const Status read = forEachEffect(
      EffectReader::ofStaged(effects_.bytes()),
      [&](std::uint8_t kind, EffectReader& reader) -> Status {
        const std::size_t begin = reader.offset() - kEffectKindBytes;
        TREFOIL_TRY(kv::skipEffect(kind, reader));
        kv_.restage(begin, reader.offset());
        return {};
      },
      [&](std::uint8_t kind, EffectReader& reader) -> Status {
        sql_.restage(kind, reader);
        return {};
      });
  TREFOIL_ASSERT(read.ok());
}

void Transaction::savepoint(std::string_view name) {
  savepoints_.push_back({std::string(name), mark()});
}

std::size_t Transaction::findSavepoint(std::string_view name) const {
  std::size_t i = savepoints_.size();
  while (i > 0 && savepoints_[i - 1].name != name) {
    --i;
  }
  return i;
}

Status Transaction::rollbackToSavepoint(std::string_view name) {
  const std::size_t found = findSavepoint(name);
  if (found == 0) {
    return Error(ErrorCode::kTransactionState, "savepoint \"" + std::string(name) + "\" does not exist");
  }
  savepoints_.resize(found);  // it stays, those after it are gone
  rollbackTo(savepoints_.back().mark);
  return {};
}

Status Transaction::releaseSavepoint(std::string_view name) {
  const std::size_t found = findSavepoint(name);
  if (found == 0) {
    return Error(ErrorCode::kTransactionState, "savepoint \"" + std::string(name) + "\" does not exist");
  }
  savepoints_.resize(found - 1);
  return {};
}

Status Transaction::validate(UnixMs now, const std::function<bool()>& also_valid) {
  if (also_valid && !also_valid()) {
    return conflictError();
  }
  if (effects_.empty() || all_locks_ != nullptr) {
    return {};  // it saw one instant, or the live store under locks that it still holds
  }
  if (!kv_.validate(now) || (old_kv_ != nullptr && !old_kv_->validate(now))) {
    return conflictError();
  }
  return sql_.validate();
}

void Transaction::addOldValues() {
  old_effects_ = std::make_unique<EffectBuffer>();
  old_kv_.reset(new kv::View(makeKvView(manager_, *old_effects_, now_, snapshot_, all_locks_ != nullptr)));
  appendOldValues(effects_, *old_kv_, *old_effects_);
}

Result<Lsn> Transaction::commit(UnixMs now, std::span<const kv::PartitionId> extra, const std::function<bool()>& also_valid) {
  if (run_again_) {
    TREFOIL_ASSERT(extra.empty() && !also_valid);
    return sql_.hasWrites() ? commitFollowing(now) : Lsn{0};
  }
  aof::Log* log = manager_.log();
  kv::PreparedEffects on_keys(manager_.kv(), block_);
  TREFOIL_TRY(guardMemory([&]() -> Status {
    if (manager_.committer().logsOldValues() && !effects_.empty()) {
      addOldValues();
    }
    kv_.prepare(on_keys);
    return {};
  }));
  const bool locks_needed = all_locks_ == nullptr && (!effects_.empty() || !extra.empty());
  const bool on_keys_later = all_locks_ == nullptr && !on_keys.empty() && effects_.size() >= kv::PreparedEffects::kMinOwed;
  for (;;) {
    TREFOIL_TRY(awaitTurn());
    aof::PreparedCommit prepared;
    if (!effects_.empty() && log != nullptr) {
      TREFOIL_TRY(effects_.borrows() ? log->prepare(effects_.pieces(), prepared) : log->prepare(effects_.bytes(), prepared));
    }
    std::optional<CommitLocks> locks;
    if (locks_needed) {
      locks.emplace(manager_, kv_, sql_, extra);
      if (reservedTable()) {
        continue;
      }
    }
    TREFOIL_TRY(validate(now, also_valid));
    if (effects_.empty()) {
      return Lsn{0};
    }
    const Lsn end = manager_.committer().commit(
        prepared, effects_, [&](const WriteContext& context) { applyEffects(context, on_keys, on_keys_later); });
    if (on_keys_later) {
      locks->letGoOwing();
      locks.reset();
      manager_.kv().settle(on_keys);
    }
    locks.reset();
    if (all_locks_ == nullptr) {
      manager_.committer().afterLocks();
    }
    return end;
  }
}

std::optional<sql::TableId> Transaction::reservedTable() const {
  if (!manager_.sql().hasReservations() || !patient_ || all_locks_ != nullptr) {
    return std::nullopt;
  }
  for (const sql::TableFootprint& use : sql_.footprint()) {
    if (use.written && manager_.sql().isReserved(use.table, reserved_as_)) {
      return use.table;
    }
  }
  return std::nullopt;
}

std::optional<sql::TableId> Transaction::mustWaitFor() const {
  if (!manager_.sql().hasReservations() || all_locks_ != nullptr) {
    return std::nullopt;
  }
  const SharedGuard catalog(manager_.sql().catalogGate());
  return reservedTable();
}

Status Transaction::awaitTurn() {
  for (;;) {
    const std::optional<sql::TableId> reserved = mustWaitFor();
    if (!reserved) {
      return {};
    }
    if (never_waits_) {
      return Error(ErrorCode::kBusy, "another statement has reserved the table");
    }
    if (reserved_as_ != 0) {
      return conflictError();  // it has tables that others wait for: it does not wait itself
    }
    patient_ = manager_.sql().awaitReservation(*reserved);
  }
}

// -------------------------------------------------------------------------------------------------------------- following others

namespace {

// What is taken over under the table's lock: a millisecond or so. More than that is taken over before.
constexpr sql::View::MoveLimits kUnderLock{.blocks = 32, .rows = 256};
// Beyond this others have changed so much that the statement had better run anew.
constexpr sql::View::MoveLimits kMost{.blocks = std::size_t{1} << 16, .rows = std::size_t{1} << 20};
// So often it catches up at most before it tries to commit, and so often it tries. Others who are as quick are never caught up
// with: from some try on they let it go first.
constexpr int kMostCatchUps = 4;
constexpr int kMostTries = 8;
constexpr int kReservesFromTry = 2;

}  // namespace

void Transaction::followRows(sql::TableId table, RunAgain again) {
  TREFOIL_ASSERT(all_locks_ == nullptr);
  if (!manager_.committer().logsOldValues()) {  // a record of revisions has no room for them
    sql_.followRows(table);
    run_again_ = std::move(again);
  }
}

// Without a lock, again and again until what others have done in the meantime is little.
Status Transaction::catchUp() {
  for (int i = 0; i < kMostCatchUps; ++i) {
    Snapshot later = manager_.openSnapshot();
    TREFOIL_ASSIGN(const std::optional<sql::View::Moved> moved, sql_.moveOn(later.lsn(), kMost));
    if (!moved) {
      return conflictError();
    }
    std::swap(latest_, later);  // the one before may go now
    TREFOIL_TRY(run_again_(*moved));
    if (moved->rows.size() <= kUnderLock.rows / 4) {
      break;
    }
  }
  return {};
}

// Large effects are sent to the log ahead; what comes after them goes with the commit record. See sql/view_rebase.cpp.
Result<Lsn> Transaction::commitFollowing(UnixMs now) {
  aof::Log* const log = manager_.log();
  ReservedTables reserved(manager_);
  std::optional<aof::PreparedCommit> ahead(std::in_place);
  std::size_t sent = 0;
  for (int i = 0; i < kMostTries; ++i) {
    const bool reserves = i == kReservesFromTry && reserved_as_ == 0;
    if (reserves || mustWaitFor()) {
      ahead.emplace();  // who waits keeps no room in the log from others
      sent = 0;
    }
    if (reserves) {
      if (never_waits_) {
        return Error(ErrorCode::kBusy, "others are as quick");
      }
      reserved.take(sql_.footprint());
      reserved_as_ = reserved.who();
    }
    TREFOIL_TRY(awaitTurn());
    if (i > 0) {
      TREFOIL_TRY(catchUp());
    }
    sql_.seal(latest_.lsn() != 0 ? latest_.lsn() : snapshot_.lsn());
    if (log != nullptr && sent == 0 && effects_.size() <= log->smallPayloadBytes() / 2) {
      TREFOIL_TRY(log->awaitRoom());
    } else if (log != nullptr && (sent == 0 || effects_.size() - sent > log->lastPieceBytes() / 2)) {
      ahead.emplace();
      TREFOIL_TRY(log->prepareAhead(effects_.bytes(), *ahead));
      sent = effects_.size();
    }
    TREFOIL_ASSIGN(const std::optional<Lsn> committed, tryCommitFollowing(now, sent, *ahead));
    if (committed) {
      manager_.committer().afterLocks();
      return *committed;
    }
  }
  return conflictError();
}

// Nothing: others have done too much meanwhile, and nothing has happened.
Result<std::optional<Lsn>> Transaction::tryCommitFollowing(UnixMs now, std::size_t sent, aof::PreparedCommit& ahead) {
  const CommitLocks locks(manager_, kv_, sql_, {});
  if (reservedTable()) {
    return std::optional<Lsn>();
  }
  TREFOIL_ASSIGN(const std::optional<sql::View::Moved> moved, sql_.moveOnToLive(kUnderLock));
  if (!moved) {
    return std::optional<Lsn>();
  }
  if (!moved->rows.empty()) {
    TREFOIL_TRY(run_again_(*moved));
  }
  TREFOIL_TRY(validate(now, {}));
  aof::PreparedCommit small;
  if (aof::Log* const log = manager_.log(); log != nullptr && sent == 0) {
    if (!log->tryPrepare(effects_.bytes(), small)) {
      return conflictError();  // there is no room, and none can be waited for: from the start again
    }
  } else if (log != nullptr) {
    if (effects_.size() == sent) {
      sql_.stageNothing();
    }
    const std::string_view piece = effects_.bytes().substr(sent);
    if (piece.size() > log->lastPieceBytes()) {
      return conflictError();
    }
    log->setLastPiece(ahead, piece);
  }
  kv::PreparedEffects none(manager_.kv());
  return std::optional(manager_.committer().commit(sent == 0 ? small : ahead, effects_,
                                                   [&](const WriteContext& context) { applyEffects(context, none, false); }));
}

// The record is in the log: nothing can fail any more.
void Transaction::applyEffects(const WriteContext& context, kv::PreparedEffects& on_keys, bool on_keys_later) {
  if (on_keys_later) {
    manager_.kv().owe(on_keys, context);
  } else {
    manager_.kv().apply(on_keys, context);
  }
  if (sql_.adopt(context)) {
    return;
  }
  const Status applied =
      forEachEffect(EffectReader::ofStaged(effects_.bytes()), kv::skipEffect,
                    [&](std::uint8_t kind, EffectReader& reader) { return sql_.applyEffect(kind, reader, context); });
  TREFOIL_ASSERT(applied.ok());
}

Result<Lsn> runTransaction(Manager& manager, UnixMs now, const std::function<Status(Transaction&)>& body,
                           std::span<const kv::PartitionId> extra, const std::function<bool()>& also_valid) {
  const auto attempt = [&](Transaction& transaction) -> Result<Lsn> {
    TREFOIL_TRY(body(transaction));
    return transaction.commit(now, extra, also_valid);
  };
  ReservedTables reserved(manager);
  bool never_waits = false;
  for (int i = 0; i < kOptimisticAttempts; ++i) {
    Transaction transaction(manager, now);
    transaction.setReservation(reserved.who());
    Result<Lsn> committed = attempt(transaction);
    if (committed.ok() || committed.error().code != ErrorCode::kConflict) {
      return committed;
    }
    never_waits = transaction.neverWaits();
    if (i + 1 >= kReservesFrom && !never_waits) {
      reserved.take(transaction.sql().footprint());
    }
  }
  if (never_waits) {
    return Error(ErrorCode::kBusy, "it keeps conflicting with others");
  }
  TREFOIL_TRY(manager.committer().admit());
  std::optional<Transaction> transaction(std::in_place, manager, now, Transaction::UnderAllLocks{});
  Result<Lsn> committed = attempt(*transaction);
  transaction.reset();
  manager.committer().afterLocks();
  return committed;
}

}  // namespace trefoil::txn
