// SEARCH table column [v] k: shorthand for the SQL query that finds the k rows nearest to a vector.
//
//   SELECT …, column <=> $1 AS distance FROM table ORDER BY column <=> $1 LIMIT $2
//
// with all columns of the table that are no vectors, and the operator of the column's first index (without one, <=>).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "engine/session.hpp"

namespace trefoil {

// Its text: the vector is $1, k is $2. `args`: SEARCH's, as many as it wants at least. An error as SQL's, if there is no such
// table or column.
Result<std::string> searchStatement(Session::Impl& session, std::span<const std::string_view> args);

}  // namespace trefoil
