// Views: validation, deadlines, watches, the sweeper; and the small pieces: numbers, hashes.
#include <catch2/catch.hpp>

#include <cmath>

#include "kv/integer_text.hpp"
#include "kv/key_hash.hpp"
#include "tests/kv/kv_harness.hpp"

namespace trefoil::kv::test {

namespace {

void set(TestStore& store, std::string_view name, std::string_view value, Deadline deadline = kNever) {
  store.live([&](View& view) {
    view.setString(view.key(0, name), value, deadline);
    return 0;
  });
}

bool validates(TestStore& store, const View& view, UnixMs now = kNow) {
  store.lockAll();
  const bool valid = view.validate(now);
  store.unlockAll();
  return valid;
}

}  // namespace

TEST_CASE("validation finds every change of what was read, and no other", "[kv]") {
  struct Case {
    const char* what;
    std::function<void(View&)> read;
    std::function<void(TestStore&)> change;
    bool valid;
  };
  const auto read_key = [](const char* name) { return [name](View& view) { view.find(view.key(0, name)); }; };
  const auto set_key = [](const char* name) { return [name](TestStore& store) { set(store, name, "new"); }; };
  const auto drop_key = [](const char* name) {
    return [name](TestStore& store) { store.live([&](View& view) { return view.remove(view.key(0, name)); }); };
  };
  const auto keys = [](const char* pattern) {
    return [pattern](View& view) { REQUIRE(view.forEachKey(0, pattern, [](const Entry&) {}).ok()); };
  };
  const std::vector<Case> cases = {
      {"nothing", read_key("a"), [](TestStore&) {}, true},
      {"another key", read_key("a"), set_key("b"), true},
      {"the key overwritten", read_key("a"), set_key("a"), false},
      {"the key removed", read_key("a"), drop_key("a"), false},
      {"the key removed and set to the same again", read_key("a"), [&](TestStore& s) { drop_key("a")(s), set(s, "a", "1"); },
       false},
      {"an absent key created", read_key("none"), set_key("none"), false},
      {"an absent key created and removed", read_key("none"), [&](TestStore& s) { set_key("none")(s), drop_key("none")(s); },
       false},
      {"a blind write", [](View& view) { view.setString(view.key(0, "a"), "mine"); }, set_key("a"), true},
      {"a write that answers", [](View& view) { view.remove(view.key(0, "a")); }, set_key("a"), false},
      {"a pattern, a match created", keys("a*"), set_key("axe"), false},
      {"a pattern, a match removed", keys("a*"), drop_key("a"), false},
      {"a pattern, no match", keys("a*"), set_key("boat"), true},
      {"a pattern that only the empty name matches", keys(""), set_key("boat"), true},
      {"the size of the database", [](View& view) { REQUIRE(view.databaseSize(0).ok()); }, set_key("boat"), false},
      {"SCAN promises nothing", [](View& view) { view.scan(0, 0, 100, [](const Entry&) {}); }, set_key("a"), true},
      {"everything flushed", read_key("a"),
       [](TestStore& s) {
         s.live([](View& v) {
           v.flush(0);
           return 0;
         });
       },
       false},
  };
  const bool reads_many = GENERATE(false, true);
  for (const Case& one : cases) {
    CAPTURE(one.what, reads_many);
    TestStore store;
    set(store, "a", "1");
    set(store, "b", "2");
    const Lsn earlier = store.openSnapshot();
    set(store, "a", "1");
    const Lsn snapshot = store.openSnapshot();
    {
      EffectBuffer effects;
      View view = View::snapshot(*store, effects, kNow, snapshot);
      one.read(view);
      for (int i = 0; reads_many && i < 2000; ++i) {
        REQUIRE_FALSE(view.exists(view.key(0, "other:" + std::to_string(i))));
      }
      one.change(store);
      REQUIRE(validates(store, view) == one.valid);
      const auto footprint = view.footprint();
      REQUIRE((footprint.read.empty() && footprint.written.empty()) ==
              (!reads_many && std::string_view(one.what) == "SCAN promises nothing"));
      store.closeSnapshot(earlier);
      store->purgeShadows();
      REQUIRE(validates(store, view) == one.valid);
    }
    store.closeSnapshot(snapshot);
  }
}

TEST_CASE("a deadline that passes between read and commit is a conflict", "[kv]") {
  TestStore store;
  set(store, "a", "1", {kNow.value + 10});
  const Lsn snapshot = store.openSnapshot();
  {
    EffectBuffer effects;
    View view = View::snapshot(*store, effects, kNow, snapshot);
    REQUIRE(view.exists(view.key(0, "a")));
    REQUIRE(validates(store, view, {kNow.value + 9}));
    REQUIRE_FALSE(validates(store, view, {kNow.value + 10}));
  }
  store.closeSnapshot(snapshot);
}

TEST_CASE("an expired key is absent; the next write stages its removal first", "[kv]") {
  TestStore store;
  set(store, "a", "old", {kNow.value - 1});
  set(store, "h", "old", {kNow.value - 1});
  REQUIRE(store->size(0) == 2);
  store.live([&](View& view) {
    REQUIRE_FALSE(view.exists(view.key(0, "a")));
    REQUIRE_FALSE(view.remove(view.key(0, "a")));
    REQUIRE(view.append(view.key(0, "a"), "new") == 3);
    const FieldValue pair{"f", "v"};
    REQUIRE(view.hashSet(view.key(0, "h"), {&pair, 1}) == 1);  // of another type before
    return 0;
  });
  const Model model = store.content();
  REQUIRE(model.at("a").text == "new");
  REQUIRE(model.at("a").deadline == INT64_MAX);
  REQUIRE(model.at("h").hash.at("f") == "v");
}

TEST_CASE("the sweeper finds all expired keys and only those", "[kv]") {
  TestStore store;
  for (int i = 0; i < 3000; ++i) {
    set(store, "key:" + std::to_string(i), "v", i % 3 == 0 ? kNever : Deadline{kNow.value + (i % 3 == 1 ? -1 : 1000)});
  }
  REQUIRE(store->sizeWithDeadline(0) == 2000);
  std::size_t removed = 0;
  for (int round = 0; round < 200 && removed < 1000; ++round) {
    for (const ExpiredKey& expired : store->sweepExpired(kNow, 200).expired) {
      removed += store.live([&](View& view) { return view.removeIfExpired(view.key(expired.db, expired.key)); }) ? 1 : 0;
    }
  }
  REQUIRE(removed == 1000);
  REQUIRE(store->size(0) == 2000);
  REQUIRE(store->sweepExpired(kNow, 100'000).expired.empty());
  store->verify();
}

TEST_CASE("a watched key's flag is raised by its changes alone", "[kv]") {
  TestStore store;
  set(store, "a", "1");
  WatchFlag flag;
  const Key key = store->key(0, "a");
  const Key absent = store->key(0, "none");
  store->watch(key, flag);
  store->watch(absent, flag);
  set(store, "b", "1");
  REQUIRE_FALSE(flag.dirty);
  set(store, "a", "2");
  REQUIRE(flag.dirty.exchange(false));
  set(store, "none", "2");
  REQUIRE(flag.dirty.exchange(false));
  store.live([](View& view) {
    view.flush(0);
    return 0;
  });
  REQUIRE(flag.dirty.exchange(false));
  store.live([](View& view) {
    view.flush(0);  // of an empty database
    return 0;
  });
  REQUIRE_FALSE(flag.dirty);
  store->unwatch(key, flag);
  store->unwatch(absent, flag);
  set(store, "a", "3");
  REQUIRE_FALSE(flag.dirty);
}

TEST_CASE("memory is given back, large values in the background", "[kv]") {
  TestStore store;
  const std::size_t empty = store->memoryBytes();
  store.live([](View& view) {
    std::vector<std::string> members;
    for (int i = 0; i < 50'000; ++i) {
      members.push_back("member:" + std::to_string(i));
    }
    const std::vector<std::string_view> views(members.begin(), members.end());
    return view.setAdd(view.key(0, "large"), views);
  });
  REQUIRE(store->memoryBytes() > empty + 50'000 * 40);
  store->verify();
  REQUIRE(store.live([](View& view) { return view.remove(view.key(0, "large")); }));
  store->drainReaper();
  REQUIRE(store->memoryBytes() < empty + 4096);
}

TEST_CASE("a flush gives all memory back, and what a snapshot sees when that is closed", "[kv]") {
  TestStore store;
  const bool with_snapshot = GENERATE(false, true);
  const std::size_t empty = store->memoryBytes();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20'000; ++i) {
      set(store, "key:" + std::to_string(i), std::string(100, 'v'));
    }
    REQUIRE(store->memoryBytes() > empty + 2'000'000);
    const Lsn snapshot = with_snapshot ? store.openSnapshot() : kNoSnapshot;
    store.live([](View& view) {
      view.flush(0);
      return 0;
    });
    REQUIRE(store->size(0) == 0);
    REQUIRE(store.content().empty());
    set(store, "key:7", "after");
    if (with_snapshot) {
      REQUIRE(store.content(0, snapshot).size() == 20'000);
      store.closeSnapshot(snapshot);
      store->purgeShadows();
    }
    store->drainReaper();
    store->verify();
    REQUIRE(store.content().size() == 1);
    CHECK(store->memoryBytes() < empty + 100'000);
  }
}

TEST_CASE("what becomes smaller gives its memory back", "[kv]") {
  TestStore store;
  const std::string large(1'000'000, 'x');
  const auto put = [&](std::string_view key, std::string_view field, std::string_view value) {
    store.live([&](View& view) {
      const FieldValue pair{field, value};
      return view.hashSet(view.key(0, key), {&pair, 1});
    });
  };
  const auto push = [&](std::string_view value) {
    store.live([&](View& view) { return view.listPush(view.key(0, "list"), ListSide::kRight, {&value, 1}); });
  };
  const std::size_t empty = store->memoryBytes();
  SECTION("a field of a large hash") {
    put("hash", "field", large);
    put("hash", "field", "v");
  }
  SECTION("an element of a large list") {
    push(large);
    store.live([&](View& view) {
      view.listSet(view.key(0, "list"), 0, "v");
      return 0;
    });
  }
  SECTION("packed collections") {
    for (int key = 0; key < 1000; ++key) {
      for (int field = 0; field < 100; ++field) {
        put("hash" + std::to_string(key), std::to_string(field), "a value");
      }
    }
    REQUIRE(store->memoryBytes() > empty + 1'000'000);
    for (int key = 0; key < 1000; ++key) {
      store.live([&](View& view) {
        std::vector<std::string> fields;
        for (int field = 1; field < 100; ++field) {
          fields.push_back(std::to_string(field));
        }
        return view.hashRemove(view.key(0, "hash" + std::to_string(key)),
                               std::vector<std::string_view>(fields.begin(), fields.end()));
      });
    }
  }
  store->verify();
  CHECK(store->memoryBytes() < empty + 300'000);
}

TEST_CASE("a view's own keys and flushes are seen by its walks", "[kv]") {
  TestStore store;
  for (int i = 0; i < 100; ++i) {
    set(store, "key:" + std::to_string(i), "v");
  }
  const Lsn snapshot = store.openSnapshot();
  {
    EffectBuffer effects;
    View view = View::snapshot(*store, effects, kNow, snapshot);
    const auto scanned = [&] {
      std::set<std::string> names;
      std::uint64_t cursor = 0;
      do {
        cursor = view.scan(0, cursor, 10, [&](const Entry& entry) { names.emplace(entry.key()); });
      } while (cursor != 0);
      return names;
    };
    REQUIRE(scanned().size() == 100);
    view.setString(view.key(0, "mine"), "v");
    view.setString(view.key(0, "key:5"), "other");
    view.remove(view.key(0, "key:6"));
    REQUIRE(scanned().size() == 100);
    REQUIRE(scanned().contains("mine"));
    REQUIRE_FALSE(scanned().contains("key:6"));
    view.flush(0);
    REQUIRE(scanned().empty());
    REQUIRE(view.databaseSize(0).value() == 0);
    REQUIRE_FALSE(view.exists(view.key(0, "key:1")));
    view.setString(view.key(0, "key:1"), "after");
    REQUIRE(scanned() == std::set<std::string>{"key:1"});
    REQUIRE(view.randomKey(0, [] { return 12345ULL; }) == "key:1");
    REQUIRE(view.footprint().written.size() == kPartitions);
    REQUIRE(store->size(0) == 100);
  }
  store.closeSnapshot(snapshot);
}

// Pearson's statistic of the draws of `keys` keys, each as likely as any other.
double unevenness(const std::map<std::string, int>& drawn, std::size_t keys, int draws) {
  const double expected = static_cast<double>(draws) / static_cast<double>(keys);
  double sum = expected * static_cast<double>(keys - drawn.size());
  for (const auto& [key, count] : drawn) {
    sum += (count - expected) * (count - expected) / expected;
  }
  return sum;
}

TEST_CASE("every key is as likely to be drawn as any other", "[kv]") {
  const auto keys = GENERATE(as<std::size_t>(), 1, 2, 20, 3000);
  const bool in_snapshot = GENERATE(false, true);
  CAPTURE(keys, in_snapshot);
  TestStore store({}, 7, 2);
  EffectBuffer none;
  // Half of what is stored cannot be drawn: it has expired.
  for (std::size_t i = 0; i < keys; ++i) {
    set(store, "key:" + std::to_string(i), "v");
    set(store, "gone:" + std::to_string(i), "v", Deadline{kNow.value - 1});
  }
  const Lsn snapshot = store.openSnapshot();
  if (in_snapshot) {
    for (std::size_t i = 0; i < keys; ++i) {
      set(store, "newer:" + std::to_string(i), "v");
    }
  }
  std::mt19937_64 generator(20260501);
  std::map<std::string, int> drawn;
  const int draws = std::max(6000, static_cast<int>(keys) * 30);
  {
    EffectBuffer effects;
    View view = in_snapshot ? View::snapshot(*store, effects, kNow, snapshot) : View::live(*store, effects, kNow);
    for (int i = 0; i < draws; ++i) {
      ++drawn[view.randomKey(0, [&] { return generator(); }).value()];
    }
    REQUIRE_FALSE(view.randomKey(1, [&] { return generator(); }));
  }
  store.closeSnapshot(snapshot);
  REQUIRE(drawn.size() == keys);
  REQUIRE(drawn.begin()->first.starts_with("key:"));
  // The mean is keys - 1, the deviation sqrt(2 (keys - 1)).
  const auto freedom = static_cast<double>(keys - 1);
  REQUIRE(unevenness(drawn, keys, draws) <= freedom + 6 * std::sqrt(2 * freedom) + 1e-9);
}

TEST_CASE("among many keys that have expired the last one is found", "[kv]") {
  TestStore store;
  for (int i = 0; i < 5000; ++i) {
    set(store, "gone:" + std::to_string(i), "v", Deadline{kNow.value - 1});
  }
  EffectBuffer effects;
  View view = View::live(*store, effects, kNow);
  std::mt19937_64 generator(1);
  REQUIRE_FALSE(view.randomKey(0, [&] { return generator(); }));
  set(store, "key", "v");
  REQUIRE(view.randomKey(0, [&] { return generator(); }) == "key");
}

TEST_CASE("only canonical decimals are integers", "[kv]") {
  REQUIRE(parseInteger("0") == 0);
  REQUIRE(parseInteger("-1") == -1);
  REQUIRE(parseInteger("9223372036854775807") == INT64_MAX);
  REQUIRE(parseInteger("-9223372036854775808") == INT64_MIN);
  for (const char* text : {"", "-", "+1", "01", "-0", " 1", "1 ", "9223372036854775808", "-9223372036854775809", "1.0", "1e3",
                           "99999999999999999999"}) {
    CAPTURE(text);
    REQUIRE_FALSE(parseInteger(text).has_value());
  }
}

TEST_CASE("the key hash depends on the seed, the length and every byte", "[kv]") {
  std::set<std::uint64_t> hashes;
  std::size_t made = 0;
  for (std::size_t size = 0; size < 100; ++size) {
    std::string text(size, 'x');
    hashes.insert(hashBytes(text, 1));
    hashes.insert(hashBytes(text, 2));
    made += 2;
    for (std::size_t i = 0; i < size; ++i) {
      std::string changed = text;
      changed[i] = 'y';
      hashes.insert(hashBytes(changed, 1));
      ++made;
    }
  }
  REQUIRE(hashes.size() == made);
}

TEST_CASE("a walk over all keys ends soon after somebody has asked for it", "[kv]") {
  TestStore store;
  constexpr std::size_t kKeys = 3 * View::kStepsBetweenLooks;
  store.live([&](View& view) {
    for (std::size_t i = 0; i < kKeys; ++i) {
      view.setString(view.key(0, std::to_string(i)), "x");
    }
    return 0;
  });
  const Lsn snapshot = store.openSnapshot();
  EffectBuffer effects;
  View live = View::live(*store, effects, kNow);
  View fixed = View::snapshot(*store, effects, kNow, snapshot);
  for (View* const view : {&live, &fixed}) {
    StatementControl control;
    view->heed(control);
    std::size_t seen = 0;
    const auto stop_at = [&](std::size_t last) {
      return [&control, &seen, last](const Entry&) {
        if (++seen == last) {
          control.stop(StatementControl::Stop::kClientGone);
        }
      };
    };
    CHECK(view->forEachKey(0, "*", stop_at(SIZE_MAX)).ok());
    CHECK(seen == kKeys);
    seen = 0;
    const Status status = view->forEachKey(0, "*", stop_at(10));
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == ErrorCode::kCancelled);
    CHECK(seen < kKeys);
    CHECK(view->databaseSize(0).ok() == (view == &live));  // which need not count
  }
  store.closeSnapshot(snapshot);
}

}  // namespace trefoil::kv::test
