// Functions in FROM whose rows come from outside of `sql`: the engine registers kv('user:*'), hash('u:1') and the like here. A
// function that is a value is one of a subquery over it, SELECT (SELECT f FROM f(1)).
//
// A TableFunction is a declaration (name, parameters, columns) and an `open` that starts producing chunks. The arguments are
// evaluated once, before any row. Several functions may share a name with different parameter counts.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "sql/types/chunk.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

struct ExecContext;

// Rows of one call in one statement.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // Fills `out` with 1 … `max_rows` rows and returns true, or false at the end. What the columns view is good until the next
  // call.
  virtual Result<bool> next(Chunk& out, std::size_t max_rows) = 0;
};

struct TableFunction {
  std::string name;
  std::vector<SqlType> parameters;
  std::size_t required = 0;  // parameters that must be given; the others may be left out from the right
  std::vector<ColumnInfo> columns;
  // `arguments` have the declared types (or are NULL) and live as long as the source.
  std::function<Result<std::unique_ptr<RowSource>>(ExecContext& context, std::span<const Datum> arguments)> open;
  // If set: rows can be found by their value of one column. With WHERE column = … or column IN (…) this is called instead of
  // open, with the values (no NULLs, but perhaps repeats), which live as long; it gives the rows that have one of them, each
  // once. It may give others, too: the condition is looked at afterwards all the same.
  std::function<Result<std::unique_ptr<RowSource>>(ExecContext& context, std::span<const Datum> arguments,
                                                   std::span<const Datum> values)>
      look_up = {};
  std::uint32_t look_up_column = 0;
  // It always has one row of one column, and may stand where a value does: SELECT f(1).
  bool is_value = false;
};

// All that are known. Thread safety: filled before the first statement, read-only afterwards.
class TableFunctions {
 public:
  void add(TableFunction function);
  // Null if there is none that takes `argument_count` arguments; `name_exists` then says whether the name is known at all.
  [[nodiscard]] const TableFunction* find(std::string_view name, std::size_t argument_count, bool* name_exists = nullptr) const;

 private:
  std::vector<std::unique_ptr<TableFunction>> functions_;
};

}  // namespace trefoil::sql
