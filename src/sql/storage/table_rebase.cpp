#include "sql/storage/table_rebase.hpp"

#include <algorithm>
#include <cstring>

#include "sql/types/chunk.hpp"

namespace trefoil::sql {

namespace {

const DirectoryPage* pageOf(const TableVersion& version, std::uint32_t page) {
  const DirectoryRoot* root = version.directory;
  return root == nullptr || page >= root->capacity ? nullptr : root->pages()[page];
}

std::uint32_t pagesOf(const TableVersion& version) {
  return (version.block_count + DirectoryPage::kBlocks - 1) / DirectoryPage::kBlocks;
}

template <typename T>
void markDifferent(const ColumnChunk& a, const ColumnChunk& b, std::uint32_t extent, std::uint64_t* different) {
  const T* x = a.as<T>();
  const T* y = b.as<T>();
  for (std::uint32_t from = 0; from < extent; from += 64) {
    const std::uint32_t count = std::min<std::uint32_t>(64, extent - from);
    if (std::memcmp(x + from, y + from, count * sizeof(T)) == 0) {
      continue;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      different[from / 64] |= std::uint64_t{std::memcmp(x + from + i, y + from + i, sizeof(T)) != 0} << i;
    }
  }
}

// Sets the bits of the slots, below the extent that both have, whose values are not stored alike.
void markDifferent(const ColumnChunk& a, const ColumnChunk& b, std::uint32_t extent, std::uint64_t* different) {
  for (std::uint32_t word = 0; word < kBlockWords; ++word) {
    different[word] |= a.nulls[word] ^ b.nulls[word];
  }
  switch (a.type == Type::kVector ? sizeof(vector::Slot) : elementSize(a.type)) {
    case 1:
      return markDifferent<std::uint8_t>(a, b, extent, different);
    case 4:
      return markDifferent<std::uint32_t>(a, b, extent, different);
    case 8:
      return markDifferent<std::uint64_t>(a, b, extent, different);
    default:
      return markDifferent<StringRef>(a, b, extent, different);
  }
}

bool sameCell(const ColumnChunk& a, std::uint32_t in_a, const ColumnChunk& b, std::uint32_t in_b) {
  if (&a == &b) {
    return true;
  }
  const std::size_t size = a.type == Type::kVector ? sizeof(vector::Slot) : elementSize(a.type);
  return a.isNull(in_a) == b.isNull(in_b) && std::memcmp(a.as<char>() + in_a * size, b.as<char>() + in_b * size, size) == 0;
}
bool sameCell(const ColumnChunk& a, const ColumnChunk& b, std::uint32_t position) {
  return sameCell(a, position, b, position);
}

// Whether a row that both have is stored alike, wherever in the chunks.
bool sameRow(const Block& a, const Block& b, std::uint32_t slot) {
  for (std::size_t column = 0; column < a.column_count; ++column) {
    if (!sameCell(*a.column(column), a.position(slot), *b.column(column), b.position(slot))) {
      return false;
    }
  }
  return true;
}

bool hasRow(const TableVersion& version, RowId row) {
  const Block* block = version.findBlock(blockOf(row));
  return block != nullptr && block->isPresent(slotOf(row));
}

}  // namespace

// --------------------------------------------------------------------------------------------------------------------- comparing

TableRebase::Distance TableRebase::compare(const Limits& limits) {
  if (next_.schema != base_.schema || next_.vector_indexes != base_.vector_indexes || next_.vectors != base_.vectors) {
    return Distance::kElsewhere;
  }
  Distance distance = Distance::kNear;
  forEachChangedBlock(base_, next_, [&](std::uint32_t number, const Block* before, const Block* after) {
    const bool moved = after == nullptr || after->packed != 0 || (before != nullptr && before->packed != 0);
    if (moved && version_.findBlock(number) != before) {
      distance = Distance::kElsewhere;
      return false;
    }
    compareBlocks(number, before, after);
    if (blocks_.size() > limits.blocks || rows_.size() > limits.rows) {
      distance = Distance::kTooFar;
      return false;
    }
    return true;
  });
  return distance;
}

void TableRebase::compareBlocks(std::uint32_t number, const Block* before, const Block* after) {
  blocks_.push_back({number, static_cast<std::uint32_t>(rows_.size())});
  const bool both = before != nullptr && after != nullptr;
  const bool packed = both && (before->packed != 0 || after->packed != 0);
  std::uint64_t different[kBlockWords] = {};
  for (std::size_t column = 0; both && !packed && column < after->column_count; ++column) {
    if (before->column(column) != after->column(column)) {
      markDifferent(*before->column(column), *after->column(column), std::min(before->extent, after->extent), different);
    }
  }
  const std::uint32_t extent = std::max(before == nullptr ? 0 : before->extent, after == nullptr ? 0 : after->extent);
  for (std::uint32_t slot = 0; slot < extent; ++slot) {
    const bool was = before != nullptr && before->isPresent(slot);
    const bool is = after != nullptr && after->isPresent(slot);
    if (was != is || (is && (packed ? !sameRow(*before, *after, slot) : ((different[slot >> 6] >> (slot & 63)) & 1) != 0))) {
      rows_.push_back(makeRowId(number, slot));
    }
  }
}

// ------------------------------------------------------------------------------------------------------------------------- merge

bool TableRebase::apply() {
  forgotten_.kept_below = nodes_.replacedCount();
  std::vector<ChangedIndex> indexes;
  for (std::size_t i = 0; i < version_.indexes.size(); ++i) {
    if (version_.indexes[i].sameRoot(base_.indexes[i])) {
      version_.indexes[i] = next_.indexes[i];
    } else {
      indexes.push_back(moveIndex(i));
    }
  }
  // All of the old keys go before the first new one comes: rows may have exchanged theirs.
  for (const ChangedIndex& index : indexes) {
    eraseKeys(index);
  }
  mergeDirectory();
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const std::size_t end = i + 1 < blocks_.size() ? blocks_[i + 1].first_row : rows_.size();
    mergeBlock(blocks_[i], std::span(rows_).subspan(blocks_[i].first_row, end - blocks_[i].first_row));
  }
  version_.block_count = std::max(version_.block_count, next_.block_count);
  version_.first_block = std::min(version_.first_block, next_.first_block);
  for (const ChangedIndex& index : indexes) {
    if (!insertKeys(index)) {
      return false;
    }
  }
  nodes_.forget(std::move(forgotten_));
  return true;
}

TableRebase::ChangedIndex TableRebase::moveIndex(std::size_t index) {
  ChangedIndex changed{index, rows_};
  version_.indexes[index].moveOn(base_.indexes[index], next_.indexes[index], context_, forgotten_.gone, changed.rows);
  std::sort(changed.rows.begin(), changed.rows.end());
  changed.rows.erase(std::unique(changed.rows.begin(), changed.rows.end()), changed.rows.end());
  return changed;
}

void TableRebase::eraseKeys(const ChangedIndex& changed) {
  IndexKey key;
  for (const RowId row : changed.rows) {
    if (hasRow(version_, row)) {
      makeRowKey(version_.indexes[changed.index], version_.schema->indexes[changed.index], *version_.findBlock(blockOf(row)),
                 slotOf(row), key);
      version_.indexes[changed.index].erase(key, row, context_);
    }
  }
}

bool TableRebase::insertKeys(const ChangedIndex& changed) {
  IndexKey key;
  for (const RowId row : changed.rows) {
    if (hasRow(version_, row)) {
      makeRowKey(version_.indexes[changed.index], version_.schema->indexes[changed.index], *version_.findBlock(blockOf(row)),
                 slotOf(row), key);
      if (!version_.indexes[changed.index].insert(key, row, context_)) {
        return false;
      }
    }
  }
  return true;
}

// The pages that the transaction has not touched become next's; blocks of the others are merged one by one.
void TableRebase::mergeDirectory() {
  if (base_.directory == next_.directory) {
    return;
  }
  noteGone(base_.directory);
  if (version_.directory == base_.directory) {
    version_.directory = next_.directory;
    return;
  }
  writer_.retire(*next_.directory);
  for (std::uint32_t page = 0; page < std::max(pagesOf(base_), pagesOf(next_)); ++page) {
    const DirectoryPage* before = pageOf(base_, page);
    const DirectoryPage* after = pageOf(next_, page);
    if (before == after) {
      continue;
    }
    noteGone(before);
    if (pageOf(version_, page) == before) {
      writer_.writableRoot(page).pages()[page] = const_cast<DirectoryPage*>(after);
    } else if (after != nullptr) {
      writer_.retire(*const_cast<DirectoryPage*>(after));
    }
  }
}

void TableRebase::mergeBlock(const ChangedBlock& changed, std::span<const RowId> rows) {
  const std::uint32_t number = changed.number;
  const Block* before = base_.findBlock(number);
  const Block* const next = next_.findBlock(number);
  const DirectoryPage* page = pageOf(version_, number / DirectoryPage::kBlocks);
  const Block* own = page == nullptr ? nullptr : page->blocks[number % DirectoryPage::kBlocks];
  if (own == before || own == next) {
    if (own != next) {
      writer_.writablePage(number).blocks[number % DirectoryPage::kBlocks] = const_cast<Block*>(next);
    }
    version_.rows.add(next == nullptr ? 0 : next->rows);
    version_.rows.subtract(before == nullptr ? 0 : before->rows);
    return;
  }
  const Block& after = *next;  // and neither is packed: see compare()
  noteGone(before);
  writer_.retire(const_cast<Block&>(after));
  version_.block_count = std::max(version_.block_count, number + 1);  // for the writer to find it
  Block& block = *writer_.writableBlock(number, false);
  const std::vector<bool> taken = takeChunks(block, before, after);
  for (const RowId row : rows) {
    mergeRow(block, before, after, slotOf(row), taken);
  }
  if (!version_.vector_indexes.empty()) {
    // Their vectors lie elsewhere now, even if they are the same.
    version_.changed_vectors.insert(version_.changed_vectors.end(), rows.begin(), rows.end());
  }
}

std::vector<bool> TableRebase::takeChunks(Block& block, const Block* before, const Block& after) {
  std::vector<bool> taken(block.column_count);
  for (std::size_t column = 0; column < block.column_count; ++column) {
    const ColumnChunk* then = before == nullptr ? nullptr : before->column(column);
    auto* now = const_cast<ColumnChunk*>(after.column(column));
    ColumnChunk*& own = block.columns()[column];
    taken[column] = own == then;
    if (then == now) {
      continue;
    }
    noteGone(then);
    if (taken[column]) {
      own = now;
    } else {
      writer_.retire(*now);
      writer_.writableChunk(block, column, std::max(block.extent, after.extent));
    }
  }
  block.extent = std::max(block.extent, after.extent);
  for (std::size_t column = 0; column < block.column_count; ++column) {
    TREFOIL_ASSERT(block.column(column)->capacity >= block.extent);
  }
  return taken;
}

// A row that is not the same in base and next becomes next's.
void TableRebase::mergeRow(Block& block, const Block* before, const Block& after, std::uint32_t slot,
                           const std::vector<bool>& taken) {
  const bool was = before != nullptr && before->isPresent(slot);
  const bool is = after.isPresent(slot);
  const bool had = block.isPresent(slot);
  for (std::size_t column = 0; column < block.column_count; ++column) {
    const ColumnChunk& now = *after.column(column);
    const bool same = was && is && sameCell(*before->column(column), now, slot);
    const Stamped* old_value = was ? valueObject(*before->column(column), column, slot) : nullptr;
    if (old_value != nullptr && !same) {
      noteGone(old_value);
    }
    if (taken[column]) {
      if (old_value != nullptr && same && !had) {
        forgotten_.kept.insert(old_value);  // the transaction had deleted the row, and it is there again
      }
      continue;
    }
    if (had && is && sameCell(*block.column(column), now, slot)) {
      continue;
    }
    ColumnChunk& own = writer_.writableChunk(block, column, slot + 1);
    if (had) {
      writer_.retireValue(own, column, slot);
    }
    if (is) {
      if (!same) {
        writer_.retireValue(now, column, slot);
      }
      writer_.setAgain(own, column, slot, chunkValue(now, slot, (*version_.vectors)[column].get()));
    }
  }
  const std::uint64_t bit = std::uint64_t{1} << (slot & 63);
  if (had && !is) {
    block.present[slot >> 6] &= ~bit;
    --block.rows;
    version_.rows.subtract(1);
  } else if (is && !had) {
    block.present[slot >> 6] |= bit;
    ++block.rows;
    version_.rows.add(1);
  }
}

const Stamped* TableRebase::valueObject(const ColumnChunk& chunk, std::size_t column, std::uint32_t slot) const {
  if (chunk.isNull(slot)) {
    return nullptr;
  }
  if (chunk.type == Type::kVector) {
    return (*version_.vectors)[column]->stampOf(chunk.as<vector::Slot>()[slot]);
  }
  if (isBytes(chunk.type)) {
    const StringRef& text = chunk.as<StringRef>()[slot];
    return text.isInline() ? nullptr : TextBytes::of(text);
  }
  return nullptr;
}

void TableRebase::noteGone(const Stamped* object) {
  if (object != nullptr) {
    forgotten_.gone.insert(object);
  }
}

}  // namespace trefoil::sql
