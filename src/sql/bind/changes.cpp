// INSERT, UPDATE and DELETE.
#include "parser/sql_parser.hpp"
#include "sql/bind/statements.hpp"
#include "sql/storage/view.hpp"

namespace trefoil::sql {
namespace {

// Which place of a table's column list `name` is; PostgreSQL's error otherwise.
Result<std::uint32_t> targetColumn(const TableSchema& schema, const ast::Name& name) {
  const auto found = schema.findColumn(name.text);
  if (!found) {
    return Error(ErrorCode::kUndefinedColumn,
                 "column \"" + std::string(name.text) + "\" of relation \"" + schema.name + "\" does not exist")
        .at(name.position);
  }
  return *found;
}

// The column that an assignment is to; `assigned` has those before it.
Result<std::uint32_t> assignedColumn(const TableSchema& schema, const ast::Name& name, std::span<const std::uint32_t> assigned) {
  TREFOIL_ASSIGN(const std::uint32_t column, targetColumn(schema, name));
  if (std::find(assigned.begin(), assigned.end(), column) != assigned.end()) {
    return Error(ErrorCode::kSyntax, "multiple assignments to same column \"" + schema.columns[column].name + "\"")
        .at(name.position);
  }
  return column;
}

// A scope whose columns are the positions of a row.
Scope rowScope(const TableSchema& schema, std::string_view name, Frame& frame, std::uint32_t first = 0) {
  Scope scope;
  scope.frame = &frame;
  ScopeTable table;
  table.name = name;
  for (std::uint32_t i = 0; i < schema.columns.size(); ++i) {
    table.columns.push_back({first + i, schema.columns[i].name, schema.columns[i].type});
  }
  scope.tables.push_back(std::move(table));
  return scope;
}

std::string_view aliasOr(const ast::Name& alias, const ast::QualifiedName& table) {
  return alias.empty() ? table.name.text : alias.text;
}

bool readsTable(const PlanNode& node) {
  if (dynamic_cast<const ValuesNode*>(&node) == nullptr && node.children.empty()) {
    return true;
  }
  bool reads = false;
  const_cast<PlanNode&>(node).forEachExpression(
      [&](ExpressionPtr& expression) { reads = reads || (expression != nullptr && hasSubquery(*expression)); });
  return reads ||
         std::any_of(node.children.begin(), node.children.end(), [](const PlanNodePtr& child) { return readsTable(*child); });
}

}  // namespace

Result<std::vector<BoundCheck>> bindChecks(Binder& binder, const TableSchema& schema) {
  std::vector<BoundCheck> checks;
  for (const CheckDefinition& check : schema.checks) {
    TREFOIL_ASSIGN(const auto parsed, parser::parseSqlExpression(check.expression_text));
    Frame frame;
    const Scope scope = rowScope(schema, schema.name, frame);
    const Binder::FixedLiterals fixed(binder);
    TREFOIL_ASSIGN(ExpressionPtr condition, binder.bindCondition(*parsed.expression, {.scope = &scope, .clause = "CHECK"}));
    checks.push_back({check.name, std::move(condition)});
  }
  std::sort(checks.begin(), checks.end(), [](const BoundCheck& a, const BoundCheck& b) { return a.name < b.name; });
  return checks;
}

Result<ExpressionPtr> bindDefault(Binder& binder, const ColumnDefinition& column) {
  if (column.default_text.empty()) {
    return ExpressionPtr();
  }
  TREFOIL_ASSIGN(const auto parsed, parser::parseSqlExpression(column.default_text));
  Frame frame;
  const Scope scope{&frame, {}, nullptr};
  const Binder::FixedLiterals fixed(binder);
  auto bound = binder.bindExpression(*parsed.expression, {.scope = &scope, .clause = "DEFAULT"});
  if (!bound.ok()) {
    return bound.error().code == ErrorCode::kUndefinedColumn
               ? Error(ErrorCode::kInvalid, "cannot use column reference in DEFAULT expression")
               : std::move(bound).error();
  }
  ExpressionPtr value = std::move(bound).value();
  if (hasSubquery(*value)) {
    return Error(ErrorCode::kUnsupported, "cannot use subquery in DEFAULT expression");
  }
  return binder.coerceForColumn(std::move(value), column.name, column.type);
}

// ----------------------------------------------------------------------------------------------------------------------- INSERT

namespace {

class InsertBinder {
 public:
  InsertBinder(Binder& binder, const ast::Insert& insert, InsertPlan& plan) : binder_(binder), insert_(insert), plan_(plan) {}

  Status bind(std::vector<ColumnInfo>& columns) {
    TREFOIL_ASSIGN(plan_.schema, binder_.findTable(insert_.table));
    binder_.useTable(plan_.schema->id, true);
    const TableSchema& schema = *plan_.schema;
    TREFOIL_TRY(bindColumns());
    plan_.source_columns.assign(schema.columns.size(), InsertPlan::kDefault);
    for (const auto& column : schema.columns) {
      TREFOIL_ASSIGN(ExpressionPtr value, bindDefault(binder_, column));
      plan_.defaults.push_back(std::move(value));
    }
    TREFOIL_ASSIGN(CommonTableScope * common_tables,
                   binder_.bindCommonTables(insert_.common_tables, insert_.recursive, frame_, nullptr));
    if (insert_.source == nullptr) {
      auto values = std::make_unique<ValuesNode>();
      values->rows.emplace_back();
      plan_.source = std::move(values);
      targets_.clear();
    } else if (insert_.source->is<ast::Values>() && insert_.source->order_by.empty() && insert_.source->limit == nullptr &&
               insert_.source->offset == nullptr && insert_.source->common_tables.empty()) {
      TREFOIL_TRY(bindValues(insert_.source->as<ast::Values>(), common_tables));
    } else {
      TREFOIL_TRY(bindSource(common_tables));
    }
    for (std::uint32_t i = 0; i < targets_.size(); ++i) {
      plan_.source_columns[targets_[i]] = i;
    }
    binder_.settleCommonTables(common_tables, insert_.common_tables.size(), plan_.source);
    finishPlan(*plan_.source);
    plan_.streams = !readsTable(*plan_.source);
    TREFOIL_ASSIGN(plan_.checks, bindChecks(binder_, schema));
    if (insert_.on_conflict != nullptr) {
      TREFOIL_TRY(bindConflict(*insert_.on_conflict));
    }
    if (!insert_.returning.empty()) {
      const Scope scope = rowScope(schema, aliasOr(insert_.alias, insert_.table), frame_);
      TREFOIL_ASSIGN(Binder::BoundList list, binder_.bindSelectList(insert_.returning, {.scope = &scope, .clause = "RETURNING"}));
      plan_.returning = std::move(list.expressions);
      columns = std::move(list.columns);
    }
    return {};
  }

 private:
  Status bindColumns() {
    const TableSchema& schema = *plan_.schema;
    for (const ast::Name& name : insert_.columns) {
      TREFOIL_ASSIGN(const std::uint32_t column, targetColumn(schema, name));
      if (std::find(targets_.begin(), targets_.end(), column) != targets_.end()) {
        return Error(ErrorCode::kDuplicateObject, "column \"" + std::string(name.text) + "\" specified more than once")
            .at(name.position);
      }
      targets_.push_back(column);
    }
    if (insert_.columns.empty()) {
      for (std::uint32_t i = 0; i < schema.columns.size(); ++i) {
        targets_.push_back(i);
      }
    }
    return {};
  }

  Error countMismatch(bool more, std::uint32_t position) const {
    return Error(ErrorCode::kSyntax,
                 more ? "INSERT has more expressions than target columns" : "INSERT has more target columns than expressions")
        .at(position);
  }

  // Shortens the targets to the first `count`, as PostgreSQL does when no column list is given.
  Status fitTargets(std::size_t count, std::uint32_t position) {
    if (count > targets_.size()) {
      return countMismatch(true, position);
    }
    if (count < targets_.size()) {
      if (!insert_.columns.empty()) {
        return countMismatch(false, insert_.columns[count].position);
      }
      targets_.resize(count);
    }
    return {};
  }

  Status bindValues(const ast::Values& values, CommonTableScope* common_tables) {
    const Scope scope{&frame_, {}, common_tables};
    auto node = std::make_unique<ValuesNode>();
    const std::size_t width = values.rows[0].size();
    TREFOIL_TRY(fitTargets(width, values.rows[0][std::min(width, targets_.size()) == width ? 0 : targets_.size()]->position));
    for (const auto& row : values.rows) {
      if (row.size() != width) {
        return Error(ErrorCode::kSyntax, "VALUES lists must all be the same length").at(row[0]->position);
      }
      std::vector<ExpressionPtr> bound_row;
      for (std::size_t i = 0; i < width; ++i) {
        const auto& column = plan_.schema->columns[targets_[i]];
        ExpressionPtr value;
        if (row[i]->is<ast::Default>()) {
          const ExpressionPtr& known = plan_.defaults[targets_[i]];
          value = known != nullptr ? clone(*known) : makeConstant(column.type, Datum::null());
        } else {
          TREFOIL_ASSIGN(value, binder_.bindExpression(*row[i], {.scope = &scope, .clause = "VALUES"}));
          TREFOIL_ASSIGN(value, binder_.coerceForColumn(std::move(value), column.name, column.type));
        }
        bound_row.push_back(std::move(value));
      }
      node->rows.push_back(std::move(bound_row));
    }
    for (const std::uint32_t target : targets_) {
      const auto& column = plan_.schema->columns[target];
      node->output.push_back({binder_.newColumn(), column.type, column.name});
    }
    plan_.source = std::move(node);
    return {};
  }

  Status bindSource(CommonTableScope* common_tables) {
    TREFOIL_ASSIGN(BoundQuery query, binder_.bindQuery(*insert_.source, frame_, common_tables, true));
    TREFOIL_TRY(fitTargets(query.columns.size(), insert_.source->position));
    auto project = std::make_unique<ProjectNode>();
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const auto& column = plan_.schema->columns[targets_[i]];
      TREFOIL_TRY(binder_.settleOutput(query, i, column.type));  // 'abc', NULL, $1
      ExpressionPtr value = makeColumn(query.root->output[i].type, query.root->output[i].id);
      value->position = insert_.source->position;
      TREFOIL_ASSIGN(value, binder_.coerceForColumn(std::move(value), column.name, column.type));
      project->expressions.push_back(std::move(value));
      project->output.push_back({binder_.newColumn(), column.type, column.name});
    }
    project->children.push_back(std::move(query.root));
    plan_.source = std::move(project);
    return {};
  }

  Status bindConflict(const ast::OnConflict& node) {
    const TableSchema& schema = *plan_.schema;
    auto conflict = std::make_unique<BoundConflict>();
    conflict->update = node.do_update;
    std::vector<std::uint32_t> wanted;
    for (const ast::Name& name : node.columns) {
      const auto column = schema.findColumn(name.text);
      if (!column) {
        return Error(ErrorCode::kUndefinedColumn, "column \"" + std::string(name.text) + "\" does not exist").at(name.position);
      }
      wanted.push_back(*column);
    }
    std::sort(wanted.begin(), wanted.end());
    for (std::uint32_t i = 0; i < schema.indexes.size(); ++i) {
      std::vector<std::uint32_t> columns = schema.indexes[i].columns;
      std::sort(columns.begin(), columns.end());
      if (schema.indexes[i].unique && (node.columns.empty() || columns == wanted)) {
        conflict->indexes.push_back(i);
      }
    }
    if (node.columns.empty() && node.do_update) {
      return Error(ErrorCode::kSyntax, "ON CONFLICT DO UPDATE requires inference specification or constraint name")
          .at(node.position);
    }
    if (!node.columns.empty() && conflict->indexes.empty()) {
      return Error(ErrorCode::kInvalid, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
          .at(node.position);
    }
    if (node.do_update) {
      const auto width = static_cast<std::uint32_t>(schema.columns.size());
      Scope scope = rowScope(schema, aliasOr(insert_.alias, insert_.table), frame_);
      Scope excluded = rowScope(schema, "excluded", frame_, width);
      scope.tables.push_back(std::move(excluded.tables[0]));
      for (const ast::Assignment& assignment : node.assignments) {
        TREFOIL_ASSIGN(const std::uint32_t target, assignedColumn(schema, assignment.column, conflict->columns));
        const auto& column = schema.columns[target];
        ExpressionPtr value;
        if (assignment.value->is<ast::Default>()) {
          value = plan_.defaults[target] != nullptr ? clone(*plan_.defaults[target]) : makeConstant(column.type, Datum::null());
        } else {
          TREFOIL_ASSIGN(value, binder_.bindExpression(*assignment.value, {.scope = &scope, .clause = "UPDATE"}));
          TREFOIL_ASSIGN(value, binder_.coerceForColumn(std::move(value), column.name, column.type));
        }
        conflict->columns.push_back(target);
        conflict->values.push_back(std::move(value));
      }
      if (node.where != nullptr) {
        TREFOIL_ASSIGN(conflict->where, binder_.bindCondition(*node.where, {.scope = &scope, .clause = "WHERE"}));
      }
    }
    plan_.conflict = std::move(conflict);
    return {};
  }

  Binder& binder_;
  const ast::Insert& insert_;
  InsertPlan& plan_;
  Frame frame_;
  std::vector<std::uint32_t> targets_;
};

// --------------------------------------------------------------------------------------------------------------- UPDATE, DELETE

// What UPDATE and DELETE share: the target joined with FROM / USING, filtered, projected to row id and values.
class ChangeBinder {
 public:
  ChangeBinder(Binder& binder, ChangePlan& plan) : binder_(binder), plan_(plan) {}

  Status bindTarget(const ast::QualifiedName& name, const ast::Name& alias, const ast::List<ast::CommonTable>& common_tables,
                    bool recursive) {
    TREFOIL_ASSIGN(target_, binder_.bindTarget(name, alias, frame_, true));
    plan_.schema = target_.schema;
    TREFOIL_ASSIGN(target_.scope.common_tables, binder_.bindCommonTables(common_tables, recursive, frame_, nullptr));
    common_tables_ = common_tables.size();
    return {};
  }

  Status bindSource(const ast::List<ast::TableReference*>& from, const ast::Expression* where) {
    inputs_.relations.push_back(std::move(target_.scan));
    TREFOIL_TRY(binder_.bindFrom(from, target_.scope, inputs_));
    plan_.may_repeat = !from.empty();
    if (where != nullptr) {
      TREFOIL_ASSIGN(ExpressionPtr condition, binder_.bindCondition(*where, {.scope = &target_.scope, .clause = "WHERE"}));
      splitConjunction(std::move(condition), inputs_.conditions);
    }
    return {};
  }

  Status bindAssignments(const ast::List<ast::Assignment>& assignments) {
    const TableSchema& schema = *plan_.schema;
    for (const ast::Assignment& assignment : assignments) {
      TREFOIL_ASSIGN(const std::uint32_t column, assignedColumn(schema, assignment.column, plan_.columns));
      ExpressionPtr value;
      if (assignment.value->is<ast::Default>()) {
        TREFOIL_ASSIGN(value, bindDefault(binder_, schema.columns[column]));
        if (value == nullptr) {
          value = makeConstant(schema.columns[column].type, Datum::null());
        }
      } else {
        TREFOIL_ASSIGN(value, binder_.bindExpression(*assignment.value, {.scope = &target_.scope, .clause = "UPDATE"}));
        TREFOIL_ASSIGN(value,
                       binder_.coerceForColumn(std::move(value), schema.columns[column].name, schema.columns[column].type));
      }
      plan_.columns.push_back(column);
      values_.push_back(std::move(value));
    }
    return {};
  }

  Status finish(const ast::List<ast::SelectItem>& returning, std::vector<ColumnInfo>& columns) {
    const TableSchema& schema = *plan_.schema;
    if (!plan_.remove) {
      TREFOIL_ASSIGN(plan_.checks, bindChecks(binder_, schema));
    }
    auto project = std::make_unique<ProjectNode>();
    const auto add = [&](ExpressionPtr expression, std::string name) {
      project->output.push_back({binder_.newColumn(), expression->type, std::move(name)});
      project->expressions.push_back(std::move(expression));
    };
    add(makeColumn(SqlType::bigint(), target_.row_id), "row id");
    for (std::size_t i = 0; i < values_.size(); ++i) {
      add(std::move(values_[i]), schema.columns[plan_.columns[i]].name);
    }
    if (!plan_.checks.empty() || !returning.empty()) {
      // RETURNING sees these by position, from 0.
      Scope scope;
      scope.frame = &frame_;
      for (std::size_t t = 0; t < target_.scope.tables.size(); ++t) {
        ScopeTable table = target_.scope.tables[t];
        for (std::uint32_t c = 0; c < table.columns.size(); ++c) {
          const auto assigned = std::find(plan_.columns.begin(), plan_.columns.end(), c);
          std::size_t place = project->output.size();
          if (t == 0 && assigned != plan_.columns.end()) {
            place = 1 + static_cast<std::size_t>(assigned - plan_.columns.begin());
          } else {
            add(makeColumn(table.columns[c].type, table.columns[c].id), table.columns[c].name);
          }
          table.columns[c].id = static_cast<ColumnId>(plan_.whole_row.size());
          plan_.whole_row.push_back(static_cast<std::uint32_t>(place));
        }
        scope.tables.push_back(std::move(table));
      }
      if (!returning.empty()) {
        TREFOIL_ASSIGN(Binder::BoundList list, binder_.bindSelectList(returning, {.scope = &scope, .clause = "RETURNING"}));
        plan_.returning = std::move(list.expressions);
        columns = std::move(list.columns);
      }
    }
    project->children.push_back(planJoins(std::move(inputs_)));
    plan_.source = std::move(project);
    binder_.settleCommonTables(target_.scope.common_tables, common_tables_, plan_.source);
    finishPlan(*plan_.source);
    return {};
  }

 private:
  Binder& binder_;
  ChangePlan& plan_;
  Frame frame_;
  Binder::BoundTable target_;
  std::size_t common_tables_ = 0;
  JoinInputs inputs_;
  std::vector<ExpressionPtr> values_;
};

}  // namespace

Status bindInsert(Binder& binder, const ast::Insert& insert, PlanParts& parts, std::vector<ColumnInfo>& columns) {
  parts.insert = std::make_unique<InsertPlan>();
  return InsertBinder(binder, insert, *parts.insert).bind(columns);
}

Status bindUpdate(Binder& binder, const ast::Update& update, PlanParts& parts, std::vector<ColumnInfo>& columns) {
  parts.change = std::make_unique<ChangePlan>();
  ChangeBinder change(binder, *parts.change);
  TREFOIL_TRY(change.bindTarget(update.table, update.alias, update.common_tables, update.recursive));
  TREFOIL_TRY(change.bindSource(update.from, update.where));
  TREFOIL_TRY(change.bindAssignments(update.assignments));
  return change.finish(update.returning, columns);
}

Status bindDelete(Binder& binder, const ast::Delete& remove, PlanParts& parts, std::vector<ColumnInfo>& columns) {
  parts.change = std::make_unique<ChangePlan>();
  parts.change->remove = true;
  ChangeBinder change(binder, *parts.change);
  TREFOIL_TRY(change.bindTarget(remove.table, remove.alias, remove.common_tables, remove.recursive));
  TREFOIL_TRY(change.bindSource(remove.from, remove.where));
  return change.finish(remove.returning, columns);
}

}  // namespace trefoil::sql
