#include "engine/session.hpp"

#include <algorithm>
#include <thread>

#include "aof/log.hpp"
#include "base/ascii_case.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

// ------------------------------------------------------------------------------------------------------------- Session::Impl

Session::Impl::Impl(Session& self_in, Database::Impl& database_in)
    : self(self_in),
      database(database_in),
      id(database_in.nextSessionId()),
      settings(database_in.settings()),
      connected_at_us(database_in.env().nowMicros()),
      outbox(std::make_shared<Outbox>(database_in.outputLimits(), database_in.env())),
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
  stopTracking();
  database.noteClientMemory(-static_cast<std::int64_t>(buffer_bytes[1].load() + buffer_bytes[3].load()));
  database.removeSession(id);
  outbox->close();
  if (listening != nullptr && listening->count() > Listening::kMany) {
    const std::shared_ptr<Listening> ending = std::move(listening);  // of nobody now: a worker has the time
    static_cast<void>(database.self.submit([ending] { ending->stop(); }, SlowLane::kSystem));
  }
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

void Session::Impl::reset() {
  discardMulti();
  staged_.clear();
  reply_mode_ = ReplyMode::kOn;
  unwatch();
  transaction.reset();
  ended_idle_ = false;
  db = 0;
  protocol = 2;
  stopTracking();
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
      .append(tracking.is(ClientTracking::kOn) ? "t" : "")
      .append(tracking.is(ClientTracking::kBrokenRedirect) ? "R" : "")
      .append(tracking.is(ClientTracking::kBroadcast) ? "B" : "")
      .append(may_be_evicted ? "" : "e")
      .append(over_unix_socket ? "U" : "");
  flags.append(flags.empty() ? "N" : "");
  std::string line = "id=" + std::to_string(id) + " addr=" + address + " laddr=" + local_address + " name=" + name +
                     " age=" + std::to_string(now_ms / 1000 - connected_at_us / 1'000'000) + " idle=" + std::to_string(idle_s) +
                     " flags=" + flags + " db=" + std::to_string(db) + " sub=" + subscriptions(Topic::kChannel) +
                     " psub=" + subscriptions(Topic::kPattern) + " ssub=" + subscriptions(Topic::kShardChannel) +
                     " multi=" + (in_multi ? std::to_string(queued_count) : "-1") + " qbuf=" + of(0) +
                     " qbuf-free=" + std::to_string(free_input) + " argv-mem=0 multi-mem=" + std::to_string(queued_memory) +
                     " obl=" + of(2) + " oll=" + std::to_string(outbox->count()) + " omem=" + std::to_string(outbox->bytes()) +
                     " tot-mem=" + std::to_string(memory()) + " cmd=" + (command == nullptr ? "NULL" : lowerCase(command->name)) +
                     " user=default redir=" + (tracking.is(ClientTracking::kOn) ? std::to_string(tracking.redirect) : "-1") +
                     " resp=" + std::to_string(protocol) + " lib-name=" + library_name + " lib-ver=" + library_version +
                     " state=" + std::string(activityName()) + " running-ms=" + std::to_string(activeMillis()) + " statement=";
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
