// What EXPLAIN says about plan nodes, which expressions they hold, and the types of what they answer.
#include "sql/plan/nodes.hpp"

#include "sql/expressions/table_function.hpp"
#include "sql/plan/planner.hpp"
#include "sql/plan/scan_nodes.hpp"
#include "vector/hnsw.hpp"

namespace trefoil::sql {

std::vector<Type> PlanNode::outputTypes() const {
  std::vector<Type> types;
  for (const OutputColumn& column : output) {
    types.push_back(column.type.storage());
  }
  return types;
}

std::vector<Type> typesOf(const std::vector<ExpressionPtr>& expressions) {
  std::vector<Type> types;
  for (const ExpressionPtr& expression : expressions) {
    types.push_back(expression->type.storage());
  }
  return types;
}

std::string PlanNode::inputName(std::uint32_t index) const {
  if (children.empty()) {
    return index < output.size() ? output[index].name : "?";
  }
  for (const PlanNodePtr& child : children) {
    if (index < child->output.size()) {
      return child->output[index].name;
    }
    index -= static_cast<std::uint32_t>(child->output.size());
  }
  return "?";
}

std::string PlanNode::describe(const Expression& expression) const {
  return describeExpression(expression, [this](std::uint32_t index) { return inputName(index); });
}

namespace {

template <typename List, typename Describe>
std::string joined(const List& list, Describe&& describe) {
  std::string out;
  for (const auto& item : list) {
    out += (out.empty() ? "" : ", ") + describe(item);
  }
  return out;
}

void visitAll(std::vector<ExpressionPtr>& list, const std::function<void(ExpressionPtr&)>& visitor) {
  for (ExpressionPtr& expression : list) {
    visitor(expression);
  }
}

}  // namespace

std::string FilterNode::describe() const {
  return "Filter: " + PlanNode::describe(*predicate);
}

std::string ProjectNode::describe() const {
  return "Project: " + joined(expressions, [this](const ExpressionPtr& e) { return PlanNode::describe(*e); });
}

std::string ValuesNode::describe() const {
  return rows.empty()                          ? "Result: no rows"
         : rows.size() == 1 && rows[0].empty() ? "Result"
                                               : "Values (" + std::to_string(rows.size()) + " rows)";
}

std::string TableFunctionNode::describe() const {
  if (wanted.empty()) {
    return "Function Scan on " + function->name;
  }
  const std::string values = joined(wanted, [this](const ExpressionPtr& e) { return PlanNode::describe(*e); });
  return "Function Lookup on " + function->name + ": " + function->columns[function->look_up_column].name +
         (wanted.size() == 1 ? " = " + values : " IN (" + values + ")");
}

std::string JoinNode::describe() const {
  constexpr const char* kNames[] = {"Join", "Left Join", "Full Join", "Semi Join", "Anti Join"};
  std::string out = std::string(left_keys.empty() ? "Nested Loop " : "Hash ") + kNames[static_cast<std::size_t>(type)];
  const auto width = static_cast<std::uint32_t>(children[0]->output.size());
  for (std::size_t i = 0; i < left_keys.size(); ++i) {
    out += i == 0 ? ": " : " AND ";
    out += PlanNode::describe(*left_keys[i]) + " = " +
           describeExpression(*right_keys[i], [&](std::uint32_t index) { return inputName(index + width); });
  }
  if (condition != nullptr) {
    out += left_keys.empty() ? ": " : ", and ";
    out += PlanNode::describe(*condition);
  }
  return out;
}

void JoinNode::forEachExpression(const std::function<void(ExpressionPtr&)>& visit) {
  visitAll(left_keys, visit);
  visitAll(right_keys, visit);
  visit(condition);
}

std::string AggregateNode::describe() const {
  if (aggregates.empty()) {
    return "Distinct: " + joined(groups, [this](const ExpressionPtr& e) { return PlanNode::describe(*e); });
  }
  std::string out = groups.empty() ? "Aggregate: " : "Hash Aggregate: ";
  out += joined(aggregates, [this](const AggregateCall& call) {
    return std::string(call.name) + "(" + (call.distinct ? "DISTINCT " : "") +
           (call.argument == nullptr ? "*" : PlanNode::describe(*call.argument)) + ")";
  });
  if (!groups.empty()) {
    out += " by " + joined(groups, [this](const ExpressionPtr& e) { return PlanNode::describe(*e); });
  }
  return out;
}

void AggregateNode::forEachExpression(const std::function<void(ExpressionPtr&)>& visit) {
  visitAll(groups, visit);
  for (AggregateCall& call : aggregates) {
    visit(call.argument);
    visit(call.separator);
    visit(call.filter);
  }
}

std::string SortNode::describe() const {
  std::string out = limit != nullptr ? "Top-N Sort: " : "Sort: ";
  out += joined(keys, [this](const SortKey& key) {
    return PlanNode::describe(*key.expression) + (key.descending ? " DESC" : "") +
           (key.nulls_first == key.descending ? ""
            : key.nulls_first                 ? " NULLS FIRST"
                                              : " NULLS LAST");
  });
  if (limit != nullptr) {
    out += ", limit " + PlanNode::describe(*limit);
  }
  return out;
}

void SortNode::forEachExpression(const std::function<void(ExpressionPtr&)>& visit) {
  for (SortKey& key : keys) {
    visit(key.expression);
  }
  visit(limit);
  visit(offset);
}

std::string LimitNode::describe() const {
  std::string out = "Limit";
  if (limit != nullptr) {
    out += " " + PlanNode::describe(*limit);
  }
  if (offset != nullptr) {
    out += " offset " + PlanNode::describe(*offset);
  }
  return out;
}

void LimitNode::forEachExpression(const std::function<void(ExpressionPtr&)>& visit) {
  visit(limit);
  visit(offset);
}

std::string SetOperationNode::describe() const {
  constexpr const char* kNames[] = {"Append", "Intersect", "Except"};
  return std::string(kNames[static_cast<std::size_t>(op)]) + (all && op != PlanSetOperator::kUnion ? " All" : "");
}

std::string ScanNode::describe() const {
  std::string out;
  if (access == AccessPath::kFull) {
    out = "Scan on " + schema->name;
  } else {
    const IndexDefinition& used = schema->indexes[index];
    out = "Index Scan using " + used.name + " on " + schema->name;
    if (access == AccessPath::kUnique) {
      for (std::size_t i = 0; i < equals.size(); ++i) {
        out += (i == 0 ? ", key: " : ", ") + schema->columns[used.columns[i]].name + " = " + PlanNode::describe(*equals[i]);
      }
    }
  }
  if (filter != nullptr) {
    out += ", filter: " + PlanNode::describe(*filter);
  }
  return out;
}

void ScanNode::forEachExpression(const std::function<void(ExpressionPtr&)>& visit) {
  visit(filter);
  visitAll(equals, visit);
  visit(lower);
  visit(upper);
}

std::string KnnNode::describe() const {
  constexpr const char* kNames[] = {"cosine", "l2", "inner product"};
  const std::string metric_name = kNames[static_cast<std::size_t>(metric)];
  std::string out = "Vector Search ";
  if (index) {
    out += "using " + schema->vector_indexes[*index].name + " ";
  }
  out += "on " + schema->name + " by " + schema->columns[vector_column].name;
  return out + " (" + (index ? "hnsw, " : "") + metric_name + "), expected: " + expectation();
}

std::string_view KnnNode::whyExact(std::uint64_t rows, std::uint64_t k) {
  // An index pays from here on, and if the answer is no larger part of the rows than one in so many.
  constexpr std::uint64_t kFewRows = 256;
  constexpr std::uint64_t kLargePart = 16;
  return rows <= kFewRows ? "few rows" : k > rows / kLargePart ? "LIMIT asks for a large part of the rows" : "";
}

std::string KnnNode::expectation() const {
  const auto exact = [](std::string_view why) { return "exact (" + std::string(why) + ")"; };
  if (!index) {
    return exact("no index");
  }
  if (!index_is_ready) {
    return exact("the index is being built");
  }
  std::uint64_t k = 0;  // as far as it is known
  for (const Expression* count : {limit.get(), offset.get()}) {
    if (count != nullptr && count->kind == ExpressionKind::kConstant && count->constant.view().type() == Type::kInteger) {
      k += static_cast<std::uint64_t>(std::max<std::int64_t>(0, count->constant.view().asInteger()));
    }
  }
  const auto rows = static_cast<std::uint64_t>(table_rows);
  if (const std::string_view why = whyExact(rows, k); !why.empty()) {
    return exact(why);
  }
  if (children.empty()) {
    return "graph, or exact where that is cheaper";
  }
  const auto matches = static_cast<std::uint64_t>(children[0]->estimated_rows);
  const std::string about = "about " + std::to_string(matches) + " of " + std::to_string(rows) + " rows match";
  return matches <= std::max<std::uint64_t>(k, vector::kDefaultEfSearch)
             ? exact(about)
             : "filtered graph, or exact where that is cheaper (" + about + ")";
}

void KnnNode::forEachExpression(const std::function<void(ExpressionPtr&)>& visit) {
  visit(query);
  visit(limit);
  visit(offset);
}

void describePlan(const PlanNode& node, int indent, std::string& out) {
  out.append(static_cast<std::size_t>(indent) * 2, ' ');
  out += node.describe();
  out += '\n';
  const_cast<PlanNode&>(node).forEachExpression([&](ExpressionPtr& expression) {
    if (expression == nullptr) {
      return;
    }
    visit(*expression, [&](const Expression& part) {
      if (part.kind == ExpressionKind::kSubquery) {
        out.append(static_cast<std::size_t>(indent + 1) * 2, ' ');
        out += part.subquery_kind == SubqueryKind::kIn ? "Subquery, hashed" : "Subquery";
        out += part.outer_slots.empty() ? " (once)\n" : " (for each row)\n";
        part.subquery->describe(out, indent + 2);
      }
      return true;
    });
  });
  if (const auto* with = dynamic_cast<const WithNode*>(&node)) {
    for (std::size_t i = 0; i < with->tables.size(); ++i) {
      out.append(static_cast<std::size_t>(indent + 1) * 2, ' ');
      out += "CTE " + with->tables[i].name + "\n";
      describePlan(*with->children[i + 1], indent + 2, out);
    }
    describePlan(*with->children[0], indent + 1, out);
    return;
  }
  for (const PlanNodePtr& child : node.children) {
    describePlan(*child, indent + 1, out);
  }
}

}  // namespace trefoil::sql
