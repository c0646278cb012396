// SQL over a bare store: statements are parsed, bound, executed in an implicit transaction and committed, without engine and log.
#pragma once

#include "parser/sql_parser.hpp"
#include "parser/statement_splitter.hpp"
#include "sql/bind/bind.hpp"
#include "sql/execution/executor.hpp"
#include "sql/plan/plan.hpp"
#include "sql/types/result_sink.hpp"
#include "tests/sql/storage/store_fixture.hpp"
#include "tests/sqllogic/runner.hpp"

namespace trefoil::sql::test {

// Keeps the rows.
class RowCollector final : public ResultSink {
 public:
  Status columns(std::span<const ColumnInfo> columns) override {
    names.clear();
    types.clear();
    for (const ColumnInfo& column : columns) {
      names.push_back(column.name);
      types.push_back(column.type);
    }
    return {};
  }
  Status chunk(const Chunk& chunk) override {
    REQUIRE(chunk.size() >= 1);
    REQUIRE(chunk.size() <= max_rows);
    for (std::uint32_t row = 0; row < chunk.size(); ++row) {
      rows.emplace_back();
      for (std::size_t column = 0; column < chunk.columns.size(); ++column) {
        rows.back().emplace_back(chunk.datum(column, row));
      }
    }
    return {};
  }
  std::size_t max_rows = kMaxChunkRows;
  std::vector<std::string> names;
  std::vector<SqlType> types;
  std::vector<std::vector<Value>> rows;
};

class SqlDatabase final : public sqllogic::Connection {
 public:
  explicit SqlDatabase(std::size_t chunk_rows = kMaxChunkRows) : chunk_rows_(chunk_rows) {}

  struct Outcome {
    Status status;
    ExecSummary summary;
    RowCollector result;
  };

  // Runs one statement with parameters.
  Outcome query(std::string_view sql, std::span<const Datum> parameters = {}) {
    Outcome outcome;
    outcome.result.max_rows = chunk_rows_;
    auto parsed = parser::parseSql(sql);
    if (!parsed.ok()) {
      outcome.status = std::move(parsed).error();
      return outcome;
    }
    EffectBuffer effects;
    View view(database.store, effects, View::UnderLocks{}, ++database.transactions);
    auto plan = bind(*parsed.value(), BindContext{.view = view});
    if (!plan.ok()) {
      outcome.status = std::move(plan).error();
      return outcome;
    }
    ExecContext context{.view = view, .parameters = parameters, .sink = &outcome.result};
    context.now_us = 1'700'000'000'000'000;
    context.chunk_rows = chunk_rows_;
    context.parallel = parallel;
    StatementControl control;
    if (time_limit_ms > 0) {
      control.setTimeout(time_limit_ms);
      context.control = &control;
    }
    if (work_limit > 0) {
      control.limitWork(work_limit);
      context.control = &control;
    }
    auto summary = sql::execute(*plan.value(), context);
    if (!summary.ok()) {
      outcome.status = std::move(summary).error();
      return outcome;
    }
    outcome.summary = summary.value();
    if (view.hasWrites()) {
      outcome.status = database.commit(view, effects);
    }
    return outcome;
  }

  sqllogic::QueryResult execute(std::string_view sql) override {
    sqllogic::QueryResult result;
    parser::StatementSplitter splitter;
    std::string text = std::string(sql) + ";";
    std::string_view rest = text;
    while (!rest.empty()) {
      rest.remove_prefix(splitter.feed(rest));
      if (!splitter.complete()) {
        break;
      }
      if (!splitter.statement().empty()) {
        Outcome outcome = query(splitter.statement());
        if (!outcome.status.ok()) {
          const Error& error = outcome.status.error();
          result.error = error.message + (error.detail.empty() ? "" : "\nDETAIL: " + error.detail) +
                         (error.hint.empty() ? "" : "\nHINT: " + error.hint);
          return result;
        }
        result.types = std::move(outcome.result.types);
        result.rows = std::move(outcome.result.rows);
      }
      splitter.reset();
    }
    result.ok = true;
    return result;
  }

  Database database;
  std::int64_t time_limit_ms = 0;  // of one statement; 0: none
  std::int64_t work_limit = 0;     // of one statement, in units of work; 0: none
  bool parallel = false;

 private:
  std::size_t chunk_rows_;
};

}  // namespace trefoil::sql::test
