// How a command on keys runs: live under the locks of its keys, in the session's transaction, or as a transaction of its own.
//
// On a network thread, and under locks, others wait; so what takes long goes elsewhere. Two things tell what does, for all
// commands alike: the arguments' number and size, before anything is done, and the steps that the view counts
// (kv::View::limitWork). A command that turns out too long gives way: nothing of it has happened, and it runs again on a worker,
// on a snapshot, without locks; if it writes, as a transaction. There the same count says when to ask whether somebody wants it
// to end: its client has hung up or was killed.
#include "base/query_memory.hpp"
#include "engine/bare_words.hpp"
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/key_footprint.hpp"
#include "engine/latencies.hpp"
#include "engine/session_impl.hpp"
#include "kv/entry.hpp"
#include "txn/live.hpp"

namespace trefoil {

namespace {

// A batch is looked at ahead in pieces of this size: more would push the first keys out of the cache again.
constexpr std::size_t kWindow = 64;
// What a command does in about 100 µs: so many steps,
constexpr std::size_t kQuickSteps = 1000;
// arguments, and bytes of them.
constexpr std::size_t kQuickArguments = 1000;
constexpr std::size_t kQuickBytes = kQuickSteps * kv::View::kStepBytes;

bool isLong(std::span<const std::string_view> args) {
  std::size_t bytes = 0;
  for (const std::string_view arg : args.first(std::min(args.size(), kQuickArguments))) {
    bytes += arg.size();
  }
  return args.size() > kQuickArguments || bytes > kQuickBytes;
}

}  // namespace

void Session::Impl::limitWork(kv::View& view, const CommandMeta& meta) {
  view.limitWork(kQuickSteps);
  view.countWholeCollections((meta.flags & (kFast | kOwnCost)) == 0);
}

Status Session::Impl::executeLive(int command, std::span<const std::string_view> args, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if (!control.onLoop() && isLong(args)) {  // there isSlow() has asked
    return executeDetached(command, args, reply);
  }
  txn::Manager& manager = database.manager();
  KeyFootprint footprint;
  footprint.addCommand(manager.kv(), meta, args, db);
  footprint.sort();
  const Reply::Mark mark = reply.mark();
  const auto once = [&](txn::LiveAttempt& attempt) -> Status {
    const kv::PartitionLocks locks(manager.kv(), footprint.partitions(), !control.onLoop());
    if (!locks.held()) {
      control.leaveLoop();  // somebody commits very much just now: a worker may wait for it
      return {};
    }
    kv::View view = kv::View::live(manager.kv(), attempt.effects(), now);
    limitWork(view, meta);
    view.noteUses(notes_uses);
    view.countLookups(lookupsOf(meta));
    CommandCall call{args, view, reply, self, now, db};
    Status status = guardMemory([&] { return handlerOf(command)(call); });
    TREFOIL_ASSERT(status.ok() || attempt.effects().empty() || status.error().code == ErrorCode::kOutOfMemory);
    if (view.gaveWay()) {
      attempt.giveWay();
      return {};
    }
    if (!status.ok()) {
      reply.rewind(mark);
      return status;
    }
    attempt.commit();
    return {};
  };
  TREFOIL_ASSIGN(const std::optional<Lsn> end, txn::runLive(manager.committer(), once, [&] { reply.rewind(mark); }));
  if (!end) {
    return executeDetached(command, args, reply);
  }
  noteCommit(*end);
  if ((meta.flags & kRead) != 0 && database.keyspaceEvents().tellsMisses()) [[unlikely]] {
    tellMisses(meta, args);
  }
  return {};
}

// The event "keymiss" for each key that a read has not found.
void Session::Impl::tellMisses(const CommandMeta& meta, std::span<const std::string_view> args) {
  kv::Store& store = database.manager().kv();
  forEachKey(meta, args, [&](std::size_t index, std::uint16_t) {
    const kv::Key key = store.key(db, args[index]);
    bool is_there = false;
    {
      const kv::PartitionHold lock(store, kv::Store::partition(key));
      const kv::Entry* const entry = store.find(key);
      is_there = entry != nullptr && !entry->deadline().passed(now);
    }
    if (!is_there) {
      database.keyspaceEvents().tellMiss(db, args[index], 0);
    }
  });
}

Status Session::Impl::executeInTransaction(txn::Transaction& target, int command, std::span<const std::string_view> args,
                                           Reply& reply, std::optional<Wait>* wait) {
  const std::size_t before = target.mark();
  const Reply::Mark mark = reply.mark();
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & kDenyOom) != 0 && before > static_cast<std::size_t>(database.queryMemory())) {
    return Error(ErrorCode::kOutOfMemory, "this transaction has staged more than 'query-memory'.");
  }
  if (control.onLoop()) {
    limitWork(target.kv(), meta);
  } else {
    target.kv().heed(control);
  }
  target.kv().noteUses(notes_uses);
  target.kv().countLookups(lookupsOf(meta));
  CommandCall call{args, target.kv(), reply, self, target.now(), db, wait};
  Status status = guardMemory([&] { return handlerOf(command)(call); });
  if (!status.ok()) {
    reply.rewind(mark);
    undo(target, before, status.error());
  }
  if (target.kv().gaveWay()) {
    reply.rewind(mark);
    control.leaveLoop();
    return {};
  }
  return status;
}

// For what takes long, and for a record that is too large to be made room for under locks. Never on a network thread, which gives
// it up to a worker.
Status Session::Impl::executeDetached(int command, std::span<const std::string_view> args, Reply& reply,
                                      std::optional<Wait>* wait) {
  if (control.onLoop()) {
    control.leaveLoop();
    return {};
  }
  if ((kCommands[static_cast<std::size_t>(command)].flags & kWrite) == 0) {
    txn::Transaction query(database.manager(), now, txn::Transaction::OneQuery{});
    return executeInTransaction(query, command, args, reply);
  }
  const Reply::Mark mark = reply.mark();
  const Result<Lsn> end = txn::runTransaction(database.manager(), now, [&](txn::Transaction& own) {
    reply.rewind(mark);
    own.borrowFrom(args, block_);
    if (wait != nullptr) {
      wait->reset();
    }
    return executeInTransaction(own, command, args, reply, wait);
  });
  if (!end.ok()) {
    reply.rewind(mark);
    return end.error();
  }
  noteCommit(*end);
  return {};
}

// --- Batches ---------------------------------------------------------------------------------------------------------------

// A slow one's lane is left in slow_lane.
bool Session::Impl::isSlow(const Statement& statement, int command) {
  slow_lane = SlowLane::kStatements;
  if (!statement.sql.empty()) {
    return isSlowSql(statement.sql, 0);
  }
  if (statement.args.empty()) {
    return false;
  }
  if (command < 0) {
    const Result<std::string> text = areSql(statement.args) ? sqlFromWords(statement.args) : std::string();
    const bool slow = text.ok() && !text->empty() && isSlowSql(*text, 0);
    looked_at_ = {};  // executeNow() makes a text of its own
    return slow;
  }
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  const bool is_sql = (meta.flags & (kSqlText | kSqlShorthand)) != 0 || meta.name == "EXEC";
  slow_lane = is_sql ? SlowLane::kStatements : SlowLane::kSystem;
  if (isLong(statement.args)) {
    return true;
  }
  if (multi != MultiState::kNone) {
    return meta.name == "EXEC" && queueIsSlow();
  }
  if ((meta.flags & kSqlText) != 0 && statement.args.size() > 1) {
    std::size_t bytes = 0;  // of parameters
    for (const std::string_view parameter : statement.args.subspan(2)) {
      bytes += parameter.size();
    }
    return isSlowSql(statement.args[1], bytes);
  }
  if ((meta.flags & (kSqlShorthand | kSlowLane)) == kSqlShorthand && static_cast<int>(statement.args.size()) >= -meta.arity) {
    const Result<std::string> text = searchStatement(statement.args);
    const bool slow = text.ok() && (statement.args.back().size() > 3 || isSlowSql(*text, 0));  // hundreds at most are few
    looked_at_ = {};                                                                           // as above
    return slow;
  }
  return (meta.flags & kSlowLane) != 0;
}

// Finds the commands of a window. The caches are told of their first keys before the first command runs, so that their misses
// overlap.
void Session::Impl::lookAhead(std::span<const Statement> window, std::span<int> commands) {
  std::array<std::uint64_t, kWindow> hashes;
  std::size_t count = 0;
  const kv::Store& store = database.manager().kv();
  const bool prefetches = window.size() > 1 && transaction == nullptr;
  for (std::size_t i = 0; i < window.size(); ++i) {
    commands[i] = commandOf(window[i]);
    if (prefetches && commands[i] >= 0) {
      if (const std::size_t key = firstKey(kCommands[static_cast<std::size_t>(commands[i])], window[i].args); key != 0) {
        hashes[count++] = store.hash(window[i].args[key]);
      }
    }
  }
  using Stage = kv::Store::PrefetchStage;
  for (const Stage stage : {Stage::kPartition, Stage::kDirectory, Stage::kBucket, Stage::kEntry}) {
    for (std::size_t i = 0; i < count; ++i) {
      store.prefetch(stage, db, hashes[i]);
    }
  }
}

std::size_t Session::Impl::executeBatch(std::span<const Statement> statements, Reply& reply) {
  const std::int64_t begin_us = database.env().nowMicros();
  now = UnixMs{begin_us / 1000};
  heard_at_ms.store(now.value, std::memory_order_relaxed);
  activity.store(Activity::kIdle, std::memory_order_relaxed);
  query_us = 0;
  slow_lane = std::nullopt;
  const bool paused = database.pause().isOn();
  std::size_t done = 0;
  std::array<int, kWindow> commands;
  while (done < statements.size()) {
    if (done % kWindow == 0) {
      lookAhead(statements.subspan(done, std::min(kWindow, statements.size() - done)), commands);
    }
    const int command = commands[done % kWindow];
    if (paused && postpones(statements[done], command)) [[unlikely]] {
      break;
    }
    if (isSlow(statements[done], command)) {
      looked_at_ = {};  // a worker scans it with a scanner of its own
      break;
    }
    control.begin(true);
    executeNow(statements[done], command, reply);
    looked_at_ = {};
    if (control.gaveUp()) {
      slow_lane = waiter.waits() ? std::nullopt : slow_lane;
      break;
    }
    slow_lane = std::nullopt;
    countOperation(command);
    ++done;
    if (wants_close || reply.full() || query_us >= StatementControl::kHurryMicros) {
      break;
    }
  }
  noteFence();
  if (done != 0) {
    Latencies::note(groupOf(commands[(done - 1) % kWindow]), database.env().nowMicros() - begin_us);
  }
  if (slow_lane) {
    noteActivity(Activity::kWaiting, statements[done], commandOf(statements[done]));
  }
  return done;
}

}  // namespace trefoil
