// NodeTable: from a key to a node's id, where the key can be read from the node.
//
// Open addressing with linear probing in shards, each at most three quarters full; node ids alone are stored.
//
// Thread safety: all functions; one caller at a time in a shard.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "vector/hnsw_links.hpp"

namespace trefoil::vector {

class NodeTable {
 public:
  // The node for which matches(node), of those with this hash of its key; kNoNode if there is none.
  template <typename Matches>
  [[nodiscard]] NodeId find(std::uint64_t hash, const Matches& matches) const {
    const Shard& shard = shards_[hash % kShards];
    const std::scoped_lock lock(shard.mutex);
    return shard.table.empty() ? kNoNode : shard.table[shard.find(hash, matches)];
  }
  // Calls body(node) with the shard locked, `node` as find() says; what body assigns to it takes its place, kNoNode removes it.
  // hash_of(node) is a stored node's.
  template <typename Matches, typename HashOf, typename Body>
  void with(std::uint64_t hash, const Matches& matches, const HashOf& hash_of, const Body& body) {
    Shard& shard = shards_[hash % kShards];
    const std::scoped_lock lock(shard.mutex);
    std::size_t place = shard.find(hash, matches);
    const NodeId before = shard.table.empty() ? kNoNode : shard.table[place];
    NodeId node = before;
    body(node);
    if (node == before) {
      return;
    }
    if (node == kNoNode) {
      shard.erase(place, hash_of);
      return;
    }
    if (before == kNoNode) {
      if ((shard.used + 1) * 4 > shard.table.size() * 3) {
        shard.grow(hash_of);
        place = shard.find(hash, matches);
      }
      ++shard.used;
    }
    shard.table[place] = node;
  }
  [[nodiscard]] std::size_t memoryBytes() const {
    std::size_t bytes = 0;
    for (const Shard& shard : shards_) {
      const std::scoped_lock lock(shard.mutex);
      bytes += shard.table.capacity() * sizeof(NodeId);
    }
    return bytes;
  }

 private:
  static constexpr std::size_t kShards = 64;

  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::vector<NodeId> table;
    std::size_t used = 0;

    // Where the node is, or where it would be put.
    template <typename Matches>
    [[nodiscard]] std::size_t find(std::uint64_t hash, const Matches& matches) const {
      if (table.empty()) {
        return 0;
      }
      const std::size_t mask = table.size() - 1;
      std::size_t place = hash / kShards & mask;
      while (table[place] != kNoNode && !matches(table[place])) {
        place = (place + 1) & mask;
      }
      return place;
    }
    template <typename HashOf>
    void grow(const HashOf& hash_of) {
      std::vector<NodeId> before(std::max<std::size_t>(8, table.size() * 2), kNoNode);
      before.swap(table);
      for (const NodeId node : before) {
        if (node != kNoNode) {
          table[find(hash_of(node), [](NodeId /*other*/) { return false; })] = node;
        }
      }
    }
    // Moves up what had to go behind the place: Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithm R.
    template <typename HashOf>
    void erase(std::size_t place, const HashOf& hash_of) {
      const std::size_t mask = table.size() - 1;
      --used;
      std::size_t hole = place;
      for (std::size_t next = (hole + 1) & mask; table[next] != kNoNode; next = (next + 1) & mask) {
        const std::size_t home = hash_of(table[next]) / kShards & mask;
        if (((next - home) & mask) >= ((next - hole) & mask)) {
          table[hole] = table[next];
          hole = next;
        }
      }
      table[hole] = kNoNode;
    }
  };

  std::array<Shard, kShards> shards_;
};

}  // namespace trefoil::vector
