// The planner: where conditions are applied, in which order tables are joined, how tables are read; and the last pass over a
// plan.
//
// Rules, no search: conditions go as far down as they can; joins start with the smallest input and go on with the smallest that
// has an equality with what is joined so far; the smaller side is built, the larger one streams past. A table is read by a full
// unique key if there is one, by an index if an equality or a range fits, else from front to back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sql/plan/nodes.hpp"
#include "sql/plan/scan_nodes.hpp"

namespace trefoil::sql {

class View;

// The inputs of an inner join and everything that must hold; the order of both is free.
struct JoinInputs {
  std::vector<PlanNodePtr> relations;
  std::vector<ExpressionPtr> conditions;  // no ANDs at the top
};

// Joins the inputs and applies the conditions. No inputs: one row without columns.
PlanNodePtr planJoins(JoinInputs inputs);

// An outer join of two planned inputs on conditions (no ANDs at the top).
PlanNodePtr planOuterJoin(PlanJoinType type, PlanNodePtr left, PlanNodePtr right, std::vector<ExpressionPtr> conditions);

// A filter on top of, or inside of, `node`.
PlanNodePtr applyCondition(PlanNodePtr node, ExpressionPtr condition);

// Sorts, with LIMIT and OFFSET if given (may be null): as a search by vector or an ordered index scan where that does the same.
PlanNodePtr planSort(PlanNodePtr input, std::vector<SortKey> keys, ExpressionPtr limit, ExpressionPtr offset);
PlanNodePtr planLimit(PlanNodePtr input, ExpressionPtr limit, ExpressionPtr offset);

// Chooses how each table is read, drops columns that nobody needs (the root keeps all of its own) and turns column ids into
// positions. Once, on a whole plan.
void finishPlan(PlanNode& root);

// Chooses the access path of a scan from its filter. (finishPlan does it for all scans.)
void chooseAccess(ScanNode& scan);

// A finished query as a subquery of an expression.
std::shared_ptr<const Subquery> makeSubquery(PlanNodePtr root, bool correlated);

// EXPLAIN's lines.
void describePlan(const PlanNode& node, int indent, std::string& out);

// The ids of the columns in an expression.
void collectColumns(const Expression& expression, std::vector<ColumnId>& ids);
bool isCoveredBy(const Expression& expression, const std::vector<OutputColumn>& columns);

}  // namespace trefoil::sql
