#include "engine/exec_runner.hpp"

#include <algorithm>

#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/error_text.hpp"
#include "engine/key_footprint.hpp"
#include "engine/session_impl.hpp"
#include "kv/integer_text.hpp"
#include "txn/live.hpp"

namespace trefoil {

namespace {

// No more than this runs on a network thread, and under locks.
constexpr std::size_t kQuickStatements = 1000;
constexpr std::size_t kQuickQueueSteps = 4000;
constexpr std::size_t kQuickQueueBytes = std::size_t{1} << 20;

// What commands about the session change, and EXEC has to put back before it begins again.
class SessionState {
 public:
  explicit SessionState(Session::Impl& session)
      : session_(session),
        db_(session.db),
        protocol_(session.protocol),
        caching_(session.messages.tracking.is(ClientTracking::kCaching)) {}
  void restore() const {
    session_.db = db_;
    session_.protocol = protocol_;
    session_.messages.tracking.set(ClientTracking::kCaching, caching_);
  }

 private:
  Session::Impl& session_;
  const int db_;
  const int protocol_;
  const bool caching_;
};

}  // namespace

Status ExecRunner::execute(Reply& reply) {
  MultiQueue& queue = session_.queue;
  if (!queue.isOpen()) {
    return Error(ErrorCode::kInvalid, "EXEC without MULTI");
  }
  const bool refused = queue.isRefused();
  queue.close();
  Status status = session_.admit(needs(), false);
  if (!status.ok()) {
    status = Error(ErrorCode::kExecAbort, "Transaction discarded because of: " + redisErrorText(status.error()));
  } else if (refused) {
    status = Error(ErrorCode::kExecAbort, "Transaction discarded because of previous errors.");
  } else {
    is_running_ = true;
    has_committed_ = false;
    status = executeQueue(reply);
    is_running_ = false;
    if (session_.control.gaveUp()) {
      queue.open();  // a worker begins again
      return status;
    }
    if (status.ok() || status.error().code != ErrorCode::kReadOnly) {
      session_.fence.noteQueue(queue.statements());
    }
    if (has_committed_) {
      session_.messages.publishStaged();
    }
    if (has_committed_ && session_.database.monitors().any()) {
      for (const QueuedStatement& queued : queue.statements()) {
        session_.messages.feedMonitors(queued.command,
                                       queued.sql.empty() ? queued.words() : std::vector<std::string_view>{queued.sql});
      }
    }
    session_.messages.staged.clear();
  }
  queue.discard();
  session_.watched.clear();
  return status;
}

void ExecRunner::abandon() {
  transaction_ = nullptr;
  if (std::exchange(is_running_, false)) {
    session_.queue.discard();
    session_.messages.staged.clear();
    session_.watched.clear();
  }
}

// --- What it is -------------------------------------------------------------------------------------------------------------

// Whether all queued statements are commands on named keys; then `footprint` gets their partitions.
bool ExecRunner::findFootprint(KeyFootprint& footprint) const {
  const kv::Store& store = session_.database.manager().kv();
  int at_db = session_.db;
  for (const QueuedStatement& statement : session_.queue.statements()) {
    if (statement.command < 0) {
      return false;
    }
    const CommandMeta& meta = kCommands[static_cast<std::size_t>(statement.command)];
    if ((meta.flags & (kSqlText | kSqlShorthand | kWholeDatabase | kAllDatabases)) != 0) {
      return false;
    }
    if (meta.name == "SELECT" || meta.name == "USE") {
      const std::optional<std::int64_t> wanted = kv::parseInteger(statement.args[1]);
      at_db = wanted && *wanted >= 0 && *wanted < store.databases() ? static_cast<int>(*wanted) : at_db;
    }
    footprint.addCommand(store, meta, statement.words(), at_db);
  }
  return true;
}

bool ExecRunner::isSlow() const {
  const std::span<const QueuedStatement> queue = session_.queue.statements();
  const auto publishes_long = [&](const QueuedStatement& queued) {
    const CommandMeta& meta = kCommands[static_cast<std::size_t>(queued.command)];
    return isPublish(meta) &&
           session_.database.pubsub().takesLong(meta.name == "PUBLISH" ? Topic::kChannel : Topic::kShardChannel, queued.args[1]);
  };
  KeyFootprint footprint;
  return queue.size() > kQuickStatements || session_.queue.memory() > kQuickQueueBytes || !findFootprint(footprint) ||
         std::any_of(queue.begin(), queue.end(), publishes_long);
}

std::uint32_t ExecRunner::needs() {
  std::uint32_t needs = 0;
  for (const QueuedStatement& statement : session_.queue.statements()) {
    if (!statement.sql.empty()) {
      needs |= session_.sql.needs(statement.sql);
      continue;
    }
    const CommandMeta& meta = kCommands[static_cast<std::size_t>(statement.command)];
    needs |= (meta.flags & kSqlText) != 0 ? session_.sql.needs(statement.args[1]) : meta.flags;
  }
  return needs;
}

// --- How it runs ------------------------------------------------------------------------------------------------------------

Status ExecRunner::executeQueue(Reply& reply) {
  KeyFootprint footprint;
  if (isSlow() || !findFootprint(footprint)) {
    return executeAsTransaction(reply);
  }
  for (const kv::PartitionId partition : session_.watched.partitions()) {
    footprint.add(partition);
  }
  footprint.sort();
  return executeLocked(footprint, reply);
}

Status ExecRunner::executeLocked(const KeyFootprint& footprint, Reply& reply) {
  txn::Manager& manager = session_.database.manager();
  const Reply::Mark mark = reply.mark();
  const SessionState before(session_);
  const auto once = [&](txn::LiveAttempt& attempt) -> Status {
    const kv::PartitionLocks locks(manager.kv(), footprint.partitions(), !session_.control.onLoop());
    if (!locks.held()) {
      session_.control.leaveLoop();
      return {};
    }
    if (session_.watched.changed(session_.now)) {
      reply.nullArray();
      return {};
    }
    kv::View view = kv::View::locked(manager.kv(), attempt.effects(), session_.now);
    view.limitWork(kQuickQueueSteps);
    view.noteUses(session_.notes_uses);
    reply.array(session_.queue.count());
    for (QueuedStatement& statement : session_.queue.statements()) {
      runCommand(statement, view, attempt.effects(), reply);
      if (view.gaveWay()) {
        attempt.giveWay();
        return {};
      }
    }
    attempt.commit();
    has_committed_ = true;
    return {};
  };
  const auto undo = [&] {
    reply.rewind(mark);
    has_committed_ = false;
    before.restore();
  };
  std::optional<Lsn> end;
  TREFOIL_TRY(txn::runLive(manager.committer(), once, undo, end));
  if (!end) {
    return executeAsTransaction(reply);
  }
  session_.fence.noteCommit(*end);
  return {};
}

void ExecRunner::runCommand(QueuedStatement& statement, kv::View& view, EffectBuffer& effects, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(statement.command)];
  if ((meta.flags & kSession) != 0) {
    return session_.answer(runOnce(statement, reply), reply);
  }
  const std::vector<std::string_view> args = statement.words();
  if (session_.messages.tracking.is(ClientTracking::kOn)) {
    session_.messages.rememberReads(meta, args, false);
  }
  const std::size_t before = effects.size();
  view.countWholeCollections((meta.flags & (kFast | kOwnCost)) == 0);
  view.countLookups(session_.facts.lookupsOf(meta));
  CommandCall call{args, view, reply, session_.self, session_.now, session_.db};
  if (const Status status = handlerOf(statement.command)(call); !status.ok()) {
    TREFOIL_ASSERT(effects.size() == before);
    session_.answer(status, reply);
  }
}

// A command about the session or the server: what it did cannot be taken back when EXEC has to begin again.
Status ExecRunner::runOnce(QueuedStatement& statement, Reply& reply) {
  if (!statement.outcome) {
    SessionOutcome& made = statement.outcome.emplace();
    const Status status = session_.callSessionHandler(statement.command, statement.words(), made.answer);
    made.error = status.ok() ? std::nullopt : std::optional(status.error());
    made.db = session_.db;
    made.protocol = session_.protocol;
    made.caching = session_.messages.tracking.is(ClientTracking::kCaching);
  }
  session_.db = statement.outcome->db;
  session_.protocol = statement.outcome->protocol;
  session_.messages.tracking.set(ClientTracking::kCaching, statement.outcome->caching);
  if (statement.outcome->error) {
    return *statement.outcome->error;
  }
  for (const ReplyValue& value : statement.outcome->answer.values()) {  // a subscriber's confirmations are several
    value.pushTo(reply);
  }
  return {};
}

Status ExecRunner::executeAsTransaction(Reply& reply) {
  if (session_.control.onLoop()) {
    session_.control.leaveLoop();
    return {};
  }
  const Reply::Mark mark = reply.mark();
  const SessionState before(session_);
  const std::vector<kv::PartitionId> watched = session_.watched.partitions();
  bool changed = false;
  const auto still_valid = [&] {
    changed = session_.watched.changed(session_.now);
    return !changed;
  };
  Result<Lsn> committed = txn::runTransaction(
      session_.database.manager(), session_.now,
      [&](txn::Transaction& own) -> Status {
        if (changed) {
          return Error(ErrorCode::kTransactionState, "a watched key was changed");  // and trying again is of no use
        }
        reply.rewind(mark);
        before.restore();
        reply.array(session_.queue.count());
        transaction_ = &own;
        for (QueuedStatement& statement : session_.queue.statements()) {
          runIn(own, statement, reply);
        }
        transaction_ = nullptr;
        return session_.control.checkStopped();  // one that was asked to end ends all
      },
      watched, still_valid);
  if (committed.ok()) {
    session_.fence.noteCommit(*committed);
    has_committed_ = true;
    return {};
  }
  reply.rewind(mark);
  before.restore();
  if (changed) {
    reply.nullArray();
    return {};
  }
  return std::move(committed).error();
}

void ExecRunner::runIn(txn::Transaction& own, QueuedStatement& statement, Reply& reply) {
  if (!statement.sql.empty()) {
    std::vector<Datum> parameters;
    for (const Value& value : statement.parameters) {
      parameters.push_back(value.view());
    }
    return session_.answer(session_.sql.execute(statement.sql, parameters, statement.table_form, reply), reply);
  }
  const std::vector<std::string_view> args = statement.words();
  const int command = statement.command;
  TREFOIL_ASSERT(command >= 0);  // others are queued as SQL or were refused
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & (kSqlText | kSqlShorthand)) != 0) {
    return session_.answer(session_.callSessionHandler(command, args, reply), reply);
  }
  if ((meta.flags & kSession) != 0) {
    return session_.answer(runOnce(statement, reply), reply);
  }
  if (session_.messages.tracking.is(ClientTracking::kOn)) {
    session_.messages.rememberReads(meta, args, true);
  }
  own.borrowFrom(args);  // they view the queue, which outlives the transaction
  session_.answer(session_.kv.executeIn(own, command, args, reply), reply);
  own.borrowFrom({});
}

}  // namespace trefoil
