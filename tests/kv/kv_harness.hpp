// What the kv tests share: a store that is changed as the engine does it, a plain model of it, and random operations on both.
#pragma once

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/versions.hpp"
#include "kv/collection.hpp"
#include "kv/effects.hpp"
#include "kv/prepared_effects.hpp"
#include "kv/store.hpp"
#include "kv/view.hpp"

namespace trefoil::kv::test {

inline constexpr UnixMs kNow{1'000'000};

// A key's value as plain containers; doubles as the canonical content of a store.
struct ModelValue {
  ObjectType type = ObjectType::kString;
  std::string text;
  std::deque<std::string> list;
  std::map<std::string, std::string> hash;
  std::set<std::string> set;
  std::map<std::string, double> scores;
  std::int64_t deadline = INT64_MAX;
  bool operator==(const ModelValue&) const = default;
  [[nodiscard]] bool emptyCollection() const {
    switch (type) {
      case ObjectType::kString:
        return false;
      case ObjectType::kList:
        return list.empty();
      case ObjectType::kHash:
        return hash.empty();
      case ObjectType::kSet:
        return set.empty();
      case ObjectType::kSortedSet:
        return scores.empty();
    }
    return false;
  }
};
using Model = std::map<std::string, ModelValue>;

ModelValue readValue(const Entry& entry);

// A store with its log position; all locks are taken for every step, unless a test takes its own.
class TestStore {
 public:
  explicit TestStore(PackedLimits limits = {}, std::uint64_t seed = 7, int databases = 1)
      : store_(versions_, {.hash_seed = seed, .databases = databases, .packed = limits}) {}

  Store& operator*() { return store_; }
  Store* operator->() { return &store_; }
  Versions& versions() { return versions_; }
  [[nodiscard]] Lsn end() const { return lsn_; }

  // Applies effects as one record. The status is that of the first effect that fails.
  Status apply(std::string_view effects);
  // One autocommit statement.
  template <typename Statement>
  auto live(Statement&& statement, UnixMs now = kNow) {
    lockAll();
    EffectBuffer effects;
    View view = View::locked(store_, effects, now);
    auto result = statement(view);
    commitLocked(effects);
    unlockAll();
    return result;
  }
  // The same for a statement of one key, with that key's lock alone.
  template <typename Statement>
  auto liveKey(std::string_view name, Statement&& statement) {
    const Key key = store_.key(0, name);
    const PartitionId id = Store::partition(key);
    const PartitionLocks locks(store_, {&id, 1});
    EffectBuffer effects;
    View view = View::live(store_, effects, kNow);
    auto result = statement(view, key);
    commitLocked(effects);
    return result;
  }
  // What a transaction has prepared; all locks are held. If it is `owed`, unlockAll() lets them go owing, and settle() is to
  // follow.
  void commitLocked(PreparedEffects& prepared, bool owed);
  Lsn openSnapshot() {
    ++lsn_;
    versions_.registerSnapshot(lsn_);
    return lsn_;
  }
  void closeSnapshot(Lsn snapshot) { versions_.releaseSnapshot(snapshot); }
  // Everything that is there, at a snapshot or now.
  Model content(int db = 0, Lsn snapshot = kNoSnapshot);
  void lockAll();
  void unlockAll();

 private:
  void commitLocked(const EffectBuffer& effects);

  Versions versions_;
  Lsn lsn_ = 1;
  Store store_;
};

// Random operations over a small set of keys. The same sequence of random numbers gives the same operation, whatever the view.
class RandomOperations {
 public:
  explicit RandomOperations(std::uint64_t seed, std::size_t keys = 12, std::size_t members = 40)
      : random_(seed), keys_(keys), members_(members) {}

  // One operation on the view and the model; returns what it answered, "MISMATCH …" if the model disagrees.
  std::string step(View& view, Model& model);

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  std::string randomText(std::size_t limit);
  std::string randomMember() { return "m" + std::to_string(below(members_)); }
  std::vector<std::string> randomMembers();

  std::string onString(View& view, Model& model, const std::string& name);
  std::string onList(View& view, Model& model, const std::string& name);
  std::string onHash(View& view, Model& model, const std::string& name);
  std::string onSet(View& view, Model& model, const std::string& name);
  std::string onSortedSet(View& view, Model& model, const std::string& name);
  std::string onAny(View& view, Model& model, const std::string& name);

  std::mt19937_64 random_;
  std::size_t keys_;
  std::size_t members_;
};

}  // namespace trefoil::kv::test
