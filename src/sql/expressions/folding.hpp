// What of an expression can be said before there is a row.
//
// A call of constants is computed where it is made (foldCall). What may make columns disappear waits until all of the statement
// has been checked (simplify, by finishPlan): NULL > a / b is NULL, as strict functions are never called with a NULL, and
// a / b > 0 AND false is false, whatever a and b are. As in PostgreSQL, but for one thing: a call that fails is left for the run,
// where it may turn out that no row needs it.
#pragma once

#include "sql/expressions/expression.hpp"

namespace trefoil::sql {

// Computes a call of constants, if it can be computed now.
void foldCall(ExpressionPtr& expression);

// The same for all of a tree; and strict calls with a NULL, AND and OR with a constant.
void simplify(ExpressionPtr& expression);

// Neither costs anything nor can fail, and is the same for all rows of an execution: AND and OR had better look at it first.
bool isFreeOfRows(const Expression& expression);

}  // namespace trefoil::sql
