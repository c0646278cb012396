// Rows kept by an operator that must see all of its input: the sorted, the built side of a join.
//
//   segment 0: column arrays of 2048 rows    segment 1: …        row r is at segment r / 2048, place r % 2048
//
// Rows are appended in chunks and read back in any order. Long texts and vectors are copied unless their bytes are stable.
// Thread safety: none while appending; any number of readers afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sql/types/byte_arena.hpp"
#include "sql/types/chunk.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

class RowBuffer {
 public:
  explicit RowBuffer(std::vector<Type> types) : types_(std::move(types)), bytes_(std::make_unique<ByteArena>()) {}

  void clear();
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::size_t columns() const { return types_.size(); }
  [[nodiscard]] Type type(std::size_t column) const { return types_[column]; }
  // Appends the rows of `columns`, which have the buffer's types (or kNull).
  void append(std::span<const Column> columns, const Rows& rows);
  // Writes the values of column `column` at the given rows to `out`, places 0 …; kNoRow gives NULL.
  static constexpr std::uint32_t kNoRow = UINT32_MAX;
  void gather(std::size_t column, std::span<const std::uint32_t> rows, ColumnBuffer& out) const;
  // The rows of one segment as they lie there.
  [[nodiscard]] std::uint32_t segments() const { return (size_ + kRows - 1) / kRows; }
  [[nodiscard]] std::uint32_t segmentRows(std::uint32_t segment) const { return std::min(kRows, size_ - segment * kRows); }
  [[nodiscard]] Column segmentColumn(std::uint32_t segment, std::size_t column) const {
    Column view = segments_[segment][column].view();
    view.stable = true;
    return view;
  }
  [[nodiscard]] Datum datum(std::size_t column, std::uint32_t row) const {
    return segments_[row / kMaxChunkRows][column].view().datum(row % kMaxChunkRows);
  }

 private:
  static constexpr auto kRows = static_cast<std::uint32_t>(kMaxChunkRows);

  std::vector<Type> types_;
  std::uint32_t size_ = 0;
  std::vector<std::vector<ColumnBuffer>> segments_;
  std::unique_ptr<ByteArena> bytes_;
};

// Copies what a row of `buffer` refers to, so that it outlives its source.
void ownBytes(ColumnBuffer& buffer, std::uint32_t from, std::uint32_t count, ByteArena& bytes);

}  // namespace trefoil::sql
