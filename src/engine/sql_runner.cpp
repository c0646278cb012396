#include "engine/sql_runner.hpp"

#include <algorithm>
#include <utility>

#include "base/memory_reserve.hpp"
#include "base/query_memory.hpp"
#include "engine/database_impl.hpp"
#include "engine/row_sink.hpp"
#include "engine/session_impl.hpp"
#include "sql/types/utf8.hpp"
#include "txn/commit_locks.hpp"
#include "txn/index_following.hpp"
#include "txn/live.hpp"

namespace trefoil {

namespace {

// So often a plan is bound again because the catalog changed between binding and running it.
constexpr int kRebindAttempts = 100;

// What a plan needs before it begins, as flags of the command table. What removes is let in when memory is short.
std::uint32_t needsOf(const sql::Plan& plan) {
  if (plan.kind() == sql::PlanKind::kQuery) {
    return 0;
  }
  const std::string_view tag = plan.tag();
  const bool removes = tag == "DELETE" || tag.starts_with("TRUNCATE") || tag.starts_with("DROP");
  return removes ? kWrite : kWrite | kDenyOom;
}

}  // namespace

sql::ExecContext SqlRunner::makeContext(sql::View& view, kv::View* kv, std::span<const Datum> parameters, RowSink* sink,
                                        UnixMs at) {
  // (The session's settings are set, and set back, by other statements than those that run plans.)
  session_.control.setTimeout(session_.settings.statementTimeoutMs());
  sql::ExecContext context{
      .view = view, .parameters = parameters, .sink = sink, .now_us = at.value * 1000, .control = &session_.control};
  context.ef_search = static_cast<std::size_t>(session_.settings.efSearch());
  kv_host_ = {kv, session_.db};
  context.host = &kv_host_;
  return context;
}

Result<std::optional<sql::ExecSummary>> SqlRunner::runPlan(const sql::Plan& plan, std::span<const Datum> given, RowSink* sink) {
  QueryMemory memory(session_.database.queryMemory(), session_.database.growthLimit(), (needsOf(plan) & kDenyOom) != 0);
  const QueryMemory::Scope scope(&memory);
  return guardMemory([&] { return runCounted(plan, given, sink); });
}

Result<std::optional<sql::ExecSummary>> SqlRunner::runCounted(const sql::Plan& plan, std::span<const Datum> given,
                                                              RowSink* sink) {
  txn::Transaction* const current = currentTransaction();
  const Result<std::span<const Datum>> converted = resolver.convert(plan, given);
  if (!converted.ok()) {
    const std::uint64_t catalog =
        current != nullptr ? current->sql().catalogVersion() : session_.database.manager().sql().catalogVersion();
    if (catalog != plan.catalogVersion()) {
      return std::optional<sql::ExecSummary>();  // the types may be others now
    }
    return converted.error();
  }
  const std::span<const Datum> parameters = *converted;
  if (current != nullptr && current == session_.exec.transaction()) {
    return runIn(*current, plan, parameters, sink);  // EXEC was let in with all of its queue
  }
  if (current != nullptr && session_.block.isReadOnly() && plan.kind() != sql::PlanKind::kQuery) {
    return TransactionBlock::readOnlyError(plan.tag());
  }
  TREFOIL_TRY(session_.admit(needsOf(plan), current != nullptr));
  if (current != nullptr) {
    session_.block.need(needsOf(plan));
    if (session_.control.onLoop()) {
      session_.control.hurry();
    }
    Result<std::optional<sql::ExecSummary>> summary = runIn(*current, plan, parameters, sink);
    session_.control.takeTime(summary.ok());
    return summary;
  }
  if (plan.isPointRead() || plan.isPointWrite()) {
    // Others wait for the table: one that takes long goes the way of all statements.
    session_.control.hurry();
    Result<std::optional<sql::ExecSummary>> summary = runLive(plan, parameters, sink);
    if (!session_.control.takeTime(summary.ok()) || session_.control.onLoop()) {
      return summary;
    }
    if (sink != nullptr) {
      sink->restart();
    }
  }
  if (session_.control.onLoop()) {
    session_.control.hurry();
  }
  if (plan.createsIndex() != nullptr) {
    return createIndex(plan);
  }
  const bool reads = plan.kind() == sql::PlanKind::kQuery;
  Result<std::optional<sql::ExecSummary>> summary = reads ? runQuery(plan, parameters, sink) : runChange(plan, parameters, sink);
  session_.control.takeTime(summary.ok());
  return summary;
}

// As a transaction of its own.
Result<std::optional<sql::ExecSummary>> SqlRunner::runChange(const sql::Plan& plan, std::span<const Datum> parameters,
                                                             RowSink* sink) {
  std::optional<sql::ExecSummary> summary;
  const Result<Lsn> committed =
      txn::runTransaction(session_.database.manager(), session_.now, [&](txn::Transaction& own) -> Status {
        if (sink != nullptr) {
          sink->restart();
        }
        if (session_.control.onLoop()) {
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
        TREFOIL_ASSIGN(summary, runIn(own, plan, parameters, sink));
        return {};
      });
  if (!committed.ok()) {
    if (session_.control.onLoop() && committed.error().code == ErrorCode::kBusy) {
      session_.control.leaveLoop();
    }
    return committed.error();
  }
  session_.fence.noteCommit(*committed);
  if (summary && summary->vector_index) {
    TREFOIL_TRY(buildVectorIndex(*summary->vector_index));
  }
  return summary;
}

// On a snapshot.
Result<std::optional<sql::ExecSummary>> SqlRunner::runQuery(const sql::Plan& plan, std::span<const Datum> parameters,
                                                            RowSink* sink) {
  Env& env = session_.database.env();
  const std::int64_t begin_us = env.monotonicMicros();
  if (session_.control.onLoop()) {
    session_.control.hurry(begin_us + StatementControl::kHurryMicros);
  }
  txn::Transaction query(session_.database.manager(), session_.now, txn::Transaction::OneQuery{});
  Result<std::optional<sql::ExecSummary>> summary = runIn(query, plan, parameters, sink);
  const std::int64_t end_us = env.monotonicMicros();
  plan.noteRun(end_us - begin_us);
  query_us_ += end_us - begin_us;
  return summary;
}

// CREATE INDEX in autocommit. Each attempt takes in what has changed since the one before it (whose snapshot is open so long),
// and what is left then is little enough to be taken in when it commits: nobody waits.
Result<std::optional<sql::ExecSummary>> SqlRunner::createIndex(const sql::Plan& plan) {
  const sql::NewIndex& wanted = *plan.createsIndex();
  std::unique_ptr<txn::Transaction> reached;
  std::shared_ptr<sql::IndexBuild> build;
  while (true) {
    auto own = std::make_unique<txn::Transaction>(session_.database.manager(), session_.now);
    sql::View& view = own->sql();
    // Another change of the catalog is no reason to begin anew, unless it concerns this statement.
    if (view.catalogVersion() != plan.catalogVersion() &&
        (build == nullptr || !view.hasTable(wanted.table) || view.findTable(wanted.index.name) ||
         view.findIndex(wanted.index.name))) {
      return std::optional<sql::ExecSummary>();
    }
    sql::ExecContext context = makeContext(view, nullptr, {}, nullptr, own->now());
    context.parallel = !session_.control.onLoop();
    context.index_build = &build;
    TREFOIL_ASSIGN(const sql::ExecSummary summary, sql::execute(plan, context));
    const Result<Lsn> committed = own->commit(session_.now);
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
Status SqlRunner::buildVectorIndex(const sql::NewVectorIndex& index) {
  txn::Manager& manager = session_.database.manager();
  const txn::VectorIndexBuild build(manager.committer(), manager.sql(), index);
  while (build.goOn()) {
    Status interrupted = session_.control.check();
    if (interrupted.ok()) {
      continue;
    }
    const Result<Lsn> dropped = txn::runTransaction(manager, session_.now, [&](txn::Transaction& own) -> Status {
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
    session_.fence.noteCommit(*dropped);
    return interrupted;
  }
  return {};
}

// Nothing means that the catalog has changed since the plan was bound.
Result<std::optional<sql::ExecSummary>> SqlRunner::runIn(txn::Transaction& target, const sql::Plan& plan,
                                                         std::span<const Datum> parameters, RowSink* sink) {
  if (target.sql().catalogVersion() != plan.catalogVersion()) {
    return std::optional<sql::ExecSummary>();
  }
  const std::size_t before = target.mark();
  sql::ExecContext context = makeContext(target.sql(), &target.kv(), parameters, sink, target.now());
  context.parallel = !target.holdsAllLocks() && !session_.control.onLoop();
  Result<sql::ExecSummary> summary = guardMemory([&] { return sql::execute(plan, context); });
  if (!summary.ok()) {
    session_.block.undo(target, before, summary.error());
    return std::move(summary).error();
  }
  return std::optional(*summary);
}

Result<std::optional<sql::ExecSummary>> SqlRunner::runLive(const sql::Plan& plan, std::span<const Datum> parameters,
                                                           RowSink* sink) {
  txn::Manager& manager = session_.database.manager();
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
    sql::ExecContext context = makeContext(view, nullptr, parameters, sink, session_.now);
    TREFOIL_ASSIGN(summary, sql::execute(plan, context));
    attempt.commit();
    return {};
  };
  std::optional<Lsn> end;
  TREFOIL_TRY(txn::runLive(manager.committer(), once, restart, end));
  if (!end) {
    TREFOIL_ASSIGN(end, txn::runTransaction(manager, session_.now, [&](txn::Transaction& own) -> Status {
                     restart();
                     TREFOIL_ASSIGN(summary, runIn(own, plan, parameters, sink));
                     return {};
                   }));
  }
  session_.fence.noteCommit(*end);
  return summary;
}

// Another statement that has lost too often goes first (sql/storage/table_reservation.hpp). An event loop does not wait: a worker
// does.
Status SqlRunner::awaitReservation(sql::TableId table) {
  sql::Store& store = session_.database.manager().sql();
  const auto reserved = [&] {
    const SharedGuard catalog(store.catalogGate());
    return store.isReserved(table);
  };
  if (reserved()) {
    if (session_.control.onLoop()) {
      session_.control.leaveLoop();
      return Error(ErrorCode::kBusy, "another statement has reserved the table");
    }
    store.awaitReservation(table);
  }
  return {};
}

txn::Transaction* SqlRunner::currentTransaction() const {
  txn::Transaction* const of_exec = session_.exec.transaction();
  return of_exec != nullptr ? of_exec : session_.block.transaction();
}

// --- One statement ----------------------------------------------------------------------------------------------------------

// On an error, or if it was given up (session_.control.gaveUp()), nothing of an answer is left in `reply`.
Status SqlRunner::execute(std::string_view text, std::span<const Datum> parameters, TableForm form, Reply& reply) {
  static const CommandMeta& meta = kCommands[static_cast<std::size_t>(findCommand("SQL"))];
  session_.facts.last_command.store(&meta, std::memory_order_relaxed);
  const Reply::Mark mark = reply.mark();
  ReplySink sink(reply, form);
  const Result<SqlOutcome> outcome = run(text, parameters, sink);
  if (!outcome.ok()) {
    reply.rewind(mark);
    if (session_.control.gaveUp()) {
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

Result<SqlOutcome> SqlRunner::run(std::string_view text, std::span<const Datum> parameters, RowSink& sink) {
  using Kind = SqlOutcome::Kind;
  for (int attempt = 0; attempt < kRebindAttempts; ++attempt) {
    TREFOIL_ASSIGN(const ResolvedStatement* resolved, resolver.resolve(text));
    if (const std::shared_ptr<parser::ParsedStatement> own = resolved->control; own != nullptr) {
      TREFOIL_ASSIGN(const std::string_view tag, runControl(*own->statement, sink));
      return SqlOutcome{own->statement->kind == ast::StatementKind::kShow ? Kind::kRows : Kind::kDone, tag};
    }
    const std::shared_ptr<const sql::Plan> plan = resolved->plan;
    TREFOIL_ASSIGN(const std::span<const Datum> values, resolver.parametersOf(*resolved, parameters));
    TREFOIL_ASSIGN(const std::optional<sql::ExecSummary> summary, runPlan(*plan, values, &sink));
    if (summary) {
      const Kind kind = plan->answersRows() ? Kind::kRows : plan->kind() == sql::PlanKind::kDml ? Kind::kAffected : Kind::kDone;
      return SqlOutcome{kind, plan->tag(), summary->affected};
    }
    resolver.forgetLatest();
  }
  return Error(ErrorCode::kConflict, "the catalog keeps changing: the statement could not be bound");
}

// (A queued statement that is in error now may be none later: the queue makes what it lacks before.)
std::uint32_t SqlRunner::needs(std::string_view text) {
  const Result<const ResolvedStatement*> resolved = resolver.resolve(text);
  return resolved.ok() && (*resolved)->plan != nullptr ? needsOf(*(*resolved)->plan) : 0;
}

bool SqlRunner::mayWrite(std::string_view text) {
  const Result<const ResolvedStatement*> resolved = resolver.resolve(text);
  if (!resolved.ok()) {
    return false;
  }
  const parser::ParsedStatement* const own = (*resolved)->control.get();
  return own != nullptr ? session_.block.isOpen() && (session_.block.needs() & kWrite) != 0
                        : (needsOf(*(*resolved)->plan) & kWrite) != 0;
}

}  // namespace trefoil
