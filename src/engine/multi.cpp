// MULTI, EXEC, DISCARD, WATCH: commands are queued with their own bytes and run together as one ChangeSet.
// https://redis.io/docs/latest/develop/interact/transactions/
//
// While there is more than maxmemory nothing is queued. EXEC is let in or refused as a whole, by all that its queue needs.
//
// EXEC of commands on keys only: all their partitions are locked, they run on one `locked` view, and one record is committed.
// EXEC with SQL among them, or with commands on a whole database: they run in a Transaction, which is validated at the end and
// tried again after a conflict, the last time under all locks: EXEC never answers -CONFLICT.
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/key_footprint.hpp"
#include "engine/session_impl.hpp"
#include "kv/integer_text.hpp"
#include "txn/live.hpp"

namespace trefoil {

namespace {

constexpr std::size_t kMaxQueuedStatements = 1'000'000;
constexpr std::size_t kMaxWatchedKeys = 1'000'000;
// No more than this runs on a network thread, and under locks.
constexpr std::size_t kQuickStatements = 1000;
constexpr std::size_t kQuickQueueSteps = 4000;
constexpr std::size_t kQuickQueueBytes = std::size_t{1} << 20;

std::vector<std::string_view> viewsOf(const std::vector<std::string>& args) {
  return {args.begin(), args.end()};
}

}  // namespace

Status Session::Impl::beginMulti() {
  if (multi != MultiState::kNone) {
    return Error(ErrorCode::kInvalid, "MULTI calls can not be nested");
  }
  if (transaction != nullptr) {
    return Error(ErrorCode::kTransactionState, "MULTI inside BEGIN is not allowed");
  }
  multi = MultiState::kQueuing;
  staged_.clear();
  return {};
}

void Session::Impl::discardMulti() {
  multi = MultiState::kNone;
  queued_ = std::vector<QueuedStatement>();  // with its room
  queued_bytes_.set(0);
  queued_memory.store(0, std::memory_order_relaxed);
  queued_count = 0;
}

void Session::Impl::queue(const Statement& statement, int command, Reply& reply) {
  // Also what needs none: a queue takes memory itself.
  if (const Status memory = admit(kDenyOom, false); !memory.ok()) {
    return refuse(memory.error(), reply);
  }
  if (multi == MultiState::kRefused) {
    return reply.simple("QUEUED");  // it will never run
  }
  QueuedStatement copy;
  copy.command = command;
  std::size_t bytes = sizeof(QueuedStatement) + statement.sql.size();
  for (const std::string_view arg : statement.args) {
    copy.args.emplace_back(arg);
    bytes += arg.size() + sizeof(std::string);
  }
  copy.sql = statement.sql;
  for (const Datum& parameter : statement.parameters) {
    copy.parameters.emplace_back(parameter);
  }
  copy.table_form = statement.table_form;
  // A queue is input that waits: it is held against the same limit (as in Redis, networking.c).
  const auto limit = static_cast<std::size_t>(database.settings().integer(Setting::kQueryBufferLimit));
  if (queued_.size() >= kMaxQueuedStatements || queued_bytes_.bytes() + bytes > limit) {
    return refuse(Error(ErrorCode::kLimit, "too much is queued in this MULTI")
                      .withHint("Queue less, or raise \"client-query-buffer-limit\"."),
                  reply);
  }
  queued_bytes_.set(queued_bytes_.bytes() + bytes);
  queued_memory.store(queued_bytes_.bytes(), std::memory_order_relaxed);
  queued_.push_back(std::move(copy));
  queued_count = queued_.size();
  reply.simple("QUEUED");
}

// Whether all queued statements are commands on named keys; then `footprint` gets their partitions.
bool Session::Impl::queueFootprint(KeyFootprint& footprint) const {
  const kv::Store& store = database.manager().kv();
  int at_db = db;
  for (const QueuedStatement& statement : queued_) {
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
    footprint.addCommand(store, meta, viewsOf(statement.args), at_db);
  }
  return true;
}

bool Session::Impl::queueIsSlow() const {
  KeyFootprint footprint;
  return queued_.size() > kQuickStatements || queued_bytes_.bytes() > kQuickQueueBytes || !queueFootprint(footprint) ||
         queuePublishesLong();
}

Status Session::Impl::executeMulti(Reply& reply) {
  if (multi == MultiState::kNone) {
    return Error(ErrorCode::kInvalid, "EXEC without MULTI");
  }
  const bool refused = multi == MultiState::kRefused;
  multi = MultiState::kNone;
  exec_tells_ = false;
  Status status = admit(queueNeeds(), false);
  if (!status.ok()) {
    status = Error(ErrorCode::kExecAbort, "Transaction discarded because of: " + redisErrorText(status.error()));
  } else if (refused) {
    status = Error(ErrorCode::kExecAbort, "Transaction discarded because of previous errors.");
  } else {
    queue_is_running_ = true;
    queue_has_run_ = false;
    status = executeQueue(reply);
    queue_is_running_ = false;
    if (control.gaveUp()) {
      multi = MultiState::kQueuing;  // a worker begins again
      return status;
    }
    exec_tells_ = queueTells();
    if (queue_has_run_) {
      publishStaged();
    }
    if (queue_has_run_ && database.monitors().any()) {
      feedQueue();
    }
    staged_.clear();
  }
  discardMulti();
  unwatch();
  return status;
}

std::uint32_t Session::Impl::queueNeeds() {
  std::uint32_t needs = 0;
  for (const QueuedStatement& statement : queued_) {
    if (!statement.sql.empty()) {
      needs |= sqlNeeds(statement.sql);
      continue;
    }
    const CommandMeta& meta = kCommands[static_cast<std::size_t>(statement.command)];
    needs |= (meta.flags & kSqlText) != 0 ? sqlNeeds(statement.args[1]) : meta.flags;
  }
  return needs;
}

Status Session::Impl::executeQueue(Reply& reply) {
  KeyFootprint footprint;
  if (queueIsSlow() || !queueFootprint(footprint)) {
    return executeQueueAsTransaction(reply);
  }
  for (const kv::PartitionId partition : watchedPartitions()) {
    footprint.add(partition);
  }
  footprint.sort();
  return executeQueueLocked(footprint, reply);
}

Status Session::Impl::executeQueueLocked(const KeyFootprint& footprint, Reply& reply) {
  txn::Manager& manager = database.manager();
  const Reply::Mark mark = reply.mark();
  const int db_before = db;
  const int protocol_before = protocol;
  const bool caching_before = tracking.is(ClientTracking::kCaching);
  const auto once = [&](txn::LiveAttempt& attempt) -> Status {
    const kv::PartitionLocks locks(manager.kv(), footprint.partitions(), !control.onLoop());
    if (!locks.held()) {
      control.leaveLoop();
      return {};
    }
    if (watchedChanged()) {
      reply.nullArray();
      return {};
    }
    kv::View view = kv::View::locked(manager.kv(), attempt.effects(), now);
    view.limitWork(kQuickQueueSteps);
    view.noteUses(notes_uses);
    reply.array(queued_.size());
    for (QueuedStatement& statement : queued_) {
      runQueuedCommand(statement, view, attempt.effects(), reply);
      if (view.gaveWay()) {
        attempt.giveWay();
        return {};
      }
    }
    attempt.commit();
    queue_has_run_ = true;
    return {};
  };
  const auto undo = [&] {
    reply.rewind(mark);
    queue_has_run_ = false;
    db = db_before;
    protocol = protocol_before;
    tracking.set(ClientTracking::kCaching, caching_before);
  };
  std::optional<Lsn> end;
  TREFOIL_TRY(txn::runLive(manager.committer(), once, undo, end));
  if (!end) {
    return executeQueueAsTransaction(reply);
  }
  noteCommit(*end);
  return {};
}

void Session::Impl::runQueuedCommand(QueuedStatement& statement, kv::View& view, EffectBuffer& effects, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(statement.command)];
  if ((meta.flags & kSession) != 0) {
    return answer(runQueuedOnce(statement, reply), reply);
  }
  const std::vector<std::string_view> args = viewsOf(statement.args);
  if (tracking.is(ClientTracking::kOn)) {
    rememberReads(meta, args, false);
  }
  const std::size_t before = effects.size();
  view.countWholeCollections((meta.flags & (kFast | kOwnCost)) == 0);
  view.countLookups(lookupsOf(meta));
  CommandCall call{args, view, reply, self, now, db};
  if (const Status status = handlerOf(statement.command)(call); !status.ok()) {
    TREFOIL_ASSERT(effects.size() == before);
    answer(status, reply);
  }
}

// A command about the session or the server: what it did cannot be taken back when EXEC has to begin again.
Status Session::Impl::runQueuedOnce(QueuedStatement& statement, Reply& reply) {
  if (!statement.outcome) {
    SessionOutcome& made = statement.outcome.emplace();
    const Status status = callSessionHandler(statement.command, viewsOf(statement.args), made.answer);
    made.error = status.ok() ? std::nullopt : std::optional(status.error());
    made.db = db;
    made.protocol = protocol;
    made.caching = tracking.is(ClientTracking::kCaching);
  }
  db = statement.outcome->db;
  protocol = statement.outcome->protocol;
  tracking.set(ClientTracking::kCaching, statement.outcome->caching);
  if (statement.outcome->error) {
    return *statement.outcome->error;
  }
  for (const ReplyValue& value : statement.outcome->answer.values()) {  // a subscriber's confirmations are several
    value.pushTo(reply);
  }
  return {};
}

Status Session::Impl::executeQueueAsTransaction(Reply& reply) {
  if (control.onLoop()) {
    control.leaveLoop();
    return {};
  }
  const Reply::Mark mark = reply.mark();
  const int db_before = db;
  const int protocol_before = protocol;
  const bool caching_before = tracking.is(ClientTracking::kCaching);
  const std::vector<kv::PartitionId> watched = watchedPartitions();
  bool changed = false;
  const auto still_valid = [&] {
    changed = watchedChanged();
    return !changed;
  };
  Result<Lsn> committed = txn::runTransaction(
      database.manager(), now,
      [&](txn::Transaction& own) -> Status {
        if (changed) {
          return Error(ErrorCode::kTransactionState, "a watched key was changed");  // and trying again is of no use
        }
        reply.rewind(mark);
        db = db_before;
        protocol = protocol_before;
        tracking.set(ClientTracking::kCaching, caching_before);
        reply.array(queued_.size());
        exec_transaction_ = &own;
        for (QueuedStatement& statement : queued_) {
          runQueuedStatement(statement, own, reply);
        }
        exec_transaction_ = nullptr;
        return control.checkStopped();  // one that was asked to end ends all
      },
      watched, still_valid);
  if (committed.ok()) {
    noteCommit(*committed);
    queue_has_run_ = true;
    return {};
  }
  reply.rewind(mark);
  db = db_before;
  protocol = protocol_before;
  if (changed) {
    reply.nullArray();
    return {};
  }
  return std::move(committed).error();
}

void Session::Impl::runQueuedStatement(QueuedStatement& statement, txn::Transaction& own, Reply& reply) {
  if (!statement.sql.empty()) {
    std::vector<Datum> parameters;
    for (const Value& value : statement.parameters) {
      parameters.push_back(value.view());
    }
    return answer(executeSql(statement.sql, parameters, statement.table_form, reply), reply);
  }
  const std::vector<std::string_view> args = viewsOf(statement.args);
  const int command = statement.command;
  TREFOIL_ASSERT(command >= 0);  // others are queued as SQL or were refused
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & (kSqlText | kSqlShorthand)) != 0) {
    return answer(callSessionHandler(command, args, reply), reply);
  }
  if ((meta.flags & kSession) != 0) {
    return answer(runQueuedOnce(statement, reply), reply);
  }
  if (tracking.is(ClientTracking::kOn)) {
    rememberReads(meta, args, true);
  }
  own.borrowFrom(args);  // they view the queue, which outlives the transaction
  answer(executeInTransaction(own, command, args, reply), reply);
  own.borrowFrom({});
}

// --- WATCH -----------------------------------------------------------------------------------------------------------------

Status Session::Impl::watch(std::span<const std::string_view> keys) {
  if (multi != MultiState::kNone) {
    return Error(ErrorCode::kInvalid, "WATCH inside MULTI is not allowed");
  }
  if (transaction != nullptr) {
    return Error(ErrorCode::kTransactionState, "WATCH inside BEGIN is not allowed");
  }
  kv::Store& store = database.manager().kv();
  for (const std::string_view bytes : keys) {
    const kv::Key key = store.key(db, bytes);
    WatchedKey watched{.db = key.db, .key = std::string(bytes), .hash = key.hash, .may_expire = false};
    if (watched_.contains(watched)) {
      continue;
    }
    if (watched_.size() >= kMaxWatchedKeys) {
      return Error(ErrorCode::kLimit, "too many keys are watched");
    }
    // What has expired goes first: its removal is no change of the key.
    const kv::ExpiredKey expired{key.db, std::string(bytes)};
    database.manager().expiry().remove({&expired, 1}, now);
    store.watch(key, watch_flag_);
    const kv::PartitionId partition = kv::Store::partition(key);
    const kv::PartitionLocks lock(store, {&partition, 1});
    const kv::Entry* const entry = store.find(key);
    watched.may_expire = entry != nullptr && entry->hasDeadline() && !entry->deadline().passed(now);
    watched_.insert(std::move(watched));
  }
  return {};
}

// A queued UNWATCH comes too late to change what EXEC looks at, and EXEC, which holds the locks of the watched keys, forgets them
// at its end.
void Session::Impl::unwatch() {
  if (queue_is_running_) {
    return;
  }
  kv::Store& store = database.manager().kv();
  for (const WatchedKey& watched : watched_) {
    store.unwatch({watched.key, watched.hash, watched.db}, watch_flag_);
  }
  watched_.clear();
  watch_flag_.dirty.store(false);
}

std::vector<kv::PartitionId> Session::Impl::watchedPartitions() const {
  std::vector<kv::PartitionId> partitions;
  for (const WatchedKey& watched : watched_) {
    partitions.push_back(kv::Store::partition(watched.db, watched.hash));
  }
  std::sort(partitions.begin(), partitions.end());
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
  return partitions;
}

// With the locks of all watched keys.
bool Session::Impl::watchedChanged() const {
  if (watched_.empty()) {
    return false;
  }
  if (watch_flag_.dirty.load()) {
    return true;
  }
  const kv::Store& store = database.manager().kv();
  return std::any_of(watched_.begin(), watched_.end(), [&](const WatchedKey& watched) {
    return watched.may_expire && store.isExpired({watched.key, watched.hash, watched.db}, now);
  });
}

}  // namespace trefoil
