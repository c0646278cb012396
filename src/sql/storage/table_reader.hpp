// Reading a table: what the executor sees of one version of it.
//
//   row id     block * 2048 + slot; given once, never moved, never used again
//   block      | present bitmap | column 0 chunk | column 1 chunk | …        rows without a present bit are deleted or were never
//                                                                            there: their places in the arrays mean nothing
//   chunk      | null bitmap | values[extent] |
//
// How to scan: reader.block(b) for b = reader.firstBlock() … reader.blockCount() - 1; those with rowCount() == 0 are passed over.
//   * Rows are the set bits of block.present() below block.extent(), by position in the columns. block.isDense() says that all of
//     them are set: then no selection vector is needed, positions 0 … extent()-1 are the rows. rowIds() says which they are.
//   * block.column(c) is a Column (chunk.hpp) that points at the stored array: bool u8, int64 (integer, timestamp, date), double,
//     StringRef (text, blob, json; stable bytes). `nulls` is a null pointer if the chunk has no NULL among its rows. Nothing
//     is copied.
//   * A vector column has no array of VectorRef: candidates(c) are places in vectorArena(c), which is what exact search wants;
//     fillVectors() makes VectorRefs for operators that want them.
//
// A reader is three words, copyable, and may be used by many threads at once. It is good for as long as the view's snapshot or
// the table's lock is held, and until the view it came from writes to the table: collect row ids first, then change rows.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/value.hpp"
#include "sql/storage/schema.hpp"
#include "sql/storage/table_version.hpp"
#include "sql/types/chunk.hpp"
#include "vector/arena.hpp"
#include "vector/exact_search.hpp"

namespace trefoil::sql {

// One block of a table: a view. An absent block (all its rows are gone, or never were) has no rows and extent 0.
class BlockReader {
 public:
  BlockReader(const Block* block, std::uint32_t number, const TableVersion* version)
      : block_(block), number_(number), version_(version) {}

  // The row ids by position; `out` has room for kBlockRows.
  void rowIds(std::int64_t* out) const;
  [[nodiscard]] std::uint32_t rowCount() const { return block_ == nullptr ? 0 : block_->rows; }
  // One more than the highest position ever used: the columns' arrays have at least so many elements.
  [[nodiscard]] std::uint32_t extent() const { return block_ == nullptr ? 0 : block_->positions(); }
  [[nodiscard]] bool isDense() const { return rowCount() == extent(); }
  using Words = std::array<std::uint64_t, kBlockWords>;
  // By position; only if the block has rows. `scratch` holds the bitmap of a packed block.
  [[nodiscard]] const std::uint64_t* present(Words& scratch) const;
  [[nodiscard]] Column column(std::size_t column) const;
  // The rows as exact search wants them, by row id and not by position: those that there are, and where a column's vectors lie.
  // Only if the block has rows.
  [[nodiscard]] const std::uint64_t* presentRows() const { return block_->present; }
  [[nodiscard]] vector::CandidateBlock candidates(std::size_t column) const;
  // `out` has room for extent() elements; returns a Column over it.
  Column fillVectors(std::size_t column, VectorRef* out) const;

 private:
  const Block* block_;
  std::uint32_t number_;
  const TableVersion* version_;
};

// Rows of an index between two bounds, in key order (and by row id among equal keys).
struct IndexRange {
  std::span<const Datum> equals;  // values of the leading columns; not NULL
  std::optional<Datum> lower;     // of the column after those; not NULL
  std::optional<Datum> upper;
  bool lower_inclusive = true;
  bool upper_inclusive = true;
  bool descending = false;
};

// Walks an IndexRange. A range that is bounded in a column never contains rows with NULL there; one without bounds contains them
// (last, as PostgreSQL sorts them) unless TableReader::indexOmitsNulls().
class IndexCursor {
 public:
  // Fills `out` with row ids and returns how many; 0 at the end.
  std::size_t next(std::span<RowId> out);

 private:
  friend class TableReader;
  IndexWalk walk_;
};

class TableReader {
 public:
  explicit TableReader(const TableVersion* version) : version_(version) {}

  [[nodiscard]] const TableSchema& schema() const { return *version_->schema; }
  [[nodiscard]] const SchemaPointer& sharedSchema() const { return version_->schema; }
  [[nodiscard]] std::uint64_t rowCount() const { return version_->rows.get(); }
  [[nodiscard]] std::uint32_t blockCount() const { return version_->block_count; }
  // There are no rows in blocks below this one.
  [[nodiscard]] std::uint32_t firstBlock() const { return version_->first_block; }
  [[nodiscard]] BlockReader block(std::uint32_t number) const { return {version_->findBlock(number), number, version_}; }

  [[nodiscard]] bool contains(RowId row) const;
  // The value of an existing row. Text and vectors are viewed where they are stored; short text lies in the chunk itself.
  [[nodiscard]] Datum value(RowId row, std::size_t column) const;
  // All columns of an existing row into `out`, which has as many elements.
  void row(RowId row, std::span<Datum> out) const;

  // The row with this key; `index` is the position in schema().indexes of a unique index, `key` has a value for each of its
  // columns, of the column's type. A key with a NULL finds nothing. For prefetch see View.
  [[nodiscard]] std::optional<RowId> findUnique(std::size_t index, std::span<const Datum> key) const;
  [[nodiscard]] IndexCursor range(std::size_t index, const IndexRange& range) const;
  // The same range in the shape of the index's tree.
  [[nodiscard]] IndexBounds bounds(std::size_t index, const IndexRange& range) const;
  // Whether rows with a NULL in the key are missing from the index (an index on one integer-like column): such an index cannot
  // serve IS NULL or an ORDER BY over a nullable column.
  [[nodiscard]] bool indexOmitsNulls(std::size_t index) const;
  // The distinct number of keys is not kept; the number of entries is.
  [[nodiscard]] std::uint64_t indexEntries(std::size_t index) const;

  [[nodiscard]] const vector::VectorArena& vectorArena(std::size_t column) const;

  [[nodiscard]] const TableVersion* version() const { return version_; }

 private:
  const TableVersion* version_;
};

}  // namespace trefoil::sql
