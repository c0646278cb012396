// What a session is made of. For engine's own files and the command handlers only.
//
//   execute(statement)
//     ├─ SQL text, or bare words that are SQL ──▶ sql_execution.cpp   shape cache ─ bind ─ live / snapshot / Transaction
//     └─ a command of the table
//          ├─ inside MULTI: queued                                    multi.cpp
//          ├─ kSession: the handler, without locks                    commands/{connection,server,transactions}.cpp
//          ├─ kBlocking: live, or it waits                            waiting.cpp
//          └─ keys: live under their locks, or in the Transaction     kv_execution.cpp
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/memory_account.hpp"
#include "engine/command_meta.hpp"
#include "engine/database.hpp"
#include "engine/database_impl.hpp"
#include "engine/kv_tables.hpp"
#include "engine/listening.hpp"
#include "engine/reply_tree.hpp"
#include "engine/session.hpp"
#include "engine/session_settings.hpp"
#include "engine/shape_cache.hpp"
#include "engine/staged_messages.hpp"
#include "engine/statement.hpp"
#include "engine/tracking.hpp"
#include "engine/waiter.hpp"
#include "kv/store.hpp"
#include "kv/view.hpp"
#include "parser/ast.hpp"
#include "sql/executor.hpp"
#include "sql/plan.hpp"
#include "sql/types.hpp"
#include "txn/transaction.hpp"

namespace trefoil {

class KeyFootprint;
class RowSink;

// A statement as the shape cache or the binder knows it; valid until the session resolves the next one.
struct ResolvedStatement {
  std::shared_ptr<const sql::Plan> plan;             // null for a statement of the engine itself:
  std::shared_ptr<parser::ParsedStatement> control;  // BEGIN, SET, SHOW, CHECKPOINT …
  std::span<const Datum> literals;                   // parameters behind the statement's own, if it was bound so
  std::span<const std::uint32_t> literal_positions;  // of each, in the statement's bytes
  std::uint64_t shape_hash = 0;
};

// How a statement of SQL ended: what is left to answer behind its rows.
struct SqlOutcome {
  enum class Kind : std::uint8_t { kRows, kAffected, kDone };
  Kind kind = Kind::kDone;
  std::string_view tag;       // "INSERT"; valid until the session resolves the next statement
  std::int64_t affected = 0;  // rows changed; for a query, rows answered
};

// What a command about the session or the server answered inside EXEC, and how it left the session.
struct SessionOutcome {
  std::optional<Error> error;
  ReplyTree answer;
  int db = 0;
  int protocol = 2;
  bool caching = false;  // CLIENT CACHING
};

// A statement that MULTI queued: it owns its bytes.
struct QueuedStatement {
  int command = -1;  // as Impl::commandOf() said
  std::vector<std::string> args;
  std::string sql;
  std::vector<Value> parameters;
  TableForm table_form = TableForm::kRowsOnly;
  std::optional<SessionOutcome> outcome;  // once it has run: it runs once, however often EXEC begins again
};

struct WatchedKey {
  int db;
  std::string key;
  std::uint64_t hash;
  bool may_expire;  // it had a deadline, not passed yet, when WATCH was called: passing it is a change

  bool operator==(const WatchedKey& other) const { return db == other.db && key == other.key; }
  struct Hash {
    std::size_t operator()(const WatchedKey& watched) const { return watched.hash; }
  };
};

enum class MultiState : std::uint8_t {
  kNone,
  kQueuing,
  kRefused,  // a queued command was in error: EXEC answers EXECABORT
};

// CLIENT REPLY.
enum class ReplyMode : std::uint8_t { kOn, kOff, kSkipNext, kSkipThis };

class Session::Impl {
 public:
  Impl(Session& self, Database::Impl& database);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  void execute(const Statement& statement, Reply& reply);
  std::size_t executeBatch(std::span<const Statement> statements, Reply& reply);

  // RESET.
  void reset();
  // What it is about, as others see it.
  enum class Activity : std::uint8_t { kIdle, kWaiting, kRunning };  // waiting: for a worker
  [[nodiscard]] std::string_view activityName() const;
  // How long that has been so.
  [[nodiscard]] std::int64_t activeMillis() const;
  // One line of CLIENT LIST. With database.sessionsMutex().
  [[nodiscard]] std::string describe() const;
  static CommandGroup groupOf(int command) {
    return command < 0 ? CommandGroup::kSql : kCommands[static_cast<std::size_t>(command)].group;
  }
  void countOperation(int command) {
    std::atomic<std::uint64_t>& count = operations[static_cast<std::size_t>(groupOf(command))];
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  // Where a command's look-ups are counted: of those that only read, for keyspace_hits and keyspace_misses.
  kv::View::Lookups* lookupsOf(const CommandMeta& meta) { return (meta.flags & kRead) != 0 ? &lookups : nullptr; }
  // Adds what it has run. From any thread.
  void addOperations(OperationCounts& counts) const;
  void addLookups(LookupCounts& counts) const {
    counts.missed += lookups.counts[0].load(std::memory_order_relaxed);
    counts.found += lookups.counts[1].load(std::memory_order_relaxed);
  }
  // What it takes: itself, its buffers, what MULTI has queued, messages. With database.sessionsMutex().
  [[nodiscard]] std::size_t memory() const;
  // Ends what runs, and the connection if it has one. With database.sessionsMutex().
  void kill();

  // MULTI / EXEC / WATCH (multi.cpp)
  Status beginMulti();
  Status executeMulti(Reply& reply);
  void discardMulti();
  Status watch(std::span<const std::string_view> keys);
  void unwatch();
  void endIdleTransaction();

  // Messages (session_messages.cpp)
  Status subscribe(Topic topic, std::span<const std::string_view> names, Reply& reply);
  Status unsubscribe(Topic topic, std::span<const std::string_view> names, Reply& reply);
  bool stopListening(Reply& reply);
  Status publish(Topic topic, std::string_view channel, std::string_view payload, Reply& reply);
  Status beginMonitor(Reply& reply);
  Status beginFeed(std::optional<std::string_view> from, FeedFilter filter, Reply& reply);
  Status stopFeed(Reply& reply);
  void setReplyMode(ReplyMode mode);
  [[nodiscard]] ReplyMode replyMode() const { return reply_mode_; }
  [[nodiscard]] bool isSubscriber() const;
  // It shares its stream with messages, and RESP2 has no way to tell them apart.
  [[nodiscard]] bool isRestrictedSubscriber() const;
  [[nodiscard]] bool messagesAmongAnswers() const { return messages_among_answers_; }
  void onMessages(std::function<void()> callback, MessageWay way);
  Result<MessagePointer> takeMessage();
  Result<MessagePointer> awaitMessage(std::chrono::steady_clock::time_point deadline);
  // Client-side caching (session_tracking.cpp)
  struct TrackingOptions {
    std::uint64_t redirect = 0;
    std::uint32_t flags = 0;  // ClientTracking::Flag
    std::vector<std::string_view> prefixes;
  };
  Status beginTracking(const TrackingOptions& options);
  void stopTracking();

  // Waiting (waiting.cpp). waiter.waits() says whether the statement that execute() or executeBatch() has run last does.
  bool finishWait(Reply& reply);
  void awaitWaiter();

  // SQL (sql_execution.cpp). Statements of the engine itself (BEGIN, SET …) resolve to `control`, all others to a plan.
  Result<const ResolvedStatement*> resolve(std::string_view text);
  // Runs one statement; its rows go to `sink`.
  Result<SqlOutcome> runSql(std::string_view text, std::span<const Datum> parameters, RowSink& sink);
  Result<std::span<const Datum>> parametersOf(const ResolvedStatement& resolved, std::span<const Datum> given);
  // Nothing: the plan is stale, bind again. `sink` may be null.
  Result<std::optional<sql::ExecSummary>> runPlan(const sql::Plan& plan, std::span<const Datum> parameters, RowSink* sink);
  Result<std::shared_ptr<const sql::Plan>> bindStatement(const parser::ParsedStatement& statement, bool literals_as_parameters);
  Status executeSqlCommand(std::span<const std::string_view> args, Reply& reply);
  // SEARCH (search.cpp): the query that it stands for; the vector is $1, k is $2.
  Result<std::string> searchStatement(std::span<const std::string_view> args);
  Status executeSearch(std::span<const std::string_view> args, Reply& reply);
  // DIGEST (digest.cpp)
  Status executeDigest(Reply& reply);
  // Statements that the engine runs itself; returns the command tag.
  static bool isControl(const ast::Statement& statement);
  Result<std::string_view> executeControl(const ast::Statement& statement, RowSink& sink);
  // What answers wait for (fence.cpp). After each commit; after each statement, with its plan or, if it is the engine's own,
  // itself (neither if it failed before) and how it ended; when all of a call's statements are answered.
  void noteCommit(Lsn end) { committed_ = std::max(committed_, end); }
  void noteResolvedAnswer(const Status& status) {
    noteSqlAnswer(resolved_.plan.get(), resolved_.control.get(), status);
    noteFence();
  }
  void noteSqlAnswer(const sql::Plan* plan, const parser::ParsedStatement* control, const Status& status);
  void noteFence();
  void forgetPlan();  // the resolved one

  Session& self;
  Database::Impl& database;
  const std::uint64_t id;
  bool wants_close = false;
  bool describes_answers = false;           // CLIENT ATTRIBUTES
  bool notes_uses = true;                   // CLIENT NO-TOUCH OFF
  std::atomic<bool> may_be_evicted = true;  // CLIENT NO-EVICT OFF
  SessionSettings settings;

  // What CLIENT LIST shows: only this session changes it, others read it meanwhile. Texts: with database.sessionsMutex().
  const std::int64_t connected_at_us;
  std::atomic<int> protocol = 2;
  std::atomic<int> db = 0;
  std::atomic<MultiState> multi = MultiState::kNone;
  std::atomic<std::size_t> queued_count = 0;
  std::atomic<const CommandMeta*> last_command = nullptr;
  std::array<std::atomic<std::uint64_t>, kGroupNames.size()> operations{};  // counted by its own thread alone
  std::array<std::atomic<std::size_t>, 4> buffer_bytes{};                   // Session::Buffers
  std::atomic<std::size_t> queued_memory = 0;
  kv::View::Lookups lookups;
  std::string name;
  std::string library_name;
  std::string library_version;
  std::string address;          // the client's
  std::string local_address;    // ours
  std::string shown_statement;  // the beginning of the one that waits or runs, if it is none of the event loops' short ones
  const std::shared_ptr<Outbox> outbox;
  std::unique_ptr<Listening> listening;  // null until it wants to hear something
  ClientTracking tracking;
  std::function<void()> on_kill;
  bool is_being_evicted = false;  // with the mutex: it has been told to close
  std::atomic<Activity> activity = Activity::kIdle;
  std::atomic<std::int64_t> active_since_us = 0;  // wall clock; when it began to be about that
  std::atomic<std::int64_t> heard_at_ms = 0;      // wall clock

  Waiter waiter;                                  // of the statement that waits, if one does
  StatementControl control;                       // whether the running statement must end
  UnixMs now;                                     // the statement's one clock reading
  std::unique_ptr<txn::Transaction> transaction;  // inside BEGIN
  bool read_only = false;                         // BEGIN READ ONLY
  Lsn fence = 0;                                  // of the last call
  Lsn awaited_fence = 0;                          // the highest since somebody waited for one
  std::int64_t query_us = 0;                      // of the running batch: spent in queries
  std::optional<SlowLane> slow_lane;              // of the statement that the last batch stopped at

 private:
  // Commands (execution.cpp, kv_execution.cpp)
  // The index of the command in the table, or -1 for SQL, as a text or as bare words, and for words that nobody knows.
  static int commandOf(const Statement& statement);
  // The fence is the caller's.
  void executeNow(const Statement& statement, int command, Reply& reply) {
    if (is_plain_) [[likely]] {
      executeGuarded(statement, command, reply);
    } else {
      executeAttentively(statement, command, reply);
    }
  }
  void executeGuarded(const Statement& statement, int command, Reply& reply);
  void executeUnguarded(const Statement& statement, int command, Reply& reply);
  void endOutOfMemory(const std::exception& failure, bool in_transaction, Reply& reply);
  void undo(txn::Transaction& target, std::size_t mark, const Error& why);
  void executeWords(std::span<const std::string_view> words, Reply& reply);
  void executeCommand(const Statement& statement, int command, Reply& reply);
  Status callCommand(int command, std::span<const std::string_view> args, Reply& reply);
  Status callSessionHandler(int command, std::span<const std::string_view> args, Reply& reply,
                            std::optional<Wait>* wait = nullptr);
  // Whether a unit of work may begin: a command, a statement of SQL, EXEC's queue, COMMIT. `needs` is of kDenyOom (memory) and
  // kWrite (a log that takes writes); for what a unit is made of nobody asks again, so that none half runs.
  // Inside a block nothing is evicted for it (memory_limit.cpp).
  Status admit(std::uint32_t needs, bool in_block);
  void refuseUnknown(std::span<const std::string_view> args, Reply& reply);
  void refuse(const Error& error, Reply& reply);
  // The error of a statement that ran; what it answered otherwise is pushed already.
  void answer(const Status& status, Reply& reply) {
    if (!status.ok()) [[unlikely]] {
      answerError(status.error(), reply);
    }
  }
  void answerError(const Error& error, Reply& reply);
  Status executeLive(int command, std::span<const std::string_view> args, Reply& reply);
  Status executeInTransaction(txn::Transaction& target, int command, std::span<const std::string_view> args, Reply& reply,
                              std::optional<Wait>* wait = nullptr);
  Status executeDetached(int command, std::span<const std::string_view> args, Reply& reply, std::optional<Wait>* wait = nullptr);
  Status executeBlocking(int command, std::span<const std::string_view> args, Reply& reply);
  void beginWait(const Wait& wait, int command, std::span<const std::string_view> args);
  bool postpones(const Statement& statement, int command);
  bool mayWrite(const Statement& statement, int command);
  void tellMisses(const CommandMeta& meta, std::span<const std::string_view> args);
  static void limitWork(kv::View& view, const CommandMeta& meta);
  static bool isLong(std::span<const std::string_view> args);
  bool isSlow(const Statement& statement, int command);
  bool looksSlow(const Statement& statement, int command);
  void noteActivity(Activity what, const Statement& statement, int command);
  void lookAhead(std::span<const Statement> window, std::span<int> commands);

  // Fences (fence.cpp)
  void noteAnswer(const Statement& statement, int command);
  [[nodiscard]] std::shared_ptr<const txn::Doubt> doubt() const;
  [[nodiscard]] std::optional<bool> tellsAnyway(const txn::Doubt* doubt) const;
  [[nodiscard]] bool commandTells(int command, std::span<const std::string_view> args) const;
  [[nodiscard]] bool sqlTells(const sql::Plan* plan, const parser::ParsedStatement* control) const;
  [[nodiscard]] bool queueTells() const;

  // Messages (session_messages.cpp)
  Listening& listens();
  void deliver(Reply& reply);
  [[nodiscard]] Status mayRun(const Statement& statement, int command) const;
  void executeAttentively(const Statement& statement, int command, Reply& reply);
  void confirm(std::string_view what, Topic topic, const std::string_view* subject, Reply& reply) const;
  void publishStaged();
  [[nodiscard]] bool stagedTakeLong() const;
  [[nodiscard]] bool queuePublishesLong() const;
  void feedMonitors(int command, std::span<const std::string_view> args);
  void feedQueue();

  // Before statements are run: whether they are to be run attentively, for there are messages.
  void noteMessages() {
    if (!outbox->isEmpty()) [[unlikely]] {
      is_plain_ = false;
    }
  }
  void rememberReads(const CommandMeta& meta, std::span<const std::string_view> args, bool of_transaction);
  void endTracked(int command);

  // MULTI (multi.cpp)
  void queue(const Statement& statement, int command, Reply& reply);
  bool queueFootprint(KeyFootprint& footprint) const;
  std::uint32_t queueNeeds();
  [[nodiscard]] bool queueIsSlow() const;
  Status executeQueue(Reply& reply);
  Status executeQueueLocked(const KeyFootprint& footprint, Reply& reply);
  Status executeQueueAsTransaction(Reply& reply);
  void runQueuedCommand(QueuedStatement& statement, kv::View& view, EffectBuffer& effects, Reply& reply);
  void runQueuedStatement(QueuedStatement& statement, txn::Transaction& own, Reply& reply);
  Status runQueuedOnce(QueuedStatement& statement, Reply& reply);
  [[nodiscard]] bool watchedChanged() const;
  [[nodiscard]] std::vector<kv::PartitionId> watchedPartitions() const;

  // SQL (sql_execution.cpp)
  Status executeSql(std::string_view text, std::span<const Datum> parameters, TableForm form, Reply& reply);
  std::uint32_t sqlNeeds(std::string_view text);
  bool sqlMayWrite(std::string_view text);
  bool isSlowSql(std::string_view text, std::size_t parameter_bytes);
  Status awaitReservation(sql::TableId table);
  bool isFastSearch(const sql::Plan& plan);
  std::uint64_t rowsOf(const sql::Plan& plan);
  Result<std::string_view> controlTransaction(const ast::Transaction& statement);
  Result<std::string_view> commitTransaction();
  Result<std::string_view> endTransaction();
  static Error readOnlyError(std::string_view statement);
  Result<std::string_view> showSetting(const ast::Show& statement, RowSink& sink);
  txn::Transaction* currentTransaction();
  Result<std::optional<sql::ExecSummary>> runCounted(const sql::Plan& plan, std::span<const Datum> parameters, RowSink* sink);
  Result<std::span<const Datum>> convertParameters(const sql::Plan& plan, std::span<const Datum> given);
  sql::ExecContext makeContext(sql::View& view, kv::View* kv, std::span<const Datum> parameters, RowSink* sink, UnixMs at);
  Result<std::optional<sql::ExecSummary>> runInTransaction(txn::Transaction& target, const sql::Plan& plan,
                                                           std::span<const Datum> parameters, RowSink* sink);
  Result<std::optional<sql::ExecSummary>> runQuery(const sql::Plan& plan, std::span<const Datum> parameters, RowSink* sink);
  Result<std::optional<sql::ExecSummary>> createIndex(const sql::Plan& plan);
  Result<std::optional<sql::ExecSummary>> runChange(const sql::Plan& plan, std::span<const Datum> parameters, RowSink* sink);
  Status buildVectorIndex(const sql::NewVectorIndex& index);
  Result<std::optional<sql::ExecSummary>> runLive(const sql::Plan& plan, std::span<const Datum> parameters, RowSink* sink);

  // What a command does in about 100 µs: so many steps, arguments, and bytes of them.
  static constexpr std::size_t kQuickSteps = 1000;
  static constexpr std::size_t kQuickArguments = 1000;
  static constexpr std::size_t kQuickBytes = kQuickSteps * kv::View::kStepBytes;

  bool is_plain_ = true;                 // there is nothing to do around its statements
  bool messages_among_answers_ = false;  // MessageWay
  bool refused_arguments_ = false;       // of the running statement
  Reply::Mark answer_begin_{};           // where its answer begins
  ReplyMode reply_mode_ = ReplyMode::kOn;
  StagedMessages staged_;  // by PUBLISH, inside BEGIN or while EXEC runs its queue

  std::uint32_t block_needs_ = 0;  // inside BEGIN: what its statements needed, and COMMIT needs once more
  Lsn committed_ = 0;              // behind the newest record of the running call's statements
  bool tells_ = false;             // one of their answers tells of data
  bool refused_ = false;           // the running statement was, as the log takes no writes: its answer tells nothing else
  bool exec_tells_ = false;        // as queueTells() said before the queue was dropped

  txn::Transaction* exec_transaction_ = nullptr;  // while EXEC runs its queue in one
  bool ended_idle_ = false;                       // the transaction, and nobody has been told yet
  bool queue_is_running_ = false;                 // EXEC's
  bool queue_has_run_ = false;                    // and what it did is committed
  std::vector<QueuedStatement> queued_;
  MemoryCharge queued_bytes_{MemoryLeaf::kClients};
  std::unordered_set<WatchedKey, WatchedKey::Hash> watched_;
  kv::WatchFlag watch_flag_;
  RequestBlock* block_ = nullptr;  // the running statement's
  ResolvedStatement resolved_;
  // The text that resolved_ was made from, if the next thing that happens is that it is run: executeBatch() has looked at it to
  // learn what it costs.
  std::string_view looked_at_;
  ShapeCache shapes_;
  KvHost kv_host_;
  std::vector<Datum> assembled_;
  std::vector<Datum> converted_;
  sql::ByteArena parameter_arena_;
};

// Whether its arguments alone make a command too long for an event loop.
inline bool Session::Impl::isLong(std::span<const std::string_view> args) {
  std::size_t bytes = 0;
  for (const std::string_view arg : args.first(std::min(args.size(), kQuickArguments))) {
    bytes += arg.size();
  }
  return args.size() > kQuickArguments || bytes > kQuickBytes;
}

}  // namespace trefoil
