// View: staging again, validation, and the way into the live store.
#include <algorithm>
#include <array>

#include "sql/storage/effects.hpp"
#include "sql/storage/store.hpp"
#include "sql/storage/table_writer.hpp"
#include "sql/storage/view.hpp"
#include "sql/storage/view_state.hpp"

namespace trefoil::sql {

// ------------------------------------------------------------------------------------------------------------- staging again

void View::beginRebuild() {
  wrote_ = false;
  if (staged_ == nullptr) {
    return;
  }
  changes_catalog_ = false;
  staged_->catalog = nullptr;
  staged_->last = nullptr;
  std::erase_if(staged_->tables, [](const auto& table) { return table->created(); });
  for (const auto& table : staged_->tables) {
    table->dropVersion();
    table->dropped = false;
    for (MadeIndex& made : table->made_indexes) {
      made.used = false;
    }
    // A table whose schema this view had changed may have been read without being recorded.
    if (table->schema_changed) {
      table->reads.noteWhole();
    }
    table->schema_changed = false;
  }
}

void View::restage(std::uint8_t kind_byte, EffectReader& reader) {
  const auto kind = static_cast<EffectKind>(kind_byte);
  if (kind == EffectKind::kRevised || kind == EffectKind::kSchemaBefore) {
    const Status skipped = skipEffect(kind_byte, reader);
    TREFOIL_ASSERT(skipped.ok());
    return;
  }
  if (kind == EffectKind::kCreateTable) {
    auto schema = getSchema(reader);
    TREFOIL_ASSERT(schema.ok());
    installTable(std::make_shared<const TableSchema>(std::move(schema).value()));
    return;
  }
  const auto id = static_cast<TableId>(reader.getVarint());
  if (kind == EffectKind::kDropTable) {
    uninstallTable(id);
    return;
  }
  StagedTable& table = staged(id);
  table.took_keys |= kind != EffectKind::kInsert;
  const WriteContext context = privateContext(table);
  switch (kind) {
    case EffectKind::kCreateIndex: {
      const SchemaPointer old = table.current()->schema;
      const auto index = getIndex(reader, old->columns);
      TREFOIL_ASSERT(index.ok());
      const auto is_it = [&](const auto& made) { return made.build->definition().id == index->id; };
      auto made = std::find_if(table.made_indexes.begin(), table.made_indexes.end(), is_it);
      if (made == table.made_indexes.end()) {  // of a table that this view has made, and made again
        made = table.made_indexes.insert(made, {std::make_shared<IndexBuild>(old, *index), false});
        const Status built = made->build->reach(*table.current(), {}, false);
        TREFOIL_ASSERT(built.ok());
      }
      installIndex(table, *made);
      return;
    }
    case EffectKind::kCreateVectorIndex: {
      const auto index = getVectorIndex(reader, table.current()->schema->columns);
      TREFOIL_ASSERT(index.ok());
      installVectorIndex(table, *index);
      return;
    }
    case EffectKind::kDropIndex:
      uninstallIndex(table, static_cast<IndexId>(reader.getVarint()));
      return;
    case EffectKind::kRenameTable: {
      auto schema = std::make_shared<TableSchema>(*table.current()->schema);
      const std::uint64_t size = reader.getVarint();
      schema->name = reader.getRaw(size);
      changeSchema(table, schema);
      return;
    }
    default: {
      std::uint64_t row_used = 0;
      const Status status = applyRowEffect(kind, reader, writable(table), context, row_used);
      TREFOIL_ASSERT(status.ok());  // it was staged before
    }
  }
}

// -------------------------------------------------------------------------------------------------------------------- validation

bool View::hasWrites() const {
  if (staged_ == nullptr) {
    return wrote_;
  }
  return changes_catalog_ || std::any_of(staged_->tables.begin(), staged_->tables.end(),
                                         [](const auto& table) { return table->version != nullptr || table->dropped; });
}

std::vector<TableFootprint> View::footprint() const {
  std::vector<TableFootprint> tables;
  if (staged_ != nullptr) {
    for (const auto& table : staged_->tables) {
      if (!table->created()) {
        tables.push_back({table->id, table->version != nullptr || table->dropped});
      }
    }
  }
  std::sort(tables.begin(), tables.end(), [](const auto& a, const auto& b) { return a.table < b.table; });
  return tables;
}

namespace {

// Rows of index ranges, and changed rows whose distance is computed, one by one at commit, under the locks; a transaction that
// has read more conflicts with every change of the table.
constexpr std::size_t kMaxRangeRows = 100000;

Error conflict() {
  return Error(ErrorCode::kConflict, "could not serialize access due to read/write dependencies among transactions")
      .withHint("The transaction might succeed if retried.");
}

// Whether a row that the base version has is there with the same values.
bool sameRow(const TableVersion& base, const TableVersion& live, RowId row) {
  const Block* then = base.findBlock(blockOf(row));
  const Block* now = live.findBlock(blockOf(row));
  const std::uint32_t slot = slotOf(row);
  if (now == nullptr || !now->isPresent(slot)) {
    return false;
  }
  for (std::size_t column = 0; column < then->column_count; ++column) {
    if (then->column(column) == now->column(column)) {
      continue;  // nobody has written to the chunk
    }
    if (!identical(blockValue(*then, column, slot, (*base.vectors)[column].get()),
                   blockValue(*now, column, slot, (*live.vectors)[column].get()))) {
      return false;
    }
  }
  return true;
}

bool sameAnswer(const TableVersion& base, const TableVersion& live, std::size_t index, const IndexKey& key, std::uint64_t row) {
  const auto found = live.indexes[index].find(key);
  if (!found.has_value()) {
    return row == TableReads::kNoRow;
  }
  return static_cast<std::uint64_t>(*found) == row && sameRow(base, live, *found);
}

// Whether a range of an index leads to the same rows, in the same order.
bool sameRange(const TableVersion& base, const TableVersion& live, const TableReads::Range& range, std::size_t& budget) {
  IndexWalk then = base.indexes[range.index].walk(range.bounds);
  IndexWalk now = live.indexes[range.index].walk(range.bounds);
  std::array<RowId, 64> then_rows;
  std::array<RowId, 64> now_rows;
  for (;;) {
    const std::size_t count = then.next(then_rows);
    if (now.next(now_rows) != count || !std::equal(then_rows.begin(), then_rows.begin() + count, now_rows.begin())) {
      return false;
    }
    if (count == 0) {
      return true;
    }
    if (budget < count) {
      return false;  // not looked at is not unchanged
    }
    budget -= count;
    if (!std::all_of(then_rows.begin(), then_rows.begin() + count, [&](RowId row) { return sameRow(base, live, row); })) {
      return false;
    }
  }
}

// Whether no row that was changed since the base version is as near to the query as the last row that the search found. A search
// by a graph may have overlooked a row that was there; that is no conflict, since it might again.
bool nothingNearer(const TableVersion& base, const TableVersion& live, const TableReads::Search& search, std::size_t& budget) {
  if (live.vectors != base.vectors) {
    return false;  // the table was truncated
  }
  const vector::VectorArena& arena = *(*base.vectors)[search.column];
  const auto query = vector::PreparedQuery::make(arena, {search.metric, search.query, 1});
  TREFOIL_ASSERT(query.ok());  // it was searched for
  for (std::uint32_t number = 0; number < live.block_count; ++number) {
    const Block* then = base.findBlock(number);
    const Block* now = live.findBlock(number);
    if (now == then || now == nullptr) {
      continue;  // unchanged, or nothing is left of it
    }
    const auto* const old_slots = then == nullptr ? nullptr : then->column(search.column)->as<vector::Slot>();
    const auto* const new_slots = now->column(search.column)->as<vector::Slot>();
    for (std::uint32_t slot = 0; slot < now->extent; ++slot) {
      const vector::Slot is = now->isPresent(slot) ? new_slots[now->position(slot)] : vector::kNoSlot;
      if (is == vector::kNoSlot) {
        continue;
      }
      // A vector never changes, and the slots that the snapshot sees are not used again.
      if (then != nullptr && then->isPresent(slot) && old_slots[then->position(slot)] == is) {
        continue;
      }
      if (budget == 0 || query->distanceTo(arena, is) <= search.last) {
        return false;
      }
      --budget;
    }
  }
  return true;
}

}  // namespace

Status View::validateCatalog() const {
  const CatalogVersion& base = *staged_->base_catalog;
  const CatalogVersion& live = *store_.live_catalog_;
  if (live.number == base.number) {
    return {};
  }
  if (changes_catalog_ || staged_->read_all_names) {
    return conflict();
  }
  for (const Staged::NameRead& read : staged_->names) {
    const CatalogVersion::Entry* entry = live.findEntry(read.name);
    const TableId* index = live.indexes.find(read.name);
    const bool same_table = (entry == nullptr ? nullptr : entry->schema) == read.table;
    const bool same_index = (index == nullptr ? std::nullopt : std::optional<TableId>(*index)) == read.index_of;
    if (!same_table || !same_index) {
      return conflict();
    }
  }
  return {};
}

// Others have changed the table beside the build of an index: the copy becomes one of the live version, with what was built.
Status View::catchUp(StagedTable& table, const TableVersion& live) const {
  TREFOIL_TRY(table.following->catchUp(live));
  SchemaPointer schema = table.version->schema;
  table.dropVersion();
  table.base = &live;
  const WriteContext context = privateContext(table);
  TableWriter(writable(table), context).addIndex(std::move(schema), table.following->tree());
  return {};
}

Status View::validateTable(StagedTable& table) const {
  const Table* found = store_.findTable(table.id);
  if (found != table.table.get()) {
    return conflict();
  }
  const TableVersion& base = *table.base;
  const TableVersion& live = *found->live();
  if (&live == &base) {
    return {};
  }
  if (table.following != nullptr && live.schema == base.schema) {
    return catchUp(table, live);
  }
  if (table.reads.whole || table.schema_changed || live.schema != base.schema) {
    return conflict();
  }
  IndexKey key;
  for (const TableReads::IntKey& read : table.reads.int_keys) {
    key.integer = read.key;
    if (!sameAnswer(base, live, read.index, key, read.row)) {
      return conflict();
    }
  }
  for (const TableReads::BytesKey& read : table.reads.bytes_keys) {
    key.bytes = read.key;
    if (!sameAnswer(base, live, read.index, key, read.row)) {
      return conflict();
    }
  }
  std::size_t budget = kMaxRangeRows;
  for (const TableReads::Range& range : table.reads.ranges) {
    if (!sameRange(base, live, range, budget)) {
      return conflict();
    }
  }
  for (const TableReads::Search& search : table.reads.searches) {
    if (!nothingNearer(base, live, search, budget)) {
      return conflict();
    }
  }
  for (const RowId row : table.reads.rows) {
    if (!sameRow(base, live, row)) {
      return conflict();
    }
  }
  return {};
}

Status View::validate() {
  if (!records()) {
    return {};  // under locks all along, or nothing but a query
  }
  Status status = validateCatalog();
  for (const auto& table : staged_->tables) {
    if (status.ok() && !table->created()) {
      status = validateTable(*table);
    }
  }
  return status;
}

// ------------------------------------------------------------------------------------------------------------------------ commit

bool View::adopt(const WriteContext& context) {
  if (staged_ == nullptr) {
    return false;
  }
  TREFOIL_ASSERT(!context.isPrivate());
  bool all = true;
  if (changes_catalog_) {
    TREFOIL_ASSERT(store_.live_catalog_->number == staged_->base_catalog->number);
    store_.publish(std::move(staged_->catalog), context);
    changes_catalog_ = false;
  }
  for (const auto& table : staged_->tables) {
    if (table->dropped) {
      if (!table->created()) {
        store_.live_tables_.remove(table->id);
        table->table->retireContent(context);
      }
      table->adopted = true;
    } else if (table->version != nullptr) {
      if (!table->created() && table->table->live() != table->base) {
        TREFOIL_ASSERT(!table->schema_changed);
        all = false;
        continue;
      }
      if (table->created()) {
        store_.live_tables_.add(*table->table);
      }
      TableVersion& version = *std::exchange(table->version, nullptr);
      table->vectors = version.vectors;
      const std::vector<RowId> changed_vectors = std::exchange(version.changed_vectors, {});
      std::vector<TableVersion> dropped = std::exchange(version.dropped, {});
      version.born = context.stamp;
      if (!table->created()) {
        TableWriter::noteUntidy(*table->base, version);
      }
      table->table->publish(&version, context);
      table->nodes.adopt(*context.versions, context.stamp);
      TableWriter::noteChangedVectors(version, changed_vectors, context.stamp);
      for (TableVersion& content : dropped) {
        retireContent(std::move(content), context);
      }
      TableWriter(version, context).tidyMany();
      for (const MadeIndex& made : table->made_indexes) {
        if (made.used) {
          made.build->release();
        }
      }
      table->adopted = true;
    }
  }
  return all;
}

Status View::applyEffect(std::uint8_t kind, EffectReader& reader, const WriteContext& context) {
  if (staged_ == nullptr) {
    return store_.apply(kind, reader, context);
  }
  switch (static_cast<EffectKind>(kind)) {
    case EffectKind::kInsert:
    case EffectKind::kUpdate:
    case EffectKind::kDelete:
    case EffectKind::kUpdateFrom:
    case EffectKind::kDeleteFrom:
    case EffectKind::kTruncate: {
      EffectReader ahead = reader;
      const StagedTable* table = staged_->find(static_cast<TableId>(ahead.getVarint()));
      TREFOIL_ASSERT(table != nullptr);
      return table->adopted ? skipEffect(kind, reader) : store_.apply(kind, reader, context);
    }
    default:
      return skipEffect(kind, reader);  // adopt() has put the catalog in place
  }
}

}  // namespace trefoil::sql
