// What a staged sql::View holds: its instant, its private copies, and what it has read. Private to sql.
//
//   StagedTable   base      the version that the snapshot sees (null: created by this view)
//                 version   the private copy, made by the first write (null: none yet)
//                 reads     what validate() compares with the live table
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sql/storage/catalog.hpp"
#include "sql/storage/index_build.hpp"
#include "sql/storage/table.hpp"
#include "sql/storage/view.hpp"

namespace trefoil::sql {

// What was read of one table since the snapshot, in terms of its base version.
struct TableReads {
  static constexpr std::uint64_t kNoRow = UINT64_MAX;
  // So many look-ups and rows are remembered one by one; past that the whole table counts as read.
  static constexpr std::size_t kMaxReads = std::size_t{1} << 20;

  struct IntKey {
    std::int64_t key;
    std::uint64_t row;  // what the base version answered
    std::uint32_t index;
  };
  struct BytesKey {
    std::string key;
    std::uint64_t row;
    std::uint32_t index;
  };

  struct Range {
    IndexBounds bounds;
    std::uint32_t index;
  };

  // A search by vector over all rows: no other row is as near to the query as `last`, the distance of the last row found. The
  // rows that it found are among `rows`.
  struct Search {
    std::vector<float> query;
    double last;
    std::uint32_t column;
    vector::Metric metric;
  };

  bool whole = false;
  std::vector<Range> ranges;
  std::vector<Search> searches;
  std::vector<IntKey> int_keys;
  std::vector<BytesKey> bytes_keys;
  std::vector<RowId> rows;

  void noteWhole() {
    whole = true;
    ranges = {};
    searches = {};
    int_keys = {};
    bytes_keys = {};
    rows = {};
  }
  [[nodiscard]] bool full() const {
    return ranges.size() + searches.size() + int_keys.size() + bytes_keys.size() + rows.size() >= kMaxReads;
  }
};

// An index that the view has made. The build owns the tree until the table's copy is put in place; after a rollback it is used
// again, if the statement that made it remains.
struct MadeIndex {
  std::shared_ptr<IndexBuild> build;
  bool used;
};

// Rows of a table: a bitmap for each block that has some.
class TouchedRows {
 public:
  void add(RowId row) {
    if (last_ == nullptr || last_block_ != blockOf(row)) {
      last_block_ = blockOf(row);
      last_ = &blocks_[last_block_];
    }
    (*last_)[slotOf(row) >> 6] |= std::uint64_t{1} << (slotOf(row) & 63);
  }
  // Whether it was there.
  bool take(RowId row) {
    const auto found = blocks_.find(blockOf(row));
    if (found == blocks_.end()) {
      return false;
    }
    std::uint64_t& word = found->second[slotOf(row) >> 6];
    const std::uint64_t bit = std::uint64_t{1} << (slotOf(row) & 63);
    const bool was = (word & bit) != 0;
    word &= ~bit;
    return was;
  }

 private:
  using Bits = std::array<std::uint64_t, kBlockWords>;
  std::unordered_map<std::uint32_t, Bits> blocks_;  // whose addresses stay
  Bits* last_ = nullptr;
  std::uint32_t last_block_ = 0;
};

struct StagedTable {
  TableId id = 0;
  std::shared_ptr<Table> table;
  const TableVersion* base = nullptr;
  TableVersion* version = nullptr;
  PrivateNodes nodes;
  TableReads reads;
  bool dropped = false;
  bool schema_changed = false;  // by this view; then the table must be as it was at the snapshot
  bool adopted = false;
  bool took_keys = false;  // a row was removed or its values changed: a key that the copy does not have may be in the base
  std::vector<MadeIndex> made_indexes;
  std::shared_ptr<IndexBuild> following;  // the copy is the base and this index: it may catch up with the live table
  // followRows(): the rows that were changed. No reads are recorded.
  std::unique_ptr<TouchedRows> followed;
  // The arenas of the vectors that `nodes` still has to retire after adopt().
  std::shared_ptr<const VectorColumns> vectors;
  // Row ids [next, end) are reserved for this view.
  std::uint64_t run_next = 0;
  std::uint64_t run_end = 0;
  std::uint64_t run_size = 0;

  StagedTable() = default;
  StagedTable(const StagedTable&) = delete;
  StagedTable& operator=(const StagedTable&) = delete;
  ~StagedTable() {
    dropVersion();
    if (table != nullptr && run_next != run_end) {
      table->returnRows(run_next, run_end);
    }
  }

  [[nodiscard]] bool created() const { return base == nullptr; }
  [[nodiscard]] const TableVersion* current() const { return version != nullptr ? version : base; }
  void dropVersion() {
    nodes.drop();  // before the version, which owns the arenas that vectors go back to
    delete version;
    version = nullptr;
    took_keys = false;
  }
  RowId nextRow();
};

struct View::Staged {
  // A name that was looked up, and what the base catalog had there.
  struct NameRead {
    std::string name;
    SchemaPointer table;              // null: none
    std::optional<TableId> index_of;  // as an index's name
  };

  std::shared_ptr<const CatalogVersion> base_catalog;
  std::shared_ptr<CatalogVersion> catalog;  // with this view's DDL; null: the base
  std::vector<std::unique_ptr<StagedTable>> tables;
  StagedTable* last = nullptr;  // the one used last
  std::vector<NameRead> names;
  bool read_all_names = false;

  [[nodiscard]] const CatalogVersion& currentCatalog() const { return catalog != nullptr ? *catalog : *base_catalog; }
  StagedTable* find(TableId id) {
    if (last != nullptr && last->id == id) {
      return last;
    }
    for (const auto& table : tables) {
      if (table->id == id) {
        return last = table.get();
      }
    }
    return nullptr;
  }
};

}  // namespace trefoil::sql
