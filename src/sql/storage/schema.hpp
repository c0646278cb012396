// What a table is: columns, indexes, checks. Immutable once made; every DDL makes a new one.
//
// Plans keep a schema by shared_ptr and compare View::catalogVersion() to know whether it still holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/types/value_text.hpp"
#include "vector/distance.hpp"

namespace trefoil::sql {

// Tables and indexes have numbers that are never used twice, in the log and in memory; names may be.
using TableId = std::uint32_t;
using IndexId = std::uint32_t;  // its own sequence, over all tables

inline constexpr std::size_t kMostOfKey = 256;  // bytes of a value of a duplicate key that a message shows

struct ColumnDefinition {
  std::string name;
  SqlType type;
  bool not_null = false;     // also set for PRIMARY KEY columns
  std::string default_text;  // the DEFAULT expression as SQL text; empty: NULL
};

struct IndexDefinition {
  IndexId id = 0;
  std::string name;                    // "t_pkey", "t_name_key", or as given
  std::vector<std::uint32_t> columns;  // positions in TableSchema::columns, in key order
  bool unique = false;
  bool primary = false;        // implies unique and NOT NULL columns
  bool is_constraint = false;  // made by PRIMARY KEY or UNIQUE in the table's definition
};

// CREATE INDEX: to be made; its id is given then.
struct NewIndex {
  TableId table = 0;
  IndexDefinition index;
};

// CREATE INDEX … USING hnsw (column vector_cosine_ops) WITH (m = …, ef_construction = …)
struct VectorIndexDefinition {
  IndexId id = 0;
  std::string name;
  std::uint32_t column = 0;  // position in TableSchema::columns, of type vector
  vector::Metric metric = vector::Metric::kCosine;
  std::uint32_t m = 0;
  std::uint32_t ef_construction = 0;
};
// One that a statement has just made.
struct NewVectorIndex {
  TableId table = 0;
  IndexId index = 0;
};
// "vector_cosine_ops": pgvector's name of the metric's operator class.
std::string_view operatorClass(vector::Metric metric);
std::optional<vector::Metric> metricOf(std::string_view operator_class);

struct CheckDefinition {
  std::string name;             // "t_price_check"
  std::string expression_text;  // as SQL text; the binder parses it again
};

struct TableSchema {
  TableId id = 0;
  std::string name;
  std::vector<ColumnDefinition> columns;
  std::vector<IndexDefinition> indexes;  // B+trees; the primary key, if any, is first
  std::vector<VectorIndexDefinition> vector_indexes;
  std::vector<CheckDefinition> checks;

  [[nodiscard]] std::optional<std::uint32_t> findColumn(std::string_view column) const;
  // Position in `indexes`.
  [[nodiscard]] std::optional<std::uint32_t> findIndex(std::string_view index) const;
  [[nodiscard]] std::optional<std::uint32_t> findIndex(IndexId index) const;
  // Position in `vector_indexes`.
  [[nodiscard]] std::optional<std::uint32_t> findVectorIndex(IndexId index) const;
  [[nodiscard]] const IndexDefinition* primaryKey() const {
    return !indexes.empty() && indexes[0].primary ? &indexes[0] : nullptr;
  }
  // "(id)" or "(a, b)": an index's columns as they stand in messages.
  [[nodiscard]] std::string columnList(const IndexDefinition& index) const;
  // "(1, ann, null)": a row as PostgreSQL prints it in a DETAIL.
  [[nodiscard]] std::string rowText(std::span<const Datum> row) const;
  // "1, ann": values of an index's columns, by position in the table, as they stand in a DETAIL about a key.
  template <typename ValueOf>
  [[nodiscard]] std::string keyText(const IndexDefinition& index, ValueOf&& value_of) const {
    std::string text;
    for (const std::uint32_t column : index.columns) {
      text += (text.empty() ? "" : ", ") + shortText(columns[column].type, value_of(column), kMostOfKey);
    }
    return text;
  }
};

using SchemaPointer = std::shared_ptr<const TableSchema>;

// Limits of PostgreSQL or smaller.
inline constexpr std::size_t kMaxColumns = 1600;
inline constexpr std::size_t kMaxIndexColumns = 32;
inline constexpr std::size_t kMaxIndexes = 64;
inline constexpr std::size_t kMaxNameBytes = 63;
inline constexpr TableId kMaxTableId = (1U << 24) - 1;  // ids are places in an array

}  // namespace trefoil::sql
