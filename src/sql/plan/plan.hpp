// A bound statement: what the binder makes of a syntax tree and the executor runs, any number of times, from any thread.
//
// A plan is immutable, apart from a small stock of idle execution states (buffers and operators kept between runs, so that a
// repeated point statement allocates nothing) and the time that it took last. It is good as long as catalogVersion() is the
// view's; the engine binds again when it is not.
//
// Parameters. The values a plan runs with are one array: first the statement's own $1 … $n, then, if it was bound with
// BindContext::literals_as_parameters, the statement's literals by ast::Literal::index. A literal whose value is part of the
// meaning (ordinals, grouping keys, …) is not taken from the array: literalIsParameter() is false, and a plan that is found by
// the statement's shape may be used only if those literals are the same.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

struct NewIndex;

enum class PlanKind : std::uint8_t {
  kQuery,  // answers rows, changes nothing (SELECT, VALUES, EXPLAIN)
  kDml,    // INSERT, UPDATE, DELETE: affected rows, and rows with RETURNING
  kDdl,    // changes the catalog, or a table as a whole (TRUNCATE): wants a staged view
};

// Which tables a statement touches: its locking footprint.
struct TableUse {
  std::uint32_t table = 0;  // the table's id
  bool writes = false;
};

struct PlanParts;  // the bound statement itself; private to sql (plan_parts.hpp)

class Plan {
 public:
  explicit Plan(std::unique_ptr<PlanParts> parts);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  [[nodiscard]] PlanKind kind() const { return kind_; }
  // "SELECT", "INSERT", "CREATE TABLE" …: PostgreSQL's command tag without counts.
  [[nodiscard]] std::string_view tag() const { return tag_; }
  [[nodiscard]] std::span<const TableUse> tables() const { return tables_; }
  // One table by a full unique key, no operators: costs well under a microsecond.
  [[nodiscard]] bool isPointRead() const { return point_read_; }
  [[nodiscard]] bool isPointWrite() const { return point_write_; }
  // INSERT … VALUES without RETURNING, conflict clause or subquery.
  [[nodiscard]] bool isPlainInsert() const { return plain_insert_; }
  // An UPDATE or DELETE that decides about each row of its table by that row alone, and answers no rows: it can be run again on
  // some rows (ExecContext::only_rows).
  [[nodiscard]] bool isRowLocal() const { return row_local_; }
  // Calls a function in FROM: how many rows that makes is not known.
  [[nodiscard]] bool usesTableFunctions() const { return table_functions_; }
  // The places in the statement that rows come from: tables, each as often as it is named, functions and VALUES. With more than
  // one, what is looked at is a product.
  [[nodiscard]] std::size_t sources() const { return sources_; }
  // The few nearest of all rows of one table by an index: costs well under a millisecond, once the index is built. `literals` are
  // the statement's, if it was bound with them as parameters; a LIMIT that is one of $1 … $n is trusted to be small.
  [[nodiscard]] bool isIndexSearch(std::span<const Datum> literals) const;
  // Of a CREATE INDEX that has something to do (but not one USING hnsw) the index, else null.
  [[nodiscard]] const NewIndex* createsIndex() const;
  [[nodiscard]] std::span<const ColumnInfo> resultColumns() const { return columns_; }
  [[nodiscard]] bool answersRows() const { return !columns_.empty() || kind_ == PlanKind::kQuery; }
  // Types of all parameters, literals included; unknown() for one that is not used.
  [[nodiscard]] std::span<const SqlType> parameterTypes() const { return parameter_types_; }
  [[nodiscard]] std::size_t statementParameters() const { return statement_parameters_; }
  [[nodiscard]] bool literalIsParameter(std::size_t literal_index) const {
    return literal_index < literal_is_parameter_.size() && literal_is_parameter_[literal_index];
  }
  // Whether a statement of the same shape with these literals means the same plan, apart from the fixed ones: 5 is an integer,
  // 5000000000 a bigint.
  [[nodiscard]] bool takesLiterals(std::span<const Datum> literals) const;
  [[nodiscard]] std::uint64_t catalogVersion() const { return catalog_version_; }
  // How long the latest run took, for whoever has to say where the next one may run; INT64_MAX before the first.
  [[nodiscard]] std::int64_t latestMicros() const { return latest_us_.load(std::memory_order_relaxed); }
  void noteRun(std::int64_t micros) const { latest_us_.store(micros, std::memory_order_relaxed); }
  // EXPLAIN's text, one line an operator.
  [[nodiscard]] std::string describe() const;

  [[nodiscard]] const PlanParts& parts() const { return *parts_; }

 private:
  friend class PlanBuilder;
  PlanKind kind_ = PlanKind::kQuery;
  std::string_view tag_;
  bool point_read_ = false;
  bool point_write_ = false;
  bool plain_insert_ = false;
  bool row_local_ = false;
  bool table_functions_ = false;
  std::size_t sources_ = 0;
  std::vector<TableUse> tables_;
  std::vector<ColumnInfo> columns_;
  std::vector<SqlType> parameter_types_;
  std::size_t statement_parameters_ = 0;
  std::vector<bool> literal_is_parameter_;
  std::uint64_t catalog_version_ = 0;
  mutable std::atomic<std::int64_t> latest_us_{INT64_MAX};
  std::unique_ptr<PlanParts> parts_;
};

}  // namespace trefoil::sql
