// Bound expressions: what the binder makes of ast::Expression. Every node has a type; every call is resolved to one Function,
// with explicit conversions around the arguments.
//
// A tree belongs to a plan and never changes after planning, so that any number of threads may run it; everything that changes
// while it runs is in an Evaluator (evaluator.hpp).
//
// kColumn::index is, from the binder on, the column's id (unique within the statement), and after planning (resolveColumns) its
// place in the chunks of the operator that evaluates the expression.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "base/value.hpp"
#include "sql/types/byte_arena.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

struct Function;
struct EvalContext;
struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind : std::uint8_t {
  kConstant,
  kParameter,  // index: place in ExecContext::parameters
  kColumn,
  kOuter,  // index: slot of a value that an enclosing query's row provides
  kCall,   // function applied to children
  kAnd,    // two or more children
  kOr,
  kCase,       // children: condition, result, condition, result, …, otherwise
  kCoalesce,   // children
  kInList,     // children: operand and constants or parameters of its type; negated
  kSubquery,   // a query's value for this row, see Subquery
  kLet,        // children: a value, and the result, which may use the value more than once
  kLetValue,   // the value of the nearest kLet around it
  kAggregate,  // only between binding and planning; index: which one
};

enum class SubqueryKind : std::uint8_t { kScalar, kExists, kIn };

// Three-valued truth.
enum class Truth : std::uint8_t { kFalse, kTrue, kUnknown };

// One run of a subquery's plan: operators and buffers. Reused for every outer row; not thread-safe.
class SubqueryRun {
 public:
  virtual ~SubqueryRun() = default;
  // Forgets results of an earlier execution of the statement.
  virtual void prepare() = 0;
  // The single value of the query for the outer values in `context`; NULL if there is no row. The bytes live in `bytes`.
  virtual Status scalar(EvalContext& context, ByteArena& bytes, Datum& result) = 0;
  virtual Status exists(EvalContext& context, bool& result) = 0;
  // Whether `operand` equals one of the query's values.
  virtual Status contains(EvalContext& context, const Datum& operand, Truth& result) = 0;
};

// A planned query inside an expression.
class Subquery {
 public:
  virtual ~Subquery() = default;
  [[nodiscard]] virtual std::unique_ptr<SubqueryRun> start() const = 0;
  virtual void describe(std::string& out, int indent) const = 0;
};

struct Expression {
  Expression(ExpressionKind kind_in, SqlType type_in) : kind(kind_in), type(type_in) {}

  ExpressionKind kind;
  SubqueryKind subquery_kind = SubqueryKind::kScalar;
  bool negated = false;  // kInList, kSubquery with kIn or kExists
  SqlType type;
  std::uint32_t index = 0;
  std::uint32_t position = 0;          // in the statement's text
  const Function* function = nullptr;  // kCall
  std::vector<ExpressionPtr> children;
  Value constant;
  // kSubquery: children are the operand (kIn only) and then the outer values the query needs, for these slots.
  std::vector<std::uint32_t> outer_slots;
  std::shared_ptr<const Subquery> subquery;
};

ExpressionPtr makeConstant(SqlType type, const Datum& value);
ExpressionPtr makeColumn(SqlType type, std::uint32_t index);
ExpressionPtr makeCall(const Function& function, SqlType type, std::vector<ExpressionPtr> children);
ExpressionPtr clone(const Expression& expression);

// Same tree, same value wherever it is computed: volatile calls and subqueries equal nothing.
bool equivalent(const Expression& a, const Expression& b);
// Same tree: what GROUP BY and ORDER BY find again in the select list, so that it is computed once. A subquery is the same only
// as itself or its clones.
bool isSame(const Expression& a, const Expression& b);

// Calls visit(node) for every node, parents first; false skips the children.
void visit(const Expression& expression, const std::function<bool(const Expression&)>& visitor);
void visitMutable(Expression& expression, const std::function<void(Expression&)>& visitor);

// No columns, outer values, parameters, subqueries or volatile calls: the value can be computed now.
bool isFoldable(const Expression& expression);
// The same value for every row of one execution: constants, parameters, outer values and calls of them.
bool isRowIndependent(const Expression& expression);
bool isConstantNull(const Expression& expression);
bool hasSubquery(const Expression& expression);

// Splits a condition at its ANDs, and puts the parts together again (null if there is none).
void splitConjunction(ExpressionPtr condition, std::vector<ExpressionPtr>& conjuncts);
ExpressionPtr joinConjunction(std::vector<ExpressionPtr> conjuncts);

// For EXPLAIN. `column_name` answers the text of a column by its index.
std::string describeExpression(const Expression& expression, const std::function<std::string(std::uint32_t)>& column_name);

}  // namespace trefoil::sql
