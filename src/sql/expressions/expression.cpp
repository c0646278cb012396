#include "sql/expressions/expression.hpp"

#include "sql/expressions/functions.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::sql {
namespace {

bool noneOf(const Expression& expression, const std::function<bool(const Expression&)>& unwanted) {
  bool found = false;
  visit(expression, [&](const Expression& node) {
    found = found || unwanted(node);
    return !found;
  });
  return !found;
}

}  // namespace

ExpressionPtr makeConstant(SqlType type, const Datum& value) {
  auto expression = std::make_unique<Expression>(ExpressionKind::kConstant, type);
  expression->constant = Value(value);
  return expression;
}

ExpressionPtr makeColumn(SqlType type, std::uint32_t index) {
  auto expression = std::make_unique<Expression>(ExpressionKind::kColumn, type);
  expression->index = index;
  return expression;
}

ExpressionPtr makeCall(const Function& function, SqlType type, std::vector<ExpressionPtr> children) {
  auto expression = std::make_unique<Expression>(ExpressionKind::kCall, type);
  expression->function = &function;
  expression->children = std::move(children);
  return expression;
}

ExpressionPtr clone(const Expression& expression) {
  auto copy = std::make_unique<Expression>(expression.kind, expression.type);
  copy->subquery_kind = expression.subquery_kind;
  copy->negated = expression.negated;
  copy->index = expression.index;
  copy->position = expression.position;
  copy->function = expression.function;
  copy->constant = expression.constant;
  copy->outer_slots = expression.outer_slots;
  copy->subquery = expression.subquery;
  copy->children.reserve(expression.children.size());
  for (const ExpressionPtr& child : expression.children) {
    copy->children.push_back(clone(*child));
  }
  return copy;
}

bool isSame(const Expression& a, const Expression& b) {
  if (a.kind == ExpressionKind::kColumn) {  // whatever its type was widened to
    return b.kind == a.kind && a.index == b.index;
  }
  if (a.kind != b.kind || a.type != b.type || a.index != b.index || a.function != b.function || a.negated != b.negated ||
      a.children.size() != b.children.size() || a.subquery_kind != b.subquery_kind || a.subquery != b.subquery) {
    return false;
  }
  if (a.kind == ExpressionKind::kConstant && !identical(a.constant.view(), b.constant.view())) {
    return false;
  }
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    if (!isSame(*a.children[i], *b.children[i])) {
      return false;
    }
  }
  return true;
}

bool equivalent(const Expression& a, const Expression& b) {
  return isSame(a, b) && !hasSubquery(a) &&
         noneOf(a, [](const Expression& node) { return node.function != nullptr && node.function->is_volatile; });
}

void visit(const Expression& expression, const std::function<bool(const Expression&)>& visitor) {
  if (!visitor(expression)) {
    return;
  }
  for (const ExpressionPtr& child : expression.children) {
    visit(*child, visitor);
  }
}

void visitMutable(Expression& expression, const std::function<void(Expression&)>& visitor) {
  visitor(expression);
  for (const ExpressionPtr& child : expression.children) {
    visitMutable(*child, visitor);
  }
}

bool isRowIndependent(const Expression& expression) {
  return noneOf(expression, [](const Expression& node) {
    return node.kind == ExpressionKind::kColumn || node.kind == ExpressionKind::kSubquery ||
           node.kind == ExpressionKind::kAggregate || (node.function != nullptr && node.function->is_volatile);
  });
}

bool isFoldable(const Expression& expression) {
  return isRowIndependent(expression) && noneOf(expression, [](const Expression& node) {
           return node.kind == ExpressionKind::kParameter || node.kind == ExpressionKind::kOuter;
         });
}

bool hasSubquery(const Expression& expression) {
  return !noneOf(expression, [](const Expression& node) { return node.kind == ExpressionKind::kSubquery; });
}

bool isConstantNull(const Expression& expression) {
  return expression.kind == ExpressionKind::kConstant && expression.constant.isNull();
}

namespace {

bool isSymbol(std::string_view name) {
  const char c = name.front();
  return !((c >= 'a' && c <= 'z') || c == '_');
}

void appendList(std::string& out, const Expression& expression, std::size_t from, std::string_view separator,
                const std::function<std::string(std::uint32_t)>& column_name) {
  for (std::size_t i = from; i < expression.children.size(); ++i) {
    if (i != from) {
      out += separator;
    }
    out += describeExpression(*expression.children[i], column_name);
  }
}

std::string describeConstant(const Expression& expression) {
  const Datum value = expression.constant.view();
  if (value.isNull()) {
    return "NULL";
  }
  std::string text = toText(expression.type, value);
  if (expression.type.isNumeric()) {
    return text;
  }
  if (expression.type.is(TypeId::kBoolean)) {
    return value.asBool() ? "true" : "false";
  }
  return "'" + text + "'";
}

std::string describeCall(const Expression& expression, const std::function<std::string(std::uint32_t)>& column_name) {
  const std::string_view name = expression.function->name;
  std::string out;
  if (name == "cast") {
    return "(" + describeExpression(*expression.children[0], column_name) + ")::" + sqlTypeName(expression.type);
  }
  if (isSymbol(name) && expression.children.size() == 2) {
    out += '(';
    appendList(out, expression, 0, " " + std::string(name) + " ", column_name);
    return out + ')';
  }
  out += name;
  out += '(';
  appendList(out, expression, 0, ", ", column_name);
  return out + ')';
}

}  // namespace

std::string describeExpression(const Expression& expression, const std::function<std::string(std::uint32_t)>& column_name) {
  std::string out;
  switch (expression.kind) {
    case ExpressionKind::kConstant:
      return describeConstant(expression);
    case ExpressionKind::kParameter:
      return "$" + std::to_string(expression.index + 1);
    case ExpressionKind::kColumn:
      return column_name(expression.index);
    case ExpressionKind::kOuter:
      return "outer(" + std::to_string(expression.index) + ")";
    case ExpressionKind::kCall:
      return describeCall(expression, column_name);
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr:
      out += '(';
      appendList(out, expression, 0, expression.kind == ExpressionKind::kAnd ? " AND " : " OR ", column_name);
      return out + ')';
    case ExpressionKind::kCase:
      out += "CASE(";
      appendList(out, expression, 0, ", ", column_name);
      return out + ')';
    case ExpressionKind::kCoalesce:
      out += "COALESCE(";
      appendList(out, expression, 0, ", ", column_name);
      return out + ')';
    case ExpressionKind::kInList:
      out += describeExpression(*expression.children[0], column_name);
      out += expression.negated ? " NOT IN (" : " IN (";
      appendList(out, expression, 1, ", ", column_name);
      return out + ')';
    case ExpressionKind::kSubquery:
      return expression.subquery_kind == SubqueryKind::kExists
                 ? (expression.negated ? "NOT EXISTS(subquery)" : "EXISTS(subquery)")
             : expression.subquery_kind == SubqueryKind::kIn ? describeExpression(*expression.children[0], column_name) +
                                                                   (expression.negated ? " NOT" : "") + " IN (subquery)"
                                                             : "(subquery)";
    case ExpressionKind::kLet:
      // The result says where the value stands.
      return "LET value = " + describeExpression(*expression.children[0], column_name) + " IN " +
             describeExpression(*expression.children[1], column_name);
    case ExpressionKind::kLetValue:
      return "value";
    case ExpressionKind::kAggregate:
      return "aggregate(" + std::to_string(expression.index) + ")";
  }
  return out;
}

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

}  // namespace trefoil::sql
