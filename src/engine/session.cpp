#include "engine/session.hpp"

#include <thread>

#include "aof/log.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

// ------------------------------------------------------------------------------------------------------------- Session::Impl

Session::Impl::Impl(Session& self_in, Database::Impl& database_in)
    : self(self_in),
      database(database_in),
      id(database_in.nextSessionId()),
      control(&database_in.settings()),
      settings(database_in.settings()),
      facts(database_in.env()),
      fence(database_in),
      watched(database_in),
      messages(*this),
      block(*this),
      waiter(self_in),
      kv(*this),
      sql(*this),
      exec(*this) {
  database.addSession(*this);
}

// What others may still look at it for ends before it is taken out of their sight.
Session::Impl::~Impl() {
  if (waiter.waits()) {
    waiter.end(WaitEnd::kGone);
    while (!waiter.isOver()) {
      std::this_thread::yield();  // it is being served
    }
    waiter.reset();
  }
  watched.clear();
  block.abandon();
  messages.stopTracking();
  database.noteClientMemory(facts.setBuffers({}));
  database.removeSession(id);
}

void Session::Impl::reset() {
  queue.discard();
  watched.clear();
  block.abandon();
  messages.staged.clear();
  messages.setReplyMode(ReplyMode::kOn);
  messages.stopTracking();
  db = 0;
  protocol = 2;
  describes_answers = false;
  notes_uses = true;
  facts.may_be_evicted = true;
  settings.reset();
  const std::lock_guard lock(database.sessionsMutex());
  facts.name.clear();
}

std::size_t Session::Impl::memory() const {
  const Buffers buffers = facts.buffers();
  return sizeof(Session::Impl) + buffers.input_capacity + buffers.output_capacity + queue.memory();
}

void Session::Impl::kill() {
  if (facts.on_kill) {
    control.stop(StatementControl::Stop::kKilled);
    facts.on_kill();
  } else {
    control.stop(StatementControl::Stop::kUserRequest);  // an embedded program's: it decides about its sessions
  }
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

BatchOutcome Session::executeBatch(std::span<const Statement> statements, Reply& reply) {
  return impl_->executeBatch(statements, reply);
}

Lsn Session::fence() const {
  return impl_->fence.latest();
}

Status Session::awaitFence() {
  aof::Log* log = impl_->database.manager().log();
  const Lsn awaited = impl_->fence.takeAwaited();
  return log == nullptr ? Status() : log->waitReached(awaited);
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
  impl_->block.endIdle();
}

bool Session::inTransaction() const {
  return impl_->block.isOpen() || impl_->queue.isOpen();
}

Database& Session::database() {
  return impl_->database.self;
}

void Session::setAddress(std::string address, std::string local_address) {
  const std::lock_guard lock(impl_->database.sessionsMutex());
  impl_->facts.address = std::move(address);
  impl_->facts.local_address = std::move(local_address);
}

void Session::setBuffers(const Buffers& held) {
  impl_->database.noteClientMemory(impl_->facts.setBuffers(held));
}

void Session::onKill(std::function<void()> callback) {
  const std::lock_guard lock(impl_->database.sessionsMutex());
  impl_->facts.on_kill = std::move(callback);
}

// --- Messages -----------------------------------------------------------------------------------------------------------------

Result<MessagePointer> Session::takeMessage() {
  return impl_->messages.take();
}

Result<MessagePointer> Session::awaitMessage(std::chrono::steady_clock::time_point deadline) {
  return impl_->messages.await(deadline);
}

void Session::onMessages(std::function<void()> callback, MessageWay way) {
  impl_->messages.onReady(std::move(callback), way);
}

std::size_t Session::takeMessages(std::vector<Outbox::Item>& into, std::size_t most_bytes) {
  impl_->messages.outbox->take(into, most_bytes);
  return impl_->messages.outbox->count();
}

Session::MessageFigures Session::messageFigures() const {
  return {impl_->messages.outbox->bytes(), impl_->messages.clientClass()};
}

bool Session::isListening() const {
  return impl_->messages.isSubscriber() || impl_->messages.isMonitor() || impl_->messages.hasFeed();
}

bool Session::lostMessages() {
  return impl_->messages.outbox->takeOverflow();
}

}  // namespace trefoil
