// Removing nodes for good, many at a time and a little at each call:
//
//   idle        dead entries that no snapshot sees are gathered; once they are worth a pass over the graph, they leave: out of
//               their row's chain, and no insertion links to them any more
//   announced   until every walk is over that began before; after it nobody adds links to them
//   vacating    the places of leaving nodes that have companions go to one of these, some nodes a call
//   sweeping    every list that leads to a leaving node is repaired, some nodes a call
//   unlinked    until every walk is over that may still have met one; then their ids are free
//
// HNSW's authors leave deletion open. A node's list is repaired as FreshDiskANN does it (Singh et al., 2021, arXiv 2105.09613,
// Algorithm 4): the links of a neighbour that leaves are candidates in its place, and the heuristic of insertion chooses among
// them. Links lead one way, so only a sweep finds all that lead to a node; the batch makes it pay. Ours also gives new neighbours
// a link back where they have room: nodes that were mostly reached through the leaving one stay reachable. Nodes that were
// inserted amid leaving ones are linked once more at the end of the sweep.
#include <algorithm>
#include <new>

#include "base/assert.hpp"
#include "base/memory_reserve.hpp"
#include "vector/hnsw_graph.hpp"

namespace trefoil::vector {

namespace {

// A pass reads every list once. It pays when one node in so many leaves.
constexpr std::size_t kEntriesPerRemoval = 16;
constexpr std::size_t kFewestRemovals = 32;
constexpr std::size_t kHeirPrice = 64;  // linking one costs as much as a look at so many nodes
constexpr float kRepairSlack = 0.83F;   // HnswGraph::choose; FreshDiskANN's alpha of 1.1, squared

bool contains(const std::vector<NodeId>& nodes, std::size_t count, NodeId node) {
  const auto end = nodes.begin() + static_cast<std::ptrdiff_t>(count);
  return std::find(nodes.begin(), end, node) != end;
}

}  // namespace

PurgeProgress HnswGraph::purge(Lsn oldest_snapshot, std::size_t budget, bool eager) {
  const std::unique_lock lock(purge_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) {
    return {0, deadEntries(), true};
  }
  PurgeProgress progress;
  progress.finished = false;
  if (purge_phase_ == PurgePhase::kIdle) {
    collectDead(oldest_snapshot);
    const std::size_t worth = std::max(kFewestRemovals, liveEntries() / kEntriesPerRemoval);
    if (leaving_.empty() || (!eager && leaving_.size() < worth)) {
      return {0, deadEntries(), true};
    }
    beginRemoval();
    purge_phase_ = PurgePhase::kAnnounced;
  }
  if (purge_phase_ == PurgePhase::kAnnounced && scratches_.passed(purge_epoch_)) {
    vacated_ = 0;
    purge_phase_ = PurgePhase::kVacating;
  }
  if (purge_phase_ == PurgePhase::kVacating) {
    const ScratchPool::Borrowed scratch = scratches_.acquire();
    for (std::size_t spent = 0; vacated_ < leaving_.size() && spent < budget; ++vacated_) {
      spent += vacate(*scratch, leaving_[vacated_]) ? kHeirPrice : 1;
    }
    if (vacated_ == leaving_.size()) {
      sweep_next_ = 0;
      sweep_end_ = nodes_.highWater();
      purge_phase_ = PurgePhase::kSweeping;
    }
  }
  if (purge_phase_ == PurgePhase::kSweeping) {
    const ScratchPool::Borrowed scratch = scratches_.acquire();
    const NodeId end = sweep_end_ - sweep_next_ > budget ? sweep_next_ + static_cast<NodeId>(budget) : sweep_end_;
    for (; sweep_next_ < end; ++sweep_next_) {
      if (nodes_.isEntry(sweep_next_) && !nodes_.isCompanion(sweep_next_)) {
        repairChain(sweep_next_);
        for (std::size_t level = 0; level <= nodes_.level(sweep_next_); ++level) {
          repair(*scratch, sweep_next_, level);
        }
      }
    }
    if (sweep_next_ == sweep_end_) {
      anchorAdrift(*scratch);
      purge_epoch_ = scratches_.advance();
      purge_phase_ = PurgePhase::kUnlinked;
    }
  }
  if (purge_phase_ == PurgePhase::kUnlinked && scratches_.passed(purge_epoch_)) {
    for (const NodeId node : leaving_) {
      companions_.fetch_sub(nodes_.isCompanion(node) ? 1 : 0, std::memory_order_release);
      nodes_.release(node);
    }
    dead_.fetch_sub(leaving_.size(), std::memory_order_release);
    progress.removed = leaving_.size();
    leaving_.clear();
    purge_phase_ = PurgePhase::kIdle;
  }
  progress.remaining = deadEntries();
  return progress;
}

// Entries die in the order of the log, so those that somebody still sees are at the end of the queue.
void HnswGraph::collectDead(Lsn oldest_snapshot) {
  const std::scoped_lock lock(dead_mutex_);
  while (!dead_queue_.empty()) {
    const NodeId node = dead_queue_.front();
    if (oldest_snapshot != kNoSnapshot && oldest_snapshot <= nodes_.died(node)) {
      return;
    }
    leaving_.push_back(node);
    dead_queue_.pop_front();
  }
}

void HnswGraph::beginRemoval() {
  for (const NodeId leaving : leaving_) {
    nodes_.withRow(nodes_.entry(leaving).row, [&](NodeId& head) {
      if (head == leaving) {
        head = nodes_.older(leaving);
      } else {
        NodeId newer = head;
        while (nodes_.older(newer) != leaving) {
          newer = nodes_.older(newer);
        }
        nodes_.setOlder(newer, nodes_.older(leaving));
      }
    });
    nodes_.storeState(leaving, NodeState::kLeaving);
  }
  const std::scoped_lock lock(entry_mutex_);
  if (const EntryPoint entry = entryPoint(); entry.node != kNoNode && nodes_.state(entry.node) == NodeState::kLeaving) {
    replaceEntryPoint();
  }
  purge_epoch_ = scratches_.advance();
}

// The highest node that stays, of equals the first; one without links (under way to its place, or left alone) only if all are.
void HnswGraph::replaceEntryPoint() {
  EntryPoint best{kNoNode, 0};
  bool best_has_links = false;
  const NodeId high_water = nodes_.highWater();
  for (NodeId node = 0; node < high_water; ++node) {
    if (!nodes_.isEntry(node) || !nodes_.isPlaced(node) || nodes_.isCompanion(node)) {
      continue;
    }
    const std::size_t level = nodes_.level(node);
    const bool has_links = nodes_.hasLinks(node);
    if (best.node == kNoNode || std::pair(has_links, level) > std::pair(best_has_links, best.level)) {
      best = {node, level};
      best_has_links = has_links;
    }
  }
  setEntryPoint(best);
}

// Takes links to leaving nodes out of one list.
void HnswGraph::repair(Scratch& scratch, NodeId node, std::size_t level) {
  const auto leaves = [&](NodeId neighbour) { return nodes_.state(neighbour) == NodeState::kLeaving; };
  std::vector<NodeId> before(nodes_.mostRead(level));
  {
    const HnswNodes::Lock lock(nodes_, node);
    before.resize(nodes_.readLinks(node, level, before.data()));
    if (!before.empty() && std::none_of(before.begin(), before.end(), leaves)) {
      return;
    }
    const std::size_t count = gatherReplacements(scratch, node, level, before);
    chooseAmong(scratch, node, count, nodes_.capacity(level), kRepairSlack);
    nodes_.writeLinks(node, level, scratch.chosen);
  }
  if (scratch.chosen.empty()) {
    if (level == 0 && nodes_.isPlaced(node)) {
      link(scratch, node);  // its neighbours and theirs have all left: it looks for its place again
    }
    return;
  }
  const std::vector<NodeId> chosen = scratch.chosen;
  for (const NodeId neighbour : chosen) {
    if (std::find(before.begin(), before.end(), neighbour) == before.end()) {
      const HnswNodes::Lock lock(nodes_, neighbour);
      const std::size_t count = nodes_.readLinks(neighbour, level, scratch.nodes.data());
      scratch.nodes[count] = node;
      const std::span<const NodeId> links(scratch.nodes.data(), count + 1);
      if (nodes_.room(level, links) == links.size() && !contains(scratch.nodes, count, node) && !leaves(neighbour)) {
        nodes_.writeLinks(neighbour, level, links);
      }
    }
  }
}

// Nodes that came while all others around them were leaving. No list leads to a leaving node any more: walks from the entry point
// find what stays, and each of them that has its place is found by the next.
void HnswGraph::anchorAdrift(Scratch& scratch) {
  std::vector<NodeId> nodes;
  {
    const std::scoped_lock lock(adrift_mutex_);
    nodes.swap(adrift_);
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes_.isEntry(nodes[i])) {
      continue;
    }
    try {
      link(scratch, nodes[i]);
    } catch (const std::bad_alloc&) {
      setAdrift(std::span(nodes).subspan(i));
      throw;
    }
  }
}

void HnswGraph::setAdrift(std::span<const NodeId> nodes) {
  memory_reserve::mustNotFail([&] {
    const std::scoped_lock lock(adrift_mutex_);
    adrift_.insert(adrift_.end(), nodes.begin(), nodes.end());
  });
}

// The links that stay, and the staying ones of those that leave, into scratch.nodes; how many.
std::size_t HnswGraph::gatherReplacements(Scratch& scratch, NodeId node, std::size_t level,
                                          std::span<const NodeId> before) const {
  scratch.visited.reset(nodes_.highWater());
  scratch.visited.insert(node);
  std::size_t count = 0;
  const auto consider = [&](NodeId candidate) {
    if (candidate < scratch.visited.limit() && scratch.visited.insert(candidate) && count < Scratch::kMostNodes &&
        nodes_.state(candidate) != NodeState::kLeaving) {
      scratch.nodes[count++] = candidate;
    }
  };
  std::for_each(before.begin(), before.end(), consider);
  std::vector<NodeId> theirs(nodes_.mostRead(level));
  for (const NodeId neighbour : before) {
    if (nodes_.state(neighbour) == NodeState::kLeaving) {
      const std::size_t size = nodes_.readLinks(neighbour, level, theirs.data());
      std::for_each(theirs.begin(), theirs.begin() + static_cast<std::ptrdiff_t>(size), consider);
    }
  }
  return count;
}

}  // namespace trefoil::vector
