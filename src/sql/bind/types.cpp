// Conversions: what the context demands of an expression, implicitly, by assignment or by CAST.
//
// PostgreSQL's rules: strict. Only what has no type yet (a literal in quotes, NULL, a parameter) takes it from its context.
#include "sql/bind/binder.hpp"
#include "sql/expressions/folding.hpp"
#include "sql/expressions/functions.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::sql {

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
    } else {  // whatever else has no type was given one where it stands (settleOutput)
      return Error(ErrorCode::kDatatypeMismatch, "the type of this expression is not known")
          .withHint("Write CAST(… AS type) where its value stands.")
          .at(position);
    }
  }
  const SqlType from = expression->type.withoutModifier();
  const SqlType to = type.withoutModifier();
  if (from == to) {
    return expression;
  }
  if (!convertsImplicitly(from, to)) {
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
    if (isBinaryCoercible(from, to)) {  // a column stays a column for the planner
      expression->type = to;
    } else {
      const Function* function = castContext(from, to) == CastContext::kNone ? nullptr : castFunction(from, to);
      if (function == nullptr) {
        return Error(ErrorCode::kDatatypeMismatch, "cannot cast type " + sqlTypeName(from) + " to " + sqlTypeName(to))
            .at(position);
      }
      std::vector<ExpressionPtr> arguments;
      arguments.push_back(std::move(expression));
      expression = makeCall(*function, to, std::move(arguments));
      expression->position = position;
      foldCall(expression);
    }
  }
  if (type.modifier != 0) {
    const SqlType parameters[] = {type.isString() ? SqlType::text() : to, SqlType::bigint()};
    std::vector<ExpressionPtr> arguments;
    arguments.push_back(std::move(expression));
    arguments.push_back(makeConstant(SqlType::bigint(), Datum::integer(type.modifier)));
    expression = makeCall(builtinFunction(type.isString() ? "fit text" : "fit vector", parameters), type, std::move(arguments));
    expression->position = position;
    foldCall(expression);
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
  if (castContext(from, to) < CastContext::kAssignment) {
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

}  // namespace trefoil::sql
