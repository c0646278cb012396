#include "sql/plan/planner.hpp"

#include <unordered_map>
#include <unordered_set>

#include "sql/expressions/folding.hpp"
#include "sql/expressions/functions.hpp"
#include "sql/expressions/table_function.hpp"

namespace trefoil::sql {
namespace {

constexpr double kEqualitySelectivity = 0.05;
constexpr double kOtherSelectivity = 0.3;
// The id of a column that no expression names: what a vector search and the scan below it tell each other. The binder's begin
// at 1.
constexpr ColumnId kOwnColumn = 0;

bool isEquality(const Expression& expression) {
  return expression.kind == ExpressionKind::kCall && expression.function->name == "=";
}

double selectivity(const Expression& condition) {
  return isEquality(condition) ? kEqualitySelectivity : kOtherSelectivity;
}

// Cheap conditions first: what has a subquery is computed for the rows that are left.
void addFilter(ExpressionPtr& filter, ExpressionPtr condition) {
  if (filter == nullptr) {
    filter = std::move(condition);
    return;
  }
  if (filter->kind != ExpressionKind::kAnd) {
    std::vector<ExpressionPtr> one;
    one.push_back(std::move(filter));
    filter = std::make_unique<Expression>(ExpressionKind::kAnd, SqlType::boolean());
    filter->children = std::move(one);
  }
  std::vector<ExpressionPtr>& conjuncts = filter->children;
  auto place = conjuncts.end();
  if (!hasSubquery(*condition)) {
    while (place != conjuncts.begin() && hasSubquery(**(place - 1))) {
      --place;
    }
  }
  conjuncts.insert(place, std::move(condition));
}

std::vector<OutputColumn> concatenated(const PlanNode& left, const PlanNode& right) {
  std::vector<OutputColumn> all = left.output;
  all.insert(all.end(), right.output.begin(), right.output.end());
  return all;
}

// If `condition` is left = right with each side over one input, moves the sides to the join's keys.
bool takeAsKey(JoinNode& join, ExpressionPtr& condition) {
  if (!isEquality(*condition) || hasSubquery(*condition)) {
    return false;
  }
  ExpressionPtr& a = condition->children[0];
  ExpressionPtr& b = condition->children[1];
  std::vector<ColumnId> columns_a;
  std::vector<ColumnId> columns_b;
  collectColumns(*a, columns_a);
  collectColumns(*b, columns_b);
  if (columns_a.empty() || columns_b.empty() || elementSize(a->type.storage()) != elementSize(b->type.storage())) {
    return false;
  }
  const auto& left = join.children[0]->output;
  const auto& right = join.children[1]->output;
  if (isCoveredBy(*a, left) && isCoveredBy(*b, right)) {
    join.left_keys.push_back(std::move(a));
    join.right_keys.push_back(std::move(b));
    return true;
  }
  if (isCoveredBy(*b, left) && isCoveredBy(*a, right)) {
    join.left_keys.push_back(std::move(b));
    join.right_keys.push_back(std::move(a));
    return true;
  }
  return false;
}

// Joins two inputs on whatever conditions cover just them; the conditions used are removed.
PlanNodePtr joinPair(PlanNodePtr left, PlanNodePtr right, std::vector<ExpressionPtr>& conditions) {
  if (left->estimated_rows < right->estimated_rows) {
    std::swap(left, right);
  }
  auto join = std::make_unique<JoinNode>();
  const double left_rows = left->estimated_rows;
  const double right_rows = right->estimated_rows;
  join->output = concatenated(*left, *right);
  join->children.push_back(std::move(left));
  join->children.push_back(std::move(right));
  std::vector<ExpressionPtr> rest;
  std::vector<ExpressionPtr> residual;
  for (ExpressionPtr& condition : conditions) {
    if (!isCoveredBy(*condition, join->output) || hasSubquery(*condition)) {
      rest.push_back(std::move(condition));
    } else if (!takeAsKey(*join, condition)) {
      residual.push_back(std::move(condition));
    }
  }
  join->estimated_rows = join->left_keys.empty() ? left_rows * right_rows : std::max(left_rows, right_rows);
  for (const ExpressionPtr& condition : residual) {
    join->estimated_rows *= selectivity(*condition);
  }
  join->condition = joinConjunction(std::move(residual));
  conditions = std::move(rest);
  return join;
}

// Whether some equality links the two column sets.
bool isLinked(const PlanNode& a, const PlanNode& b, const std::vector<ExpressionPtr>& conditions) {
  const std::vector<OutputColumn> both = concatenated(a, b);
  return std::any_of(conditions.begin(), conditions.end(), [&](const ExpressionPtr& condition) {
    return isEquality(*condition) && isCoveredBy(*condition, both) && !isCoveredBy(*condition, a.output) &&
           !isCoveredBy(*condition, b.output);
  });
}

// If `condition` is column = value or column IN (values) for the column by which the function finds rows, makes it find them.
void lookUpRows(TableFunctionNode& node, const Expression& condition) {
  const TableFunction& function = *node.function;
  const bool is_list = condition.kind == ExpressionKind::kInList && !condition.negated;
  if (function.look_up == nullptr || !node.wanted.empty() || (!is_list && !isEquality(condition))) {
    return;
  }
  const auto is_column = [&](const Expression& side) {
    const OutputColumn& column = node.output[function.look_up_column];
    return side.kind == ExpressionKind::kColumn && side.index == column.id;
  };
  const std::size_t column = is_column(*condition.children[0]) ? 0 : 1;
  if (!is_column(*condition.children[column]) || (is_list && column != 0)) {
    return;
  }
  const SqlType type = function.columns[function.look_up_column].type;
  for (std::size_t i = 0; i < condition.children.size(); ++i) {
    const Expression& value = *condition.children[i];
    if (i != column && (!comparesAsIs(value.type, type) || !isRowIndependent(value))) {
      return;
    }
  }
  for (std::size_t i = 0; i < condition.children.size(); ++i) {
    if (i != column) {
      node.wanted.push_back(clone(*condition.children[i]));
    }
  }
  node.estimated_rows = static_cast<double>(node.wanted.size());
}

}  // namespace

void collectColumns(const Expression& expression, std::vector<ColumnId>& ids) {
  visit(expression, [&](const Expression& node) {
    if (node.kind == ExpressionKind::kColumn) {
      ids.push_back(node.index);
    }
    return true;
  });
}

bool isCoveredBy(const Expression& expression, const std::vector<OutputColumn>& columns) {
  std::vector<ColumnId> ids;
  collectColumns(expression, ids);
  return std::all_of(ids.begin(), ids.end(), [&](ColumnId id) {
    return std::any_of(columns.begin(), columns.end(), [&](const OutputColumn& column) { return column.id == id; });
  });
}

PlanNodePtr applyCondition(PlanNodePtr node, ExpressionPtr condition) {
  const double factor = selectivity(*condition);
  if (auto* scan = dynamic_cast<ScanNode*>(node.get())) {
    addFilter(scan->filter, std::move(condition));
    scan->estimated_rows = std::max(1.0, scan->estimated_rows * factor);
    return node;
  }
  if (auto* join = dynamic_cast<JoinNode*>(node.get())) {
    // What concerns only the preserved (or for an inner join, either) side is applied before joining.
    for (std::size_t side = 0; side < 2; ++side) {
      const bool may = join->type == PlanJoinType::kInner || (side == 0 && join->type != PlanJoinType::kFull);
      if (may && isCoveredBy(*condition, join->children[side]->output)) {
        join->children[side] = applyCondition(std::move(join->children[side]), std::move(condition));
        return node;
      }
    }
  }
  if (auto* filter = dynamic_cast<FilterNode*>(node.get())) {
    if (auto* function = dynamic_cast<TableFunctionNode*>(filter->children[0].get())) {
      lookUpRows(*function, *condition);
    }
    addFilter(filter->predicate, std::move(condition));
    filter->estimated_rows = std::max(1.0, filter->estimated_rows * factor);
    return node;
  }
  if (auto* function = dynamic_cast<TableFunctionNode*>(node.get())) {
    lookUpRows(*function, *condition);
  }
  auto filter = std::make_unique<FilterNode>();
  filter->output = node->output;
  filter->estimated_rows = std::max(1.0, node->estimated_rows * factor);
  filter->predicate = std::move(condition);
  filter->children.push_back(std::move(node));
  return filter;
}

namespace {

// Says what can be said of the conditions now. False if none of the rows can fulfil them all.
bool simplifyConditions(std::vector<ExpressionPtr>& conditions) {
  std::vector<ExpressionPtr> simpler;
  for (ExpressionPtr& condition : conditions) {
    simplify(condition);
    splitConjunction(std::move(condition), simpler);
  }
  const auto is_constant = [](const ExpressionPtr& condition) { return condition->kind == ExpressionKind::kConstant; };
  const auto is_true = [&](const ExpressionPtr& condition) {
    return is_constant(condition) && !condition->constant.isNull() && condition->constant.view().asBool();
  };
  std::erase_if(simpler, is_true);
  std::stable_partition(simpler.begin(), simpler.end(), [](const ExpressionPtr& condition) { return isFreeOfRows(*condition); });
  conditions = std::move(simpler);
  return std::none_of(conditions.begin(), conditions.end(), is_constant);
}

// In place of the inputs: their columns, but no rows.
PlanNodePtr noRows(const std::vector<PlanNodePtr>& relations) {
  auto nothing = std::make_unique<ValuesNode>();
  for (const PlanNodePtr& relation : relations) {
    nothing->output.insert(nothing->output.end(), relation->output.begin(), relation->output.end());
  }
  nothing->estimated_rows = 1;
  return nothing;
}

}  // namespace

PlanNodePtr planJoins(JoinInputs inputs) {
  if (!simplifyConditions(inputs.conditions)) {
    return noRows(inputs.relations);
  }
  if (inputs.relations.empty()) {
    auto values = std::make_unique<ValuesNode>();
    values->rows.emplace_back();
    values->estimated_rows = 1;
    inputs.relations.push_back(std::move(values));
  }
  std::vector<ExpressionPtr> conditions;
  for (ExpressionPtr& condition : inputs.conditions) {
    bool applied = false;
    for (PlanNodePtr& relation : inputs.relations) {
      if (isCoveredBy(*condition, relation->output)) {
        relation = applyCondition(std::move(relation), std::move(condition));
        applied = true;
        break;
      }
    }
    if (!applied) {
      conditions.push_back(std::move(condition));
    }
  }
  auto& relations = inputs.relations;
  const auto take = [&](std::size_t index) {
    PlanNodePtr taken = std::move(relations[index]);
    relations.erase(relations.begin() + static_cast<std::ptrdiff_t>(index));
    return taken;
  };
  const auto smallest = [&](auto&& eligible) {
    std::size_t best = relations.size();
    for (std::size_t i = 0; i < relations.size(); ++i) {
      if (eligible(*relations[i]) &&
          (best == relations.size() || relations[i]->estimated_rows < relations[best]->estimated_rows)) {
        best = i;
      }
    }
    return best;
  };
  PlanNodePtr joined = take(smallest([](const PlanNode&) { return true; }));
  while (!relations.empty()) {
    std::size_t next = smallest([&](const PlanNode& candidate) { return isLinked(*joined, candidate, conditions); });
    if (next == relations.size()) {
      next = smallest([](const PlanNode&) { return true; });
    }
    joined = joinPair(std::move(joined), take(next), conditions);
  }
  std::stable_partition(conditions.begin(), conditions.end(), [](const ExpressionPtr& e) { return !hasSubquery(*e); });
  for (ExpressionPtr& condition : conditions) {
    joined = applyCondition(std::move(joined), std::move(condition));
  }
  return joined;
}

PlanNodePtr planOuterJoin(PlanJoinType type, PlanNodePtr left, PlanNodePtr right, std::vector<ExpressionPtr> conditions) {
  auto join = std::make_unique<JoinNode>();
  join->type = type;
  std::vector<ExpressionPtr> residual;
  std::vector<ExpressionPtr> rest;
  for (ExpressionPtr& condition : conditions) {
    std::vector<ColumnId> columns;
    collectColumns(*condition, columns);
    if (type == PlanJoinType::kLeft && !columns.empty() && isCoveredBy(*condition, right->output)) {
      right = applyCondition(std::move(right), std::move(condition));
    } else {
      rest.push_back(std::move(condition));
    }
  }
  join->estimated_rows = std::max(left->estimated_rows, right->estimated_rows);
  join->output = concatenated(*left, *right);
  join->children.push_back(std::move(left));
  join->children.push_back(std::move(right));
  for (ExpressionPtr& condition : rest) {
    if (!takeAsKey(*join, condition)) {
      residual.push_back(std::move(condition));
    }
  }
  join->condition = joinConjunction(std::move(residual));
  return join;
}

// ------------------------------------------------------------------------------------------------------------------ sort, limit

namespace {

struct NamedMetric {
  std::string_view name;
  vector::Metric metric;
};
constexpr NamedMetric kMetrics[] = {{"<=>", vector::Metric::kCosine},
                                    {"<->", vector::Metric::kL2},
                                    {"<#>", vector::Metric::kInnerProduct},
                                    {"cosine_distance", vector::Metric::kCosine},
                                    {"l2_distance", vector::Metric::kL2}};

// ORDER BY column <=> query LIMIT k directly over a table is a search by vector.
PlanNodePtr asVectorSearch(PlanNodePtr& input, std::vector<SortKey>& keys, ExpressionPtr& limit, ExpressionPtr& offset) {
  auto* scan = dynamic_cast<ScanNode*>(input.get());
  if (scan == nullptr || limit == nullptr || keys.size() != 1 || keys[0].descending || keys[0].nulls_first) {
    return nullptr;
  }
  const Expression& distance = *keys[0].expression;
  if (distance.kind != ExpressionKind::kCall) {
    return nullptr;
  }
  const auto* const metric = std::find_if(std::begin(kMetrics), std::end(kMetrics),
                                          [&](const NamedMetric& m) { return m.name == distance.function->name; });
  if (metric == std::end(kMetrics)) {
    return nullptr;
  }
  for (std::size_t side = 0; side < 2; ++side) {
    const Expression& column = *distance.children[side];
    if (column.kind != ExpressionKind::kColumn || !isRowIndependent(*distance.children[1 - side])) {
      continue;
    }
    const auto found = std::find_if(scan->output.begin(), scan->output.end(),
                                    [&](const OutputColumn& output) { return output.id == column.index; });
    if (found == scan->output.end()) {
      continue;
    }
    auto knn = std::make_unique<KnnNode>();
    knn->schema = scan->schema;
    knn->columns = scan->columns;
    knn->output = scan->output;
    knn->output.push_back({kOwnColumn, SqlType::doublePrecision(), "distance"});
    knn->vector_column = scan->columns[static_cast<std::size_t>(found - scan->output.begin())];
    knn->metric = metric->metric;
    const auto& indexes = scan->schema->vector_indexes;
    const auto index = std::find_if(indexes.begin(), indexes.end(), [&](const VectorIndexDefinition& i) {
      return i.column == knn->vector_column && i.metric == knn->metric;
    });
    if (index != indexes.end()) {
      knn->index = static_cast<std::uint32_t>(index - indexes.begin());
    }
    knn->query = std::move(keys[0].expression->children[1 - side]);
    knn->limit = clone(*limit);
    knn->offset = offset == nullptr ? nullptr : clone(*offset);
    knn->estimated_rows = 10;
    knn->table_rows = scan->table_rows;
    if (scan->filter != nullptr) {
      scan->columns.push_back(kRowIdColumn);
      scan->output.push_back({kOwnColumn, SqlType::bigint(), "row id"});
      knn->children.push_back(std::move(input));
    }
    return planLimit(std::move(knn), std::move(limit), std::move(offset));
  }
  return nullptr;
}

// Whether an index on the table already has the rows in the order of `key`, all of them that the scan wants and few others. Then
// makes the scan follow it.
bool followIndex(ScanNode& scan, const SortKey& key) {
  if (key.expression->kind != ExpressionKind::kColumn || key.nulls_first != key.descending) {
    return false;
  }
  const auto found = std::find_if(scan.output.begin(), scan.output.end(),
                                  [&](const OutputColumn& output) { return output.id == key.expression->index; });
  if (found == scan.output.end()) {
    return false;
  }
  const std::uint32_t column = scan.columns[static_cast<std::size_t>(found - scan.output.begin())];
  if (column == kRowIdColumn || !scan.schema->columns[column].not_null) {
    return false;  // an index may leave out NULLs
  }
  chooseAccess(scan);
  if (scan.access == AccessPath::kRange) {
    std::size_t conjuncts = 1;
    if (scan.filter->kind == ExpressionKind::kAnd) {
      conjuncts = scan.filter->children.size();
    }
    const std::size_t bounds = scan.equals.size() + (scan.lower != nullptr ? 1 : 0) + (scan.upper != nullptr ? 1 : 0);
    const auto& columns = scan.schema->indexes[scan.index].columns;
    if (bounds != conjuncts || scan.equals.size() >= columns.size() || columns[scan.equals.size()] != column) {
      return false;
    }
  } else if (scan.access == AccessPath::kFull && scan.filter == nullptr) {
    const auto index = std::find_if(scan.schema->indexes.begin(), scan.schema->indexes.end(),
                                    [&](const IndexDefinition& i) { return i.columns[0] == column; });
    if (index == scan.schema->indexes.end()) {
      return false;
    }
    scan.access = AccessPath::kRange;
    scan.index = static_cast<std::uint32_t>(index - scan.schema->indexes.begin());
  } else {
    return false;
  }
  scan.ordered = true;
  scan.descending = key.descending;
  return true;
}

}  // namespace

PlanNodePtr planSort(PlanNodePtr input, std::vector<SortKey> keys, ExpressionPtr limit, ExpressionPtr offset) {
  // What is the same for every row does not order them.
  std::erase_if(keys, [](const SortKey& key) { return isRowIndependent(*key.expression); });
  if (keys.empty()) {
    return planLimit(std::move(input), std::move(limit), std::move(offset));
  }
  if (PlanNodePtr search = asVectorSearch(input, keys, limit, offset)) {
    return search;
  }
  if (auto* scan = dynamic_cast<ScanNode*>(input.get());
      scan != nullptr && limit != nullptr && keys.size() == 1 && followIndex(*scan, keys[0])) {
    return planLimit(std::move(input), std::move(limit), std::move(offset));
  }
  auto sort = std::make_unique<SortNode>();
  sort->output = input->output;
  sort->estimated_rows = input->estimated_rows;
  sort->keys = std::move(keys);
  sort->limit = std::move(limit);
  sort->offset = std::move(offset);
  sort->children.push_back(std::move(input));
  return sort;
}

PlanNodePtr planLimit(PlanNodePtr input, ExpressionPtr limit, ExpressionPtr offset) {
  if (limit == nullptr && offset == nullptr) {
    return input;
  }
  auto node = std::make_unique<LimitNode>();
  node->output = input->output;
  node->estimated_rows = input->estimated_rows;
  node->limit = std::move(limit);
  node->offset = std::move(offset);
  node->children.push_back(std::move(input));
  return node;
}

// ----------------------------------------------------------------------------------------------------------------- access paths

namespace {

// A conjunct `column <op> value` with the value the same for all rows.
struct ColumnBound {
  std::uint32_t column = 0;  // position in the table
  std::string_view op;       // seen with the column on the left
  const Expression* value = nullptr;
  const Expression* conjunct = nullptr;
};

std::string_view mirrored(std::string_view op) {
  return op == "<" ? ">" : op == "<=" ? ">=" : op == ">" ? "<" : op == ">=" ? "<=" : op;
}

std::optional<ColumnBound> asBound(const ScanNode& scan, const Expression& conjunct) {
  if (conjunct.kind != ExpressionKind::kCall || conjunct.children.size() != 2) {
    return std::nullopt;
  }
  const std::string_view name = conjunct.function->name;
  if (name != "=" && name != "<" && name != "<=" && name != ">" && name != ">=") {
    return std::nullopt;
  }
  for (std::size_t side = 0; side < 2; ++side) {
    const Expression& column = *conjunct.children[side];
    const Expression& value = *conjunct.children[1 - side];
    if (column.kind != ExpressionKind::kColumn || !isRowIndependent(value)) {
      continue;
    }
    for (std::size_t i = 0; i < scan.output.size(); ++i) {
      if (scan.output[i].id == column.index && scan.columns[i] != kRowIdColumn && comparesAsIs(scan.output[i].type, value.type)) {
        return ColumnBound{scan.columns[i], side == 0 ? name : mirrored(name), &value, &conjunct};
      }
    }
  }
  return std::nullopt;
}

struct IndexMatch {
  std::vector<const Expression*> equals;
  std::vector<const Expression*> equal_conjuncts;
  const Expression* lower = nullptr;
  const Expression* upper = nullptr;
  bool lower_inclusive = true;
  bool upper_inclusive = true;
};

IndexMatch matchIndex(const IndexDefinition& index, const std::vector<ColumnBound>& bounds) {
  IndexMatch match;
  for (const std::uint32_t column : index.columns) {
    const auto equal = std::find_if(bounds.begin(), bounds.end(),
                                    [&](const ColumnBound& bound) { return bound.column == column && bound.op == "="; });
    if (equal != bounds.end()) {
      match.equals.push_back(equal->value);
      match.equal_conjuncts.push_back(equal->conjunct);
      continue;
    }
    for (const ColumnBound& bound : bounds) {
      if (bound.column != column) {
        continue;
      }
      if (bound.op.front() == '>' && match.lower == nullptr) {
        match.lower = bound.value;
        match.lower_inclusive = bound.op.size() == 2;
      } else if (bound.op.front() == '<' && match.upper == nullptr) {
        match.upper = bound.value;
        match.upper_inclusive = bound.op.size() == 2;
      }
    }
    break;
  }
  return match;
}

}  // namespace

void chooseAccess(ScanNode& scan) {
  if (scan.filter == nullptr || scan.access != AccessPath::kFull) {
    return;
  }
  std::vector<ColumnBound> bounds;
  const auto consider = [&](const Expression& conjunct) {
    if (auto bound = asBound(scan, conjunct)) {
      bounds.push_back(*bound);
    }
  };
  if (scan.filter->kind == ExpressionKind::kAnd) {
    for (const ExpressionPtr& conjunct : scan.filter->children) {
      consider(*conjunct);
    }
  } else {
    consider(*scan.filter);
  }
  int best_score = 0;
  std::vector<const Expression*> implied;  // conjuncts that the access path makes true
  for (std::uint32_t i = 0; i < scan.schema->indexes.size(); ++i) {
    const IndexDefinition& index = scan.schema->indexes[i];
    const IndexMatch match = matchIndex(index, bounds);
    const bool unique = index.unique && match.equals.size() == index.columns.size();
    const int range = (match.lower != nullptr ? 1 : 0) + (match.upper != nullptr ? 1 : 0);
    const int score = unique ? 1000 : static_cast<int>(match.equals.size()) * 4 + range;
    if (score <= best_score) {
      continue;
    }
    best_score = score;
    scan.access = unique ? AccessPath::kUnique : AccessPath::kRange;
    scan.index = i;
    scan.equals.clear();
    for (const Expression* value : match.equals) {
      scan.equals.push_back(clone(*value));
    }
    scan.lower = match.lower == nullptr ? nullptr : clone(*match.lower);
    scan.upper = match.upper == nullptr ? nullptr : clone(*match.upper);
    scan.lower_inclusive = match.lower_inclusive;
    scan.upper_inclusive = match.upper_inclusive;
    if (unique) {
      scan.estimated_rows = 1;
    }
    implied = unique ? match.equal_conjuncts : std::vector<const Expression*>();
  }
  // The row that a unique key finds need not be compared with it again. (A range keeps its conditions: see IndexScanOperator.)
  std::vector<ExpressionPtr> rest;
  splitConjunction(std::move(scan.filter), rest);
  std::erase_if(rest, [&](const ExpressionPtr& conjunct) {
    return std::find(implied.begin(), implied.end(), conjunct.get()) != implied.end();
  });
  scan.filter = joinConjunction(std::move(rest));
}

// -------------------------------------------------------------------------------------------------------------------- last pass

namespace {

using IdSet = std::unordered_set<ColumnId>;

void addColumns(const Expression& expression, IdSet& ids) {
  visit(expression, [&](const Expression& node) {
    if (node.kind == ExpressionKind::kColumn) {
      ids.insert(node.index);
    }
    return true;
  });
}

void resolveColumns(Expression& expression, const std::unordered_map<ColumnId, std::uint32_t>& positions) {
  visitMutable(expression, [&](Expression& node) {
    if (node.kind == ExpressionKind::kColumn) {
      const auto found = positions.find(node.index);
      TREFOIL_ASSERT(found != positions.end());
      node.index = found->second;
    }
  });
}

// Keeps the entries of `lists` (parallel to node.output) whose column is needed.
template <typename... Lists>
void pruneOutput(PlanNode& node, const IdSet& needed, Lists&... lists) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < node.output.size(); ++i) {
    if (!needed.contains(node.output[i].id)) {
      continue;
    }
    if (kept != i) {
      node.output[kept] = std::move(node.output[i]);
      ((lists[kept] = std::move(lists[i])), ...);
    }
    ++kept;
  }
  node.output.resize(kept);
  (lists.resize(kept), ...);
}

void resolveNode(PlanNode& node) {
  std::unordered_map<ColumnId, std::uint32_t> positions;
  std::uint32_t next = 0;
  for (const PlanNodePtr& child : node.children) {
    for (const OutputColumn& column : child->output) {
      positions.emplace(column.id, next++);
    }
  }
  if (auto* join = dynamic_cast<JoinNode*>(&node)) {
    const auto width = static_cast<std::uint32_t>(join->children[0]->output.size());
    for (ExpressionPtr& key : join->left_keys) {
      resolveColumns(*key, positions);
    }
    for (ExpressionPtr& key : join->right_keys) {
      resolveColumns(*key, positions);
      visitMutable(*key, [&](Expression& expression) {
        if (expression.kind == ExpressionKind::kColumn) {
          expression.index -= width;
        }
      });
    }
    if (join->condition != nullptr) {
      resolveColumns(*join->condition, positions);
    }
    for (const OutputColumn& column : join->output) {
      join->source_columns.push_back(positions.at(column.id));
    }
    return;
  }
  if (node.children.empty()) {  // a scan: expressions are over its own output
    for (const OutputColumn& column : node.output) {
      positions.emplace(column.id, next++);
    }
  }
  node.forEachExpression([&](ExpressionPtr& expression) {
    if (expression != nullptr) {
      resolveColumns(*expression, positions);
    }
  });
}

void finishNode(PlanNode& node, const IdSet& needed) {
  node.forEachExpression([](ExpressionPtr& expression) {
    if (expression != nullptr) {
      simplify(expression);
    }
  });
  if (auto* scan = dynamic_cast<ScanNode*>(&node)) {
    chooseAccess(*scan);
  }
  IdSet from_children = needed;
  node.forEachExpression([&](ExpressionPtr& expression) {
    if (expression != nullptr && dynamic_cast<ProjectNode*>(&node) == nullptr) {
      addColumns(*expression, from_children);
    }
  });
  if (auto* project = dynamic_cast<ProjectNode*>(&node)) {
    pruneOutput(node, needed, project->expressions);
    from_children.clear();
    for (const ExpressionPtr& expression : project->expressions) {
      addColumns(*expression, from_children);
    }
  } else if (auto* scan = dynamic_cast<ScanNode*>(&node)) {
    pruneOutput(node, from_children, scan->columns);
  } else if (auto* knn = dynamic_cast<KnnNode*>(&node)) {
    const OutputColumn distance = knn->output.back();
    knn->output.pop_back();
    pruneOutput(node, from_children, knn->columns);
    knn->output.push_back(distance);
    from_children = {kOwnColumn};
  } else if (auto* function = dynamic_cast<TableFunctionNode*>(&node)) {
    pruneOutput(node, needed, function->source_columns);
  } else if (auto* common = dynamic_cast<CommonScanNode*>(&node)) {
    pruneOutput(node, needed, common->source_columns);
  } else if (dynamic_cast<SetOperationNode*>(&node) != nullptr) {
    for (const PlanNodePtr& child : node.children) {
      finishPlan(*child);
    }
    return;
  } else if (dynamic_cast<WithNode*>(&node) != nullptr) {
    finishNode(*node.children[0], needed);
    node.output = node.children[0]->output;
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      finishPlan(*node.children[i]);
    }
    return;
  }
  for (const PlanNodePtr& child : node.children) {
    finishNode(*child, from_children);
  }
  if (auto* join = dynamic_cast<JoinNode*>(&node)) {
    pruneOutput(*join, needed);
  } else if (dynamic_cast<FilterNode*>(&node) != nullptr || dynamic_cast<SortNode*>(&node) != nullptr ||
             dynamic_cast<LimitNode*>(&node) != nullptr) {
    node.output = node.children[0]->output;
  }
  resolveNode(node);
}

}  // namespace

void finishPlan(PlanNode& root) {
  IdSet all;
  for (const OutputColumn& column : root.output) {
    all.insert(column.id);
  }
  finishNode(root, all);
}

}  // namespace trefoil::sql
