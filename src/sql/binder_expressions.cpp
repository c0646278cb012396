#include <charconv>
#include <cmath>

#include "sql/binder.hpp"
#include "sql/evaluator.hpp"
#include "sql/functions.hpp"
#include "sql/planner.hpp"
#include "sql/utf8.hpp"

namespace trefoil::sql {
namespace {

Error at(Error error, std::uint32_t position) {
  return std::move(error).at(position);
}

std::string_view operatorName(ast::BinaryOperator op) {
  switch (op) {
    case ast::BinaryOperator::kOr:
      return "OR";
    case ast::BinaryOperator::kAnd:
      return "AND";
    case ast::BinaryOperator::kEqual:
      return "=";
    case ast::BinaryOperator::kNotEqual:
      return "<>";
    case ast::BinaryOperator::kLess:
      return "<";
    case ast::BinaryOperator::kLessEqual:
      return "<=";
    case ast::BinaryOperator::kGreater:
      return ">";
    case ast::BinaryOperator::kGreaterEqual:
      return ">=";
    case ast::BinaryOperator::kIsDistinctFrom:
      return "is distinct from";
    case ast::BinaryOperator::kIsNotDistinctFrom:
      return "is not distinct from";
    case ast::BinaryOperator::kConcatenate:
      return "||";
    case ast::BinaryOperator::kJsonGet:
      return "->";
    case ast::BinaryOperator::kJsonGetText:
      return "->>";
    case ast::BinaryOperator::kL2Distance:
      return "<->";
    case ast::BinaryOperator::kCosineDistance:
      return "<=>";
    case ast::BinaryOperator::kNegativeProduct:
      return "<#>";
    case ast::BinaryOperator::kAdd:
      return "+";
    case ast::BinaryOperator::kSubtract:
      return "-";
    case ast::BinaryOperator::kMultiply:
      return "*";
    case ast::BinaryOperator::kDivide:
      return "/";
    case ast::BinaryOperator::kModulo:
      return "%";
    case ast::BinaryOperator::kPower:
      return "^";
  }
  return "";
}

bool isComparison(ast::BinaryOperator op) {
  return op >= ast::BinaryOperator::kEqual && op <= ast::BinaryOperator::kIsNotDistinctFrom;
}

Error noOperator(std::string_view name, const SqlType& left, const SqlType& right, std::uint32_t position) {
  return Error(ErrorCode::kUndefinedFunction, "operator does not exist: " + sqlTypeName(left.withoutModifier()) + " " +
                                                  std::string(name) + " " + sqlTypeName(right.withoutModifier()))
      .withHint("No operator matches the given name and argument types. You might need to add explicit type casts.")
      .at(position);
}

SqlType integerType(std::int64_t value) {
  return value == static_cast<std::int32_t>(value) ? SqlType::integer() : SqlType::bigint();
}

}  // namespace

void splitConjunction(ExpressionPtr condition, std::vector<ExpressionPtr>& conjuncts) {
  if (condition == nullptr) {
    return;
  }
  if (condition->kind != ExpressionKind::kAnd) {
    conjuncts.push_back(std::move(condition));
    return;
  }
  for (ExpressionPtr& child : condition->children) {
    splitConjunction(std::move(child), conjuncts);
  }
}

ExpressionPtr joinConjunction(std::vector<ExpressionPtr> conjuncts) {
  if (conjuncts.empty()) {
    return nullptr;
  }
  if (conjuncts.size() == 1) {
    return std::move(conjuncts.front());
  }
  auto conjunction = std::make_unique<Expression>(ExpressionKind::kAnd, SqlType::boolean());
  conjunction->children = std::move(conjuncts);
  return conjunction;
}

Binder::Binder(const parser::ParsedStatement& statement, const BindContext& context)
    : statement_(statement),
      context_(context),
      parameter_types_(statement.parameter_count + (context.literals_as_parameters ? statement.literal_count : 0)),
      literal_is_parameter_(statement.literal_count, false) {}

void Binder::useTable(TableId table, bool writes) {
  for (TableUse& use : tables_) {
    if (use.table == table) {
      use.writes = use.writes || writes;
      return;
    }
  }
  tables_.push_back({table, writes});
}

void Binder::settleParameters() {
  for (std::size_t i = 0; i < parameter_types_.size(); ++i) {
    const bool literal = i >= statement_.parameter_count;
    if (parameter_types_[i].isUnknown() && (!literal || literal_is_parameter_[i - statement_.parameter_count])) {
      parameter_types_[i] = SqlType::text();
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------- types

Status Binder::setParameterType(Expression& parameter, const SqlType& type) {
  SqlType& known = parameter_types_[parameter.index];
  if (known.isUnknown()) {
    known = type;
  }
  parameter.type = known;
  return {};
}

Result<ExpressionPtr> Binder::coerce(ExpressionPtr expression, const SqlType& type) {
  const std::uint32_t position = expression->position;
  if (expression->type.isUnknown()) {
    if (expression->kind == ExpressionKind::kParameter) {
      TREFOIL_TRY(setParameterType(*expression, type));
    } else if (expression->kind == ExpressionKind::kConstant) {
      if (expression->constant.isNull()) {
        expression->type = type.withoutModifier();
        return expression;
      }
      auto value = parseText(type, expression->constant.view().asBytes(), bytes_);
      if (!value.ok()) {
        return std::move(value).error().at(position);
      }
      auto constant = makeConstant(type.withoutModifier(), value.value());
      constant->position = position;
      return constant;
    } else if (expression->type.isUnknown()) {
      return castTo(std::move(expression), type, position);
    }
  }
  const SqlType from = expression->type.withoutModifier();
  const SqlType to = type.withoutModifier();
  if (from == to) {
    return expression;
  }
  if (implicitConversionCost(from, to) < 0) {
    return Error(ErrorCode::kDatatypeMismatch, "cannot convert type " + sqlTypeName(from) + " to " + sqlTypeName(to))
        .at(position);
  }
  return castTo(std::move(expression), to, position);
}

Result<ExpressionPtr> Binder::settleType(ExpressionPtr expression) {
  if (expression->type.isUnknown()) {
    return coerce(std::move(expression), SqlType::text());
  }
  return expression;
}

Result<ExpressionPtr> Binder::castTo(ExpressionPtr expression, const SqlType& type, std::uint32_t position) {
  if (expression->type.isUnknown()) {
    if (expression->kind == ExpressionKind::kParameter && parameter_types_[expression->index].isUnknown()) {
      parameter_types_[expression->index] = type.withoutModifier();
      expression->type = type.withoutModifier();
    } else if (expression->kind == ExpressionKind::kParameter) {
      expression->type = parameter_types_[expression->index];
    } else {
      TREFOIL_ASSIGN(expression, coerce(std::move(expression), type.withoutModifier()));
    }
  }
  const SqlType from = expression->type.withoutModifier();
  const SqlType to = type.withoutModifier();
  if (from != to) {
    // All integers are alike in memory: widening needs no work, and a column stays a column for the planner.
    if (from.isInteger() && to.isInteger() && from.width < to.width) {
      expression->type = to;
    } else {
      const Function* function = castFunction(from, to);
      if (function == nullptr) {
        return Error(ErrorCode::kDatatypeMismatch, "cannot cast type " + sqlTypeName(from) + " to " + sqlTypeName(to))
            .at(position);
      }
      std::vector<ExpressionPtr> arguments;
      arguments.push_back(std::move(expression));
      expression = makeCall(*function, to, std::move(arguments));
      expression->position = position;
      fold(expression);
    }
  }
  if (type.modifier != 0 && (type.base == Type::kText || type.base == Type::kVector)) {
    const SqlType parameters[] = {to, SqlType::bigint()};
    std::vector<ExpressionPtr> arguments;
    arguments.push_back(std::move(expression));
    arguments.push_back(makeConstant(SqlType::bigint(), Datum::integer(type.modifier)));
    expression =
        makeCall(builtinFunction(type.base == Type::kText ? "fit text" : "fit vector", parameters), type, std::move(arguments));
    expression->position = position;
    fold(expression);
  }
  return expression;
}

Result<ExpressionPtr> Binder::coerceForColumn(ExpressionPtr expression, std::string_view column, const SqlType& type) {
  const std::uint32_t position = expression->position;
  if (expression->type.isUnknown() && expression->kind == ExpressionKind::kParameter &&
      parameter_types_[expression->index].isUnknown()) {
    parameter_types_[expression->index] = type;  // with its modifier: checked once, when the value comes
    expression->type = type;
    return expression;
  }
  if (expression->type.isUnknown()) {
    TREFOIL_ASSIGN(expression, coerce(std::move(expression), type));
  }
  const SqlType from = expression->type.withoutModifier();
  const SqlType to = type.withoutModifier();
  if (from == to) {
    return expression;
  }
  const bool assignable = (from.isNumeric() && to.isNumeric()) || to.base == Type::kText ||
                          (from.base == Type::kTimestamp && to.base == Type::kDate) || implicitConversionCost(from, to) >= 0;
  if (!assignable) {
    return Error(ErrorCode::kDatatypeMismatch, "column \"" + std::string(column) + "\" is of type " + sqlTypeName(to) +
                                                   " but expression is of type " + sqlTypeName(from))
        .withHint("You will need to rewrite or cast the expression.")
        .at(position);
  }
  return castTo(std::move(expression), to, position);
}

Status Binder::unify(std::span<ExpressionPtr* const> expressions, const char* what) {
  std::vector<SqlType> types;
  for (ExpressionPtr* expression : expressions) {
    if ((*expression)->type.isUnknown() && (*expression)->kind == ExpressionKind::kParameter) {
      (*expression)->type = parameter_types_[(*expression)->index];
    }
    types.push_back((*expression)->type.withoutModifier());
  }
  std::optional<SqlType> common = commonType(types);
  if (!common) {
    SqlType first;
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (first.isUnknown()) {
        first = types[i];
      } else if (const SqlType pair[] = {first, types[i]}; !commonType(pair)) {
        return Error(ErrorCode::kDatatypeMismatch,
                     std::string(what) + " types " + sqlTypeName(first) + " and " + sqlTypeName(types[i]) + " cannot be matched")
            .at((*expressions[i])->position);
      }
    }
    return Error(ErrorCode::kDatatypeMismatch, std::string(what) + " types cannot be matched");
  }
  if (common->isUnknown()) {
    common = SqlType::text();
  }
  for (ExpressionPtr* expression : expressions) {
    TREFOIL_ASSIGN(*expression, coerce(std::move(*expression), *common));
  }
  return {};
}

Result<ExpressionPtr> Binder::duplicate(const Expression& expression) {
  constexpr std::size_t kMaxNodes = 200'000;
  visit(expression, [this](const Expression&) { return ++duplicated_ <= kMaxNodes; });
  if (duplicated_ > kMaxNodes) {
    return Error(ErrorCode::kLimit, "statement is too complex").at(expression.position);
  }
  return clone(expression);
}

// Computes what needs no row. An expression that fails is left for the run, where a CASE may keep it from being computed.
void Binder::fold(ExpressionPtr& expression) {
  if (expression->kind != ExpressionKind::kCall || !isFoldable(*expression)) {
    return;
  }
  for (const ExpressionPtr& child : expression->children) {
    if (child->kind != ExpressionKind::kConstant) {
      return;
    }
  }
  if (expression->children.empty()) {  // now(), random(), pi(): of the run
    return;
  }
  EvalContext context;
  Evaluator evaluator(*expression, 1);
  Datum value;
  if (!evaluator.scalar(context, value).ok()) {
    return;
  }
  auto constant = makeConstant(expression->type, value);
  constant->position = expression->position;
  expression = std::move(constant);
}

// ---------------------------------------------------------------------------------------------------------- functions, operators

Result<ExpressionPtr> Binder::applyFunction(const Function& function, std::vector<ExpressionPtr> arguments,
                                            std::uint32_t position) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const SqlType& wanted = i < function.parameters.size() ? function.parameters[i] : function.parameters.back();
    if (wanted.isUnknown()) {  // takes anything
      TREFOIL_ASSIGN(arguments[i], settleType(std::move(arguments[i])));
      continue;
    }
    TREFOIL_ASSIGN(arguments[i], coerce(std::move(arguments[i]), wanted));
  }
  ExpressionPtr call = makeCall(function, function.result, std::move(arguments));
  call->position = position;
  fold(call);
  return call;
}

Result<ExpressionPtr> Binder::makeFunctionCall(std::string_view name, std::vector<ExpressionPtr> arguments,
                                               std::uint32_t position) {
  std::vector<SqlType> types;
  for (const ExpressionPtr& argument : arguments) {
    types.push_back(argument->type);
  }
  const Function* function = resolveFunction(name, types);
  if (function == nullptr) {
    std::string list;
    for (const SqlType& type : types) {
      list += (list.empty() ? "" : ", ") + sqlTypeName(type.withoutModifier());
    }
    return Error(ErrorCode::kUndefinedFunction, "function " + std::string(name) + "(" + list + ") does not exist")
        .withHint("No function matches the given name and argument types. You might need to add explicit type casts.")
        .at(position);
  }
  return applyFunction(*function, std::move(arguments), position);
}

Result<ExpressionPtr> Binder::makeComparison(std::string_view name, ExpressionPtr left, ExpressionPtr right,
                                             std::uint32_t position) {
  const SqlType types[] = {left->type.withoutModifier(), right->type.withoutModifier()};
  std::optional<SqlType> common = commonType(types);
  if (!common || common->base == Type::kJson) {
    return noOperator(name, types[0], types[1], position);
  }
  if (common->isUnknown()) {
    common = SqlType::text();
  }
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(left));
  arguments.push_back(std::move(right));
  const SqlType pair[] = {*common, *common};
  return applyFunction(builtinFunction(name, pair), std::move(arguments), position);
}

Result<ExpressionPtr> Binder::makeOperator(std::string_view name, ExpressionPtr left, ExpressionPtr right,
                                           std::uint32_t position) {
  SqlType types[] = {left->type.withoutModifier(), right->type.withoutModifier()};
  // || takes anything beside a text.
  if (name == "||") {
    const auto is_text = [](const SqlType& type) { return type.base == Type::kText || type.isUnknown(); };
    const bool blob = types[0].base == Type::kBlob || types[1].base == Type::kBlob;
    for (ExpressionPtr* side : {&left, &right}) {
      if ((is_text(types[0]) || is_text(types[1])) && !blob && !is_text((*side)->type)) {
        TREFOIL_ASSIGN(*side, castTo(std::move(*side), SqlType::text(), position));
      }
    }
    types[0] = left->type.withoutModifier();
    types[1] = right->type.withoutModifier();
  }
  // An untyped side is first taken to be of the other side's type.
  const Function* function = nullptr;
  if (types[0].isUnknown() != types[1].isUnknown()) {
    const SqlType known = types[0].isUnknown() ? types[1] : types[0];
    const SqlType pair[] = {known, known};
    function = resolveFunction(name, pair);
    if (function != nullptr && (function->parameters[0] != known || function->parameters[1] != known)) {
      function = nullptr;
    }
  }
  if (function == nullptr && types[0].isUnknown() && types[1].isUnknown() && name != "||" && !name.starts_with('<')) {
    // Arithmetic on two untyped values. PostgreSQL finds this ambiguous for literals; as parameters they are taken for doubles.
    const bool null_literals = isConstantNull(*left) || isConstantNull(*right);
    const SqlType assumed = null_literals ? SqlType::integer() : SqlType::real();
    const SqlType pair[] = {assumed, assumed};
    function = resolveFunction(name, pair);
  }
  if (function == nullptr) {
    function = resolveFunction(name, types);
  }
  if (function == nullptr) {
    return noOperator(name, types[0], types[1], position);
  }
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(left));
  arguments.push_back(std::move(right));
  return applyFunction(*function, std::move(arguments), position);
}

// ------------------------------------------------------------------------------------------------------------------ expressions

Result<ExpressionPtr> Binder::bindCondition(const ast::Expression& expression, const ExpressionContext& context) {
  TREFOIL_ASSIGN(ExpressionPtr condition, bindExpression(expression, context));
  if (condition->type.isUnknown()) {
    return coerce(std::move(condition), SqlType::boolean());
  }
  if (condition->type.base != Type::kBool) {
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
        return bindColumn(expression.as<ast::Column>(), context);
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
      type = SqlType::real();
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
      type = SqlType::blob();
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

Result<ExpressionPtr> Binder::bindColumn(const ast::Column& column, const ExpressionContext& context) {
  return findColumn(*context.scope, column);
}

Result<ExpressionPtr> Binder::bindUnary(const ast::Unary& unary, const ExpressionContext& context) {
  if (unary.op == ast::UnaryOperator::kNot) {
    ExpressionContext inner = context;
    inner.clause = "NOT";
    TREFOIL_ASSIGN(ExpressionPtr operand, bindCondition(*unary.operand, inner));
    if (operand->kind == ExpressionKind::kSubquery && operand->subquery_kind == SubqueryKind::kExists) {
      operand->negated = !operand->negated;
      return operand;
    }
    std::vector<ExpressionPtr> arguments;
    arguments.push_back(std::move(operand));
    return makeFunctionCall("not", std::move(arguments), unary.position);
  }
  if (unary.op == ast::UnaryOperator::kNegate && unary.operand->is<ast::Literal>()) {
    // -9223372036854775808: its digits alone are no bigint.
    const auto& literal = unary.operand->as<ast::Literal>();
    if (literal.literal_kind == ast::LiteralKind::kDecimal && literal.text == "9223372036854775808") {
      return makeConstant(SqlType::bigint(), Datum::integer(INT64_MIN));
    }
  }
  TREFOIL_ASSIGN(ExpressionPtr operand, bindExpression(*unary.operand, context));
  const bool plus = unary.op == ast::UnaryOperator::kPlus;
  if (operand->type.isUnknown()) {
    TREFOIL_ASSIGN(operand, coerce(std::move(operand), isConstantNull(*operand) ? SqlType::integer() : SqlType::real()));
  }
  if (!operand->type.isNumeric()) {
    return Error(ErrorCode::kUndefinedFunction,
                 std::string("operator does not exist: ") + (plus ? "+ " : "- ") + sqlTypeName(operand->type.withoutModifier()))
        .withHint("No operator matches the given name and argument type. You might need to add an explicit type cast.")
        .at(unary.position);
  }
  if (plus) {
    return operand;
  }
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(operand));
  return makeFunctionCall("-", std::move(arguments), unary.position);
}

Result<ExpressionPtr> Binder::bindLogic(const ast::Binary& binary, const ExpressionContext& context) {
  const bool is_and = binary.op == ast::BinaryOperator::kAnd;
  ExpressionContext inner = context;
  inner.clause = is_and ? "AND" : "OR";
  auto logic = std::make_unique<Expression>(is_and ? ExpressionKind::kAnd : ExpressionKind::kOr, SqlType::boolean());
  for (const ast::Expression* side : {binary.left, binary.right}) {
    TREFOIL_ASSIGN(ExpressionPtr operand, bindCondition(*side, inner));
    if (operand->kind == logic->kind) {
      std::move(operand->children.begin(), operand->children.end(), std::back_inserter(logic->children));
    } else {
      logic->children.push_back(std::move(operand));
    }
  }
  return ExpressionPtr(std::move(logic));
}

Result<ExpressionPtr> Binder::bindBinary(const ast::Binary& binary, const ExpressionContext& context) {
  if (binary.op == ast::BinaryOperator::kAnd || binary.op == ast::BinaryOperator::kOr) {
    return bindLogic(binary, context);
  }
  const bool additive = binary.op == ast::BinaryOperator::kAdd || binary.op == ast::BinaryOperator::kSubtract;
  if (additive && binary.right->is<ast::Cast>()) {
    const auto& cast = binary.right->as<ast::Cast>();
    if (cast.type.name.text == "interval" && cast.operand->is<ast::Literal>() &&
        cast.operand->as<ast::Literal>().literal_kind == ast::LiteralKind::kString) {
      TREFOIL_ASSIGN(ExpressionPtr timestamp, bindExpression(*binary.left, context));
      return addInterval(std::move(timestamp), cast.operand->as<ast::Literal>().text, binary.op == ast::BinaryOperator::kSubtract,
                         binary.position);
    }
  }
  TREFOIL_ASSIGN(ExpressionPtr left, bindExpression(*binary.left, context));
  TREFOIL_ASSIGN(ExpressionPtr right, bindExpression(*binary.right, context));
  const std::string_view name = operatorName(binary.op);
  if (isComparison(binary.op)) {
    return makeComparison(name, std::move(left), std::move(right), binary.position);
  }
  if ((binary.op == ast::BinaryOperator::kJsonGet || binary.op == ast::BinaryOperator::kJsonGetText) && right->type.isUnknown() &&
      !isConstantNull(*right)) {
    TREFOIL_ASSIGN(right, coerce(std::move(right), SqlType::text()));
  }
  return makeOperator(name, std::move(left), std::move(right), binary.position);
}

// "1 year 2 months 3 days 04:05:06 -7 hours" in months and microseconds.
Result<ExpressionPtr> Binder::addInterval(ExpressionPtr timestamp, std::string_view interval, bool subtract,
                                          std::uint32_t position) {
  struct Unit {
    std::string_view name;
    std::int64_t months;
    std::int64_t micros;
  };
  constexpr Unit kUnits[] = {{"year", 12, 0},
                             {"month", 1, 0},
                             {"mon", 1, 0},
                             {"week", 0, 604'800'000'000},
                             {"day", 0, 86'400'000'000},
                             {"hour", 0, 3'600'000'000},
                             {"minute", 0, 60'000'000},
                             {"min", 0, 60'000'000},
                             {"second", 0, 1'000'000},
                             {"sec", 0, 1'000'000},
                             {"millisecond", 0, 1'000},
                             {"microsecond", 0, 1}};
  const auto invalid = [&] {
    return Error(ErrorCode::kInvalidText, "invalid input syntax for type interval: \"" + std::string(interval) + "\"")
        .at(position);
  };
  double months = 0;
  double micros = 0;
  std::string_view rest = interval;
  bool any = false;
  for (;;) {
    while (!rest.empty() && rest.front() == ' ') {
      rest.remove_prefix(1);
    }
    if (rest.empty()) {
      break;
    }
    double number = 0;
    if (rest.front() == '+') {
      rest.remove_prefix(1);
    }
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc() || !std::isfinite(number)) {
      return invalid();
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    while (!rest.empty() && rest.front() == ' ') {
      rest.remove_prefix(1);
    }
    std::size_t length = 0;
    while (length < rest.size() && ((rest[length] | 0x20) >= 'a' && (rest[length] | 0x20) <= 'z')) {
      ++length;
    }
    std::string word(rest.substr(0, length));
    for (char& c : word) {
      c = static_cast<char>(c | 0x20);
    }
    if (word.size() > 1 && word.back() == 's') {
      word.pop_back();
    }
    const auto* const unit = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& u) { return u.name == word; });
    if (unit == std::end(kUnits)) {
      return invalid();
    }
    months += number * static_cast<double>(unit->months);
    micros += number * static_cast<double>(unit->micros);
    rest.remove_prefix(length);
    any = true;
  }
  if (!any || std::fabs(months) > 4e6 || std::fabs(micros) > 9e18 || months != std::trunc(months)) {
    return invalid();
  }
  const double sign = subtract ? -1 : 1;
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(timestamp));
  arguments.push_back(makeConstant(SqlType::bigint(), Datum::integer(static_cast<std::int64_t>(months * sign))));
  arguments.push_back(makeConstant(SqlType::bigint(), Datum::integer(static_cast<std::int64_t>(micros * sign))));
  return makeFunctionCall("add interval", std::move(arguments), position);
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
  TREFOIL_ASSIGN(ExpressionPtr operand, bindExpression(*between.operand, context));
  TREFOIL_ASSIGN(ExpressionPtr low, bindExpression(*between.low, context));
  TREFOIL_ASSIGN(ExpressionPtr high, bindExpression(*between.high, context));
  TREFOIL_ASSIGN(ExpressionPtr again, duplicate(*operand));
  TREFOIL_ASSIGN(ExpressionPtr above, makeComparison(">=", std::move(operand), std::move(low), between.position));
  TREFOIL_ASSIGN(ExpressionPtr below, makeComparison("<=", std::move(again), std::move(high), between.position));
  auto both = std::make_unique<Expression>(ExpressionKind::kAnd, SqlType::boolean());
  both->children.push_back(std::move(above));
  both->children.push_back(std::move(below));
  if (!between.negated) {
    return ExpressionPtr(std::move(both));
  }
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(both));
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
  if (!common || common->base == Type::kJson) {
    for (std::size_t i = 1; i < types.size(); ++i) {
      const SqlType pair[] = {types[0], types[i]};
      if (const auto type = commonType(pair); !type || type->base == Type::kJson) {
        return noOperator("=", types[0], types[i], list.position);
      }
    }
    return noOperator("=", types[0], types.back(), list.position);
  }
  if (common->isUnknown()) {
    common = SqlType::text();
  }
  TREFOIL_ASSIGN(operand, coerce(std::move(operand), *common));
  auto in = std::make_unique<Expression>(ExpressionKind::kInList, SqlType::boolean());
  in->children.push_back(std::move(operand));
  bool constant = common->base != Type::kVector;
  for (ExpressionPtr& item : items) {
    TREFOIL_ASSIGN(item, coerce(std::move(item), *common));
    constant = constant && isRowIndependent(*item);
  }
  if (constant) {
    in->negated = list.negated;
    std::move(items.begin(), items.end(), std::back_inserter(in->children));
    return ExpressionPtr(std::move(in));
  }
  // Items that depend on the row: operand = item OR …
  auto any = std::make_unique<Expression>(ExpressionKind::kOr, SqlType::boolean());
  for (ExpressionPtr& item : items) {
    TREFOIL_ASSIGN(ExpressionPtr left, duplicate(*in->children[0]));
    TREFOIL_ASSIGN(ExpressionPtr equal, makeComparison("=", std::move(left), std::move(item), list.position));
    any->children.push_back(std::move(equal));
  }
  ExpressionPtr result = any->children.size() == 1 ? std::move(any->children[0]) : ExpressionPtr(std::move(any));
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
    if (!arguments[i]->type.isUnknown() && arguments[i]->type.base != Type::kText) {
      return noOperator(symbol, arguments[0]->type, arguments[1]->type, like.position);
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
  ExpressionPtr operand;
  if (node.operand != nullptr) {
    TREFOIL_ASSIGN(operand, bindExpression(*node.operand, context));
  }
  for (const ast::CaseBranch& branch : node.branches) {
    ExpressionPtr condition;
    if (operand == nullptr) {
      TREFOIL_ASSIGN(condition, bindCondition(*branch.condition, inner));
    } else {
      TREFOIL_ASSIGN(ExpressionPtr value, bindExpression(*branch.condition, context));
      TREFOIL_ASSIGN(ExpressionPtr left, duplicate(*operand));
      TREFOIL_ASSIGN(condition, makeComparison("=", std::move(left), std::move(value), branch.condition->position));
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
  return ExpressionPtr(std::move(result));
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
    if (!common || common->base == Type::kJson) {
      return noOperator("=", types[0], types[1], node.position);
    }
    TREFOIL_ASSIGN(bound_operand, coerce(std::move(bound_operand), *common));
    const SqlType column_type[] = {*common};
    TREFOIL_TRY(convertOutput(bound, column_type));
    expression->children.push_back(std::move(bound_operand));
  } else if (kind == SubqueryKind::kScalar) {
    expression->type = bound.columns[0].type;
  }
  for (Capture& capture : frame.captures) {
    expression->outer_slots.push_back(capture.slot);
    expression->children.push_back(std::move(capture.value));
  }
  expression->subquery = makeSubquery(std::move(bound.root), !frame.captures.empty());
  return ExpressionPtr(std::move(expression));
}

}  // namespace trefoil::sql
