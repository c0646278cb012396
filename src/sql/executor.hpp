// Runs a plan.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/statement_control.hpp"
#include "base/status.hpp"
#include "base/value.hpp"
#include "sql/chunk.hpp"
#include "sql/plan.hpp"
#include "sql/row_id.hpp"
#include "sql/schema.hpp"
#include "vector/hnsw.hpp"

namespace trefoil::sql {

class IndexBuild;
class ResultSink;
class View;

// One execution. The caller holds the locks or the snapshot that `view` needs for plan.tables(), until execute() returns.
struct ExecContext {
  View& view;
  std::span<const Datum> parameters;    // see plan.hpp; they outlive the call
  ResultSink* sink = nullptr;           // gets the rows; null if they are of no interest
  std::int64_t now_us = 0;              // what now() answers, microseconds since 1970 UTC
  StatementControl* control = nullptr;  // whether it must end; null: it need not
  bool parallel = false;                // may use the TBB arena it runs in (never with a lock held)
  std::size_t chunk_rows = kMaxChunkRows;
  std::size_t ef_search = vector::kDefaultEfSearch;  // hnsw.ef_search
  // CREATE INDEX in autocommit: what was built in earlier attempts (IndexBuilding, view.hpp).
  std::shared_ptr<IndexBuild>* index_build = nullptr;
  // Of a plan that isRowLocal(): ascending row ids of its table, the only rows there are. Null: all of them.
  const std::vector<RowId>* only_rows = nullptr;
  void* host = nullptr;  // the engine's, for its table functions
};

struct ExecSummary {
  std::int64_t affected = 0;                   // rows inserted, updated or deleted; for a query, rows answered
  std::optional<NewVectorIndex> vector_index;  // to be built after the commit
};

// An error leaves effects of this statement staged in the view: the caller truncates its effect buffer, as for any statement that
// failed. Rows may already have gone to the sink by then.
Result<ExecSummary> execute(const Plan& plan, ExecContext& context);

}  // namespace trefoil::sql
