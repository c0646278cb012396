// Partition: one of the locks of the keyspace and what it guards. One cache line, so that neighbours do not disturb each other.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/memory_account.hpp"
#include "kv/directory.hpp"
#include "kv/interest.hpp"
#include "kv/partition_lock.hpp"
#include "kv/shadow.hpp"

namespace trefoil::kv {

struct alignas(64) Partition {
  PartitionLock lock;
  Directory directory;
  std::atomic<std::int64_t> bytes{0};       // of entries and collections; written under the lock, read by anybody
  std::unique_ptr<ShadowMap> shadow;        // only while snapshots need it
  std::unique_ptr<InterestTable> interest;  // only while somebody watches

  void addBytes(std::int64_t difference) {
    bytes.store(bytes.load(std::memory_order_relaxed) + difference, std::memory_order_relaxed);
    MemoryAccount::add(MemoryLeaf::kKeys, difference);
  }
};
static_assert(sizeof(Partition) == 64);

}  // namespace trefoil::kv
