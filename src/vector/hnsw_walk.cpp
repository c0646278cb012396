// Moving about in the graph: the greedy descent and the walk of one level.
#include "vector/hnsw_graph.hpp"

namespace trefoil::vector {

// The node's neighbours that the walk has not met yet, and what the kernels take of them, into the scratch; how many. Their codes
// are on their way into the cache when it returns.
std::size_t HnswGraph::collect(Scratch& scratch, NodeId node, std::size_t level) const {
  const std::size_t limit = scratch.visited.limit();
  std::size_t count = 0;
  nodes_.forEachLink(node, level, [&](NodeId neighbour) {
    if (neighbour < limit && scratch.visited.insert(neighbour)) {  // others are younger than this walk
      const std::byte* const code = nodes_.code(neighbour);
      __builtin_prefetch(code);
      __builtin_prefetch(code + 64);
      scratch.nodes[count] = neighbour;
      scratch.codes[count++] = code;
    }
  });
  return count;
}

// The distances of the collected nodes.
void HnswGraph::compare(Scratch& scratch, const VectorCodes::Query& query, std::size_t count) const {
  if (codes_.usesLengths()) {
    for (std::size_t i = 0; i < count; ++i) {
      scratch.lengths[i] = nodes_.length(scratch.nodes[i]);
    }
  }
  codes_.distances(query, scratch.codes.data(), scratch.lengths.data(), count, scratch.distances.data());
  scratch.counts.compared += count;
}

// Lower bounds of the true distances of nodes that were gathered (HnswNodes::gatherCodes), in scratch.distances.
void HnswGraph::bound(Scratch& scratch, const VectorCodes::Query& query, std::size_t count) const {
  codes_.lowerBounds(query, scratch.codes.data(), scratch.lengths.data(), scratch.error_classes.data(), count,
                     scratch.distances.data());
  scratch.counts.compared += count;
}

float HnswGraph::distance(Scratch& scratch, const VectorCodes::Query& query, NodeId node) const {
  scratch.nodes[0] = node;
  scratch.codes[0] = nodes_.code(node);
  compare(scratch, query, 1);
  return scratch.distances[0];
}

// Algorithm 2 with ef = 1, from the top to the level above `to_level`, as Algorithms 1 and 5 begin: on each level to the node
// that has no nearer neighbour. Compares all neighbours of a node before it moves, so that the kernel has many at once.
NodeId HnswGraph::descend(Scratch& scratch, const VectorCodes::Query& query, EntryPoint from, std::size_t to_level) const {
  NodeId nearest = from.node;
  float nearest_distance = distance(scratch, query, nearest);
  for (std::size_t level = from.level; level > to_level; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      const std::size_t count = nodes_.readLinks(nearest, level, scratch.nodes.data());
      for (std::size_t i = 0; i < count; ++i) {
        scratch.codes[i] = nodes_.code(scratch.nodes[i]);
      }
      compare(scratch, query, count);
      ++scratch.counts.expanded;
      for (std::size_t i = 0; i < count; ++i) {
        if (scratch.distances[i] < nearest_distance) {
          nearest_distance = scratch.distances[i];
          nearest = scratch.nodes[i];
          moved = true;
        }
      }
    }
  }
  return nearest;
}

// Algorithm 2: the pool holds the ef nearest of what was met, and the nearest of them whose links were not followed yet is next;
// when there is none, that is the paper's end too (every candidate left is further than the worst result). Of nodes at one
// distance only `most_ties` are taken in: a vector that is there many times would leave no room for others, and the walk would
// stay with it.
void HnswGraph::walk(Scratch& scratch, const VectorCodes::Query& query, NodeId from, std::size_t level, std::size_t ef,
                     std::size_t most_ties) const {
  scratch.visited.reset(nodes_.highWater());
  scratch.pool.reset(ef, most_ties);
  Pool& pool = scratch.pool;
  scratch.visited.insert(from);
  pool.insert({distance(scratch, query, from), from});
  for (NodeId node = pool.takeNext(); node != kNoNode; node = pool.takeNext()) {
    const std::size_t count = collect(scratch, node, level);
    ++scratch.counts.expanded;
    if (const NodeId next = pool.peekNext(); next != kNoNode) {
      nodes_.prefetchLinks(next, level);
    }
    if (count == 0) {
      continue;
    }
    compare(scratch, query, count);
    for (std::size_t i = 0; i < count; ++i) {
      if (!(scratch.distances[i] >= pool.worst())) {
        pool.insert({scratch.distances[i], scratch.nodes[i]});
      }
    }
  }
}

}  // namespace trefoil::vector
