// SqlRunner: how a SQL statement runs.
//
//   text ─ StatementResolver ─▶ plan ─┬─ in BEGIN or EXEC                      on that transaction's views
//                                     ├─ autocommit, point read or point write  live, under the table's lock
//                                     ├─ autocommit query                       on a snapshot
//                                     └─ autocommit, anything else              as a transaction of its own, again after a
//                                     conflict
//
// Statements of the engine itself (BEGIN, SET, SHOW, CHECKPOINT) have no plan.
//
// Thread safety: none; the session's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/status.hpp"
#include "engine/kv_tables.hpp"
#include "engine/reply.hpp"
#include "engine/session.hpp"
#include "engine/slow_lane.hpp"
#include "engine/statement_resolver.hpp"
#include "kv/view.hpp"
#include "sql/execution/executor.hpp"
#include "sql/plan/plan.hpp"
#include "txn/transaction.hpp"

namespace trefoil {

class RowSink;

// How a statement of SQL ended: what is left to answer behind its rows.
struct SqlOutcome {
  enum class Kind : std::uint8_t { kRows, kAffected, kDone };
  Kind kind = Kind::kDone;
  std::string_view tag;       // "INSERT"; valid until the session resolves the next statement
  std::int64_t affected = 0;  // rows changed; for a query, rows answered
};

class SqlRunner {
 public:
  explicit SqlRunner(Session::Impl& session) : resolver(session), session_(session) {}

  // Runs one statement and pushes its answer. On an error, or if it gave way (StatementControl::gaveUp()), nothing of an answer
  // is left in `reply`.
  Status execute(std::string_view text, std::span<const Datum> parameters, TableForm form, Reply& reply);
  // The same; its rows go to `sink`.
  Result<SqlOutcome> run(std::string_view text, std::span<const Datum> parameters, RowSink& sink);
  // Nothing: the plan is stale, bind again. `sink` may be null.
  Result<std::optional<sql::ExecSummary>> runPlan(const sql::Plan& plan, std::span<const Datum> parameters, RowSink* sink);
  // A statement of the engine itself (sql_control.cpp). Returns the command tag.
  Result<std::string_view> runControl(const ast::Statement& statement, RowSink& sink);

  // EXEC's transaction or the block's; null: there is none.
  [[nodiscard]] txn::Transaction* currentTransaction() const;

  // What a statement needs (kDenyOom, kWrite). One that is in error, now, needs nothing.
  [[nodiscard]] std::uint32_t needs(std::string_view text);
  [[nodiscard]] bool mayWrite(std::string_view text);
  // `parameter_bytes`: of its parameters, beyond its text.
  [[nodiscard]] LaneChoice laneOf(std::string_view text, std::size_t parameter_bytes);
  // Spent in queries, other than those of one row by its key, since the session began.
  [[nodiscard]] std::int64_t queryMicros() const { return query_us_; }

  StatementResolver resolver;

 private:
  Result<std::optional<sql::ExecSummary>> runCounted(const sql::Plan& plan, std::span<const Datum> given, RowSink* sink);
  Result<std::optional<sql::ExecSummary>> runIn(txn::Transaction& target, const sql::Plan& plan,
                                                std::span<const Datum> parameters, RowSink* sink);
  Result<std::optional<sql::ExecSummary>> runLive(const sql::Plan& plan, std::span<const Datum> parameters, RowSink* sink);
  Result<std::optional<sql::ExecSummary>> runQuery(const sql::Plan& plan, std::span<const Datum> parameters, RowSink* sink);
  Result<std::optional<sql::ExecSummary>> runChange(const sql::Plan& plan, std::span<const Datum> parameters, RowSink* sink);
  Result<std::optional<sql::ExecSummary>> createIndex(const sql::Plan& plan);
  Status buildVectorIndex(const sql::NewVectorIndex& index);
  Status awaitReservation(sql::TableId table);
  sql::ExecContext makeContext(sql::View& view, kv::View* kv, std::span<const Datum> parameters, RowSink* sink, UnixMs at);
  Result<std::string_view> showSetting(const ast::Show& statement, RowSink& sink) const;
  [[nodiscard]] bool isFastSearch(const sql::Plan& plan);
  [[nodiscard]] std::uint64_t rowsOf(const sql::Plan& plan);

  Session::Impl& session_;
  KvHost kv_host_;
  std::int64_t query_us_ = 0;
};

}  // namespace trefoil
