// What a View keeps, for view.cpp (reads, private copies) and view_writes.cpp (staging) alone.
#pragma once

#include <bit>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "kv/view.hpp"

namespace trefoil::kv {

struct View::Overlay {
  std::vector<Touched> more;                                    // behind the inline ones
  std::unordered_multimap<std::uint64_t, std::size_t> by_hash;  // all touched keys, once there are more than the inline ones
  std::vector<bool> flushed;                                    // by database: the store's keys are gone
};

struct View::ReadSet {
  struct KeyHash {
    int db;
    std::uint64_t hash;
    bool operator==(const KeyHash&) const = default;
  };
  struct Hasher {
    std::size_t operator()(const KeyHash& key) const { return key.hash + static_cast<std::size_t>(key.db); }
  };
  struct Pattern {
    int db;
    std::string glob;  // empty: every key
  };
  std::unordered_set<KeyHash, Hasher> keys;
  std::vector<std::uint64_t> partitions;  // a bit for each id: whether it has some of them
  std::vector<Pattern> patterns;
  Deadline first_deadline;  // of the keys that were read and had not expired

  void add(const Store& store, int db, std::uint64_t hash) {
    keys.insert({db, hash});
    partitions.resize(static_cast<std::size_t>(store.databases()) * kPartitions / 64);
    const std::uint32_t id = Store::partition(db, hash).value;
    partitions[id / 64] |= std::uint64_t{1} << (id % 64);
  }
  template <typename Visitor>  // of a PartitionId
  void forEachPartition(Visitor&& visitor) const {
    for (std::uint32_t i = 0; i < partitions.size(); ++i) {
      for (std::uint64_t word = partitions[i]; word != 0; word &= word - 1) {
        visitor(PartitionId{i * 64 + static_cast<std::uint32_t>(std::countr_zero(word))});
      }
    }
  }
};

// Writes one effect; at the end of its life the effect is the key's.
class View::Staging {
 public:
  Staging(View& view, EffectKind kind, Cause cause, const Key& key) : view_(view), key_(key), begin_(view.effects_.size()) {
    putEffectHead(view.effects_, kind, cause, key.db, key.bytes);
    key_at_ = view.effects_.size() - key.bytes.size();
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() { view_.noteEffect(key_.db, key_.hash, key_at_, key_.bytes.size(), begin_, view_.effects_.size()); }
  EffectBuffer* operator->() { return &view_.effects_; }

 private:
  View& view_;
  const Key& key_;
  std::size_t begin_;
  std::size_t key_at_;
};

}  // namespace trefoil::kv
