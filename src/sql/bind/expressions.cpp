// Expressions: one function for each kind of node of the syntax tree. See types.cpp for conversions, operators.cpp for operators,
// calls.cpp for functions.
#include "sql/bind/binder.hpp"
#include "sql/expressions/functions.hpp"
#include "sql/plan/nodes.hpp"
#include "sql/plan/planner.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::sql {
namespace {

Error at(Error error, std::uint32_t position) {
  return std::move(error).at(position);
}

// An operand that a construct uses more than once and that is computed once.
class SharedOperand {
 public:
  explicit SharedOperand(ExpressionPtr operand) : operand_(std::move(operand)) {
    const ExpressionKind kind = operand_->kind;
    copied_ = kind == ExpressionKind::kColumn || kind == ExpressionKind::kConstant || kind == ExpressionKind::kParameter ||
              kind == ExpressionKind::kOuter || kind == ExpressionKind::kAggregate;
  }
  [[nodiscard]] const SqlType& type() const { return operand_->type; }
  [[nodiscard]] ExpressionPtr use() const {
    if (copied_) {
      return clone(*operand_);
    }
    auto value = std::make_unique<Expression>(ExpressionKind::kLetValue, operand_->type);
    value->position = operand_->position;
    return value;
  }
  // Around what was made of the uses.
  ExpressionPtr wrap(ExpressionPtr result) {
    if (copied_) {
      return result;
    }
    auto let = std::make_unique<Expression>(ExpressionKind::kLet, result->type);
    let->children.push_back(std::move(operand_));
    let->children.push_back(std::move(result));
    return let;
  }

 private:
  ExpressionPtr operand_;
  bool copied_ = false;
};

SqlType integerType(std::int64_t value) {
  return value == static_cast<std::int32_t>(value) ? SqlType::integer() : SqlType::bigint();
}

}  // namespace

Result<ExpressionPtr> Binder::bindCondition(const ast::Expression& expression, const ExpressionContext& context) {
  TREFOIL_ASSIGN(ExpressionPtr condition, bindExpression(expression, context));
  if (condition->type.isUnknown()) {
    return coerce(std::move(condition), SqlType::boolean());
  }
  if (!condition->type.is(TypeId::kBoolean)) {
    return at(
        Error(ErrorCode::kDatatypeMismatch, "argument of " + std::string(context.clause) + " must be type boolean, not type " +
                                                sqlTypeName(condition->type.withoutModifier())),
        expression.position);
  }
  return condition;
}

Result<ExpressionPtr> Binder::bindExpression(const ast::Expression& expression, const ExpressionContext& context) {
  using ast::ExpressionKind;
  const auto bound = [&]() -> Result<ExpressionPtr> {
    switch (expression.kind) {
      case ExpressionKind::kLiteral:
        return bindLiteral(expression.as<ast::Literal>());
      case ExpressionKind::kParameter:
        return bindParameter(expression.as<ast::Parameter>());
      case ExpressionKind::kColumn:
        return findColumn(*context.scope, expression.as<ast::Column>());
      case ExpressionKind::kStar:
        return at(Error(ErrorCode::kSyntax, "* is not allowed here"), expression.position);
      case ExpressionKind::kDefault:
        return at(Error(ErrorCode::kSyntax, "DEFAULT is not allowed in this context"), expression.position);
      case ExpressionKind::kUnary:
        return bindUnary(expression.as<ast::Unary>(), context);
      case ExpressionKind::kBinary:
        return bindBinary(expression.as<ast::Binary>(), context);
      case ExpressionKind::kIsTest:
        return bindIsTest(expression.as<ast::IsTest>(), context);
      case ExpressionKind::kBetween:
        return bindBetween(expression.as<ast::Between>(), context);
      case ExpressionKind::kInList:
        return bindInList(expression.as<ast::InList>(), context);
      case ExpressionKind::kInQuery: {
        const auto& in = expression.as<ast::InQuery>();
        return bindSubquery(expression, *in.query, SubqueryKind::kIn, in.negated, in.operand, context);
      }
      case ExpressionKind::kLike:
        return bindLike(expression.as<ast::Like>(), context);
      case ExpressionKind::kExists:
        return bindSubquery(expression, *expression.as<ast::Exists>().query, SubqueryKind::kExists, false, nullptr, context);
      case ExpressionKind::kSubquery:
        return bindSubquery(expression, *expression.as<ast::Subquery>().query, SubqueryKind::kScalar, false, nullptr, context);
      case ExpressionKind::kCase:
        return bindCase(expression.as<ast::Case>(), context);
      case ExpressionKind::kCast:
        return bindCast(expression.as<ast::Cast>(), context);
      case ExpressionKind::kCall:
        return bindCall(expression.as<ast::Call>(), context);
    }
    return at(Error(ErrorCode::kUnsupported, "unsupported expression"), expression.position);
  };
  TREFOIL_ASSIGN(ExpressionPtr result, bound());
  if (result->position == 0) {
    result->position = expression.position;
  }
  return result;
}

Result<ExpressionPtr> Binder::bindLiteral(const ast::Literal& literal) {
  SqlType type;
  Datum value;
  switch (literal.literal_kind) {
    case ast::LiteralKind::kNull:
      break;
    case ast::LiteralKind::kBoolean:
      type = SqlType::boolean();
      value = Datum::boolean(literal.integer != 0);
      break;
    case ast::LiteralKind::kInteger:
      type = integerType(literal.integer);
      value = Datum::integer(literal.integer);
      break;
    case ast::LiteralKind::kDecimal: {
      type = SqlType::doublePrecision();
      auto parsed = parseText(type, literal.text, bytes_);
      if (!parsed.ok()) {
        return std::move(parsed).error().at(literal.position);
      }
      value = parsed.value();
      break;
    }
    case ast::LiteralKind::kString: {
      auto valid = parseText(SqlType::text(), literal.text, bytes_);
      if (!valid.ok()) {
        return std::move(valid).error().at(literal.position);
      }
      value = Datum::text(literal.text);
      break;
    }
    case ast::LiteralKind::kBlob:
      type = SqlType::bytea();
      value = Datum::blob(literal.text);
      break;
    case ast::LiteralKind::kVector:
      type = SqlType::vector();
      value = Datum::vector(literal.floats);
      break;
  }
  ExpressionPtr expression;
  if (context_.literals_as_parameters && fixed_literals_ == 0 && literal.index != ast::kNoLiteralIndex) {
    expression = std::make_unique<Expression>(ExpressionKind::kParameter, type);
    expression->index = statement_.parameter_count + literal.index;
    literal_is_parameter_[literal.index] = true;
    parameter_types_[expression->index] = type;
  } else {
    expression = makeConstant(type, value);
  }
  expression->position = literal.position;
  return expression;
}

Result<ExpressionPtr> Binder::bindParameter(const ast::Parameter& parameter) {
  if (parameter.number < 1 || parameter.number > statement_.parameter_count || no_parameters_) {
    return at(Error(ErrorCode::kUndefinedObject, "there is no parameter $" + std::to_string(parameter.number)),
              parameter.position);
  }
  auto expression = std::make_unique<Expression>(ExpressionKind::kParameter, parameter_types_[parameter.number - 1]);
  expression->index = parameter.number - 1;
  expression->position = parameter.position;
  return ExpressionPtr(std::move(expression));
}

Result<ExpressionPtr> Binder::findColumn(const Scope& scope, const ast::Column& column) {
  const ScopeColumn* found = nullptr;
  bool table_known = false;
  for (const ScopeTable& table : scope.tables) {
    if (!column.table.empty() && table.name != column.table.text) {
      continue;
    }
    table_known = true;
    for (const ScopeColumn& candidate : table.columns) {
      if (candidate.name != column.name.text || (candidate.hidden && column.table.empty())) {
        continue;
      }
      if (found != nullptr) {
        return at(Error(ErrorCode::kAmbiguous, "column reference \"" + std::string(column.name.text) + "\" is ambiguous"),
                  column.position);
      }
      found = &candidate;
    }
  }
  if (found != nullptr) {
    ExpressionPtr expression = makeColumn(found->type, found->id);
    expression->position = column.position;
    return expression;
  }
  Frame& frame = *scope.frame;
  if (frame.enclosing != nullptr && (column.table.empty() || !table_known)) {
    auto outer = findColumn(*frame.enclosing, column);
    if (!outer.ok()) {
      return outer;
    }
    for (const Capture& capture : frame.captures) {
      if (equivalent(*capture.value, *outer.value())) {
        auto known = std::make_unique<Expression>(ExpressionKind::kOuter, capture.value->type);
        known->index = capture.slot;
        return ExpressionPtr(std::move(known));
      }
    }
    auto expression = std::make_unique<Expression>(ExpressionKind::kOuter, outer.value()->type);
    expression->index = next_slot_++;
    expression->position = column.position;
    frame.captures.push_back({std::move(outer).value(), expression->index});
    return ExpressionPtr(std::move(expression));
  }
  if (!column.table.empty() && !table_known) {
    return at(Error(ErrorCode::kUndefinedTable, "missing FROM-clause entry for table \"" + std::string(column.table.text) + "\""),
              column.position);
  }
  const std::string name = column.table.empty() ? "\"" + std::string(column.name.text) + "\""
                                                : std::string(column.table.text) + "." + std::string(column.name.text);
  return at(Error(ErrorCode::kUndefinedColumn, "column " + name + " does not exist"), column.position);
}

Result<ExpressionPtr> Binder::bindIsTest(const ast::IsTest& test, const ExpressionContext& context) {
  std::vector<ExpressionPtr> arguments(1);
  std::string_view name;
  if (test.test == ast::IsTestKind::kNull) {
    TREFOIL_ASSIGN(arguments[0], bindExpression(*test.operand, context));
    name = test.negated ? "is not null" : "is null";
  } else {
    ExpressionContext inner = context;
    inner.clause = "IS TRUE";
    TREFOIL_ASSIGN(arguments[0], bindCondition(*test.operand, inner));
    switch (test.test) {
      case ast::IsTestKind::kTrue:
        name = test.negated ? "is not true" : "is true";
        break;
      case ast::IsTestKind::kFalse:
        name = test.negated ? "is not false" : "is false";
        break;
      default:
        name = test.negated ? "is not null" : "is null";
        break;
    }
  }
  return makeFunctionCall(name, std::move(arguments), test.position);
}

Result<ExpressionPtr> Binder::bindBetween(const ast::Between& between, const ExpressionContext& context) {
  TREFOIL_ASSIGN(ExpressionPtr bound, bindExpression(*between.operand, context));
  SharedOperand operand(std::move(bound));
  TREFOIL_ASSIGN(ExpressionPtr low, bindExpression(*between.low, context));
  TREFOIL_ASSIGN(ExpressionPtr high, bindExpression(*between.high, context));
  TREFOIL_ASSIGN(ExpressionPtr above, makeComparison(">=", operand.use(), std::move(low), between.position));
  TREFOIL_ASSIGN(ExpressionPtr below, makeComparison("<=", operand.use(), std::move(high), between.position));
  auto both = std::make_unique<Expression>(ExpressionKind::kAnd, SqlType::boolean());
  both->children.push_back(std::move(above));
  both->children.push_back(std::move(below));
  ExpressionPtr result = operand.wrap(std::move(both));
  if (!between.negated) {
    return result;
  }
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(result));
  return makeFunctionCall("not", std::move(arguments), between.position);
}

Result<ExpressionPtr> Binder::bindInList(const ast::InList& list, const ExpressionContext& context) {
  TREFOIL_ASSIGN(ExpressionPtr operand, bindExpression(*list.operand, context));
  std::vector<ExpressionPtr> items;
  std::vector<SqlType> types = {operand->type.withoutModifier()};
  for (const ast::Expression* item : list.items) {
    TREFOIL_ASSIGN(ExpressionPtr bound, bindExpression(*item, context));
    types.push_back(bound->type.withoutModifier());
    items.push_back(std::move(bound));
  }
  std::optional<SqlType> common = commonType(types);
  if (!common || !isComparable(*common)) {
    for (std::size_t i = 1; i < types.size(); ++i) {
      const SqlType pair[] = {types[0], types[i]};
      if (const auto type = commonType(pair); !type || !isComparable(*type)) {
        return noSuchOperator("=", types[0], types[i], list.position);
      }
    }
    return noSuchOperator("=", types[0], types.back(), list.position);
  }
  if (common->isUnknown()) {
    common = SqlType::text();
  }
  TREFOIL_ASSIGN(operand, coerce(std::move(operand), *common));
  bool constant = !common->is(TypeId::kVector);
  for (ExpressionPtr& item : items) {
    TREFOIL_ASSIGN(item, coerce(std::move(item), *common));
    constant = constant && isRowIndependent(*item);
  }
  if (constant && items.size() > 1) {
    auto in = std::make_unique<Expression>(ExpressionKind::kInList, SqlType::boolean());
    in->negated = list.negated;
    in->children.push_back(std::move(operand));
    std::move(items.begin(), items.end(), std::back_inserter(in->children));
    return ExpressionPtr(std::move(in));
  }
  // One item, or items that depend on the row: operand = item OR …
  ExpressionPtr result;
  if (items.size() == 1) {
    TREFOIL_ASSIGN(result, makeComparison("=", std::move(operand), std::move(items[0]), list.position));
  } else {
    auto any = std::make_unique<Expression>(ExpressionKind::kOr, SqlType::boolean());
    SharedOperand shared(std::move(operand));
    for (ExpressionPtr& item : items) {
      TREFOIL_ASSIGN(ExpressionPtr equal, makeComparison("=", shared.use(), std::move(item), list.position));
      any->children.push_back(std::move(equal));
    }
    result = shared.wrap(std::move(any));
  }
  if (!list.negated) {
    return result;
  }
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(result));
  return makeFunctionCall("not", std::move(arguments), list.position);
}

Result<ExpressionPtr> Binder::bindLike(const ast::Like& like, const ExpressionContext& context) {
  std::vector<ExpressionPtr> arguments(3);
  TREFOIL_ASSIGN(arguments[0], bindExpression(*like.operand, context));
  TREFOIL_ASSIGN(arguments[1], bindExpression(*like.pattern, context));
  if (like.escape != nullptr) {
    TREFOIL_ASSIGN(arguments[2], bindExpression(*like.escape, context));
  } else {
    arguments[2] = makeConstant(SqlType::text(), Datum::text("\\"));
  }
  const std::string_view symbol = like.case_insensitive ? (like.negated ? "!~~*" : "~~*") : (like.negated ? "!~~" : "~~");
  for (std::size_t i = 0; i < 2; ++i) {
    if (!arguments[i]->type.isUnknown() && !arguments[i]->type.isString()) {
      return noSuchOperator(symbol, arguments[0]->type, arguments[1]->type, like.position);
    }
  }
  const std::string_view name =
      like.case_insensitive ? (like.negated ? "not ilike" : "ilike") : (like.negated ? "not like" : "like");
  return makeFunctionCall(name, std::move(arguments), like.position);
}

Result<ExpressionPtr> Binder::bindCase(const ast::Case& node, const ExpressionContext& context) {
  auto result = std::make_unique<Expression>(ExpressionKind::kCase, SqlType::unknown());
  ExpressionContext inner = context;
  inner.clause = "CASE/WHEN";
  std::optional<SharedOperand> operand;
  if (node.operand != nullptr) {
    TREFOIL_ASSIGN(ExpressionPtr bound, bindExpression(*node.operand, context));
    operand.emplace(std::move(bound));
  }
  for (const ast::CaseBranch& branch : node.branches) {
    ExpressionPtr condition;
    if (!operand) {
      TREFOIL_ASSIGN(condition, bindCondition(*branch.condition, inner));
    } else {
      TREFOIL_ASSIGN(ExpressionPtr value, bindExpression(*branch.condition, context));
      TREFOIL_ASSIGN(condition, makeComparison("=", operand->use(), std::move(value), branch.condition->position));
    }
    TREFOIL_ASSIGN(ExpressionPtr value, bindExpression(*branch.result, context));
    result->children.push_back(std::move(condition));
    result->children.push_back(std::move(value));
  }
  ExpressionPtr otherwise = makeConstant(SqlType::unknown(), Datum::null());
  if (node.otherwise != nullptr) {
    TREFOIL_ASSIGN(otherwise, bindExpression(*node.otherwise, context));
  }
  result->children.push_back(std::move(otherwise));
  std::vector<ExpressionPtr*> values;
  for (std::size_t i = 1; i < result->children.size(); i += 2) {
    values.push_back(&result->children[i]);
  }
  values.push_back(&result->children.back());
  TREFOIL_TRY(unify(values, "CASE"));
  result->type = result->children.back()->type.withoutModifier();
  return operand ? operand->wrap(std::move(result)) : ExpressionPtr(std::move(result));
}

Result<ExpressionPtr> Binder::bindCast(const ast::Cast& cast, const ExpressionContext& context) {
  const std::vector<std::int64_t> modifiers(cast.type.modifiers.begin(), cast.type.modifiers.end());
  auto type = resolveTypeName(cast.type.name.text, modifiers);
  if (!type.ok()) {
    return std::move(type).error().at(cast.type.name.position);
  }
  TREFOIL_ASSIGN(ExpressionPtr operand, bindExpression(*cast.operand, context));
  return castTo(std::move(operand), type.value(), cast.position);
}

Result<ExpressionPtr> Binder::bindSubquery(const ast::Expression& node, const ast::Query& query, SubqueryKind kind, bool negated,
                                           const ast::Expression* operand, const ExpressionContext& context) {
  auto expression = std::make_unique<Expression>(ExpressionKind::kSubquery, SqlType::boolean());
  expression->subquery_kind = kind;
  expression->negated = negated;
  expression->position = node.position;
  ExpressionPtr bound_operand;
  if (operand != nullptr) {
    TREFOIL_ASSIGN(bound_operand, bindExpression(*operand, context));
  }
  Frame frame;
  frame.enclosing = context.scope;
  TREFOIL_ASSIGN(BoundQuery bound, bindQuery(query, frame, context.scope->common_tables));
  if (kind != SubqueryKind::kExists && bound.columns.size() != 1) {
    return at(Error(ErrorCode::kSyntax,
                    kind == SubqueryKind::kScalar ? "subquery must return only one column" : "subquery has too many columns"),
              node.position);
  }
  if (kind == SubqueryKind::kIn) {
    const SqlType types[] = {bound_operand->type.withoutModifier(), bound.columns[0].type.withoutModifier()};
    std::optional<SqlType> common = commonType(types);
    if (!common || !isComparable(*common)) {
      return noSuchOperator("=", types[0], types[1], node.position);
    }
    TREFOIL_ASSIGN(bound_operand, coerce(std::move(bound_operand), *common));
    const SqlType column_type[] = {*common};
    TREFOIL_TRY(convertOutput(bound, column_type));
    expression->children.push_back(std::move(bound_operand));
  } else if (kind == SubqueryKind::kScalar) {
    expression->type = bound.columns[0].type;
  }
  if (kind == SubqueryKind::kExists && dynamic_cast<ProjectNode*>(bound.root.get()) != nullptr) {
    bound.root = std::move(bound.root->children[0]);  // whether there are rows, not what is in them
  }
  setSubquery(*expression, std::move(bound.root), frame);
  return ExpressionPtr(std::move(expression));
}

void Binder::setSubquery(Expression& expression, PlanNodePtr root, Frame& frame) {
  for (Capture& capture : frame.captures) {
    expression.outer_slots.push_back(capture.slot);
    expression.children.push_back(std::move(capture.value));
  }
  expression.subquery = makeSubquery(std::move(root), !frame.captures.empty());
}

Result<ExpressionPtr> Binder::bindFunctionValue(const ast::Call& call, const ExpressionContext& context) {
  Frame frame;
  frame.enclosing = context.scope;
  Scope scope{&frame, {}, context.scope->common_tables};
  ast::FunctionTable reference(call.position);
  reference.call = const_cast<ast::Call*>(&call);
  TREFOIL_ASSIGN(PlanNodePtr root, bindFunctionTable(reference, scope));
  auto expression = std::make_unique<Expression>(ExpressionKind::kSubquery, root->output[0].type);
  expression->subquery_kind = SubqueryKind::kScalar;
  expression->position = call.position;
  setSubquery(*expression, std::move(root), frame);
  return ExpressionPtr(std::move(expression));
}

}  // namespace trefoil::sql
