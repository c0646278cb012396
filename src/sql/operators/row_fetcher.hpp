// Columns of rows that were found by their ids.
#pragma once

#include <span>
#include <vector>

#include "sql/plan/scan_nodes.hpp"
#include "sql/storage/table_reader.hpp"
#include "sql/types/chunk.hpp"

namespace trefoil::sql {

// Reads the given columns (or kRowIdColumn) of rows into arrays. A view of a block, for scans, or copies of single rows.
class RowFetcher {
 public:
  RowFetcher(const TableSchema& schema, const std::vector<std::uint32_t>& columns, std::size_t capacity = kMaxChunkRows);

  // All of a block's columns, without copying; vectors get their VectorRefs.
  void viewBlock(const BlockReader& block, std::vector<Column>& out);
  // The rows' values, copied to places 0 …; there are at most `capacity`.
  void fetch(const TableReader& reader, std::span<const RowId> rows, std::vector<Column>& out);

 private:
  void prefetch(const TableReader& reader, RowId row) const;

  const std::vector<std::uint32_t>& columns_;
  std::size_t capacity_;
  std::vector<Type> types_;
  std::vector<ColumnBuffer> buffers_;  // made when needed
};

}  // namespace trefoil::sql
