// How a SQL statement runs.
//
//   text ─ shape cache ─┬─ hit: a plan and its parameters
//                       └─ miss: parse, bind, remember
//   plan ─┬─ in BEGIN or EXEC                      on that transaction's views
//         ├─ autocommit, point read or point write  live, under the table's lock
//         ├─ autocommit query                       on a snapshot
//         └─ autocommit, anything else              as a transaction of its own, again after a conflict
#include <algorithm>
#include <utility>

#include "aof/log.hpp"
#include "base/memory_reserve.hpp"
#include "base/query_memory.hpp"
#include "engine/database_impl.hpp"
#include "engine/row_sink.hpp"
#include "engine/session_impl.hpp"
#include "parser/ast_printer.hpp"
#include "parser/sql_parser.hpp"
#include "parser/sql_shape.hpp"
#include "sql/executor.hpp"
#include "sql/utf8.hpp"
#include "txn/commit_locks.hpp"
#include "txn/index_following.hpp"
#include "txn/live.hpp"

namespace trefoil {

namespace {

// On the event loop's thread run statements over one table with no more rows than this,
constexpr std::uint64_t kFastLaneRows = 2000;
// whose text is no longer than this (longer ones are not even parsed there),
constexpr std::size_t kFastLaneText = std::size_t{64} << 10;
// and the ends of transactions with no more bytes of effects: COMMIT may wait for room in the log, and applies them all.
constexpr std::size_t kFastLaneEffects = std::size_t{256} << 10;
// So does a search by a vector index that looks at no more candidates than this,
constexpr std::int64_t kFastEfSearch = 256;
// and any query of one table that took no longer than this the last time, in microseconds.
constexpr std::int64_t kFastLaneTime = 200;
// So often a plan is bound again because the catalog changed between binding and running it.
constexpr int kRebindAttempts = 100;

bool isBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

// Whether bytes that came where a vector is wanted are its floats, as Redis's vector clients send them, rather than its text. A
// text stands in brackets; who forgot them wrote numbers and commas, and hears of it. All else of a fitting length is floats,
// even if each of their bytes is a letter.
bool isBinaryVector(const Datum& value) {
  if (value.type() != Type::kText || value.asBytes().size() % sizeof(float) != 0) {
    return false;
  }
  const std::string_view bytes = value.asBytes();
  if (bytes.starts_with('[') && bytes.ends_with(']')) {
    return false;
  }
  return bytes.find_first_not_of("0123456789+-.,eE[] \t\n\r\v\f") != std::string_view::npos;
}

// What a plan needs before it begins, as flags of the command table. What removes is let in when memory is short.
std::uint32_t needsOf(const sql::Plan& plan) {
  if (plan.kind() == sql::PlanKind::kQuery) {
    return 0;
  }
  const std::string_view tag = plan.tag();
  const bool removes = tag == "DELETE" || tag.starts_with("TRUNCATE") || tag.starts_with("DROP");
  return removes ? kWrite : kWrite | kDenyOom;
}

bool fits(const Datum& value, const sql::SqlType& type) {
  return value.isNull() || type.isUnknown() || value.type() == type.base;
}

}  // namespace

// Parameters in the types that the plan wants. Usually they have them already and nothing is copied.
Result<std::span<const Datum>> Session::Impl::convertParameters(const sql::Plan& plan, std::span<const Datum> given) {
  const std::span<const sql::SqlType> types = plan.parameterTypes();
  if (given.size() < types.size()) {
    return Error(ErrorCode::kInvalid, "the statement has " + std::to_string(types.size()) + " parameters, but only " +
                                          std::to_string(given.size()) + " values were given");
  }
  bool all_fit = true;
  for (std::size_t i = 0; i < types.size(); ++i) {
    all_fit = all_fit && fits(given[i], types[i]);
  }
  if (all_fit) {
    return given;
  }
  converted_.assign(given.begin(), given.end());
  parameter_arena_.reset();
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (!fits(given[i], types[i])) {
      const bool binary = types[i].base == Type::kVector && i < plan.statementParameters() && isBinaryVector(given[i]);
      const Datum value = binary ? Datum::blob(given[i].asBytes()) : given[i];
      Result<Datum> converted = sql::convertDatum(types[i], value, parameter_arena_);
      if (!converted.ok()) {
        const std::size_t literal = i - plan.statementParameters();
        const bool placed = resolved_.plan.get() == &plan && literal < resolved_.literal_positions.size();
        return placed ? std::move(converted).error().at(resolved_.literal_positions[literal]) : std::move(converted).error();
      }
      converted_[i] = *converted;
    }
  }
  return std::span<const Datum>(converted_);
}

sql::ExecContext Session::Impl::makeContext(sql::View& view, kv::View* kv, std::span<const Datum> parameters, RowSink* sink,
                                            UnixMs at) {
  // (The session's settings are set, and set back, by other statements than those that run plans.)
  control.setTimeout(settings.statementTimeoutMs());
  sql::ExecContext context{.view = view, .parameters = parameters, .sink = sink, .now_us = at.value * 1000, .control = &control};
  context.ef_search = static_cast<std::size_t>(settings.efSearch());
  kv_host_ = {kv, db};
  context.host = &kv_host_;
  return context;
}

Result<std::optional<sql::ExecSummary>> Session::Impl::runPlan(const sql::Plan& plan, std::span<const Datum> given,
                                                               RowSink* sink) {
  QueryMemory memory(database.queryMemory(), database.growthLimit(), (needsOf(plan) & kDenyOom) != 0);
  const QueryMemory::Scope scope(&memory);
  return guardMemory([&] { return runCounted(plan, given, sink); });
}

Result<std::optional<sql::ExecSummary>> Session::Impl::runCounted(const sql::Plan& plan, std::span<const Datum> given,
                                                                  RowSink* sink) {
  txn::Transaction* const current = currentTransaction();
  const Result<std::span<const Datum>> converted = convertParameters(plan, given);
  if (!converted.ok()) {
    const std::uint64_t catalog =
        current != nullptr ? current->sql().catalogVersion() : database.manager().sql().catalogVersion();
    if (catalog != plan.catalogVersion()) {
      return std::optional<sql::ExecSummary>();  // the types may be others now
    }
    return converted.error();
  }
  const std::span<const Datum> parameters = *converted;
  if (current != nullptr && current == exec_transaction_) {
    return runInTransaction(*current, plan, parameters, sink);  // EXEC was let in with all of its queue
  }
  if (current != nullptr && read_only && plan.kind() != sql::PlanKind::kQuery) {
    return readOnlyError(plan.tag());
  }
  TREFOIL_TRY(admit(needsOf(plan), current != nullptr));
  if (current != nullptr) {
    block_needs_ |= needsOf(plan);
    if (control.onLoop()) {
      control.hurry();
    }
    Result<std::optional<sql::ExecSummary>> summary = runInTransaction(*current, plan, parameters, sink);
    control.takeTime(summary.ok());
    return summary;
  }
  if (plan.isPointRead() || plan.isPointWrite()) {
    // Others wait for the table: one that takes long goes the way of all statements.
    control.hurry();
    Result<std::optional<sql::ExecSummary>> summary = runLive(plan, parameters, sink);
    if (!control.takeTime(summary.ok()) || control.onLoop()) {
      return summary;
    }
    if (sink != nullptr) {
      sink->restart();
    }
  }
  if (control.onLoop()) {
    control.hurry();
  }
  if (plan.createsIndex() != nullptr) {
    return createIndex(plan);
  }
  const bool reads = plan.kind() == sql::PlanKind::kQuery;
  Result<std::optional<sql::ExecSummary>> summary = reads ? runQuery(plan, parameters, sink) : runChange(plan, parameters, sink);
  control.takeTime(summary.ok());
  return summary;
}

// As a transaction of its own.
Result<std::optional<sql::ExecSummary>> Session::Impl::runChange(const sql::Plan& plan, std::span<const Datum> parameters,
                                                                 RowSink* sink) {
  std::optional<sql::ExecSummary> summary;
  const Result<Lsn> committed = txn::runTransaction(database.manager(), now, [&](txn::Transaction& own) -> Status {
    if (sink != nullptr) {
      sink->restart();
    }
    if (control.onLoop()) {
      own.neverWait();
    }
    if (plan.isRowLocal() && !own.holdsAllLocks() && own.sql().catalogVersion() == plan.catalogVersion()) {
      own.followRows(plan.tables()[0].table, [&](const sql::View::Moved& moved) -> Status {
        sql::ExecContext context = makeContext(own.sql(), &own.kv(), parameters, nullptr, own.now());
        context.only_rows = &moved.rows;
        TREFOIL_ASSIGN(const sql::ExecSummary again, sql::execute(plan, context));
        summary->affected += again.affected - moved.undone;
        return {};
      });
    }
    TREFOIL_ASSIGN(summary, runInTransaction(own, plan, parameters, sink));
    return {};
  });
  if (!committed.ok()) {
    if (control.onLoop() && committed.error().code == ErrorCode::kBusy) {
      control.leaveLoop();
    }
    return committed.error();
  }
  noteCommit(*committed);
  if (summary && summary->vector_index) {
    TREFOIL_TRY(buildVectorIndex(*summary->vector_index));
  }
  return summary;
}

// On a snapshot.
Result<std::optional<sql::ExecSummary>> Session::Impl::runQuery(const sql::Plan& plan, std::span<const Datum> parameters,
                                                                RowSink* sink) {
  Env& env = database.env();
  const std::int64_t begin_us = env.monotonicMicros();
  if (control.onLoop()) {
    control.hurry(begin_us + StatementControl::kHurryMicros);
  }
  txn::Transaction query(database.manager(), now, txn::Transaction::OneQuery{});
  Result<std::optional<sql::ExecSummary>> summary = runInTransaction(query, plan, parameters, sink);
  const std::int64_t end_us = env.monotonicMicros();
  plan.noteRun(end_us - begin_us);
  query_us += end_us - begin_us;
  return summary;
}

// CREATE INDEX in autocommit. Each attempt takes in what has changed since the one before it (whose snapshot is open so long),
// and what is left then is little enough to be taken in when it commits: nobody waits.
Result<std::optional<sql::ExecSummary>> Session::Impl::createIndex(const sql::Plan& plan) {
  const sql::NewIndex& wanted = *plan.createsIndex();
  std::unique_ptr<txn::Transaction> reached;
  std::shared_ptr<sql::IndexBuild> build;
  while (true) {
    auto own = std::make_unique<txn::Transaction>(database.manager(), now);
    sql::View& view = own->sql();
    // Another change of the catalog is no reason to begin anew, unless it concerns this statement.
    if (view.catalogVersion() != plan.catalogVersion() &&
        (build == nullptr || !view.hasTable(wanted.table) || view.findTable(wanted.index.name) ||
         view.findIndex(wanted.index.name))) {
      return std::optional<sql::ExecSummary>();
    }
    sql::ExecContext context = makeContext(view, nullptr, {}, nullptr, own->now());
    context.parallel = !control.onLoop();
    context.index_build = &build;
    TREFOIL_ASSIGN(const sql::ExecSummary summary, sql::execute(plan, context));
    const Result<Lsn> committed = own->commit(now);
    if (committed.ok()) {
      return std::optional(summary);
    }
    if (committed.error().code != ErrorCode::kConflict) {
      return committed.error();
    }
    reached = std::move(own);
  }
}

// The index is in the catalog and follows its table; whoever asked for it builds it, and nobody else waits. Cancelled, it is
// dropped again.
Status Session::Impl::buildVectorIndex(const sql::NewVectorIndex& index) {
  txn::Manager& manager = database.manager();
  const txn::VectorIndexBuild build(manager.committer(), manager.sql(), index);
  while (build.goOn()) {
    Status interrupted = control.check();
    if (interrupted.ok()) {
      continue;
    }
    const Result<Lsn> dropped = txn::runTransaction(manager, now, [&](txn::Transaction& own) -> Status {
      for (const sql::SchemaPointer& schema : own.sql().tables()) {
        if (schema->id == index.table && schema->findVectorIndex(index.index)) {
          TREFOIL_TRY(own.sql().dropIndex(index.table, index.index));
        }
      }
      return {};
    });
    if (!dropped.ok()) {
      return std::move(interrupted).error().withDetail("The index is still there: " + dropped.error().message);
    }
    noteCommit(*dropped);
    return interrupted;
  }
  return {};
}

// Nothing means that the catalog has changed since the plan was bound.
Result<std::optional<sql::ExecSummary>> Session::Impl::runInTransaction(txn::Transaction& target, const sql::Plan& plan,
                                                                        std::span<const Datum> parameters, RowSink* sink) {
  if (target.sql().catalogVersion() != plan.catalogVersion()) {
    return std::optional<sql::ExecSummary>();
  }
  const std::size_t before = target.mark();
  sql::ExecContext context = makeContext(target.sql(), &target.kv(), parameters, sink, target.now());
  context.parallel = !target.holdsAllLocks() && !control.onLoop();
  Result<sql::ExecSummary> summary = guardMemory([&] { return sql::execute(plan, context); });
  if (!summary.ok()) {
    undo(target, before, summary.error());
    return std::move(summary).error();
  }
  return std::optional(*summary);
}

Result<std::optional<sql::ExecSummary>> Session::Impl::runLive(const sql::Plan& plan, std::span<const Datum> parameters,
                                                               RowSink* sink) {
  txn::Manager& manager = database.manager();
  sql::Store& store = manager.sql();
  TREFOIL_ASSERT(plan.tables().size() == 1);
  const sql::TableUse use = plan.tables()[0];
  if (use.writes && store.hasReservations()) [[unlikely]] {
    TREFOIL_TRY(awaitReservation(use.table));
  }
  std::optional<sql::ExecSummary> summary;  // nothing: the plan is stale
  const auto restart = [&] {
    if (sink != nullptr) {
      sink->restart();
    }
  };
  const auto once = [&](txn::LiveAttempt& attempt) -> Status {
    const SharedGuard catalog(store.catalogGate());
    sql::View view(store, attempt.effects());
    if (view.catalogVersion() != plan.catalogVersion()) {
      summary.reset();
      return {};
    }
    const txn::GateHold table(*store.tableLock(use.table), use.writes);
    sql::ExecContext context = makeContext(view, nullptr, parameters, sink, now);
    TREFOIL_ASSIGN(summary, sql::execute(plan, context));
    attempt.commit();
    return {};
  };
  std::optional<Lsn> end;
  TREFOIL_TRY(txn::runLive(manager.committer(), once, restart, end));
  if (!end) {
    TREFOIL_ASSIGN(end, txn::runTransaction(manager, now, [&](txn::Transaction& own) -> Status {
                     restart();
                     TREFOIL_ASSIGN(summary, runInTransaction(own, plan, parameters, sink));
                     return {};
                   }));
  }
  noteCommit(*end);
  return summary;
}

// Another statement that has lost too often goes first (sql/table_reservation.hpp). An event loop does not wait: a worker does.
Status Session::Impl::awaitReservation(sql::TableId table) {
  sql::Store& store = database.manager().sql();
  const auto reserved = [&] {
    const SharedGuard catalog(store.catalogGate());
    return store.isReserved(table);
  };
  if (reserved()) {
    if (control.onLoop()) {
      control.leaveLoop();
      return Error(ErrorCode::kBusy, "another statement has reserved the table");
    }
    store.awaitReservation(table);
  }
  return {};
}

txn::Transaction* Session::Impl::currentTransaction() {
  return exec_transaction_ != nullptr ? exec_transaction_ : transaction.get();
}

// Binds against the catalog as this session sees it now.
Result<std::shared_ptr<const sql::Plan>> Session::Impl::bindStatement(const parser::ParsedStatement& statement,
                                                                      bool literals_as_parameters) {
  if (txn::Transaction* current = currentTransaction(); current != nullptr) {
    return sql::bind(statement, {current->sql(), &database.tableFunctions(), literals_as_parameters});
  }
  sql::Store& store = database.manager().sql();
  EffectBuffer effects;
  const SharedGuard catalog(store.catalogGate());
  sql::View view(store, effects);
  return sql::bind(statement, {view, &database.tableFunctions(), literals_as_parameters});
}

// --- Text to plan -----------------------------------------------------------------------------------------------------------

bool Session::Impl::isControl(const ast::Statement& statement) {
  return statement.kind == ast::StatementKind::kTransaction || statement.kind == ast::StatementKind::kSet ||
         statement.kind == ast::StatementKind::kShow || statement.kind == ast::StatementKind::kCheckpoint;
}

// The scanner's results stand until the thread's next statement: literals are views into it.
Result<const ResolvedStatement*> Session::Impl::resolve(std::string_view text) {
  thread_local parser::ShapeScanner scanner;
  if (const std::string_view looked_at = std::exchange(looked_at_, {});
      !looked_at.empty() && looked_at.data() == text.data() && looked_at.size() == text.size()) {
    return &resolved_;
  }
  resolved_ = {};
  bool cacheable = scanner.scan(text) == parser::ShapeState::kReady && isBlank(text.substr(scanner.consumed()));
  if (cacheable) {
    resolved_.shape_hash = scanner.hash();
    resolved_.literals = scanner.literals();
    resolved_.literal_positions = scanner.positions();
    if (const auto* plan = shapes_.find(scanner.hash(), scanner.text(), scanner.literals()); plan != nullptr) {
      resolved_.plan = *plan;
      return &resolved_;
    }
  }
  TREFOIL_ASSIGN(std::shared_ptr<parser::ParsedStatement> parsed, parser::parseSql(text));
  if (isControl(*parsed->statement)) {
    resolved_.control = std::move(parsed);
    return &resolved_;
  }
  if (parsed->statement->kind == ast::StatementKind::kExplain) {
    // It tells estimates of this moment, and literals by their values.
    cacheable = false;
    resolved_.literals = {};
  }
  TREFOIL_ASSIGN(resolved_.plan, bindStatement(*parsed, cacheable));
  if (cacheable) {
    shapes_.insert(scanner.hash(), scanner.text(), scanner.literals(), resolved_.plan,
                   database.settings().integer(Setting::kPlanCacheSize));
  }
  return &resolved_;
}

void Session::Impl::forgetPlan() {
  shapes_.erase(resolved_.shape_hash);
}

// A plan runs with the statement's own parameters and then its literals.
Result<std::span<const Datum>> Session::Impl::parametersOf(const ResolvedStatement& resolved, std::span<const Datum> given) {
  const std::size_t wanted = resolved.plan->statementParameters();
  if (given.size() != wanted) {
    return Error(ErrorCode::kInvalid, "the statement has " + std::to_string(wanted) + " parameters, but " +
                                          std::to_string(given.size()) + " values were given");
  }
  if (given.empty() || resolved.literals.empty()) {
    return given.empty() ? resolved.literals : given;
  }
  assembled_.assign(given.begin(), given.end());
  assembled_.insert(assembled_.end(), resolved.literals.begin(), resolved.literals.end());
  return std::span<const Datum>(assembled_);
}

// --- One statement ----------------------------------------------------------------------------------------------------------

// On an error, or if it was given up (control.gaveUp()), nothing of an answer is left in `reply`.
Status Session::Impl::executeSql(std::string_view text, std::span<const Datum> parameters, TableForm form, Reply& reply) {
  static const CommandMeta& meta = kCommands[static_cast<std::size_t>(findCommand("SQL"))];
  last_command.store(&meta, std::memory_order_relaxed);
  const Reply::Mark mark = reply.mark();
  ReplySink sink(reply, form);
  const Result<SqlOutcome> outcome = runSql(text, parameters, sink);
  if (!outcome.ok()) {
    reply.rewind(mark);
    if (control.gaveUp()) {
      return {};
    }
    Error error = outcome.error();
    if (error.position && reply.countsCharacters()) {
      error.position = sql::countCharacters(text.substr(0, *error.position));
    }
    return error;
  }
  switch (outcome->kind) {
    case SqlOutcome::Kind::kRows:
      reply.endTable();
      break;
    case SqlOutcome::Kind::kAffected: {
      const memory_reserve::MustNotFail committed;  // an error would be untrue now
      reply.affected(outcome->tag, outcome->affected);
      break;
    }
    case SqlOutcome::Kind::kDone: {
      const memory_reserve::MustNotFail committed;
      reply.done(outcome->tag);
      break;
    }
  }
  return {};
}

Result<SqlOutcome> Session::Impl::runSql(std::string_view text, std::span<const Datum> parameters, RowSink& sink) {
  using Kind = SqlOutcome::Kind;
  for (int attempt = 0; attempt < kRebindAttempts; ++attempt) {
    TREFOIL_ASSIGN(const ResolvedStatement* resolved, resolve(text));
    if (const std::shared_ptr<parser::ParsedStatement> own = resolved->control; own != nullptr) {
      TREFOIL_ASSIGN(const std::string_view tag, executeControl(*own->statement, sink));
      return SqlOutcome{own->statement->kind == ast::StatementKind::kShow ? Kind::kRows : Kind::kDone, tag};
    }
    const std::shared_ptr<const sql::Plan> plan = resolved->plan;
    TREFOIL_ASSIGN(const std::span<const Datum> values, parametersOf(*resolved, parameters));
    TREFOIL_ASSIGN(const std::optional<sql::ExecSummary> summary, runPlan(*plan, values, &sink));
    if (summary) {
      const Kind kind = plan->answersRows() ? Kind::kRows : plan->kind() == sql::PlanKind::kDml ? Kind::kAffected : Kind::kDone;
      return SqlOutcome{kind, plan->tag(), summary->affected};
    }
    forgetPlan();
  }
  return Error(ErrorCode::kConflict, "the catalog keeps changing: the statement could not be bound");
}

// What a queued statement needs. One that is in error, now, needs nothing; the queue makes what it may lack before.
std::uint32_t Session::Impl::sqlNeeds(std::string_view text) {
  const Result<const ResolvedStatement*> resolved = resolve(text);
  return resolved.ok() && (*resolved)->plan != nullptr ? needsOf(*(*resolved)->plan) : 0;
}

bool Session::Impl::sqlMayWrite(std::string_view text) {
  const Result<const ResolvedStatement*> resolved = resolve(text);
  if (!resolved.ok()) {
    return false;
  }
  const parser::ParsedStatement* const own = (*resolved)->control.get();
  return own != nullptr ? transaction != nullptr && (block_needs_ & kWrite) != 0 : (needsOf(*(*resolved)->plan) & kWrite) != 0;
}

// SQL "<statement>" [parameter …]: parameters are texts, NULL cannot be given.
Status Session::Impl::executeSqlCommand(std::span<const std::string_view> args, Reply& reply) {
  std::vector<Datum> parameters;
  parameters.reserve(args.size() - 2);
  for (const std::string_view arg : args.subspan(2)) {
    parameters.push_back(Datum::text(arg));
  }
  return executeSql(args[1], parameters, TableForm::kNamesAndRows, reply);
}

bool Session::Impl::isSlowSql(std::string_view text, std::size_t parameter_bytes) {
  if (multi != MultiState::kNone) {
    return false;  // it is only queued
  }
  if (text.size() + parameter_bytes > kFastLaneText) {
    return true;
  }
  Result<const ResolvedStatement*> resolved = resolve(text);
  looked_at_ = resolved.ok() ? text : std::string_view();
  if (!resolved.ok()) {
    return false;
  }
  if (const auto& own = (*resolved)->control; own != nullptr) {
    const bool ends_large = own->statement->kind == ast::StatementKind::kTransaction && transaction != nullptr &&
                            transaction->mark() > kFastLaneEffects;
    const bool may_wait = own->statement->kind == ast::StatementKind::kTransaction && transaction != nullptr &&
                          database.manager().sql().hasReservations();
    slow_lane = SlowLane::kSystem;
    return ends_large || may_wait || stagedTakeLong() || own->statement->kind == ast::StatementKind::kCheckpoint;
  }
  const sql::Plan& plan = *(*resolved)->plan;
  if (plan.isPointRead() || plan.isPointWrite() || plan.isPlainInsert()) {
    return false;
  }
  if (plan.kind() == sql::PlanKind::kDdl) {
    slow_lane = SlowLane::kSystem;
    return true;
  }
  if (plan.usesTableFunctions()) {
    return true;
  }
  if (plan.sources() > 1) {
    return true;
  }
  const bool was_quick = plan.latestMicros() <= kFastLaneTime && currentTransaction() == nullptr;
  return !was_quick && rowsOf(plan) > kFastLaneRows && !isFastSearch(plan);
}

// A search by an index that is ready; inside BEGIN rows of its own may have to be read, so it is not looked into.
bool Session::Impl::isFastSearch(const sql::Plan& plan) {
  if (!plan.isIndexSearch(resolved_.literals) || settings.efSearch() > kFastEfSearch || currentTransaction() != nullptr) {
    return false;
  }
  sql::Store& store = database.manager().sql();
  const SharedGuard catalog(store.catalogGate());
  return store.vectorIndexesAreReady(plan.tables()[0].table);
}

// Rows of the tables that a plan uses; of a stale plan none, since it will be bound again.
std::uint64_t Session::Impl::rowsOf(const sql::Plan& plan) {
  const auto sum = [&plan](sql::View& view) {
    std::uint64_t rows = 0;
    if (view.catalogVersion() == plan.catalogVersion()) {
      for (const sql::TableUse& use : plan.tables()) {
        rows += view.estimateRows(use.table);
      }
    }
    return rows;
  };
  if (txn::Transaction* current = currentTransaction(); current != nullptr) {
    return sum(current->sql());
  }
  sql::Store& store = database.manager().sql();
  EffectBuffer none;
  const SharedGuard catalog(store.catalogGate());
  sql::View view(store, none);
  return sum(view);
}

// --- Transaction control, settings, CHECKPOINT: the engine's own statements --------------------------------------------------

Result<std::string_view> Session::Impl::executeControl(const ast::Statement& statement, RowSink& sink) {
  switch (statement.kind) {
    case ast::StatementKind::kTransaction:
      return controlTransaction(statement.as<ast::Transaction>());
    case ast::StatementKind::kSet:
      TREFOIL_TRY(settings.change(statement.as<ast::Set>()));
      return std::string_view("SET");
    case ast::StatementKind::kShow:
      return showSetting(statement.as<ast::Show>(), sink);
    case ast::StatementKind::kCheckpoint:
      if (currentTransaction() != nullptr) {
        return Error(ErrorCode::kTransactionState, "CHECKPOINT cannot run inside a transaction block");
      }
      TREFOIL_TRY(database.checkpoint());
      return std::string_view("CHECKPOINT");
    default:
      break;
  }
  return Error(ErrorCode::kUnsupported, "this statement is not supported").at(statement.position);
}

Result<std::string_view> Session::Impl::controlTransaction(const ast::Transaction& statement) {
  using Kind = ast::TransactionKind;
  if (exec_transaction_ != nullptr) {
    return Error(ErrorCode::kTransactionState, "transaction control inside MULTI is not allowed").at(statement.position);
  }
  if (statement.action == Kind::kBegin) {
    if (transaction != nullptr) {
      return Error(ErrorCode::kTransactionState, "there is already a transaction in progress").at(statement.position);
    }
    transaction = std::make_unique<txn::Transaction>(database.manager(), now);
    staged_.clear();
    settings.begin();
    read_only = statement.access == ast::AccessMode::kReadOnly;
    block_needs_ = 0;
    return std::string_view("BEGIN");
  }
  if (transaction == nullptr) {
    const char* const what = statement.action == Kind::kSetModes     ? "SET TRANSACTION"
                             : statement.action == Kind::kSavepoint  ? "SAVEPOINT"
                             : statement.action == Kind::kRollbackTo ? "ROLLBACK TO SAVEPOINT"
                             : statement.action == Kind::kRelease    ? "RELEASE SAVEPOINT"
                                                                     : nullptr;
    return Error(ErrorCode::kTransactionState, what == nullptr ? "there is no transaction in progress"
                                                               : std::string(what) + " can only be used in transaction blocks")
        .at(statement.position);
  }
  const std::string_view savepoint = statement.savepoint.text;
  switch (statement.action) {
    case Kind::kCommit:
      return commitTransaction();
    case Kind::kRollback:
      transaction.reset();
      staged_.clear();
      settings.end(false);
      unwatch();
      return std::string_view("ROLLBACK");
    case Kind::kSavepoint:
      transaction->savepoint(savepoint);
      settings.savepoint(savepoint);
      staged_.savepoint(savepoint);
      return std::string_view("SAVEPOINT");
    case Kind::kRollbackTo:
      TREFOIL_TRY(transaction->rollbackToSavepoint(savepoint));
      settings.rollbackTo(savepoint);
      staged_.rollbackTo(savepoint);
      return std::string_view("ROLLBACK");
    case Kind::kRelease:
      TREFOIL_TRY(transaction->releaseSavepoint(savepoint));
      settings.release(savepoint);
      staged_.release(savepoint);
      return std::string_view("RELEASE");
    case Kind::kSetModes:
      if (read_only && statement.access == ast::AccessMode::kReadWrite) {
        return Error(ErrorCode::kTransactionState, "cannot set transaction read-write mode inside a read-only transaction")
            .at(statement.position);
      }
      read_only = read_only || statement.access == ast::AccessMode::kReadOnly;
      return std::string_view("SET");
    case Kind::kBegin:
      break;
  }
  return std::string_view();
}

Error Session::Impl::readOnlyError(std::string_view statement) {
  return Error(ErrorCode::kTransactionState, "cannot execute " + std::string(statement) + " in a read-only transaction");
}

// Whatever comes of it, the transaction is over.
Result<std::string_view> Session::Impl::commitTransaction() {
  Result<std::string_view> committed = endTransaction();
  settings.end(committed.ok());
  if (committed.ok()) {
    publishStaged();
  }
  staged_.clear();
  return committed;
}

Result<std::string_view> Session::Impl::endTransaction() {
  const std::unique_ptr<txn::Transaction> ending = std::move(transaction);
  if (ending->mark() != 0) {
    if (Status admitted = admit(block_needs_, true); !admitted.ok()) {
      unwatch();
      return std::move(admitted).error().withDetail("The transaction was rolled back.");
    }
  }
  const std::vector<kv::PartitionId> watched = watchedPartitions();
  const auto unchanged = [this] { return !watchedChanged(); };
  if (control.onLoop()) {
    ending->neverWait();
  }
  const Result<Lsn> committed = watched.empty() ? ending->commit(now) : ending->commit(now, watched, unchanged);
  unwatch();
  if (!committed.ok()) {
    tells_ = tells_ || committed.error().code == ErrorCode::kConflict;
    return committed.error();
  }
  noteCommit(*committed);
  return std::string_view("COMMIT");
}

// One value under the setting's name; ALL: name, value and description of each.
Result<std::string_view> Session::Impl::showSetting(const ast::Show& statement, RowSink& sink) {
  const bool all = statement.name.text == "all";
  std::vector<const SettingSpec*> specs;
  if (all) {
    for (const SettingSpec& spec : settingSpecs()) {
      specs.push_back(&spec);
    }
  } else {
    TREFOIL_ASSIGN(const SettingSpec* spec, settingNamed(statement.name));
    specs.push_back(spec);
  }
  std::vector<sql::ColumnInfo> columns;
  if (all) {
    for (const char* const title : {"name", "setting", "description"}) {
      columns.push_back({title, sql::SqlType::text()});
    }
  } else {
    columns.push_back({sqlSettingName(*specs[0]), sql::SqlType::text()});
  }
  TREFOIL_TRY(sink.columns(columns));
  for (const SettingSpec* spec : specs) {
    const std::string value = settings.shown(*spec);
    const std::string setting = sqlSettingName(*spec);
    const std::string_view cells[] = {all ? std::string_view(setting) : std::string_view(value), value, spec->doc};
    std::vector<sql::ColumnBuffer> buffers(columns.size());
    sql::Chunk chunk{{}, {nullptr, 1}};
    for (std::size_t c = 0; c < columns.size(); ++c) {
      buffers[c].reset(Type::kText, 1);
      buffers[c].set(0, Datum::text(cells[c]));
      chunk.columns.push_back(buffers[c].view());
    }
    TREFOIL_TRY(sink.chunk(chunk));
  }
  return std::string_view("SHOW");
}

}  // namespace trefoil
