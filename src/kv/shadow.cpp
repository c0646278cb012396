#include "kv/shadow.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "kv/store.hpp"

namespace trefoil::kv {

namespace {

constexpr std::size_t kFirstBuckets = 8;

}  // namespace

std::size_t ShadowMap::tableOf(std::uint64_t hash) {
  return (hash << kPartitionBits) >> (64 - kTableBits);
}

std::size_t ShadowMap::Table::bucketOf(std::uint64_t hash) const {
  return (hash << (kPartitionBits + kTableBits)) >> (64 - std::countr_zero(heads.size()));
}

bool ShadowMap::Table::hasEarlier(std::uint32_t head, std::uint32_t node, Lsn lsn) const {
  for (; head != node; head = nodes[head].next) {
    const Node& earlier = nodes[head];
    if (earlier.hash == nodes[node].hash && earlier.version.died >= lsn &&
        earlier.version.entry->key() == nodes[node].version.entry->key()) {
      return true;
    }
  }
  return false;
}

void ShadowMap::Table::append(std::uint32_t node) {
  std::uint32_t* link = &heads[bucketOf(nodes[node].hash)];
  while (*link != kNone) {
    link = &nodes[*link].next;
  }
  *link = node;
  nodes[node].next = kNone;
}

// Chain by chain, so that each keeps its order.
void ShadowMap::Table::grow() {
  const std::vector<std::uint32_t> old = std::exchange(heads, {});
  heads.assign(std::max(old.size() * 2, kFirstBuckets), kNone);
  for (std::uint32_t at : old) {
    while (at != kNone) {
      append(std::exchange(at, nodes[at].next));
    }
  }
}

void ShadowMap::add(std::uint64_t hash, const Version& version) {
  Table& table = tables_[tableOf(hash)];
  if (table.count == table.heads.size()) {
    table.grow();
  }
  std::uint32_t at = table.free;
  if (at != kNone) {
    table.free = table.nodes[at].next;
    table.nodes[at] = {hash, version, kNone};
  } else {
    TREFOIL_ASSERT(table.nodes.size() < kNone);
    at = static_cast<std::uint32_t>(table.nodes.size());
    table.nodes.push_back({hash, version, kNone});
  }
  table.append(at);
  ++table.count;
  ++size_;
}

ShadowMap::Found ShadowMap::find(std::uint64_t hash, std::string_view key, Lsn snapshot) const {
  const Table& table = tables_[tableOf(hash)];
  if (table.count == 0) {
    return {};
  }
  for (std::uint32_t at = table.heads[table.bucketOf(hash)]; at != kNone; at = table.nodes[at].next) {
    const Node& node = table.nodes[at];
    if (node.hash == hash && node.version.died >= snapshot && node.version.entry->key() == key) {
      return {true, node.version.absent ? nullptr : node.version.entry};
    }
  }
  return {};
}

bool ShadowMap::anyDiedSince(std::uint64_t hash, Lsn lsn) const {
  const Table& table = tables_[tableOf(hash)];
  if (table.count == 0) {
    return false;
  }
  bool any = false;
  table.forEachIn(table.heads[table.bucketOf(hash)],
                  [&](const Node& node) { any = any || (node.hash == hash && node.version.died >= lsn); });
  return any;
}

}  // namespace trefoil::kv
