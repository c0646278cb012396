// From statements to what runs them, in the order in which it happens:
//
//   executeBatch()   a loop's burst: lookAhead(), then for each statement  laneOf() ─▶ executeNow()
//   execute()        one statement, on a thread that has the time                   ─▶ executeNow()
//
//   executeNow ─ executeGuarded ─ executeUnguarded ─ executeCommand ─ callCommand ─▶ kv, exec, handlers
//                                        └─ SQL, as a text or as words ─▶ sql
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
                                                                Reply::Mark mark, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & kSession) != 0) {
    std::optional<Wait> wait;
    TREFOIL_TRY(callSessionHandler(command, args, reply, block.isOpen() ? nullptr : &wait));
    if (wait) {
      beginWait(*wait, command, args);
    }
    return {};
  }
  if (block.isOpen() && block.isReadOnly() && (meta.flags & kWrite) != 0) {
    return TransactionBlock::readOnlyError(meta.name);
  }
  TREFOIL_TRY(admit(meta.flags, block.isOpen()));
  if (messages.tracking.is(ClientTracking::kOn)) [[unlikely]] {
    messages.rememberReads(meta, args, block.isOpen());
  }
  if (block.isOpen()) {
    block.need(meta.flags);
    return kv.executeIn(*block.transaction(), command, args, reply);
  }
  return (meta.flags & kBlocking) != 0 ? kv.executeBlocking(command, args, mark, reply) : kv.execute(command, args, mark, reply);
}

[[gnu::always_inline]] inline void Session::Impl::executeCommand(const Statement& statement, int command, Reply::Mark mark,
                                                                 Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if (const Status status = checkArguments(meta, statement.args); !status.ok()) {
    refused_arguments_ = true;
    if (meta.name == "EXEC") {
      queue.discard();
      watched.clear();
      return reply.error(Error(ErrorCode::kExecAbort, "Transaction discarded because of: " + status.error().message));
    }
    return refuse(status.error(), reply);
  }
  if (queue.isOpen() && (meta.flags & kAtOnce) == 0) {
    if ((meta.flags & kNoMulti) != 0) {
      return refuse(Error(ErrorCode::kInvalid, "Command not allowed inside a transaction"), reply);
    }
    return queueStatement(statement, command, reply);
  }
  facts.last_command.store(&meta, std::memory_order_relaxed);
  answer(callCommand(command, statement.args, mark, reply), reply);
  if (database.monitors().any() && !control.gaveUp()) [[unlikely]] {
    messages.feedMonitors(command, statement.args);
  }
}

// --- One statement ----------------------------------------------------------------------------------------------------------

[[gnu::always_inline]] inline void Session::Impl::executeUnguarded(const Statement& statement, int command, Reply::Mark mark,
                                                                   Reply& reply) {
  fence.beginStatement();
  refused_arguments_ = false;
  const bool queued = queue.isOpen() && (command < 0 || (kCommands[static_cast<std::size_t>(command)].flags & kAtOnce) == 0);
  if (command >= 0) [[likely]] {
    executeCommand(statement, command, mark, reply);
  } else if (!statement.sql.empty()) {
    if (queue.isOpen()) {
      queueStatement(statement, command, reply);
    } else {
      answer(sql.execute(statement.sql, statement.parameters, statement.table_form, reply), reply);
      if (database.monitors().any() && !control.gaveUp()) [[unlikely]] {
        messages.feedMonitors(command, std::array{statement.sql});
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
  const bool in_transaction = block.isOpen();
  if (block.tellEndedIdle()) [[unlikely]] {
    reply.error(Error(ErrorCode::kTransactionState,
                      "the transaction was rolled back: it was idle for longer than idle-in-transaction-session-timeout"));
    return;
  }
  try {
    executeUnguarded(statement, command, mark, reply);
  } catch (const std::bad_alloc& failure) {
    reply.rewind(mark);
    endOutOfMemory(failure, in_transaction, reply);
  } catch (const std::length_error& failure) {
    reply.rewind(mark);
    endOutOfMemory(failure, in_transaction, reply);
  }
}

void Session::Impl::endOutOfMemory(const std::exception& failure, bool in_transaction, Reply& reply) {
  control.takeTime(true);
  sql.resolver.lookAway();
  exec.abandon();
  Error error = outOfMemoryError(failure);
  if (in_transaction && !block.isOpen()) {
    error.detail += " The transaction was rolled back.";
  }
  refuse(error, reply);
}

void Session::Impl::executeWords(std::span<const std::string_view> words, Reply& reply) {
  const Result<std::string> text = sqlFromWords(words);
  if (!text.ok()) {
    return refuse(text.error(), reply);
  }
  if (queue.isOpen()) {
    return queueStatement({.args = {}, .sql = *text, .parameters = {}, .table_form = TableForm::kRowsOnly}, -1, reply);
  }
  Status status = sql.execute(*text, {}, TableForm::kRowsOnly, reply);
  if (!status.ok() && status.error().code == ErrorCode::kUndefinedColumn && status.error().hint.empty()) {
    status =
        Error(status.error()).withHint("If this was a text: the client took its quotes. Send the statement as one argument.");
  }
  answer(status, reply);
  if (database.monitors().any() && !control.gaveUp()) [[unlikely]] {
    messages.feedMonitors(-1, words);
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
  if (error.code == ErrorCode::kReadOnly && !exec.isRunning()) {
    fence.noteRefusal();
  }
  reply.error(presentable(error));
}

// An error before anything ran: inside MULTI it also makes EXEC refuse.
void Session::Impl::refuse(const Error& error, Reply& reply) {
  if (queue.isOpen()) {
    queue.refuse();
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

// What its answer tells of. EXEC's is noted by its runner, for the queue is gone by now.
void Session::Impl::noteAnswer(const Statement& statement, int command) {
  constexpr std::uint32_t kSql = kSqlText | kSqlShorthand;
  if (command < 0 || (kCommands[static_cast<std::size_t>(command)].flags & kSql) != 0) {
    const ResolvedStatement& resolved = sql.resolver.latest();
    fence.noteSql(resolved.plan.get(), resolved.control.get(), block.transaction());
  } else {
    fence.noteCommand(command, statement.args, block.transaction());
  }
}

void Session::Impl::noteSqlAnswer(const sql::Plan* plan, const parser::ParsedStatement* own, const Status& status) {
  fence.beginStatement();
  if (!status.ok() && status.error().code == ErrorCode::kReadOnly) {
    fence.noteRefusal();
  }
  fence.noteSql(plan, own, block.transaction());
}

// For who has messages, or wants no answers.
void Session::Impl::executeAttentively(const Statement& statement, int command, Reply& reply) {
  messages.deliver(reply);
  const ReplyMode mode_before = messages.begin();
  const Reply::Mark mark = reply.mark();
  refused_arguments_ = false;
  if (const Status status = messages.mayRun(statement, command); status.ok()) {
    executeGuarded(statement, command, reply);
  } else if (command >= 0 && kCommands[static_cast<std::size_t>(command)].name == "EXEC") {
    queue.discard();
    watched.clear();
    reply.error(Error(ErrorCode::kExecAbort, "Transaction discarded because of: " + status.error().message));
  } else {
    refuse(status.error(), reply);
  }
  if (control.gaveUp()) {
    return messages.resume(mode_before);  // a worker begins again
  }
  messages.end(mode_before, mark, command, !refused_arguments_ && !queue.isOpen(), reply);
}

void Session::Impl::execute(const Statement& statement, Reply& reply) {
  Call call(*this);
  control.begin(false);
  const int command = commandOf(statement);
  if (database.pause().isOn() && postpones(statement, command)) [[unlikely]] {
    return;
  }
  facts.become(ClientFacts::Activity::kRunning, statement, command, database.sessionsMutex());
  kv.offer(database.monitors().any() ? nullptr : statement.block);  // who watches is shown the words afterwards
  executeNow(statement, command, reply);
  kv.offer(nullptr);
  if (!waiter.waits()) [[likely]] {
    call.count(groupOf(command));
  }
  facts.become(ClientFacts::Activity::kIdle);
}

// --- MULTI ------------------------------------------------------------------------------------------------------------------

Status Session::Impl::beginMulti() {
  if (queue.isOpen()) {
    return Error(ErrorCode::kInvalid, "MULTI calls can not be nested");
  }
  if (block.isOpen()) {
    return Error(ErrorCode::kTransactionState, "MULTI inside BEGIN is not allowed");
  }
  queue.open();
  messages.staged.clear();
  return {};
}

void Session::Impl::queueStatement(const Statement& statement, int command, Reply& reply) {
  // Also what needs none: a queue takes memory itself.
  if (const Status memory = admit(kDenyOom, false); !memory.ok()) {
    return refuse(memory.error(), reply);
  }
  if (!queue.isRefused()) {  // else it will never run
    // A queue is input that waits: it is held against the same limit (as in Redis, networking.c).
    const auto limit = static_cast<std::size_t>(database.settings().integer(Setting::kQueryBufferLimit));
    if (const Status added = queue.add(statement, command, limit); !added.ok()) {
      return refuse(added.error(), reply);
    }
  }
  reply.simple("QUEUED");
}

Status Session::Impl::watch(std::span<const std::string_view> keys) {
  if (queue.isOpen()) {
    return Error(ErrorCode::kInvalid, "WATCH inside MULTI is not allowed");
  }
  if (block.isOpen()) {
    return Error(ErrorCode::kTransactionState, "WATCH inside BEGIN is not allowed");
  }
  return watched.add(db, keys, now);
}

// A queued UNWATCH comes too late to change what EXEC looks at, and EXEC, which holds the locks of the watched keys, forgets them
// at its end.
void Session::Impl::unwatch() {
  if (!exec.isRunning()) {
    watched.clear();
  }
}

// --- Batches ----------------------------------------------------------------------------------------------------------------

// Finds the commands of a window. The caches are told of their first keys before the first command runs, so that their misses
// overlap.
inline void Session::Impl::lookAhead(std::span<const Statement> window, std::span<int> commands) {
  std::array<std::uint64_t, kWindow> hashes;
  std::size_t count = 0;
  const kv::Store& store = database.manager().kv();
  const bool prefetches = window.size() > 1 && !block.isOpen();
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

BatchOutcome Session::Impl::executeBatch(std::span<const Statement> statements, Reply& reply) {
  Call call(*this);
  facts.become(ClientFacts::Activity::kIdle);
  BatchOutcome outcome;
  const std::int64_t query_us_before = sql.queryMicros();
  const bool paused = database.pause().isOn();
  std::array<int, kWindow> commands;
  while (outcome.answered < statements.size()) {
    const std::size_t at = outcome.answered;
    if (at % kWindow == 0) {
      lookAhead(statements.subspan(at, std::min(kWindow, statements.size() - at)), commands);
    }
    const int command = commands[at % kWindow];
    if (paused && postpones(statements[at], command)) [[unlikely]] {
      break;
    }
    const LaneChoice choice = laneOf(statements[at], command);
    if (!choice.is_slow) [[likely]] {
      control.begin(true);
      executeNow(statements[at], command, reply);
    }
    sql.resolver.lookAway();
    outcome.query_us = sql.queryMicros() - query_us_before;
    if (choice.is_slow || control.gaveUp()) {
      outcome.lane = waiter.waits() ? std::nullopt : std::optional(choice.lane);
      break;
    }
    call.count(groupOf(command));
    ++outcome.answered;
    if (wants_close || reply.full() || outcome.query_us >= StatementControl::kHurryMicros) {
      break;
    }
  }
  if (outcome.lane) {
    const Statement& next = statements[outcome.answered];
    facts.become(ClientFacts::Activity::kWaiting, next, commandOf(next), database.sessionsMutex());
  }
  return outcome;
}

}  // namespace trefoil
