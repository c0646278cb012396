// One version of the catalog: names → tables and indexes. Immutable once published; versions share what is the same in them, so
// that a change costs as much with ten thousand tables as with ten.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/persistent_map.hpp"
#include "base/types.hpp"
#include "sql/storage/schema.hpp"

namespace trefoil::sql {

class Table;

struct CatalogVersion {
  // The schema in here is the one that this version of the catalog means: a table's rows may be read at another instant.
  struct Entry {
    std::shared_ptr<Table> table;
    SchemaPointer schema;
  };

  Lsn born = 0;
  std::uint64_t number = 0;                      // View::catalogVersion()
  PersistentMap<std::string, Entry> tables;      // by name
  PersistentMap<TableId, Entry> by_id;           // the same
  PersistentMap<std::string, TableId> indexes;   // by name: the table that has it
  PersistentMap<TableId, Entry> vector_indexed;  // those of the tables that have vector indexes

  [[nodiscard]] const Entry* findEntry(TableId table) const { return by_id.find(table); }
  [[nodiscard]] const Entry* findEntry(std::string_view name) const { return tables.find(name); }
  // Tables and indexes share one space of names.
  [[nodiscard]] bool isTaken(std::string_view name) const { return tables.contains(name) || indexes.contains(name); }

  void add(std::shared_ptr<Table> table, SchemaPointer schema);
  void remove(TableId table);
  // The table has got another schema (an index more or less, another name).
  void replaceSchema(TableId table, SchemaPointer schema);
};

// The live tables by id: two steps, on every statement's way. Changed inside the catalog's gate exclusively.
class LiveTables {
 public:
  [[nodiscard]] Table* find(TableId id) const {
    const std::size_t page = id / kPageTables;
    return page < pages_.size() && pages_[page] != nullptr ? pages_[page]->tables[id % kPageTables] : nullptr;
  }
  void add(Table& table);
  void remove(TableId id);

 private:
  static constexpr std::size_t kPageTables = 256;
  struct Page {
    std::array<Table*, kPageTables> tables{};
    std::size_t used = 0;
  };
  std::vector<std::unique_ptr<Page>> pages_;  // null: none with these ids
};

}  // namespace trefoil::sql
