// Session: one client's conversation with the database. Every front end (RESP, shell, script, embedded program) has one and hands
// it statements; it alone decides how they run: autocommit, inside BEGIN, queued by MULTI, on this thread or on a worker.
//
// Thread safety: none but cancel()'s and endWait()'s; a session is used by one thread at a time (it may move between threads).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/client_limits.hpp"
#include "base/statement_control.hpp"
#include "base/status.hpp"
#include "base/types.hpp"
#include "engine/message.hpp"
#include "engine/outbox.hpp"
#include "engine/reply.hpp"
#include "engine/result_set.hpp"
#include "engine/slow_lane.hpp"
#include "engine/statement.hpp"
#include "engine/wait.hpp"

namespace trefoil {

class Database;
class PreparedStatement;

// How a session's messages reach who listens.
enum class MessageWay : std::uint8_t {
  kApart,         // taken with takeMessage(): an embedded program's
  kAmongAnswers,  // in one stream with the answers: execute() pushes those that have come until then (Reply::message), and in
                  // RESP2, where a client could not tell them from answers, refuses what subscribers may not say
};

// How far Session::executeBatch() has come.
struct BatchOutcome {
  std::size_t answered = 0;
  std::optional<SlowLane> lane;  // for the statement behind them; nothing: its turn was over, and it may go on later, or it waits
  std::int64_t query_us = 0;     // went into queries, other than those of one row by its key
};

class Session {
 public:
  ~Session();  // an open transaction rolls back
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs one statement to its end on this thread and pushes exactly one answer, which must not leave before the log has reached
  // fence(); see awaitFence().
  void execute(const Statement& statement, Reply& reply);

  // The same, but it does not keep this thread while the statement waits (see below).
  void executeOrWait(const Statement& statement, Reply& reply);

  // Network front ends: runs the statements of a pipelined burst in order and stops before the first one that belongs to the slow
  // lane (a scan, KEYS, a large import …), after one that closes the connection, when reply.full(), or when queries have taken a
  // millisecond. The caller hands a slow one to Database::submit() and goes on with the rest when that is done.
  BatchOutcome executeBatch(std::span<const Statement> statements, Reply& reply);

  // A statement may have to wait, for somebody to put something under a key (BLPOP), or for the end of a CLIENT PAUSE, and keeps
  // no thread meanwhile. execute() waits by itself. executeOrWait() returns with nothing pushed, and executeBatch() stops before
  // it:
  //   waits() ─ onWaitOver(): `wake` will be called once, by any thread, perhaps at once ─ nothing else but endWait() until then
  //   ─ finishWait() pushes the answer, or says false: the statement, which has not begun, is to be executed now.
  [[nodiscard]] bool waits() const;
  [[nodiscard]] bool isPostponed() const;           // by CLIENT PAUSE
  [[nodiscard]] std::int64_t waitDeadline() const;  // Env::monotonicMicros(): then endWait() is to be called; INT64_MAX: never
  void onWaitOver(std::function<void()> wake);
  // Ends it, if it is not over already. From any thread.
  bool endWait(WaitEnd how);
  bool finishWait(Reply& reply);

  // What the last execute(), executeBatch() or finishWait() pushed may leave once Database::reachedLsn() >= fence(): what it
  // acknowledges is in the log's file then, and under appendfsync always it reveals nothing that is not on disk. 0: at once.
  [[nodiscard]] Lsn fence() const;
  // Blocks until then, for all calls since the last one of this; kUnknownOutcome if the disk failed first. For front ends with a
  // thread of their own.
  Status awaitFence();

  // The embedded API: one SQL statement, its rows as column chunks. Waits for the fence. Commands go through execute() above,
  // with a ReplyTree (reply_tree.hpp) to collect the answer.
  Result<ResultSet> execute(std::string_view sql, std::span<const Datum> parameters = {});
  // Parsed and bound once, run any number of times. Stays valid when the catalog changes (it is bound again).
  Result<std::unique_ptr<PreparedStatement>> prepare(std::string_view sql);

  // Messages: what the session hears without asking for it just then, because it has subscribed (SUBSCRIBE …) or monitors
  // (MONITOR). They wait for it in the order in which they came, within client-output-buffer-limit.
  //
  //   session->execute({.args = {{"SUBSCRIBE", "news"}}}, reply);
  //   while (auto message = session->awaitMessage(deadline); message.ok() && *message != nullptr) …
  //
  // The next one, when the log has reached its fence, for which this waits; null: there is none. kLimit, once: they were not
  // taken in time, and those that waited are lost.
  Result<MessagePointer> takeMessage();
  // The same, and waits for one to come; null: none came until the deadline.
  Result<MessagePointer> awaitMessage(std::chrono::steady_clock::time_point deadline);
  // `callback` is called when there are messages, once until all are taken; from any thread, until the session is gone; must only
  // signal. Before the first statement.
  void onMessages(std::function<void()> callback, MessageWay way = MessageWay::kApart);

  // Network front ends: moves messages behind those in `into` until they are `most_bytes` or more, but at least one. Returns how
  // many are left.
  std::size_t takeMessages(std::vector<Outbox::Item>& into, std::size_t most_bytes);
  // Whether it has subscribed or monitors: it may be silent for as long as it likes.
  [[nodiscard]] bool isListening() const;
  // Whether messages were dropped because the client took them too slowly, since this was asked.
  bool lostMessages();
  // Bytes of messages that wait, and the class of the client's limits.
  struct MessageFigures {
    std::size_t bytes = 0;
    ClientClass client_class = ClientClass::kNormal;
  };
  [[nodiscard]] MessageFigures messageFigures() const;

  // Asks the statement that runs now to end with kCancelled. From any thread, and from a signal handler.
  void cancel(StatementControl::Stop reason = StatementControl::Stop::kUserRequest);

  // What front ends ask.
  [[nodiscard]] std::uint64_t id() const;
  [[nodiscard]] int protocol() const;           // 2 or 3, as HELLO chose
  [[nodiscard]] bool describesAnswers() const;  // CLIENT ATTRIBUTES ON: see net/resp_writer.hpp
  [[nodiscard]] bool wantsClose() const;        // QUIT was answered
  // Between two statements, by whoever calls execute(): rolls back a transaction (BEGIN) that has been idle for the setting
  // idle-in-transaction-session-timeout. The next statement is told so.
  void endIdleTransaction();
  [[nodiscard]] bool inTransaction() const;  // inside BEGIN or MULTI: the shell's prompt shows it
  [[nodiscard]] Database& database();
  // Who this is, for CLIENT LIST: "127.0.0.1:53412", and where it has connected to.
  void setAddress(std::string address, std::string local_address = {});
  // What its connection holds in buffers: bytes that wait, and what the buffers take. By whoever calls execute(), when it
  // changes.
  struct Buffers {
    std::size_t input = 0;
    std::size_t input_capacity = 0;
    std::size_t output = 0;
    std::size_t output_capacity = 0;
  };
  void setBuffers(const Buffers& buffers);
  // `callback` closes the connection: somebody has killed the session. From any thread, until the session is gone; must only
  // signal.
  void onKill(std::function<void()> callback);

  class Impl;  // engine's own; see session_impl.hpp
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  friend class Database;
  explicit Session(Database& database);
  std::unique_ptr<Impl> impl_;
};

// A statement that was parsed and bound once. Belongs to its session, which must outlive it.
class PreparedStatement {
 public:
  ~PreparedStatement();
  // Runs it; the rows replace what `result` held (its memory is used again, so a repeated point query allocates nothing). Waits
  // for the fence.
  Status execute(std::span<const Datum> parameters, ResultSet& result);
  [[nodiscard]] std::size_t parameterCount() const;

  class Impl;
  PreparedStatement(std::unique_ptr<Impl> impl, Session& session);

 private:
  Session& session_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trefoil
