// HnswGraph: the graph behind HnswIndex. The algorithms are in six files, by idea:
//
//   hnsw_walk.cpp     descending and walking a level        hnsw_insert.cpp   adding nodes, choosing neighbours
//   hnsw_search.cpp   answering requests                    hnsw_purge.cpp    removing nodes, closing gaps
//   hnsw_codec.cpp    to bytes and back             hnsw_companions.cpp   nodes that share a place
//
//   level 2        a ---------------- d              a node of level l is on the levels 0 … l;
//   level 1        a ------ c ------- d -- f         a search descends from the entry point greedily to level 1,
//   level 0        a - b -- c -- e -- d -- f - g     and walks level 0 with a pool of ef candidates
//
// Invariants (checked by verify()):
//  1. A link leads to another node whose level is at least that of the list, and occurs once in it. A link to a leaving node is
//     being taken out by purge(); none leads to a free one.
//  2. The entry point has a level as high as any node that has links, or there is none and nothing has links.
//  3. A row's entries are a chain from its newest on, by falling birth; only the first may be alive. All entries that are alive
//     or dead are in their row's chain.
//  4. A zero vector under cosine has an entry, and neither has links nor is linked to.
//  5. Nor has a companion, or is; it is in the chain of one node that is none, and their codes are the same.
//
// Locks: a node's lock is taken last and alone. purge() is one thread at a time.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "vector/codes.hpp"
#include "vector/hnsw.hpp"
#include "vector/hnsw_nodes.hpp"
#include "vector/hnsw_scratch.hpp"

namespace trefoil::vector {

// Under inner product, vectors to come are expected to be at most so many times as long as those that are known.
inline constexpr float kLongestToCome = 2;

class HnswGraph {
 public:
  HnswGraph(std::shared_ptr<const VectorArena> arena, const HnswOptions& options);

  [[nodiscard]] const HnswOptions& options() const { return options_; }
  [[nodiscard]] const VectorArena& arena() const { return *arena_; }

  bool insert(std::uint64_t row, Slot slot, Lsn born);
  void build(std::span<const HnswEntry> entries);
  bool markDead(std::uint64_t row, Lsn died);
  PurgeProgress purge(Lsn oldest_snapshot, std::size_t budget, bool eager);
  [[nodiscard]] Result<HnswAnswer> search(const HnswRequest& request) const;
  Status write(Lsn snapshot, const HnswIndex::ChunkSink& sink) const;
  // Into an empty graph that has the options of `head`.
  Status read(std::string_view head, const HnswIndex::ChunkSource& source, const std::function<Slot(std::uint64_t row)>& slot_of);
  static Result<HnswOptions> readOptions(std::string_view head, std::size_t dimension);

  [[nodiscard]] std::size_t liveEntries() const { return live_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t deadEntries() const { return dead_.load(std::memory_order_relaxed); }
  [[nodiscard]] Slot slotOf(std::uint64_t row) const;
  [[nodiscard]] HnswMemory memory() const;
  void verify() const;

 private:
  friend class GraphSearch;        // hnsw_search.cpp
  friend class HnswIndex::Cursor;  // hnsw_cursor.cpp

  struct EntryPoint {
    NodeId node;
    std::size_t level;
  };
  [[nodiscard]] EntryPoint entryPoint() const {
    const std::uint64_t packed = entry_point_.load(std::memory_order_acquire);
    return {static_cast<NodeId>(packed), packed >> 32};
  }
  void setEntryPoint(EntryPoint entry) {
    entry_point_.store(std::uint64_t{entry.level} << 32 | entry.node, std::memory_order_release);
  }

  // hnsw_walk.cpp
  std::size_t collect(Scratch& scratch, NodeId node, std::size_t level) const;
  void compare(Scratch& scratch, const VectorCodes::Query& query, std::size_t count) const;
  void bound(Scratch& scratch, const VectorCodes::Query& query, std::size_t count) const;
  [[nodiscard]] float distance(Scratch& scratch, const VectorCodes::Query& query, NodeId node) const;
  [[nodiscard]] NodeId descend(Scratch& scratch, const VectorCodes::Query& query, EntryPoint from, std::size_t to_level) const;
  void walk(Scratch& scratch, const VectorCodes::Query& query, NodeId from, std::size_t level, std::size_t ef,
            std::size_t most_ties) const;

  // hnsw_insert.cpp
  void chooseFrame(std::span<const HnswEntry> sample);
  void link(Scratch& scratch, NodeId node);
  bool gatherCandidates(Scratch& scratch, NodeId node, bool lifted) const;
  void anchorAdrift(Scratch& scratch);
  void setAdrift(std::span<const NodeId> nodes);
  [[nodiscard]] bool linksBothWays() const { return options_.metric == Metric::kInnerProduct; }
  void choose(Scratch& scratch, std::size_t limit, float slack, bool lifted) const;
  void chooseAmong(Scratch& scratch, NodeId node, std::size_t count, std::size_t limit, float slack) const;
  bool connect(Scratch& scratch, NodeId node, NodeId to, std::size_t level, bool must);
  void rank(Scratch& scratch, NodeId node, std::size_t count, bool lifted) const;
  void died(NodeId node, Lsn lsn);

  // hnsw_companions.cpp
  bool joinPlace(NodeId node);
  void losePlace(NodeId node);
  bool vacate(Scratch& scratch, NodeId leaving);
  void repairChain(NodeId place);
  // visit(companion) for those that share the node's place, until it is false.
  template <typename Visit>
  void forEachCompanion(NodeId place, const Visit& visit) const {
    for (NodeId node = nodes_.next(place); node != kNoNode && nodes_.isCompanion(node) && visit(node);) {
      node = nodes_.next(node);
    }
  }

  // hnsw_purge.cpp
  void collectDead(Lsn oldest_snapshot);
  void beginRemoval();
  void replaceEntryPoint();
  void repair(Scratch& scratch, NodeId node, std::size_t level);
  std::size_t gatherReplacements(Scratch& scratch, NodeId node, std::size_t level, std::span<const NodeId> before) const;

  // hnsw_codec.cpp
  const std::vector<NodeId>& capturedLinks(Scratch& scratch, NodeId node, std::size_t level,
                                           std::span<const NodeId> numbers) const;

  const std::shared_ptr<const VectorArena> arena_;
  const HnswOptions options_;
  VectorCodes codes_;
  HnswNodes nodes_;
  mutable ScratchPool scratches_;

  std::once_flag frame_once_;
  std::atomic<std::uint64_t> entry_point_{kNoNode};
  std::mutex entry_mutex_;  // guards changes of entry_point_
  std::atomic<std::size_t> live_{0};
  std::atomic<std::size_t> dead_{0};  // dead and leaving: while there are any, a walk may meet them
  std::atomic<std::size_t> companions_{0};
  std::atomic<Lsn> newest_born_{0};

  std::mutex dead_mutex_;
  std::deque<NodeId> dead_queue_;  // in the order of their deaths

  std::mutex adrift_mutex_;
  std::vector<NodeId>
      adrift_;  // found hardly any neighbours but leaving ones, or no memory: they look again when the sweep is over

  enum class PurgePhase : std::uint8_t { kIdle, kAnnounced, kVacating, kSweeping, kUnlinked };
  mutable std::mutex purge_mutex_;  // guards the rest
  PurgePhase purge_phase_ = PurgePhase::kIdle;
  std::vector<NodeId> leaving_;  // idle: dead entries nobody sees, waiting to be worth a pass
  std::uint64_t purge_epoch_ = 0;
  std::size_t vacated_ = 0;  // of leaving_
  NodeId sweep_next_ = 0;
  NodeId sweep_end_ = 0;
};

}  // namespace trefoil::vector
