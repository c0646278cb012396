// TableWriter: changes one TableVersion, in place or by copying, as its WriteContext says. The only code that writes blocks and
// indexes: Store::apply uses it on the live version, sql::View on a transaction's private one.
//
// Nothing is checked here but what keeps memory sound (an int says whether the row is there, a unique key free): types, NULLs and
// uniqueness are the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/versions.hpp"
#include "sql/storage/table_version.hpp"

namespace trefoil::sql {

struct ColumnValue;

class TableWriter {
 public:
  // `version` is writable in `context`.
  TableWriter(TableVersion& version, const WriteContext& context) : version_(version), context_(context) {}

  // False if the row id is taken or a unique key is there already. Nothing is changed if it was the key of the first unique
  // index; otherwise the version may be half changed.
  [[nodiscard]] bool insert(RowId row, std::span<const Datum> values);
  // False if there is no such row, or a unique key is there already. The values must not view this table's storage.
  [[nodiscard]] bool update(RowId row, std::span<const ColumnValue> changes);
  // False if there is no such row.
  [[nodiscard]] bool remove(RowId row);
  // Frees the block if its rows are gone, and packs it if half of them are. Only in the live version: a private copy keeps its
  // blocks, so that it can be compared with others.
  void tidy(std::uint32_t number);
  // A private copy that was made from `base` becomes the live version: blocks that have lost rows are to be tidied, some of them
  // then by tidyMany(), the others when the table is changed next.
  static void noteUntidy(const TableVersion& base, const TableVersion& next);
  void tidyMany();
  void truncate();

  // A whole block at once, for loading: `present` and `extent` are checked by the caller, the block must not be there. The
  // columns are filled in afterwards through chunk() and newText(); indexes are not maintained.
  [[nodiscard]] Block* createBlock(std::uint32_t number, std::uint32_t extent, const std::uint64_t* present);
  // Writes the value of a fresh position (no old value is retired).
  void setFresh(ColumnChunk& chunk, std::size_t column, std::uint32_t position, const Datum& value);

  // The schema of the version has got another index, the last one; `tree` holds the rows that are there (index_build.hpp).
  void addIndex(SchemaPointer schema, const IndexTree& tree);
  // `position` in the old schema's indexes.
  void removeIndex(SchemaPointer schema, std::size_t position);

  // The same for an index that follows the table by itself: nothing is built here.
  void addVectorIndex(SchemaPointer schema, const VectorIndexDefinition& index);
  void removeVectorIndex(SchemaPointer schema, std::size_t position);
  // A private copy was put in place by the change at `lsn`: its indexes hear of the rows that it has changed.
  static void noteChangedVectors(const TableVersion& version, std::span<const RowId> rows, Lsn lsn);

  static IndexTree emptyTree(const TableSchema& schema, const IndexDefinition& index);
  // A new table's first version: no rows, empty indexes.
  static TableVersion* makeVersion(std::shared_ptr<Table> owner, SchemaPointer schema, Lsn stamp);
  // Frees everything the version leads to, at once.
  static void destroyContent(TableVersion& version);
  // Checks the invariants of table_version.hpp; asserts on failure.
  static void verify(const TableVersion& version);

 private:
  friend class TableRebase;

  // With room for this page.
  DirectoryRoot& writableRoot(std::uint32_t page);
  DirectoryPage& writablePage(std::uint32_t number);
  // The block for writing; null if it is not there and `create` is false.
  Block* writableBlock(std::uint32_t number, bool create);
  ColumnChunk& writableChunk(Block& block, std::size_t column, std::uint32_t slots);
  // Writes the value of a position whose old value is retired.
  void setAgain(ColumnChunk& chunk, std::size_t column, std::uint32_t position, const Datum& value);
  void retire(DirectoryRoot& root) const;
  void retire(DirectoryPage& page) const;
  void retire(Block& block) const;
  void retire(ColumnChunk& chunk) const;
  void retireValue(const ColumnChunk& chunk, std::size_t column, std::uint32_t position);
  void tidySome(std::size_t most);
  void repack(Block& block, bool pack);
  void dropBlock(std::uint32_t number);
  // The version does not lead to this any more.
  void drop(TableVersion content);
  // The row has got or lost a vector that is indexed.
  void noteVectorChange(RowId row);

  TableVersion& version_;
  const WriteContext& context_;
};

// The key of a stored row in an index of its table.
void makeRowKey(const IndexTree& tree, const IndexDefinition& index, const Block& block, std::uint32_t slot, IndexKey& key);

}  // namespace trefoil::sql
