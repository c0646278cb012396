// A chunk: up to 2048 rows as typed columns, what operators pass to each other and to the result's sink.
//
//   rows       0 1 2 3 4 5 …              the positions that count: all of 0 … count-1, or those in `selection`, ascending
//   column 0   data: int64[]   nulls      `nulls`: bit set = NULL (null pointer: none)
//   column 1   data: StringRef[]          constant: one value, at position 0, for every row
//
// Columns only view: a scan points at the table's own chunks, a projection at its evaluator's buffers. A view is good until the
// operator that made it is asked for its next chunk. `stable` says more: the bytes behind StringRef and VectorRef (not the arrays
// themselves) live until the statement ends, so that sorting and joining need not copy them.
//
// A filter adds a selection and copies nothing; computed columns are written at the same positions as their inputs, so that all
// columns of a chunk share the one selection. (Boncz, Zukowski, Nes: "MonetDB/X100: Hyper-Pipelining Query Execution", 2005.)
//
//   type                                array element
//   kBool                               std::uint8_t (0, 1)
//   kInteger kTimestamp kDate           std::int64_t
//   kDouble                             double
//   kText kBlob kJson                   StringRef
//   kVector                             VectorRef
//   kNull (a column of only NULLs)      no data
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/assert.hpp"
#include "base/query_memory.hpp"
#include "base/value.hpp"
#include "sql/types/string_ref.hpp"

namespace trefoil::sql {

inline constexpr std::size_t kMaxChunkRows = 2048;
inline constexpr std::size_t kNullWords = kMaxChunkRows / 64;

// Bytes of one element of a column's array.
constexpr std::size_t elementSize(Type type) {
  switch (type) {
    case Type::kNull:
      return 0;
    case Type::kBool:
      return 1;
    case Type::kInteger:
    case Type::kDouble:
      return 8;
    case Type::kText:
    case Type::kBlob:
    case Type::kVector:
      return 16;
  }
  return 0;
}

// Which positions of a chunk are its rows.
struct Rows {
  const std::uint16_t* selection = nullptr;  // null: positions 0 … count-1
  std::uint32_t count = 0;

  [[nodiscard]] std::uint32_t position(std::uint32_t row) const { return selection == nullptr ? row : selection[row]; }
  // One more than the highest position.
  [[nodiscard]] std::uint32_t extent() const {
    return selection == nullptr ? count : (count == 0 ? 0 : static_cast<std::uint32_t>(selection[count - 1]) + 1);
  }
};

// Calls function(position) for each row, with one tight loop for the dense case.
template <typename Function>
inline void forEachPosition(const Rows& rows, Function&& function) {
  if (rows.selection == nullptr) {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      function(i);
    }
  } else {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      function(static_cast<std::uint32_t>(rows.selection[i]));
    }
  }
}

// One column of a chunk: a view.
struct Column {
  Type type = Type::kNull;
  bool constant = false;
  bool stable = false;
  const void* data = nullptr;
  const std::uint64_t* nulls = nullptr;

  template <typename T>
  [[nodiscard]] const T* as() const {
    return static_cast<const T*>(data);
  }
  [[nodiscard]] bool isNull(std::uint32_t position) const {
    if (type == Type::kNull) {
      return true;
    }
    if (nulls == nullptr) {
      return false;
    }
    const std::uint32_t index = constant ? 0 : position;
    return ((nulls[index >> 6] >> (index & 63)) & 1) != 0;
  }
  // The value at a position; its bytes are good as long as the column's array.
  [[nodiscard]] Datum datum(std::uint32_t position) const;
};

// Views of columns and which rows count. Copying copies the views.
struct Chunk {
  std::vector<Column> columns;
  Rows rows;

  [[nodiscard]] std::uint32_t size() const { return rows.count; }
  [[nodiscard]] Datum datum(std::size_t column, std::uint32_t row) const { return columns[column].datum(rows.position(row)); }
};

// A column that owns its array, of `capacity` elements.
class ColumnBuffer {
 public:
  ColumnBuffer() = default;
  ColumnBuffer(Type type, std::size_t capacity) { reset(type, capacity); }
  // Makes room for `capacity` elements of `type`; contents are undefined afterwards, there are no nulls.
  void reset(Type type, std::size_t capacity);

  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  template <typename T>
  [[nodiscard]] T* as() {
    return reinterpret_cast<T*>(data_.get());
  }
  [[nodiscard]] void* raw() { return data_.get(); }
  // The null bitmap; clearNulls() before a chunk is written, unless every word is overwritten.
  [[nodiscard]] std::uint64_t* nulls() { return nulls_.get(); }
  void clearNulls();
  void setNull(std::uint32_t position) { nulls_[position >> 6] |= std::uint64_t{1} << (position & 63); }
  // Writes one value; a long text's bytes are viewed.
  void set(std::uint32_t position, const Datum& value);
  // Copies elements and null bits from `from` at the rows' positions to `at`, `at`+1, …
  void gather(const Column& from, const Rows& rows, std::uint32_t at);
  // The view; `with_nulls` false says that the bitmap holds no bit.
  [[nodiscard]] Column view(bool with_nulls = true) const {
    return {type_, false, false, data_.get(), with_nulls ? nulls_.get() : nullptr};
  }

 private:
  Type type_ = Type::kNull;
  std::size_t capacity_ = 0;
  CountedBytes data_;
  std::unique_ptr<std::uint64_t[]> nulls_;
};

}  // namespace trefoil::sql
