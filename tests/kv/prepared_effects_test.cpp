// A large commit that is applied after its locks are let go: whoever looks sees all of it.
#include "kv/prepared_effects.hpp"

#include <catch2/catch.hpp>
#include <iterator>
#include <map>
#include <random>

#include "tests/kv/kv_harness.hpp"

namespace trefoil::kv::test {

namespace {

constexpr int kKeys = 2000;

std::string nameOf(int i) {
  return "key:" + std::to_string(i);
}

// A transaction that has committed, but for settle().
class LateCommit {
 public:
  template <typename Statement>
  LateCommit(TestStore& store, Lsn lsn, Statement&& statement)
      : store_(store),
        snapshot_(store.openSnapshot()),
        view_(View::snapshot(*store, effects_, kNow, snapshot_)),
        prepared_(*store) {
    statement(view_);
    view_.prepare(prepared_);
    const std::vector<PartitionId> ids = view_.footprint().written;
    PartitionLocks locks(*store, ids);
    store->owe(prepared_, WriteContext::live(store.versions(), lsn));
    locks.unlockOwing();
  }
  LateCommit(const LateCommit&) = delete;
  LateCommit& operator=(const LateCommit&) = delete;
  ~LateCommit() {
    store_->settle(prepared_);
    view_.forget();
    store_.closeSnapshot(snapshot_);
  }

 private:
  TestStore& store_;
  EffectBuffer effects_;
  Lsn snapshot_;
  View view_;
  PreparedEffects prepared_;
};

std::string text(const Entry* entry) {
  IntegerText room;
  return entry == nullptr ? "(nil)" : std::string(StringHandle(entry).text(room));
}

std::string live(TestStore& store, int i) {
  const std::string name = nameOf(i);
  return store.liveKey(name, [](View& view, const Key& key) { return text(view.find(key)); });
}

std::string at(TestStore& store, int i, Lsn snapshot) {
  const std::string name = nameOf(i);
  return text(store->findAt(store->key(0, name), snapshot));
}

auto setAll(const char* value) {
  return [value](View& view) {
    for (int i = 0; i < kKeys; ++i) {
      view.setString(view.key(0, nameOf(i)), value + std::string(40, '.'));
    }
  };
}

}  // namespace

TEST_CASE("what is owed to a partition is applied before anybody looks", "[kv]") {
  TestStore store;
  const std::string before = "before" + std::string(40, '.');
  const std::string after = "after" + std::string(40, '.');
  {
    const LateCommit commit(store, store.end() + 1, setAll("before"));
    CHECK(store->isOwed(0));
    CHECK(live(store, 0) == before);
  }
  CHECK_FALSE(store->isOwed(0));
  CHECK(store->size(0) == kKeys);
  const Lsn older = store.openSnapshot();
  {
    const LateCommit commit(store, store.end() + 1, setAll("after"));
    const Lsn younger = [&] {
      store.openSnapshot();
      return store.openSnapshot();
    }();
    CHECK(live(store, 1) == after);
    CHECK(at(store, 2, younger) == after);
    CHECK(at(store, 3, older) == before);
    // Those who change a key come after the commit.
    const std::string name = nameOf(4);
    store.liveKey(name, [](View& view, const Key& key) { return view.append(key, "!"); });
    CHECK(live(store, 4) == after + "!");
    CHECK(at(store, 4, older) == before);
    std::size_t seen = 0;
    const auto count = [&](const Entry& entry) { seen += text(&entry).starts_with("after") ? 1 : 0; };
    REQUIRE(store->visitAll(0, younger, false, count).ok());
    CHECK(seen == kKeys);
    CHECK_FALSE(store->isOwed(0));
    store.closeSnapshot(younger);
    store.closeSnapshot(younger - 1);
  }
  CHECK(at(store, 5, older) == before);
  store.closeSnapshot(older);
  store->purgeShadows();
  store->verify();
}

TEST_CASE("a thread that must not be held up applies only a little of what is owed", "[kv]") {
  TestStore store;
  const std::string huge(PreparedEffects::kMinOwed, 'x');
  const LateCommit commit(store, store.end() + 1, [&](View& view) {
    view.setString(view.key(0, "huge"), huge);
    view.setString(view.key(0, "small"), "x");
  });
  const auto locks_soon = [&](std::string_view name) {
    const PartitionId id = Store::partition(store->key(0, name));
    return PartitionLocks(*store, {&id, 1}, false).held();
  };
  REQUIRE(Store::partition(store->key(0, "huge")) != Store::partition(store->key(0, "small")));
  CHECK(locks_soon("small"));
  CHECK_FALSE(locks_soon("huge"));
  CHECK_FALSE(locks_soon("huge"));
  store.liveKey("huge", [](View& view, const Key& key) { return view.exists(key); });
  CHECK(locks_soon("huge"));
}

TEST_CASE("a flush that is owed, what comes after it in the same commit, and who watches", "[kv]") {
  TestStore store;
  { const LateCommit commit(store, store.end() + 1, setAll("before")); }
  const Lsn older = store.openSnapshot();
  WatchFlag flag;
  const std::string watched = nameOf(7);
  store->watch(store->key(0, watched), flag);
  {
    const LateCommit commit(store, store.end() + 1, [](View& view) {
      view.flush(0);
      view.setString(view.key(0, nameOf(1)), "again");
    });
    CHECK(live(store, 0) == "(nil)");
    CHECK(live(store, 1) == "again");
    const PartitionId id = Store::partition(store->key(0, watched));
    const PartitionLocks locks(*store, {&id, 1});
    CHECK(flag.dirty);
  }
  CHECK(store->size(0) == 1);
  CHECK(store.content(0, older).size() == kKeys);
  store->unwatch(store->key(0, watched), flag);
  store.closeSnapshot(older);
  store->purgeShadows();
  store->verify();
}

// What one who saw `before` has made of it, done to `model`.
void takeOver(const Model& before, const Model& after, Model& model) {
  for (const auto& [name, value] : before) {
    if (!after.contains(name)) {
      model.erase(name);
    }
  }
  for (const auto& [name, value] : after) {
    if (const auto it = before.find(name); it == before.end() || !(it->second == value)) {
      model[name] = value;
    }
  }
}

// Transactions that change private copies and put them in place, beside live statements and under snapshots that stay open.
TEST_CASE("what a transaction has made of its keys takes their place", "[kv]") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U);
  CAPTURE(seed);
  TestStore store({.entries = 6, .element_bytes = 40, .list_bytes = 200}, seed);
  RandomOperations operations(seed);
  std::mt19937_64 random(seed);
  Model model;
  std::map<Lsn, Model> open;
  std::size_t committed = 0;
  for (int round = 0; round < 400; ++round) {
    const Lsn snapshot = store.openSnapshot();
    open.emplace(snapshot, model);
    {
      EffectBuffer effects;
      View view = View::snapshot(*store, effects, kNow, snapshot);
      Model mine = model;
      bool flushed = false;
      for (std::size_t i = random() % 12; i > 0; --i) {
        const std::string answer = operations.step(view, mine);
        REQUIRE_THAT(answer, !Catch::StartsWith("MISMATCH"));
        flushed = flushed || answer == "any flushed";
      }
      for (std::size_t i = flushed ? 0 : random() % 3; i > 0; --i) {  // others
        REQUIRE_THAT(store.live([&](View& live) { return operations.step(live, model); }), !Catch::StartsWith("MISMATCH"));
      }
      PreparedEffects prepared(*store);
      view.prepare(prepared);
      store.lockAll();
      const bool commits = view.validate(kNow) && random() % 8 != 0;
      if (commits) {
        ++committed;
        store.commitLocked(prepared, random() % 2 == 0);
        takeOver(open.at(snapshot), mine, model);
      }
      store.unlockAll();
      if (commits) {
        store->settle(prepared);
      }
    }
    REQUIRE(store.content() == model);
    if (random() % 3 != 0) {
      auto closed = open.begin();
      std::advance(closed, static_cast<std::ptrdiff_t>(random() % open.size()));
      REQUIRE(store.content(0, closed->first) == closed->second);
      store.closeSnapshot(closed->first);
      open.erase(closed);
    }
  }
  CHECK(committed > 100);
  for (const auto& [snapshot, content] : open) {
    CHECK(store.content(0, snapshot) == content);
    store.closeSnapshot(snapshot);
  }
  store->purgeShadows();
  store->drainReaper();
  store->verify();
  CHECK(store.versions().limboSize() == 0);
}

}  // namespace trefoil::kv::test
