// Adding nodes: Algorithm 1, with the choice of neighbours by Algorithm 4.
#include <algorithm>
#include <new>

#include "base/assert.hpp"
#include "base/memory_reserve.hpp"
#include "base/parallel.hpp"
#include "vector/hnsw_graph.hpp"

namespace trefoil::vector {

namespace {

// Of so many candidates for each place, the others are too far to be chosen.
constexpr std::size_t kMostPerPlace = 6;
// See choose(). Measured on clustered data of 128 dimensions: of 1, 0.95, 0.9 and 0.83 the one with the best curve.
constexpr float kSlack = 0.9F;

// Adds what is not there yet.
void unite(std::vector<NodeId>& nodes, std::span<const NodeId> others) {
  for (const NodeId other : others) {
    if (std::find(nodes.begin(), nodes.end(), other) == nodes.end()) {
      nodes.push_back(other);
    }
  }
}

}  // namespace

// What codes need to know of the data. A first batch, or else the first vector, is as good a sample as any: L2 takes a point amid
// it, its mean, for the origin.
void HnswGraph::chooseFrame(std::span<const HnswEntry> sample) {
  std::call_once(frame_once_, [&] {
    if (options_.metric == Metric::kInnerProduct) {
      float squares = 0;
      for (const HnswEntry& entry : sample) {
        squares = std::max(squares, arena_->squaredNorm(entry.slot));
      }
      codes_.setLongest(kLongestToCome * std::sqrt(squares));
    }
    if (options_.metric != Metric::kL2) {
      return;
    }
    std::vector<double> sums(arena_->dimension());
    const std::size_t step = std::max<std::size_t>(1, sample.size() / 1024);
    std::size_t count = 0;
    for (std::size_t i = 0; i < sample.size(); i += step, ++count) {
      const std::span<const float> values = arena_->at(sample[i].slot);
      for (std::size_t d = 0; d < values.size(); ++d) {
        sums[d] += values[d];
      }
    }
    std::vector<float> mean;
    for (const double sum : sums) {
      mean.push_back(static_cast<float>(sum / static_cast<double>(count)));
    }
    codes_.setOrigin(mean);
  });
}

bool HnswGraph::insert(std::uint64_t row, Slot slot, Lsn born) {
  const HnswEntry entry{row, slot, born};
  chooseFrame({&entry, 1});
  const ScratchPool::Borrowed scratch = scratches_.acquire();
  NodeId node = kNoNode;
  bool needs_links = false;
  nodes_.withRow(row, [&](NodeId& head) {
    if (head != kNoNode && nodes_.died(head) == kNotDied) {
      if (nodes_.entry(head).slot == slot) {
        return;
      }
      died(head, born);
    }
    node = nodes_.take();
    HnswNodes::Entry& fresh = nodes_.entry(node);
    fresh = {row, born, kNotDied, slot, head};
    nodes_.setEncoded(node, codes_.encode(arena_->at(slot), nodes_.code(node), scratch->query));
    for (Lsn newest = newest_born_.load(std::memory_order_relaxed);
         newest < born && !newest_born_.compare_exchange_weak(newest, born);) {
    }
    const bool placed = options_.metric != Metric::kCosine || arena_->squaredNorm(slot) > 0;
    nodes_.setPlaced(node, placed);
    needs_links =
        placed && !joinPlace(node);  // before others see it: they may make a node that is nobody's companion the entry point
    live_.fetch_add(1, std::memory_order_relaxed);
    nodes_.publish(node);
    head = node;
  });
  if (node == kNoNode) {
    return false;
  }
  if (needs_links) {
    try {
      link(*scratch, node);
    } catch (const std::bad_alloc&) {
      memory_reserve::mustNotFail([&] {  // nobody may find it there, or stand behind it, and think that it can be found
        losePlace(node);
        markDead(row, born);
      });
      throw;
    }
  }
  return true;
}

void HnswGraph::died(NodeId node, Lsn lsn) {
  std::atomic_ref(nodes_.entry(node).died).store(lsn, std::memory_order_release);
  dead_.fetch_add(1, std::memory_order_relaxed);
  live_.fetch_sub(1, std::memory_order_relaxed);
  nodes_.storeState(node, NodeState::kDead);
  const std::scoped_lock lock(dead_mutex_);
  dead_queue_.push_back(node);
}

bool HnswGraph::markDead(std::uint64_t row, Lsn lsn) {
  bool found = false;
  nodes_.withRow(row, [&](NodeId& head) {
    if (head != kNoNode && nodes_.died(head) == kNotDied) {
      died(head, lsn);
      found = true;
    }
  });
  return found;
}

void HnswGraph::build(std::span<const HnswEntry> entries) {
  if (entries.empty()) {
    return;
  }
  chooseFrame(entries);
  // A few first: threads that begin with nothing would not find each other's nodes.
  constexpr std::size_t kAlone = 512;
  const std::size_t alone = nodes_.highWater() > kAlone ? 0 : std::min(entries.size(), kAlone);
  for (const HnswEntry& entry : entries.first(alone)) {
    insert(entry.row, entry.slot, entry.born);
  }
  const std::span<const HnswEntry> rest = entries.subspan(alone);
  parallelFor(rest.size(),
              [&](std::size_t index, std::size_t /*worker*/) { insert(rest[index].row, rest[index].slot, rest[index].born); });
}

// Algorithm 1. Ours chooses the neighbours of all levels first and links from the lowest level up: a node that others find on a
// level already has its lists below, so nobody writes into a list before its owner.
//
// Under inner product half of the links are chosen by it (S. Morozov, A. Babenko, Non-metric similarity graphs for maximum inner
// product search, NeurIPS 2018), which lead to the long vectors, and half among the nearest of the lifted vectors (codes.hpp),
// which lead on from there. Either alone fails on some data, both together on none that we have.
void HnswGraph::link(Scratch& scratch, NodeId node) {
  const std::size_t level = nodes_.level(node);
  EntryPoint entry = entryPoint();
  if (entry.node == kNoNode) {
    const std::scoped_lock lock(entry_mutex_);
    entry = entryPoint();
    if (entry.node == kNoNode) {
      setEntryPoint({node, level});
      return;
    }
  }
  if (entry.node == node) {
    return;  // a repair of the only node
  }
  codes_.prepare(nodes_.code(node), nodes_.length(node), scratch.query);
  NodeId nearest = descend(scratch, scratch.query, entry, level);
  std::vector<NodeId> chosen[kMaxLevel + 1];
  const std::size_t top = std::min(level, entry.level);
  bool adrift = false;
  for (std::size_t l = top + 1; l-- > 0;) {
    walk(scratch, scratch.query, nearest, l, options_.ef_construction, options_.ef_construction / 4);
    nearest = scratch.pool[0].node();
    adrift = !gatherCandidates(scratch, node, false) || adrift;
    choose(scratch, linksBothWays() ? (options_.m + 1) / 2 : options_.m, kSlack, false);
    chosen[l] = scratch.chosen;
    if (linksBothWays()) {
      codes_.prepare(nodes_.code(node), nodes_.length(node), scratch.query, true);
      walk(scratch, scratch.query, nearest, l, options_.ef_construction, options_.ef_construction / 4);
      gatherCandidates(scratch, node, true);
      choose(scratch, options_.m - chosen[l].size(), kSlack, true);
      unite(chosen[l], scratch.chosen);
      codes_.prepare(nodes_.code(node), nodes_.length(node), scratch.query);
    }
    const HnswNodes::Lock lock(nodes_, node);
    nodes_.writeLinks(node, l, chosen[l]);
  }
  for (std::size_t l = 0; l <= top; ++l) {
    bool reached = false;
    for (const NodeId neighbour : chosen[l]) {
      reached = connect(scratch, neighbour, node, l, false) || reached;
    }
    if (!reached && !chosen[l].empty()) {
      connect(scratch, chosen[l].front(), node, l, true);
    }
  }
  if (adrift) {
    setAdrift({&node, 1});
  }
  if (level > entry.level && !adrift) {
    const std::scoped_lock lock(entry_mutex_);
    if (level > entryPoint().level) {
      setEntryPoint({node, level});
    }
  }
}

// What the walk found, without leaving nodes. Where it found nothing else, whatever it met on its way will do until the leaving
// ones are gone; false: the node has to look again then, as it may have no links at all, or only to others that have none.
bool HnswGraph::gatherCandidates(Scratch& scratch, NodeId node, bool lifted) const {
  const auto stays = [&](NodeId candidate) {
    return candidate != node && (dead_.load(std::memory_order_acquire) == 0 || nodes_.state(candidate) != NodeState::kLeaving);
  };
  scratch.candidates.clear();
  for (const Candidate& candidate : scratch.pool.all()) {
    if (stays(candidate.node())) {
      scratch.candidates.push_back(candidate);
    }
  }
  if (!scratch.candidates.empty()) {
    return true;
  }
  std::size_t count = 0;
  for (const NodeId met : scratch.visited.members()) {
    if (count < Scratch::kMostNodes && stays(met)) {
      scratch.nodes[count++] = met;
    }
  }
  rank(scratch, node, count, lifted);
  return false;
}

// Algorithm 4 (the paper's heuristic, without its extensions): of the candidates, nearest first, those that are nearer to the
// base than to any chosen before. What is left out is not filled up: it would cost comparisons in every search and adds little.
//
// "Nearer" is by the factor `slack` of the squared distance, as DiskANN's RobustPrune has it (Subramanya et al., NeurIPS 2019;
// its alpha^2 is 1/slack): more long links stay, which gives fewer steps for the same recall, and keeps recall under removals
// (FreshDiskANN, section 4). Inner products are no distances and get none, unless of lifted vectors.
//
// Ours adds a rule for vectors that occur many times: among candidates at the distance of the nearest, those that are as near to
// a quarter of the places already chosen are left out, or the copies would know only each other.
void HnswGraph::choose(Scratch& scratch, std::size_t limit, float slack, bool lifted) const {
  constexpr std::size_t kAtOnce = 8;
  scratch.chosen.clear();
  scratch.chosen_codes.clear();
  scratch.chosen_lengths.clear();
  float distances[16];
  for (const Candidate& candidate : scratch.candidates) {
    if (scratch.chosen.size() == limit) {
      return;
    }
    const std::byte* const code = nodes_.code(candidate.node());
    const float length = nodes_.length(candidate.node());
    const float base_distance = candidate.distance();
    const bool nearest = base_distance == scratch.candidates.front().distance();
    const float bound = lifted                                     ? codes_.liftedPart(base_distance, slack)
                        : options_.metric == Metric::kInnerProduct ? base_distance
                        : options_.metric == Metric::kCosine       ? (base_distance + 1) * slack - 1
                                                                   : base_distance * slack;
    bool taken = true;
    if (!scratch.chosen.empty()) {
      codes_.prepare(code, length, scratch.other, lifted);
      std::size_t ties = 0;
      for (std::size_t i = 0; i < scratch.chosen.size() && taken; i += kAtOnce) {
        const std::size_t count = std::min(kAtOnce, scratch.chosen.size() - i);
        codes_.distances(scratch.other, scratch.chosen_codes.data() + i, scratch.chosen_lengths.data() + i, count, distances);
        for (std::size_t j = 0; j < count; ++j) {
          taken = taken && !(distances[j] < bound);
          ties += distances[j] == base_distance ? 1 : 0;
        }
      }
      scratch.counts.compared += scratch.chosen.size();
      taken = taken && !(nearest && 4 * ties >= limit);
    }
    if (taken) {
      scratch.chosen.push_back(candidate.node());
      scratch.chosen_codes.push_back(code);
      scratch.chosen_lengths.push_back(length);
    }
  }
}

// Links for a list of `node`, of the `count` nodes in scratch.nodes; they are in scratch.chosen then.
void HnswGraph::chooseAmong(Scratch& scratch, NodeId node, std::size_t count, std::size_t limit, float slack) const {
  const auto choose_some = [&](std::size_t some, bool lifted) {
    rank(scratch, node, count, lifted);
    scratch.candidates.resize(std::min(scratch.candidates.size(), kMostPerPlace * limit));
    choose(scratch, some, slack, lifted);
  };
  choose_some(linksBothWays() ? limit / 2 : limit, false);
  if (linksBothWays()) {
    std::vector<NodeId> chosen = scratch.chosen;
    choose_some(limit - chosen.size(), true);
    unite(chosen, scratch.chosen);
    scratch.chosen = std::move(chosen);
  }
}

// Makes candidates, nearest to `node` first, of the `count` nodes in scratch.nodes.
void HnswGraph::rank(Scratch& scratch, NodeId node, std::size_t count, bool lifted) const {
  for (std::size_t i = 0; i < count; ++i) {
    scratch.codes[i] = nodes_.code(scratch.nodes[i]);
  }
  codes_.prepare(nodes_.code(node), nodes_.length(node), scratch.other, lifted);
  compare(scratch, scratch.other, count);
  scratch.candidates.clear();
  for (std::size_t i = 0; i < count; ++i) {
    scratch.candidates.push_back({scratch.distances[i], scratch.nodes[i]});
  }
  std::sort(scratch.candidates.begin(), scratch.candidates.end());
}

// Algorithm 1, lines 10 to 16: the way back, from `node` to `to`; a list that is full is chosen anew. Whether there is a way now.
//
// A node that is far from all others may be chosen by none of its neighbours, and could never be found: the nearest of them is
// then made to link to it (`must`).
bool HnswGraph::connect(Scratch& scratch, NodeId node, NodeId to, std::size_t level, bool must) {
  const HnswNodes::Lock lock(nodes_, node);
  if (nodes_.state(node) == NodeState::kLeaving) {
    return false;
  }
  std::size_t count = nodes_.readLinks(node, level, scratch.nodes.data());
  if (std::find(scratch.nodes.data(), scratch.nodes.data() + count, to) != scratch.nodes.data() + count) {
    return true;
  }
  scratch.nodes[count++] = to;
  if (const std::span<const NodeId> links(scratch.nodes.data(), count); nodes_.room(level, links) == count) {
    nodes_.writeLinks(node, level, links);
    return true;
  }
  chooseAmong(scratch, node, count, nodes_.capacity(level), kSlack);
  std::vector<NodeId>& chosen = scratch.chosen;
  chosen.resize(nodes_.room(level, chosen));
  bool reached = std::find(chosen.begin(), chosen.end(), to) != chosen.end();
  if (must && !reached) {
    chosen.insert(chosen.begin(), to);
    reached = true;
  }
  nodes_.writeLinks(node, level, chosen);
  return reached;
}

}  // namespace trefoil::vector
