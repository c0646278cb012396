// Plan nodes that read tables.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sql/plan/nodes.hpp"
#include "sql/storage/schema.hpp"
#include "vector/distance.hpp"

namespace trefoil::sql {

// In place of a column's position: the row's id, as bigint. UPDATE and DELETE ask for it.
inline constexpr std::uint32_t kRowIdColumn = UINT32_MAX;

enum class AccessPath : std::uint8_t {
  kFull,    // block after block
  kUnique,  // at most one row, by all columns of a unique index
  kRange,   // a range of an index, in its order
};

// A table: child of nothing. `filter` is over the node's own output.
struct ScanNode final : PlanNode {
  [[nodiscard]] std::size_t chunkCapacity() const override { return access == AccessPath::kUnique ? 1 : kMaxChunkRows; }
  SchemaPointer schema;
  double table_rows = 0;               // when it was planned, with those that the filter leaves out
  std::vector<std::uint32_t> columns;  // for each output column its position in the table, or kRowIdColumn
  ExpressionPtr filter;                // may be null

  AccessPath access = AccessPath::kFull;
  std::uint32_t index = 0;            // in schema->indexes
  std::vector<ExpressionPtr> equals;  // row-independent, for the index's leading columns
  ExpressionPtr lower;                // of the column after those; may be null
  ExpressionPtr upper;
  bool lower_inclusive = true;
  bool upper_inclusive = true;
  bool descending = false;
  bool ordered = false;  // rows must come in the index's order

  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override;
};

// The k rows whose vectors are nearest to a query, nearest first; rows without a vector come last. With a WHERE it has one child,
// a scan of the same table that answers the ids of the rows that match, by whichever access path is best for that.
struct KnnNode final : PlanNode {
  static constexpr std::size_t kChunkRows = 128;  // few rows are asked for as a rule
  [[nodiscard]] std::size_t chunkCapacity() const override { return kChunkRows; }
  SchemaPointer schema;
  std::vector<std::uint32_t> columns;  // for each output column but the last, which is the distance
  std::uint32_t vector_column = 0;
  vector::Metric metric = vector::Metric::kCosine;
  std::optional<std::uint32_t> index;  // in schema->vector_indexes; used where it pays and can answer
  ExpressionPtr query;                 // row-independent
  ExpressionPtr limit;                 // k is limit + offset
  ExpressionPtr offset;                // may be null
  // For EXPLAIN, as it was when the search was planned.
  double table_rows = 0;
  bool index_is_ready = true;

  // Why the k nearest of so many rows are searched exactly, whatever index there is; empty if it is for the index to say.
  [[nodiscard]] static std::string_view whyExact(std::uint64_t rows, std::uint64_t k);
  // Which way the search is likely to take, and why.
  [[nodiscard]] std::string expectation() const;

  [[nodiscard]] std::unique_ptr<Operator> create() const override;
  [[nodiscard]] std::string describe() const override;
  void forEachExpression(const std::function<void(ExpressionPtr&)>& visit) override;
};

}  // namespace trefoil::sql
