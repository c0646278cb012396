// Where a statement's rows go. The engine turns them into a reply; tests collect them.
#pragma once

#include <span>

#include "base/status.hpp"
#include "sql/types/chunk.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

// Called from the thread that executes the statement, in row order. An error stops the statement and becomes its error.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  // Once, before any chunk; also when there are no rows.
  virtual Status columns(std::span<const ColumnInfo> columns) = 0;
  // At least one row. The chunk is good during the call only.
  virtual Status chunk(const Chunk& chunk) = 0;
};

}  // namespace trefoil::sql
