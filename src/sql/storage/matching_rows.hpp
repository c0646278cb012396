// The rows that a WHERE lets pass, kept for the next search with the same WHERE.
//
// Programs search by one filter after the other vector: a tenant's rows, a category, the last month. While the table is unchanged
// (View::rowsStamp) the filter's rows are the same, and finding them costs more than many a search among them.
//
// A table has one cache, for all sessions and statements; it holds the sets that were used last. Filters are compared as
// expressions, with the values of their parameters; one that may answer differently for the same row (a subquery, now()) has no
// place here.
// Thread safety: all functions.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/types.hpp"
#include "base/value.hpp"
#include "sql/expressions/expression.hpp"

namespace trefoil::sql {

struct RowSet {
  std::vector<std::uint64_t> words;  // a bit for each row id below 2048 times the number of blocks
  std::size_t count = 0;             // of the bits that are set
};

// A condition over columns of a table, at the moment at which it is asked: borrowed.
struct RowCondition {
  const Expression& filter;                // its columns are places in
  std::span<const std::uint32_t> columns;  // these
  std::span<const Datum> parameters;       // all of the statement's
  Lsn rows_stamp;                          // the table's
};

class MatchingRows {
 public:
  static constexpr std::size_t kMostSets = 16;
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;

  // Whether the condition's rows depend on nothing but the table's.
  static bool canKeep(const Expression& filter);

  // Null if they are not known.
  [[nodiscard]] std::shared_ptr<const RowSet> find(const RowCondition& condition);
  void keep(const RowCondition& condition, std::shared_ptr<const RowSet> rows);

 private:
  struct Entry {
    ExpressionPtr filter;
    std::vector<std::uint32_t> columns;
    std::vector<Value> parameters;  // those in `filter`, in its order
    Lsn rows_stamp;
    std::shared_ptr<const RowSet> rows;
  };
  static bool matches(const Entry& entry, const RowCondition& condition);

  std::mutex mutex_;
  std::vector<Entry> entries_;  // the one used last is the last
};

}  // namespace trefoil::sql
