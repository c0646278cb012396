// WatchedKeys: what WATCH has named, until EXEC, COMMIT, DISCARD or UNWATCH.
// https://redis.io/docs/latest/develop/interact/transactions/
//
// A commit that changes a key raises the flag of whoever watches it (kv::WatchFlag, in the partition's interest table). That a
// deadline passes changes a key, too, and nobody says so: those keys are looked at.
//
// Thread safety: none; the session's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/status.hpp"
#include "base/types.hpp"
#include "engine/database.hpp"
#include "kv/store.hpp"

namespace trefoil {

class WatchedKeys {
 public:
  explicit WatchedKeys(Database::Impl& database) : database_(database) {}
  ~WatchedKeys() { clear(); }
  WatchedKeys(const WatchedKeys&) = delete;
  WatchedKeys& operator=(const WatchedKeys&) = delete;

  // kLimit: there are too many. Takes the keys' locks, one after the other.
  Status add(int db, std::span<const std::string_view> keys, UnixMs now);
  void clear();
  // Sorted, each once.
  [[nodiscard]] std::vector<kv::PartitionId> partitions() const;
  // With the locks of all of them.
  [[nodiscard]] bool changed(UnixMs now) const;

 private:
  struct Key {
    int db;
    std::string bytes;
    std::uint64_t hash;
    bool may_expire;  // it had a deadline, not passed yet, when WATCH was called: passing it is a change

    bool operator==(const Key& other) const { return db == other.db && bytes == other.bytes; }
    struct Hash {
      std::size_t operator()(const Key& key) const { return key.hash; }
    };
  };

  Database::Impl& database_;
  std::unordered_set<Key, Key::Hash> keys_;
  kv::WatchFlag flag_;
};

}  // namespace trefoil
