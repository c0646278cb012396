// Operators: AND, OR, NOT, comparisons, arithmetic and the rest, which are functions by other names; and interval arithmetic.
#include "sql/bind/binder.hpp"
#include "sql/expressions/folding.hpp"
#include "sql/expressions/functions.hpp"
#include "sql/types/interval.hpp"

namespace trefoil::sql {
namespace {

bool isComparison(ast::BinaryOperator op) {
  return op >= ast::BinaryOperator::kEqual && op <= ast::BinaryOperator::kIsNotDistinctFrom;
}

}  // namespace

Error noSuchOperator(std::string_view name, const SqlType& left, const SqlType& right, std::uint32_t position) {
  return Error(ErrorCode::kUndefinedFunction, "operator does not exist: " + sqlTypeName(left.withoutModifier()) + " " +
                                                  std::string(name) + " " + sqlTypeName(right.withoutModifier()))
      .withHint("No operator matches the given name and argument types. You might need to add explicit type casts.")
      .at(position);
}

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
  volatile_calls_ += function.is_volatile ? 1 : 0;
  ExpressionPtr call = makeCall(function, function.result, std::move(arguments));
  call->position = position;
  foldCall(call);
  return call;
}

Result<ExpressionPtr> Binder::makeFunctionCall(std::string_view name, std::vector<ExpressionPtr> arguments,
                                               std::uint32_t position) {
  std::vector<SqlType> types;
  for (const ExpressionPtr& argument : arguments) {
    types.push_back(argument->type);
  }
  const Resolution found = resolveFunction(name, types);
  if (found.is_ambiguous) {
    return ambiguousFunction(name, arguments, position);
  }
  if (found.function == nullptr) {
    return noSuchFunction(name, arguments, position);
  }
  return applyFunction(*found.function, std::move(arguments), position);
}

Result<ExpressionPtr> Binder::makeComparison(std::string_view name, ExpressionPtr left, ExpressionPtr right,
                                             std::uint32_t position) {
  SqlType types[] = {left->type.withoutModifier(), right->type.withoutModifier()};
  if (types[0].isUnknown() && types[1].isUnknown()) {
    types[0] = SqlType::text();
  }
  const Resolution found = resolveOperator(name, types[0], types[1]);
  if (found.function == nullptr) {
    return noSuchOperator(name, left->type, right->type, position);
  }
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(left));
  arguments.push_back(std::move(right));
  return applyFunction(*found.function, std::move(arguments), position);
}

Result<ExpressionPtr> Binder::makeOperator(std::string_view name, ExpressionPtr left, ExpressionPtr right,
                                           std::uint32_t position) {
  SqlType types[] = {left->type.withoutModifier(), right->type.withoutModifier()};
  // || takes anything beside a string.
  if (name == "||") {
    const auto is_text = [](const SqlType& type) { return type.isString() || type.isUnknown(); };
    const auto has_own = [](const SqlType& type) { return type.is(TypeId::kBytea) || type.is(TypeId::kVector); };
    const bool typed_text = types[0].isString() || types[1].isString();
    const bool blob = types[0].is(TypeId::kBytea) || types[1].is(TypeId::kBytea);
    const bool own = blob || (!typed_text && (has_own(types[0]) || has_own(types[1])));
    for (ExpressionPtr* side : {&left, &right}) {
      if ((is_text(types[0]) || is_text(types[1])) && !own && !is_text((*side)->type)) {
        TREFOIL_ASSIGN(*side, castTo(std::move(*side), SqlType::text(), position));
      }
    }
    types[0] = left->type.withoutModifier();
    types[1] = right->type.withoutModifier();
  }
  // Arithmetic with a parameter is taken to be one of doubles.
  if (types[0].isUnknown() && types[1].isUnknown() && name != "||" && !name.starts_with('<') &&
      (isStatementParameter(*left) || isStatementParameter(*right))) {
    types[0] = types[1] = SqlType::doublePrecision();
  }
  const Resolution found = resolveOperator(name, types[0], types[1]);
  if (found.is_ambiguous) {
    return Error(ErrorCode::kAmbiguous,
                 "operator is not unique: " + sqlTypeName(types[0]) + " " + std::string(name) + " " + sqlTypeName(types[1]))
        .withHint("Could not choose a best candidate operator. You might need to add explicit type casts.")
        .at(position);
  }
  if (found.function == nullptr) {
    return noSuchOperator(name, types[0], types[1], position);
  }
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(left));
  arguments.push_back(std::move(right));
  return applyFunction(*found.function, std::move(arguments), position);
}

bool Binder::isStatementParameter(const Expression& expression) const {
  return expression.kind == ExpressionKind::kParameter && expression.index < statement_.parameter_count;
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
    // -2147483648 and -9223372036854775808: their digits alone are no integer, and no bigint.
    const auto& literal = unary.operand->as<ast::Literal>();
    if (literal.literal_kind == ast::LiteralKind::kInteger && literal.integer == std::int64_t{INT32_MAX} + 1) {
      return makeConstant(SqlType::integer(), Datum::integer(INT32_MIN));
    }
    if (literal.literal_kind == ast::LiteralKind::kDecimal && literal.text == "9223372036854775808") {
      return makeConstant(SqlType::bigint(), Datum::integer(INT64_MIN));
    }
  }
  TREFOIL_ASSIGN(ExpressionPtr operand, bindExpression(*unary.operand, context));
  const bool plus = unary.op == ast::UnaryOperator::kPlus;
  if (operand->type.isUnknown()) {
    if (!plus && !isStatementParameter(*operand)) {
      return Error(ErrorCode::kAmbiguous, "operator is not unique: - unknown")
          .withHint("Could not choose a best candidate operator. You might need to add explicit type casts.")
          .at(unary.position);
    }
    TREFOIL_ASSIGN(operand, coerce(std::move(operand), SqlType::doublePrecision()));
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
  const std::string_view name = ast::operatorText(binary.op);
  if (isComparison(binary.op)) {
    return makeComparison(name, std::move(left), std::move(right), binary.position);
  }
  if ((binary.op == ast::BinaryOperator::kJsonGet || binary.op == ast::BinaryOperator::kJsonGetText) && right->type.isUnknown() &&
      !isConstantNull(*right)) {
    TREFOIL_ASSIGN(right, coerce(std::move(right), SqlType::text()));
  }
  return makeOperator(name, std::move(left), std::move(right), binary.position);
}

Result<ExpressionPtr> Binder::addInterval(ExpressionPtr timestamp, std::string_view interval, bool subtract,
                                          std::uint32_t position) {
  auto parsed = parseInterval(interval);
  if (!parsed.ok()) {
    return std::move(parsed).error().at(position);
  }
  const std::int64_t sign = subtract ? -1 : 1;
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(timestamp));
  arguments.push_back(makeConstant(SqlType::bigint(), Datum::integer(sign * parsed.value().months)));
  arguments.push_back(makeConstant(SqlType::bigint(), Datum::integer(sign * parsed.value().micros)));
  return makeFunctionCall("add interval", std::move(arguments), position);
}

}  // namespace trefoil::sql
