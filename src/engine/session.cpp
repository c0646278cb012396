#include "engine/session.hpp"

#include <algorithm>

#include "aof/log.hpp"
#include "base/ascii_case.hpp"
#include "engine/bare_words.hpp"
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/error_text.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

// ------------------------------------------------------------------------------------------------------------- Session::Impl

Session::Impl::Impl(Session& self_in, Database::Impl& database_in)
    : self(self_in),
      database(database_in),
      id(database_in.nextSessionId()),
      settings(database_in.settings()),
      connected_at_us(database_in.env().nowMicros()),
      control(&database_in.settings()) {
  database.addSession(*this);
}

Session::Impl::~Impl() {
  unwatch();
  transaction.reset();
  database.removeSession(id);
}

int Session::Impl::commandOf(const Statement& statement) {
  const int command = statement.args.empty() ? -1 : findCommand(statement.args[0]);
  const bool is_select = command >= 0 && kCommands[static_cast<std::size_t>(command)].name == "SELECT";
  return is_select && areSql(statement.args) ? -1 : command;
}

void Session::Impl::execute(const Statement& statement, Reply& reply) {
  now = database.env().now();
  control.begin(false);
  executeNow(statement, commandOf(statement), reply);
  noteFence();
}

void Session::Impl::executeNow(const Statement& statement, int command, Reply& reply) {
  refused_ = false;
  const bool queued =
      multi != MultiState::kNone && (command < 0 || (kCommands[static_cast<std::size_t>(command)].flags & kAtOnce) == 0);
  if (!statement.sql.empty()) {
    if (multi != MultiState::kNone) {
      queue(statement, command, reply);
    } else {
      answer(executeSql(statement.sql, statement.parameters, statement.table_form, reply), reply);
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
}

Status Session::Impl::callCommand(int command, std::span<const std::string_view> args, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & kSession) != 0) {
    return callSessionHandler(command, args, reply);
  }
  if (transaction != nullptr && read_only && (meta.flags & kWrite) != 0) {
    return readOnlyError(meta.name);
  }
  TREFOIL_TRY(admit(meta.flags));
  if (transaction != nullptr) {
    block_needs_ |= meta.flags;
    return executeInTransaction(*transaction, command, args, reply);
  }
  return executeLive(command, args, reply);
}

Status Session::Impl::admit(std::uint32_t needs) {
  if ((needs & kDenyOom) != 0) {
    TREFOIL_TRY(database.checkMemory());
  }
  return (needs & kWrite) != 0 ? database.manager().admitWrite() : Status();
}

// Such a handler touches no key: its view is there for form's sake and no lock is held.
Status Session::Impl::callSessionHandler(int command, std::span<const std::string_view> args, Reply& reply) {
  EffectBuffer effects;
  kv::View view = kv::View::live(database.manager().kv(), effects, now);
  CommandCall call{args, view, reply, self, now, db};
  Status status = handlerOf(command)(call);
  TREFOIL_ASSERT(effects.empty());
  return status;
}

void Session::Impl::reset() {
  discardMulti();
  unwatch();
  transaction.reset();
  db = 0;
  protocol = 2;
  describes_answers = false;
  settings.reset();
  const std::lock_guard lock(database.sessionsMutex());
  name.clear();
}

std::string Session::Impl::describe() const {
  const std::int64_t age_s = (database.env().nowMicros() - connected_at_us) / 1'000'000;
  const CommandMeta* const command = last_command.load(std::memory_order_relaxed);
  return "id=" + std::to_string(id) + " addr=" + address + " name=" + name + " age=" + std::to_string(age_s) +
         " db=" + std::to_string(db) + " multi=" + (multi == MultiState::kNone ? "-1" : std::to_string(queued_count)) +
         " cmd=" + (command == nullptr ? "NULL" : lowerCase(command->name)) + " lib-name=" + library_name +
         " lib-ver=" + library_version + " resp=" + std::to_string(protocol);
}

// ------------------------------------------------------------------------------------------------------------------- Session

Session::Session(Database& database) : impl_(std::make_unique<Impl>(*this, database.impl())) {}

Session::~Session() = default;

void Session::execute(const Statement& statement, Reply& reply) {
  impl_->execute(statement, reply);
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

bool Session::inTransaction() const {
  return impl_->transaction != nullptr || impl_->multi != MultiState::kNone;
}

Database& Session::database() {
  return impl_->database.self;
}

void Session::setAddress(std::string address) {
  const std::lock_guard lock(impl_->database.sessionsMutex());
  impl_->address = std::move(address);
}

}  // namespace trefoil
