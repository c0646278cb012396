// ResultSet: the rows of one statement for embedded programs, as column chunks with rows on top.
//
//   for (const Row row : result) { row[0].asInteger(); row[1].asBytes(); }
//
// The set owns everything its rows refer to. Used again for the next statement it keeps its memory.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "base/value.hpp"
#include "sql/types/chunk.hpp"
#include "sql/types/result_sink.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil {

class ResultSet final : public sql::ResultSink {
 public:
  class Row {
   public:
    Row(const sql::Chunk& chunk, std::uint32_t row) : chunk_(&chunk), row_(row) {}
    [[nodiscard]] Datum operator[](std::size_t column) const { return chunk_->datum(column, row_); }

   private:
    const sql::Chunk* chunk_;
    std::uint32_t row_;
  };

  class Iterator {
   public:
    Iterator(const ResultSet* set, std::size_t chunk, std::uint32_t row) : set_(set), chunk_(chunk), row_(row) {}
    Row operator*() const { return {set_->chunk(chunk_), row_}; }
    Iterator& operator++() {
      if (++row_ == set_->chunk(chunk_).size()) {
        row_ = 0;
        ++chunk_;
      }
      return *this;
    }
    bool operator!=(const Iterator& other) const { return chunk_ != other.chunk_ || row_ != other.row_; }

   private:
    const ResultSet* set_;
    std::size_t chunk_;
    std::uint32_t row_;
  };

  ResultSet();
  ResultSet(ResultSet&&) noexcept;
  ResultSet& operator=(ResultSet&&) noexcept;
  ~ResultSet() override;

  [[nodiscard]] std::span<const sql::ColumnInfo> columnInfo() const { return columns_; }
  [[nodiscard]] std::size_t chunkCount() const { return used_; }
  [[nodiscard]] const sql::Chunk& chunk(std::size_t index) const;
  [[nodiscard]] std::size_t rowCount() const { return rows_; }
  [[nodiscard]] std::int64_t affected() const { return affected_; }  // DML: rows changed
  [[nodiscard]] Iterator begin() const { return {this, 0, 0}; }
  [[nodiscard]] Iterator end() const { return {this, used_, 0}; }

  // sql::ResultSink
  Status columns(std::span<const sql::ColumnInfo> columns) override;
  Status chunk(const sql::Chunk& chunk) override;

  // Forgets the rows, keeps the memory.
  void clear();
  void setAffected(std::int64_t rows) { affected_ = rows; }

 private:
  struct OwnedChunk;
  std::vector<sql::ColumnInfo> columns_;
  std::vector<std::unique_ptr<OwnedChunk>> chunks_;
  std::size_t used_ = 0;
  std::size_t rows_ = 0;
  std::int64_t affected_ = 0;
};

}  // namespace trefoil
