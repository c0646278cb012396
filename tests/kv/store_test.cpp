#include <catch2/catch.hpp>

#include "tests/kv/kv_harness.hpp"

namespace trefoil::kv::test {

namespace {

constexpr PackedLimits kTinyLimits{.entries = 6, .element_bytes = 32, .list_bytes = 80};

void requireStep(const std::string& answer, std::size_t number) {
  if (answer.find("MISMATCH") != std::string::npos) {
    FAIL("step " << number << ": " << answer);
  }
}

}  // namespace

TEST_CASE("random operations on a live store agree with plain containers, packed and large", "[kv]") {
  const auto limits = GENERATE(kTinyLimits, PackedLimits{}, PackedLimits{.entries = 0, .element_bytes = 0, .list_bytes = 0});
  const std::uint64_t seed = GENERATE(1ULL, 2ULL);
  CAPTURE(seed, limits.entries);
  TestStore store(limits);
  Model model;
  RandomOperations operations(seed);
  for (std::size_t i = 0; i < 2000; ++i) {
    requireStep(store.live([&](View& view) { return operations.step(view, model); }), i);
    if (i % 100 == 0) {
      store->verify();
      REQUIRE(store.content() == model);
    }
  }
  store->verify();
  REQUIRE(store.content() == model);
}

TEST_CASE("what a snapshot sees never changes", "[kv]") {
  const auto limits = GENERATE(kTinyLimits, PackedLimits{});
  const std::uint64_t seed = GENERATE(11ULL, 12ULL);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  TestStore store(limits);
  Model model;
  RandomOperations operations(seed);
  std::vector<std::pair<Lsn, Model>> snapshots;
  for (std::size_t i = 0; i < 2000; ++i) {
    requireStep(store.live([&](View& view) { return operations.step(view, model); }), i);
    if (random() % 40 == 0 && snapshots.size() < 4) {
      snapshots.emplace_back(store.openSnapshot(), model);
    }
    if (random() % 60 == 0 && !snapshots.empty()) {
      const std::size_t which = random() % snapshots.size();
      REQUIRE(store.content(0, snapshots[which].first) == snapshots[which].second);
      store.closeSnapshot(snapshots[which].first);
      snapshots.erase(snapshots.begin() + static_cast<std::ptrdiff_t>(which));
    }
    if (random() % 30 == 0) {
      store->purgeShadows(random() % 2 == 0);
    }
    if (i % 50 == 0) {
      for (const auto& [lsn, expected] : snapshots) {
        REQUIRE(store.content(0, lsn) == expected);
        for (const auto& [name, value] : expected) {
          const Entry* entry = store->findAt(store->key(0, name), lsn);
          REQUIRE(entry != nullptr);
          REQUIRE(readValue(*entry) == value);
        }
      }
      store->verify();
      REQUIRE(store.content() == model);
    }
  }
  for (const auto& [lsn, expected] : snapshots) {
    REQUIRE(store.content(0, lsn) == expected);
    store.closeSnapshot(lsn);
  }
  store->purgeShadows();
  store->verify();  // the memory account is exact again
  REQUIRE(store.versions().limboSize() == 0);
}

TEST_CASE("a snapshot that stays open keeps one version of each key, however many come and go beside it", "[kv]") {
  TestStore store;
  const auto set_all = [&](const std::string& value) {
    store.live([&](View& view) {
      for (int i = 0; i < 100; ++i) {
        const std::string name = "key" + std::to_string(i);
        view.setString(store->key(0, name), value, kNever);
      }
      return 0;
    });
  };
  set_all(std::string(200, 'a'));
  const Lsn open = store.openSnapshot();
  const auto expected = store.content(0, open);
  set_all(std::string(200, 'b'));
  store->purgeShadows(true);
  const std::size_t bytes = store->memoryBytes();
  for (int i = 0; i < 20; ++i) {
    const Lsn passing = store.openSnapshot();
    set_all(std::string(200, 'c'));
    store.closeSnapshot(passing);
    store->purgeShadows(true);
  }
  CHECK(store->memoryBytes() < bytes + 4096);  // another copy of all takes five times that
  CHECK(store.content(0, open) == expected);
  store.closeSnapshot(open);
  store->purgeShadows();
  store->verify();
}

TEST_CASE("a transaction's view answers as the live one does, and its effects give the same store", "[kv]") {
  const auto limits = GENERATE(kTinyLimits, PackedLimits{});
  const std::uint64_t seed = GENERATE(21ULL, 22ULL);
  const bool with_snapshot = GENERATE(true, false);
  CAPTURE(seed, with_snapshot);
  TestStore live(limits);
  TestStore staged(limits);
  Model live_model;
  Model staged_model;
  RandomOperations live_operations(seed);
  RandomOperations staged_operations(seed);
  for (std::size_t transaction = 0; transaction < 40; ++transaction) {
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < 50; ++i) {
      expected.push_back(live.live([&](View& v) { return live_operations.step(v, live_model); }));
      requireStep(expected.back(), i);
    }
    EffectBuffer effects;
    Lsn snapshot = kNoSnapshot;
    if (with_snapshot) {
      snapshot = staged.openSnapshot();
    } else {
      staged.lockAll();
    }
    {
      View view = with_snapshot ? View::snapshot(*staged, effects, kNow, snapshot) : View::locked(*staged, effects, kNow);
      for (const std::string& answer : expected) {
        REQUIRE(staged_operations.step(view, staged_model) == answer);
      }
      if (with_snapshot) {
        staged.lockAll();
        REQUIRE(view.validate(kNow));
      }
      staged.unlockAll();
    }
    if (with_snapshot && transaction % 2 == 0) {
      staged.closeSnapshot(snapshot);
    }
    REQUIRE(staged.apply(effects.bytes()).ok());
    if (with_snapshot && transaction % 2 != 0) {
      staged.closeSnapshot(snapshot);
    }
    staged->verify();
    REQUIRE(staged.content() == live.content());
  }
}

TEST_CASE("a truncated buffer restages to what was there before", "[kv]") {
  const std::uint64_t seed = GENERATE(31ULL, 32ULL, 33ULL);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  TestStore store(kTinyLimits);
  Model model;
  RandomOperations operations(seed);
  for (std::size_t i = 0; i < 200; ++i) {
    requireStep(store.live([&](View& view) { return operations.step(view, model); }), i);
  }
  for (std::size_t round = 0; round < 20; ++round) {
    const Lsn snapshot = store.openSnapshot();
    {
      EffectBuffer effects;
      View view = View::snapshot(*store, effects, kNow, snapshot);
      Model staged = model;
      std::vector<std::pair<std::size_t, Model>> savepoints;
      for (std::size_t i = 0; i < 60; ++i) {
        if (random() % 10 == 0) {
          savepoints.emplace_back(effects.size(), staged);
        }
        if (random() % 15 == 0 && !savepoints.empty()) {
          staged = savepoints.back().second;
          effects.truncate(savepoints.back().first);
          savepoints.pop_back();
          view.forget();
          EffectReader reader(effects.bytes());
          while (!reader.done()) {
            const std::size_t begin = reader.offset();
            const std::uint8_t kind = reader.getKind();
            REQUIRE(skipEffect(kind, reader).ok());
            view.restage(begin, reader.offset());
          }
        }
        requireStep(operations.step(view, staged), i);
      }
    }
    store.closeSnapshot(snapshot);
    REQUIRE(store.content() == model);
  }
}

TEST_CASE("effects replayed and captures loaded into another store give the same content", "[kv]") {
  const std::uint64_t seed = GENERATE(41ULL, 42ULL);
  const std::size_t members = GENERATE(40, 2000);
  CAPTURE(seed, members);
  TestStore store(kTinyLimits);
  TestStore replica(PackedLimits{}, 99);
  Model model;
  RandomOperations operations(seed, 12, members);
  for (std::size_t i = 0; i < 2500; ++i) {
    EffectBuffer effects;
    store.lockAll();
    {
      View view = View::locked(*store, effects, kNow);
      requireStep(operations.step(view, model), i);
    }
    store.unlockAll();
    REQUIRE(store.apply(effects.bytes()).ok());
    REQUIRE(replica.apply(effects.bytes()).ok());
  }
  REQUIRE(store.content() == model);
  REQUIRE(replica.content() == model);
  const Lsn snapshot = store.openSnapshot();
  Model later = model;
  TestStore loaded(kTinyLimits, 5);
  std::size_t portions = 0;
  REQUIRE(store
              ->capture(snapshot,
                        [&](std::string_view effects) {
                          ++portions;
                          for (std::size_t i = 0; i < 20; ++i) {  // the live store goes on meanwhile
                            requireStep(store.live([&](View& view) { return operations.step(view, later); }), i);
                          }
                          return loaded.apply(effects);
                        })
              .ok());
  REQUIRE(portions > 0);
  store.closeSnapshot(snapshot);
  REQUIRE(loaded.content() == model);
  REQUIRE(store.content() == later);
  loaded->verify();
}

TEST_CASE("many keys: growth, splits, removal, SCAN's guarantee", "[kv]") {
  const std::uint64_t seed = GENERATE(51ULL);
  CAPTURE(seed);
  TestStore store({}, seed);
  std::mt19937_64 random(seed);
  std::set<std::string> present;
  const auto add = [&](const std::string& name) {
    store.liveKey(name, [&](View& view, const Key& key) {
      view.setString(key, "value");
      return true;
    });
    present.insert(name);
  };
  for (std::size_t i = 0; i < 60'000; ++i) {
    add("key:" + std::to_string(i));
    if (i == 100 || i == 5'000) {
      store->verify();
    }
  }
  store->verify();
  REQUIRE(store->size(0) == present.size());
  REQUIRE(store.content().size() == present.size());
  // A scan with changes in between visits everything that was there throughout.
  std::set<std::string> throughout = present;
  std::set<std::string> visited;
  std::uint64_t cursor = 0;
  std::size_t added = 100'000;
  do {
    cursor = store->visit(0, cursor, 100, kNoSnapshot, false, [&](const Entry& entry) { visited.emplace(entry.key()); });
    for (std::size_t i = 0; i < 60; ++i) {
      add("key:" + std::to_string(added++));
      const std::string victim = "key:" + std::to_string(random() % 60'000);
      store.liveKey(victim, [&](View& view, const Key& key) { return view.remove(key); });
      present.erase(victim);
      throughout.erase(victim);
    }
  } while (cursor != 0);
  REQUIRE(std::includes(visited.begin(), visited.end(), throughout.begin(), throughout.end()));
  store->verify();
  // And away with them all.
  for (const std::string& name : present) {
    REQUIRE(store.liveKey(name, [&](View& view, const Key& key) { return view.remove(key); }));
  }
  REQUIRE(store->size(0) == 0);
  store->verify();
}

}  // namespace trefoil::kv::test
