// What a plan runs with.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/statement_control.hpp"
#include "base/value.hpp"
#include "sql/storage/row_id.hpp"
#include "sql/types/chunk.hpp"
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

}  // namespace trefoil::sql
