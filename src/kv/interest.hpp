// InterestTable: who wants to know about changes of which key of one partition: WATCH, and those who wait for a key. Empty in the
// common case, and then not even there. Thread safety: the partition's lock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kv/ready_keys.hpp"
#include "kv/store.hpp"
#include "kv/waiting.hpp"

namespace trefoil::kv {

class InterestTable {
 public:
  [[nodiscard]] bool empty() const { return watchers_.empty() && queues_.empty() && ready_by_debt.empty(); }

  void add(std::uint64_t hash, std::string_view key, WatchFlag& flag) {
    watchers_.emplace(hash, Watcher{std::string(key), &flag});
  }
  // Removes one registration of the flag for the key.
  void remove(std::uint64_t hash, std::string_view key, const WatchFlag& flag) {
    for (auto [it, end] = watchers_.equal_range(hash); it != end; ++it) {
      if (it->second.flag == &flag && it->second.key == key) {
        watchers_.erase(it);
        return;
      }
    }
  }

  // The queue of a key; null if nobody waits for it. Stays where it is until it is dropped.
  [[nodiscard]] WaitQueue* queueOf(std::uint64_t hash, std::string_view key) {
    for (auto [it, end] = queues_.equal_range(hash); it != end; ++it) {
      if (it->second.key == key) {
        return &it->second;
      }
    }
    return nullptr;
  }
  WaitQueue& addQueue(std::uint64_t hash, std::string_view key) {
    return queues_.emplace(hash, WaitQueue{std::string(key), {}})->second;
  }
  // An empty one.
  void dropQueue(std::uint64_t hash, const WaitQueue* queue) {
    for (auto [it, end] = queues_.equal_range(hash); it != end; ++it) {
      if (&it->second == queue) {
        queues_.erase(it);
        return;
      }
    }
  }

  // Answers whether somebody waits for it.
  bool keyChanged(std::uint64_t hash, std::string_view key) {
    for (auto [it, end] = watchers_.equal_range(hash); it != end; ++it) {
      if (it->second.key == key) {
        it->second.flag->dirty.store(true, std::memory_order_release);
      }
    }
    return !queues_.empty() && queueOf(hash, key) != nullptr;
  }
  // For each watched key: fn(hash, key).
  template <typename Function>
  void forEachWatched(Function&& function) const {
    for (const auto& [hash, watcher] : watchers_) {
      function(hash, std::string_view(watcher.key));
    }
  }

  // Keys that have become ready by what was owed, applied by somebody who does not serve them: whoever owed it does.
  std::vector<ReadyKey> ready_by_debt;

 private:
  struct Watcher {
    std::string key;
    WatchFlag* flag;
  };
  std::unordered_multimap<std::uint64_t, Watcher> watchers_;
  std::unordered_multimap<std::uint64_t, WaitQueue> queues_;
};

}  // namespace trefoil::kv
