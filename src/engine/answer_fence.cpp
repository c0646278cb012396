#include "engine/answer_fence.hpp"

#include "aof/log.hpp"
#include "base/memory_reserve.hpp"
#include "engine/command_meta.hpp"
#include "engine/database_impl.hpp"
#include "engine/multi_queue.hpp"
#include "sql/plan/plan.hpp"
#include "txn/doubt.hpp"
#include "txn/transaction.hpp"

namespace trefoil {

namespace {

bool isSqlCommand(int command) {
  return (kCommands[static_cast<std::size_t>(command)].flags & (kSqlText | kSqlShorthand)) != 0;
}

}  // namespace

void AnswerFence::close() {
  latest_ = std::exchange(committed_, 0);
  const aof::Log* const log = database_.manager().log();
  if (std::exchange(tells_, false) && log != nullptr && log->policy() == aof::SyncPolicy::kAlways) {
    latest_ = std::max(latest_, log->end());
  }
  awaited_ = std::max(awaited_, latest_);
}

// Without a log there is nothing to wait for.
bool AnswerFence::looksForTelling() const {
  return !tells_ && !refused_ && database_.manager().log() != nullptr;
}

void AnswerFence::noteCommand(int command, std::span<const std::string_view> args, const txn::Transaction* block) {
  if (looksForTelling()) {
    tells_ = commandTells(command, args, block);
  }
}

// The engine's own statements say nothing of the data, but for a COMMIT that meets a conflict (noteTelling()).
void AnswerFence::noteSql(const sql::Plan* plan, const parser::ParsedStatement* own, const txn::Transaction* block) {
  if (own == nullptr && looksForTelling()) {
    tells_ = sqlTells(plan, block);
  }
}

void AnswerFence::noteQueue(std::span<const QueuedStatement> queue) {
  if (!looksForTelling()) {
    return;
  }
  const memory_reserve::MustNotFail committed;  // an error would be untrue now
  const std::shared_ptr<const txn::Doubt> doubt = this->doubt();
  tells_ = std::any_of(queue.begin(), queue.end(), [&](const QueuedStatement& statement) {
    if (statement.command < 0 || isSqlCommand(statement.command)) {
      return doubt == nullptr || doubt->aboutAnyTable() || doubt->aboutAnyKey();
    }
    return commandTells(statement.command, statement.words(), nullptr);
  });
}

// Null while answers that tell of data wait for the log's end.
std::shared_ptr<const txn::Doubt> AnswerFence::doubt() const {
  const aof::Log* const log = database_.manager().log();
  const bool looks_closely = log != nullptr && log->refuses() && log->policy() == aof::SyncPolicy::kAlways;
  if (!looks_closely) {
    return nullptr;
  }
  const memory_reserve::MustNotFail committed;  // an error would be untrue now
  return database_.manager().committer().doubt();
}

// What is the same for all answers that tell of data; nothing: it depends on the data.
inline std::optional<bool> AnswerFence::tellsAnyway(const txn::Doubt* doubt, const txn::Transaction* block) const {
  if (doubt == nullptr) {
    return true;
  }
  if (block != nullptr && block->snapshotLsn() <= database_.manager().log()->durableLsn()) {
    return false;
  }
  return std::nullopt;
}

bool AnswerFence::commandTells(int command, std::span<const std::string_view> args, const txn::Transaction* block) const {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & kSession) != 0) {
    return false;
  }
  const std::shared_ptr<const txn::Doubt> doubt = this->doubt();
  if (const std::optional<bool> anyway = tellsAnyway(doubt.get(), block)) {
    return *anyway;
  }
  if ((meta.flags & (kWholeDatabase | kAllDatabases | kOptionDb)) != 0) {
    return doubt->aboutAnyKey();
  }
  bool tells = false;
  const kv::Store& store = database_.manager().kv();
  forEachKey(meta, args, [&](std::size_t index, std::uint16_t) { tells = tells || doubt->aboutKey(store.hash(args[index])); });
  return tells;
}

// One that failed before it had a plan did so for what it says, or for what the catalog says.
bool AnswerFence::sqlTells(const sql::Plan* plan, const txn::Transaction* block) const {
  const std::shared_ptr<const txn::Doubt> doubt = this->doubt();
  if (const std::optional<bool> anyway = tellsAnyway(doubt.get(), block)) {
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

}  // namespace trefoil
