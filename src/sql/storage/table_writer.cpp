#include "sql/storage/table_writer.hpp"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "base/query_memory.hpp"
#include "base/slab_list.hpp"
#include "sql/storage/table.hpp"
#include "sql/storage/vector_index.hpp"
#include "sql/storage/view.hpp"
#include "sql/types/chunk.hpp"

namespace trefoil::sql {

namespace {

// ------------------------------------------------------------------------------------------------- objects: made, copied, freed

std::size_t storedSize(Type type) {
  return type == Type::kVector ? sizeof(vector::Slot) : elementSize(type);
}

// Chunks of full blocks come from slabs on huge pages, one list for each size of element; the small ones of young tables do not.
constexpr std::size_t fullChunkBytes(std::size_t element) {
  return ColumnChunk::kDataOffset + kBlockRows * element;
}

SharedSlabList& fullChunks(std::size_t element) {
  static SharedSlabList* const lists[] = {new SharedSlabList(fullChunkBytes(1)), new SharedSlabList(fullChunkBytes(4)),
                                          new SharedSlabList(fullChunkBytes(8)), new SharedSlabList(fullChunkBytes(16))};
  return *lists[element == 1 ? 0 : element == 4 ? 1 : element == 8 ? 2 : 3];
}

constexpr std::align_val_t kChunkAlignment{64};

// Positions that are not worth packing.
constexpr std::uint32_t kLeastPacked = 64;
// Blocks that are tidied under the table's lock: some microseconds each.
constexpr std::size_t kTidiedAtOnce = 128;
constexpr std::size_t kTidiedByTheWay = 2;

// Memory of a table: counted as the allocator rounds it.
std::int64_t countedBytes(void* memory) {
  return static_cast<std::int64_t>(malloc_usable_size(memory) + sizeof(std::size_t));
}
void* allocate(std::size_t bytes) {
  void* const memory = ::operator new(bytes);
  MemoryAccount::add(MemoryLeaf::kRows, countedBytes(memory));
  return memory;
}
void release(void* memory) {
  MemoryAccount::add(MemoryLeaf::kRows, -countedBytes(memory));
  ::operator delete(memory);
}

std::size_t chunkBytes(Type type, std::uint32_t capacity) {
  return ColumnChunk::kDataOffset + capacity * storedSize(type);
}

void freeChunk(Stamped* object) {
  auto* chunk = static_cast<ColumnChunk*>(object);
  MemoryAccount::add(MemoryLeaf::kRows, -static_cast<std::int64_t>(chunkBytes(chunk->type, chunk->capacity)));
  if (chunk->capacity == kBlockRows) {
    fullChunks(storedSize(chunk->type)).release(chunk);
  } else {
    ::operator delete(static_cast<void*>(chunk), kChunkAlignment);
  }
}
void freeBlock(Stamped* object) {
  release(static_cast<Block*>(object));
}
void freePage(Stamped* object) {
  delete static_cast<DirectoryPage*>(object);
}
void freeDirectory(Stamped* object) {
  release(static_cast<DirectoryRoot*>(object));
}
void freeText(Stamped* object) {
  release(static_cast<TextBytes*>(object));
}

std::uint32_t capacityFor(std::uint32_t slots, std::uint32_t block) {
  if (block > 0 || slots > 512) {
    return kBlockRows;  // a table beyond its first block will fill this one too
  }
  return slots > 128 ? 512 : 128;
}

ColumnChunk* newChunk(Type type, std::uint32_t capacity, const WriteContext& context) {
  const std::size_t bytes = chunkBytes(type, capacity);
  QueryMemory::admitGrowth();
  auto* chunk = static_cast<ColumnChunk*>(capacity == kBlockRows ? fullChunks(storedSize(type)).allocate()
                                                                 : ::operator new(bytes, kChunkAlignment));
  MemoryAccount::add(MemoryLeaf::kRows, static_cast<std::int64_t>(bytes));
  std::memset(static_cast<void*>(chunk), 0, bytes);
  chunk->capacity = capacity;
  chunk->kind = ChunkKind::kPlain;
  chunk->type = type;
  context.created(*chunk, &freeChunk);
  return chunk;
}

// A copy with room for `capacity` elements.
ColumnChunk* copyChunk(const ColumnChunk& source, std::uint32_t capacity, const WriteContext& context) {
  ColumnChunk* copy = newChunk(source.type, capacity, context);
  copy->null_count = source.null_count;
  std::memcpy(copy->nulls, source.nulls, sizeof source.nulls);
  std::memcpy(copy->data(), source.data(), source.capacity * storedSize(source.type));
  return copy;
}

std::size_t blockBytes(std::size_t columns) {
  return sizeof(Block) + columns * sizeof(ColumnChunk*);
}

Block* newBlock(std::uint32_t columns, const WriteContext& context) {
  auto* block = static_cast<Block*>(allocate(blockBytes(columns)));
  std::memset(static_cast<void*>(block), 0, blockBytes(columns));
  block->column_count = columns;
  context.created(*block, &freeBlock);
  return block;
}

DirectoryRoot* newDirectory(std::uint32_t capacity, const WriteContext& context) {
  const std::size_t bytes = sizeof(DirectoryRoot) + capacity * sizeof(DirectoryPage*);
  auto* root = static_cast<DirectoryRoot*>(allocate(bytes));
  std::memset(static_cast<void*>(root), 0, bytes);
  root->capacity = capacity;
  context.created(*root, &freeDirectory);
  return root;
}

template <typename Function>
void forEachBlock(const TableVersion& version, Function&& function) {
  for (std::uint32_t number = version.first_block; number < version.block_count; ++number) {
    if (const Block* block = version.findBlock(number); block != nullptr) {
      function(number, *const_cast<Block*>(block));
    }
  }
}

// The key of a row that is being written or read, without allocating: at most kMaxIndexColumns values.
template <typename ValueOf>
void fillKey(const IndexTree& tree, const IndexDefinition& definition, ValueOf&& value_of, IndexKey& key) {
  if (definition.columns.size() == 1) {
    const Datum value = value_of(definition.columns[0]);
    tree.makeKey({&value, 1}, key);
    return;
  }
  std::array<Datum, kMaxIndexColumns> values;
  for (std::size_t i = 0; i < definition.columns.size(); ++i) {
    values[i] = value_of(definition.columns[i]);
  }
  tree.makeKey({values.data(), definition.columns.size()}, key);
}

thread_local IndexKey scratch_key;

std::shared_ptr<const VectorColumns> emptyArenas(const TableSchema& schema) {
  auto vectors = std::make_shared<VectorColumns>(schema.columns.size());
  for (std::size_t column = 0; column < schema.columns.size(); ++column) {
    if (schema.columns[column].type.storage() == Type::kVector) {
      (*vectors)[column] = std::make_shared<vector::VectorArena>(schema.columns[column].type.modifier);
    }
  }
  return vectors;
}

}  // namespace

Datum chunkValue(const ColumnChunk& chunk, std::uint32_t position, const vector::VectorArena* arena) {
  if (chunk.isNull(position)) {
    return Datum::null();
  }
  switch (chunk.type) {
    case Type::kNull:
      return Datum::null();
    case Type::kBool:
      return Datum::boolean(chunk.as<std::uint8_t>()[position] != 0);
    case Type::kInteger:
      return Datum::fixed(chunk.type, chunk.as<std::int64_t>()[position]);
    case Type::kDouble:
      return Datum::real(chunk.as<double>()[position]);
    case Type::kText:
    case Type::kBlob:
      return Datum::bytes(chunk.type, chunk.as<StringRef>()[position].view());
    case Type::kVector:
      return Datum::vector(arena->at(chunk.as<vector::Slot>()[position]));
  }
  return Datum::null();
}

void makeRowKey(const IndexTree& tree, const IndexDefinition& index, const Block& block, std::uint32_t slot, IndexKey& key) {
  fillKey(
      tree, index, [&](std::uint32_t column) { return blockValue(block, column, slot, nullptr); }, key);
}

// ------------------------------------------------------------------------------------------------------- the way to what is
// written

void TableWriter::retire(DirectoryRoot& root) const {
  context_.retire(root, &freeDirectory);
}
void TableWriter::retire(DirectoryPage& page) const {
  context_.retire(page, &freePage);
}
void TableWriter::retire(Block& block) const {
  context_.retire(block, &freeBlock);
}
void TableWriter::retire(ColumnChunk& chunk) const {
  context_.retire(chunk, &freeChunk);
}

DirectoryRoot& TableWriter::writableRoot(std::uint32_t page) {
  DirectoryRoot* root = version_.directory;
  if (root == nullptr || page >= root->capacity || !context_.isWritable(*root)) {
    std::uint32_t capacity = root == nullptr ? 4 : root->capacity;
    while (page >= capacity) {
      capacity *= 2;
    }
    DirectoryRoot* fresh = newDirectory(capacity, context_);
    if (root != nullptr) {
      std::memcpy(fresh->pages(), root->pages(), root->capacity * sizeof(DirectoryPage*));
      context_.retire(*root, &freeDirectory);
    }
    version_.directory = root = fresh;
  }
  return *root;
}

DirectoryPage& TableWriter::writablePage(std::uint32_t number) {
  const std::uint32_t page = number / DirectoryPage::kBlocks;
  DirectoryPage*& entry = writableRoot(page).pages()[page];
  if (entry == nullptr) {
    entry = new DirectoryPage{};
    context_.created(*entry, &freePage);
  } else if (!context_.isWritable(*entry)) {
    auto* copy = new DirectoryPage(*entry);
    context_.created(*copy, &freePage);
    context_.retire(*entry, &freePage);
    entry = copy;
  }
  return *entry;
}

Block* TableWriter::writableBlock(std::uint32_t number, bool create) {
  if (const Block* block = version_.findBlock(number); block != nullptr && context_.isWritable(*block)) {
    return const_cast<Block*>(block);
  } else if (block == nullptr && !create) {
    return nullptr;
  }
  TREFOIL_ASSERT(number < kMaxBlocks);
  Block*& entry = writablePage(number).blocks[number % DirectoryPage::kBlocks];
  if (entry == nullptr) {
    entry = newBlock(static_cast<std::uint32_t>(version_.schema->columns.size()), context_);
    version_.first_block = version_.first_block == version_.block_count ? number : std::min(version_.first_block, number);
    version_.block_count = std::max(version_.block_count, number + 1);
  } else {
    Block* copy = newBlock(entry->column_count, context_);
    const Lsn born = copy->born;
    std::memcpy(static_cast<void*>(copy), entry, blockBytes(entry->column_count));
    copy->born = born;
    context_.retire(*entry, &freeBlock);
    entry = copy;
  }
  return entry;
}

ColumnChunk& TableWriter::writableChunk(Block& block, std::size_t column, std::uint32_t slots) {
  ColumnChunk*& chunk = block.columns()[column];
  if (chunk != nullptr && slots <= chunk->capacity && context_.isWritable(*chunk)) {
    return *chunk;
  }
  const std::uint32_t wanted = capacityFor(slots, version_.block_count - 1);
  if (chunk == nullptr) {
    chunk = newChunk(version_.schema->columns[column].type.storage(), wanted, context_);
  } else {
    ColumnChunk* copy = copyChunk(*chunk, slots <= chunk->capacity ? chunk->capacity : wanted, context_);
    context_.retire(*chunk, &freeChunk);
    chunk = copy;
  }
  return *chunk;
}

void TableWriter::setFresh(ColumnChunk& chunk, std::size_t column, std::uint32_t position, const Datum& value) {
  if (value.isNull()) {
    chunk.nulls[position >> 6] |= std::uint64_t{1} << (position & 63);
    ++chunk.null_count;
    if (chunk.type == Type::kVector) {
      chunk.as<vector::Slot>()[position] = vector::kNoSlot;
    }
    return;
  }
  TREFOIL_DEBUG_ASSERT(value.type() == chunk.type);
  switch (chunk.type) {
    case Type::kNull:
      break;
    case Type::kBool:
      chunk.as<std::uint8_t>()[position] = value.asBool() ? 1 : 0;
      break;
    case Type::kInteger:
      chunk.as<std::int64_t>()[position] = value.asInteger();
      break;
    case Type::kDouble:
      chunk.as<double>()[position] = value.asReal();
      break;
    case Type::kText:
    case Type::kBlob: {
      const std::string_view bytes = value.asBytes();
      if (bytes.size() <= StringRef::kInlineBytes) {
        chunk.as<StringRef>()[position] = StringRef(bytes);
        break;
      }
      auto* text = new (allocate(sizeof(TextBytes) + bytes.size())) TextBytes;
      std::memcpy(text->bytes(), bytes.data(), bytes.size());
      context_.created(*text, &freeText);
      chunk.as<StringRef>()[position] = StringRef(std::string_view(text->bytes(), bytes.size()));
      break;
    }
    case Type::kVector: {
      chunk.as<vector::Slot>()[position] = (*version_.vectors)[column]->insert(value.asVector(), context_);
      break;
    }
  }
}

void TableWriter::setAgain(ColumnChunk& chunk, std::size_t column, std::uint32_t position, const Datum& value) {
  if (chunk.isNull(position)) {
    chunk.nulls[position >> 6] &= ~(std::uint64_t{1} << (position & 63));
    --chunk.null_count;
  }
  if (value.isNull()) {
    std::memset(static_cast<char*>(chunk.data()) + position * storedSize(chunk.type), 0, storedSize(chunk.type));
  }
  setFresh(chunk, column, position, value);
}

void TableWriter::retireValue(const ColumnChunk& chunk, std::size_t column, std::uint32_t position) {
  if (chunk.isNull(position)) {
    return;
  }
  if (chunk.type == Type::kVector) {
    (*version_.vectors)[column]->retire(chunk.as<vector::Slot>()[position], context_);
  } else if (isBytes(chunk.type)) {
    const StringRef& text = chunk.as<StringRef>()[position];
    if (!text.isInline()) {
      context_.retire(*TextBytes::of(text), &freeText);
    }
  }
}

// -------------------------------------------------------------------------------------------------------------- vector indexes

void TableWriter::noteVectorChange(RowId row) {
  if (context_.isPrivate()) {
    version_.changed_vectors.push_back(row);
  } else {
    noteChangedVectors(version_, {&row, 1}, context_.stamp);
  }
}

void TableWriter::noteChangedVectors(const TableVersion& version, std::span<const RowId> rows, Lsn lsn) {
  if (version.vector_indexes.empty() || rows.empty()) {
    return;
  }
  for (const auto& index : version.vector_indexes) {
    for (const RowId row : rows) {
      index->noteChange(row, version.vectorSlot(row, index->column()), lsn);
    }
  }
  version.owner->followSignal().raise();
}

void TableWriter::addVectorIndex(SchemaPointer schema, const VectorIndexDefinition& index) {
  version_.vector_indexes.push_back(
      std::make_shared<VectorIndex>((*version_.vectors)[index.column], index, version_.rows.get() == 0));
  version_.schema = std::move(schema);
}

void TableWriter::removeVectorIndex(SchemaPointer schema, std::size_t position) {
  version_.vector_indexes.erase(version_.vector_indexes.begin() + static_cast<std::ptrdiff_t>(position));
  version_.schema = std::move(schema);
}

// ------------------------------------------------------------------------------------------------------------------------- rows

bool TableWriter::insert(RowId row, std::span<const Datum> values) {
  const auto& definitions = version_.schema->indexes;
  const auto insert_key = [&](std::size_t index) {
    fillKey(
        version_.indexes[index], definitions[index], [&](std::uint32_t column) { return values[column]; }, scratch_key);
    return version_.indexes[index].insert(scratch_key, row, context_);
  };
  std::size_t first_unique = 0;
  while (first_unique < definitions.size() && !definitions[first_unique].unique) {
    ++first_unique;
  }
  if (first_unique < definitions.size() && !insert_key(first_unique)) {
    return false;
  }
  const std::uint32_t slot = slotOf(row);
  const std::uint32_t number = blockOf(row);
  const bool is_new = version_.findBlock(number) == nullptr;
  Block* block = writableBlock(number, true);
  if (block->isPresent(slot)) {
    return false;
  }
  if (block->packed != 0) {
    repack(*block, false);  // its id was given before its neighbours were deleted
  }
  for (std::size_t column = 0; column < values.size(); ++column) {
    setFresh(writableChunk(*block, column, slot + 1), column, slot, values[column]);
  }
  block->present[slot >> 6] |= std::uint64_t{1} << (slot & 63);
  ++block->rows;
  block->extent = std::max(block->extent, slot + 1);
  version_.rows.add(1);
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    if (i != first_unique && !insert_key(i)) {
      return false;
    }
  }
  if (!version_.vector_indexes.empty()) {
    noteVectorChange(row);
  }
  if (is_new && !context_.isPrivate()) {
    if (number > 0) {
      tidy(number - 1);  // what was deleted while it was being filled
    }
    tidyMany();
  }
  return true;
}

bool TableWriter::update(RowId row, std::span<const ColumnValue> changes) {
  const std::uint32_t slot = slotOf(row);
  Block* block = writableBlock(blockOf(row), false);
  if (block == nullptr || !block->isPresent(slot)) {
    return false;
  }
  const std::uint32_t position = block->position(slot);
  const auto& indexes = version_.schema->indexes;
  const auto touched = [&](const IndexDefinition& index) {
    return std::any_of(changes.begin(), changes.end(), [&](const ColumnValue& change) {
      return std::find(index.columns.begin(), index.columns.end(), change.column) != index.columns.end();
    });
  };
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    if (touched(indexes[i])) {
      makeRowKey(version_.indexes[i], indexes[i], *block, slot, scratch_key);
      version_.indexes[i].erase(scratch_key, row, context_);
    }
  }
  for (const ColumnValue& change : changes) {
    ColumnChunk& chunk = writableChunk(*block, change.column, position + 1);
    retireValue(chunk, change.column, position);
    setAgain(chunk, change.column, position, change.value);
  }
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    if (touched(indexes[i])) {
      makeRowKey(version_.indexes[i], indexes[i], *block, slot, scratch_key);
      if (!version_.indexes[i].insert(scratch_key, row, context_)) {
        return false;
      }
    }
  }
  const bool is_indexed = std::any_of(version_.vector_indexes.begin(), version_.vector_indexes.end(), [&](const auto& index) {
    return std::any_of(changes.begin(), changes.end(),
                       [&](const ColumnValue& change) { return change.column == index->column(); });
  });
  if (is_indexed) {
    noteVectorChange(row);
  }
  return true;
}

bool TableWriter::remove(RowId row) {
  const std::uint32_t slot = slotOf(row);
  Block* block = writableBlock(blockOf(row), false);
  if (block == nullptr || !block->isPresent(slot)) {
    return false;
  }
  const auto& indexes = version_.schema->indexes;
  for (std::size_t i = 0; i < version_.indexes.size(); ++i) {
    makeRowKey(version_.indexes[i], indexes[i], *block, slot, scratch_key);
    version_.indexes[i].erase(scratch_key, row, context_);
  }
  for (std::size_t column = 0; column < block->column_count; ++column) {
    retireValue(*block->column(column), column, block->position(slot));
  }
  block->present[slot >> 6] &= ~(std::uint64_t{1} << (slot & 63));
  --block->rows;
  version_.rows.subtract(1);
  if (!version_.vector_indexes.empty()) {
    noteVectorChange(row);
  }
  if (!context_.isPrivate()) {
    tidy(blockOf(row));
    tidySome(kTidiedByTheWay);
  }
  return true;
}

// ------------------------------------------------------------------------------------------------------------- giving memory
// back

void TableWriter::tidy(std::uint32_t number) {
  const Block* const block = version_.findBlock(number);
  if (block == nullptr || block->column_count == 0 || number >= version_.owner->nextRow() / kBlockRows) {
    return;  // the last one is still being filled
  }
  if (block->rows == 0) {
    dropBlock(number);
    return;
  }
  const std::uint32_t room = block->packed == 0 ? block->column(0)->capacity : block->packed;
  if (block->rows <= room / 2 && room > kLeastPacked) {
    repack(*writableBlock(number, false), true);
  }
}

void TableWriter::tidyMany() {
  tidySome(kTidiedAtOnce);
}

void TableWriter::tidySome(std::size_t most) {
  std::vector<std::uint32_t>& untidy = version_.owner->untidyBlocks();
  for (; most > 0 && !untidy.empty(); --most) {
    tidy(untidy.back());
    untidy.pop_back();
  }
}

void TableWriter::noteUntidy(const TableVersion& base, const TableVersion& next) {
  std::vector<std::uint32_t>& untidy = next.owner->untidyBlocks();
  forEachChangedBlock(base, next, [&](std::uint32_t number, const Block* then, const Block* now) {
    if (now != nullptr && (then == nullptr || now->rows < then->rows)) {
      untidy.push_back(number);
    }
    if (then == nullptr && number > 0) {
      untidy.push_back(number - 1);  // what was deleted while it was being filled
    }
    return true;
  });
  if (untidy.size() > next.block_count) {
    std::sort(untidy.begin(), untidy.end());
    untidy.erase(std::unique(untidy.begin(), untidy.end()), untidy.end());
  }
}

// Makes the block's chunks anew: with the rows that are there at their ranks, or at their slots.
void TableWriter::repack(Block& block, bool pack) {
  const std::uint32_t room = pack ? (block.rows + 63) / 64 * 64 : kBlockRows;
  for (std::size_t column = 0; column < block.column_count; ++column) {
    ColumnChunk& old = *block.columns()[column];
    ColumnChunk* const fresh = newChunk(old.type, room, context_);
    const std::size_t width = storedSize(old.type);
    std::uint32_t rank = 0;
    forEachBit(block.present, [&](std::uint32_t slot) {
      const std::uint32_t from = block.position(slot);
      const std::uint32_t to = pack ? rank++ : slot;
      std::memcpy(static_cast<char*>(fresh->data()) + to * width, static_cast<const char*>(old.data()) + from * width, width);
      if (old.isNull(from)) {
        fresh->nulls[to >> 6] |= std::uint64_t{1} << (to & 63);
        ++fresh->null_count;
      }
    });
    context_.retire(old, &freeChunk);
    block.columns()[column] = fresh;
  }
  block.packed = pack ? block.rows : 0;
  std::memcpy(block.placed, block.present, sizeof block.placed);
}

// The block has no rows.
void TableWriter::dropBlock(std::uint32_t number) {
  DirectoryPage& page = writablePage(number);
  Block* const block = std::exchange(page.blocks[number % DirectoryPage::kBlocks], nullptr);
  for (std::size_t column = 0; column < block->column_count; ++column) {
    context_.retire(*block->columns()[column], &freeChunk);
  }
  context_.retire(*block, &freeBlock);
  if (std::all_of(std::begin(page.blocks), std::end(page.blocks), [](const Block* other) { return other == nullptr; })) {
    version_.directory->pages()[number / DirectoryPage::kBlocks] = nullptr;
    context_.retire(page, &freePage);
  }
  while (version_.first_block < version_.block_count && version_.findBlock(version_.first_block) == nullptr) {
    ++version_.first_block;
  }
}

void TableWriter::truncate() {
  TableVersion content = version_;
  content.dropped.clear();
  version_.directory = nullptr;
  version_.block_count = version_.first_block = 0;
  version_.rows = {};
  version_.changed_vectors.clear();
  version_.vectors = emptyArenas(*version_.schema);
  for (std::size_t i = 0; i < version_.indexes.size(); ++i) {
    version_.indexes[i] = emptyTree(*version_.schema, version_.schema->indexes[i]);
  }
  for (std::size_t i = 0; i < version_.vector_indexes.size(); ++i) {
    const VectorIndexDefinition& definition = version_.schema->vector_indexes[i];
    version_.vector_indexes[i] = std::make_shared<VectorIndex>((*version_.vectors)[definition.column], definition, true);
  }
  drop(std::move(content));
}

void TableWriter::drop(TableVersion content) {
  if (context_.isPrivate()) {
    content.owner.reset();
    version_.dropped.push_back(std::move(content));
  } else {
    retireContent(std::move(content), context_);
  }
}

Block* TableWriter::createBlock(std::uint32_t number, std::uint32_t extent, const std::uint64_t* present) {
  if (version_.findBlock(number) != nullptr) {
    return nullptr;
  }
  Block* block = writableBlock(number, true);
  std::memcpy(block->present, present, sizeof block->present);
  block->extent = extent;
  for (const std::uint64_t word : block->present) {
    block->rows += static_cast<std::uint32_t>(std::popcount(word));
  }
  for (std::size_t column = 0; column < block->column_count; ++column) {
    writableChunk(*block, column, extent);
  }
  version_.rows.add(block->rows);
  return block;
}

// ------------------------------------------------------------------------------------------------------------- versions, indexes

IndexTree TableWriter::emptyTree(const TableSchema& schema, const IndexDefinition& index) {
  std::array<Type, kMaxIndexColumns> types;
  for (std::size_t i = 0; i < index.columns.size(); ++i) {
    types[i] = schema.columns[index.columns[i]].type.storage();
  }
  return IndexTree(IndexTree::kindFor({types.data(), index.columns.size()}, index.unique), index.unique);
}

TableVersion* TableWriter::makeVersion(std::shared_ptr<Table> owner, SchemaPointer schema, Lsn stamp) {
  auto* version = new TableVersion;
  version->born = stamp;
  version->owner = std::move(owner);
  version->vectors = emptyArenas(*schema);
  for (const IndexDefinition& index : schema->indexes) {
    version->indexes.push_back(emptyTree(*schema, index));
  }
  version->schema = std::move(schema);
  return version;
}

void TableWriter::addIndex(SchemaPointer schema, const IndexTree& tree) {
  version_.indexes.push_back(tree);
  version_.schema = std::move(schema);
}

void TableWriter::removeIndex(SchemaPointer schema, std::size_t position) {
  TableVersion content;
  content.indexes.push_back(version_.indexes[position]);
  drop(std::move(content));
  version_.indexes.erase(version_.indexes.begin() + static_cast<std::ptrdiff_t>(position));
  version_.schema = std::move(schema);
}

// ------------------------------------------------------------------------------------------------------------------ whole
// versions

void TableWriter::destroyContent(TableVersion& version) {
  forEachBlock(version, [&](std::uint32_t, Block& block) {
    for (std::size_t column = 0; column < block.column_count; ++column) {
      ColumnChunk& chunk = *block.columns()[column];
      if (isBytes(chunk.type)) {
        forEachBit(block.present, [&](std::uint32_t slot) {
          const std::uint32_t at = block.position(slot);
          const StringRef& text = chunk.as<StringRef>()[at];
          if (!chunk.isNull(at) && !text.isInline()) {
            freeText(TextBytes::of(text));
          }
        });
      }
      freeChunk(&chunk);
    }
    freeBlock(&block);
  });
  if (version.directory != nullptr) {
    for (std::uint32_t page = 0; page < version.directory->capacity; ++page) {
      delete version.directory->pages()[page];
    }
    freeDirectory(version.directory);
  }
  for (IndexTree& index : version.indexes) {
    index.destroy();
  }
  version.directory = nullptr;
  version.block_count = 0;
  version.rows = {};
}

void TableWriter::verify(const TableVersion& version) {
  TREFOIL_ASSERT(version.indexes.size() == version.schema->indexes.size());
  TREFOIL_ASSERT(version.vector_indexes.size() == version.schema->vector_indexes.size());
  std::uint64_t rows = 0;
  std::vector<std::uint64_t> entries(version.indexes.size(), 0);
  IndexKey key;
  forEachBlock(version, [&](std::uint32_t number, const Block& block) {
    TREFOIL_ASSERT(block.column_count == version.schema->columns.size() && block.extent <= kBlockRows);
    std::uint32_t present = 0;
    for (std::size_t column = 0; column < block.column_count; ++column) {
      const ColumnChunk& chunk = *block.column(column);
      TREFOIL_ASSERT(chunk.capacity >= block.positions() && chunk.type == version.schema->columns[column].type.storage());
      std::uint32_t nulls = 0;
      forEachBit(chunk.nulls, [&](std::uint32_t) { ++nulls; });
      TREFOIL_ASSERT(nulls == chunk.null_count);
    }
    forEachBit(block.present, [&](std::uint32_t slot) {
      TREFOIL_ASSERT(slot < block.extent);
      TREFOIL_ASSERT(block.packed == 0 || ((block.placed[slot >> 6] >> (slot & 63)) & 1) != 0);
      ++present;
      for (std::size_t i = 0; i < version.indexes.size(); ++i) {
        makeRowKey(version.indexes[i], version.schema->indexes[i], block, slot, key);
        if (!key.omitted) {
          TREFOIL_ASSERT(version.indexes[i].contains(key, makeRowId(number, slot)));
          ++entries[i];
        }
      }
    });
    TREFOIL_ASSERT(present == block.rows);
    rows += present;
  });
  TREFOIL_ASSERT(rows == version.rows.get());
  for (std::size_t i = 0; i < version.indexes.size(); ++i) {
    version.indexes[i].verify();
    TREFOIL_ASSERT(version.indexes[i].entries() == entries[i]);
  }
}

}  // namespace trefoil::sql
