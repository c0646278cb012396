// The house of a session: a door with three ways in, and rooms behind it. For engine's own files and the command handlers only.
//
//   execute(), executeBatch() (execution.cpp); statements of embedded programs (prepared_statement.cpp), each within a Call
//     ├─ for an event loop: laneOf(), which statements it does not run itself   lanes.cpp
//     ├─ SQL text, or bare words that are SQL ──▶ sql                           SqlRunner
//     └─ a command of the table
//          ├─ inside MULTI ──▶ queue; EXEC ──▶ exec                             MultiQueue, ExecRunner
//          ├─ kSession: the handler, without locks                              commands/{connection,server,transactions}.cpp
//          └─ keys ──▶ kv; or it waits                                          KvRunner, waiting.cpp
//
// Beside the runners are rooms that know nothing of them: facts (what others see of the client), fence (what answers wait for),
// watched, queue; and block (BEGIN … COMMIT) and messages (what it hears and says besides its answers), which know the session.
// Each room owns its state; the rest of it is here.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/answer_fence.hpp"
#include "engine/client_facts.hpp"
#include "engine/command_meta.hpp"
#include "engine/database.hpp"
#include "engine/database_impl.hpp"
#include "engine/exec_runner.hpp"
#include "engine/kv_runner.hpp"
#include "engine/latencies.hpp"
#include "engine/multi_queue.hpp"
#include "engine/session.hpp"
#include "engine/session_messages.hpp"
#include "engine/session_settings.hpp"
#include "engine/sql_runner.hpp"
#include "engine/statement.hpp"
#include "engine/transaction_block.hpp"
#include "engine/waiter.hpp"
#include "engine/watched_keys.hpp"
#include "txn/commit_order.hpp"

namespace trefoil {

class Session::Impl {
 public:
  Impl(Session& self, Database::Impl& database);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  class Call;

  void execute(const Statement& statement, Reply& reply);
  BatchOutcome executeBatch(std::span<const Statement> statements, Reply& reply);
  // Of an embedded program (prepared_statement.cpp).
  Result<SqlOutcome> executeEmbedded(std::string_view text, std::span<const Datum> parameters, ResultSet& result);

  // --- For rooms and handlers -----------------------------------------------------------------------------------------------
  static CommandGroup groupOf(int command) {
    return command < 0 ? CommandGroup::kSql : kCommands[static_cast<std::size_t>(command)].group;
  }
  // Whether a unit of work may begin: a command, a statement of SQL, EXEC's queue, COMMIT. `needs` is of kDenyOom (memory) and
  // kWrite (a log that takes writes); for what a unit is made of nobody asks again, so that none half runs.
  // Inside a block nothing is evicted for it (memory_limit.cpp).
  Status admit(std::uint32_t needs, bool in_block);
  // Calls the handler of a kSession command.
  Status callSessionHandler(int command, std::span<const std::string_view> args, Reply& reply,
                            std::optional<Wait>* wait = nullptr);
  // The error of a statement that ran; what it answered otherwise is pushed already.
  void answer(const Status& status, Reply& reply) {
    if (!status.ok()) [[unlikely]] {
      answerError(status.error(), reply);
    }
  }
  // A statement of SQL has ended so; with its plan or, if it is the engine's own, itself (neither if it failed before).
  void noteSqlAnswer(const sql::Plan* plan, const parser::ParsedStatement* own, const Status& status);
  // The command waits from now on: for keys, or for something else than that.
  void beginWait(const Wait& wait, int command, std::span<const std::string_view> args);
  // MULTI, WATCH and what ends them.
  Status beginMulti();
  Status watch(std::span<const std::string_view> keys);
  void unwatch();
  // RESET.
  void reset();

  // --- For the door ---------------------------------------------------------------------------------------------------------
  // waiter.waits() says whether the statement that execute() or executeBatch() has run last does (waiting.cpp).
  bool finishWait(Reply& reply);
  void awaitWaiter();
  // Ends what runs, and the connection if it has one. With database.sessionsMutex().
  void kill();
  // What it takes: itself, its buffers, what MULTI has queued. With database.sessionsMutex().
  [[nodiscard]] std::size_t memory() const;

  Session& self;
  Database::Impl& database;
  const std::uint64_t id;

  // The running statement.
  StatementControl control;  // whether it must end
  UnixMs now;                // its one clock reading

  // What the client has chosen; db and protocol are read by others, too.
  std::atomic<int> db = 0;
  std::atomic<int> protocol = 2;
  SessionSettings settings;
  bool describes_answers = false;  // CLIENT ATTRIBUTES
  bool notes_uses = true;          // CLIENT NO-TOUCH OFF
  bool wants_close = false;        // QUIT

  ClientFacts facts;
  AnswerFence fence;
  WatchedKeys watched;
  MultiQueue queue;
  SessionMessages messages;
  TransactionBlock block;
  Waiter waiter;  // of the statement that waits, if one does
  KvRunner kv;
  SqlRunner sql;
  ExecRunner exec;

 private:
  // The index of the command in the table, or -1 for SQL, as a text or as bare words, and for words that nobody knows.
  static int commandOf(const Statement& statement);
  void executeNow(const Statement& statement, int command, Reply& reply) {
    if (messages.areNone()) [[likely]] {
      executeGuarded(statement, command, reply);
    } else {
      executeAttentively(statement, command, reply);
    }
  }
  void executeAttentively(const Statement& statement, int command, Reply& reply);
  void executeGuarded(const Statement& statement, int command, Reply& reply);
  void executeUnguarded(const Statement& statement, int command, Reply::Mark mark, Reply& reply);
  void executeCommand(const Statement& statement, int command, Reply::Mark mark, Reply& reply);
  Status callCommand(int command, std::span<const std::string_view> args, Reply::Mark mark, Reply& reply);
  void executeWords(std::span<const std::string_view> words, Reply& reply);
  void queueStatement(const Statement& statement, int command, Reply& reply);
  void endOutOfMemory(const std::exception& failure, bool in_transaction, Reply& reply);
  void refuseUnknown(std::span<const std::string_view> args, Reply& reply);
  void refuse(const Error& error, Reply& reply);
  void answerError(const Error& error, Reply& reply);
  void noteAnswer(const Statement& statement, int command);
  void lookAhead(std::span<const Statement> window, std::span<int> commands);

  // lanes.cpp
  LaneChoice laneOf(const Statement& statement, int command) {
    constexpr std::uint32_t kDepends = kSqlText | kSqlShorthand | kSlowLane | kAtOnce;
    const bool is_plain = command >= 0 && (kCommands[static_cast<std::size_t>(command)].flags & kDepends) == 0;
    if (is_plain && !queue.isOpen()) [[likely]] {
      return {.lane = SlowLane::kSystem, .is_slow = KvRunner::isLong(statement.args)};
    }
    return laneOfOther(statement, command);
  }
  LaneChoice laneOfOther(const Statement& statement, int command);

  // waiting.cpp
  bool postpones(const Statement& statement, int command);
  bool mayWrite(const Statement& statement, int command);

  bool refused_arguments_ = false;  // of the running statement
};

// What the ways in have in common: a call reads the clock, looks for messages, and says whose commits are made meanwhile; behind
// it stands what its answers wait for, and how long it took.
class Session::Impl::Call {
 public:
  explicit Call(Impl& session) : session_(session), begin_us_(session.database.env().nowMicros()), author_(session.id) {
    session.now = UnixMs{begin_us_ / 1000};
    session.facts.hear(session.now.value);
    session.messages.look();
  }
  ~Call() {
    session_.fence.close();
    if (latest_) {
      Latencies::note(*latest_, session_.database.env().nowMicros() - begin_us_);
    }
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // A statement has been answered.
  void count(CommandGroup group) {
    session_.facts.count(group);
    latest_ = group;
  }

 private:
  Impl& session_;
  const std::int64_t begin_us_;
  const txn::Author author_;
  std::optional<CommandGroup> latest_;
};

}  // namespace trefoil
