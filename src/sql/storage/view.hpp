// sql::View: a statement's or a transaction's view of all tables. Operators read and write through it and cannot tell whether
// they run in autocommit or inside BEGIN.
//
//   live      reads the store itself under the locks that the caller holds. A write checks, and stages an effect; the store is
//             not touched before the engine has logged the effects and calls Store::apply. One row write a statement (INSERT of
//             one row, UPDATE or DELETE by key): what a second one would have to see is not in the store yet. No DDL.
//   staged    reads one instant (a snapshot, or the live store under exclusive locks) and its own writes. A write stages the
//             effect and changes a private copy of the table (base/versions.hpp), so later statements see it. Everything is
//             possible.
//
// So the engine runs point writes and single-row INSERTs live, all else staged: in autocommit as an implicit transaction.
//
// Locks the caller holds. live: inside Store::catalogGate() (shared) from the look-up of the plan to the end, and of each table
// used its lock: shared to read, exclusive to write. Staged over a snapshot: none at all while statements run. Staged over the
// live store: as for live. At commit, in this order: the catalog's gate (exclusive if changesCatalog()), the locks of footprint()
// (by ascending id), then validate(), then inside the database's gate: log, adopt(), applyEffect() for each effect.
//
// Reads are recorded in a staged view over a snapshot, so that validate() can say whether they still hold:
//   scan()              the whole table: any change of it since the snapshot is a conflict
//   range()             the index entries in the range, whether or not all were fetched, and all columns of their rows
//   findUnique()        that key, found or not, and all columns of the row
//   noteSearch()        the rows that were found, and that no other row is as near
//   findTable() …       that name or table
// rows() records nothing: it is for rows that findUnique or range has found, or that this view has just written.
//
// Errors have PostgreSQL's texts: `duplicate key value violates unique constraint "t_pkey"` with DETAIL, `null value in column
// …`. An error leaves nothing of the failed call staged; effects of earlier calls of the same statement are dropped by the
// caller: EffectBuffer::truncate(mark), then beginRebuild() and restage() for what remains (live: beginRebuild() alone).
//
// Thread safety: none, but readers handed out may be used by several threads between two writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "base/versions.hpp"
#include "sql/storage/schema.hpp"
#include "sql/storage/table_reader.hpp"
#include "vector/distance.hpp"
#include "vector/exact_search.hpp"

namespace trefoil::sql {

class IndexBuild;
class Store;
struct CatalogVersion;
struct MadeIndex;
struct StagedTable;

// One column's new value in an UPDATE.
struct ColumnValue {
  std::uint32_t column = 0;
  Datum value;
};

// A table of a transaction's footprint, for locking.
struct TableFootprint {
  TableId table = 0;
  bool written = false;
};

// How createIndex() does it.
struct IndexBuilding {
  std::function<Status()> check = {};  // asked between portions of work, by any thread: an error ends it
  bool parallel = false;               // no lock is held
  // An autocommit CREATE INDEX: the build outlives an attempt that conflicts, as long as that one's snapshot stays open, and
  // the next one begins where it had come to. What others have changed since the snapshot is taken in at commit, if it is
  // little (index_build.hpp), so that they are no conflict. This view must do nothing else.
  std::shared_ptr<IndexBuild>* build = nullptr;
};

class View {
 public:
  // In autocommit, under locks.
  View(Store& store, EffectBuffer& effects);
  // Inside BEGIN, or a query: what `snapshot` saw. The snapshot stays registered for as long as the view lives. A query that will
  // neither write nor be validated has transaction number kReadOnly, and its reads are not recorded.
  static constexpr std::uint64_t kReadOnly = 0;
  View(Store& store, EffectBuffer& effects, Lsn snapshot, std::uint64_t transaction_number);
  // An implicit transaction under exclusive locks (the last try of an autocommit statement, EXEC): the live store is the instant.
  struct UnderLocks {};
  View(Store& store, EffectBuffer& effects, UnderLocks, std::uint64_t transaction_number);
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View();  // drops whatever was not adopted

  [[nodiscard]] bool isLive() const { return mode_ == Mode::kLive; }
  [[nodiscard]] Lsn snapshot() const { return snapshot_; }

  // ------------------------------------------------------------------------------------------------------------------ catalog

  // Changes whenever the catalog that this view sees changes; equal numbers mean the same catalog, also across views.
  [[nodiscard]] std::uint64_t catalogVersion() const;
  // Null if there is none of that name.
  [[nodiscard]] SchemaPointer findTable(std::string_view name);
  [[nodiscard]] bool hasTable(TableId table) const;
  // The table that has an index of that name.
  struct FoundIndex {
    SchemaPointer table;
    IndexId index = 0;
    bool is_constraint = false;
  };
  [[nodiscard]] std::optional<FoundIndex> findIndex(std::string_view name);
  // All tables, sorted by name.
  [[nodiscard]] std::vector<SchemaPointer> tables();

  // ------------------------------------------------------------------------------------------------------------------ reading

  // `table` is an id from the catalog that this view sees.
  [[nodiscard]] TableReader scan(TableId table);
  [[nodiscard]] IndexCursor range(TableId table, std::size_t index, const IndexRange& range);
  [[nodiscard]] std::optional<RowId> findUnique(TableId table, std::size_t index, std::span<const Datum> key);
  [[nodiscard]] TableReader rows(TableId table);
  // Rows that a search by vector among all rows has found through rows(). `last` is the distance of the last of them; nothing if
  // not all of them have a distance, or if there were fewer than it was looking for: then it has read the whole table.
  struct FoundNearest {
    std::uint32_t column = 0;
    vector::Metric metric = vector::Metric::kCosine;
    std::span<const float> query;
    std::span<const vector::Neighbour> rows;
    std::optional<double> last;
  };
  void noteSearch(TableId table, const FoundNearest& found);
  // Equal stamps of a table mean the same rows with the same values, also across views; nothing if this view may write, or
  // records what it reads.
  [[nodiscard]] std::optional<Lsn> rowsStamp(TableId table);
  // How many rows there are; of the live store about now, without the table's lock. For plans.
  [[nodiscard]] std::uint64_t estimateRows(TableId table);
  // Whether the table's vector index of that position is built; the same.
  [[nodiscard]] bool vectorIndexIsReady(TableId table, std::uint32_t position);

  // ------------------------------------------------------------------------------------------------------------------ writing

  // `values` has one value of its column's type (or NULL) for each column. CHECK expressions, defaults, ranges and lengths are
  // the caller's; NOT NULL, UNIQUE and PRIMARY KEY are checked here.
  Result<RowId> insert(TableId table, std::span<const Datum> values);
  // The first of those checks alone, for whoever has others to make before the unique keys are looked at. `row` is a whole row.
  static Status checkNotNull(const TableSchema& schema, std::span<const Datum> row);
  // An existing row of this view. Several columns at once count as one change: keys may be swapped within the row.
  Status update(TableId table, RowId row, std::span<const ColumnValue> changes);
  Status remove(TableId table, RowId row);

  // Staged views only. Names are checked (`relation "t" already exists`), ids are given here; `id` of the arguments is ignored.
  Result<TableId> createTable(TableSchema schema);
  Status dropTable(TableId table);
  Status truncate(TableId table);
  // Builds the index over the rows that are there: kUniqueViolation `could not create unique index "…"` with DETAIL.
  Result<IndexId> createIndex(TableId table, IndexDefinition index, const IndexBuilding& building = {});
  // An index that follows the table: it is there at once, and of use as soon as Store::followVectorIndexes has built it.
  Result<IndexId> createVectorIndex(TableId table, VectorIndexDefinition index);
  Status dropIndex(TableId table, IndexId index);  // of either kind
  Status renameTable(TableId table, std::string_view name);

  // ----------------------------------------------------------------------------------------------- failed statements, savepoints

  // Forgets all own writes (not reads). The effect buffer is the caller's to truncate, before or after.
  void beginRebuild();
  // Stages one effect again that this view staged before; `kind` has been read. For each SQL effect that remains.
  void restage(std::uint8_t kind, EffectReader& reader);

  // ------------------------------------------------------------------------------------------------------ following others

  // The one statement of this transaction is an UPDATE or DELETE that decides about each row of the table by that row alone
  // (Plan::isRowLocal()). Then others may change the table without a conflict: the view moves on to what they have made of it,
  // and the statement runs again on the rows that they have changed, and on no others (view_rebase.cpp says why that is right).
  // Before its first write; over a snapshot.
  void followRows(TableId table);
  struct Moved {
    std::vector<RowId> rows;  // to run the statement on: they are there, and it has not seen them like this
    std::int64_t undone = 0;  // of the rows that it had changed before
  };
  // Bounds of the work that one move may be.
  struct MoveLimits {
    std::size_t blocks = 0;
    std::size_t rows = 0;
  };
  // To what a later snapshot (open) sees; the one before must be open still. Nothing: more has changed than the limits allow, and
  // nothing has happened. kConflict: it is impossible, and this transaction is over.
  Result<std::optional<Moved>> moveOn(Lsn snapshot, const MoveLimits& limits);
  // To the live table, under the locks of footprint(); it is to be committed under the same locks.
  Result<std::optional<Moved>> moveOnToLive(const MoveLimits& limits);
  // Before the locks of a commit: work that adopt() need not do under them. `snapshot` is the latest one it was moved to.
  void seal(Lsn snapshot);
  // An effect without a meaning, for a record that must have one.
  void stageNothing();

  // ------------------------------------------------------------------------------------------------------------------ commit

  [[nodiscard]] bool hasWrites() const;
  [[nodiscard]] bool changesCatalog() const { return changes_catalog_; }
  // Tables read and written that exist in the live store, by ascending id. A transaction that wrote nothing has nothing to lock.
  [[nodiscard]] std::vector<TableFootprint> footprint() const;
  // Under the locks of footprint(): whether everything read is still so and everything written can be applied; else kConflict.
  Status validate();
  // After the record at `lsn` was appended: puts private roots in place where nobody else has changed the table since. Nothing
  // can fail any more. Returns whether that was all: then applyEffect() need not be called. What they replace is retired when the
  // view goes: let the locks go before.
  bool adopt(const WriteContext& context);
  // Applies an effect of this view to the live store, unless adopt() has already done it. `kind` has been read.
  Status applyEffect(std::uint8_t kind, EffectReader& reader, const WriteContext& context);

 private:
  enum class Mode : std::uint8_t { kLive, kSnapshot, kUnderLocks };
  struct Staged;

  [[nodiscard]] bool records() const { return mode_ == Mode::kSnapshot && transaction_ != kReadOnly; }
  [[nodiscard]] const CatalogVersion& catalog() const;
  [[nodiscard]] WriteContext privateContext(StagedTable& table) const;

  // The version of a table that this view reads.
  const TableVersion& current(TableId table);
  StagedTable& staged(TableId table);
  // A staged table's private version; makes the copy.
  TableVersion& writable(StagedTable& table) const;

  [[nodiscard]] std::span<const ColumnValue> rowBefore(const TableVersion& version, RowId row) const;
  // Whether a row with these values would break a unique index. The first unique index may be left to the insertion itself.
  enum class FirstUnique : std::uint8_t { kCheck, kLeave };
  Status checkInsert(TableId table, const TableVersion& version, std::span<const Datum> values, FirstUnique first);
  Status checkUpdate(TableId table, const TableVersion& version, RowId row, std::span<const ColumnValue> changes);
  template <typename ValueOf>
  Status checkKey(TableId table, const TableVersion& version, std::size_t index, std::optional<RowId> self, ValueOf&& value_of);
  // Good until the next call.
  template <typename ValueOf>
  static const IndexKey& keyOf(const TableVersion& version, std::size_t index, ValueOf&& value_of);
  static void recordInsertedKey(StagedTable& table, std::span<const Datum> values);
  // Notes what the base version answers for this key.
  static void recordKey(StagedTable& table, std::size_t index, const IndexKey& key, std::optional<RowId> answer);
  [[nodiscard]] static std::optional<RowId> baseAnswer(const StagedTable& table, std::size_t index, const IndexKey& key);
  [[nodiscard]] static bool recordsKeys(const StagedTable& table, const IndexKey& key);
  static void recordRow(StagedTable& table, RowId row);

  Result<std::optional<Moved>> moveOnTo(StagedTable& table, const TableVersion& next, const MoveLimits& limits);
  [[nodiscard]] StagedTable* followedTable() const;

  std::shared_ptr<CatalogVersion> changedCatalog();
  void publishStaged(std::shared_ptr<CatalogVersion> next);
  void stageSchemaBefore(TableId id);
  void installTable(SchemaPointer schema);
  void uninstallTable(TableId table);
  void changeSchema(StagedTable& table, const SchemaPointer& schema);
  void installIndex(StagedTable& table, MadeIndex& made);
  void installVectorIndex(StagedTable& table, const VectorIndexDefinition& index);
  void uninstallIndex(StagedTable& table, IndexId index);
  // The name of a new index: checked, or made up from `columns`.
  Status settleIndexName(const TableSchema& schema, std::string& name, std::span<const std::uint32_t> columns);
  std::string freeName(const TableSchema& schema, const IndexDefinition& index) const;
  void recordName(std::string_view name);
  Status validateCatalog() const;
  Status validateTable(StagedTable& table) const;
  Status catchUp(StagedTable& table, const TableVersion& live) const;

  Store& store_;
  EffectBuffer& effects_;
  Lsn snapshot_ = kNoSnapshot;
  std::uint64_t transaction_ = 0;
  Mode mode_ = Mode::kLive;
  bool changes_catalog_ = false;
  bool wrote_ = false;              // live: the one row write has been staged
  std::unique_ptr<Staged> staged_;  // null in a live view
};

}  // namespace trefoil::sql
