#include "engine/transaction_block.hpp"

#include <new>
#include <string>

#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

namespace {

using Kind = ast::TransactionKind;

// What there has to be a block for.
Error noBlockError(Kind action) {
  const char* const what = action == Kind::kSetModes     ? "SET TRANSACTION"
                           : action == Kind::kSavepoint  ? "SAVEPOINT"
                           : action == Kind::kRollbackTo ? "ROLLBACK TO SAVEPOINT"
                           : action == Kind::kRelease    ? "RELEASE SAVEPOINT"
                                                         : nullptr;
  return {ErrorCode::kTransactionState, what == nullptr ? "there is no transaction in progress"
                                                        : std::string(what) + " can only be used in transaction blocks"};
}

}  // namespace

Result<std::string_view> TransactionBlock::control(const ast::Transaction& statement) {
  if (session_.exec.transaction() != nullptr) {
    return Error(ErrorCode::kTransactionState, "transaction control inside MULTI is not allowed").at(statement.position);
  }
  if (statement.action == Kind::kBegin) {
    return begin(statement);
  }
  if (!isOpen()) {
    return noBlockError(statement.action).at(statement.position);
  }
  SessionSettings& settings = session_.settings;
  StagedMessages& messages = session_.messages.staged;
  const std::string_view savepoint = statement.savepoint.text;
  switch (statement.action) {
    case Kind::kCommit:
      return commit();
    case Kind::kRollback:
      return rollback();
    case Kind::kSavepoint:
      transaction_->savepoint(savepoint);
      settings.savepoint(savepoint);
      messages.savepoint(savepoint);
      return std::string_view("SAVEPOINT");
    case Kind::kRollbackTo:
      TREFOIL_TRY(transaction_->rollbackToSavepoint(savepoint));
      settings.rollbackTo(savepoint);
      messages.rollbackTo(savepoint);
      return std::string_view("ROLLBACK");
    case Kind::kRelease:
      TREFOIL_TRY(transaction_->releaseSavepoint(savepoint));
      settings.release(savepoint);
      messages.release(savepoint);
      return std::string_view("RELEASE");
    case Kind::kSetModes:
      if (read_only_ && statement.access == ast::AccessMode::kReadWrite) {
        return Error(ErrorCode::kTransactionState, "cannot set transaction read-write mode inside a read-only transaction")
            .at(statement.position);
      }
      read_only_ = read_only_ || statement.access == ast::AccessMode::kReadOnly;
      return std::string_view("SET");
    case Kind::kBegin:
      break;
  }
  return std::string_view();
}

Result<std::string_view> TransactionBlock::begin(const ast::Transaction& statement) {
  if (isOpen()) {
    return Error(ErrorCode::kTransactionState, "there is already a transaction in progress").at(statement.position);
  }
  transaction_ = std::make_unique<txn::Transaction>(session_.database.manager(), session_.now);
  session_.messages.staged.clear();
  session_.settings.begin();
  read_only_ = statement.access == ast::AccessMode::kReadOnly;
  needs_ = 0;
  return std::string_view("BEGIN");
}

Result<std::string_view> TransactionBlock::rollback() {
  transaction_.reset();
  session_.messages.staged.clear();
  session_.settings.end(false);
  session_.watched.clear();
  return std::string_view("ROLLBACK");
}

// Whatever comes of it, the transaction is over.
Result<std::string_view> TransactionBlock::commit() {
  Result<std::string_view> committed = end();
  session_.watched.clear();
  session_.settings.end(committed.ok());
  if (committed.ok()) {
    session_.messages.publishStaged();
  }
  session_.messages.staged.clear();
  return committed;
}

Result<std::string_view> TransactionBlock::end() {
  const std::unique_ptr<txn::Transaction> ending = std::move(transaction_);
  if (ending->mark() != 0) {
    if (Status admitted = session_.admit(needs_, true); !admitted.ok()) {
      return std::move(admitted).error().withDetail("The transaction was rolled back.");
    }
  }
  const UnixMs now = session_.now;
  const std::vector<kv::PartitionId> watched = session_.watched.partitions();
  const auto unchanged = [&] { return !session_.watched.changed(now); };
  if (session_.control.onLoop()) {
    ending->neverWait();
  }
  const Result<Lsn> committed = watched.empty() ? ending->commit(now) : ending->commit(now, watched, unchanged);
  if (!committed.ok()) {
    if (committed.error().code == ErrorCode::kConflict) {
      session_.fence.noteTelling();
    }
    return committed.error();
  }
  session_.fence.noteCommit(*committed);
  return std::string_view("COMMIT");
}

Error TransactionBlock::readOnlyError(std::string_view statement) {
  return {ErrorCode::kTransactionState, "cannot execute " + std::string(statement) + " in a read-only transaction"};
}

void TransactionBlock::endIdle() {
  const std::int64_t limit = session_.database.settings().integer(Setting::kIdleTransactionTimeout);
  if (limit != 0 && isOpen() && session_.database.env().now().value - session_.now.value >= limit) {
    transaction_.reset();
    session_.watched.clear();
    ended_idle_ = true;
  }
}

void TransactionBlock::undo(txn::Transaction& target, std::size_t mark, const Error& why) {
  try {
    target.rollbackTo(mark, why.code == ErrorCode::kOutOfMemory);
  } catch (const std::bad_alloc&) {
    if (&target == transaction_.get()) {
      transaction_.reset();
    }
    throw;
  }
}

}  // namespace trefoil
