// View: DDL. Each change is a check, an effect, and an install…() that restage() calls as well.
#include <algorithm>
#include <set>

#include "sql/storage/effects.hpp"
#include "sql/storage/store.hpp"
#include "sql/storage/table_writer.hpp"
#include "sql/storage/view.hpp"
#include "sql/storage/view_state.hpp"
#include "vector/distance.hpp"

namespace trefoil::sql {

namespace {

Error alreadyExists(std::string_view name) {
  return {ErrorCode::kDuplicateObject, "relation \"" + std::string(name) + "\" already exists"};
}

Status checkIndex(const TableSchema& schema, const IndexDefinition& index) {
  if (index.columns.empty() || index.columns.size() > kMaxIndexColumns) {
    return Error(ErrorCode::kLimit, "cannot use more than " + std::to_string(kMaxIndexColumns) + " columns in an index");
  }
  for (const std::uint32_t column : index.columns) {
    TREFOIL_ASSERT(column < schema.columns.size());
    if (schema.columns[column].type.storage() == Type::kVector) {
      return Error(ErrorCode::kUndefinedObject, "data type vector has no default operator class for access method \"btree\"")
          .withHint("You must specify an operator class for the index or define a default operator class for the data type.");
    }
  }
  return {};
}

Status checkName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) {
    return Error(ErrorCode::kLimit, "a name has between 1 and " + std::to_string(kMaxNameBytes) + " bytes");
  }
  return {};
}

Status checkColumns(const TableSchema& schema) {
  if (schema.columns.size() > kMaxColumns) {
    return Error(ErrorCode::kLimit, "tables can have at most " + std::to_string(kMaxColumns) + " columns");
  }
  std::set<std::string_view> names;
  for (const ColumnDefinition& column : schema.columns) {
    if (Status status = checkName(column.name); !status.ok()) {
      return status;
    }
    if (!names.insert(column.name).second) {
      return Error(ErrorCode::kDuplicateObject, "column \"" + column.name + "\" specified more than once");
    }
    if (column.type.storage() == Type::kVector && (column.type.modifier == 0 || column.type.modifier > vector::kMaxDimension)) {
      return Error(ErrorCode::kInvalid,
                   "column \"" + column.name + "\" needs a dimension between 1 and " + std::to_string(vector::kMaxDimension))
          .withHint("Write VECTOR(n).");
    }
  }
  if (schema.indexes.size() > kMaxIndexes) {
    return Error(ErrorCode::kLimit, "tables can have at most " + std::to_string(kMaxIndexes) + " indexes");
  }
  return {};
}

}  // namespace

// --------------------------------------------------------------------------------------------------------------------- overlays

std::shared_ptr<CatalogVersion> View::changedCatalog() {
  auto next = std::make_shared<CatalogVersion>(catalog());
  next->number = store_.next_catalog_version_.fetch_add(1, std::memory_order_relaxed);
  return next;
}

void View::publishStaged(std::shared_ptr<CatalogVersion> next) {
  staged_->catalog = std::move(next);
  changes_catalog_ = true;
}

void View::installTable(SchemaPointer schema) {
  auto table = std::make_unique<StagedTable>();
  table->id = schema->id;
  table->table = std::make_shared<Table>(schema->id, store_.follow_signal_);
  table->version = TableWriter::makeVersion(table->table, schema, kPrivateStamp | transaction_);
  auto next = changedCatalog();
  next->add(table->table, std::move(schema));
  publishStaged(std::move(next));
  staged_->tables.push_back(std::move(table));
}

void View::uninstallTable(TableId id) {
  StagedTable& table = staged(id);
  table.dropVersion();
  table.dropped = true;
  auto next = changedCatalog();
  next->remove(id);
  publishStaged(std::move(next));
}

void View::changeSchema(StagedTable& table, const SchemaPointer& schema) {
  table.schema_changed = true;
  writable(table).schema = schema;
  auto next = changedCatalog();
  next->replaceSchema(table.id, schema);
  publishStaged(std::move(next));
}

// PostgreSQL's names: t_pkey, t_a_b_key, t_a_idx, with a number behind if that is taken.
std::string View::freeName(const TableSchema& schema, const IndexDefinition& index) const {
  constexpr std::size_t kRoomForNumber = 8;
  std::string base = schema.name;
  if (!index.primary) {
    for (const std::uint32_t column : index.columns) {
      base += "_" + schema.columns[column].name;
    }
  }
  const std::string suffix = index.primary ? "_pkey" : index.is_constraint ? "_key" : "_idx";
  base.resize(std::min(base.size(), kMaxNameBytes - suffix.size() - kRoomForNumber));
  const auto taken = [&](const std::string& name) {
    return catalog().isTaken(name) || schema.findIndex(name).has_value() || schema.name == name;
  };
  std::string name = base + suffix;
  for (std::uint32_t number = 1; taken(name); ++number) {
    name = base + suffix + std::to_string(number);
  }
  return name;
}

// ----------------------------------------------------------------------------------------------------------------------- changes

Result<TableId> View::createTable(TableSchema schema) {
  TREFOIL_ASSERT(!isLive());
  recordName(schema.name);
  Status status = checkName(schema.name);
  if (status.ok()) {
    status = checkColumns(schema);
  }
  for (std::size_t i = 0; i < schema.indexes.size() && status.ok(); ++i) {
    status = checkIndex(schema, schema.indexes[i]);
  }
  if (!status.ok()) {
    return std::move(status).error();
  }
  if (catalog().isTaken(schema.name)) {
    return alreadyExists(schema.name);
  }
  std::stable_partition(schema.indexes.begin(), schema.indexes.end(), [](const IndexDefinition& index) { return index.primary; });
  for (IndexDefinition& index : schema.indexes) {
    if (index.primary) {
      index.unique = true;
      for (const std::uint32_t column : index.columns) {
        schema.columns[column].not_null = true;
      }
    }
    if (index.name.empty()) {
      index.name = freeName(schema, index);
    }
    const auto same_name = [&](const IndexDefinition& other) { return &other != &index && other.name == index.name; };
    if (Status named = checkName(index.name); !named.ok()) {
      return std::move(named).error();
    }
    if (catalog().isTaken(index.name) || index.name == schema.name ||
        std::any_of(schema.indexes.begin(), schema.indexes.end(), same_name)) {
      return alreadyExists(index.name);
    }
  }
  schema.id = store_.next_table_id_.fetch_add(1, std::memory_order_relaxed);
  if (schema.id > kMaxTableId) {
    return Error(ErrorCode::kLimit, "too many tables have been created in this database");
  }
  for (IndexDefinition& index : schema.indexes) {
    index.id = store_.next_index_id_.fetch_add(1, std::memory_order_relaxed);
  }
  putKind(effects_, EffectKind::kCreateTable);
  putSchema(effects_, schema, true);
  const TableId id = schema.id;
  installTable(std::make_shared<const TableSchema>(std::move(schema)));
  return id;
}

void View::stageSchemaBefore(TableId id) {
  putKind(effects_, EffectKind::kSchemaBefore);
  putSchema(effects_, *current(id).schema, true);
}

Status View::dropTable(TableId id) {
  TREFOIL_ASSERT(!isLive());
  stageSchemaBefore(id);
  putKind(effects_, EffectKind::kDropTable);
  effects_.putVarint(id);
  uninstallTable(id);
  return {};
}

Status View::settleIndexName(const TableSchema& schema, std::string& name, std::span<const std::uint32_t> columns) {
  if (schema.indexes.size() + schema.vector_indexes.size() >= kMaxIndexes) {
    return Error(ErrorCode::kLimit, "tables can have at most " + std::to_string(kMaxIndexes) + " indexes");
  }
  if (name.empty()) {
    IndexDefinition unnamed;
    unnamed.columns.assign(columns.begin(), columns.end());
    name = freeName(schema, unnamed);
  }
  recordName(name);
  TREFOIL_TRY(checkName(name));
  if (catalog().isTaken(name)) {
    return alreadyExists(name);
  }
  return {};
}

Result<IndexId> View::createIndex(TableId id, IndexDefinition index, const IndexBuilding& building) {
  TREFOIL_ASSERT(!isLive());
  StagedTable& table = staged(id);
  const SchemaPointer old = table.current()->schema;
  TREFOIL_TRY(checkIndex(*old, index));
  TREFOIL_TRY(settleIndexName(*old, index.name, index.columns));
  std::shared_ptr<IndexBuild> build = building.build == nullptr ? nullptr : *building.build;
  if (build == nullptr) {
    index.primary = false;
    index.id = store_.next_index_id_.fetch_add(1, std::memory_order_relaxed);
    build = std::make_shared<IndexBuild>(old, std::move(index));
  }
  TREFOIL_TRY(build->reach(*table.current(), building.check, building.parallel));
  if (building.build != nullptr) {
    *building.build = table.following = build;
  }
  putKind(effects_, EffectKind::kCreateIndex);
  effects_.putVarint(id);
  putIndex(effects_, build->definition());
  table.made_indexes.push_back({build, false});
  installIndex(table, table.made_indexes.back());
  return build->definition().id;
}

void View::installIndex(StagedTable& table, MadeIndex& made) {
  auto schema = std::make_shared<TableSchema>(*table.current()->schema);
  schema->indexes.push_back(made.build->definition());
  const WriteContext context = privateContext(table);
  TableWriter(writable(table), context).addIndex(schema, made.build->tree());
  made.used = true;
  changeSchema(table, schema);
}

Result<IndexId> View::createVectorIndex(TableId id, VectorIndexDefinition index) {
  TREFOIL_ASSERT(!isLive());
  StagedTable& table = staged(id);
  TREFOIL_TRY(settleIndexName(*table.current()->schema, index.name, {&index.column, 1}));
  index.id = store_.next_index_id_.fetch_add(1, std::memory_order_relaxed);
  putKind(effects_, EffectKind::kCreateVectorIndex);
  effects_.putVarint(id);
  putVectorIndex(effects_, index);
  installVectorIndex(table, index);
  return index.id;
}

void View::installVectorIndex(StagedTable& table, const VectorIndexDefinition& index) {
  auto schema = std::make_shared<TableSchema>(*table.current()->schema);
  schema->vector_indexes.push_back(index);
  const WriteContext context = privateContext(table);
  TableWriter(writable(table), context).addVectorIndex(schema, index);
  changeSchema(table, schema);
}

Status View::dropIndex(TableId id, IndexId index) {
  TREFOIL_ASSERT(!isLive());
  StagedTable& table = staged(id);
  const TableSchema& schema = *table.current()->schema;
  if (const auto position = schema.findIndex(index); position.has_value() && schema.indexes[*position].is_constraint) {
    const std::string& name = schema.indexes[*position].name;
    return Error(ErrorCode::kInvalid,
                 "cannot drop index " + name + " because constraint " + name + " on table " + schema.name + " requires it");
  }
  putKind(effects_, EffectKind::kDropIndex);
  effects_.putVarint(id);
  effects_.putVarint(index);
  uninstallIndex(table, index);
  return {};
}

void View::uninstallIndex(StagedTable& table, IndexId index) {
  auto schema = std::make_shared<TableSchema>(*table.current()->schema);
  const WriteContext context = privateContext(table);
  TableWriter writer(writable(table), context);
  if (const auto position = schema->findIndex(index); position.has_value()) {
    schema->indexes.erase(schema->indexes.begin() + *position);
    writer.removeIndex(schema, *position);
  } else {
    const auto vector_position = schema->findVectorIndex(index);
    TREFOIL_ASSERT(vector_position.has_value());
    schema->vector_indexes.erase(schema->vector_indexes.begin() + *vector_position);
    writer.removeVectorIndex(schema, *vector_position);
  }
  changeSchema(table, schema);
}

Status View::renameTable(TableId id, std::string_view name) {
  TREFOIL_ASSERT(!isLive());
  recordName(name);
  if (Status status = checkName(name); !status.ok()) {
    return status;
  }
  if (catalog().isTaken(name)) {
    return alreadyExists(name);
  }
  stageSchemaBefore(id);
  putKind(effects_, EffectKind::kRenameTable);
  effects_.putVarint(id);
  effects_.putVarint(name.size());
  effects_.putRaw(name);
  StagedTable& table = staged(id);
  auto schema = std::make_shared<TableSchema>(*table.current()->schema);
  schema->name = name;
  changeSchema(table, schema);
  return {};
}

}  // namespace trefoil::sql
