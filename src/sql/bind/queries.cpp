// SELECT, VALUES, UNION & co., ORDER BY, LIMIT, WITH.
#include "sql/bind/binder.hpp"
#include "sql/expressions/functions.hpp"
#include "sql/storage/view.hpp"

namespace trefoil::sql {
namespace {

constexpr int kMaxQueryDepth = 100;
constexpr std::size_t kMaxQueries = 5'000;

// The name a select item gets when it has no alias.
std::string outputName(const ast::Expression& expression) {
  switch (expression.kind) {
    case ast::ExpressionKind::kColumn:
      return std::string(expression.as<ast::Column>().name.text);
    case ast::ExpressionKind::kCall:
      return std::string(expression.as<ast::Call>().name.text);
    case ast::ExpressionKind::kCase: {
      const auto& node = expression.as<ast::Case>();
      return node.otherwise != nullptr && node.otherwise->is<ast::Column>() ? outputName(*node.otherwise) : "case";
    }
    case ast::ExpressionKind::kExists:
      return "exists";
    case ast::ExpressionKind::kLiteral:
      return expression.as<ast::Literal>().literal_kind == ast::LiteralKind::kBoolean ? "bool" : "?column?";
    case ast::ExpressionKind::kCast: {
      const auto& cast = expression.as<ast::Cast>();
      std::string inner = outputName(*cast.operand);
      if (inner != "?column?") {
        return inner;
      }
      const std::string_view type = cast.type.name.text;
      return std::string(type == "integer" || type == "int"               ? "int4"
                         : type == "bigint"                               ? "int8"
                         : type == "smallint"                             ? "int2"
                         : type == "boolean"                              ? "bool"
                         : type == "character varying"                    ? "varchar"
                         : type == "double precision" || type == "double" ? "float8"
                                                                          : type);
    }
    case ast::ExpressionKind::kSubquery: {
      const ast::Query& query = *expression.as<ast::Subquery>().query;
      if (query.is<ast::Select>() && query.as<ast::Select>().items.size() == 1) {
        const ast::SelectItem& item = query.as<ast::Select>().items[0];
        return !item.alias.empty() ? std::string(item.alias.text) : outputName(*item.expression);
      }
      return "?column?";
    }
    default:
      return "?column?";
  }
}

// The place in a list of `count` items that an ordinal (ORDER BY 2) means; nothing if the expression is no literal.
Result<std::optional<std::size_t>> ordinalIn(std::size_t count, const ast::Expression& expression, const char* clause) {
  const bool negative = expression.is<ast::Unary>() && expression.as<ast::Unary>().op == ast::UnaryOperator::kNegate;
  const ast::Expression& operand = negative ? *expression.as<ast::Unary>().operand : expression;
  if (!operand.is<ast::Literal>()) {
    return std::optional<std::size_t>();
  }
  const auto& literal = operand.as<ast::Literal>();
  if (literal.literal_kind != ast::LiteralKind::kInteger) {
    return Error(ErrorCode::kSyntax, "non-integer constant in " + std::string(clause))
        .withHint(literal.literal_kind == ast::LiteralKind::kString ? "The name of a column stands in double quotes, or in none."
                                                                    : "")
        .at(expression.position);
  }
  if (negative || literal.integer < 1 || static_cast<std::uint64_t>(literal.integer) > count) {
    return Error(ErrorCode::kUndefinedColumn, std::string(clause) + " position " + (negative ? "-" : "") +
                                                  std::to_string(literal.integer) + " is not in select list")
        .at(expression.position);
  }
  return std::optional(static_cast<std::size_t>(literal.integer - 1));
}

Error tooComplex(std::uint32_t position) {
  return Error(ErrorCode::kLimit, "statement is too complex").at(position);
}

Status checkCount(std::size_t count, std::uint32_t position) {
  if (count > kMaxListItems) {
    return tooManyItems(position);
  }
  return {};
}

Status checkOrdered(const Expression& key, std::uint32_t position) {
  if (!isComparable(key.type)) {
    return Error(ErrorCode::kUndefinedFunction, "could not identify an ordering operator for type json").at(position);
  }
  return {};
}

bool nullsFirst(const ast::OrderItem& item) {
  return item.nulls == ast::NullsOrder::kUnspecified ? item.descending : item.nulls == ast::NullsOrder::kFirst;
}

}  // namespace

Error tooManyItems(std::uint32_t position) {
  return Error(ErrorCode::kLimit, "target lists can have at most " + std::to_string(kMaxListItems) + " entries").at(position);
}

Result<Binder::BoundList> Binder::bindSelectList(const ast::List<ast::SelectItem>& items, const ExpressionContext& context,
                                                 bool keep_unknown) {
  BoundList list;
  for (const ast::SelectItem& item : items) {
    TREFOIL_TRY(checkCount(list.expressions.size() + 1, item.expression->position));
    if (item.expression->is<ast::Star>()) {
      const auto& star = item.expression->as<ast::Star>();
      bool any = false;
      for (const ScopeTable& table : context.scope->tables) {
        if (!star.table.empty() && table.name != star.table.text) {
          continue;
        }
        any = true;
        for (const ScopeColumn& column : table.columns) {
          if (column.hidden && star.table.empty()) {
            continue;
          }
          ExpressionPtr expression = makeColumn(column.type, column.id);
          expression->position = star.position;
          list.expressions.push_back(std::move(expression));
          list.columns.push_back({column.name, column.type});
        }
      }
      if (!any) {
        return Error(star.table.empty() ? ErrorCode::kSyntax : ErrorCode::kUndefinedTable,
                     star.table.empty() ? "SELECT * with no tables specified is not valid"
                                        : "missing FROM-clause entry for table \"" + std::string(star.table.text) + "\"")
            .at(star.position);
      }
      continue;
    }
    TREFOIL_ASSIGN(ExpressionPtr expression, bindExpression(*item.expression, context));
    if (!keep_unknown) {
      TREFOIL_ASSIGN(expression, settleType(std::move(expression)));
    }
    list.columns.push_back({item.alias.empty() ? outputName(*item.expression) : std::string(item.alias.text), expression->type});
    list.expressions.push_back(std::move(expression));
  }
  return list;
}

Result<CommonTableScope*> Binder::bindCommonTables(const ast::List<ast::CommonTable>& tables, bool recursive, Frame& frame,
                                                   CommonTableScope* outer) {
  for (const ast::CommonTable& table : tables) {
    if (recursive) {
      return Error(ErrorCode::kUnsupported, "WITH RECURSIVE is not supported").at(table.name.position);
    }
    for (const CommonTableScope* at = outer; at != nullptr; at = at->outer) {
      const bool same_list = at->table >= tables.begin() && at->table < tables.end();
      if (same_list && at->table->name.text == table.name.text) {
        return Error(ErrorCode::kDuplicateObject,
                     "WITH query name \"" + std::string(table.name.text) + "\" specified more than once")
            .at(table.name.position);
      }
    }
    auto common = std::make_unique<CommonTableScope>();
    common->table = &table;
    common->outer = outer;
    common->frame = &frame;
    common->slot = next_common_table_++;
    const int around = std::exchange(common_height_, 0);
    const std::size_t volatile_before = volatile_calls_;
    TREFOIL_ASSIGN(BoundQuery query, bindQuery(*table.query, frame, outer));
    common->is_volatile = volatile_calls_ != volatile_before;
    common->height = common_height_ + 1;
    common_height_ = around;
    if (common->height > kMaxQueryDepth) {  // each runs the ones that it refers to
      return tooComplex(table.name.position);
    }
    if (table.columns.size() > query.columns.size()) {
      return Error(ErrorCode::kInvalid, "WITH query \"" + std::string(table.name.text) + "\" has " +
                                            std::to_string(query.columns.size()) + " columns available but " +
                                            std::to_string(table.columns.size()) + " columns specified")
          .at(table.columns[0].position);
    }
    for (std::size_t i = 0; i < query.columns.size(); ++i) {
      std::string column = i < table.columns.size() ? std::string(table.columns[i].text) : query.columns[i].name;
      common->columns.push_back({query.root->output[i].id, std::move(column), query.columns[i].type});
    }
    common->plan = std::move(query.root);
    common_table_scopes_.push_back(std::move(common));
    outer = common_table_scopes_.back().get();
  }
  return outer;
}

namespace {

// The place in the tree where the rows of that WITH query are read; null if it is in no node of it (but in an expression's).
PlanNodePtr* findCommonScan(PlanNodePtr& node, std::uint32_t slot) {
  if (const auto* scan = dynamic_cast<const CommonScanNode*>(node.get()); scan != nullptr && scan->slot == slot) {
    return &node;
  }
  for (PlanNodePtr& child : node->children) {
    if (PlanNodePtr* const found = findCommonScan(child, slot)) {
      return found;
    }
  }
  return nullptr;
}

}  // namespace

void Binder::settleCommonTables(CommonTableScope* tables, std::size_t count, PlanNodePtr& root) {
  std::vector<CommonTableScope*> defined(count);
  for (std::size_t i = count; i-- > 0; tables = tables->outer) {
    defined[i] = tables;
  }
  auto with = std::make_unique<WithNode>();
  for (std::size_t i = 0; i < count; ++i) {
    CommonTableScope& common = *defined[i];
    if (common.references == 0) {  // nobody asks for its rows
      continue;
    }
    const bool inlined = common.references == 1 && !common.each_row && !common.is_volatile &&
                         common.table->materialized != ast::Materialization::kAlways;
    PlanNodePtr* place = inlined ? findCommonScan(root, common.slot) : nullptr;
    for (std::size_t later = i + 1; inlined && place == nullptr && later < count; ++later) {
      place = defined[later]->references == 0 ? nullptr : findCommonScan(defined[later]->plan, common.slot);
    }
    if (place != nullptr) {
      *place = std::move(common.plan);
    } else {
      sources_ += common.references;
      with->tables.push_back({std::string(common.table->name.text), common.slot});
    }
  }
  if (with->tables.empty()) {
    return;
  }
  with->output = root->output;
  with->estimated_rows = root->estimated_rows;
  with->children.push_back(std::move(root));
  for (CommonTableScope* common : defined) {
    if (common->references != 0 && common->plan != nullptr) {
      with->children.push_back(std::move(common->plan));
    }
  }
  root = std::move(with);
}

// One SELECT: its list, groups, aggregates and order belong together.
class SelectBinder {
 public:
  SelectBinder(Binder& binder, const ast::Select& select, Frame& frame, CommonTableScope* common_tables, bool keep_unknown)
      : binder_(binder), select_(select), keep_unknown_(keep_unknown) {
    scope_.frame = &frame;
    scope_.common_tables = common_tables;
  }

  Result<BoundQuery> bind() {
    JoinInputs inputs;
    TREFOIL_TRY(binder_.bindFrom(select_.from, scope_, inputs));
    if (select_.where != nullptr) {
      const ExpressionContext context{.scope = &scope_, .clause = "WHERE"};
      TREFOIL_ASSIGN(ExpressionPtr condition, binder_.bindCondition(*select_.where, context));
      splitConjunction(std::move(condition), inputs.conditions);
    }
    {
      // Grouping expressions are found again in the list by their looks, so their literals are part of the plan.
      const Binder::FixedLiterals fixed(binder_, !select_.group_by.empty() || select_.distinct);
      ExpressionContext context{.scope = &scope_, .aggregates = &aggregates_, .clause = "SELECT"};
      TREFOIL_ASSIGN(list_, binder_.bindSelectList(select_.items, context, keep_unknown_ && !select_.distinct));
      TREFOIL_TRY(bindGroups());
      if (select_.having != nullptr) {
        context.clause = "HAVING";
        TREFOIL_ASSIGN(having_, binder_.bindCondition(*select_.having, context));
      }
      TREFOIL_TRY(bindOrder());
    }
    ExpressionPtr limit;
    ExpressionPtr offset;
    TREFOIL_TRY(binder_.bindLimit(select_, scope_, limit, offset));
    PlanNodePtr plan = planJoins(std::move(inputs));
    if (!groups_.empty() || having_ != nullptr || !aggregates_.calls.empty()) {
      TREFOIL_ASSIGN(plan, planGroups(std::move(plan)));
    }
    if (select_.distinct) {
      return planDistinct(std::move(plan), std::move(limit), std::move(offset));
    }
    if (orderSharesValues()) {
      return sortProjected(std::move(plan), std::move(limit), std::move(offset));
    }
    if (!order_.empty()) {
      plan = planSort(std::move(plan), std::move(order_), std::move(limit), std::move(offset));
      return project(std::move(plan));
    }
    TREFOIL_ASSIGN(BoundQuery query, project(std::move(plan)));
    query.root = planLimit(std::move(query.root), std::move(limit), std::move(offset));
    return query;
  }

 private:
  // The select item that a name in GROUP BY or ORDER BY means, or -1.
  Result<int> findAlias(const ast::Expression& expression) {
    if (!expression.is<ast::Column>() || !expression.as<ast::Column>().table.empty()) {
      return -1;
    }
    const std::string_view name = expression.as<ast::Column>().name.text;
    int found = -1;
    for (std::size_t i = 0; i < list_.columns.size(); ++i) {
      if (list_.columns[i].name != name) {
        continue;
      }
      if (found >= 0 && !isSame(*list_.expressions[static_cast<std::size_t>(found)], *list_.expressions[i])) {
        return Error(ErrorCode::kAmbiguous, "ORDER BY \"" + std::string(name) + "\" is ambiguous").at(expression.position);
      }
      found = static_cast<int>(i);
    }
    return found;
  }

  Status bindGroups() {
    const ExpressionContext context{.scope = &scope_, .clause = "GROUP BY"};
    for (const ast::Expression* expression : select_.group_by) {
      ExpressionPtr group;
      TREFOIL_ASSIGN(const auto ordinal, ordinalIn(list_.expressions.size(), *expression, "GROUP BY"));
      if (ordinal) {
        group = clone(*list_.expressions[*ordinal]);
      } else {
        auto bound = binder_.bindExpression(*expression, context);
        if (!bound.ok()) {
          // A name that is no column may be that of a select item.
          TREFOIL_ASSIGN(const int alias, findAlias(*expression));
          if (bound.error().code != ErrorCode::kUndefinedColumn || alias < 0) {
            return std::move(bound).error();
          }
          group = clone(*list_.expressions[static_cast<std::size_t>(alias)]);
        } else {
          TREFOIL_ASSIGN(group, binder_.settleType(std::move(bound).value()));
        }
      }
      bool aggregate = false;
      visit(*group, [&](const Expression& node) {
        aggregate = aggregate || node.kind == ExpressionKind::kAggregate;
        return true;
      });
      if (aggregate) {
        return Error(ErrorCode::kGrouping, "aggregate functions are not allowed in GROUP BY").at(expression->position);
      }
      if (!isComparable(group->type)) {
        return Error(ErrorCode::kUndefinedFunction, "could not identify an equality operator for type json")
            .at(expression->position);
      }
      const bool known = std::any_of(groups_.begin(), groups_.end(), [&](const ExpressionPtr& g) { return isSame(*g, *group); });
      if (!known) {
        groups_.push_back(std::move(group));
        TREFOIL_TRY(checkCount(groups_.size(), expression->position));
      }
    }
    return {};
  }

  Status bindOrder() {
    const ExpressionContext context{.scope = &scope_, .aggregates = &aggregates_, .clause = "ORDER BY"};
    for (const ast::OrderItem& item : select_.order_by) {
      SortKey key;
      key.descending = item.descending;
      key.nulls_first = nullsFirst(item);
      TREFOIL_ASSIGN(const auto ordinal, ordinalIn(list_.expressions.size(), *item.expression, "ORDER BY"));
      TREFOIL_ASSIGN(const int alias, findAlias(*item.expression));
      if (ordinal) {
        key.expression = clone(*list_.expressions[*ordinal]);
      } else if (alias >= 0) {
        key.expression = clone(*list_.expressions[static_cast<std::size_t>(alias)]);
      } else {
        TREFOIL_ASSIGN(key.expression, binder_.bindExpression(*item.expression, context));
        TREFOIL_ASSIGN(key.expression, binder_.settleType(std::move(key.expression)));
      }
      TREFOIL_TRY(checkOrdered(*key.expression, item.expression->position));
      order_places_.push_back(ordinal ? static_cast<int>(*ordinal) : alias >= 0 ? alias : findVolatile(*key.expression));
      order_.push_back(std::move(key));
      TREFOIL_TRY(checkCount(order_.size(), item.expression->position));
    }
    return {};
  }

  // The select item that a key is that would be another when computed again, or -1.
  [[nodiscard]] int findVolatile(const Expression& key) const {
    if (equivalent(key, key)) {
      return -1;
    }
    for (std::size_t i = 0; i < list_.expressions.size(); ++i) {
      if (isSame(*list_.expressions[i], key)) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }

  // Whether the order names items of the list that are not the same when computed again (random()), or take a subquery.
  [[nodiscard]] bool orderSharesValues() const {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (const int place = order_places_[i];
          place >= 0 && !equivalent(*list_.expressions[static_cast<std::size_t>(place)], *order_[i].expression)) {
        return true;
      }
    }
    return false;
  }

  Result<PlanNodePtr> planGroups(PlanNodePtr input) {
    auto node = std::make_unique<AggregateNode>();
    node->one_row = groups_.empty();
    node->estimated_rows = groups_.empty() ? 1 : std::max(1.0, input->estimated_rows / 10);
    addDependentColumns();
    for (ExpressionPtr& group : groups_) {
      group_ids_.push_back(binder_.newColumn());
      node->output.push_back({group_ids_.back(), group->type, nameOf(*group)});
    }
    // The list, HAVING and the order now speak of groups and aggregates.
    for (ExpressionPtr& expression : list_.expressions) {
      TREFOIL_TRY(replaceGroups(expression));
    }
    if (having_ != nullptr) {
      TREFOIL_TRY(replaceGroups(having_));
    }
    for (SortKey& key : order_) {
      TREFOIL_TRY(replaceGroups(key.expression));
    }
    node->groups = std::move(groups_);
    for (std::size_t i = 0; i < aggregates_.calls.size(); ++i) {
      node->output.push_back({aggregates_.ids[i], aggregates_.calls[i].type, std::string(aggregates_.calls[i].name)});
    }
    node->aggregates = std::move(aggregates_.calls);
    node->children.push_back(std::move(input));
    PlanNodePtr plan = std::move(node);
    std::vector<ExpressionPtr> conditions;
    splitConjunction(std::move(having_), conditions);
    for (ExpressionPtr& condition : conditions) {
      plan = applyCondition(std::move(plan), std::move(condition));
    }
    return plan;
  }

  // GROUP BY a primary key determines the table's other columns.
  void addDependentColumns() {
    for (const ScopeTable& table : scope_.tables) {
      if (table.columns.empty() || groups_.empty()) {
        continue;
      }
      const SchemaPointer schema = binder_.view().findTable(baseTable(table));
      if (schema == nullptr || schema->primaryKey() == nullptr || schema->columns.size() != table.columns.size()) {
        continue;
      }
      const auto grouped = [&](std::uint32_t column) {
        return std::any_of(groups_.begin(), groups_.end(), [&](const ExpressionPtr& group) {
          return group->kind == ExpressionKind::kColumn && group->index == table.columns[column].id;
        });
      };
      const auto& key = schema->primaryKey()->columns;
      if (std::all_of(key.begin(), key.end(), grouped)) {
        for (std::uint32_t c = 0; c < table.columns.size(); ++c) {
          if (!grouped(c) && isComparable(table.columns[c].type)) {
            groups_.push_back(makeColumn(table.columns[c].type, table.columns[c].id));
          }
        }
      }
    }
  }

  // The table of the catalog that a scope's table is; the alias may be another name, so it is looked for in FROM.
  [[nodiscard]] std::string_view baseTable(const ScopeTable& table) const {
    for (const ast::TableReference* reference : select_.from) {
      if (const std::string_view name = baseTable(table, *reference); !name.empty()) {
        return name;
      }
    }
    return {};
  }
  [[nodiscard]] std::string_view baseTable(const ScopeTable& table, const ast::TableReference& reference) const {
    if (reference.is<ast::Join>()) {
      const auto& join = reference.as<ast::Join>();
      const std::string_view name = baseTable(table, *join.left);
      return !name.empty() ? name : baseTable(table, *join.right);
    }
    if (reference.is<ast::NamedTable>()) {
      const auto& named = reference.as<ast::NamedTable>();
      const std::string_view alias = named.alias.empty() ? named.name.name.text : named.alias.text;
      if (alias == table.name && !isCommonTable(named.name.name.text)) {
        return named.name.name.text;
      }
    }
    return {};
  }
  [[nodiscard]] bool isCommonTable(std::string_view name) const {
    for (CommonTableScope* at = scope_.common_tables; at != nullptr; at = at->outer) {
      if (at->table->name.text == name) {
        return true;
      }
    }
    return false;
  }

  Status replaceGroups(ExpressionPtr& expression) {
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (isSame(*expression, *groups_[g])) {
        const std::uint32_t position = expression->position;
        expression = makeColumn(expression->type, group_ids_[g]);
        expression->position = position;
        return {};
      }
    }
    if (expression->kind == ExpressionKind::kAggregate) {
      const std::uint32_t position = expression->position;
      expression = makeColumn(expression->type, aggregates_.ids[expression->index]);
      expression->position = position;
      return {};
    }
    if (expression->kind == ExpressionKind::kColumn) {
      return Error(ErrorCode::kGrouping, "column \"" + nameOf(*expression) +
                                             "\" must appear in the GROUP BY clause or be used in an aggregate function")
          .at(expression->position);
    }
    for (ExpressionPtr& child : expression->children) {
      TREFOIL_TRY(replaceGroups(child));
    }
    return {};
  }

  [[nodiscard]] std::string nameOf(const Expression& expression) const {
    if (expression.kind == ExpressionKind::kColumn) {
      for (const ScopeTable& table : scope_.tables) {
        for (const ScopeColumn& column : table.columns) {
          if (column.id == expression.index) {
            return table.name.empty() ? column.name : table.name + "." + column.name;
          }
        }
      }
    }
    return describeExpression(expression, [this](std::uint32_t id) { return nameOf(*makeColumn(SqlType(), id)); });
  }

  Result<BoundQuery> project(PlanNodePtr input) {
    BoundQuery query;
    auto node = std::make_unique<ProjectNode>();
    node->estimated_rows = input->estimated_rows;
    for (std::size_t i = 0; i < list_.expressions.size(); ++i) {
      node->output.push_back({binder_.newColumn(), list_.expressions[i]->type, list_.columns[i].name});
    }
    node->expressions = std::move(list_.expressions);
    node->children.push_back(std::move(input));
    query.columns = std::move(list_.columns);
    query.root = std::move(node);
    return query;
  }

  // The list and all keys are computed first, and the sort is over columns; keys that are not of the list are left out at the
  // end.
  Result<BoundQuery> sortProjected(PlanNodePtr input, ExpressionPtr limit, ExpressionPtr offset) {
    const std::size_t visible = list_.expressions.size();
    for (std::size_t i = order_.size(); i-- > 0;) {  // what is the same for every row does not order them
      if (isRowIndependent(*order_[i].expression)) {
        order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(i));
        order_places_.erase(order_places_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (order_places_[i] < 0) {
        order_places_[i] = static_cast<int>(list_.expressions.size());
        list_.columns.push_back({"?column?", order_[i].expression->type});
        list_.expressions.push_back(std::move(order_[i].expression));
      }
    }
    TREFOIL_ASSIGN(BoundQuery query, project(std::move(input)));
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const auto& column = query.root->output[static_cast<std::size_t>(order_places_[i])];
      order_[i].expression = makeColumn(column.type, column.id);
    }
    query.root = planSort(std::move(query.root), std::move(order_), std::move(limit), std::move(offset));
    if (query.columns.size() == visible) {
      return query;
    }
    list_.expressions.clear();
    for (std::size_t i = 0; i < visible; ++i) {
      const auto& column = query.root->output[i];
      list_.expressions.push_back(makeColumn(column.type, column.id));
    }
    query.columns.resize(visible);
    list_.columns = std::move(query.columns);
    return project(std::move(query.root));
  }

  Result<BoundQuery> planDistinct(PlanNodePtr input, ExpressionPtr limit, ExpressionPtr offset) {
    // ORDER BY must be over the list.
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (order_places_[i] >= 0) {
        places.push_back(static_cast<std::size_t>(order_places_[i]));
        continue;
      }
      const Expression& key = *order_[i].expression;
      const auto found = std::find_if(list_.expressions.begin(), list_.expressions.end(),
                                      [&](const ExpressionPtr& item) { return isSame(*item, key); });
      if (found == list_.expressions.end()) {
        return Error(ErrorCode::kInvalid, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
            .at(key.position);
      }
      places.push_back(static_cast<std::size_t>(found - list_.expressions.begin()));
    }
    for (const ExpressionPtr& item : list_.expressions) {
      if (!isComparable(item->type)) {
        return Error(ErrorCode::kUndefinedFunction, "could not identify an equality operator for type json").at(item->position);
      }
    }
    TREFOIL_ASSIGN(BoundQuery query, project(std::move(input)));
    query.root = distinct(binder_, std::move(query.root));
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const OutputColumn& column = query.root->output[places[i]];
      order_[i].expression = makeColumn(column.type, column.id);
    }
    query.root = order_.empty() ? planLimit(std::move(query.root), std::move(limit), std::move(offset))
                                : planSort(std::move(query.root), std::move(order_), std::move(limit), std::move(offset));
    return query;
  }

 public:
  static PlanNodePtr distinct(Binder& binder, PlanNodePtr input) {
    auto node = std::make_unique<AggregateNode>();
    node->estimated_rows = std::max(1.0, input->estimated_rows / 2);
    for (const OutputColumn& column : input->output) {
      node->groups.push_back(makeColumn(column.type, column.id));
      node->output.push_back({binder.newColumn(), column.type, column.name});
    }
    node->children.push_back(std::move(input));
    return node;
  }

 private:
  Binder& binder_;
  const ast::Select& select_;
  bool keep_unknown_;
  Scope scope_;
  AggregateList aggregates_;
  Binder::BoundList list_;
  std::vector<ExpressionPtr> groups_;
  std::vector<ColumnId> group_ids_;
  ExpressionPtr having_;
  std::vector<SortKey> order_;
  std::vector<int> order_places_;  // of each key: the item of the list that it names, or -1
};

Result<BoundQuery> Binder::bindQuery(const ast::Query& query, Frame& frame, CommonTableScope* common_tables, bool keep_unknown) {
  if (++planned_ > kMaxQueries || depth_ >= kMaxQueryDepth) {
    return tooComplex(query.position);
  }
  ++depth_;
  const auto bound = [&]() -> Result<BoundQuery> {
    TREFOIL_ASSIGN(CommonTableScope * tables, bindCommonTables(query.common_tables, query.recursive, frame, common_tables));
    TREFOIL_ASSIGN(BoundQuery planned, bindQueryBody(query, frame, tables, keep_unknown));
    settleCommonTables(tables, query.common_tables.size(), planned.root);
    return planned;
  };
  auto result = bound();
  --depth_;
  return result;
}

Result<BoundQuery> Binder::bindQueryBody(const ast::Query& query, Frame& frame, CommonTableScope* common_tables,
                                         bool keep_unknown) {
  switch (query.kind) {
    case ast::QueryKind::kSelect: {
      SelectBinder select(*this, query.as<ast::Select>(), frame, common_tables, keep_unknown);
      return select.bind();
    }
    case ast::QueryKind::kValues:
      return bindValues(query.as<ast::Values>(), frame, common_tables, keep_unknown);
    case ast::QueryKind::kSetOperation:
      return bindSetOperation(query.as<ast::SetOperation>(), frame, common_tables);
  }
  return Error(ErrorCode::kUnsupported, "unsupported query").at(query.position);
}

Result<BoundQuery> Binder::bindValues(const ast::Values& values, Frame& frame, CommonTableScope* common_tables,
                                      bool keep_unknown) {
  const Scope scope{&frame, {}, common_tables};
  const ExpressionContext context{.scope = &scope, .clause = "VALUES"};
  ++sources_;
  auto node = std::make_unique<ValuesNode>();
  const std::size_t width = values.rows[0].size();
  for (const auto& row : values.rows) {
    if (row.size() != width) {
      return Error(ErrorCode::kSyntax, "VALUES lists must all be the same length").at(row[0]->position);
    }
    std::vector<ExpressionPtr> bound_row;
    for (const ast::Expression* value : row) {
      TREFOIL_ASSIGN(ExpressionPtr bound, bindExpression(*value, context));
      bound_row.push_back(std::move(bound));
    }
    node->rows.push_back(std::move(bound_row));
  }
  BoundQuery query;
  for (std::size_t c = 0; c < width; ++c) {
    std::vector<ExpressionPtr*> column;
    bool all_unknown = true;
    for (auto& row : node->rows) {
      column.push_back(&row[c]);
      all_unknown = all_unknown && row[c]->type.isUnknown();
    }
    if (!all_unknown || !keep_unknown || !values.order_by.empty()) {  // an order is one of some type
      TREFOIL_TRY(unify(column, "VALUES"));
    }
    const SqlType type = node->rows[0][c]->type;
    query.columns.push_back({"column" + std::to_string(c + 1), type});
    node->output.push_back({newColumn(), type, query.columns.back().name});
  }
  node->estimated_rows = static_cast<double>(node->rows.size());
  query.root = std::move(node);
  TREFOIL_TRY(orderByOutput(values, frame, query));
  return query;
}

Result<BoundQuery> Binder::bindSetOperation(const ast::SetOperation& operation, Frame& frame, CommonTableScope* common_tables) {
  constexpr const char* kNames[] = {"UNION", "INTERSECT", "EXCEPT"};
  const char* const name = kNames[static_cast<std::size_t>(operation.op)];
  TREFOIL_ASSIGN(BoundQuery left, bindQuery(*operation.left, frame, common_tables, true));
  TREFOIL_ASSIGN(BoundQuery right, bindQuery(*operation.right, frame, common_tables, true));
  if (left.columns.size() != right.columns.size()) {
    return Error(ErrorCode::kSyntax, "each " + std::string(name) + " query must have the same number of columns")
        .at(operation.right->position);
  }
  std::vector<SqlType> types;
  for (std::size_t c = 0; c < left.columns.size(); ++c) {
    const SqlType pair[] = {left.columns[c].type.withoutModifier(), right.columns[c].type.withoutModifier()};
    std::optional<SqlType> common = commonType(pair);
    if (!common) {
      return Error(ErrorCode::kDatatypeMismatch,
                   std::string(name) + " types " + sqlTypeName(pair[0]) + " and " + sqlTypeName(pair[1]) + " cannot be matched")
          .at(operation.right->position);
    }
    if (!isComparable(*common) && !(operation.op == ast::SetOperator::kUnion && operation.all)) {
      return Error(ErrorCode::kUndefinedFunction, "could not identify an equality operator for type json").at(operation.position);
    }
    types.push_back(common->isUnknown() ? SqlType::text() : *common);
  }
  TREFOIL_TRY(convertOutput(left, types));
  TREFOIL_TRY(convertOutput(right, types));
  auto node = std::make_unique<SetOperationNode>();
  node->op = static_cast<PlanSetOperator>(operation.op);
  node->all = operation.all;
  node->estimated_rows = left.root->estimated_rows + right.root->estimated_rows;
  BoundQuery query;
  for (std::size_t c = 0; c < types.size(); ++c) {
    query.columns.push_back({left.columns[c].name, types[c]});
    node->output.push_back({newColumn(), types[c], left.columns[c].name});
  }
  node->children.push_back(std::move(left.root));
  node->children.push_back(std::move(right.root));
  query.root = std::move(node);
  if (operation.op == ast::SetOperator::kUnion && !operation.all) {
    query.root = SelectBinder::distinct(*this, std::move(query.root));
  }
  TREFOIL_TRY(orderByOutput(operation, frame, query));
  return query;
}

Status Binder::settleOutput(BoundQuery& query, std::size_t index, const SqlType& type) {
  if (!query.columns[index].type.isUnknown()) {
    return {};
  }
  // The nodes above the one that computes the values pass them on.
  PlanNode* node = query.root.get();
  while ((node->children.size() == 1 && dynamic_cast<ProjectNode*>(node) == nullptr) ||
         dynamic_cast<WithNode*>(node) != nullptr) {
    node->output[index].type = type.withoutModifier();
    node = node->children[0].get();
  }
  if (auto* values = dynamic_cast<ValuesNode*>(node)) {
    for (auto& row : values->rows) {
      TREFOIL_ASSIGN(row[index], coerce(std::move(row[index]), type));
    }
  } else if (auto* project = dynamic_cast<ProjectNode*>(node)) {
    TREFOIL_ASSIGN(project->expressions[index], coerce(std::move(project->expressions[index]), type));
  }
  node->output[index].type = query.columns[index].type = type.withoutModifier();
  return {};
}

Status Binder::convertOutput(BoundQuery& query, std::span<const SqlType> types) {
  for (std::size_t c = 0; c < types.size(); ++c) {
    TREFOIL_TRY(settleOutput(query, c, types[c]));
  }
  bool same = true;
  for (std::size_t c = 0; c < types.size(); ++c) {
    same = same && query.columns[c].type.withoutModifier() == types[c].withoutModifier();
  }
  if (same) {
    return {};
  }
  if (auto* values = dynamic_cast<ValuesNode*>(query.root.get())) {
    for (auto& row : values->rows) {
      for (std::size_t c = 0; c < types.size(); ++c) {
        TREFOIL_ASSIGN(row[c], coerce(std::move(row[c]), types[c]));
      }
    }
  } else {
    auto* project = dynamic_cast<ProjectNode*>(query.root.get());
    if (project == nullptr) {
      auto node = std::make_unique<ProjectNode>();
      for (const OutputColumn& column : query.root->output) {
        node->expressions.push_back(makeColumn(column.type, column.id));
        node->output.push_back({newColumn(), column.type, column.name});
      }
      node->estimated_rows = query.root->estimated_rows;
      node->children.push_back(std::move(query.root));
      project = node.get();
      query.root = std::move(node);
    }
    for (std::size_t c = 0; c < types.size(); ++c) {
      TREFOIL_ASSIGN(project->expressions[c], coerce(std::move(project->expressions[c]), types[c]));
    }
  }
  for (std::size_t c = 0; c < types.size(); ++c) {
    query.columns[c].type = types[c];
    query.root->output[c].type = types[c];
  }
  return {};
}

Status Binder::bindLimit(const ast::Query& query, const Scope& scope, ExpressionPtr& limit, ExpressionPtr& offset) {
  const Scope no_tables{scope.frame, {}, scope.common_tables};
  for (const bool is_limit : {true, false}) {
    const ast::Expression* expression = is_limit ? query.limit : query.offset;
    if (expression == nullptr) {
      continue;
    }
    const char* const clause = is_limit ? "LIMIT" : "OFFSET";
    const ExpressionContext context{.scope = &no_tables, .clause = clause};
    auto bound = bindExpression(*expression, context);
    if (!bound.ok()) {
      if (bound.error().code == ErrorCode::kUndefinedColumn) {
        return Error(ErrorCode::kUndefinedColumn, std::string("argument of ") + clause + " must not contain variables")
            .at(expression->position);
      }
      return std::move(bound).error();
    }
    ExpressionPtr count = std::move(bound).value();
    if (!count->type.isUnknown() && !count->type.isNumeric()) {
      return Error(ErrorCode::kDatatypeMismatch, std::string("argument of ") + clause + " must be type bigint, not type " +
                                                     sqlTypeName(count->type.withoutModifier()))
          .at(expression->position);
    }
    TREFOIL_ASSIGN(count, coerceForColumn(std::move(count), clause, SqlType::bigint()));
    (is_limit ? limit : offset) = std::move(count);
  }
  return {};
}

Result<ExpressionPtr> Binder::bindOutputKey(const ast::Expression& expression, const Scope& scope, bool columns_only) {
  TREFOIL_ASSIGN(ExpressionPtr key, bindExpression(expression, {.scope = &scope, .clause = "ORDER BY"}));
  if (columns_only && key->kind != ExpressionKind::kColumn) {
    return Error(ErrorCode::kUnsupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
        .withDetail("Only result column names can be used, not expressions or functions.")
        .withHint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
        .at(expression.position);
  }
  return settleType(std::move(key));
}

Status Binder::orderByOutput(const ast::Query& query, Frame& frame, BoundQuery& bound) {
  Scope scope{&frame, {}, nullptr};
  scope.tables.emplace_back();
  for (std::size_t c = 0; c < bound.columns.size(); ++c) {
    scope.tables[0].columns.push_back({bound.root->output[c].id, bound.columns[c].name, bound.columns[c].type});
  }
  std::vector<SortKey> keys;
  const FixedLiterals fixed(*this);
  for (const ast::OrderItem& item : query.order_by) {
    SortKey key;
    key.descending = item.descending;
    key.nulls_first = nullsFirst(item);
    TREFOIL_ASSIGN(const auto ordinal, ordinalIn(bound.columns.size(), *item.expression, "ORDER BY"));
    if (ordinal) {
      const OutputColumn& column = bound.root->output[*ordinal];
      key.expression = makeColumn(column.type, column.id);
    } else {
      TREFOIL_ASSIGN(key.expression, bindOutputKey(*item.expression, scope, query.is<ast::SetOperation>()));
    }
    TREFOIL_TRY(checkOrdered(*key.expression, item.expression->position));
    keys.push_back(std::move(key));
  }
  ExpressionPtr limit;
  ExpressionPtr offset;
  TREFOIL_TRY(bindLimit(query, scope, limit, offset));
  bound.root = keys.empty() ? planLimit(std::move(bound.root), std::move(limit), std::move(offset))
                            : planSort(std::move(bound.root), std::move(keys), std::move(limit), std::move(offset));
  return {};
}

}  // namespace trefoil::sql
