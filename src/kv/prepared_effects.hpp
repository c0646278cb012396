// PreparedEffects: what of a transaction's work on keys is done before its locks are taken, and how the rest is done after they
// are let go, so that others wait for little of it.
//
//   before the locks    large values are changed in private copies (View::prepare), large strings are made into entries
//                       (prepared_strings.hpp); what is left to do is grouped by partition
//   all locks, gate     validate ─ append to the log ─ apply(), or if it is much Store::owe(): each partition gets a pointer to
//   its
//                       group
//   no lock             Store::settle(): partition by partition  lock ─ apply its group ─ unlock
//
// A private copy is put in place of what it was made of. That is what the effects would have made: they are the same, and the
// copy's key was read, so it is validated that nobody has changed it since.
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
#include "base/versions.hpp"
#include "kv/prepared_strings.hpp"
#include "kv/store.hpp"

namespace trefoil::kv {

class PreparedEffects;
class PrivateValue;

// One partition's group.
struct PartitionDebt {
  PreparedEffects* commit;
  PartitionId partition;
  std::size_t begin;  // in PreparedEffects::tasks_
  std::size_t end;
  std::size_t bytes;  // of its effects
};

class PreparedEffects {
 public:
  // Effects of so many bytes may be owed.
  static constexpr std::size_t kMinOwed = std::size_t{64} << 10;

  // `block`, if there is one, may be taken for a string in it; it outlives this.
  explicit PreparedEffects(const Store& store, RequestBlock* block = nullptr) : store_(store), strings_(block) {}
  PreparedEffects(const PreparedEffects&) = delete;
  PreparedEffects& operator=(const PreparedEffects&) = delete;

  // The key's effects, at [begin, end) of the commit's; those stay where they are until the end.
  void add(const Key& key, std::string_view effects, std::size_t begin, std::size_t end);
  // What the key's effects have made of it; nullptr: it is absent. Key and value stay where they are until the end.
  void add(const Key& key, PrivateValue* value);
  // All keys of a database are gone, before anything else.
  void addFlush(int db);
  // All were added.
  void group();

  [[nodiscard]] bool empty() const { return debts_.empty(); }

 private:
  friend class Store;

  // Something to do in a partition: in this order. What `what` stands for:
  //   kFlush | kEffect + place of an effect | kAdoption + index of an adoption
  struct Task {
    PartitionId partition;
    std::uint32_t size;  // of the effect, or all that it can say: it only tells whether much is owed
    std::uint64_t what;
    bool operator<(const Task& other) const {
      return partition != other.partition ? partition < other.partition : what < other.what;
    }
  };
  static constexpr std::uint64_t kFlush = 0;
  static constexpr std::uint64_t kEffect = 1;
  static constexpr std::uint64_t kAdoption = std::uint64_t{1} << 63;
  struct Adoption {
    Key key;
    PrivateValue* value;
  };

  const Store& store_;
  PreparedStrings strings_;
  std::string_view effects_;
  std::vector<Task> tasks_;
  std::vector<Adoption> adoptions_;
  std::vector<PartitionDebt> debts_;
  MemoryCharge memory_{MemoryLeaf::kTransactions};
  WriteContext context_;
};

}  // namespace trefoil::kv
