// InterestTable: who wants to know about changes of which key of one partition. Empty in the common case, and then not even
// there. Today: WATCH. Thread safety: the partition's lock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "kv/store.hpp"

namespace trefoil::kv {

class InterestTable {
 public:
  void add(std::uint64_t hash, std::string_view key, WatchFlag& flag) {
    watchers_.emplace(hash, Watcher{std::string(key), &flag});
  }
  // Removes one registration of the flag for the key; says whether the table is empty now.
  bool remove(std::uint64_t hash, std::string_view key, const WatchFlag& flag) {
    for (auto [it, end] = watchers_.equal_range(hash); it != end; ++it) {
      if (it->second.flag == &flag && it->second.key == key) {
        watchers_.erase(it);
        break;
      }
    }
    return watchers_.empty();
  }
  void keyChanged(std::uint64_t hash, std::string_view key) const {
    for (auto [it, end] = watchers_.equal_range(hash); it != end; ++it) {
      if (it->second.key == key) {
        it->second.flag->dirty.store(true, std::memory_order_release);
      }
    }
  }
  // For each watched key: fn(hash, key).
  template <typename Function>
  void forEachKey(Function&& function) const {
    for (const auto& [hash, watcher] : watchers_) {
      function(hash, std::string_view(watcher.key));
    }
  }

 private:
  struct Watcher {
    std::string key;
    WatchFlag* flag;
  };
  std::unordered_multimap<std::uint64_t, Watcher> watchers_;
};

}  // namespace trefoil::kv
