// One thread, one epoll instance, and the connections it owns.
//
// Sockets are registered once, edge-triggered for both directions, and never again: a connection remembers whether it may read or
// write, so a request costs epoll_wait, recv and send and no other system call. Whatever has more to do than its turn allows goes
// to the list of ready connections, which is served in the next round, when epoll is asked without waiting.
//
// Other threads reach a loop through its mailbox (new clients, finished slow statements, sessions that have messages, "stop") and
// one eventfd, which is written only if the loop has not been woken already: a message to all of a loop's clients wakes it once.
// Of those that have messages some are served in each round (kSpeakersPerRound), so that nobody else waits for all of them.
//
// A round: what epoll reports is read and run, and then the loop brings the log up to where all the answers are acknowledged (one
// write for the round, under appendfsync always one sync), and sends them. What waits for no log is sent a few connections at a
// time (kMostUnsent): a client with many connections that is woken by the first answer finds the others, too. Only while the disk
// refuses do answers wait longer; then the log wakes the loop when it has moved.
//
// A client that asks for something that takes its time is mostly one that waits for the answer and asks again. To sleep and to be
// woken costs two switches and, on another processor, an interrupt: as much as a search by an index. So after a round of queries
// the loop looks for events a while before it sleeps, unless the last such wait was a long one. Rounds of cheap commands never do
// that: they come from many clients at once, and processor time is what they are about. There the loop only offers its processor
// once before it sleeps: if clients share it, they run and send, and the next round finds more of them, with nobody to be put to
// sleep and woken. (A client and two loops on two processors: a quarter less processor time a command.)
//
// Thread safety: adopt(), finished(), waiting(), hasMessages(), kill(), logMoved(), stop() and wake() from any thread; all else
// on the loop's own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.hpp"
#include "base/types.hpp"
#include "engine/outbox.hpp"
#include "net/batch.hpp"
#include "net/byte_buffer.hpp"
#include "net/limits.hpp"
#include "net/listener.hpp"
#include "net/new_client.hpp"

struct epoll_event;

namespace trefoil {
class Database;
class Settings;
}  // namespace trefoil

namespace trefoil::net {

class Acceptor;
class Connection;
class Server;

class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> create(Server& server);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // The thread's body: returns after stop(), when the last connection is gone.
  void run();
  // Makes this the loop that accepts connections. Before run().
  void becomeAcceptor();
  // Accepts on these instead of what there was of the door, from any thread. They have been registered before, which may fail.
  Status registerListeners(std::span<const Listener> listeners);
  void listen(Door door, std::vector<Listener> listeners);

  // Mailbox.
  void adopt(NewClient client);
  void finished(Connection* connection);  // its slow statement has run, or what it has waited for is over
  void waiting(Connection* connection);   // its slow statement has to wait
  void hasMessages(std::uint64_t session);
  void kill(std::uint64_t session);  // closes its connection
  void logMoved();
  void stop();
  // Has it look at the settings again.
  void wake();

  [[nodiscard]] std::size_t load() const { return load_.load(std::memory_order_relaxed); }

  // For the loop's connections.
  [[nodiscard]] Database& database() const;
  [[nodiscard]] const Settings& settings() const;
  [[nodiscard]] bool stopping() const { return stopping_; }
  Batch& batch() { return batch_; }
  // A buffer with room for kReadBytes, given back with returnBuffer().
  ByteBuffer lendBuffer();
  void returnBuffer(ByteBuffer& buffer);
  void serveAgain(Connection& connection);
  // It has short answers and nothing more to do just now: they are sent with those of other connections, in this round.
  void sendSoon(Connection& connection);
  // For the moment in which a connection puts messages into its output.
  std::vector<Outbox::Item>& messages() { return messages_; }
  // Its output leaves when the log has reached `fence`.
  void awaitLog(Connection& connection, Lsn fence);
  // Has its onTick() called.
  void watch(Connection& connection);
  // Has its onTimer() called at this time of the monotonic clock, INT64_MAX: never.
  void setTimer(Connection& connection, std::int64_t at_us);
  // So many microseconds of the round went into queries.
  void noteQueries(std::int64_t micros) { query_us_ += micros; }
  void bury(Connection& connection);

 private:
  explicit EventLoop(Server& server);
  int awaitEvents(std::span<epoll_event> events, int timeout);
  [[nodiscard]] int untilTimer(int timeout);
  void fireTimers();
  void handleMail();
  void add(NewClient client);
  void serveReady();
  void sendUnsent();
  void serveSpeakers();
  void serveFenced();
  void burySome();
  void beginStop();
  void tick();

  Server& server_;
  int epoll_ = -1;
  int event_ = -1;
  std::unique_ptr<Acceptor> acceptor_;

  Batch batch_;
  std::vector<ByteBuffer> buffers_;  // idle ones
  std::vector<Connection*> connections_;
  std::unordered_map<std::uint64_t, Connection*> by_session_;
  std::vector<Connection*> ready_;
  std::vector<Connection*> serving_;
  std::vector<Connection*> unsent_;
  std::vector<std::uint64_t> speakers_;  // sessions that have messages,
  std::size_t next_speaker_ = 0;         // from here on
  std::vector<Outbox::Item> messages_;
  std::vector<Connection*> fenced_;  // their output waits for the log,
  Lsn fence_ = 0;                    // which has to come up to here
  bool held_up_ = false;             // and cannot at present: we shall be told
  bool gathering_ = false;           // or not yet: others are about to join
  Lsn served_up_to_ = 0;             // where it was when we last looked at them
  std::int64_t query_us_ = 0;        // of this round
  bool waits_are_short_ = true;      // the last one after a round of queries was
  std::int64_t yield_again_at_ = 0;
  std::vector<Connection*> watched_;
  std::set<std::pair<std::int64_t, Connection*>> timers_;
  std::vector<Connection*> dead_;
  bool stopping_ = false;
  std::int64_t stop_deadline_us_ = 0;
  std::int64_t next_tick_us_ = 0;

  std::atomic<std::size_t> load_{0};
  std::atomic<int> waiting_for_log_{0};  // 1: held_up_
  std::atomic<bool> woken_{false};
  std::mutex mail_mutex_;
  std::vector<NewClient> new_clients_;
  std::vector<Connection*> finished_;
  std::vector<std::uint64_t> new_speakers_;
  std::vector<Connection*> waiting_;
  std::vector<std::uint64_t> killed_;
  bool stop_requested_ = false;
};

}  // namespace trefoil::net
