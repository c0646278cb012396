// VectorIndex: the graph over one vector column, and how it follows its table.
//
// The graph is no part of a commit. Whoever changes the live table leaves a note (row, slot, LSN) and goes on; the follower, a
// thread of the engine, later takes the notes into the graph:
//
//   commit ─ noteChange ─▶ incoming_ ─ merge ─▶ pending_ (one a row: first and last LSN) ─ follow(snapshot) ─▶ graph
//
// What a search at snapshot r finds, exactly as if the graph had been part of each commit:
//
//   rows that are not pending for r      in the graph, at r: entries carry birth and death LSN
//   rows pending for r (first < r)       left out of the graph's answer, looked up in the table's version and compared exactly
//   rows the transaction has changed     the same
//
// The follower works under a snapshot of its own: the slot of a row's last change below it cannot be reused meanwhile. Versions
// of a row between two visits never enter the graph, so snapshots that see one (first < r <= last, as old as that) search
// exactly: they are told by exact_until_.
//
// Building is following, too: from the first row to the last, each batch under its own snapshot, beside writers. Until it is
// through, searches are exact; so are those of snapshots older than the end of it.
//
// TRUNCATE puts a new index in the version's place; versions that older snapshots see keep the old one.
//
// Thread safety: noteChange with the table's lock held exclusively, in the order of the log; all else at any time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.hpp"
#include "base/types.hpp"
#include "sql/storage/row_id.hpp"
#include "sql/storage/schema.hpp"
#include "vector/hnsw.hpp"

namespace trefoil::sql {

struct TableVersion;

// A search through the index. Borrowed for the call.
struct VectorSearch {
  std::span<const float> query;
  std::size_t k = 0;
  std::size_t ef_search = vector::kDefaultEfSearch;
  const TableVersion* version = nullptr;  // what the search sees: that of `snapshot`, or a transaction's copy of it
  Lsn snapshot = kNoSnapshot;             // open
  // Rows that pass the filter and are in `version`: bit row % 64 of word row / 64, from row 0 on. Empty: there is no filter.
  std::span<const std::uint64_t> selected;
  std::size_t selected_count = 0;
  std::function<bool()> cancelled;
};

struct VectorSearchAnswer {
  std::vector<vector::Neighbour> nearest;
  vector::HnswReport report;
  std::size_t compared_rows = 0;  // pending or staged: compared one by one
};

class VectorIndex {
 public:
  // `empty`: the table has no rows, so there is nothing to build.
  VectorIndex(std::shared_ptr<const vector::VectorArena> arena, const VectorIndexDefinition& definition, bool empty);

  [[nodiscard]] std::uint32_t column() const { return column_; }

  // ---- following

  // The change at `lsn` gave the row this vector; kNoSlot: it has none any more.
  void noteChange(RowId row, vector::Slot slot, Lsn lsn);
  // Does a piece of work: takes notes below `snapshot` (open; `version` is what it sees) into the graph, or builds on. May run a
  // parallel loop: no lock may be held. True: go on, there is much to do.
  bool follow(const TableVersion& version, Lsn snapshot);
  [[nodiscard]] bool isBehind() const;
  [[nodiscard]] bool isReady() const;
  // Rows whose latest change the graph does not know yet, about; of one that is being built, besides those that it has not come
  // to.
  [[nodiscard]] std::size_t waitingRows() const;
  // Somebody builds it who wants nobody's help, for as long as it is not ready.
  void claim(bool claimed) { claimed_.store(claimed, std::memory_order_relaxed); }
  [[nodiscard]] bool isClaimed() const { return claimed_.load(std::memory_order_relaxed) && !isReady(); }
  // Takes out of the graph what no snapshot needs; a piece of work. True: there is more to do, now or when a snapshot is closed.
  bool purge(Lsn oldest_snapshot);
  // Of the graph.
  [[nodiscard]] std::size_t memoryBytes() const;

  // ---- searching

  // Why this snapshot has to search exactly; empty if the index can answer.
  [[nodiscard]] std::string_view whyNot(Lsn snapshot) const;
  // The min(k, matching) nearest of the rows that have a vector. Nothing: search exactly, `why` says the reason.
  Result<std::optional<VectorSearchAnswer>> search(const VectorSearch& request, std::string_view& why) const;

  // ---- the graph in a checkpoint

  // Takes all notes below `snapshot` (open) into the graph, so that write() may be called. False: the index is not built so far.
  bool reach(const TableVersion& version, Lsn snapshot);
  Status write(Lsn snapshot, const vector::HnswIndex::ChunkSink& sink) const;
  // Takes a graph that was written at the instant of `version`; where the two do not agree it is left, and will be built again.
  Status read(const TableVersion& version, const vector::HnswIndex::ChunkSource& source);

 private:
  struct Change {
    std::uint64_t row;
    vector::Slot slot;
    Lsn lsn;
  };
  // A row's changes that the graph does not know.
  struct Pending {
    Lsn first;
    Lsn last;
    vector::Slot slot;  // after the last
  };
  using PendingRows = std::unordered_map<std::uint64_t, Pending>;

  void merge() const;  // with mutex_ held
  [[nodiscard]] std::string_view whyNotLocked(Lsn snapshot) const;
  bool build(const TableVersion& version, Lsn snapshot);
  // `whole`: also of rows that have been changed again at or after the snapshot.
  bool take(const TableVersion& version, Lsn snapshot, bool whole);

  const std::uint32_t column_;
  const std::size_t rows_at_once_;  // in a piece of the follower's work
  const std::shared_ptr<const vector::VectorArena> arena_;
  std::unique_ptr<vector::HnswIndex> graph_;  // written by read() alone, before anybody searches
  // One follower at a time; before mutex_. Held around parallel loops: their bodies are the graph's alone, and loops are
  // isolated.
  mutable std::mutex follow_mutex_;
  std::atomic<bool> claimed_{false};
  std::atomic<std::size_t> taken_{0};  // notes since the last purge
  std::uint64_t next_row_ = 0;         // build: rows below are in the graph. Guarded by follow_mutex_
  mutable std::mutex mutex_;           // guards the rest
  mutable std::vector<Change> incoming_;
  mutable PendingRows pending_;
  bool ready_ = false;
  Lsn exact_until_ = kNoSnapshot;  // snapshots up to this one search exactly
};

}  // namespace trefoil::sql
