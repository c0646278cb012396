#include "engine/watched_keys.hpp"

#include <algorithm>

#include "engine/database_impl.hpp"
#include "kv/entry.hpp"

namespace trefoil {

namespace {

constexpr std::size_t kMaxWatchedKeys = 1'000'000;

}  // namespace

Status WatchedKeys::add(int db, std::span<const std::string_view> keys, UnixMs now) {
  kv::Store& store = database_.manager().kv();
  for (const std::string_view bytes : keys) {
    const kv::Key key = store.key(db, bytes);
    Key watched{.db = key.db, .bytes = std::string(bytes), .hash = key.hash, .may_expire = false};
    if (keys_.contains(watched)) {
      continue;
    }
    if (keys_.size() >= kMaxWatchedKeys) {
      return Error(ErrorCode::kLimit, "too many keys are watched");
    }
    // What has expired goes first: its removal is no change of the key.
    const kv::ExpiredKey expired{key.db, std::string(bytes)};
    database_.manager().expiry().remove({&expired, 1}, now);
    store.watch(key, flag_);
    const kv::PartitionId partition = kv::Store::partition(key);
    const kv::PartitionLocks lock(store, {&partition, 1});
    const kv::Entry* const entry = store.find(key);
    watched.may_expire = entry != nullptr && entry->hasDeadline() && !entry->deadline().passed(now);
    keys_.insert(std::move(watched));
  }
  return {};
}

void WatchedKeys::clear() {
  kv::Store& store = database_.manager().kv();
  for (const Key& watched : keys_) {
    store.unwatch({watched.bytes, watched.hash, watched.db}, flag_);
  }
  keys_.clear();
  flag_.dirty.store(false);
}

std::vector<kv::PartitionId> WatchedKeys::partitions() const {
  std::vector<kv::PartitionId> partitions;
  for (const Key& watched : keys_) {
    partitions.push_back(kv::Store::partition(watched.db, watched.hash));
  }
  std::sort(partitions.begin(), partitions.end());
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
  return partitions;
}

bool WatchedKeys::changed(UnixMs now) const {
  if (keys_.empty()) {
    return false;
  }
  if (flag_.dirty.load()) {
    return true;
  }
  const kv::Store& store = database_.manager().kv();
  return std::any_of(keys_.begin(), keys_.end(), [&](const Key& watched) {
    return watched.may_expire && store.isExpired({watched.bytes, watched.hash, watched.db}, now);
  });
}

}  // namespace trefoil
