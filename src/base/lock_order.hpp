// The order in which a thread may take the house's locks, outermost first. A build with assertions (debug, asan, tsan) stops the
// process at the first lock that is taken out of order, and where a thread waits that must not hold any; a release does nothing
// of this.
//
//   catalog        sql::Store::catalogGate()
//   partition      kv::Store, by id over all databases
//   table          sql::Table::lock(), by id
//   database       txn::Committer's gate: append and apply are inside, a snapshot alone
//
// Locks of one rank are taken by ascending id, and none twice. Behind them come those that nothing else is taken under (the
// log's, Versions', pools'), and are not listed. With any of these held nobody does I/O, waits for room in the log or enters a
// parallel loop (mayWait()), but whoever holds all of them (LockOrder::HoldsAll) may have to make room.
//
// Thread safety: what is noted is the thread's own: who takes a lock gives it back.
#pragma once

#include <cstdint>

namespace trefoil {

enum class LockRank : std::uint8_t { kCatalog = 1, kPartition, kTable, kDatabase, kUnranked };

class LockOrder {
 public:
#ifdef NDEBUG
  static void take(LockRank /*rank*/, std::uint64_t /*id*/) {}
  static void takeAside(LockRank /*rank*/, std::uint64_t /*id*/) {}
  static void leave(LockRank /*rank*/, std::uint64_t /*id*/) {}
  static void mayWait() {}
  struct HoldsAll {
    HoldsAll() {}  // NOLINT(modernize-use-equals-default): so that one is no unused variable
  };
#else
  static void take(LockRank rank, std::uint64_t id);
  // One that is not waited for may be taken out of order.
  static void takeAside(LockRank rank, std::uint64_t id);
  static void leave(LockRank rank, std::uint64_t id);
  static void mayWait();
  class HoldsAll {
   public:
    HoldsAll();
    HoldsAll(const HoldsAll&) = delete;
    HoldsAll& operator=(const HoldsAll&) = delete;
    ~HoldsAll();
  };
#endif
};

}  // namespace trefoil
