// Vectors that the codes cannot tell apart: copies of each other, or nearly so. One of them has the place in the graph, the
// others are its companions, a chain behind it:
//
//   place ──next──▶ companion ──next──▶ companion          links, lists       the place alone
//     │ links                                              found, ranked      whoever finds the place finds them all
//
// With a place each, they would be each other's neighbours and lead nowhere else, and would fill the pool of every walk that
// comes near: fifty copies, and a pool of 64 candidates holds two different vectors. (pgvector keeps the heap tuples of equal
// vectors in one element, too, ten at the most.)
//
// A table of codes says which place is known for a code; chains are changed with the code's shard of it locked. They are read
// without: a node that was taken out keeps its way on until its id is given out again. When a place leaves for good, the first
// companion that stays becomes the place, with the rest of the chain behind it; a reader who comes from the old place stops
// there.
#include <new>

#include "vector/hnsw_graph.hpp"

namespace trefoil::vector {

namespace {

// One node in so many takes a new place, though there is one: no chain gets very long, and so neither does a search near it.
constexpr NodeId kNodesPerPlace = 256;

}  // namespace

// Whether the node has become the companion of another; otherwise its place is to be linked.
bool HnswGraph::joinPlace(NodeId node) {
  bool joined = false;
  nodes_.withPlace(node, [&](NodeId& place) {
    if (place == kNoNode || node % kNodesPerPlace == 0) {
      place = node;
      return;
    }
    nodes_.setCompanion(node, true);
    nodes_.setNext(node, nodes_.next(place));
    nodes_.setNext(place, node);
    companions_.fetch_add(1, std::memory_order_release);
    joined = true;
  });
  return joined;
}

// A node that could not be linked: who comes after it takes a place of its own. (Who came meanwhile waits for the next sweep.)
void HnswGraph::losePlace(NodeId node) {
  nodes_.withPlace(node, [&](NodeId& place) {
    if (place == node) {
      place = kNoNode;
    }
  });
}

// A node that leaves gives up its place, if it has one. Whether somebody had to be linked in it.
bool HnswGraph::vacate(Scratch& scratch, NodeId leaving) {
  NodeId heir = kNoNode;
  nodes_.withPlace(leaving, [&](NodeId& place) {
    if (nodes_.isCompanion(leaving)) {
      return;
    }
    forEachCompanion(leaving, [&](NodeId companion) {
      const bool stays = nodes_.state(companion) != NodeState::kLeaving;
      heir = stays ? companion : heir;
      return !stays;
    });
    if (place == leaving) {
      place = heir;
    }
    if (heir != kNoNode) {
      nodes_.setCompanion(heir, false);
      companions_.fetch_sub(1, std::memory_order_release);
    }
  });
  if (heir != kNoNode) {
    try {
      link(scratch, heir);
    } catch (const std::bad_alloc&) {
      setAdrift({&heir, 1});
      throw;
    }
  }
  return heir != kNoNode;
}

// Takes leaving companions out of the chain of a place that stays.
void HnswGraph::repairChain(NodeId place) {
  bool any = false;
  forEachCompanion(place, [&](NodeId companion) {
    any = nodes_.state(companion) == NodeState::kLeaving;
    return !any;
  });
  if (!any) {
    return;
  }
  nodes_.withPlace(place, [&](NodeId& /*known*/) {
    NodeId last = place;
    forEachCompanion(place, [&](NodeId companion) {
      if (nodes_.state(companion) == NodeState::kLeaving) {
        nodes_.setNext(last, nodes_.next(companion));
      } else {
        last = companion;
      }
      return true;
    });
  });
}

}  // namespace trefoil::vector
