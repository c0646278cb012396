// A table function's rows that were all made beforehand.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "sql/expressions/table_function.hpp"
#include "sql/types/chunk.hpp"

namespace trefoil {

// Cells row by row, each row's from left to right.
class ListSource final : public sql::RowSource {
 public:
  explicit ListSource(std::size_t columns) : columns_(columns) {}

  void addInteger(std::int64_t value) { cells_.push_back(Datum::integer(value)); }
  void addBool(bool value) { cells_.push_back(Datum::boolean(value)); }
  void addNull() { cells_.push_back(Datum::null()); }
  void addText(std::string text) {
    texts_.push_back(std::move(text));
    cells_.push_back(Datum::text(texts_.back()));
  }

  Result<bool> next(sql::Chunk& out, std::size_t max_rows) override {
    const std::size_t count = std::min(max_rows, cells_.size() / columns_ - row_);
    if (count == 0) {
      return false;
    }
    buffers_.resize(columns_);
    out.columns.clear();
    for (std::size_t column = 0; column < columns_; ++column) {
      buffers_[column].reset(columnType(column), count);
      buffers_[column].clearNulls();
      for (std::size_t i = 0; i < count; ++i) {
        const Datum& cell = cells_[(row_ + i) * columns_ + column];
        if (cell.isNull()) {
          buffers_[column].setNull(static_cast<std::uint32_t>(i));
        } else {
          buffers_[column].set(static_cast<std::uint32_t>(i), cell);
        }
      }
      out.columns.push_back(buffers_[column].view());
    }
    out.rows = {nullptr, static_cast<std::uint32_t>(count)};
    row_ += count;
    return true;
  }

 private:
  // The first value of the column that is none of NULL has its type.
  [[nodiscard]] Type columnType(std::size_t column) const {
    for (std::size_t i = column; i < cells_.size(); i += columns_) {
      if (!cells_[i].isNull()) {
        return cells_[i].type();
      }
    }
    return Type::kText;
  }

  std::size_t columns_;
  std::size_t row_ = 0;
  std::vector<Datum> cells_;
  std::deque<std::string> texts_;
  std::vector<sql::ColumnBuffer> buffers_;
};

}  // namespace trefoil
