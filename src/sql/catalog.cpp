#include "sql/catalog.hpp"

#include "base/assert.hpp"
#include "sql/table.hpp"

namespace trefoil::sql {

const CatalogVersion::Entry* CatalogVersion::findEntry(std::string_view name) const {
  const auto found = tables.find(name);
  return found == tables.end() ? nullptr : &found->second;
}

const CatalogVersion::Entry* CatalogVersion::findEntry(TableId table) const {
  const auto found = names.find(table);
  return found == names.end() ? nullptr : findEntry(found->second);
}

void CatalogVersion::add(std::shared_ptr<Table> table, SchemaPointer schema) {
  const TableId id = table->id();
  for (const IndexDefinition& index : schema->indexes) {
    indexes.emplace(index.name, id);
  }
  for (const VectorIndexDefinition& index : schema->vector_indexes) {
    indexes.emplace(index.name, id);
  }
  vector_indexes += schema->vector_indexes.size();
  names.emplace(id, schema->name);
  by_id.resize(std::max<std::size_t>(by_id.size(), std::size_t{id} + 1));
  by_id[id] = table.get();
  const std::string name = schema->name;
  const bool added = tables.emplace(name, Entry{std::move(table), std::move(schema)}).second;
  TREFOIL_ASSERT(added);
}

void CatalogVersion::remove(TableId table) {
  const Entry* entry = findEntry(table);
  TREFOIL_ASSERT(entry != nullptr);
  for (const IndexDefinition& index : entry->schema->indexes) {
    indexes.erase(index.name);
  }
  for (const VectorIndexDefinition& index : entry->schema->vector_indexes) {
    indexes.erase(index.name);
  }
  vector_indexes -= entry->schema->vector_indexes.size();
  tables.erase(names.at(table));
  names.erase(table);
  by_id[table] = nullptr;
}

void CatalogVersion::replaceSchema(TableId table, SchemaPointer schema) {
  const Entry* entry = findEntry(table);
  TREFOIL_ASSERT(entry != nullptr);
  std::shared_ptr<Table> kept = entry->table;
  remove(table);
  add(std::move(kept), std::move(schema));
}

}  // namespace trefoil::sql
