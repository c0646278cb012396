// PreparedEffects: what of a large commit's work on keys is done before its locks are taken, and how the rest is done after they
// are let go, so that others wait for little of it.
//
//   before the locks    large strings are made into entries (prepared_strings.hpp); the effects are grouped by partition
//   all locks, gate     validate ─ append to the log ─ Store::owe(): each partition gets a pointer to its group
//   no lock             Store::settle(): partition by partition  lock ─ apply its group ─ unlock
//
// Nobody can tell that the effects were applied later. Whatever reads or changes a partition takes its lock; and a lock that was
// let go owing makes whoever gets it next apply the group first: the committer on its round, or anybody who comes earlier. So
// from the moment when the locks are let go, every look at any of the keys shows the whole commit:
//
//   two looks        at keys of two partitions, together or one after the other, never see half of it: that would take a look
//                    without the lock.
//   order            a partition owes one group at most (the next commit takes the lock, and pays), so each applies its
//                    records in log order.
//   snapshots        The group keeps its commit's WriteContext: the LSN, and the newest snapshot of that moment. A snapshot
//                    that was opened later holds the record, and has seen nothing of the partition before the group was
//                    applied, since it reads under the lock too: so what only such snapshots could see may be changed in place.
//   size             is read without a lock: whoever wants what he has seen to be counted asks Store::isOwed() before.
//                    (Beside a commit that comes at that moment it is approximate, as beside one applied under its locks.)
//
// A lock is held for one partition's share, a 256th of 200,000 keys or 0.2 ms, where it was held for all of them. An event loop
// does not even do that where much is owed (Store::lockSoon): its statement goes to a worker.
//
// Thread safety: a commit owns it; what Store::pay() reads of it does not change between owe() and the end of settle().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/memory_account.hpp"
#include "base/status.hpp"
#include "base/versions.hpp"
#include "kv/prepared_strings.hpp"
#include "kv/store.hpp"

namespace trefoil::kv {

class PreparedEffects;

// One partition's group.
struct PartitionDebt {
  PreparedEffects* commit;
  PartitionId partition;
  std::size_t begin;  // in PreparedEffects::places_
  std::size_t end;
  std::size_t bytes;  // of its effects
};

class PreparedEffects {
 public:
  // Smaller commits are applied at once.
  static constexpr std::size_t kMinBytes = std::size_t{64} << 10;

  PreparedEffects() = default;
  PreparedEffects(const PreparedEffects&) = delete;
  PreparedEffects& operator=(const PreparedEffects&) = delete;

  // Reads the kv effect that begins at `begin` of the commit's effects; its kind byte has been read.
  Status add(const Store& store, std::uint8_t kind, std::size_t begin, EffectReader& reader);
  // All were added. `effects` stays where it is until the end.
  void group(std::string_view effects);
  // Whether group() was called: they may be owed.
  [[nodiscard]] bool areGrouped() const { return !debts_.empty(); }
  [[nodiscard]] PreparedStrings& strings() { return strings_; }

 private:
  friend class Store;
  struct Place {
    PartitionId partition;
    std::uint32_t size;  // or all that it can say: it only tells whether much is owed
    std::size_t begin;
    bool operator<(const Place& other) const {
      return partition != other.partition ? partition < other.partition : begin < other.begin;
    }
  };

  PreparedStrings strings_;
  std::string_view effects_;
  std::vector<Place> places_;
  std::vector<PartitionDebt> debts_;
  MemoryCharge memory_{MemoryLeaf::kTransactions};
  WriteContext context_;
};

}  // namespace trefoil::kv
