// The inside of a Plan: what bind() makes and execute() runs. Private to `sql`.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/expressions/expression.hpp"
#include "sql/plan/nodes.hpp"
#include "sql/plan/plan.hpp"
#include "sql/storage/schema.hpp"

namespace trefoil::sql {

class ExecutionState;
class View;
struct KnnNode;

// A CHECK over the columns of a whole row (by position).
struct BoundCheck {
  std::string name;
  ExpressionPtr condition;
};

// ON CONFLICT. The expressions of DO UPDATE are over the existing row's columns followed by the proposed row's.
struct BoundConflict {
  std::vector<std::uint32_t> indexes;  // unique indexes whose violation it is about, in schema->indexes
  bool update = false;
  std::vector<std::uint32_t> columns;
  std::vector<ExpressionPtr> values;
  ExpressionPtr where;  // may be null
};

struct InsertPlan {
  SchemaPointer schema;
  PlanNodePtr source;
  // For each column of the table its place in the source's chunks, or kDefault.
  static constexpr std::uint32_t kDefault = UINT32_MAX;
  std::vector<std::uint32_t> source_columns;
  std::vector<ExpressionPtr> defaults;  // for each column, null: NULL
  std::vector<BoundCheck> checks;
  std::unique_ptr<BoundConflict> conflict;
  std::vector<ExpressionPtr> returning;  // over the row's columns
  bool streams = false;                  // the source reads no table: rows may be inserted as they come
};

// The source's chunks: row id, then for UPDATE the new values of `columns`, then what else CHECKs and RETURNING need of the row
// as it will be (UPDATE) or was (DELETE), and of what it was joined with.
struct ChangePlan {
  SchemaPointer schema;
  PlanNodePtr source;
  bool remove = false;
  std::vector<std::uint32_t> columns;
  // For each column of the whole row, and then of what it was joined with, its place in the source's chunks; empty if neither
  // CHECKs nor RETURNING want it.
  std::vector<std::uint32_t> whole_row;
  bool may_repeat = false;               // a join may find a row more than once: the first time counts
  std::vector<BoundCheck> checks;        // over the whole row
  std::vector<ExpressionPtr> returning;  // over the whole row and what comes behind it
};

struct PlanParts {
  PlanNodePtr query;
  std::unique_ptr<InsertPlan> insert;
  std::unique_ptr<ChangePlan> change;
  std::function<Status(View&)> schema_change;                      // DDL and TRUNCATE, but
  std::optional<NewIndex> create_index;                            // CREATE INDEX
  std::function<Result<NewVectorIndex>(View&)> make_vector_index;  // CREATE INDEX … USING hnsw
  const KnnNode* index_search = nullptr;                           // in `query`: it is a search by an index, of all rows
  std::vector<std::string> explain;                                // the lines of EXPLAIN; then nothing else is run, unless
  bool analyze = false;                                            // EXPLAIN ANALYZE: the plan is run as well

  std::uint32_t outer_slots = 0;
  std::uint32_t common_tables = 0;  // slots of WITH queries
  bool keeps_state = false;         // small enough to keep an idle execution state
  mutable std::atomic<ExecutionState*> idle{nullptr};

  PlanParts() = default;
  PlanParts(const PlanParts&) = delete;
  PlanParts& operator=(const PlanParts&) = delete;
  ~PlanParts();
};

}  // namespace trefoil::sql
