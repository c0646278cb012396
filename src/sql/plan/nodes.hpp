// The plan of a query: a tree of immutable nodes, one a physical operator, from which each execution makes its operators.
//
// Columns have ids that are unique within the statement. A node's `output` says which ids its chunks hold, in that order;
// expressions in a node name columns of its children by id until finishPlan() (planner.hpp) turns the ids into positions, after
// it has dropped the columns that nobody needs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sql/expressions/expression.hpp"
#include "sql/types/chunk.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

struct TableFunction;
class Operator;

using ColumnId = std::uint32_t;

struct OutputColumn {
  ColumnId id = 0;
  SqlType type;
  std::string name;  // for EXPLAIN
};

// Where DESIGN's operators come from: create() makes the operator that runs this node.
struct PlanNode {
  virtual ~PlanNode() = default;
  [[nodiscard]] virtual std::unique_ptr<Operator> create() const = 0;
  // One line for EXPLAIN.
  [[nodiscard]] virtual std::string describe() const = 0;
  // Calls visit for each expression the node itself holds.
  virtual void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) = 0;
  // Positions in the chunks that its operator makes are below this. Point plans keep their buffers small.
  [[nodiscard]] virtual std::size_t chunkCapacity() const { return kMaxChunkRows; }

  [[nodiscard]] std::vector<Type> outputTypes() const;

  std::vector<OutputColumn> output;
  std::vector<std::unique_ptr<PlanNode>> children;
  double estimated_rows = 1000;

  // The name of position `index` among the children's outputs, for describe().
  [[nodiscard]] std::string inputName(std::uint32_t index) const;
  [[nodiscard]] std::string describe(const Expression& expression) const;
};
using PlanNodePtr = std::unique_ptr<PlanNode>;

std::vector<Type> typesOf(const std::vector<ExpressionPtr>& expressions);

struct FilterNode final : PlanNode {
  [[nodiscard]] std::size_t chunkCapacity() const override { return children[0]->chunkCapacity(); }
  ExpressionPtr predicate;
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override { visit(predicate); }
};

struct ProjectNode final : PlanNode {
  [[nodiscard]] std::size_t chunkCapacity() const override { return children[0]->chunkCapacity(); }
  std::vector<ExpressionPtr> expressions;  // one an output column
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override {
    for (ExpressionPtr& expression : expressions) {
      visit(expression);
    }
  }
};

// VALUES; the one empty row of a SELECT without FROM; and nothing at all, where no row can fulfil the conditions.
struct ValuesNode final : PlanNode {
  [[nodiscard]] std::size_t chunkCapacity() const override { return std::clamp<std::size_t>(rows.size(), 1, kMaxChunkRows); }
  std::vector<std::vector<ExpressionPtr>> rows;
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override {
    for (auto& row : rows) {
      for (ExpressionPtr& expression : row) {
        visit(expression);
      }
    }
  }
};

struct TableFunctionNode final : PlanNode {
  const TableFunction* function = nullptr;
  std::vector<ExpressionPtr> arguments;       // row-independent
  std::vector<std::uint32_t> source_columns;  // which of the function's columns each output column is
  std::vector<ExpressionPtr> wanted;          // row-independent: the only values of its look_up_column; none: all rows
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override {
    for (ExpressionPtr& argument : arguments) {
      visit(argument);
    }
    for (ExpressionPtr& value : wanted) {
      visit(value);
    }
  }
};

enum class PlanJoinType : std::uint8_t { kInner, kLeft, kFull, kSemi, kAnti };

// Child 0 is probed (and preserved by kLeft), child 1 is built. Without keys it is a nested loop over the built rows.
// kSemi and kAnti answer only child 0's columns.
struct JoinNode final : PlanNode {
  PlanJoinType type = PlanJoinType::kInner;
  std::vector<ExpressionPtr> left_keys;   // over child 0
  std::vector<ExpressionPtr> right_keys;  // over child 1, of the same types
  ExpressionPtr condition;                // over both; may be null
  // kAnti for NOT IN: a NULL key on either side makes the answer unknown, so the row does not pass.
  bool null_aware = false;
  // Which positions of the two children, concatenated, the output consists of; set by finishPlan.
  std::vector<std::uint32_t> source_columns;
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override;
};

enum class AggregateKind : std::uint8_t {
  kCountRows,  // count(*)
  kCount,
  kSumInteger,  // of any integers, as bigint
  kSumReal,
  kAverageInteger,  // as double
  kAverageReal,
  kMin,
  kMax,
  kBoolAnd,
  kBoolOr,
  kStringAgg,
  kVarianceSample,
  kVariancePopulation,
  kDeviationSample,
  kDeviationPopulation,
};

struct AggregateCall {
  AggregateKind kind = AggregateKind::kCountRows;
  bool distinct = false;
  ExpressionPtr argument;   // null for kCountRows
  ExpressionPtr separator;  // kStringAgg
  ExpressionPtr filter;     // may be null
  SqlType type;
  std::string_view name;
};

// Output: the groups' keys, then the aggregates. No groups: one row always.
struct AggregateNode final : PlanNode {
  std::vector<ExpressionPtr> groups;
  std::vector<AggregateCall> aggregates;
  bool one_row = false;  // without GROUP BY: one row even for no input
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override;
};

struct SortKey {
  ExpressionPtr expression;
  bool descending = false;
  bool nulls_first = false;
};

// ORDER BY, with LIMIT and OFFSET if it has them (then it is a Top-N).
struct SortNode final : PlanNode {
  std::vector<SortKey> keys;
  ExpressionPtr limit;   // may be null
  ExpressionPtr offset;  // may be null
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override;
};

struct LimitNode final : PlanNode {
  [[nodiscard]] std::size_t chunkCapacity() const override { return children[0]->chunkCapacity(); }
  ExpressionPtr limit;   // may be null
  ExpressionPtr offset;  // may be null
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override;
};

// The rows of a WITH query, which the WithNode above keeps: child of nothing.
struct CommonScanNode final : PlanNode {
  std::string name;
  std::uint32_t slot = 0;                     // EvalContext::common_tables
  std::vector<std::uint32_t> source_columns;  // which of the query's columns each output column is
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override { return "CTE Scan on " + name; }
  void forEachExpression(const std::function<void(ExpressionPtr&)>&) override {}
};

// A query with a WITH. Child 0 is the query itself; each further child is a WITH query, whose rows are computed once for each run
// of this node, as far as anybody asks for them, and kept for all that read them.
struct WithNode final : PlanNode {
  struct Table {
    std::string name;
    std::uint32_t slot = 0;
  };
  std::vector<Table> tables;  // of children 1 …
  [[nodiscard]] std::size_t chunkCapacity() const override { return children[0]->chunkCapacity(); }
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override { return "With"; }
  void forEachExpression(const std::function<void(ExpressionPtr&)>&) override {}
};

enum class PlanSetOperator : std::uint8_t { kUnion, kIntersect, kExcept };

// Both children have as many columns, of the same types. UNION without ALL is an AggregateNode over this with `all`.
struct SetOperationNode final : PlanNode {
  PlanSetOperator op = PlanSetOperator::kUnion;
  bool all = false;
  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>&) override {}
};

}  // namespace trefoil::sql
