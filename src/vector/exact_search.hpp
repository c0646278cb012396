// Exact k-nearest-neighbour search: reads every candidate, in the arena's order.
//
// The candidates come as blocks (a table's column blocks): for each row its slot, and a bitmap of the rows that are visible and
// pass the filter. Where the slots of a block follow each other (rows inserted together), a one-against-many kernel runs over
// them without looking at the slots again; scattered slots are gathered with the next ones prefetched. Each worker keeps its own
// TopK, and they are merged at the end.
//
// Order of results: by distance, then by row id; a NaN distance (zero norm under cosine) sorts after every number, as in
// PostgreSQL. The same query over the same rows gives the same answer whatever the number of workers and the blocks' sizes.
//
//   exactSearch(arena, {.metric = Metric::kCosine, .query = q, .k = 10}, blocks.size(), [&](std::size_t i) { return blocks[i]; })
//
// Thread safety: functions only; the block source is called from several workers at once. Call it with no lock held (it may run
// other tasks of the TBB arena while it waits): hold a snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/status.hpp"
#include "vector/aligned_floats.hpp"
#include "vector/arena.hpp"
#include "vector/distance.hpp"

namespace trefoil::vector {

struct Neighbour {
  std::uint64_t row = 0;
  double distance = 0;  // as distance() would compute it
};
// The order of results: distance, NaN last, then row.
bool nearer(const Neighbour& left, const Neighbour& right);

// Rows first_row, first_row + 1, … and where their vectors are.
struct CandidateBlock {
  std::uint64_t first_row = 0;
  std::span<const Slot> slots;                // one a row; kNoSlot: the row has no vector (NULL) and is not a candidate
  std::span<const std::uint64_t> selected{};  // bit i % 64 of word i / 64: row i is a candidate; empty: all of them
  std::shared_ptr<const void> owner{};        // of what was made for this block alone
};

// The k nearest seen so far. Also the tool for merging (a transaction's staged rows, several workers, an index's results).
class TopK {
 public:
  explicit TopK(std::size_t k) : k_(k) {}
  void offer(const Neighbour& candidate);
  void merge(const TopK& other);
  // True if a candidate at this distance could still enter (equal distances may, by their row).
  [[nodiscard]] bool mayEnter(double candidate_distance) const;
  [[nodiscard]] bool full() const { return heap_.size() >= k_; }
  // The distance to beat: infinity until k candidates are known.
  [[nodiscard]] double worst() const;
  // Nearest first; leaves the object empty.
  std::vector<Neighbour> take();

 private:
  std::size_t k_;
  std::vector<Neighbour> heap_;  // the worst on top
};

struct SearchRequest {
  Metric metric = Metric::kCosine;
  std::span<const float> query;
  std::size_t k = 10;
};

// A query made ready: checked, padded to the arena's stride, its norm known. For callers that drive their own loop over blocks
// (an operator's morsels); exactSearch does it for the others.
class PreparedQuery {
 public:
  // Refuses a wrong dimension ("different vector dimensions 3 and 4"), NaN, infinity, and a zero vector under cosine.
  static Result<PreparedQuery> make(const VectorArena& arena, const SearchRequest& request);

  // Offers every candidate of the block to `best`.
  void scan(const VectorArena& arena, const CandidateBlock& block, TopK& best) const;
  // The same for rows in any order; slots[i] is that of rows[i], and none is kNoSlot.
  void scan(const VectorArena& arena, std::span<const std::uint64_t> rows, std::span<const Slot> slots, TopK& best) const;
  // The distance to one slot's vector.
  [[nodiscard]] double distanceTo(const VectorArena& arena, Slot slot) const;

 private:
  PreparedQuery() = default;
  Metric metric_ = Metric::kCosine;
  AlignedFloats query_;  // padded with zeros to the arena's stride
  float squared_norm_ = 0;
};

struct SearchOptions {
  bool parallel = true;
  // Asked before each block; a true answer ends the search with kCancelled. May be empty.
  std::function<bool()> cancelled;
};

using BlockSource = std::function<CandidateBlock(std::size_t index)>;

// The min(k, candidates) nearest, nearest first.
Result<std::vector<Neighbour>> exactSearch(const VectorArena& arena, const SearchRequest& request, std::size_t block_count,
                                           const BlockSource& block, const SearchOptions& options = {});

// Many queries of one metric and k against the same candidates: a matrix product a block. `queries` holds count * dimension
// floats, one query after the other. Results as exactSearch would give them, one list a query.
struct BatchRequest {
  Metric metric = Metric::kCosine;
  std::span<const float> queries;
  std::size_t k = 10;
};
Result<std::vector<std::vector<Neighbour>>> exactSearchBatch(const VectorArena& arena, const BatchRequest& request,
                                                             std::size_t block_count, const BlockSource& block,
                                                             const SearchOptions& options = {});

}  // namespace trefoil::vector
