// INSERT, UPDATE and DELETE: they end a pipeline and write through the view.
//
// Rows are collected before the first write wherever the source reads tables: what a reader handed out is good until the view
// writes. (INSERT … VALUES needs no such thing and writes as it goes.)
//
// A row is checked as in PostgreSQL, each before the next is looked at: lengths, NOT NULL, CHECK, and only then unique keys,
// those of ON CONFLICT first. CHECKs are computed for a chunk of rows at once; if that fails, the chunk is gone through again row
// by row, so that the error is the first row's that has one.
#pragma once

#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "sql/operators/operator.hpp"
#include "sql/operators/row_buffer.hpp"
#include "sql/plan/parts.hpp"
#include "sql/storage/row_id.hpp"
#include "sql/types/result_sink.hpp"

namespace trefoil::sql {

// The conditions that CHECK constraints put on rows.
class RowChecks {
 public:
  RowChecks(const TableSchema& schema, const std::vector<BoundCheck>& checks);
  void prepare();
  // `rows` begins with the table's columns. kCheckViolation with the row as DETAIL.
  Status check(Execution& execution, const Chunk& rows);

 private:
  const TableSchema& schema_;
  const std::vector<BoundCheck>& checks_;
  EvaluatorList conditions_;
};

class InsertRows {
 public:
  explicit InsertRows(const InsertPlan& plan);
  Status run(Execution& execution, ResultSink* sink, std::int64_t& affected);

 private:
  Status insertChunk(Execution& execution, const Chunk& source);
  // With `check`, CHECKs too.
  Status insertRow(Execution& execution, std::uint32_t position, bool check, bool& inserted);
  std::optional<RowId> findConflict(Execution& execution);
  Status updateExisting(Execution& execution, RowId row, bool& updated);
  Status answer(Execution& execution, ResultSink* sink);

  const InsertPlan& plan_;
  std::unique_ptr<Operator> source_;
  std::size_t capacity_;
  std::vector<std::unique_ptr<Evaluator>> defaults_;
  RowChecks checks_;
  EvaluatorList returning_;
  EvaluatorList conflict_values_;
  std::unique_ptr<Evaluator> conflict_where_;

  Chunk source_chunk_;                  // as the source gives them
  Chunk row_chunk_;                     // whole rows
  std::vector<Datum> values_;           // of the row at hand
  std::unique_ptr<RowBuffer> answers_;  // rows for RETURNING
  std::unordered_set<RowId> written_;   // by this statement, with DO UPDATE
  std::int64_t affected_ = 0;
};

class ChangeRows {
 public:
  explicit ChangeRows(const ChangePlan& plan);
  Status run(Execution& execution, ResultSink* sink, std::int64_t& affected);

 private:
  // Fills rows_, in which no row occurs twice.
  Status collect(Execution& execution);
  // Answers what RETURNING says at once, unless it was all computed before.
  Status changeChunk(Execution& execution, const Chunk& rows, ResultSink* sink);
  [[nodiscard]] Chunk wholeRows(const Chunk& rows) const;
  Status changeRow(Execution& execution, const Chunk& chunk, std::uint32_t position);
  // What CHECK and NOT NULL say about one row, of which `whole` has all columns.
  Status checkRow(Execution& execution, const Chunk& rows, const Chunk& whole, std::uint32_t position);

  const ChangePlan& plan_;
  std::unique_ptr<Operator> source_;
  RowChecks checks_;
  EvaluatorList returning_;
  std::unique_ptr<RowBuffer> rows_;
  // What RETURNING answers, if it has subqueries: they see the table as it was before the first change.
  std::unique_ptr<RowBuffer> answers_;
  Chunk chunk_;
  Chunk answer_;
};

}  // namespace trefoil::sql
