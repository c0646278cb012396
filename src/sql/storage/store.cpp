#include "sql/storage/store.hpp"

#include "base/reaper.hpp"
#include "sql/storage/block_codec.hpp"
#include "sql/storage/effects.hpp"
#include "sql/storage/index_build.hpp"
#include "sql/storage/table_writer.hpp"

namespace trefoil::sql {

namespace {

Error corrupt(std::string_view what) {
  return {ErrorCode::kCorruption, "a SQL effect " + std::string(what)};
}

}  // namespace

Store::Store(Versions& versions) : versions_(versions) {
  auto empty = std::make_shared<CatalogVersion>();
  empty->number = catalog_version_.load();
  live_catalog_ = empty.get();
  history_.push_back(std::move(empty));
}

Store::~Store() {
  // Tables that were dropped have retired their content; it went with the last snapshot. What is still being freed may lie in the
  // arenas of live tables.
  Reaper::instance().drain();
  for (const auto& [name, entry] : live_catalog_->tables) {
    entry.table->destroyContent();
  }
}

void Store::reserve(std::span<const TableFootprint> tables, std::uint64_t who,
                    std::vector<std::shared_ptr<TableReservation>>& taken) {
  for (const TableFootprint& use : tables) {  // by ascending id: nobody waits for somebody who waits for him
    std::shared_ptr<TableReservation> reservation;
    {
      const SharedGuard catalog(catalog_gate_);
      const Table* table = findTable(use.table);
      reservation = table == nullptr ? nullptr : table->reservation();
    }
    if (reservation != nullptr) {
      reservation->take(who);
      reservations_.fetch_add(1, std::memory_order_relaxed);
      taken.push_back(std::move(reservation));
    }
  }
}

void Store::giveBack(std::vector<std::shared_ptr<TableReservation>>& taken) {
  for (const auto& reservation : taken) {
    reservations_.fetch_sub(1, std::memory_order_relaxed);
    reservation->giveBack();
  }
  taken.clear();
}

bool Store::awaitReservation(TableId id) {
  std::shared_ptr<TableReservation> reservation;
  {
    const SharedGuard catalog(catalog_gate_);
    const Table* table = findTable(id);
    if (table == nullptr) {
      return true;
    }
    reservation = table->reservation();
  }
  reservation->await();
  return !reservation->isTaken(0);
}

Gate* Store::tableLock(TableId table) {
  Table* found = findTable(table);
  return found == nullptr ? nullptr : &found->lock();
}

// ----------------------------------------------------------------------------------------------------------------------- catalog

std::shared_ptr<const CatalogVersion> Store::liveCatalog() const {
  const std::lock_guard lock(history_mutex_);
  return history_.back();
}

std::shared_ptr<const CatalogVersion> Store::catalogAt(Lsn snapshot) const {
  const std::lock_guard lock(history_mutex_);
  for (auto version = history_.rbegin(); version != history_.rend(); ++version) {
    if ((*version)->born < snapshot || (*version)->born == 0) {
      return *version;
    }
  }
  TREFOIL_ASSERT(false);  // versions that an open snapshot sees are kept
  return nullptr;
}

void Store::publish(std::shared_ptr<CatalogVersion> next, const WriteContext& context) {
  next->born = context.stamp;
  const std::uint64_t number = next->number;
  std::vector<std::shared_ptr<const CatalogVersion>> unseen;  // destroyed after the lock is released
  {
    const std::lock_guard lock(history_mutex_);
    if (history_.back()->born >= context.writable_from) {
      unseen.push_back(std::move(history_.back()));
      history_.pop_back();
    }
    live_catalog_ = next.get();
    history_.push_back(std::move(next));
    const Lsn oldest = versions_.oldestSnapshot();
    while (history_.size() > 1 && (oldest == kNoSnapshot || history_[1]->born < oldest)) {
      unseen.push_back(std::move(history_.front()));
      history_.erase(history_.begin());
    }
  }
  catalog_version_.store(number, std::memory_order_release);
  if (!live_catalog_->vector_indexed.empty()) {
    follow_signal_.raise();  // one of them may be new, and has to be built
  }
}

void Store::noteIds(TableId table, IndexId index) {
  const auto raise = [](auto& counter, auto used) {
    auto next = counter.load(std::memory_order_relaxed);
    while (next <= used && !counter.compare_exchange_weak(next, used + 1, std::memory_order_relaxed)) {
    }
  };
  raise(next_table_id_, table);
  raise(next_index_id_, index);
}

void Store::publishSchema(Table& table, const SchemaPointer& schema, const WriteContext& context) {
  auto next = std::make_shared<CatalogVersion>(*live_catalog_);
  next->number = next_catalog_version_.fetch_add(1, std::memory_order_relaxed);
  next->replaceSchema(table.id(), schema);
  publish(std::move(next), context);
}

// ------------------------------------------------------------------------------------------------------------------------- apply

Status Store::apply(std::uint8_t kind_byte, EffectReader& reader, const WriteContext& context) {
  const auto kind = static_cast<EffectKind>(kind_byte);
  if (kind == EffectKind::kCreateTable) {
    return applyCreateTable(reader, context);
  }
  if (kind == EffectKind::kSchemaBefore) {
    return skipEffect(kind_byte, reader);
  }
  const std::uint64_t id = reader.getVarint();
  if (!reader.ok() || id > kMaxTableId) {
    return corrupt("has a damaged table number");
  }
  if (kind == EffectKind::kIdCounters) {
    const std::uint64_t index = reader.getVarint();
    if (!reader.ok() || id == 0 || index == 0 || index > UINT32_MAX - 1) {
      return corrupt("has damaged counters");
    }
    noteIds(static_cast<TableId>(id - 1), static_cast<IndexId>(index - 1));
    return {};
  }
  Table* table = findTable(static_cast<TableId>(id));
  if (table == nullptr) {
    return corrupt("names a table that is not there");
  }
  switch (kind) {
    case EffectKind::kDropTable:
      return applyDropTable(*table, context);
    case EffectKind::kCreateIndex:
      return applyCreateIndex(*table, reader, context);
    case EffectKind::kCreateVectorIndex:
      return applyCreateVectorIndex(*table, reader, context);
    case EffectKind::kDropIndex:
      return applyDropIndex(*table, reader, context);
    case EffectKind::kRenameTable:
      return applyRename(*table, reader, context);
    case EffectKind::kInsertBlock: {
      std::uint64_t rows_used = 0;
      if (Status status = applyBlock(reader, table->writableVersion(context), context, rows_used); !status.ok()) {
        return status;
      }
      table->noteRowUsed(rows_used - 1);
      return {};
    }
    case EffectKind::kTableCounter: {
      const std::uint64_t next = reader.getVarint();
      if (!reader.ok() || next > std::uint64_t{kMaxBlocks} * kBlockRows) {
        return corrupt("has a damaged row counter");
      }
      if (next > 0) {
        table->noteRowUsed(next - 1);
      }
      return {};
    }
    default: {
      std::uint64_t row_used = 0;
      Status status = applyRowEffect(kind, reader, table->writableVersion(context), context, row_used);
      if (kind == EffectKind::kInsert && status.ok()) {
        table->noteRowUsed(row_used);
      }
      return status;
    }
  }
}

bool Store::addTable(TableSchema definition, const WriteContext& context) {
  const TableId id = definition.id;
  bool taken = findTable(id) != nullptr || live_catalog_->isTaken(definition.name);
  for (const IndexDefinition& index : definition.indexes) {
    taken |= live_catalog_->isTaken(index.name) || index.name == definition.name;
    noteIds(id, index.id);
  }
  if (taken) {
    return false;
  }
  noteIds(id, 0);
  auto schema = std::make_shared<const TableSchema>(std::move(definition));
  auto table = std::make_shared<Table>(id, follow_signal_);
  table->publish(TableWriter::makeVersion(table, schema, context.stamp), context);
  auto next = std::make_shared<CatalogVersion>(*live_catalog_);
  next->number = next_catalog_version_.fetch_add(1, std::memory_order_relaxed);
  live_tables_.add(*table);
  next->add(std::move(table), std::move(schema));
  publish(std::move(next), context);
  return true;
}

Status Store::applyCreateTable(EffectReader& reader, const WriteContext& context) {
  auto schema = getSchema(reader);
  if (!schema.ok()) {
    return std::move(schema).error();
  }
  if (!addTable(std::move(schema).value(), context)) {
    return corrupt("creates a table that is there already");
  }
  return {};
}

Status Store::applyDropTable(Table& table, const WriteContext& context) {
  const std::shared_ptr<Table> kept = table.shared_from_this();
  auto next = std::make_shared<CatalogVersion>(*live_catalog_);
  next->number = next_catalog_version_.fetch_add(1, std::memory_order_relaxed);
  next->remove(table.id());
  live_tables_.remove(table.id());
  publish(std::move(next), context);
  kept->retireContent(context);
  return {};
}

Status Store::applyCreateIndex(Table& table, EffectReader& reader, const WriteContext& context) {
  const SchemaPointer old = table.live()->schema;
  auto index = getIndex(reader, old->columns);
  if (!index.ok()) {
    return std::move(index).error();
  }
  if (old->indexes.size() >= kMaxIndexes || old->findIndex(index->id).has_value() || live_catalog_->isTaken(index->name)) {
    return corrupt("creates an index that is there already");
  }
  auto schema = std::make_shared<TableSchema>(*old);
  schema->indexes.push_back(*index);
  noteIds(table.id(), index->id);
  TableVersion& version = table.writableVersion(context);
  IndexBuild build(old, *index);
  // Nobody enters a parallel loop with a lock held: a follower holds this one, who loads a directory none.
  const bool parallel = !catalog_gate_.isClosed();
  if (!build.reach(version, {}, parallel).ok()) {
    return corrupt("creates a unique index over duplicates");
  }
  TableWriter(version, context).addIndex(schema, build.tree());
  build.release();
  publishSchema(table, schema, context);
  return {};
}

Status Store::applyCreateVectorIndex(Table& table, EffectReader& reader, const WriteContext& context) {
  const SchemaPointer old = table.live()->schema;
  TREFOIL_ASSIGN(const VectorIndexDefinition index, getVectorIndex(reader, old->columns));
  if (old->vector_indexes.size() >= kMaxIndexes || old->findVectorIndex(index.id).has_value() ||
      live_catalog_->isTaken(index.name)) {
    return corrupt("creates an index that is there already");
  }
  auto schema = std::make_shared<TableSchema>(*old);
  schema->vector_indexes.push_back(index);
  noteIds(table.id(), index.id);
  TableWriter(table.writableVersion(context), context).addVectorIndex(schema, index);
  publishSchema(table, schema, context);
  return {};
}

Status Store::applyDropIndex(Table& table, EffectReader& reader, const WriteContext& context) {
  const std::uint64_t id = reader.getVarint();
  const SchemaPointer old = table.live()->schema;
  const auto position = old->findIndex(static_cast<IndexId>(id));
  const auto vector_position = old->findVectorIndex(static_cast<IndexId>(id));
  if (!reader.ok() || id > UINT32_MAX || (!position.has_value() && !vector_position.has_value())) {
    return corrupt("drops an index that is not there");
  }
  auto schema = std::make_shared<TableSchema>(*old);
  TableWriter writer(table.writableVersion(context), context);
  if (position.has_value()) {
    schema->indexes.erase(schema->indexes.begin() + *position);
    writer.removeIndex(schema, *position);
  } else {
    schema->vector_indexes.erase(schema->vector_indexes.begin() + *vector_position);
    writer.removeVectorIndex(schema, *vector_position);
  }
  publishSchema(table, schema, context);
  return {};
}

Status Store::applyRename(Table& table, EffectReader& reader, const WriteContext& context) {
  const std::uint64_t size = reader.getVarint();
  const std::string name(reader.getRaw(size));
  if (!reader.ok() || name.empty() || name.size() > kMaxNameBytes || live_catalog_->isTaken(name)) {
    return corrupt("renames a table to a name that is taken or damaged");
  }
  auto schema = std::make_shared<TableSchema>(*table.live()->schema);
  schema->name = name;
  table.writableVersion(context).schema = schema;
  publishSchema(table, schema, context);
  return {};
}

// ---------------------------------------------------------------------------------------------------------------- vector indexes

std::vector<std::shared_ptr<VectorIndex>> Store::vectorIndexes() {
  std::vector<std::shared_ptr<VectorIndex>> all;
  const SharedGuard catalog(catalog_gate_);
  for (const auto& [id, entry] : live_catalog_->vector_indexed) {
    const SharedGuard table(entry.table->lock());
    const auto& indexes = entry.table->live()->vector_indexes;
    all.insert(all.end(), indexes.begin(), indexes.end());
  }
  return all;
}

bool Store::vectorIndexesAreBehind() {
  const auto indexes = vectorIndexes();
  return std::any_of(indexes.begin(), indexes.end(), [](const auto& index) { return index->isBehind(); });
}

bool Store::followVectorIndexes(Lsn snapshot) {
  bool more = false;
  const auto catalog = catalogAt(snapshot);
  for (const auto& [id, entry] : catalog->vector_indexed) {
    const TableVersion* version = entry.table->versionAt(snapshot);
    TREFOIL_ASSERT(version != nullptr);
    for (const auto& index : version->vector_indexes) {
      more |= index->isBehind() && !index->isClaimed() && index->follow(*version, snapshot);
    }
  }
  return more;
}

bool Store::purgeVectorIndexes() {
  bool more = false;
  for (const auto& index : vectorIndexes()) {
    more |= index->purge(versions_.oldestSnapshot());
  }
  return more;
}

bool Store::vectorIndexesAreReady(TableId id) {
  Table* table = findTable(id);
  if (table == nullptr) {
    return false;
  }
  const SharedGuard lock(table->lock());
  const auto& indexes = table->live()->vector_indexes;
  return std::all_of(indexes.begin(), indexes.end(), [](const auto& index) { return index->isReady(); });
}

void Store::claimVectorIndex(const NewVectorIndex& index, bool claimed) {
  const SharedGuard catalog(catalog_gate_);
  if (Table* table = findTable(index.table); table != nullptr) {
    const SharedGuard lock(table->lock());
    const TableVersion& version = *table->live();
    if (const auto position = version.schema->findVectorIndex(index.index)) {
      version.vector_indexes[*position]->claim(claimed);
    }
  }
  follow_signal_.raise();  // what changed meanwhile has not been followed
}

bool Store::buildVectorIndex(const NewVectorIndex& index, Lsn snapshot) {
  const auto catalog = catalogAt(snapshot);
  const CatalogVersion::Entry* entry = catalog->findEntry(index.table);
  const auto position = entry == nullptr ? std::nullopt : entry->schema->findVectorIndex(index.index);
  if (!position) {
    return false;
  }
  const TableVersion* version = entry->table->versionAt(snapshot);
  TREFOIL_ASSERT(version != nullptr);
  VectorIndex& unbuilt = *version->vector_indexes[*position];
  return !unbuilt.isReady() && unbuilt.follow(*version, snapshot);
}

VectorMemory Store::vectorMemory() {
  VectorMemory memory;
  const SharedGuard catalog(catalog_gate_);
  for (const auto& [name, entry] : live_catalog_->tables) {
    const SharedGuard table(entry.table->lock());
    const TableVersion& version = *entry.table->live();
    for (const auto& arena : *version.vectors) {
      memory.vectors += arena == nullptr ? 0 : arena->memoryBytes();
    }
    for (const auto& index : version.vector_indexes) {
      memory.indexes += index->memoryBytes();
    }
  }
  return memory;
}

std::vector<Store::VectorIndexLag> Store::vectorIndexLags() {
  std::vector<VectorIndexLag> lags;
  const SharedGuard catalog(catalog_gate_);
  for (const auto& [id, entry] : live_catalog_->vector_indexed) {
    const SharedGuard table(entry.table->lock());
    const TableVersion& version = *entry.table->live();
    for (std::size_t i = 0; i < version.vector_indexes.size(); ++i) {
      const VectorIndex& index = *version.vector_indexes[i];
      lags.push_back({version.schema->vector_indexes[i].name, index.waitingRows(), index.isReady()});
    }
  }
  return lags;
}

// ----------------------------------------------------------------------------------------------------------------------- capture

namespace {

constexpr std::size_t kLargeBlock = std::size_t{8} << 20;

// Bytes of the long texts in a block.
std::size_t textBytes(const Block& block) {
  std::size_t bytes = 0;
  for (std::size_t column = 0; column < block.column_count; ++column) {
    const ColumnChunk& chunk = *block.column(column);
    if (!isBytes(chunk.type)) {
      continue;
    }
    for (std::uint32_t slot = 0; slot < block.extent; ++slot) {
      const std::uint32_t position = block.position(slot);
      bytes += block.isPresent(slot) && !chunk.isNull(position) ? chunk.as<StringRef>()[position].size() : 0;
    }
  }
  return bytes;
}

}  // namespace

Status Store::capture(Lsn snapshot, const Sink& sink, std::size_t piece_bytes) {
  const auto catalog = catalogAt(snapshot);
  EffectBuffer piece;
  const auto flush_if_over = [&](std::size_t limit) -> Status {
    if (piece.size() <= limit) {
      return {};
    }
    Status status = sink(piece.bytes());
    piece.clear();
    return status;
  };
  putKind(piece, EffectKind::kIdCounters);
  piece.putVarint(next_table_id_.load());
  piece.putVarint(next_index_id_.load());
  for (const auto& [name, entry] : catalog->tables) {
    const TableVersion* version = entry.table->versionAt(snapshot);
    TREFOIL_ASSERT(version != nullptr && version->schema == entry.schema);
    putKind(piece, EffectKind::kCreateTable);
    putSchema(piece, *version->schema, false);
    putKind(piece, EffectKind::kTableCounter);
    piece.putVarint(entry.table->id());
    piece.putVarint(entry.table->nextRow());
    for (std::uint32_t number = 0; number < version->block_count; ++number) {
      const Block* block = version->findBlock(number);
      if (block == nullptr || block->rows == 0) {
        continue;
      }
      if (textBytes(*block) <= kLargeBlock) {
        putBlock(piece, *version, number, *block);
        TREFOIL_TRY(flush_if_over(piece_bytes));
        continue;
      }
      // Long texts: row by row, so that no piece holds more than one of them too many.
      std::vector<Datum> row(block->column_count);
      const TableReader reader(version);
      for (std::uint32_t slot = 0; slot < block->extent; ++slot) {
        if (block->isPresent(slot)) {
          reader.row(makeRowId(number, slot), row);
          putInsert(piece, entry.table->id(), makeRowId(number, slot), row);
          TREFOIL_TRY(flush_if_over(piece_bytes));
        }
      }
    }
    for (const IndexDefinition& index : version->schema->indexes) {
      putKind(piece, EffectKind::kCreateIndex);
      piece.putVarint(entry.table->id());
      putIndex(piece, index);
    }
    for (const VectorIndexDefinition& index : version->schema->vector_indexes) {
      putKind(piece, EffectKind::kCreateVectorIndex);
      piece.putVarint(entry.table->id());
      putVectorIndex(piece, index);
    }
    TREFOIL_TRY(flush_if_over(piece_bytes));
  }
  return flush_if_over(0);
}

std::vector<Store::VectorIndexCapture> Store::captureVectorIndexes(Lsn snapshot) {
  std::vector<VectorIndexCapture> captures;
  const auto catalog = catalogAt(snapshot);
  for (const auto& [id, entry] : catalog->vector_indexed) {
    for (std::size_t i = 0; i < entry.schema->vector_indexes.size(); ++i) {
      const TableVersion* version = entry.table->versionAt(snapshot);
      TREFOIL_ASSERT(version != nullptr && version->schema == entry.schema);
      const std::shared_ptr<VectorIndex>& index = version->vector_indexes[i];
      if (index->reach(*version, snapshot)) {
        captures.push_back({entry.table->id(), entry.schema->vector_indexes[i].id, index});
      }
    }
  }
  return captures;
}

Status Store::loadVectorIndex(TableId id, IndexId index, const vector::HnswIndex::ChunkSource& source) {
  const Table* table = findTable(id);
  const auto position = table == nullptr ? std::nullopt : table->live()->schema->findVectorIndex(index);
  if (!position) {
    return corrupt("holds the graph of an index that is not there");
  }
  return table->live()->vector_indexes[*position]->read(*table->live(), source);
}

void Store::verify() {
  const auto catalog = liveCatalog();
  for (const auto& [name, entry] : catalog->tables) {
    TREFOIL_ASSERT(findTable(entry.table->id()) == entry.table.get());
    TREFOIL_ASSERT(catalog->findEntry(entry.table->id())->schema == entry.schema);
    TREFOIL_ASSERT(entry.schema->name == name && entry.table->live()->schema == entry.schema);
    for (const IndexDefinition& index : entry.schema->indexes) {
      TREFOIL_ASSERT(*catalog->indexes.find(index.name) == entry.table->id());
    }
    for (const VectorIndexDefinition& index : entry.schema->vector_indexes) {
      TREFOIL_ASSERT(*catalog->indexes.find(index.name) == entry.table->id());
    }
    TableWriter::verify(*entry.table->live());
  }
}

}  // namespace trefoil::sql
