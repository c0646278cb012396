#include "engine/session.hpp"

#include <algorithm>
#include <thread>

#include "aof/log.hpp"
#include "base/ascii_case.hpp"
#include "base/query_memory.hpp"
#include "engine/bare_words.hpp"
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/error_text.hpp"
#include "engine/latencies.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

// ------------------------------------------------------------------------------------------------------------- Session::Impl

Session::Impl::Impl(Session& self_in, Database::Impl& database_in)
    : self(self_in),
      database(database_in),
      id(database_in.nextSessionId()),
      settings(database_in.settings()),
      connected_at_us(database_in.env().nowMicros()),
      waiter(self_in),
      control(&database_in.settings()) {
  heard_at_ms.store(connected_at_us / 1000, std::memory_order_relaxed);
  database.addSession(*this);
}

Session::Impl::~Impl() {
  if (waiter.waits()) {
    waiter.end(WaitEnd::kGone);
    while (!waiter.isOver()) {
      std::this_thread::yield();  // it is being served
    }
    waiter.reset();
  }
  unwatch();
  transaction.reset();
  database.noteClientMemory(-static_cast<std::int64_t>(buffer_bytes[1].load() + buffer_bytes[3].load()));
  database.removeSession(id);
  if (listening != nullptr && listening->count() > Listening::kMany) {
    const std::shared_ptr<Listening> ending = std::move(listening);  // of nobody now: a worker has the time
    ending->outbox().close();
    static_cast<void>(database.self.submit([ending] { ending->stop(); }, SlowLane::kSystem));
  }
}

int Session::Impl::commandOf(const Statement& statement) {
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

// The net below all others: what runs out of memory before it is committed is an error, wherever it happens.
void Session::Impl::executeGuarded(const Statement& statement, int command, Reply& reply) {
  const Reply::Mark mark = reply.mark();
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

void Session::Impl::endIdleTransaction() {
  const std::int64_t limit = database.settings().integer(Setting::kIdleTransactionTimeout);
  if (limit != 0 && transaction != nullptr && database.env().now().value - now.value >= limit) {
    transaction.reset();
    unwatch();
    ended_idle_ = true;
  }
}

// Back to a mark, as after any statement that failed. That stages again what is left: a transaction that finds no memory for it
// is rolled back.
void Session::Impl::undo(txn::Transaction& target, std::size_t mark, const Error& why) {
  try {
    target.rollbackTo(mark, why.code == ErrorCode::kOutOfMemory);
  } catch (const std::bad_alloc&) {
    if (&target == transaction.get()) {
      transaction.reset();
    }
    throw;
  }
}

void Session::Impl::executeUnguarded(const Statement& statement, int command, Reply& reply) {
  refused_ = false;
  refused_arguments_ = false;
  const bool queued =
      multi != MultiState::kNone && (command < 0 || (kCommands[static_cast<std::size_t>(command)].flags & kAtOnce) == 0);
  if (!statement.sql.empty()) {
    if (multi != MultiState::kNone) {
      queue(statement, command, reply);
    } else {
      answer(executeSql(statement.sql, statement.parameters, statement.table_form, reply), reply);
      if (database.monitors().any() && !control.gaveUp()) [[unlikely]] {
        feedMonitors(command, std::array{statement.sql});
      }
    }
  } else if (!statement.args.empty()) {
    if (command >= 0) {
      executeCommand(statement, command, reply);
    } else if (areSql(statement.args)) {
      executeWords(statement.args, reply);
    } else {
      refuseUnknown(statement.args, reply);
    }
  }
  if (!queued) {
    noteAnswer(statement, command);
  }
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

// The error of a statement that ran; what it answered otherwise is pushed already.
void Session::Impl::answer(const Status& status, Reply& reply) {
  if (!status.ok()) {
    refused_ = status.error().code == ErrorCode::kReadOnly && !queue_is_running_;
    reply.error(presentable(status.error()));
  }
}

// An error before anything ran: inside MULTI it also makes EXEC refuse.
void Session::Impl::refuse(const Error& error, Reply& reply) {
  if (multi != MultiState::kNone) {
    multi = MultiState::kRefused;
  }
  reply.error(presentable(error));
}

void Session::Impl::executeCommand(const Statement& statement, int command, Reply& reply) {
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

Status Session::Impl::callCommand(int command, std::span<const std::string_view> args, Reply& reply) {
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
  if (transaction != nullptr) {
    block_needs_ |= meta.flags;
    return executeInTransaction(*transaction, command, args, reply);
  }
  return (meta.flags & kBlocking) != 0 ? executeBlocking(command, args, reply) : executeLive(command, args, reply);
}

Status Session::Impl::admit(std::uint32_t needs, bool in_block) {
  if ((needs & kDenyOom) != 0) {
    using Evicts = Database::Impl::Evicts;
    TREFOIL_TRY(database.checkMemory(in_block ? Evicts::kLeavesIt : control.onLoop() ? Evicts::kWaitsNever : Evicts::kMayWait));
  }
  return (needs & kWrite) != 0 ? database.manager().committer().admit() : Status();
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

void Session::Impl::reset() {
  discardMulti();
  staged_.clear();
  reply_mode_ = ReplyMode::kOn;
  unwatch();
  transaction.reset();
  ended_idle_ = false;
  db = 0;
  protocol = 2;
  describes_answers = false;
  notes_uses = true;
  may_be_evicted = true;
  settings.reset();
  const std::lock_guard lock(database.sessionsMutex());
  name.clear();
}

std::string_view Session::Impl::activityName() const {
  const Activity now_about = activity;
  return now_about == Activity::kIdle ? "idle" : now_about == Activity::kWaiting ? "waiting" : "running";
}

std::int64_t Session::Impl::activeMillis() const {
  return activity == Activity::kIdle ? 0 : std::max<std::int64_t>(0, database.env().nowMicros() - active_since_us) / 1000;
}

// https://redis.io/docs/latest/commands/client-list/; what Redis does not have comes last. It is read word by word, so bytes that
// are no part of a word are written as in a URL.
std::string Session::Impl::describe() const {
  constexpr std::size_t kShown = 256;
  const std::int64_t now_ms = database.env().nowMicros() / 1000;
  const CommandMeta* const command = last_command.load(std::memory_order_relaxed);
  const bool in_multi = multi != MultiState::kNone;
  const bool over_unix_socket = !address.empty() && address == local_address;  // both are its path
  const std::int64_t idle_s = activity == Activity::kIdle ? std::max<std::int64_t>(0, now_ms - heard_at_ms) / 1000 : 0;
  const auto of = [&](std::size_t i) { return std::to_string(buffer_bytes[i].load(std::memory_order_relaxed)); };
  const std::size_t pending = buffer_bytes[0].load(std::memory_order_relaxed);
  const std::size_t free_input = std::max(buffer_bytes[1].load(std::memory_order_relaxed), pending) - pending;
  const auto subscriptions = [&](Topic topic) { return std::to_string(listening == nullptr ? 0 : listening->count(topic)); };
  std::string flags = listening != nullptr && listening->isMonitor() ? "O" : "";
  flags.append(isSubscriber() ? "P" : "")
      .append(in_multi ? "x" : "")
      .append(waiter.waits() ? "b" : "")
      .append(may_be_evicted ? "" : "e")
      .append(over_unix_socket ? "U" : "");
  flags.append(flags.empty() ? "N" : "");
  std::string line = "id=" + std::to_string(id) + " addr=" + address + " laddr=" + local_address + " name=" + name +
                     " age=" + std::to_string(now_ms / 1000 - connected_at_us / 1'000'000) + " idle=" + std::to_string(idle_s) +
                     " flags=" + flags + " db=" + std::to_string(db) + " sub=" + subscriptions(Topic::kChannel) +
                     " psub=" + subscriptions(Topic::kPattern) + " ssub=" + subscriptions(Topic::kShardChannel) +
                     " multi=" + (in_multi ? std::to_string(queued_count) : "-1") + " qbuf=" + of(0) +
                     " qbuf-free=" + std::to_string(free_input) + " argv-mem=0 multi-mem=" + std::to_string(queued_memory) +
                     " obl=" + of(2) + " oll=" + std::to_string(listening == nullptr ? 0 : listening->outbox().count()) +
                     " omem=" + std::to_string(listening == nullptr ? 0 : listening->outbox().bytes()) +
                     " tot-mem=" + std::to_string(memory()) + " cmd=" + (command == nullptr ? "NULL" : lowerCase(command->name)) +
                     " user=default" + " resp=" + std::to_string(protocol) + " lib-name=" + library_name +
                     " lib-ver=" + library_version + " state=" + std::string(activityName()) +
                     " running-ms=" + std::to_string(activeMillis()) + " statement=";
  const bool is_idle = activity == Activity::kIdle;
  for (const char c : std::string_view(is_idle ? std::string_view() : shown_statement).substr(0, kShown)) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || c == '%' || byte == 0x7F) {
      line.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    } else {
      line += c;
    }
  }
  return line;
}

std::size_t Session::Impl::memory() const {
  return sizeof(Session::Impl) + buffer_bytes[1].load(std::memory_order_relaxed) +
         buffer_bytes[3].load(std::memory_order_relaxed) + queued_memory.load(std::memory_order_relaxed);
}

void Session::Impl::addOperations(OperationCounts& counts) const {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] += operations[i].load(std::memory_order_relaxed);
  }
}

void Session::Impl::kill() {
  if (on_kill) {
    control.stop(StatementControl::Stop::kKilled);
    on_kill();
  } else {
    control.stop(StatementControl::Stop::kUserRequest);  // an embedded program's: it decides about its sessions
  }
}

// For all who look, except that what a command about the connection says (AUTH) is nobody's business.
void Session::Impl::noteActivity(Activity what, const Statement& statement, int command) {
  constexpr std::size_t kKept = 1024;
  active_since_us.store(database.env().nowMicros(), std::memory_order_relaxed);
  if (what == Activity::kRunning && activity == Activity::kWaiting) {
    activity = what;
    return;
  }
  const CommandMeta* const meta = command < 0 ? nullptr : &kCommands[static_cast<std::size_t>(command)];
  const bool is_sql = meta != nullptr && (meta->flags & kSqlText) != 0;
  const std::lock_guard lock(database.sessionsMutex());
  try {
    shown_statement.assign(statement.sql.substr(0, kKept));
    if (meta == nullptr || is_sql || (meta->flags & kSession) == 0) {
      for (const std::string_view word : statement.args.subspan(is_sql && statement.args.size() > 1 ? 1 : 0)) {
        shown_statement.append(shown_statement.empty() ? 0 : 1, ' ')
            .append(word.substr(0, kKept - std::min(kKept, shown_statement.size())));
      }
    }
  } catch (const std::bad_alloc&) {  // it runs all the same; whoever looks sees no text
    shown_statement.clear();
  }
  activity = what;
}

// ------------------------------------------------------------------------------------------------------------------- Session

Session::Session(Database& database) : impl_(std::make_unique<Impl>(*this, database.impl())) {}

Session::~Session() = default;

void Session::execute(const Statement& statement, Reply& reply) {
  for (impl_->execute(statement, reply); waits(); impl_->execute(statement, reply)) {
    impl_->awaitWaiter();
    if (impl_->finishWait(reply)) {
      return;
    }
  }
}

void Session::executeOrWait(const Statement& statement, Reply& reply) {
  impl_->execute(statement, reply);
}

bool Session::waits() const {
  return impl_->waiter.waits();
}

bool Session::isPostponed() const {
  return impl_->waiter.isPostponed();
}

std::int64_t Session::waitDeadline() const {
  return impl_->waiter.deadlineUs();
}

void Session::onWaitOver(std::function<void()> wake) {
  impl_->waiter.arm(std::move(wake));
}

bool Session::endWait(WaitEnd how) {
  return impl_->waiter.end(how);
}

bool Session::finishWait(Reply& reply) {
  return impl_->finishWait(reply);
}

std::size_t Session::executeBatch(std::span<const Statement> statements, Reply& reply) {
  return impl_->executeBatch(statements, reply);
}

std::int64_t Session::queryMicros() const {
  return impl_->query_us;
}

Lsn Session::fence() const {
  return impl_->fence;
}

Status Session::awaitFence() {
  aof::Log* log = impl_->database.manager().log();
  const Lsn awaited = std::exchange(impl_->awaited_fence, 0);
  return log == nullptr ? Status() : log->waitReached(awaited);
}

std::optional<SlowLane> Session::slowLane() const {
  return impl_->slow_lane;
}

void Session::cancel(StatementControl::Stop reason) {
  impl_->control.stop(reason);
}

std::uint64_t Session::id() const {
  return impl_->id;
}

int Session::protocol() const {
  return impl_->protocol;
}

bool Session::describesAnswers() const {
  return impl_->describes_answers;
}

bool Session::wantsClose() const {
  return impl_->wants_close;
}

void Session::endIdleTransaction() {
  impl_->endIdleTransaction();
}

bool Session::inTransaction() const {
  return impl_->transaction != nullptr || impl_->multi != MultiState::kNone;
}

Database& Session::database() {
  return impl_->database.self;
}

void Session::setAddress(std::string address, std::string local_address) {
  const std::lock_guard lock(impl_->database.sessionsMutex());
  impl_->address = std::move(address);
  impl_->local_address = std::move(local_address);
}

void Session::setBuffers(const Buffers& held) {
  std::size_t more = 0;
  std::size_t less = 0;
  const std::size_t figures[] = {held.input, held.input_capacity, held.output, held.output_capacity};
  for (std::size_t i = 0; i < std::size(figures); ++i) {
    const std::size_t before = impl_->buffer_bytes[i].exchange(figures[i], std::memory_order_relaxed);
    if (i % 2 == 1) {
      more += figures[i];
      less += before;
    }
  }
  impl_->database.noteClientMemory(static_cast<std::int64_t>(more) - static_cast<std::int64_t>(less));
}

void Session::onKill(std::function<void()> callback) {
  const std::lock_guard lock(impl_->database.sessionsMutex());
  impl_->on_kill = std::move(callback);
}

}  // namespace trefoil
