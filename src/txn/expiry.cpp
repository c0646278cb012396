#include "txn/expiry.hpp"

#include "kv/view.hpp"
#include "txn/manager.hpp"
#include "txn/transaction.hpp"

namespace trefoil::txn {

namespace {

// Keys that are removed together: the partition is locked for some microseconds.
constexpr std::size_t kKeys = 32;
constexpr std::size_t kBytes = 2048;

}  // namespace

std::size_t Expiry::sweep(UnixMs now, std::size_t budget) {
  kv::Store& store = manager_.kv();
  const kv::SweepResult swept = store.sweepExpired(now, budget);
  const std::span<const kv::ExpiredKey> expired = swept.expired;
  const auto partition_of = [&](const kv::ExpiredKey& one) { return kv::Store::partition(store.key(one.db, one.key)); };
  std::size_t removed = 0;
  for (std::size_t begin = 0; begin < expired.size() && manager_.committer().awaitRoom().ok();) {
    const kv::PartitionId partition = partition_of(expired[begin]);
    std::size_t bytes = expired[begin].key.size();
    std::size_t end = begin + 1;
    while (end < expired.size() && partition_of(expired[end]) == partition && end - begin < kKeys && bytes < kBytes) {
      bytes += expired[end++].key.size();
    }
    removed += remove(expired.subspan(begin, end - begin), now);
    begin = end;
  }
  return removed;
}

std::size_t Expiry::remove(std::span<const kv::ExpiredKey> keys, UnixMs now) {
  kv::Store& store = manager_.kv();
  const kv::PartitionId partition = kv::Store::partition(store.key(keys.front().db, keys.front().key));
  std::size_t removed = 0;
  const auto remove_from = [&](kv::View& view) {
    removed = 0;
    for (const kv::ExpiredKey& one : keys) {
      removed += view.removeIfExpired(store.key(one.db, one.key)) ? 1 : 0;
    }
  };
  // One try: who watches a key is on an event loop and must not wait for room in the log.
  EffectBuffer effects;
  bool committed = false;
  {
    const kv::PartitionLocks locks(store, {&partition, 1});
    kv::View view = kv::View::live(store, effects, now);
    remove_from(view);
    if (removed == 0) {
      return 0;
    }
    committed = manager_.committer().tryCommit(effects).has_value();
  }
  if (committed) {
    manager_.committer().afterLocks();
    return removed;
  }
  const auto in_transaction = [&](Transaction& own) -> Status {
    remove_from(own.kv());
    return {};
  };
  const bool is_large = manager_.committer().isLarge(effects);  // one key of a megabyte or so
  return is_large && runTransaction(manager_, now, in_transaction).ok() ? removed : 0;
}

}  // namespace trefoil::txn
