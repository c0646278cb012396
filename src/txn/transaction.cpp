#include "txn/transaction.hpp"

#include <algorithm>

#include "kv/effects.hpp"
#include "kv/prepared_strings.hpp"
#include "sql/effects.hpp"
#include "txn/commit_locks.hpp"

namespace trefoil::txn {

namespace {

constexpr int kOptimisticAttempts = 8;

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
      sql_(manager.sql(), effects_, snapshot_.lsn(), manager.nextTransactionNumber()) {}

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
      sql_(manager.sql(), effects_, sql::View::UnderLocks{}, manager.nextTransactionNumber()) {}

Transaction::~Transaction() = default;

void Transaction::rollbackTo(std::size_t mark) {
  if (effects_.size() == mark) {
    return;
  }
  effects_.truncate(mark);
  kv_.forget();
  sql_.beginRebuild();
  EffectReader reader(effects_.bytes());
  while (!reader.done()) {
    const std::size_t begin = reader.offset();
    const std::uint8_t kind = reader.getByte();
    if (kv::isKvEffect(kind)) {
      const Status skipped = kv::skipEffect(kind, reader);
      TREFOIL_ASSERT(skipped.ok());
      kv_.restage(begin, reader.offset());
    } else {
      sql_.restage(kind, reader);
    }
  }
  TREFOIL_ASSERT(reader.ok());
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
  if (!kv_.validate(now)) {
    return conflictError();
  }
  return sql_.validate();
}

Result<Lsn> Transaction::commit(UnixMs now, std::span<const kv::PartitionId> extra, const std::function<bool()>& also_valid) {
  aof::Log* log = manager_.log();
  aof::PreparedCommit prepared;
  if (!effects_.empty() && log != nullptr) {
    TREFOIL_TRY(log->prepare(effects_.bytes(), prepared));
  }
  kv::PreparedStrings strings;
  prepareStrings(strings);
  std::optional<CommitLocks> locks;
  if (all_locks_ == nullptr && (!effects_.empty() || !extra.empty())) {
    locks.emplace(manager_, kv_, sql_, extra);
  }
  TREFOIL_TRY(validate(now, also_valid));
  if (effects_.empty()) {
    return Lsn{0};
  }
  const SharedGuard inside(manager_.gate_);
  aof::Appended appended{manager_.memory_lsn_.load(std::memory_order_relaxed), 0};
  if (log != nullptr) {
    appended = log->append(prepared);
  }
  applyEffects(WriteContext::live(manager_.versions_, appended.lsn), strings);
  return appended.end;
}

void Transaction::prepareStrings(kv::PreparedStrings& prepared) const {
  if (effects_.size() < kv::PreparedStrings::kMinBytes || !kv_.hasWrites()) {
    return;
  }
  EffectReader reader(effects_.bytes());
  while (!reader.done()) {
    const std::uint8_t kind = reader.getByte();
    const Status read =
        kv::isKvEffect(kind) ? prepared.add(kind, reader, manager_.kv().databases()) : sql::skipEffect(kind, reader);
    TREFOIL_ASSERT(read.ok());
  }
}

// The record is in the log: nothing can fail any more.
void Transaction::applyEffects(const WriteContext& context, kv::PreparedStrings& prepared) {
  const bool sql_done = sql_.adopt(context);
  if (sql_done && !kv_.hasWrites()) {
    return;
  }
  EffectReader reader(effects_.bytes());
  while (!reader.done()) {
    const std::uint8_t kind = reader.getByte();
    Status applied;
    if (kv::isKvEffect(kind)) {
      applied = manager_.kv().apply(kind, reader, context, &prepared);
    } else if (sql_done) {
      applied = sql::skipEffect(kind, reader);
    } else {
      applied = sql_.applyEffect(kind, reader, context);
    }
    TREFOIL_ASSERT(applied.ok());
  }
  TREFOIL_ASSERT(reader.ok());
}

Result<Lsn> runTransaction(Manager& manager, UnixMs now, const std::function<Status(Transaction&)>& body,
                           std::span<const kv::PartitionId> extra, const std::function<bool()>& also_valid) {
  const auto attempt = [&](Transaction& transaction) -> Result<Lsn> {
    TREFOIL_TRY(body(transaction));
    return transaction.commit(now, extra, also_valid);
  };
  for (int i = 0; i < kOptimisticAttempts; ++i) {
    Transaction transaction(manager, now);
    Result<Lsn> committed = attempt(transaction);
    if (committed.ok() || committed.error().code != ErrorCode::kConflict) {
      return committed;
    }
  }
  TREFOIL_TRY(manager.admitWrite());
  Transaction transaction(manager, now, Transaction::UnderAllLocks{});
  return attempt(transaction);
}

}  // namespace trefoil::txn
