// From statements to what runs them, in the order in which it happens:
//
//   executeBatch()   a loop's burst: lookAhead(), then for each statement  isSlow() ─▶ executeNow()
//   execute()        one statement, on a thread that has the time                  ─▶ executeNow()
//
//   executeNow ─ executeGuarded ─ executeUnguarded ─ executeCommand ─ callCommand ─▶ kv_execution.cpp, waiting.cpp, multi.cpp
//                                        └─ SQL, as a text or as words ─▶ sql_execution.cpp
//
// Every command passes all of this, and most take less time than a dozen calls: what is on the way of all of them is inline, and
// what is not is a function of its own.
#include <algorithm>
#include <array>

#include "base/query_memory.hpp"
#include "engine/bare_words.hpp"
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/error_text.hpp"
#include "engine/latencies.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

namespace {

// A batch is looked at ahead in pieces of this size: more would push the first keys out of the cache again.
constexpr std::size_t kWindow = kv::Store::kMaxPrefetch;

}  // namespace

// --- One command ------------------------------------------------------------------------------------------------------------

Status Session::Impl::admit(std::uint32_t needs, bool in_block) {
  if ((needs & kDenyOom) != 0 && database.memoryIsBounded()) [[unlikely]] {
    using Evicts = Database::Impl::Evicts;
    TREFOIL_TRY(database.checkMemory(in_block ? Evicts::kLeavesIt : control.onLoop() ? Evicts::kWaitsNever : Evicts::kMayWait));
  }
  return (needs & kWrite) != 0 ? database.manager().committer().admit() : Status();
}

[[gnu::always_inline]] inline Status Session::Impl::callCommand(int command, std::span<const std::string_view> args,
                                                                Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & kSession) != 0) {
    std::optional<Wait> wait;
    TREFOIL_TRY(callSessionHandler(command, args, reply, transaction == nullptr ? &wait : nullptr));
    if (wait) {
      beginWait(*wait, command, args);
    }
    return {};
  }
  if (transaction != nullptr && read_only && (meta.flags & kWrite) != 0) {
    return readOnlyError(meta.name);
  }
  TREFOIL_TRY(admit(meta.flags, transaction != nullptr));
  if (tracking.is(ClientTracking::kOn)) [[unlikely]] {
    rememberReads(meta, args, transaction != nullptr);
  }
  if (transaction != nullptr) {
    block_needs_ |= meta.flags;
    return executeInTransaction(*transaction, command, args, reply);
  }
  return (meta.flags & kBlocking) != 0 ? executeBlocking(command, args, reply) : executeLive(command, args, reply);
}

[[gnu::always_inline]] inline void Session::Impl::executeCommand(const Statement& statement, int command, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if (const Status status = checkArguments(meta, statement.args); !status.ok()) {
    refused_arguments_ = true;
    if (meta.name == "EXEC") {
      discardMulti();
      unwatch();
      return reply.error(Error(ErrorCode::kExecAbort, "Transaction discarded because of: " + status.error().message));
    }
    return refuse(status.error(), reply);
  }
  if (multi != MultiState::kNone && (meta.flags & kAtOnce) == 0) {
    if ((meta.flags & kNoMulti) != 0) {
      return refuse(Error(ErrorCode::kInvalid, "Command not allowed inside a transaction"), reply);
    }
    return queue(statement, command, reply);
  }
  last_command.store(&meta, std::memory_order_relaxed);
  answer(callCommand(command, statement.args, reply), reply);
  if (database.monitors().any() && !control.gaveUp()) [[unlikely]] {
    feedMonitors(command, statement.args);
  }
}

// --- One statement ----------------------------------------------------------------------------------------------------------

[[gnu::always_inline]] inline void Session::Impl::executeUnguarded(const Statement& statement, int command, Reply& reply) {
  refused_ = false;
  refused_arguments_ = false;
  const bool queued =
      multi != MultiState::kNone && (command < 0 || (kCommands[static_cast<std::size_t>(command)].flags & kAtOnce) == 0);
  if (command >= 0) [[likely]] {
    executeCommand(statement, command, reply);
  } else if (!statement.sql.empty()) {
    if (multi != MultiState::kNone) {
      queue(statement, command, reply);
    } else {
      answer(executeSql(statement.sql, statement.parameters, statement.table_form, reply), reply);
      if (database.monitors().any() && !control.gaveUp()) [[unlikely]] {
        feedMonitors(command, std::array{statement.sql});
      }
    }
  } else if (!statement.args.empty()) {
    if (areSql(statement.args)) {
      executeWords(statement.args, reply);
    } else {
      refuseUnknown(statement.args, reply);
    }
  }
  if (!queued && database.manager().log() != nullptr) {
    noteAnswer(statement, command);
  }
}

// The net below all others: what runs out of memory before it is committed is an error, wherever it happens.
void Session::Impl::executeGuarded(const Statement& statement, int command, Reply& reply) {
  const Reply::Mark mark = reply.mark();
  answer_begin_ = mark;
  const bool in_transaction = transaction != nullptr;
  if (ended_idle_) [[unlikely]] {
    ended_idle_ = false;
    reply.error(Error(ErrorCode::kTransactionState,
                      "the transaction was rolled back: it was idle for longer than idle-in-transaction-session-timeout"));
    return;
  }
  try {
    executeUnguarded(statement, command, reply);
  } catch (const std::bad_alloc& failure) {
    reply.rewind(mark);
    endOutOfMemory(failure, in_transaction, reply);
  } catch (const std::length_error& failure) {
    reply.rewind(mark);
    endOutOfMemory(failure, in_transaction, reply);
  }
}

void Session::Impl::endOutOfMemory(const std::exception& failure, bool in_transaction, Reply& reply) {
  exec_transaction_ = nullptr;
  control.takeTime(true);
  looked_at_ = {};
  if (queue_is_running_) {
    queue_is_running_ = false;
    discardMulti();
    staged_.clear();
    unwatch();
  }
  Error error = outOfMemoryError(failure);
  if (in_transaction && transaction == nullptr) {
    error.detail += " The transaction was rolled back.";
  }
  refuse(error, reply);
}

void Session::Impl::executeWords(std::span<const std::string_view> words, Reply& reply) {
  const Result<std::string> sql = sqlFromWords(words);
  if (!sql.ok()) {
    return refuse(sql.error(), reply);
  }
  if (multi != MultiState::kNone) {
    return queue({.args = {}, .sql = *sql, .parameters = {}, .table_form = TableForm::kRowsOnly}, -1, reply);
  }
  Status status = executeSql(*sql, {}, TableForm::kRowsOnly, reply);
  if (!status.ok() && status.error().code == ErrorCode::kUndefinedColumn && status.error().hint.empty()) {
    status =
        Error(status.error()).withHint("If this was a text: the client took its quotes. Send the statement as one argument.");
  }
  answer(status, reply);
  if (database.monitors().any() && !control.gaveUp()) [[unlikely]] {
    feedMonitors(-1, words);
  }
}

// https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors; the text is Redis's.
void Session::Impl::refuseUnknown(std::span<const std::string_view> args, Reply& reply) {
  constexpr std::size_t kShown = 128;
  std::string shown;
  for (std::size_t i = 1; i < args.size() && shown.size() < kShown; ++i) {
    shown += "'" + std::string(args[i].substr(0, kShown - shown.size())) + "' ";
  }
  const std::string command(args[0].substr(0, kShown));
  refuse(Error(ErrorCode::kInvalid, "unknown command '" + command + "', with args beginning with: " + shown), reply);
}

void Session::Impl::answerError(const Error& error, Reply& reply) {
  refused_ = error.code == ErrorCode::kReadOnly && !queue_is_running_;
  reply.error(presentable(error));
}

// An error before anything ran: inside MULTI it also makes EXEC refuse.
void Session::Impl::refuse(const Error& error, Reply& reply) {
  if (multi != MultiState::kNone) {
    multi = MultiState::kRefused;
  }
  reply.error(presentable(error));
}

// Such a handler touches no key: its view is there for form's sake and no lock is held.
Status Session::Impl::callSessionHandler(int command, std::span<const std::string_view> args, Reply& reply,
                                         std::optional<Wait>* wait) {
  EffectBuffer effects;
  kv::View view = kv::View::live(database.manager().kv(), effects, now);
  CommandCall call{args, view, reply, self, now, db, wait};
  Status status = handlerOf(command)(call);
  TREFOIL_ASSERT(effects.empty());
  return status;
}

inline int Session::Impl::commandOf(const Statement& statement) {
  const int command = statement.args.empty() ? -1 : findCommand(statement.args[0]);
  const std::uint32_t flags = command < 0 ? 0 : kCommands[static_cast<std::size_t>(command)].flags;
  if ((flags & (kContainer | kSqlToo)) == 0) [[likely]] {
    return command;
  }
  return (flags & kContainer) != 0 ? findCall(statement.args) : areSql(statement.args) ? -1 : command;
}

void Session::Impl::execute(const Statement& statement, Reply& reply) {
  const std::int64_t begin_us = database.env().nowMicros();
  now = UnixMs{begin_us / 1000};
  heard_at_ms.store(now.value, std::memory_order_relaxed);
  control.begin(false);
  const int command = commandOf(statement);
  if (database.pause().isOn() && postpones(statement, command)) [[unlikely]] {
    return;
  }
  noteActivity(Activity::kRunning, statement, command);
  noteMessages();
  const txn::Author author(id);
  block_ = database.monitors().any() ? nullptr : statement.block;  // who watches is shown the words afterwards
  executeNow(statement, command, reply);
  block_ = nullptr;
  if (!waiter.waits()) [[likely]] {
    countOperation(command);
  }
  noteFence();
  Latencies::note(groupOf(command), database.env().nowMicros() - begin_us);
  activity = Activity::kIdle;
}

// --- Batches ----------------------------------------------------------------------------------------------------------------

// A slow one's lane is left in slow_lane.
inline bool Session::Impl::isSlow(const Statement& statement, int command) {
  constexpr std::uint32_t kDepends = kSqlText | kSqlShorthand | kSlowLane | kAtOnce;
  const bool is_plain = command >= 0 && (kCommands[static_cast<std::size_t>(command)].flags & kDepends) == 0;
  if (is_plain && multi == MultiState::kNone) [[likely]] {
    slow_lane = SlowLane::kSystem;
    return isLong(statement.args);
  }
  return looksSlow(statement, command);
}

bool Session::Impl::looksSlow(const Statement& statement, int command) {
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
inline void Session::Impl::lookAhead(std::span<const Statement> window, std::span<int> commands) {
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
  store.prefetch(db, {hashes.data(), count});
}

std::size_t Session::Impl::executeBatch(std::span<const Statement> statements, Reply& reply) {
  const std::int64_t begin_us = database.env().nowMicros();
  now = UnixMs{begin_us / 1000};
  heard_at_ms.store(now.value, std::memory_order_relaxed);
  activity.store(Activity::kIdle, std::memory_order_relaxed);
  query_us = 0;
  slow_lane = std::nullopt;
  noteMessages();
  const txn::Author author(id);
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
