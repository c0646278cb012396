// Eviction on the stores themselves: where it stops, open snapshots, many threads.
#include "txn/eviction.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/memory_account.hpp"
#include "kv/collection.hpp"
#include "kv/view.hpp"
#include "tests/base/temporary_directory.hpp"
#include "txn/live.hpp"
#include "txn/manager.hpp"
#include "txn/transaction.hpp"

namespace trefoil::txn {

namespace {

using testing::TemporaryDirectory;

constexpr UnixMs kNow{1'000'000};
constexpr std::int64_t kLong = 10'000'000;  // microseconds
constexpr Deadline kLater{INT64_MAX / 2};

std::unique_ptr<Manager> open(const std::string& directory, Env& env) {
  ManagerOptions options;
  options.directory = directory;
  options.env = &env;
  options.log.ring_bytes = 1 << 20;
  auto opened = Manager::open(options);
  REQUIRE(opened.ok());
  return std::move(opened).value();
}

// One live statement on one key.
template <typename Statement>
void live(Manager& manager, const std::string& name, Statement&& statement) {
  const kv::Key key = manager.kv().key(0, name);
  const kv::PartitionId partition = kv::Store::partition(key);
  const auto once = [&](LiveAttempt& attempt) -> Status {
    const kv::PartitionLocks lock(manager.kv(), {&partition, 1});
    kv::View view = kv::View::live(manager.kv(), attempt.effects(), kNow);
    statement(view, key);
    attempt.commit();
    return {};
  };
  std::optional<Lsn> end;
  TREFOIL_ASSERT(runLive(
                     manager.committer(), once, [] {}, end)
                     .ok());  // also called by threads
}

void set(Manager& manager, const std::string& name, std::size_t bytes = 200) {
  live(manager, name, [&](kv::View& view, const kv::Key& key) { view.setString(key, std::string(bytes, 'x'), kLater); });
}

}  // namespace

TEST_CASE("eviction stops at the limit, and says when there is nothing left", "[txn][eviction]") {
  const auto manager = open("", Env::system());
  for (int i = 0; i < 10'000; ++i) {
    set(*manager, "key" + std::to_string(i));
  }
  const std::int64_t full = MemoryAccount::used();
  Eviction& eviction = manager->eviction();
  const auto rules = [&](EvictionPolicy policy, std::int64_t limit) { return Eviction::Rules{policy, limit, 5}; };
  CHECK(eviction.makeRoom(rules(EvictionPolicy::kNone, full - 1'000'000), Env::system(), kLong, true) ==
        Eviction::Outcome::kNothing);
  CHECK(manager->kv().size(0) == 10'000);
  CHECK(eviction.makeRoom(rules(EvictionPolicy::kAllKeysRandom, full + 1'000'000), Env::system(), kLong, true) ==
        Eviction::Outcome::kEnough);
  CHECK(manager->kv().size(0) == 10'000);
  for (const EvictionPolicy policy : {EvictionPolicy::kAllKeysRandom, EvictionPolicy::kVolatileTtl}) {
    const std::size_t before = manager->kv().size(0);
    const std::int64_t wanted = MemoryAccount::roughlyHere() - 500'000;
    CHECK(eviction.makeRoom(rules(policy, wanted), Env::system(), kLong, true) == Eviction::Outcome::kEnough);
    CHECK(MemoryAccount::roughlyHere() <= wanted);
    CHECK(before - manager->kv().size(0) > 1000);
    CHECK(before - manager->kv().size(0) < 4000);
  }
  CHECK(eviction.makeRoom(rules(EvictionPolicy::kAllKeysRandom, 0), Env::system(), 0, true) == Eviction::Outcome::kRunning);
  CHECK(eviction.makeRoom(rules(EvictionPolicy::kAllKeysRandom, 0), Env::system(), kLong, true) == Eviction::Outcome::kNothing);
  CHECK(manager->kv().size(0) == 0);
  CHECK(manager->kv().evictedKeys() == 10'000);
  manager->kv().verify();
}

TEST_CASE("what an open snapshot sees of keys that are gone does not drive eviction on", "[txn][eviction]") {
  const auto manager = open("", Env::system());
  for (int i = 0; i < 10'000; ++i) {
    set(*manager, "key" + std::to_string(i));
  }
  const Eviction::Rules rules{EvictionPolicy::kAllKeysRandom, MemoryAccount::roughlyHere() - 500'000, 5};
  {
    const Snapshot snapshot = manager->openSnapshot();
    CHECK(manager->eviction().makeRoom(rules, Env::system(), kLong, true) == Eviction::Outcome::kEnough);
    CHECK(manager->kv().size(0) > 6000);
    CHECK(manager->kv().size(0) < 9000);
    CHECK(manager->kv().snapshotBytes() > 300'000);
    // All of it is still to be seen.
    std::size_t seen = 0;
    REQUIRE(manager->kv().visitAll(0, snapshot.lsn(), false, [&](const kv::Entry&) { ++seen; }).ok());
    CHECK(seen == 10'000);
  }
  manager->kv().purgeShadows();
  CHECK(manager->kv().snapshotBytes() == 0);
  CHECK(MemoryAccount::roughlyHere() <= rules.limit);
  manager->kv().verify();
}

TEST_CASE("threads evict beside readers, writers and snapshots", "[txn][eviction][threads]") {
  const bool logged = GENERATE(false, true);
  const TemporaryDirectory directory;
  const auto manager = open(logged ? directory.path() : "", Env::system());
  manager->kv().accesses().begin(kv::Tracking::kRecency, kNow);
  const std::int64_t limit = MemoryAccount::used() + (1 << 20);
  std::atomic<bool> stop{false};
  const auto policies = {EvictionPolicy::kAllKeysLru, EvictionPolicy::kVolatileLfu, EvictionPolicy::kAllKeysRandom,
                         EvictionPolicy::kVolatileTtl};
  const auto write = [&](unsigned seed) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < 5000; ++i) {
      const std::string name = "key" + std::to_string(random() % 20'000);
      const EvictionPolicy policy = *(policies.begin() + i / 200 % 4);
      manager->eviction().makeRoom({policy, limit, 5}, Env::system(), 500, random() % 2 == 0);
      if (random() % 4 == 0) {
        live(*manager, "list" + name, [&](kv::View& view, const kv::Key& key) {
          const std::string_view element = name;
          view.listPush(key, kv::ListSide::kRight, {&element, 1});
        });
      } else {
        set(*manager, name);
      }
    }
  };
  const auto read = [&] {
    std::mt19937_64 random(99);
    while (!stop) {
      live(*manager, "key" + std::to_string(random() % 20'000), [](kv::View& view, const kv::Key& key) { view.find(key); });
    }
  };
  const auto look = [&] {
    while (!stop) {
      const Snapshot snapshot = manager->openSnapshot();
      TREFOIL_ASSERT(manager->kv().visitAll(0, snapshot.lsn(), false, [](const kv::Entry&) {}).ok());
      manager->kv().accesses().begin(kv::Tracking::kFrequency, kNow);
      manager->kv().purgeShadows();
      manager->kv().accesses().begin(kv::Tracking::kRecency, kNow);
    }
  };
  std::vector<std::thread> writers;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    writers.emplace_back(write, seed);
  }
  std::thread reader(read);
  std::thread looker(look);
  for (std::thread& writer : writers) {
    writer.join();
  }
  stop = true;
  reader.join();
  looker.join();
  manager->kv().purgeShadows();
  CHECK(manager->eviction().makeRoom({EvictionPolicy::kAllKeysLru, limit, 5}, Env::system(), kLong, true) ==
        Eviction::Outcome::kEnough);
  CHECK(manager->kv().evictedKeys() > 0);
  manager->kv().verify();
}

}  // namespace trefoil::txn
