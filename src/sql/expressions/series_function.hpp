// Table functions of SQL itself: generate_series.
#pragma once

#include "sql/expressions/table_function.hpp"

namespace trefoil::sql {

const TableFunctions& builtinTableFunctions();

}  // namespace trefoil::sql
