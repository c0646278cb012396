// The nodes of an HNSW graph: their entries, states and links, and the way from a row to its node. Storage only; what the links
// mean is hnsw_graph.hpp's business.
//
//   node id      0, 1, 2 … up to the high-water mark; ids of removed entries are given out again
//   entries      | row, born, died, slot, older |           one a node
//   states       | free / alive / dead / leaving + lock bit + companion bit |
//   levels       | level, whether it is placed, its code's error class | the level is drawn from the id once and kept: the id's
//                                                           next entry has it too
//   codes        | code of node 0 | code of node 1 | …      64-byte aligned (codes.hpp)
//   lengths      | float |                                  where the metric needs them
//   lowest links | words of a list of 2m node ids |         hnsw_links.hpp; a node's list begins at a fixed place
//   upper links  | words of a list of m … |                 as many records as the node has levels above 0, one behind the other,
//                                                           from first_upper on
//   next         | id |                                     a chain of nodes that share a place (hnsw_graph.hpp)
//   rows, codes  hash tables of ids                         from a row to its newest entry, from a code to its place
//
// A list is changed under its node's lock (a bit in the state) and read without: words are stored with release and loaded with
// acquire order, so whoever finds an id finds its node complete. A reader may see a list that is half old and half new, which is
// a list of neighbours too (some of them twice, it may be).
//
//   free --take()--> alive --died--> dead --purge, no snapshot sees it--> leaving --unlinked, no reader left--> free
//
// Thread safety: as said; rows and codes are guarded by shard, giving ids out by a mutex.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "base/memory_account.hpp"
#include "base/types.hpp"
#include "vector/arena.hpp"
#include "vector/codes.hpp"
#include "vector/hnsw_links.hpp"
#include "vector/node_table.hpp"
#include "vector/segmented_array.hpp"

namespace trefoil::vector {

inline constexpr Lsn kNotDied = ~Lsn{0};
inline constexpr std::size_t kMaxLevel = 15;  // all ones: the level is masked with it

enum class NodeState : std::uint8_t { kFree, kAlive, kDead, kLeaving };

class HnswNodes {
 public:
  struct Entry {
    std::uint64_t row;
    Lsn born;
    Lsn died;  // read and written by atomic_ref: it changes while others look
    Slot slot;
    NodeId older;  // the row's entry before this one, kNoNode if none; likewise, written with the row's shard locked
  };
  static_assert(sizeof(Entry) == 32);

  HnswNodes(std::size_t m, const VectorCodes& codes);

  // ---- ids ----

  // An id with its level, links empty, state free: complete it and publish() it.
  NodeId take();
  // The same with a level as it was stored. Only while nobody else uses the nodes.
  NodeId takeWithLevel(std::size_t level);
  void publish(NodeId node) { storeState(node, NodeState::kAlive); }
  // Its id may be given out again. No reader may be left.
  void release(NodeId node);
  // Ids ever given out are below.
  [[nodiscard]] NodeId highWater() const { return high_water_.load(std::memory_order_acquire); }

  // ---- a node ----

  [[nodiscard]] Entry& entry(NodeId node) const { return entries_[node]; }
  [[nodiscard]] Lsn died(NodeId node) const { return std::atomic_ref(entries_[node].died).load(std::memory_order_acquire); }
  [[nodiscard]] NodeId older(NodeId node) const { return std::atomic_ref(entries_[node].older).load(std::memory_order_acquire); }
  void setOlder(NodeId node, NodeId older) const {
    std::atomic_ref(entries_[node].older).store(older, std::memory_order_release);
  }
  [[nodiscard]] NodeState state(NodeId node) const { return stateOf(states_[node]); }
  void storeState(NodeId node, NodeState state);
  // Neither free nor being removed: an entry that some snapshot may see.
  [[nodiscard]] bool isEntry(NodeId node) const { return isEntry(state(node)); }
  static bool isEntry(NodeState state) { return state == NodeState::kAlive || state == NodeState::kDead; }
  // Ids from a multiple of kBlock on lie side by side. Bit i of the result: first + i, of the `count` ids in the block of
  // `first`, is an entry that the snapshot sees.
  static constexpr std::size_t kBlock = SegmentedArray<Entry>::kBlock;
  [[nodiscard]] std::uint64_t visible(NodeId first, std::size_t count, Lsn snapshot) const;
  // What bounds by codes need, of the ids first + i for the bits i, all of one block; how many. The arrays have room for them.
  struct CodeList {
    NodeId* nodes;
    const std::byte** codes;
    float* lengths;
    std::uint8_t* error_classes;
  };
  std::size_t gatherCodes(NodeId first, std::uint64_t members, CodeList list) const;
  [[nodiscard]] std::size_t level(NodeId node) const { return levels_[node] & kMaxLevel; }
  // Whether the node belongs into the graph: its vector has a direction, or needs none. Set before publish().
  [[nodiscard]] bool isPlaced(NodeId node) const { return (levels_[node] & kPlacedBit) != 0; }
  void setPlaced(NodeId node, bool placed) const {
    levels_[node] = static_cast<std::uint8_t>((levels_[node] & ~kPlacedBit) | (placed ? kPlacedBit : 0));
  }
  [[nodiscard]] std::byte* code(NodeId node) const { return codes_.at(node); }
  [[nodiscard]] float length(NodeId node) const { return has_lengths_ ? lengths_[node] : 1; }
  // What encoding into code(node) gave. Set before publish().
  void setEncoded(NodeId node, VectorCodes::Encoded encoded) const {
    levels_[node] =
        static_cast<std::uint8_t>((levels_[node] & ~(kErrorMask << kErrorShift)) | encoded.error_class << kErrorShift);
    if (has_lengths_) {
      lengths_[node] = encoded.length;
    }
  }

  // ---- links ----

  // Links that a list of this level has at the most.
  [[nodiscard]] std::size_t capacity(std::size_t level) const { return level == 0 ? 2 * m_ : m_; }
  // Links that a reader may see in one while it is changed.
  [[nodiscard]] std::size_t mostRead(std::size_t level) const { return kMostLinksPerWord * linkWords(capacity(level)); }
  // How many of `links`, from the first on, a list has room for.
  [[nodiscard]] std::size_t room(std::size_t level, std::span<const NodeId> links) const;
  template <typename Visit>
  void forEachLink(NodeId node, std::size_t level, const Visit& visit) const {
    LinkWord* const words = list(node, level);
    const std::size_t count = linkWords(capacity(level));
    for (std::size_t i = 0; i < count; ++i) {
      const LinkWord word = std::atomic_ref(words[i]).load(std::memory_order_acquire);
      if (word == kNoLinks) {
        return;
      }
      vector::forEachLink(word, visit);
    }
  }
  // Copies the list to `out` (room for mostRead(level)); its length.
  std::size_t readLinks(NodeId node, std::size_t level, NodeId* out) const {
    NodeId* end = out;
    forEachLink(node, level, [&](NodeId link) { *end++ = link; });
    return static_cast<std::size_t>(end - out);
  }
  [[nodiscard]] bool hasLinks(NodeId node) const {
    return std::atomic_ref(*list(node, 0)).load(std::memory_order_acquire) != kNoLinks;
  }
  void prefetchLinks(NodeId node, std::size_t level) const {
    const LinkWord* const words = list(node, level);
    __builtin_prefetch(words);
    __builtin_prefetch(words + 8);
  }
  // Under the node's lock; writes those that there is room for.
  void writeLinks(NodeId node, std::size_t level, std::span<const NodeId> links) const;

  class Lock {
   public:
    Lock(const HnswNodes& nodes, NodeId node);
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() { std::atomic_ref(state_).fetch_and(static_cast<std::uint8_t>(~kLockBit), std::memory_order_release); }

   private:
    std::uint8_t& state_;
  };

  // ---- rows ----

  // Calls body(head), `head` being the id of the row's newest entry (kNoNode if it has none), with the row's shard locked. What
  // body assigns to it is stored.
  template <typename Body>
  void withRow(std::uint64_t row, const Body& body) {
    rows_.with(
        hash(row), [&](NodeId other) { return entries_[other].row == row; },
        [&](NodeId other) { return hash(entries_[other].row); }, body);
  }
  // The id of the row's newest entry.
  [[nodiscard]] NodeId newest(std::uint64_t row) const;

  // ---- nodes that share a place ----

  // Calls body(place), `place` being the id that is known for the node's code (kNoNode if none is), with the code's shard locked.
  // What body assigns to it is stored. Chains are changed within.
  template <typename Body>
  void withPlace(NodeId node, const Body& body) {
    places_.with(
        codeHash(node), [&](NodeId other) { return isSameCode(node, other); }, [&](NodeId other) { return codeHash(other); },
        body);
  }
  [[nodiscard]] bool isSameCode(NodeId left, NodeId right) const;
  [[nodiscard]] bool isCompanion(NodeId node) const {
    return (std::atomic_ref(states_[node]).load(std::memory_order_acquire) & kCompanionBit) != 0;
  }
  void setCompanion(NodeId node, bool companion) const;
  [[nodiscard]] NodeId next(NodeId node) const { return std::atomic_ref(next_[node]).load(std::memory_order_acquire); }
  void setNext(NodeId node, NodeId next) const { std::atomic_ref(next_[node]).store(next, std::memory_order_release); }

  [[nodiscard]] std::size_t codesBytes() const;
  [[nodiscard]] std::size_t linksBytes() const;
  [[nodiscard]] std::size_t entriesBytes() const;
  [[nodiscard]] std::size_t freeIds() const;

 private:
  static NodeState stateOf(std::uint8_t& state) {
    return static_cast<NodeState>(std::atomic_ref(state).load(std::memory_order_acquire) & ~(kLockBit | kCompanionBit));
  }
  [[nodiscard]] LinkWord* list(NodeId node, std::size_t level) const {
    return level == 0 ? lowest_.at(node) : upper_.at(first_upper_[node] + static_cast<std::uint32_t>(level) - 1);
  }

  static constexpr std::uint8_t kLockBit = 0x80;
  static constexpr std::uint8_t kCompanionBit = 0x40;
  static constexpr std::uint8_t kPlacedBit = 0x80;
  static constexpr int kErrorShift = 4;
  static constexpr std::uint8_t kErrorMask = VectorCodes::kErrorClasses - 1;

  NodeId takeLocked(std::size_t level);
  [[nodiscard]] std::size_t drawLevel(NodeId node) const;
  static std::uint64_t hash(std::uint64_t row) {
    row *= 0x9E3779B97F4A7C15ULL;
    return row ^ row >> 32;
  }
  [[nodiscard]] std::uint64_t codeHash(NodeId node) const;

  const std::size_t m_;
  const VectorCodes& vector_codes_;
  const bool has_lengths_;
  SegmentedArray<Entry> entries_;
  SegmentedArray<std::uint8_t> states_;
  SegmentedArray<std::uint8_t> levels_;
  SegmentedArray<std::uint32_t> first_upper_;
  SegmentedArray<NodeId> next_;
  SegmentedArray<std::byte> codes_;
  SegmentedArray<float> lengths_;
  SegmentedArray<LinkWord> lowest_;
  SegmentedArray<LinkWord> upper_;

  NodeTable rows_;
  NodeTable places_;

  mutable std::mutex mutex_;  // guards the rest
  MemoryCharge memory_{MemoryLeaf::kVectors};
  std::atomic<NodeId> high_water_{0};
  std::uint32_t upper_used_ = 0;
  std::vector<NodeId> free_;
};

}  // namespace trefoil::vector
