#include "sql/expressions/folding.hpp"

#include <algorithm>

#include "sql/expressions/evaluator.hpp"
#include "sql/expressions/functions.hpp"

namespace trefoil::sql {
namespace {

void replaceBy(ExpressionPtr& expression, const Datum& value) {
  auto constant = makeConstant(expression->type, value);
  constant->position = expression->position;
  expression = std::move(constant);
}

bool isConstantBool(const Expression& expression, bool value) {
  return expression.kind == ExpressionKind::kConstant && !expression.constant.isNull() &&
         expression.constant.view().asBool() == value;
}

// AND and OR: `neutral` operands go, the other constant decides.
void simplifyLogic(ExpressionPtr& expression) {
  const bool neutral = expression->kind == ExpressionKind::kAnd;
  std::vector<ExpressionPtr>& operands = expression->children;
  if (std::any_of(operands.begin(), operands.end(), [&](const ExpressionPtr& e) { return isConstantBool(*e, !neutral); })) {
    return replaceBy(expression, Datum::boolean(!neutral));
  }
  std::erase_if(operands, [&](const ExpressionPtr& e) { return isConstantBool(*e, neutral); });
  if (operands.empty()) {
    return replaceBy(expression, Datum::boolean(neutral));
  }
  if (operands.size() == 1) {
    expression = ExpressionPtr(std::move(operands.front()));
    return;
  }
  std::stable_partition(operands.begin(), operands.end(), [](const ExpressionPtr& e) { return isFreeOfRows(*e); });
}

}  // namespace

void foldCall(ExpressionPtr& expression) {
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
  // What costs much is left for the run, which can be ended, or given up where others wait for it.
  StatementControl control;
  control.limitWork(0);
  EvalContext context;
  context.meter = WorkMeter(&control);
  Evaluator evaluator(*expression, 1);
  Datum value;
  if (evaluator.scalar(context, value).ok()) {
    replaceBy(expression, value);
  }
}

void simplify(ExpressionPtr& expression) {
  for (ExpressionPtr& child : expression->children) {
    simplify(child);
  }
  if (expression->kind == ExpressionKind::kAnd || expression->kind == ExpressionKind::kOr) {
    simplifyLogic(expression);
  } else if (expression->kind == ExpressionKind::kCall) {
    const bool strict = expression->function->nulls != NullPolicy::kHandles;
    const auto& arguments = expression->children;
    if (strict && std::any_of(arguments.begin(), arguments.end(), [](const ExpressionPtr& e) { return isConstantNull(*e); })) {
      replaceBy(expression, Datum::null());
    } else {
      foldCall(expression);
    }
  }
}

bool isFreeOfRows(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kConstant:
    case ExpressionKind::kParameter:
    case ExpressionKind::kOuter:
      return true;
    case ExpressionKind::kCall:
      return expression.function->nulls == NullPolicy::kIgnore && !expression.function->is_volatile &&
             std::all_of(expression.children.begin(), expression.children.end(),
                         [](const ExpressionPtr& child) { return isFreeOfRows(*child); });
    default:
      return false;
  }
}

}  // namespace trefoil::sql
