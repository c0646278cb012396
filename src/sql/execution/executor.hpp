// Runs a plan.
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.hpp"
#include "sql/operators/execution_context.hpp"
#include "sql/plan/plan.hpp"
#include "sql/storage/schema.hpp"

namespace trefoil::sql {

struct ExecSummary {
  std::int64_t affected = 0;                   // rows inserted, updated or deleted; for a query, rows answered
  std::optional<NewVectorIndex> vector_index;  // to be built after the commit
};

// An error leaves effects of this statement staged in the view: the caller truncates its effect buffer, as for any statement that
// failed. Rows may already have gone to the sink by then.
Result<ExecSummary> execute(const Plan& plan, ExecContext& context);

}  // namespace trefoil::sql
