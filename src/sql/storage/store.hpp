// sql::Store: all tables of a database and the catalog of their names.
//
// Nothing but apply() changes it (and View::adopt, which puts in place what the same effects have made of a private copy).
//
// Locks, in their order. The catalog's gate: every statement is inside shared from finding its tables until it is done with them,
// a DDL commit is inside exclusively. Then table locks by ascending id. Readers of a snapshot take neither. The catalog is one
// immutable CatalogVersion; a DDL makes another. Old ones are kept while a snapshot can see them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/gate.hpp"
#include "base/status.hpp"
#include "base/versions.hpp"
#include "sql/storage/catalog.hpp"
#include "sql/storage/schema.hpp"
#include "sql/storage/table.hpp"
#include "sql/storage/vector_index.hpp"
#include "sql/storage/view.hpp"

namespace trefoil::sql {

// Bytes, of all live tables.
struct VectorMemory {
  std::size_t vectors = 0;  // the columns' arenas
  std::size_t indexes = 0;  // the graphs
};

class Store {
 public:
  explicit Store(Versions& versions);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  // ---------------------------------------------------------------------------------------------------------------- locks

  [[nodiscard]] Gate& catalogGate() { return catalog_gate_; }
  // The lock of a table; null if there is no such table (any more). Inside the catalog's gate, and good as long.
  [[nodiscard]] Gate* tableLock(TableId table);
  // Tables that others are to let somebody change first (table_reservation.hpp). Takes the catalog's gate, and waits without it.
  void reserve(std::span<const TableFootprint> tables, std::uint64_t who, std::vector<std::shared_ptr<TableReservation>>& taken);
  void giveBack(std::vector<std::shared_ptr<TableReservation>>& taken);
  [[nodiscard]] bool hasReservations() const { return reservations_.load(std::memory_order_relaxed) != 0; }
  // Whether somebody else than `who` has reserved the table. Inside the catalog's gate.
  [[nodiscard]] bool isReserved(TableId table, std::uint64_t who = 0) const {
    return hasReservations() && findTable(table) != nullptr && findTable(table)->reservation()->isTaken(who);
  }
  // Until nobody has, or patience ends. No lock may be held. False: somebody has it still.
  bool awaitReservation(TableId table);
  // Changes with every DDL. A plan bound at this number may be used while inside the catalog's gate.
  [[nodiscard]] std::uint64_t catalogVersion() const { return catalog_version_.load(std::memory_order_acquire); }

  // ---------------------------------------------------------------------------------------------------------------- changes

  // Applies ONE effect (see View::adopt for the faster way of a transaction's own effects); `kind` has been read. Locks held
  // (catalog exclusively for DDL kinds), inside the database's gate. Bytes that make no sense (unknown table, wrong type, a
  // duplicate key, …) are kCorruption and may leave the store half changed: recovery gives up then, and live effects are never
  // like that.
  Status apply(std::uint8_t kind, EffectReader& reader, const WriteContext& context);

  // ---------------------------------------------------------------------------------------------------------- vector indexes

  // They follow their tables behind the commits (vector_index.hpp). Each of these takes the locks it needs.
  // Whether some index does not know all changes of its table, or is not built yet.
  [[nodiscard]] bool vectorIndexesAreBehind();
  // A piece of work for each of those, up to `snapshot`, which is open. True: go on, there is much to do.
  bool followVectorIndexes(Lsn snapshot);
  // A piece of work for each index with dead entries that no snapshot needs. True: look again later, even if nothing changes.
  bool purgeVectorIndexes();
  // Raised whenever one of these two may have something new to do.
  // Whether effects on rows say all that the row was, and not its primary key alone.
  [[nodiscard]] bool logsOldValues() const { return logs_old_values_.load(std::memory_order_relaxed); }
  void setLogsOldValues(bool log) { logs_old_values_.store(log, std::memory_order_relaxed); }

  [[nodiscard]] Signal& followSignal() { return follow_signal_; }
  // Whether somebody builds a new index by buildVectorIndex(): followVectorIndexes() leaves it alone then.
  void claimVectorIndex(const NewVectorIndex& index, bool claimed);
  // A piece of work. False: it is built, or gone.
  bool buildVectorIndex(const NewVectorIndex& index, Lsn snapshot);
  // Whether searches by the table's indexes need not be exact. Inside the catalog's gate.
  [[nodiscard]] bool vectorIndexesAreReady(TableId table);

  // ------------------------------------------------------------------------------------------------------------- checkpoints

  // Everything that `snapshot` (open) sees, as effects in the order in which apply() wants them; pieces of about `piece_bytes`,
  // each of whole effects. Takes no lock while it writes. An error of the sink ends it.
  using Sink = std::function<Status(std::string_view effects)>;
  Status capture(Lsn snapshot, const Sink& sink, std::size_t piece_bytes = std::size_t{1} << 20);

  // The graphs of vector indexes that are built, each brought up to `snapshot` (open).
  struct VectorIndexCapture {
    TableId table = 0;
    IndexId id = 0;
    std::shared_ptr<VectorIndex> index;
  };
  std::vector<VectorIndexCapture> captureVectorIndexes(Lsn snapshot);
  // While recovering, with the tables as the capture saw them: takes a graph instead of building it. An error leaves it to be
  // built.
  Status loadVectorIndex(TableId table, IndexId id, const vector::HnswIndex::ChunkSource& source);

  // --------------------------------------------------------------------------------------------------------------- for tests,
  // INFO

  // Checks the invariants of all tables; asserts on failure. No writer may be active.
  void verify();
  [[nodiscard]] std::size_t tableCount() const { return liveCatalog()->tables.size(); }
  // Takes each table's lock for a moment.
  [[nodiscard]] VectorMemory vectorMemory();
  // How far each vector index is behind its table. The same.
  struct VectorIndexLag {
    std::string index;
    std::size_t waiting_rows = 0;
    bool ready = false;
  };
  [[nodiscard]] std::vector<VectorIndexLag> vectorIndexLags();

 private:
  friend class View;

  // Live: inside the catalog's gate.
  [[nodiscard]] Table* findTable(TableId table) const { return live_tables_.find(table); }
  [[nodiscard]] std::shared_ptr<const CatalogVersion> liveCatalog() const;
  [[nodiscard]] std::shared_ptr<const CatalogVersion> catalogAt(Lsn snapshot) const;
  // Makes `next` the live catalog.
  void publish(std::shared_ptr<CatalogVersion> next, const WriteContext& context);
  void noteIds(TableId table, IndexId index);

  // The live indexes.
  std::vector<std::shared_ptr<VectorIndex>> vectorIndexes();
  // Adds a table without rows; false if its id or a name is taken.
  bool addTable(TableSchema schema, const WriteContext& context);
  Status applyCreateTable(EffectReader& reader, const WriteContext& context);
  Status applyDropTable(Table& table, const WriteContext& context);
  Status applyCreateIndex(Table& table, EffectReader& reader, const WriteContext& context);
  Status applyCreateVectorIndex(Table& table, EffectReader& reader, const WriteContext& context);
  Status applyDropIndex(Table& table, EffectReader& reader, const WriteContext& context);
  Status applyRename(Table& table, EffectReader& reader, const WriteContext& context);
  // The catalog learns a table's new schema.
  void publishSchema(Table& table, const SchemaPointer& schema, const WriteContext& context);

  Versions& versions_;
  Gate catalog_gate_{32, LockRank::kCatalog};
  std::atomic<bool> logs_old_values_{false};
  Signal follow_signal_;
  std::atomic<std::uint32_t> reservations_{0};
  std::atomic<std::uint64_t> catalog_version_{1};
  std::atomic<std::uint64_t> next_catalog_version_{2};
  std::atomic<TableId> next_table_id_{1};
  std::atomic<IndexId> next_index_id_{1};
  const CatalogVersion* live_catalog_ = nullptr;  // = history_.back(); written with the gate and history_mutex_ held
  LiveTables live_tables_;                        // of that catalog
  mutable std::mutex history_mutex_;
  std::vector<std::shared_ptr<const CatalogVersion>> history_;  // ascending birth, the live one last
};

}  // namespace trefoil::sql
