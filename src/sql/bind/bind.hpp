// From a syntax tree to a plan.
#pragma once

#include <memory>

#include "base/status.hpp"
#include "sql/plan/plan.hpp"

namespace trefoil::parser {
class ParsedStatement;
}

namespace trefoil::sql {

class TableFunctions;
class View;

struct BindContext {
  View& view;                                       // the catalog as this statement sees it
  const TableFunctions* table_functions = nullptr;  // the engine's; generate_series is always there
  bool literals_as_parameters = false;              // see above
};

// Checks a parsed statement against the catalog and plans it. Errors have PostgreSQL's texts and the position in the statement.
// Transaction control, SET, SHOW and CHECKPOINT are the engine's: binding one is kUnsupported.
Result<std::shared_ptr<const Plan>> bind(const parser::ParsedStatement& statement, const BindContext& context);

}  // namespace trefoil::sql
