// Snapshots and limbo: what is freed when, by rule and against a model.
#include "base/versions.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <thread>

#include "base/reaper.hpp"

using namespace trefoil;

namespace {

std::atomic<int> alive{0};

struct Thing : Stamped {
  explicit Thing(Lsn lsn) : Stamped{lsn} { ++alive; }
  ~Thing() { --alive; }
};

void freeThing(Stamped* object) {
  delete static_cast<Thing*>(object);
}

}  // namespace

TEST_CASE("newest and oldest snapshot follow registration and release", "[versions]") {
  Versions versions;
  REQUIRE(versions.newestSnapshot() == kNoSnapshot);
  versions.registerSnapshot(10);
  versions.registerSnapshot(20);
  versions.registerSnapshot(20);
  REQUIRE(versions.newestSnapshot() == 20);
  REQUIRE(versions.oldestSnapshot() == 10);
  versions.releaseSnapshot(20);
  REQUIRE(versions.newestSnapshot() == 20);  // one holder is left
  versions.releaseSnapshot(20);
  REQUIRE(versions.newestSnapshot() == 10);
  versions.releaseSnapshot(10);
  REQUIRE(versions.newestSnapshot() == kNoSnapshot);
  REQUIRE(versions.oldestSnapshot() == kNoSnapshot);
}

TEST_CASE("a retired object lives exactly as long as a snapshot sees it", "[versions]") {
  struct Row {
    Lsn born, died;
    std::size_t limbo_with_10_and_20;
    int alive_after_20_closed;
  };
  const Row row = GENERATE(values<Row>({
      {5, 7, 0, 0},    // dead before the first snapshot
      {5, 10, 1, 1},   // a change at 10 is not visible to snapshot 10, so 10 still sees the old object
      {5, 25, 1, 1},   // both see it
      {10, 25, 1, 0},  // born at 10: only 20 sees it
      {20, 25, 0, 0},  // born at 20: neither does
      {12, 15, 0, 0},  // born and dead between the two
  }));
  Versions versions;
  versions.registerSnapshot(10);
  versions.registerSnapshot(20);
  versions.retire(new Thing(row.born), freeThing, row.died);
  CAPTURE(row.born, row.died);
  REQUIRE(versions.limboSize() == row.limbo_with_10_and_20);
  REQUIRE(alive == static_cast<int>(row.limbo_with_10_and_20));
  versions.releaseSnapshot(20);
  REQUIRE(alive == row.alive_after_20_closed);
  versions.releaseSnapshot(10);
  REQUIRE(alive == 0);
}

TEST_CASE("random snapshots and retirements agree with the rule", "[versions]") {
  std::mt19937_64 random(20240601);
  Versions versions;
  std::multiset<Lsn> open;
  struct Entry {
    Lsn born, died;
  };
  std::vector<Entry> retired;
  Lsn lsn = 1;
  const auto expected_alive = [&] {
    return std::count_if(retired.begin(), retired.end(), [&](const Entry& entry) {
      const auto first = open.upper_bound(entry.born);
      return first != open.end() && *first <= entry.died;
    });
  };
  for (int step = 0; step < 20000; ++step) {
    const auto choice = random() % 10;
    if (choice < 2 && open.size() < 8) {
      lsn += random() % 3;
      versions.registerSnapshot(lsn);
      open.insert(lsn);
    } else if (choice < 4 && !open.empty()) {
      const auto which = std::next(open.begin(), static_cast<std::ptrdiff_t>(random() % open.size()));
      versions.releaseSnapshot(*which);
      open.erase(which);
    } else {
      const Lsn died = lsn + random() % 2;
      const Lsn born = died - std::min<Lsn>(died - 1, random() % 30);  // 0 is for wholes
      versions.retire(new Thing(born), freeThing, died);
      retired.push_back({born, died});
      lsn = died + 1;
    }
    if (step % 16 == 0) {
      REQUIRE(alive == expected_alive());
      // What no open snapshot sees now is freed, and no later one can see it.
      std::erase_if(retired, [&](const Entry& entry) {
        const auto first = open.upper_bound(entry.born);
        return first == open.end() || *first > entry.died;
      });
    }
  }
  while (!open.empty()) {
    versions.releaseSnapshot(*open.begin());
    open.erase(open.begin());
  }
  REQUIRE(alive == 0);
}

TEST_CASE("private objects are dropped or adopted", "[versions]") {
  Versions versions;
  Thing* shared = new Thing(5);
  versions.registerSnapshot(10);
  PrivateNodes nodes;
  const WriteContext context = WriteContext::privateCopy(nodes, 7);
  REQUIRE_FALSE(context.isWritable(*shared));
  auto* copy = new Thing(0);
  context.created(*copy, freeThing);
  REQUIRE(context.isWritable(*copy));
  context.retire(*shared, freeThing);
  auto* gone = new Thing(0);
  context.created(*gone, freeThing);
  context.retire(*gone, freeThing);
  REQUIRE(alive == 3);

  SECTION("drop frees the new ones and leaves the shared one") {
    nodes.drop();
    REQUIRE(alive == 1);
    REQUIRE(shared->born == 5);
    delete shared;
  }
  SECTION("adopt stamps the new ones and retires the shared one") {
    nodes.adopt(versions, 12);
    REQUIRE(copy->born == 12);
    nodes.drop();
    REQUIRE(alive == 2);  // `gone` is freed; `shared` is in limbo, for snapshot 10 sees it
    versions.releaseSnapshot(10);
    REQUIRE(alive == 1);
    versions.registerSnapshot(13);
    delete copy;
  }
  SECTION("what is sealed has its stamp already, and is not writable any more") {
    nodes.seal(10);
    REQUIRE(copy->born == 10);
    REQUIRE(alive == 2);
    REQUIRE_FALSE(context.isWritable(*copy));
    auto* again = new Thing(0);
    context.created(*again, freeThing);
    context.retire(*copy, freeThing);
    nodes.adopt(versions, 12);
    REQUIRE(again->born == 12);
    nodes.drop();
    REQUIRE(alive == 2);
    versions.releaseSnapshot(10);
    REQUIRE(alive == 1);
    versions.registerSnapshot(13);
    delete again;
  }
  SECTION("drop frees what is sealed") {
    nodes.seal(10);
    nodes.drop();
    REQUIRE(alive == 1);
    delete shared;
  }
  SECTION("what others have retired is forgotten") {
    auto* kept = new Thing(6);
    context.retire(*kept, freeThing);
    nodes.forget({.gone = {shared}, .kept = {kept}, .kept_below = nodes.replacedCount()});
    context.retire(*kept, freeThing);  // the copy had it again, and replaces it once more
    nodes.adopt(versions, 12);
    nodes.drop();
    REQUIRE(alive == 3);  // `kept` in limbo, once
    versions.releaseSnapshot(10);
    REQUIRE(alive == 2);
    versions.registerSnapshot(13);
    delete shared;
    delete copy;
  }
  REQUIRE(alive == 0);
  versions.releaseSnapshot(versions.newestSnapshot());
}

TEST_CASE("retiring and releasing from many threads frees everything once", "[versions]") {
  Versions versions;
  versions.registerSnapshot(100);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        versions.retire(new Thing(static_cast<Lsn>(50 + i % 100)), freeThing, 200);
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 200; ++i) {
      versions.registerSnapshot(100);
      versions.releaseSnapshot(100);
    }
    versions.releaseSnapshot(100);
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  Reaper::instance().drain();
  REQUIRE(alive == 0);
  REQUIRE(versions.limboSize() == 0);
}

TEST_CASE("many objects, and wholes, are freed behind the scenes, parts before the whole", "[versions]") {
  struct Part : Stamped {
    std::atomic<int>* left;
  };
  struct Whole : Stamped {
    std::atomic<int>* left;
    std::atomic<bool>* right;
  };
  std::atomic<int> left{1000};
  std::atomic<bool> right{false};
  Versions versions;
  versions.registerSnapshot(10);
  for (int i = 0; i < 1000; ++i) {
    versions.retire(
        new Part{{5}, &left},
        [](Stamped* object) {
          --*static_cast<Part*>(object)->left;
          delete static_cast<Part*>(object);
        },
        12);
  }
  versions.retire(
      new Whole{{0}, &left, &right},
      [](Stamped* object) {
        const auto* whole = static_cast<Whole*>(object);
        *whole->right = *whole->left == 0;
        delete whole;
      },
      13);
  REQUIRE(versions.limboSize() == 1001);
  versions.releaseSnapshot(10);
  Reaper::instance().drain();
  REQUIRE(left == 0);
  REQUIRE(right);
}

// The old way to get this wrong: of two releases at once the one with the whole is through before the other has freed the parts.
TEST_CASE("releases at once free no whole before its parts", "[versions]") {
  struct Whole : Stamped {
    std::atomic<int> parts;
  };
  struct Part : Stamped {
    Whole* whole;
  };
  static std::atomic<int> wrong{0};
  static std::atomic<int> wholes{0};
  const auto free_part = [](Stamped* object) {
    --static_cast<Part*>(object)->whole->parts;
    delete static_cast<Part*>(object);
  };
  const auto free_whole = [](Stamped* object) {
    wrong += static_cast<Whole*>(object)->parts != 0;
    --wholes;
    delete static_cast<Whole*>(object);
  };
  Versions versions;
  Lsn lsn = 10;
  for (int round = 0; round < 300; ++round) {
    const std::array<Lsn, 4> open{lsn, lsn + 2, lsn + 4, lsn + 6};
    const int parts = round % 3 == 0 ? 1000 : 100;
    auto* const whole = new Whole{{0}, parts};
    ++wholes;
    for (const Lsn snapshot : open) {
      versions.registerSnapshot(snapshot);
      for (int i = 0; i < parts / 4; ++i) {  // some hang on each, and are seen by some of those before
        versions.retire(new Part{{std::min(lsn - 1 + static_cast<Lsn>(i % 8), snapshot)}, whole}, free_part, snapshot + 1);
      }
    }
    lsn += 10;
    versions.retire(whole, free_whole, lsn - 1);
    std::vector<std::thread> threads;
    for (const Lsn snapshot : open) {
      threads.emplace_back([&versions, snapshot] { versions.releaseSnapshot(snapshot); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  Reaper::instance().drain();
  CHECK(wrong == 0);
  CHECK(wholes == 0);
  CHECK(versions.limboSize() == 0);
}

TEST_CASE("many objects move on to the snapshots that see them, whoever closes meanwhile", "[versions]") {
  Versions versions;
  constexpr int kObjects = 3000;
  for (const Lsn snapshot : {10, 20, 30}) {
    versions.registerSnapshot(snapshot);
  }
  for (int i = 0; i < kObjects; ++i) {
    versions.retire(new Thing(static_cast<Lsn>(5 + i % 3 * 10)), freeThing, 35);  // seen by three, by two, by one
  }
  REQUIRE(versions.limboSize() == kObjects);
  versions.releaseSnapshot(30);
  Reaper::instance().drain();
  REQUIRE(alive == kObjects / 3 * 2);
  REQUIRE(versions.limboSize() == kObjects / 3 * 2);
  versions.releaseSnapshot(10);
  REQUIRE(alive == kObjects / 3 * 2);
  versions.releaseSnapshot(20);
  Reaper::instance().drain();
  REQUIRE(alive == 0);
}
