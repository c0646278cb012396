// What a table is made of. One TableVersion is one instant of a table: schema, blocks, and the roots of its indexes.
//
//   TableVersion ── schema
//        │  └────── indexes[i]: IndexTree (key → row id)                     index_tree.hpp
//        └─ DirectoryRoot ── DirectoryPage (512 blocks) ── Block (2048 rows) ── ColumnChunk, one a column
//                                                           present bitmap        null bitmap, values
//
// All of these are Stamped (base/versions.hpp): changed in place if no open snapshot can see them, else copied, one chunk and the
// way to it. A chunk grows with its block (128, 512, 2048 rows), so a table of three rows is small.
//
//   type                       stored element
//   kBool                      std::uint8_t
//   kInteger kTimestamp kDate  std::int64_t
//   kDouble                    double
//   kText kBlob kJson          StringRef; bytes of long ones in a TextBytes of their own
//   kVector                    vector::Slot in the column's arena (VectorColumn)
//
// Invariants (TableWriter::verify):
//  1. rows = set bits of all present bitmaps = entries of every index (less those with a NULL key, where it omits them).
//  2. Every index entry leads to a present row with that key; every present row with a key is found.
//  3. No bit at or above extent; positions() <= capacity of each chunk; first_block and block_count enclose every block.
//  4. Of a packed block, what is present was placed.
//  5. What is not present is never read: its StringRef may dangle.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/versions.hpp"
#include "sql/storage/index_tree.hpp"
#include "sql/storage/row_id.hpp"
#include "sql/storage/schema.hpp"
#include "sql/types/string_ref.hpp"
#include "vector/arena.hpp"

namespace trefoil::sql {

class Table;

// Persisted in captures: append only. Sealed encodings come as further kinds.
enum class ChunkKind : std::uint8_t { kPlain = 0 };

struct ColumnChunk : Stamped {
  std::uint32_t capacity;    // elements there is room for
  std::uint16_t null_count;  // set bits of `nulls`
  ChunkKind kind;
  Type type;
  std::uint64_t nulls[kBlockWords];  // bit set: NULL
  // The values follow, 64-byte aligned.

  static constexpr std::size_t kDataOffset = 320;
  [[nodiscard]] const void* data() const { return reinterpret_cast<const char*>(this) + kDataOffset; }
  [[nodiscard]] void* data() { return reinterpret_cast<char*>(this) + kDataOffset; }
  template <typename T>
  [[nodiscard]] const T* as() const {
    return static_cast<const T*>(data());
  }
  template <typename T>
  [[nodiscard]] T* as() {
    return static_cast<T*>(data());
  }
  [[nodiscard]] bool isNull(std::uint32_t slot) const { return ((nulls[slot >> 6] >> (slot & 63)) & 1) != 0; }
};
static_assert(sizeof(ColumnChunk) <= ColumnChunk::kDataOffset);

// A block that has lost half of its rows is packed: its chunks are made anew, with room for the rows that are left, whose values
// lie in them at their ranks. So what is deleted gives its memory back, and row ids stay what they are.
struct Block : Stamped {
  std::uint32_t rows;    // set bits of `present`
  std::uint32_t extent;  // one more than the highest slot ever used
  std::uint32_t column_count;
  std::uint32_t packed;                // how many rows were packed; 0: it is not packed
  std::uint64_t present[kBlockWords];  // by slot
  std::uint64_t placed[kBlockWords];   // packed: the rows that were there then, by slot
  // The chunks' addresses follow.

  [[nodiscard]] ColumnChunk** columns() { return reinterpret_cast<ColumnChunk**>(this + 1); }
  [[nodiscard]] const ColumnChunk* column(std::size_t column) const {
    return reinterpret_cast<const ColumnChunk* const*>(this + 1)[column];
  }
  [[nodiscard]] bool isPresent(std::uint32_t slot) const { return ((present[slot >> 6] >> (slot & 63)) & 1) != 0; }
  // Where in the chunks the row's values are.
  [[nodiscard]] std::uint32_t position(std::uint32_t slot) const { return packed == 0 ? slot : rank(slot); }
  // One more than the highest position ever used.
  [[nodiscard]] std::uint32_t positions() const { return packed == 0 ? extent : packed; }

 private:
  [[nodiscard]] std::uint32_t rank(std::uint32_t slot) const {
    std::uint32_t before = 0;
    for (std::uint32_t word = 0; word < slot >> 6; ++word) {
      before += static_cast<std::uint32_t>(std::popcount(placed[word]));
    }
    return before + static_cast<std::uint32_t>(std::popcount(placed[slot >> 6] & ((std::uint64_t{1} << (slot & 63)) - 1)));
  }
};

// Calls function(slot) for each set bit of a block's bitmap.
template <typename Function>
void forEachBit(const std::uint64_t* words, Function&& function) {
  for (std::uint32_t word = 0; word < kBlockWords; ++word) {
    for (std::uint64_t rest = words[word]; rest != 0; rest &= rest - 1) {
      function(word * 64 + static_cast<std::uint32_t>(std::countr_zero(rest)));
    }
  }
}

struct DirectoryPage : Stamped {
  static constexpr std::uint32_t kBlocks = 512;
  Block* blocks[kBlocks];  // null: no row was ever there
};

struct DirectoryRoot : Stamped {
  std::uint32_t capacity;  // pages there is room for
  std::uint32_t unused;

  [[nodiscard]] DirectoryPage** pages() { return reinterpret_cast<DirectoryPage**>(this + 1); }
  [[nodiscard]] DirectoryPage* const* pages() const { return reinterpret_cast<DirectoryPage* const*>(this + 1); }
};

// The bytes of a long text, blob or json: StringRef points behind the stamp.
struct TextBytes : Stamped {
  [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this + 1); }
  static TextBytes* of(const StringRef& text) { return reinterpret_cast<TextBytes*>(const_cast<char*>(text.data())) - 1; }
};

// Arenas of a table's vector columns, by column position (null: not a vector). All versions of the table share them, until it is
// truncated.
using VectorColumns = std::vector<std::shared_ptr<vector::VectorArena>>;

// A number that one thread at a time changes, and anybody may read meanwhile.
class RowCount {
 public:
  RowCount() = default;
  RowCount(const RowCount& other) : value_(other.get()) {}
  RowCount& operator=(const RowCount& other) {
    value_.store(other.get(), std::memory_order_relaxed);
    return *this;
  }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }
  void add(std::uint64_t count) { value_.store(get() + count, std::memory_order_relaxed); }
  void subtract(std::uint64_t count) { value_.store(get() - count, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class VectorIndex;  // vector_index.hpp

struct TableVersion : Stamped {
  SchemaPointer schema;
  DirectoryRoot* directory = nullptr;
  std::uint32_t block_count = 0;
  std::uint32_t first_block = 0;  // there is none below it
  Lsn changed = 0;                // by the latest change of the live table; of no meaning in a private copy
  RowCount rows;
  std::vector<IndexTree> indexes;  // as schema->indexes
  std::shared_ptr<const VectorColumns> vectors;
  std::vector<std::shared_ptr<VectorIndex>> vector_indexes;  // as schema->vector_indexes; all versions of the table share them
  // In a transaction's private copy: rows whose indexed vectors it has changed, any number of times. The indexes are told when
  // the copy is put in place.
  std::vector<RowId> changed_vectors;
  // In a private copy: indexes that were dropped, and all that was truncated, to be retired when the copy is put in place.
  std::vector<TableVersion> dropped;
  std::shared_ptr<Table> owner;  // the table whose version this is; it lives as long as any version

  [[nodiscard]] const DirectoryPage* findPage(std::uint32_t page) const {
    return page * DirectoryPage::kBlocks < block_count ? directory->pages()[page] : nullptr;
  }
  [[nodiscard]] const Block* findBlock(std::uint32_t number) const {
    if (number >= block_count) {
      return nullptr;
    }
    const DirectoryPage* page = directory->pages()[number / DirectoryPage::kBlocks];
    return page == nullptr ? nullptr : page->blocks[number % DirectoryPage::kBlocks];
  }
  // Where the row's vector is; kNoSlot if it is NULL, or if there is no such row.
  [[nodiscard]] vector::Slot vectorSlot(RowId row, std::uint32_t column) const {
    const Block* block = findBlock(blockOf(row));
    const std::uint32_t slot = slotOf(row);
    return block == nullptr || !block->isPresent(slot) ? vector::kNoSlot
                                                       : block->column(column)->as<vector::Slot>()[block->position(slot)];
  }
};

Datum chunkValue(const ColumnChunk& chunk, std::uint32_t position, const vector::VectorArena* arena);
// The value of a row that is present; the arena is that of a vector column.
inline Datum blockValue(const Block& block, std::size_t column, std::uint32_t slot, const vector::VectorArena* arena) {
  return chunkValue(*block.column(column), block.position(slot), arena);
}

// visit(number, old block, new block), either may be null, for each block that is not the same in both versions of a table, for
// as long as it answers true. What both have lies at one address.
template <typename Visit>
void forEachChangedBlock(const TableVersion& from, const TableVersion& to, const Visit& visit) {
  const std::uint32_t blocks = std::max(from.block_count, to.block_count);
  for (std::uint32_t page = 0; page * DirectoryPage::kBlocks < blocks; ++page) {
    const DirectoryPage* const then = from.findPage(page);
    const DirectoryPage* const now = to.findPage(page);
    if (then == now) {
      continue;
    }
    for (std::uint32_t i = 0; i < DirectoryPage::kBlocks; ++i) {
      const Block* const old_block = then == nullptr ? nullptr : then->blocks[i];
      const Block* const new_block = now == nullptr ? nullptr : now->blocks[i];
      if (old_block != new_block && !visit(page * DirectoryPage::kBlocks + i, old_block, new_block)) {
        return;
      }
    }
  }
}

}  // namespace trefoil::sql
