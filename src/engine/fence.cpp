// What an answer waits for before it leaves: Session::fence().
//
//   what it has done   the record that its statement has appended: in the file, under `always` on disk
//   what it tells      under `always` nothing that is not on disk. Whatever tells of data (a value, nil, an error, a conflict)
//   waits
//                      for the log's end; what does not (PING, QUEUED, BEGIN, INFO, a write that was refused) waits for nothing
//
// A log that refuses writes may stay at its end for as long as the disk is full, and reads must not wait so long for nothing.
// What is in memory and not on disk is a bounded stretch of records then, so they are looked at: an answer waits only if it may
// tell of one of them (txn/doubt.hpp). Looking comes after the statement has run: what it has seen is on disk by now, or in
// doubt.
#include <algorithm>
#include <utility>

#include "aof/log.hpp"
#include "base/memory_reserve.hpp"
#include "engine/database_impl.hpp"
#include "engine/key_footprint.hpp"
#include "engine/session_impl.hpp"
#include "sql/plan.hpp"
#include "txn/doubt.hpp"

namespace trefoil {

namespace {

bool isSqlCommand(int command) {
  return (kCommands[static_cast<std::size_t>(command)].flags & (kSqlText | kSqlShorthand)) != 0;
}

}  // namespace

// Of a call's statements.
void Session::Impl::noteFence() {
  fence = std::exchange(committed_, 0);
  const aof::Log* log = database.manager().log();
  if (std::exchange(tells_, false) && log != nullptr && log->policy() == aof::SyncPolicy::kAlways) {
    fence = std::max(fence, log->end());
  }
  awaited_fence = std::max(awaited_fence, fence);
}

// Of a statement that came as `command` or as SQL and was not queued.
void Session::Impl::noteAnswer(const Statement& statement, int command) {
  if (tells_ || refused_ || database.manager().log() == nullptr) {
    return;
  }
  if (command < 0 || isSqlCommand(command)) {
    tells_ = sqlTells(resolved_.plan.get(), resolved_.control.get());
  } else {
    tells_ = kCommands[static_cast<std::size_t>(command)].name == "EXEC" ? exec_tells_ : commandTells(command, statement.args);
  }
}

void Session::Impl::noteSqlAnswer(const sql::Plan* plan, const parser::ParsedStatement* own, const Status& status) {
  if (database.manager().log() == nullptr) {
    return;  // there is nothing to wait for
  }
  const bool refused = !status.ok() && status.error().code == ErrorCode::kReadOnly;
  tells_ = tells_ || (!refused && sqlTells(plan, own));
}

// Null while answers that tell of data wait for the log's end.
std::shared_ptr<const txn::Doubt> Session::Impl::doubt() const {
  const aof::Log* log = database.manager().log();
  const bool looks_closely = log != nullptr && log->refuses() && log->policy() == aof::SyncPolicy::kAlways;
  if (!looks_closely) {
    return nullptr;
  }
  const memory_reserve::MustNotFail committed;  // an error would be untrue now
  return database.manager().committer().doubt();
}

// What is the same for all answers that tell of data; nothing: it depends on the data.
inline std::optional<bool> Session::Impl::tellsAnyway(const txn::Doubt* doubt) const {
  if (doubt == nullptr) {
    return true;
  }
  if (transaction != nullptr && transaction->snapshotLsn() <= database.manager().log()->durableLsn()) {
    return false;
  }
  return std::nullopt;
}

bool Session::Impl::commandTells(int command, std::span<const std::string_view> args) const {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & kSession) != 0) {
    return false;
  }
  const std::shared_ptr<const txn::Doubt> doubt = this->doubt();
  if (const std::optional<bool> anyway = tellsAnyway(doubt.get())) {
    return *anyway;
  }
  if ((meta.flags & (kWholeDatabase | kAllDatabases | kOptionDb)) != 0) {
    return doubt->aboutAnyKey();
  }
  bool tells = false;
  const kv::Store& store = database.manager().kv();
  forEachKey(meta, args, [&](std::size_t index, std::uint16_t) { tells = tells || doubt->aboutKey(store.hash(args[index])); });
  return tells;
}

// The engine's own statements say nothing of the data, but for a COMMIT that meets a conflict. One that failed before it had a
// plan did so for what it says, or for what the catalog says.
bool Session::Impl::sqlTells(const sql::Plan* plan, const parser::ParsedStatement* own) const {
  if (own != nullptr) {
    return false;
  }
  const std::shared_ptr<const txn::Doubt> doubt = this->doubt();
  if (const std::optional<bool> anyway = tellsAnyway(doubt.get())) {
    return *anyway;
  }
  if (plan == nullptr) {
    return doubt->aboutCatalog();
  }
  if (plan->usesTableFunctions()) {
    return doubt->aboutAnyKey() || doubt->aboutAnyTable();
  }
  return doubt->aboutCatalog() || std::any_of(plan->tables().begin(), plan->tables().end(),
                                              [&](const sql::TableUse& use) { return doubt->aboutTable(use.table); });
}

// What EXEC's answer tells.
bool Session::Impl::queueTells() const {
  const memory_reserve::MustNotFail committed;  // as above
  const std::shared_ptr<const txn::Doubt> doubt = this->doubt();
  return std::any_of(queued_.begin(), queued_.end(), [&](const QueuedStatement& statement) {
    if (statement.command < 0 || isSqlCommand(statement.command)) {
      return doubt == nullptr || doubt->aboutAnyTable() || doubt->aboutAnyKey();
    }
    return commandTells(statement.command, std::vector<std::string_view>(statement.args.begin(), statement.args.end()));
  });
}

}  // namespace trefoil
