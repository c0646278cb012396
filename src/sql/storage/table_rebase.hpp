// TableRebase: moves a transaction's private copy of a table from the version it was made from to a later one of the live table.
//
//   base ──others──▶ next          D = the rows in which the two differ: inserted, deleted or changed by others
//     │                │
//     └─ own changes ─▶ version ──▶ version + D
//
// It costs what differs between base and next, however much the transaction has changed: that is why a commit of millions of rows
// may follow others who write meanwhile, without a lock as long as there is much to take over, and under the table's lock when it
// is little. Afterwards the rows of D are in the copy as `next` has them (what the transaction had made of them is gone, and
// rows() says which they are); all others are as they were.
//
// How two versions are compared. Whatever is in both lies at the same address (base/versions.hpp), so pages, blocks and chunks
// that were not changed are passed over; in the others, values are compared as they are stored.
//
// Who owns what. PrivateNodes lists the shared objects that the copy does not have any more: those of `base`, before, and those
// of `next`, after. An object X of the table is, where base and next differ,
//
//   in base, not in next (gone)     others have retired it. The copy must not keep it: a node of an index is copied, a block or a
//                                   chunk that is not the copy's own is replaced by next's. It must not be retired again.
//   in next, not in base (fresh)    either the copy takes it as it is (a block, a chunk, an index that the transaction has not
//                                   touched), or it counts as replaced, and the copy has its own.
//
// Both versions are seen by open snapshots, or the table's lock is held exclusively and `next` is the live version.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/versions.hpp"
#include "sql/storage/table_version.hpp"
#include "sql/storage/table_writer.hpp"

namespace trefoil::sql {

class TableRebase {
 public:
  // `version` is writable in `context`, which is private and lists its objects in `nodes`.
  TableRebase(TableVersion& version, const TableVersion& base, const TableVersion& next, PrivateNodes& nodes,
              const WriteContext& context)
      : version_(version), base_(base), next_(next), nodes_(nodes), context_(context), writer_(version, context) {}

  // How much may differ.
  struct Limits {
    std::size_t blocks = 0;
    std::size_t rows = 0;
  };
  enum class Distance : std::uint8_t {
    kNear,       // rows() is known
    kTooFar,     // more than the limits
    kElsewhere,  // no rebase: another schema, a table that was emptied, or a block that both have moved rows in
  };
  [[nodiscard]] Distance compare(const Limits& limits);
  // Ascending.
  [[nodiscard]] std::span<const RowId> rows() const { return rows_; }
  // After compare(). False: a row of `next` has a unique key that the transaction has given to another row; then the copy is of
  // no use any more.
  [[nodiscard]] bool apply();

 private:
  // A block that is not the same in base and next.
  struct ChangedBlock {
    std::uint32_t number;
    std::uint32_t first_row;  // in rows_: those of this block, up to the next one's
  };

  void compareBlocks(std::uint32_t number, const Block* before, const Block* after);
  void mergeDirectory();
  void mergeBlock(const ChangedBlock& changed, std::span<const RowId> rows);
  // Chunks that the transaction has not touched become next's. Answers which columns those are: bit set.
  std::vector<bool> takeChunks(Block& block, const Block* before, const Block& after);
  void mergeRow(Block& block, const Block* before, const Block& after, std::uint32_t slot, const std::vector<bool>& taken);
  // An index that the transaction has changed, and the rows whose entries are made again: those of rows_, and those whose entries
  // others have made again.
  struct ChangedIndex {
    std::size_t index;
    std::vector<RowId> rows;
  };
  ChangedIndex moveIndex(std::size_t index);
  void eraseKeys(const ChangedIndex& changed);
  [[nodiscard]] bool insertKeys(const ChangedIndex& changed);
  [[nodiscard]] const Stamped* valueObject(const ColumnChunk& chunk, std::size_t column, std::uint32_t slot) const;
  void noteGone(const Stamped* object);

  TableVersion& version_;
  const TableVersion& base_;
  const TableVersion& next_;
  PrivateNodes& nodes_;
  const WriteContext& context_;
  TableWriter writer_;
  std::vector<ChangedBlock> blocks_;
  std::vector<RowId> rows_;
  PrivateNodes::Forgotten forgotten_;
};

}  // namespace trefoil::sql
