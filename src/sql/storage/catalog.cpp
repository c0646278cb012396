#include "sql/storage/catalog.hpp"

#include "base/assert.hpp"
#include "sql/storage/table.hpp"

namespace trefoil::sql {

void CatalogVersion::add(std::shared_ptr<Table> table, SchemaPointer schema) {
  const TableId id = table->id();
  TREFOIL_ASSERT(!tables.contains(schema->name) && !by_id.contains(id));
  for (const IndexDefinition& index : schema->indexes) {
    indexes = indexes.with(index.name, id);
  }
  for (const VectorIndexDefinition& index : schema->vector_indexes) {
    indexes = indexes.with(index.name, id);
  }
  const Entry entry{std::move(table), std::move(schema)};
  tables = tables.with(entry.schema->name, entry);
  by_id = by_id.with(id, entry);
  if (!entry.schema->vector_indexes.empty()) {
    vector_indexed = vector_indexed.with(id, entry);
  }
}

void CatalogVersion::remove(TableId table) {
  TREFOIL_ASSERT(by_id.contains(table));
  const SchemaPointer schema = findEntry(table)->schema;
  for (const IndexDefinition& index : schema->indexes) {
    indexes = indexes.without(index.name);
  }
  for (const VectorIndexDefinition& index : schema->vector_indexes) {
    indexes = indexes.without(index.name);
  }
  tables = tables.without(schema->name);
  by_id = by_id.without(table);
  vector_indexed = vector_indexed.without(table);
}

void CatalogVersion::replaceSchema(TableId table, SchemaPointer schema) {
  TREFOIL_ASSERT(by_id.contains(table));
  std::shared_ptr<Table> kept = findEntry(table)->table;
  remove(table);
  add(std::move(kept), std::move(schema));
}

void LiveTables::add(Table& table) {
  const std::size_t number = table.id() / kPageTables;
  if (number >= pages_.size()) {
    pages_.resize(number + 1);
  }
  if (pages_[number] == nullptr) {
    pages_[number] = std::make_unique<Page>();
  }
  Table*& place = pages_[number]->tables[table.id() % kPageTables];
  TREFOIL_ASSERT(place == nullptr);
  place = &table;
  ++pages_[number]->used;
}

void LiveTables::remove(TableId id) {
  std::unique_ptr<Page>& page = pages_[id / kPageTables];
  TREFOIL_ASSERT(find(id) != nullptr);
  page->tables[id % kPageTables] = nullptr;
  if (--page->used == 0) {
    page.reset();
  }
}

}  // namespace trefoil::sql
