#include "sql/storage/view.hpp"

#include <algorithm>
#include <array>

#include "sql/storage/effects.hpp"
#include "sql/storage/store.hpp"
#include "sql/storage/table_writer.hpp"
#include "sql/storage/view_state.hpp"

namespace trefoil::sql {

View::View(Store& store, EffectBuffer& effects) : store_(store), effects_(effects) {}

View::View(Store& store, EffectBuffer& effects, Lsn snapshot, std::uint64_t transaction_number)
    : store_(store),
      effects_(effects),
      snapshot_(snapshot),
      transaction_(transaction_number),
      mode_(Mode::kSnapshot),
      staged_(std::make_unique<Staged>()) {
  TREFOIL_ASSERT(snapshot != kNoSnapshot);
  staged_->base_catalog = store.catalogAt(snapshot);
}

View::View(Store& store, EffectBuffer& effects, UnderLocks, std::uint64_t transaction_number)
    : store_(store),
      effects_(effects),
      transaction_(transaction_number),
      mode_(Mode::kUnderLocks),
      staged_(std::make_unique<Staged>()) {
  staged_->base_catalog = store.liveCatalog();
}

View::~View() = default;

// --------------------------------------------------------------------------------------------------------------------- look-ups

const CatalogVersion& View::catalog() const {
  return staged_ == nullptr ? *store_.live_catalog_ : staged_->currentCatalog();
}

std::uint64_t View::catalogVersion() const {
  return catalog().number;
}

void View::recordName(std::string_view name) {
  if (!records()) {
    return;
  }
  const auto same = [&](const Staged::NameRead& read) { return read.name == name; };
  if (std::none_of(staged_->names.begin(), staged_->names.end(), same)) {
    const CatalogVersion& base = *staged_->base_catalog;
    const CatalogVersion::Entry* entry = base.findEntry(name);
    const TableId* index = base.indexes.find(name);
    staged_->names.push_back({std::string(name), entry == nullptr ? nullptr : entry->schema,
                              index == nullptr ? std::nullopt : std::optional<TableId>(*index)});
  }
}

SchemaPointer View::findTable(std::string_view name) {
  recordName(name);
  const CatalogVersion::Entry* entry = catalog().findEntry(name);
  return entry == nullptr ? nullptr : entry->schema;
}

bool View::hasTable(TableId table) const {
  return catalog().findEntry(table) != nullptr;
}

std::optional<View::FoundIndex> View::findIndex(std::string_view name) {
  recordName(name);
  const CatalogVersion& names = catalog();
  const TableId* found = names.indexes.find(name);
  if (found == nullptr) {
    return std::nullopt;
  }
  const CatalogVersion::Entry* entry = names.findEntry(*found);
  const TableSchema& schema = *entry->schema;
  if (const auto position = schema.findIndex(name); position.has_value()) {
    return FoundIndex{entry->schema, schema.indexes[*position].id, schema.indexes[*position].is_constraint};
  }
  const auto index = std::find_if(schema.vector_indexes.begin(), schema.vector_indexes.end(),
                                  [&](const VectorIndexDefinition& i) { return i.name == name; });
  TREFOIL_ASSERT(index != schema.vector_indexes.end());
  return FoundIndex{entry->schema, index->id, false};
}

std::vector<SchemaPointer> View::tables() {
  if (records()) {
    staged_->read_all_names = true;
  }
  std::vector<SchemaPointer> all;
  for (const auto& [name, entry] : catalog().tables) {
    all.push_back(entry.schema);
  }
  return all;
}

StagedTable& View::staged(TableId id) {
  if (StagedTable* known = staged_->find(id); known != nullptr) {
    return *known;
  }
  const CatalogVersion::Entry* entry = staged_->base_catalog->findEntry(id);
  TREFOIL_ASSERT(entry != nullptr);  // ids come from this view's catalog
  auto table = std::make_unique<StagedTable>();
  table->id = id;
  table->table = entry->table;
  table->base = mode_ == Mode::kSnapshot ? entry->table->versionAt(snapshot_) : entry->table->live();
  TREFOIL_ASSERT(table->base != nullptr);
  staged_->last = table.get();
  staged_->tables.push_back(std::move(table));
  return *staged_->last;
}

const TableVersion& View::current(TableId id) {
  if (staged_ != nullptr) {
    return *staged(id).current();
  }
  const Table* table = store_.findTable(id);
  TREFOIL_ASSERT(table != nullptr && table->live() != nullptr);
  return *table->live();
}

WriteContext View::privateContext(StagedTable& table) const {
  return WriteContext::privateCopy(table.nodes, transaction_);
}

TableVersion& View::writable(StagedTable& table) const {
  TREFOIL_ASSERT(transaction_ != kReadOnly);
  if (table.version == nullptr) {
    table.version = new TableVersion(*table.base);
    table.version->born = kPrivateStamp | transaction_;
  }
  return *table.version;
}

// ----------------------------------------------------------------------------------------------------------------------- reading

TableReader View::scan(TableId id) {
  const TableVersion& version = current(id);
  if (records() && staged(id).followed == nullptr) {
    staged(id).reads.noteWhole();
  }
  return TableReader(&version);
}

TableReader View::rows(TableId id) {
  return TableReader(&current(id));
}

void View::noteSearch(TableId id, const FoundNearest& found) {
  if (!records()) {
    return;
  }
  StagedTable& table = staged(id);
  if (!found.last || table.reads.full()) {
    table.reads.noteWhole();
  }
  if (table.created() || table.schema_changed || table.reads.whole) {
    return;
  }
  table.reads.searches.push_back({{found.query.begin(), found.query.end()}, *found.last, found.column, found.metric});
  for (const vector::Neighbour& neighbour : found.rows) {
    recordRow(table, static_cast<RowId>(neighbour.row));
  }
}

std::optional<Lsn> View::rowsStamp(TableId id) {
  return mode_ == Mode::kSnapshot && transaction_ == kReadOnly ? std::optional(current(id).changed) : std::nullopt;
}

std::uint64_t View::estimateRows(TableId id) {
  return staged_ != nullptr ? staged(id).current()->rows.get() : store_.findTable(id)->liveRows();
}

bool View::vectorIndexIsReady(TableId id, std::uint32_t position) {
  if (staged_ != nullptr) {
    return staged(id).current()->vector_indexes[position]->isReady();
  }
  Table& table = *store_.findTable(id);
  const SharedGuard lock(table.lock());
  return table.live()->vector_indexes[position]->isReady();
}

IndexCursor View::range(TableId id, std::size_t index, const IndexRange& range) {
  const TableReader reader(&current(id));
  if (records()) {
    StagedTable& table = staged(id);
    if (table.reads.full()) {
      table.reads.noteWhole();
    } else if (!table.created() && !table.schema_changed && !table.reads.whole && table.followed == nullptr) {
      table.reads.ranges.push_back({reader.bounds(index, range), static_cast<std::uint32_t>(index)});
    }
  }
  return reader.range(index, range);
}

std::optional<RowId> View::findUnique(TableId id, std::size_t index, std::span<const Datum> key) {
  const TableVersion& version = current(id);
  if (records()) {
    thread_local IndexKey encoded;
    version.indexes[index].makeKey(key, encoded);
    StagedTable& table = staged(id);
    if (recordsKeys(table, encoded)) {
      const auto answer = baseAnswer(table, index, encoded);
      recordKey(table, index, encoded, answer);
      if (version.indexes[index].sameRoot(table.base->indexes[index])) {
        return answer;
      }
    }
    return version.indexes[index].find(encoded);
  }
  return TableReader(&version).findUnique(index, key);
}

bool View::recordsKeys(const StagedTable& table, const IndexKey& key) {
  // A table that this view has made, or given another schema, must be untouched by others anyway.
  return !table.created() && !table.schema_changed && !table.reads.whole && table.followed == nullptr && !key.has_null;
}

std::optional<RowId> View::baseAnswer(const StagedTable& table, std::size_t index, const IndexKey& key) {
  return table.base->indexes[index].find(key);
}

void View::recordKey(StagedTable& table, std::size_t index, const IndexKey& key, std::optional<RowId> answer) {
  if (table.reads.full()) {
    table.reads.noteWhole();
    return;
  }
  const std::uint64_t row = answer.has_value() ? static_cast<std::uint64_t>(*answer) : TableReads::kNoRow;
  if (table.base->indexes[index].kind() == IndexKind::kBytes) {
    table.reads.bytes_keys.push_back({key.bytes, row, static_cast<std::uint32_t>(index)});
  } else {
    table.reads.int_keys.push_back({key.integer, row, static_cast<std::uint32_t>(index)});
  }
}

void View::recordRow(StagedTable& table, RowId row) {
  if (table.created() || table.reads.whole || table.followed != nullptr || !TableReader(table.base).contains(row)) {
    return;
  }
  if (table.reads.full()) {
    table.reads.noteWhole();
  } else {
    table.reads.rows.push_back(row);
  }
}

// ----------------------------------------------------------------------------------------------------------------------- writing

namespace {

constexpr std::uint64_t kLongestRun = kBlockRows;

template <typename ValueOf>
Error uniqueViolation(const TableSchema& schema, const IndexDefinition& index, ValueOf&& value_of) {
  return Error(ErrorCode::kUniqueViolation, "duplicate key value violates unique constraint \"" + index.name + "\"")
      .withDetail("Key " + schema.columnList(index) + "=(" + schema.keyText(index, value_of) + ") already exists.");
}

}  // namespace

RowId StagedTable::nextRow() {
  if (run_next == run_end) {
    // A transaction that inserts much gets whole blocks; one that inserts little leaves no holes.
    run_size = std::min(kLongestRun, std::max<std::uint64_t>(1, run_size * 2));
    run_next = run_size == kLongestRun ? table->reserveBlocks(1) : table->reserveRows(run_size);
    run_end = run_next + run_size;
  }
  return static_cast<RowId>(run_next++);
}

namespace {

Error nullViolation(const TableSchema& schema, std::uint32_t column, std::span<const Datum> row) {
  return Error(ErrorCode::kNotNullViolation, "null value in column \"" + schema.columns[column].name + "\" of relation \"" +
                                                 schema.name + "\" violates not-null constraint")
      .withDetail("Failing row contains " + schema.rowText(row) + ".");
}

}  // namespace

template <typename ValueOf>
const IndexKey& View::keyOf(const TableVersion& version, std::size_t index, ValueOf&& value_of) {
  thread_local IndexKey key;
  const IndexDefinition& definition = version.schema->indexes[index];
  std::array<Datum, kMaxIndexColumns> values;
  for (std::size_t i = 0; i < definition.columns.size(); ++i) {
    values[i] = value_of(definition.columns[i]);
  }
  version.indexes[index].makeKey({values.data(), definition.columns.size()}, key);
  return key;
}

template <typename ValueOf>
Status View::checkKey(TableId id, const TableVersion& version, std::size_t index, std::optional<RowId> self, ValueOf&& value_of) {
  const IndexKey& key = keyOf(version, index, value_of);
  if (records()) {
    StagedTable& table = staged(id);
    if (recordsKeys(table, key)) {
      recordKey(table, index, key, baseAnswer(table, index, key));
    }
  }
  const auto found = version.indexes[index].find(key);
  if (found.has_value() && found != self) [[unlikely]] {
    return uniqueViolation(*version.schema, version.schema->indexes[index], value_of);
  }
  return {};
}

Status View::checkNotNull(const TableSchema& schema, std::span<const Datum> row) {
  TREFOIL_ASSERT(row.size() == schema.columns.size());
  for (std::uint32_t column = 0; column < row.size(); ++column) {
    if (row[column].isNull() && schema.columns[column].not_null) [[unlikely]] {
      return nullViolation(schema, column, row);
    }
    TREFOIL_DEBUG_ASSERT(row[column].isNull() || row[column].type() == schema.columns[column].type.storage());
  }
  return {};
}

Status View::checkInsert(TableId id, const TableVersion& version, std::span<const Datum> values, FirstUnique first) {
  const TableSchema& schema = *version.schema;
  if (Status status = checkNotNull(schema, values); !status.ok()) [[unlikely]] {
    return status;
  }
  bool check = first == FirstUnique::kCheck;
  for (std::size_t i = 0; i < schema.indexes.size(); ++i) {
    if (!schema.indexes[i].unique) {
      continue;
    }
    if (check) {
      TREFOIL_TRY(checkKey(id, version, i, std::nullopt, [&](std::uint32_t column) { return values[column]; }));
    }
    check = true;
  }
  return {};
}

// The insertion has found the key of the first unique index to be free.
void View::recordInsertedKey(StagedTable& table, std::span<const Datum> values) {
  const auto& indexes = table.version->schema->indexes;
  std::size_t first = 0;
  while (first < indexes.size() && !indexes[first].unique) {
    ++first;
  }
  if (first == indexes.size()) {
    return;
  }
  const IndexKey& key = keyOf(*table.version, first, [&](std::uint32_t column) { return values[column]; });
  if (recordsKeys(table, key)) {
    // As long as nothing was taken from the copy, the base has no key that the copy has not.
    recordKey(table, first, key, table.took_keys ? baseAnswer(table, first, key) : std::nullopt);
  }
}

Result<RowId> View::insert(TableId id, std::span<const Datum> values) {
  const TableVersion& version = current(id);
  if (Status status = checkInsert(id, version, values, isLive() ? FirstUnique::kCheck : FirstUnique::kLeave); !status.ok())
      [[unlikely]] {
    return std::move(status).error();
  }
  if (isLive()) {
    TREFOIL_ASSERT(!wrote_);  // one row write in a live view
    wrote_ = true;
    const auto row = static_cast<RowId>(store_.findTable(id)->reserveRows(1));
    putInsert(effects_, id, row, values);
    return row;
  }
  StagedTable& table = staged(id);
  const RowId row = table.nextRow();
  const WriteContext context = privateContext(table);
  if (!TableWriter(writable(table), context).insert(row, values)) [[unlikely]] {
    // Only the first unique index can have refused it.
    --table.run_next;
    return checkInsert(id, *table.version, values, FirstUnique::kCheck).error();
  }
  if (records()) {
    recordInsertedKey(table, values);
  }
  putInsert(effects_, id, row, values);
  return row;
}

Status View::checkUpdate(TableId id, const TableVersion& version, RowId row, std::span<const ColumnValue> changes) {
  const TableSchema& schema = *version.schema;
  const TableReader reader(&version);
  const auto new_value = [&](std::uint32_t column) {
    for (const ColumnValue& change : changes) {
      if (change.column == column) {
        return change.value;
      }
    }
    return reader.value(row, column);
  };
  const auto is_changed = [&](std::uint32_t column) {
    return std::any_of(changes.begin(), changes.end(), [&](const ColumnValue& change) { return change.column == column; });
  };
  for (const ColumnValue& change : changes) {
    if (change.value.isNull() && schema.columns[change.column].not_null) [[unlikely]] {
      std::vector<Datum> values(schema.columns.size());
      for (std::uint32_t column = 0; column < values.size(); ++column) {
        values[column] = new_value(column);
      }
      return nullViolation(schema, change.column, values);
    }
  }
  for (std::size_t i = 0; i < schema.indexes.size(); ++i) {
    const IndexDefinition& index = schema.indexes[i];
    if (index.unique && std::any_of(index.columns.begin(), index.columns.end(), is_changed)) {
      if (Status status = checkKey(id, version, i, row, new_value); !status.ok()) [[unlikely]] {
        return status;
      }
    }
  }
  return {};
}

// What an effect says of the row that it changes. Valid until the next call on this thread, and the row's next change.
std::span<const ColumnValue> View::rowBefore(const TableVersion& version, RowId row) const {
  thread_local std::vector<ColumnValue> before;
  before.clear();
  const TableReader reader(&version);
  if (store_.logsOldValues()) [[unlikely]] {
    for (std::uint32_t column = 0; column < version.schema->columns.size(); ++column) {
      before.push_back({column, reader.value(row, column)});
    }
  } else if (const IndexDefinition* const key = version.schema->primaryKey(); key != nullptr) {
    for (const std::uint32_t column : key->columns) {
      before.push_back({column, reader.value(row, column)});
    }
  }
  return before;
}

Status View::update(TableId id, RowId row, std::span<const ColumnValue> changes) {
  const TableVersion& version = current(id);
  TREFOIL_ASSERT(TableReader(&version).contains(row));
  if (Status status = checkUpdate(id, version, row, changes); !status.ok()) [[unlikely]] {
    return status;
  }
  const std::size_t begin = effects_.size();
  putUpdate(effects_, id, row, rowBefore(version, row), changes);
  if (isLive()) {
    TREFOIL_ASSERT(!wrote_);
    wrote_ = true;
    return {};
  }
  StagedTable& table = staged(id);
  table.took_keys = true;
  if (records()) {
    recordRow(table, row);
  }
  if (table.followed != nullptr) {
    table.followed->add(row);
  }
  // From the encoded bytes, not from `changes`: those may view the very values that are being replaced.
  EffectReader encoded(effects_.bytes().substr(begin));
  restage(encoded.getKind(), encoded);
  return {};
}

Status View::remove(TableId id, RowId row) {
  const TableVersion& version = current(id);
  TREFOIL_ASSERT(TableReader(&version).contains(row));
  putDelete(effects_, id, row, rowBefore(version, row));
  if (isLive()) {
    TREFOIL_ASSERT(!wrote_);
    wrote_ = true;
    return {};
  }
  StagedTable& table = staged(id);
  table.took_keys = true;
  if (records()) {
    recordRow(table, row);
  }
  if (table.followed != nullptr) {
    table.followed->add(row);
  }
  const WriteContext context = privateContext(table);
  const bool removed = TableWriter(writable(table), context).remove(row);
  TREFOIL_ASSERT(removed);
  return {};
}

Status View::truncate(TableId id) {
  TREFOIL_ASSERT(!isLive());
  putKind(effects_, EffectKind::kTruncate);
  effects_.putVarint(id);
  StagedTable& table = staged(id);
  table.took_keys = true;
  const WriteContext context = privateContext(table);
  TableWriter(writable(table), context).truncate();
  return {};
}

}  // namespace trefoil::sql
