// HnswIndex: approximate nearest neighbours over the vectors of one column, by a hierarchical navigable small world graph.
//
//   Yu. Malkov, D. Yashunin: Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World
//   graphs, IEEE TPAMI 2018 (arXiv 1603.09320). Its algorithms are named at our functions, with what differs and why.
//
// What it holds. An entry is (row id, slot, born LSN, died LSN): from `born` on the row's vector was the one in `slot`, until
// `died`. Entries are nodes of the graph. A search at snapshot r takes those with born < r <= died (base/versions.hpp: a change
// at lsn is visible to r exactly if lsn < r), so one graph serves all snapshots. An entry whose row died stays, to be walked
// through and to be found by older snapshots, until purge() takes it out.
//
// The graph walks on codes of its own (8-bit by default), and the best it finds are ranked again with the column's float32
// vectors: what comes out are bit by bit the distances of distance(). Vectors are only read through slots of entries visible to
// the search's snapshot, so the column may reuse slots as soon as its own snapshots allow it. An insert reads its own slot.
//
// The index follows a table; it is no part of a commit. Whoever keeps it in step calls, in the order of the log,
//
//   insert(row, slot, lsn)     INSERT, and UPDATE of the vector (the older entry dies at lsn)
//   markDead(row, lsn)         DELETE, UPDATE to NULL
//   purge(oldest snapshot)     now and then: gives memory and speed back after deletes
//
// and searches rows that the index has not reached yet exactly, merging with TopK.
//
// A zero vector under cosine has no direction: it has an entry but no place in the graph, its distance is NaN, and it comes last.
//
// Thread safety: insert, markDead, search, cursors, write, purge and the counters may all run at once. The calls about one row
// must come in their order, one after the other. build() and read() start parallel loops: hold no lock around them.
// Nothing here throws or blocks on I/O (write and read call the caller's functions).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "base/types.hpp"
#include "vector/arena.hpp"
#include "vector/distance.hpp"
#include "vector/exact_search.hpp"

namespace trefoil::vector {

// What the walk reads in place of the vectors. Results are ranked in float32 whatever is chosen.
enum class HnswCodes : std::uint8_t {
  kAuto,     // kInt8 from 32 dimensions on, kFloat32 below: few dimensions need fine codes, and save little
  kInt8,     // one byte a dimension
  kFloat16,  // two: for data whose neighbours are closer to each other than a hundredth of their length
  kFloat32,  // four
};

struct HnswOptions {
  Metric metric = Metric::kCosine;
  std::size_t m = 16;                // links a node asks for on each level; twice as many find room on the lowest
  std::size_t ef_construction = 64;  // candidates looked at for them
  HnswCodes codes = HnswCodes::kAuto;
};

inline constexpr std::size_t kMinHnswM = 2;
inline constexpr std::size_t kMaxHnswM = 100;
inline constexpr std::size_t kMinEfConstruction = 4;
inline constexpr std::size_t kMaxEfConstruction = 1000;
inline constexpr std::size_t kDefaultEfSearch = 64;
inline constexpr std::size_t kMaxEfSearch = 1000;

// pgvector's bounds and texts: `value 1 out of bounds for option "m"` with its DETAIL, "ef_construction must be greater than or
// equal to 2 * m".
Status checkHnswOptions(const HnswOptions& options);
// `0 is outside the valid range for parameter "hnsw.ef_search" (1 .. 1000)`.
Status checkEfSearch(std::int64_t ef_search);

// Sees every entry that has not died.
inline constexpr Lsn kLatest = ~Lsn{0};

struct HnswEntry {
  std::uint64_t row = 0;
  Slot slot = kNoSlot;
  Lsn born = 0;
};

// Rows first_row + i for the bits i of `words` (bit i % 64 of word i / 64). Borrowed.
struct RowBitmap {
  std::uint64_t first_row = 0;
  std::span<const std::uint64_t> words;
};

// Which rows may be in the answer: exactly one of `matches` and `bitmap`.
struct RowFilter {
  // Called by the searching thread, any number of times, for rows of entries visible to the snapshot.
  std::function<bool(std::uint64_t row)> matches;
  // May name rows that the index does not have.
  std::optional<RowBitmap> bitmap;
  // How many rows match, known or estimated. Absent: counted (bitmap), or estimated from a sample of entries (callable).
  std::optional<std::size_t> match_count;
};

struct HnswRequest {
  std::span<const float> query;
  std::size_t k = 10;
  std::size_t ef_search = kDefaultEfSearch;  // at least k are looked at, whatever this says
  Lsn snapshot = kLatest;                    // held open by the caller; with kLatest whatever keeps its slots from being reused
  const RowFilter* filter = nullptr;         // borrowed; null: all rows
  // Asked now and then; a true answer ends the search with kCancelled. May be empty.
  std::function<bool()> cancelled;
};

// How a search went about it.
enum class HnswStrategy : std::uint8_t {
  kGraph,           // the graph, all rows may match
  kFilteredGraph,   // the graph, explored through rows that do not match until enough do
  kExact,           // every matching row
  kGraphThenExact,  // began in the graph and did not find enough at a fair price: every matching row
};
std::string_view name(HnswStrategy strategy);  // "graph", "filtered graph", "exact", "graph, then exact"

// For EXPLAIN ANALYZE.
struct HnswReport {
  HnswStrategy strategy = HnswStrategy::kGraph;
  std::string_view reason;           // why, a few words; static text
  std::size_t entries = 0;           // in the index when the search began
  std::size_t expected_matches = 0;  // what the choice was based on
  std::size_t expanded = 0;          // nodes whose links were followed
  std::size_t compared = 0;          // distances computed on codes
  std::size_t ranked = 0;            // distances computed in float32
  std::size_t tested = 0;            // rows the filter was asked about
};

struct HnswAnswer {
  std::vector<Neighbour> nearest;  // nearest first, in the order of exact search (distance, NaN last, row)
  HnswReport report;
};

struct HnswMemory {
  std::size_t codes = 0;
  std::size_t links = 0;
  std::size_t entries = 0;  // row ids, slots, LSNs, the way from a row to its entry
  std::size_t scratch = 0;  // what searches leave for the next one
  [[nodiscard]] std::size_t total() const { return codes + links + entries + scratch; }
};

struct PurgeProgress {
  std::size_t removed = 0;    // entries taken out by this call
  std::size_t remaining = 0;  // dead entries still there, whoever may see them
  bool finished = true;       // nothing more can be done for this oldest snapshot now
};

class HnswGraph;

class HnswIndex {
 public:
  // The caller has checked the options. The arena is the column's; its dimension is that of the index.
  HnswIndex(std::shared_ptr<const VectorArena> arena, const HnswOptions& options);
  HnswIndex(const HnswIndex&) = delete;
  HnswIndex& operator=(const HnswIndex&) = delete;
  // No search or cursor may be under way.
  ~HnswIndex();

  [[nodiscard]] const HnswOptions& options() const;  // `codes` as chosen
  [[nodiscard]] const VectorArena& arena() const;

  // ---- following the table ----

  // From `born` on the row's vector is the one in `slot`. A live entry of the row dies at `born`; one with the same slot is left
  // as it is, and false is returned: a change may be told twice.
  bool insert(std::uint64_t row, Slot slot, Lsn born);
  // The same for many rows at once, on all threads of the caller's arena. May run beside inserts and searches. A row occurs once.
  void build(std::span<const HnswEntry> entries);
  // The row's vector was deleted by the change at `died`. False if the row has no live entry.
  bool markDead(std::uint64_t row, Lsn died);
  // Takes dead entries that no snapshot needs out of the graph and closes the gaps they leave; their places are used again.
  // `oldest_snapshot` as Versions::oldestSnapshot() says, kNoSnapshot if none is open. Looks at about `budget` nodes and returns;
  // call it again, now or later, until `finished` (it also waits, by returning, for searches and cursors that began before). A
  // pass over the graph starts when enough entries are dead to be worth it (`eager`: one). Does nothing while another thread is
  // at it.
  PurgeProgress purge(Lsn oldest_snapshot, std::size_t budget = 1024, bool eager = false);

  // ---- searching ----

  // The min(k, matching visible entries) nearest, as nearly as ef_search finds them; always that many, whatever the filter.
  // Errors: a query that PreparedQuery refuses (dimension, NaN, infinity, zero under cosine), kCancelled. k may be anything: from
  // the number of entries on, the answer is exact.
  [[nodiscard]] Result<HnswAnswer> search(const HnswRequest& request) const;

  // The rows from the nearest on, for callers that cannot say how many they will need (a join, a condition they test themselves).
  class Cursor {
   public:
    Cursor(Cursor&&) noexcept;
    Cursor& operator=(Cursor&&) noexcept;
    ~Cursor();
    // The next rows, nearest first within the batch; every visible (and matching) entry comes exactly once, and the later batches
    // are further away as nearly as ef_search finds them. Batches grow. Empty: there are no more.
    Result<std::vector<Neighbour>> next();
    [[nodiscard]] const HnswReport& report() const;

   private:
    friend class HnswIndex;
    class State;
    explicit Cursor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  // The request's k is the size of the first batch. Query and filter are borrowed until the cursor is closed; so is the index,
  // and while a cursor is open purge() cannot give places back. One thread at a time.
  [[nodiscard]] Result<Cursor> open(const HnswRequest& request) const;

  // ---- state ----

  [[nodiscard]] std::size_t liveEntries() const;
  [[nodiscard]] std::size_t deadEntries() const;
  // The slot of the row's live entry, kNoSlot if it has none.
  [[nodiscard]] Slot slotOf(std::uint64_t row) const;
  [[nodiscard]] HnswMemory memory() const;
  // Checks the invariants (hnsw_graph.hpp); for tests, with nothing else running. Asserts on failure.
  void verify() const;

  // ---- persistence (hnsw_codec.cpp has the format) ----

  // Takes one piece of at most kMaxChunkBytes; an error ends the writing.
  using ChunkSink = std::function<Status(std::string_view chunk)>;
  // The pieces that the sink got, in their order; an empty one at the end.
  using ChunkSource = std::function<Result<std::string_view>()>;
  static constexpr std::size_t kMaxChunkBytes = std::size_t{256} << 10;

  // Writes the graph as snapshot `snapshot` sees it: later entries are left out, later deaths undone, links led past what is left
  // out. The index must have been told of all changes below `snapshot`. Vectors and slots are not written.
  Status write(Lsn snapshot, const ChunkSink& sink) const;
  // Makes the index again without a search. `slot_of` says where a row's vector now lies; it is called from several threads. All
  // entries are born at 0: every snapshot from now on sees them. Malformed bytes, and rows that slot_of does not know (kNoSlot),
  // are kCorruption.
  static Result<std::unique_ptr<HnswIndex>> read(std::shared_ptr<const VectorArena> arena, const ChunkSource& source,
                                                 const std::function<Slot(std::uint64_t row)>& slot_of);

 private:
  std::unique_ptr<HnswGraph> graph_;
};

}  // namespace trefoil::vector
