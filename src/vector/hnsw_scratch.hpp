// What one walk over the graph needs, kept from one to the next; and grace periods, which tell when nobody can still hold the id
// of a node that was unlinked.
//
//   visited     one bit a node: all of them fit the first or second cache, and only the words that were touched are cleared
//   pool        the nearest nodes so far, sorted by distance, an array: Algorithm 2's C and W in one. (The candidates that are
//               further than the worst of W are never looked at again, and the others are in W.)
//   query       the query as the kernels take it
//
// Grace periods, in the manner of epoch-based reclamation (K. Fraser, Practical lock-freedom, 2004, section 5.2.3): a scratch
// that is in use shows the epoch that it began in. After unlinking nodes, whoever wants to use their places again advances the
// epoch, and waits (by asking now and then) until no scratch in use shows an older one.
//
// Thread safety: ScratchPool all functions; a Scratch belongs to who acquired it.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "vector/codes.hpp"
#include "vector/hnsw_nodes.hpp"

namespace trefoil::vector {

// Set of node ids below a limit.
class VisitedSet {
 public:
  // Empties it and makes room for ids below `limit`.
  void reset(std::size_t limit) {
    for (const NodeId node : touched_) {
      words_[node / 64] = 0;
    }
    touched_.clear();
    if (words_.size() * 64 < limit) {
      words_.resize(limit / 64 + limit / 512 + 16);
    }
  }
  // Ids from here on do not fit: nodes that are younger than the walk.
  [[nodiscard]] std::size_t limit() const { return words_.size() * 64; }
  [[nodiscard]] bool contains(NodeId node) const { return (words_[node / 64] >> node % 64 & 1) != 0; }
  // True if it was not there.
  bool insert(NodeId node) {
    std::uint64_t& word = words_[node / 64];
    const std::uint64_t bit = std::uint64_t{1} << node % 64;
    if ((word & bit) != 0) {
      return false;
    }
    word |= bit;
    touched_.push_back(node);
    return true;
  }
  [[nodiscard]] const std::vector<NodeId>& members() const { return touched_; }
  [[nodiscard]] std::size_t memoryBytes() const { return words_.capacity() * 8 + touched_.capacity() * sizeof(NodeId); }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<NodeId> touched_;
};

// A distance and a node in one number that sorts by distance: the float's bits made monotonic, then the id, and a flag in the
// lowest bit.
class Candidate {
 public:
  Candidate() = default;
  Candidate(float distance, NodeId node) {
    const auto bits = std::bit_cast<std::uint32_t>(distance);
    const std::uint32_t ordered = bits ^ ((bits >> 31) != 0 ? 0xFFFF'FFFFU : 0x8000'0000U);
    key_ = std::uint64_t{ordered} << 32 | std::uint64_t{node} << 1;
  }
  [[nodiscard]] NodeId node() const { return static_cast<std::uint32_t>(key_) >> 1; }
  [[nodiscard]] float distance() const {
    const auto ordered = static_cast<std::uint32_t>(key_ >> 32);
    return std::bit_cast<float>(ordered ^ ((ordered >> 31) != 0 ? 0x8000'0000U : 0xFFFF'FFFFU));
  }
  [[nodiscard]] bool isNearerThan(Candidate other) const { return key_ >> 32 < other.key_ >> 32; }
  [[nodiscard]] bool isAsNearAs(Candidate other) const { return key_ >> 32 == other.key_ >> 32; }
  [[nodiscard]] bool flagged() const { return (key_ & 1) != 0; }
  void flag() { key_ |= 1; }
  friend bool operator<(Candidate left, Candidate right) { return left.key_ < right.key_; }
  friend bool operator>(Candidate left, Candidate right) { return left.key_ > right.key_; }

 private:
  std::uint64_t key_ = 0;
};

// The nearest candidates, at most `capacity` and of one distance at most `most_ties`, nearest first. Flagged: expanded.
class Pool {
 public:
  void reset(std::size_t capacity, std::size_t most_ties) {
    if (entries_.size() < capacity + 1) {
      entries_.resize(capacity + 1);
    }
    capacity_ = capacity;
    most_ties_ = most_ties;
    size_ = 0;
    next_ = 0;
  }
  [[nodiscard]] bool full() const { return size_ == capacity_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Candidate& operator[](std::size_t i) const { return entries_[i]; }
  [[nodiscard]] std::span<const Candidate> all() const { return {entries_.data(), size_}; }
  // The distance to beat.
  [[nodiscard]] float worst() const { return full() ? entries_[size_ - 1].distance() : std::numeric_limits<float>::infinity(); }

  void insert(Candidate candidate) {
    if (full() && !candidate.isNearerThan(entries_[size_ - 1])) {
      return;
    }
    Candidate* const begin = entries_.data();
    std::size_t low = 0;
    for (std::size_t count = size_; count > 0;) {
      const std::size_t half = count / 2;
      const bool right = begin[low + half].isNearerThan(candidate);
      low += right ? half + 1 : 0;
      count = right ? count - half - 1 : half;
    }
    // Now at the first of those at its distance, if there are any.
    if (low + most_ties_ <= size_ && begin[low + most_ties_ - 1].isAsNearAs(candidate)) {
      return;
    }
    std::memmove(static_cast<void*>(begin + low + 1), begin + low, (size_ - low) * sizeof(Candidate));
    begin[low] = candidate;
    size_ += full() ? 0 : 1;
    next_ = std::min(next_, low);
  }

  // The nearest that is not expanded yet, now marked so; kNoNode if there is none.
  NodeId takeNext() {
    while (next_ < size_ && entries_[next_].flagged()) {
      ++next_;
    }
    if (next_ == size_) {
      return kNoNode;
    }
    entries_[next_].flag();
    return entries_[next_++].node();
  }
  // A guess at what takeNext() will say next.
  [[nodiscard]] NodeId peekNext() const {
    std::size_t i = next_;
    while (i < size_ && entries_[i].flagged()) {
      ++i;
    }
    return i < size_ ? entries_[i].node() : kNoNode;
  }

 private:
  std::vector<Candidate> entries_;  // one more than the capacity: insert shifts before it drops
  std::size_t capacity_ = 0;
  std::size_t most_ties_ = 1;
  std::size_t size_ = 0;
  std::size_t next_ = 0;  // all before are expanded
};

struct HnswCounts {
  std::size_t expanded = 0;
  std::size_t compared = 0;
};

struct Scratch {
  explicit Scratch(const VectorCodes& codes);

  VisitedSet visited;
  Pool pool;
  VectorCodes::Query query;
  VectorCodes::Query other;  // a node as the query, while neighbours are chosen
  HnswCounts counts;

  // Nodes to be compared with a query: at most kMostNodes, and what the kernels need beyond.
  static constexpr std::size_t kMostNodes = 1024;
  std::vector<NodeId> nodes;
  std::vector<const std::byte*> codes;
  std::vector<float> lengths;
  std::vector<std::uint8_t> error_classes;
  std::vector<float> distances;
  std::vector<Candidate> candidates;  // neighbours to choose from, nearest first
  // Neighbours chosen, and what the kernels take of them.
  std::vector<NodeId> chosen;
  std::vector<const std::byte*> chosen_codes;
  std::vector<float> chosen_lengths;

  std::atomic<std::uint64_t> epoch{0};  // 0: not in use

  [[nodiscard]] std::size_t memoryBytes() const;
};

class ScratchPool {
 public:
  explicit ScratchPool(const VectorCodes& codes) : codes_(codes) {}

  struct GiveBack {
    ScratchPool* pool;
    void operator()(Scratch* scratch) const { pool->giveBack(scratch); }
  };
  using Borrowed = std::unique_ptr<Scratch, GiveBack>;

  // Every look at the graph lies between acquire() and the end of what it returns.
  [[nodiscard]] Borrowed acquire();

  // Begins a grace period: passed(advance()) is true once every walk that was under way has ended.
  [[nodiscard]] std::uint64_t advance() { return epoch_.fetch_add(1, std::memory_order_seq_cst) + 1; }
  [[nodiscard]] bool passed(std::uint64_t epoch) const;

  [[nodiscard]] std::size_t memoryBytes() const;

 private:
  void giveBack(Scratch* scratch);

  const VectorCodes& codes_;
  std::atomic<std::uint64_t> epoch_{1};
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> all_;
  std::vector<Scratch*> idle_;
};

}  // namespace trefoil::vector
