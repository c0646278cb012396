// FROM: tables, subqueries, table functions and joins.
#include <unordered_set>

#include "sql/bind/binder.hpp"
#include "sql/expressions/functions.hpp"
#include "sql/expressions/series_function.hpp"
#include "sql/expressions/table_function.hpp"
#include "sql/storage/view.hpp"

namespace trefoil::sql {

Status Binder::checkSchemaName(const ast::QualifiedName& name) {
  if (!name.schema.empty() && name.schema.text != "public") {
    return Error(ErrorCode::kUndefinedObject, "schema \"" + std::string(name.schema.text) + "\" does not exist")
        .withHint("There is no schema but public.")
        .at(name.schema.position);
  }
  return {};
}

Result<SchemaPointer> Binder::findTable(const ast::QualifiedName& name) {
  if (!checkSchemaName(name).ok()) {
    return Error(ErrorCode::kUndefinedTable,
                 "relation \"" + std::string(name.schema.text) + "." + std::string(name.name.text) + "\" does not exist")
        .at(name.schema.position);
  }
  SchemaPointer schema = context_.view.findTable(name.name.text);
  if (schema == nullptr) {
    return Error(ErrorCode::kUndefinedTable, "relation \"" + std::string(name.name.text) + "\" does not exist")
        .at(name.name.position);
  }
  return schema;
}

Status Binder::bindFrom(const ast::List<ast::TableReference*>& from, Scope& scope, JoinInputs& inputs) {
  for (const ast::TableReference* reference : from) {
    TREFOIL_TRY(bindReference(*reference, scope, inputs));
  }
  return {};
}

Status Binder::bindReference(const ast::TableReference& reference, Scope& scope, JoinInputs& inputs) {
  PlanNodePtr node;
  switch (reference.kind) {
    case ast::TableReferenceKind::kTable: {
      TREFOIL_ASSIGN(node, bindNamedTable(reference.as<ast::NamedTable>(), scope));
      break;
    }
    case ast::TableReferenceKind::kSubquery: {
      const auto& subquery = reference.as<ast::SubqueryTable>();
      TREFOIL_ASSIGN(node, bindSubqueryTable(reference, *subquery.query, subquery.alias.text, scope, scope.common_tables));
      break;
    }
    case ast::TableReferenceKind::kFunction: {
      TREFOIL_ASSIGN(node, bindFunctionTable(reference.as<ast::FunctionTable>(), scope));
      break;
    }
    case ast::TableReferenceKind::kJoin:
      return bindJoin(reference.as<ast::Join>(), scope, inputs);
  }
  inputs.relations.push_back(std::move(node));
  return {};
}

Status Binder::addTable(Scope& scope, ScopeTable table, std::uint32_t position) {
  for (const ScopeTable& other : scope.tables) {
    if (!table.name.empty() && other.name == table.name) {
      return Error(ErrorCode::kAmbiguous, "table name \"" + table.name + "\" specified more than once").at(position);
    }
  }
  scope.tables.push_back(std::move(table));
  return {};
}

Status Binder::renameColumns(const ast::TableReference& reference, ScopeTable& table) {
  if (reference.column_aliases.size() > table.columns.size()) {
    return Error(ErrorCode::kInvalid, "table \"" + table.name + "\" has " + std::to_string(table.columns.size()) +
                                          " columns available but " + std::to_string(reference.column_aliases.size()) +
                                          " columns specified")
        .at(reference.column_aliases[0].position);
  }
  for (std::size_t i = 0; i < reference.column_aliases.size(); ++i) {
    table.columns[i].name = reference.column_aliases[i].text;
  }
  return {};
}

PlanNodePtr Binder::makeScan(const SchemaPointer& schema, ScopeTable& table) {
  ++sources_;
  auto scan = std::make_unique<ScanNode>();
  scan->schema = schema;
  scan->table_rows = static_cast<double>(context_.view.estimateRows(schema->id));
  scan->estimated_rows = scan->table_rows;
  for (std::uint32_t i = 0; i < schema->columns.size(); ++i) {
    const ColumnId id = newColumn();
    const auto& column = schema->columns[i];
    scan->columns.push_back(i);
    scan->output.push_back({id, column.type, table.name + "." + column.name});
    table.columns.push_back({id, column.name, column.type});
  }
  return scan;
}

Result<PlanNodePtr> Binder::bindNamedTable(const ast::NamedTable& reference, Scope& scope) {
  const std::string_view name = reference.name.name.text;
  if (reference.name.schema.empty()) {
    for (CommonTableScope* at = scope.common_tables; at != nullptr; at = at->outer) {
      if (at->table->name.text == name) {
        return bindCommonReference(reference, *at, scope);
      }
    }
  }
  TREFOIL_ASSIGN(const SchemaPointer schema, findTable(reference.name));
  useTable(schema->id, false);
  ScopeTable table;
  table.name = reference.alias.empty() ? name : reference.alias.text;
  PlanNodePtr scan = makeScan(schema, table);
  TREFOIL_TRY(renameColumns(reference, table));
  TREFOIL_TRY(addTable(scope, std::move(table), reference.position));
  return scan;
}

Result<PlanNodePtr> Binder::bindCommonReference(const ast::NamedTable& reference, CommonTableScope& common, Scope& scope) {
  common_height_ = std::max(common_height_, common.height);
  const bool first = common.references == 0;
  const bool here = scope.frame == common.frame;
  const std::string_view name = reference.alias.empty() ? common.table->name.text : reference.alias.text;
  ScopeTable table;
  table.name = name;
  table.columns = common.columns;
  PlanNodePtr node;
  if (common.table->materialized == ast::Materialization::kNever && !common.is_volatile && !(first && here)) {
    Scope inside{scope.frame, {}, nullptr};
    TREFOIL_ASSIGN(node, bindSubqueryTable(reference, *common.table->query, {}, inside, common.outer));
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      table.columns[i].id = node->output[i].id;
    }
  } else {
    auto scan = std::make_unique<CommonScanNode>();
    scan->name = common.table->name.text;
    scan->slot = common.slot;
    scan->estimated_rows = common.plan->estimated_rows;
    for (std::uint32_t i = 0; i < table.columns.size(); ++i) {
      ScopeColumn& column = table.columns[i];
      column.id = first ? column.id : newColumn();
      scan->output.push_back({column.id, column.type, table.name + "." + column.name});
      scan->source_columns.push_back(i);
    }
    ++common.references;
    common.each_row = common.each_row || !here;
    node = std::move(scan);
  }
  TREFOIL_TRY(renameColumns(reference, table));
  TREFOIL_TRY(addTable(scope, std::move(table), reference.position));
  return node;
}

Result<PlanNodePtr> Binder::bindSubqueryTable(const ast::TableReference& reference, const ast::Query& query,
                                              std::string_view name, Scope& scope, CommonTableScope* common_tables) {
  TREFOIL_ASSIGN(BoundQuery bound, bindQuery(query, *scope.frame, common_tables));
  ScopeTable table;
  table.name = name;
  for (std::size_t i = 0; i < bound.columns.size(); ++i) {
    table.columns.push_back({bound.root->output[i].id, bound.columns[i].name, bound.columns[i].type});
  }
  TREFOIL_TRY(renameColumns(reference, table));
  TREFOIL_TRY(addTable(scope, std::move(table), reference.position));
  return std::move(bound.root);
}

Result<PlanNodePtr> Binder::bindFunctionTable(const ast::FunctionTable& reference, Scope& scope) {
  const ast::Call& call = *reference.call;
  const std::string_view name = call.name.text;
  const std::size_t count = call.arguments.size();
  bool known = false;
  const TableFunction* function = nullptr;
  if (context_.table_functions != nullptr) {
    function = context_.table_functions->find(name, count, &known);
  }
  if (function == nullptr && !known) {
    function = builtinTableFunctions().find(name, count, &known);
  }
  table_functions_ = true;
  ++sources_;
  const Scope no_tables{scope.frame, {}, scope.common_tables};
  const ExpressionContext context{.scope = &no_tables, .clause = "functions in FROM"};
  std::vector<ExpressionPtr> arguments;
  std::string types;
  for (const ast::Expression* argument : call.arguments) {
    TREFOIL_ASSIGN(ExpressionPtr bound, bindExpression(*argument, context));
    types += (types.empty() ? "" : ", ") + sqlTypeName(bound->type.withoutModifier());
    arguments.push_back(std::move(bound));
  }
  if (function == nullptr) {
    return Error(ErrorCode::kUndefinedFunction, "function " + std::string(name) + "(" + types + ") does not exist")
        .withHint("No function matches the given name and argument types. You might need to add explicit type casts.")
        .at(call.position);
  }
  auto node = std::make_unique<TableFunctionNode>();
  node->function = function;
  for (std::size_t i = 0; i < count; ++i) {
    TREFOIL_ASSIGN(arguments[i], coerce(std::move(arguments[i]), function->parameters[i]));
    node->arguments.push_back(std::move(arguments[i]));
  }
  ScopeTable table;
  table.name = reference.alias.empty() ? name : reference.alias.text;
  for (std::uint32_t i = 0; i < function->columns.size(); ++i) {
    const ColumnId id = newColumn();
    // As PostgreSQL has it, a function with one column lends the table's alias to it.
    std::string column = function->columns.size() == 1 && !reference.alias.empty() ? table.name : function->columns[i].name;
    node->source_columns.push_back(i);
    node->output.push_back({id, function->columns[i].type, table.name + "." + column});
    table.columns.push_back({id, std::move(column), function->columns[i].type});
  }
  TREFOIL_TRY(renameColumns(reference, table));
  TREFOIL_TRY(addTable(scope, std::move(table), reference.position));
  return PlanNodePtr(std::move(node));
}

// ------------------------------------------------------------------------------------------------------------------------ joins

Status Binder::bindJoin(const ast::Join& join, Scope& scope, JoinInputs& inputs) {
  const std::size_t left_from = scope.tables.size();
  const bool inner = join.type == ast::JoinType::kInner || join.type == ast::JoinType::kCross;
  JoinInputs left_inputs;
  JoinInputs right_inputs;
  TREFOIL_TRY(bindReference(*join.left, scope, inner ? inputs : left_inputs));
  const std::size_t right_from = scope.tables.size();
  TREFOIL_TRY(bindReference(*join.right, scope, inner ? inputs : right_inputs));
  std::vector<ExpressionPtr> conditions;
  std::vector<MergedColumn> merged;
  if (join.condition != nullptr) {
    // ON sees the join's own tables only.
    Scope inside{scope.frame, {}, scope.common_tables};
    inside.tables.assign(scope.tables.begin() + static_cast<std::ptrdiff_t>(left_from), scope.tables.end());
    const ExpressionContext context{.scope = &inside, .clause = "JOIN/ON"};
    TREFOIL_ASSIGN(ExpressionPtr condition, bindCondition(*join.condition, context));
    splitConjunction(std::move(condition), conditions);
  } else {
    TREFOIL_TRY(bindUsing(join, scope, left_from, right_from, conditions, merged));
  }
  if (inner) {
    std::move(conditions.begin(), conditions.end(), std::back_inserter(inputs.conditions));
    return {};
  }
  PlanNodePtr left = planJoins(std::move(left_inputs));
  PlanNodePtr right = planJoins(std::move(right_inputs));
  if (join.type == ast::JoinType::kRight) {
    std::swap(left, right);
  }
  const bool full = join.type == ast::JoinType::kFull;
  PlanNodePtr joined =
      planOuterJoin(full ? PlanJoinType::kFull : PlanJoinType::kLeft, std::move(left), std::move(right), std::move(conditions));
  inputs.relations.push_back(full ? addMergedColumns(std::move(joined), std::move(merged)) : std::move(joined));
  return {};
}

PlanNodePtr Binder::addMergedColumns(PlanNodePtr join, std::vector<MergedColumn> merged) {
  if (merged.empty()) {
    return join;
  }
  auto project = std::make_unique<ProjectNode>();
  project->estimated_rows = join->estimated_rows;
  project->output = join->output;
  for (const OutputColumn& column : join->output) {
    project->expressions.push_back(makeColumn(column.type, column.id));
  }
  for (MergedColumn& column : merged) {
    project->output.push_back({column.id, column.value->type, column.name});
    project->expressions.push_back(std::move(column.value));
  }
  project->children.push_back(std::move(join));
  return project;
}

// USING or NATURAL. Tables left_from … right_from - 1 are the left side's, those after it the right side's. What is merged stands
// in a table without a name before both, which hide theirs: the preserved side's column, or in a FULL JOIN one more that has
// whichever is there.
Status Binder::bindUsing(const ast::Join& join, Scope& scope, std::size_t left_from, std::size_t right_from,
                         std::vector<ExpressionPtr>& conditions, std::vector<MergedColumn>& merged) {
  struct Place {
    ScopeColumn* column = nullptr;
    int count = 0;
  };
  const auto find = [&](std::string_view name, std::size_t from, std::size_t to) {
    Place place;
    for (std::size_t t = from; t < to; ++t) {
      for (ScopeColumn& column : scope.tables[t].columns) {
        if (column.name == name && !column.hidden) {
          place.column = &column;
          ++place.count;
        }
      }
    }
    return place;
  };
  std::vector<ast::Name> names(join.using_columns.begin(), join.using_columns.end());
  if (join.natural) {
    for (std::size_t t = left_from; t < right_from; ++t) {
      for (const ScopeColumn& column : scope.tables[t].columns) {
        if (!column.hidden && find(column.name, right_from, scope.tables.size()).count > 0) {
          names.push_back({column.name, join.position});
        }
      }
    }
  }
  ScopeTable shared;
  for (const ast::Name& name : names) {
    const Place left = find(name.text, left_from, right_from);
    const Place right = find(name.text, right_from, scope.tables.size());
    if (left.count > 1 || right.count > 1) {
      return Error(ErrorCode::kAmbiguous, "common column name \"" + std::string(name.text) + "\" appears more than once in " +
                                              (left.count > 1 ? "left" : "right") + " table")
          .at(name.position);
    }
    if (left.count == 0 || right.count == 0) {
      return Error(ErrorCode::kUndefinedColumn, "column \"" + std::string(name.text) +
                                                    "\" specified in USING clause does not exist in " +
                                                    (left.count == 0 ? "left" : "right") + " table")
          .at(name.position);
    }
    TREFOIL_ASSIGN(ExpressionPtr equal, makeComparison("=", makeColumn(left.column->type, left.column->id),
                                                       makeColumn(right.column->type, right.column->id), name.position));
    conditions.push_back(std::move(equal));
    ScopeColumn column = join.type == ast::JoinType::kRight ? *right.column : *left.column;
    if (join.type == ast::JoinType::kFull) {
      auto either = std::make_unique<Expression>(ExpressionKind::kCoalesce, SqlType());
      either->children.push_back(makeColumn(left.column->type, left.column->id));
      either->children.push_back(makeColumn(right.column->type, right.column->id));
      ExpressionPtr* const sides[] = {&either->children[0], &either->children[1]};
      TREFOIL_TRY(unify(sides, "JOIN/USING"));
      column.type = either->type = either->children[0]->type.withoutModifier();
      column.id = newColumn();
      merged.push_back({column.id, column.name, std::move(either)});
    }
    left.column->hidden = right.column->hidden = true;
    shared.columns.push_back(std::move(column));
  }
  scope.tables.insert(scope.tables.begin() + static_cast<std::ptrdiff_t>(left_from), std::move(shared));
  return {};
}

Result<Binder::BoundTable> Binder::bindTarget(const ast::QualifiedName& name, const ast::Name& alias, Frame& frame,
                                              bool with_row_id) {
  BoundTable bound;
  TREFOIL_ASSIGN(bound.schema, findTable(name));
  useTable(bound.schema->id, true);
  bound.scope.frame = &frame;
  ScopeTable table;
  table.name = alias.empty() ? name.name.text : alias.text;
  bound.scan = makeScan(bound.schema, table);
  if (with_row_id) {
    auto& scan = static_cast<ScanNode&>(*bound.scan);
    bound.row_id = newColumn();
    scan.columns.push_back(kRowIdColumn);
    scan.output.push_back({bound.row_id, SqlType::bigint(), "row id"});
  }
  bound.scope.tables.push_back(std::move(table));
  return bound;
}

}  // namespace trefoil::sql
