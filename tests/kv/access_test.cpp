// What is known of how keys are used: the words, and that each goes with its key through all that happens to a directory.
#include "kv/access.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>

#include "tests/kv/kv_harness.hpp"

namespace trefoil::kv::test {

namespace {

constexpr std::int64_t kMinute = 60'000;

// A key is set, or read.
void use(TestStore& store, const std::string& name, UnixMs now, bool sets) {
  store.live(
      [&](View& view) {
        const Key key = view.key(0, name);
        if (sets) {
          view.setString(key, "v");
        }
        return sets || view.exists(key);
      },
      now);
}

}  // namespace

TEST_CASE("idle times", "[kv][access]") {
  AccessTracker accesses;
  accesses.begin(Tracking::kRecency, UnixMs{1000});
  const std::uint32_t created = accesses.created();
  struct Case {
    std::int64_t now;
    std::int64_t idle;          // of what was used at 1000
    std::int64_t idle_unknown;  // since tracking began
  };
  const std::int64_t almost_half = std::int64_t{10} * ((std::int64_t{1} << 30) - 1);
  for (const Case& one : {Case{1000, 0, 0}, Case{1009, 0, 9}, Case{1010, 10, 10}, Case{61'000, 60'000, 60'000}, Case{500, 0, 0},
                          Case{1000 + almost_half, almost_half, almost_half}}) {
    CAPTURE(one.now);
    accesses.setNow(UnixMs{one.now});
    CHECK(accesses.idleMs(created) == one.idle);
    CHECK(accesses.idleMs(0) == one.idle_unknown);
  }
  accesses.setNow(UnixMs{5000});
  CHECK(accesses.idleMs(accesses.used(created)) == 0);
}

TEST_CASE("frequencies grow ever more slowly and decay", "[kv][access]") {
  AccessTracker accesses;
  accesses.begin(Tracking::kFrequency, UnixMs{0});
  std::uint32_t word = accesses.created();
  CHECK(accesses.frequency(word) == 5);
  CHECK(accesses.frequency(0) == 5);

  // Redis's table (redis.conf): after so many hits with factor 10 the counter is about that.
  struct Case {
    int uses;
    int low;
    int high;
  };
  int used = 0;
  for (const Case& one : {Case{100, 7, 16}, Case{1000, 14, 24}, Case{100'000, 110, 180}, Case{1'000'000, 255, 255}}) {
    for (; used < one.uses; ++used) {
      word = accesses.used(word);
    }
    CAPTURE(one.uses);
    CHECK(accesses.frequency(word) >= one.low);
    CHECK(accesses.frequency(word) <= one.high);
  }

  accesses.setNow(UnixMs{10 * kMinute});
  CHECK(accesses.frequency(word) == 245);
  CHECK(accesses.frequency(0) == 0);
  accesses.setFrequencyRules(10, 5);
  CHECK(accesses.frequency(word) == 253);
  accesses.setFrequencyRules(10, 0);
  CHECK(accesses.frequency(word) == 255);
  accesses.setFrequencyRules(0, 1);
  CHECK(accesses.frequency(accesses.used(accesses.created())) == 6);

  // A word of the other kind says nothing.
  accesses.begin(Tracking::kRecency, UnixMs{20 * kMinute});
  accesses.setNow(UnixMs{20 * kMinute + 700});
  CHECK(accesses.idleMs(word) == 700);
}

TEST_CASE("what is known of a key goes with it while others come and go", "[kv][access]") {
  TestStore store;
  std::mt19937_64 random(11);
  std::map<std::string, std::int64_t> last_use;
  UnixMs now{1'000'000};
  const auto nameOf = [](std::uint64_t i) { return "key" + std::to_string(i); };
  // Some were there before anybody tracked.
  for (std::uint64_t i = 0; i < 2000; ++i) {
    use(store, nameOf(i), now, true);
  }
  now.value += 1000;
  store->accesses().begin(Tracking::kRecency, now);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    last_use[nameOf(i)] = now.value;
  }
  const auto check_all = [&] {
    store->accesses().setNow(now);
    for (const auto& [name, at] : last_use) {
      CAPTURE(name);
      REQUIRE(store->accesses().idleMs(store->accessOf(store->key(0, name), false)) == now.value - at);
    }
    store->verify();
  };
  for (int round = 0; round < 6; ++round) {
    for (int step = 0; step < 4000; ++step) {
      now.value += 10;
      const std::string name = nameOf(random() % (round < 3 ? 20'000 : 3000));
      const std::uint64_t what = random() % 10;
      if (what < (round < 3 ? 7 : 2)) {
        use(store, name, now, true);
        last_use[name] = now.value;
      } else if (what < 8) {
        use(store, name, now, false);
        if (last_use.contains(name)) {
          last_use[name] = now.value;
        }
      } else {
        store.live([&](View& view) { return view.remove(view.key(0, name)); }, now);
        last_use.erase(name);
      }
    }
    check_all();
  }
  // Looking is no use.
  store.live([&](View& view) { return view.peek(view.key(0, last_use.begin()->first)) != nullptr; }, now);
  check_all();
  // Nor is anything known of what was removed and comes back.
  const std::string name = last_use.begin()->first;
  store.live([&](View& view) { return view.remove(view.key(0, name)); }, now);
  now.value += 5000;
  use(store, name, now, true);
  last_use[name] = now.value;
  check_all();
}

TEST_CASE("samples are keys that are there, with a deadline if so asked", "[kv][access]") {
  TestStore store;
  std::mt19937_64 random(5);
  CHECK(store->sample(0, random(), 5, false, true, [](const Entry&, std::uint32_t) {}) == 0);
  const std::size_t keys = GENERATE(std::size_t{1}, std::size_t{300}, std::size_t{20'000});
  for (std::size_t i = 0; i < keys; ++i) {
    store.live([&](View& view) {
      view.setString(view.key(0, "key" + std::to_string(i)), "v", i % 10 == 0 ? Deadline{kNow.value + 1'000'000} : kNever);
      return true;
    });
  }
  for (const bool with_deadline : {false, true}) {
    std::map<std::string, int> drawn;
    for (int i = 0; i < 3000; ++i) {
      const std::size_t visited =
          store->sample(0, random(), 5, with_deadline, true, [&](const Entry& entry, std::uint32_t access) {
            CHECK((!with_deadline || entry.hasDeadline()));
            CHECK(access == 0);
            ++drawn[std::string(entry.key())];
          });
      CHECK(visited >= 1);
      CHECK(visited <= 4 + 8);
    }
    CHECK(drawn.size() > std::min<std::size_t>(with_deadline ? (keys + 9) / 10 : keys, 3000) * 3 / 10);
  }
}

}  // namespace trefoil::kv::test
