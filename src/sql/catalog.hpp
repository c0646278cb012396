// One version of the catalog: names → tables and indexes. Immutable once published.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "sql/schema.hpp"

namespace trefoil::sql {

class Table;

struct CatalogVersion {
  // The schema in here is the one that this version of the catalog means: a table's rows may be read at another instant.
  struct Entry {
    std::shared_ptr<Table> table;
    SchemaPointer schema;
  };

  Lsn born = 0;
  std::uint64_t number = 0;                             // View::catalogVersion()
  std::map<std::string, Entry, std::less<>> tables;     // by name
  std::map<TableId, std::string> names;                 // the other way round
  std::map<std::string, TableId, std::less<>> indexes;  // by name: the table that has it
  std::size_t vector_indexes = 0;                       // of all tables
  std::vector<Table*> by_id;                            // null: none with this id

  [[nodiscard]] Table* find(TableId table) const { return table < by_id.size() ? by_id[table] : nullptr; }
  [[nodiscard]] const Entry* findEntry(TableId table) const;
  [[nodiscard]] const Entry* findEntry(std::string_view name) const;
  // Tables and indexes share one space of names.
  [[nodiscard]] bool isTaken(std::string_view name) const { return tables.contains(name) || indexes.contains(name); }

  void add(std::shared_ptr<Table> table, SchemaPointer schema);
  void remove(TableId table);
  // The table has got another schema (an index more or less, another name).
  void replaceSchema(TableId table, SchemaPointer schema);
};

}  // namespace trefoil::sql
