#include "net/event_loop.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <utility>

#include "base/env.hpp"
#include "base/logging.hpp"
#include "engine/database.hpp"
#include "net/acceptor.hpp"
#include "net/connection.hpp"
#include "net/server.hpp"

namespace trefoil::net {
namespace {

constexpr int kEvents = 256;
constexpr std::size_t kIdleBuffers = kMostUnsent;
constexpr int kStopTickMs = 100;
constexpr int kTickMs = 1000;
// Queries of so many microseconds in a round are worth looking for the next ones so long.
constexpr std::int64_t kCostlyUs = 3;
constexpr std::int64_t kLookUs = 100;
// Who takes the processor for so long when it is offered, and is not many clients, does not get it again for a while.
constexpr std::int64_t kLongYieldUs = 500;
constexpr int kManyEvents = 4;
constexpr std::int64_t kYieldPauseUs = 50'000;
// How long a stopping loop tries to get rid of answers that clients do not fetch.
constexpr std::int64_t kStopPatienceUs = 5'000'000;

Error systemError(const char* what) {
  return Error(ErrorCode::kIo, std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

EventLoop::EventLoop(Server& server) : server_(server) {}

Result<std::unique_ptr<EventLoop>> EventLoop::create(Server& server) {
  std::unique_ptr<EventLoop> loop(new EventLoop(server));
  loop->epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  loop->event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (loop->epoll_ < 0 || loop->event_ < 0) {
    return systemError("cannot create an event loop");
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // edge-triggered: every write wakes, and nobody needs to read the counter
  event.data.ptr = &loop->event_;
  if (::epoll_ctl(loop->epoll_, EPOLL_CTL_ADD, loop->event_, &event) < 0) {
    return systemError("cannot create an event loop");
  }
  return loop;
}

EventLoop::~EventLoop() {
  TREFOIL_ASSERT(connections_.empty());
  acceptor_.reset();
  ::close(event_);
  ::close(epoll_);
}

Database& EventLoop::database() const {
  return server_.database_;
}
const Settings& EventLoop::settings() const {
  return server_.database_.settings();
}

void EventLoop::becomeAcceptor() {
  acceptor_ = std::make_unique<Acceptor>(server_);
}

Status EventLoop::registerListeners(std::span<const Listener> listeners) {
  for (const Listener& listener : listeners) {
    epoll_event event{};
    event.events = EPOLLIN;  // level-triggered: what one round leaves is reported again
    event.data.ptr = acceptor_.get();
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener.socket(), &event) < 0) {
      return systemError("cannot listen");
    }
  }
  return {};
}

void EventLoop::listen(Door door, std::vector<Listener> listeners) {
  acceptor_->replace(door, std::move(listeners));
}

void EventLoop::run() {
  epoll_event events[kEvents];
  while (!stopping_ || !connections_.empty()) {
    const bool ticking = !watched_.empty() || settings().integer(Setting::kTimeout) > 0 ||
                         settings().integer(Setting::kIdleTransactionTimeout) > 0;
    const bool more = !ready_.empty() || next_speaker_ < speakers_.size() || (!fenced_.empty() && !held_up_);
    const int timeout = untilTimer(more ? 0 : stopping_ ? kStopTickMs : ticking ? kTickMs : -1);
    if (std::exchange(gathering_, false)) {
      ::sched_yield();  // to those whose commits we are waiting for
    }
    const int count = awaitEvents(events, timeout);
    for (int i = 0; i < count; ++i) {
      void* const target = events[i].data.ptr;
      if (target == &event_) {
        handleMail();
      } else if (target == acceptor_.get()) {
        acceptor_->accept();
      } else {
        static_cast<Connection*>(target)->onEvents(events[i].events);
      }
    }
    fireTimers();
    serveReady();
    serveSpeakers();
    sendUnsent();
    serveFenced();
    sendUnsent();
    if (ticking) {
      tick();
    }
    if (stopping_ && server_.database_.env().monotonicMicros() > stop_deadline_us_) {
      for (Connection* connection : connections_) {
        connection->die();
      }
    }
    burySome();
  }
}

// Milliseconds, up.
int EventLoop::untilTimer(int timeout) {
  if (timers_.empty()) {
    return timeout;
  }
  constexpr std::int64_t kMost = INT_MAX - 1;
  const std::int64_t left_us = timers_.begin()->first - server_.database_.env().monotonicMicros();
  const int left = left_us <= 0 ? 0 : static_cast<int>(std::min(left_us / 1000 + 1, kMost));
  return timeout < 0 ? left : std::min(timeout, left);
}

void EventLoop::fireTimers() {
  if (timers_.empty()) {
    return;
  }
  const std::int64_t now_us = server_.database_.env().monotonicMicros();
  while (!timers_.empty() && timers_.begin()->first <= now_us) {
    Connection& connection = *timers_.begin()->second;
    setTimer(connection, INT64_MAX);
    connection.onTimer();
  }
}

void EventLoop::setTimer(Connection& connection, std::int64_t at_us) {
  if (connection.timer_us != 0) {
    timers_.erase({connection.timer_us, &connection});
  }
  connection.timer_us = at_us == INT64_MAX ? 0 : at_us;
  if (connection.timer_us != 0) {
    timers_.insert({connection.timer_us, &connection});
  }
}

int EventLoop::awaitEvents(std::span<epoll_event> events, int timeout) {
  const auto poll = [&](int milliseconds) {
    return ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), milliseconds);
  };
  const std::int64_t query_us = std::exchange(query_us_, 0);
  if (timeout == 0) {
    return poll(0);
  }
  Env& env = server_.database_.env();
  const std::int64_t begin = env.monotonicMicros();
  if (query_us < kCostlyUs) {
    if (begin < yield_again_at_ || !fenced_.empty()) {
      return poll(timeout);
    }
    ::sched_yield();
    const std::int64_t end = env.monotonicMicros();
    const int count = poll(timeout);
    if (end - begin >= kLongYieldUs && count < kManyEvents) {
      yield_again_at_ = end + kYieldPauseUs;
    }
    return count;
  }
  const auto is_short = [&] { return env.monotonicMicros() - begin < kLookUs; };
  while (waits_are_short_ && is_short()) {
    if (const int count = poll(0); count != 0) {
      return count;
    }
    ::sched_yield();  // to the client, if it shares this processor
  }
  const int count = poll(timeout);
  waits_are_short_ = is_short();
  return count;
}

ByteBuffer EventLoop::lendBuffer() {
  ByteBuffer buffer;
  if (!buffers_.empty()) {
    buffer = std::move(buffers_.back());
    buffers_.pop_back();
  } else {
    buffer.reserve(kReadBytes);
  }
  return buffer;
}

void EventLoop::returnBuffer(ByteBuffer& buffer) {
  TREFOIL_DEBUG_ASSERT(buffer.empty());
  if (buffer.capacity() == kReadBytes && buffers_.size() < kIdleBuffers) {
    buffers_.push_back(std::move(buffer));
    buffer = ByteBuffer();
    return;
  }
  if (buffer.capacity() >= kHugeBuffer) {
    const auto huge = std::make_shared<ByteBuffer>();
    huge->swap(buffer);
    if (database().submit([huge] { huge->release(); }, SlowLane::kSystem).ok()) {
      return;
    }
    buffer.swap(*huge);  // the workers are busy
  }
  buffer.release();
}

void EventLoop::serveAgain(Connection& connection) {
  if (!connection.in_ready_list) {
    connection.in_ready_list = true;
    ready_.push_back(&connection);
  }
}

void EventLoop::sendSoon(Connection& connection) {
  if (unsent_.size() == kMostUnsent) {
    sendUnsent();
  }
  unsent_.push_back(&connection);
}

void EventLoop::sendUnsent() {
  for (std::size_t i = 0; i < unsent_.size(); ++i) {  // to serve one may add others
    if (!unsent_[i]->dead()) {
      unsent_[i]->serve();
    }
  }
  unsent_.clear();
}

void EventLoop::serveReady() {
  serving_.swap(ready_);
  for (Connection* connection : serving_) {
    connection->in_ready_list = false;
    if (!connection->dead()) {
      connection->serve();
    }
  }
  serving_.clear();
}

void EventLoop::serveSpeakers() {
  for (std::size_t i = 0; i < kSpeakersPerRound && next_speaker_ < speakers_.size(); ++i) {
    if (const auto found = by_session_.find(speakers_[next_speaker_++]); found != by_session_.end()) {
      found->second->onMessages();
    }
  }
  if (next_speaker_ >= speakers_.size() / 2) {
    speakers_.erase(speakers_.begin(), speakers_.begin() + static_cast<std::ptrdiff_t>(next_speaker_));
    next_speaker_ = 0;
  }
}

void EventLoop::awaitLog(Connection& connection, Lsn fence) {
  fence_ = std::max(fence_, fence);
  if (!connection.in_fenced_list) {
    connection.in_fenced_list = true;
    fenced_.push_back(&connection);
  }
}

// The end of a round: brings the log up to all answers of the round, and sends them.
void EventLoop::serveFenced() {
  if (fenced_.empty()) {
    return;
  }
  Database& database = server_.database_;
  if (waiting_for_log_.load(std::memory_order_relaxed) != 0) {
    waiting_for_log_.exchange(0, std::memory_order_acq_rel);
  }
  Reach outcome = database.reach(fence_);
  if (outcome == Reach::kTold) {
    waiting_for_log_.exchange(1, std::memory_order_acq_rel);
    outcome = database.reach(fence_);  // the way may have become free before anybody knew that we wait
  }
  held_up_ = outcome == Reach::kTold;
  gathering_ = outcome == Reach::kGather;
  const Lsn reached = database.reachedLsn();
  if (outcome == Reach::kGather && reached == served_up_to_) {
    return;  // nobody's turn yet; the next round asks again
  }
  served_up_to_ = reached;
  fence_ = 0;
  serving_.swap(fenced_);
  for (Connection* connection : serving_) {
    connection->in_fenced_list = false;
    if (!connection->dead()) {
      connection->serve();
    }
  }
  serving_.clear();
}

// Whoever leaves mail wakes the loop before letting go of the mutex: the loop may end, and be destroyed, as soon as it has the
// mail.
void EventLoop::adopt(NewClient client) {
  const std::lock_guard lock(mail_mutex_);
  new_clients_.push_back(std::move(client));
  load_.fetch_add(1, std::memory_order_relaxed);
  wake();
}

void EventLoop::finished(Connection* connection) {
  const std::lock_guard lock(mail_mutex_);
  finished_.push_back(connection);
  wake();
}

void EventLoop::waiting(Connection* connection) {
  const std::lock_guard lock(mail_mutex_);
  waiting_.push_back(connection);
  wake();
}

// Called for each of the many that a message may go to.
void EventLoop::hasMessages(std::uint64_t session) {
  const std::lock_guard lock(mail_mutex_);
  new_speakers_.push_back(session);
  if (!woken_.load(std::memory_order_relaxed)) {  // it has not been woken since it last had the mutex
    wake();
  }
}

void EventLoop::kill(std::uint64_t session) {
  const std::lock_guard lock(mail_mutex_);
  killed_.push_back(session);
  wake();
}

void EventLoop::logMoved() {
  // A read that also takes part in the variable's order of changes: if it misses the loop's mark, the loop, which marked later,
  // sees where the log was before this.
  if (waiting_for_log_.fetch_or(0, std::memory_order_acq_rel) != 0) {
    wake();
  }
}

void EventLoop::stop() {
  const std::lock_guard lock(mail_mutex_);
  stop_requested_ = true;
  wake();
}

void EventLoop::wake() {
  if (!woken_.exchange(true, std::memory_order_acq_rel)) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t wrote = ::write(event_, &one, sizeof one);
  }
}

void EventLoop::handleMail() {
  woken_.store(false, std::memory_order_seq_cst);
  std::vector<NewClient> clients;
  std::vector<Connection*> finished;
  std::vector<Connection*> waiting;
  std::vector<std::uint64_t> killed;
  bool stop = false;
  {
    const std::lock_guard lock(mail_mutex_);
    clients.swap(new_clients_);
    finished.swap(finished_);
    waiting.swap(waiting_);
    killed.swap(killed_);
    speakers_.insert(speakers_.end(), new_speakers_.begin(), new_speakers_.end());
    new_speakers_.clear();
    stop = stop_requested_;
  }
  for (NewClient& client : clients) {
    add(std::move(client));
  }
  for (Connection* connection : waiting) {
    connection->awaitSession();
  }
  for (Connection* connection : finished) {
    connection->onSlowDone();
  }
  for (const std::uint64_t session : killed) {
    if (const auto found = by_session_.find(session); found != by_session_.end()) {
      found->second->die();
    }
  }
  if (stop && !stopping_) {
    beginStop();
  }
}

void EventLoop::add(NewClient client) {
  const int socket = client.channel->socket();
  const bool hurries = client.protocol->patience_s != 0;
  std::unique_ptr<Connection> connection;
  try {
    std::unique_ptr<Session> session = server_.database_.connect();
    session->setAddress(std::move(client.address), std::move(client.local_address));
    session->onKill([this, id = session->id()] { kill(id); });
    if (client.protocol->has_messages) {
      session->onMessages([this, id = session->id()] { hasMessages(id); }, MessageWay::kAmongAnswers);
    }
    connections_.reserve(std::bit_ceil(connections_.size() + 1));
    {
      // Telling of messages must not fail: a session does it once until it is served, and once more if it is to be closed.
      const std::lock_guard lock(mail_mutex_);
      new_speakers_.reserve(2 * connections_.capacity());
    }
    connection = std::make_unique<Connection>(*this, std::move(client), std::move(session));
    by_session_.emplace(connection->sessionId(), connection.get());
  } catch (const std::bad_alloc&) {
    logWarning("a new connection is closed: there is no memory for it");
    load_.fetch_sub(1, std::memory_order_relaxed);
    server_.connections_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = connection.get();
  if (stopping_ || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) < 0) {
    by_session_.erase(connection->sessionId());
    load_.fetch_sub(1, std::memory_order_relaxed);
    server_.connections_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  if (hurries) {
    watch(*connection);
  }
  connection->index = connections_.size();
  connections_.push_back(connection.release());
}

void EventLoop::bury(Connection& connection) {
  dead_.push_back(&connection);
}

// Connections are deleted only between rounds, when no list and no epoll event can name them any more.
void EventLoop::burySome() {
  while (!dead_.empty()) {
    Connection* const connection = dead_.back();
    dead_.pop_back();
    std::erase(ready_, connection);
    std::erase(fenced_, connection);
    std::erase(watched_, connection);
    connections_.back()->index = connection->index;
    connections_[connection->index] = connections_.back();
    connections_.pop_back();
    by_session_.erase(connection->sessionId());
    delete connection;
    load_.fetch_sub(1, std::memory_order_relaxed);
    server_.connections_.fetch_sub(1, std::memory_order_relaxed);
  }
}

void EventLoop::watch(Connection& connection) {
  if (!connection.is_watched) {
    connection.is_watched = true;
    watched_.push_back(&connection);
  }
}

// About once a second, if there is a reason: looks after clients that do not read or have hung up, and closes idle ones if the
// setting `timeout` says so; ends idle transactions.
void EventLoop::tick() {
  const std::int64_t now = server_.database_.env().monotonicMicros();
  if (now < next_tick_us_) {
    return;
  }
  next_tick_us_ = now + std::int64_t{kTickMs} * 1000;
  std::erase_if(watched_, [](Connection* connection) {
    connection->is_watched = connection->onTick();
    return !connection->is_watched;
  });
  if (settings().integer(Setting::kIdleTransactionTimeout) > 0) {
    for (Connection* connection : connections_) {
      connection->endIdleTransaction();
    }
  }
  if (const std::int64_t limit = settings().integer(Setting::kTimeout); limit > 0) {
    for (Connection* connection : connections_) {
      if (connection->idleTicks() >= limit) {
        connection->die();
      }
    }
  }
}

void EventLoop::beginStop() {
  stopping_ = true;
  stop_deadline_us_ = server_.database_.env().monotonicMicros() + kStopPatienceUs;
  if (acceptor_ != nullptr) {
    acceptor_->stop();  // it stays: an event of this round may name it
  }
  for (Connection* connection : connections_) {
    connection->beginStop();
  }
}

}  // namespace trefoil::net
