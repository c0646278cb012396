// What a directory remembers: live statements and transactions over keys and rows, across crashes at every call.
#include <catch2/catch.hpp>

#include <map>
#include <random>

#include "kv/collection.hpp"
#include "kv/view.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"
#include "txn/live.hpp"
#include "txn/manager.hpp"
#include "txn/transaction.hpp"

namespace trefoil::txn {

namespace {

using testing::FaultEnv;
using testing::TemporaryDirectory;

constexpr UnixMs kNow{1'000'000};

ManagerOptions optionsFor(const std::string& directory, Env& env, aof::SyncPolicy policy = aof::SyncPolicy::kAlways) {
  ManagerOptions options;
  options.directory = directory;
  options.env = &env;
  options.log.policy = policy;
  options.log.ring_bytes = 1 << 16;
  options.log.segment_bytes = 1 << 15;
  return options;
}

// A live SET; false if the log refused it.
bool set(Manager& manager, std::string_view key_bytes, std::string_view value) {
  const kv::Key key = manager.kv().key(0, key_bytes);
  const kv::PartitionId partition = kv::Store::partition(key);
  const auto once = [&](LiveAttempt& attempt) -> Status {
    const kv::PartitionLocks lock(manager.kv(), {&partition, 1});
    kv::View view = kv::View::live(manager.kv(), attempt.effects(), kNow);
    view.setString(key, value);
    attempt.commit();
    return {};
  };
  std::optional<Lsn> end;
  return runLive(
             manager.committer(), once, [] {}, end)
             .ok() &&
         end;
}

std::string get(Manager& manager, std::string_view key_bytes) {
  EffectBuffer effects;
  const kv::Key key = manager.kv().key(0, key_bytes);
  const kv::PartitionId partition = kv::Store::partition(key);
  const kv::PartitionLocks lock(manager.kv(), {&partition, 1});
  kv::View view = kv::View::live(manager.kv(), effects, kNow);
  const auto handle = view.string(key);
  kv::IntegerText room;
  return handle.ok() && handle->exists() ? std::string(handle->text(room)) : "(nil)";
}

std::unique_ptr<Manager> open(const ManagerOptions& options) {
  auto opened = Manager::open(options);
  INFO((opened.ok() ? "" : opened.error().message));
  REQUIRE(opened.ok());
  return std::move(opened).value();
}

}  // namespace

TEST_CASE("What was written is there after a restart") {
  const TemporaryDirectory directory;
  const ManagerOptions options = optionsFor(directory.path(), Env::system());
  {
    const auto manager = open(options);
    REQUIRE(set(*manager, "a", "1"));
    REQUIRE(set(*manager, "b", "2"));
    REQUIRE(set(*manager, "a", "3"));
  }
  const auto manager = open(options);
  CHECK(get(*manager, "a") == "3");
  CHECK(get(*manager, "b") == "2");
  CHECK(manager->kv().size(0) == 2);
}

TEST_CASE("Expired keys are removed for good, whatever the length of their names") {
  const TemporaryDirectory directory;
  FaultEnv env(Env::system());
  const ManagerOptions options = optionsFor(directory.path(), env);
  const auto name_of = [](int i) { return std::string(i % 50 == 0 ? 20'000 : 10, 'k') + std::to_string(i); };
  {
    const auto manager = open(options);
    for (int i = 0; i < 600; ++i) {
      const std::string name = name_of(i);
      const Deadline deadline = i % 3 == 0 ? kNever : Deadline{kNow.value + (i % 3 == 1 ? -1 : 1)};
      REQUIRE(runTransaction(*manager, kNow, [&](Transaction& own) -> Status {
                own.kv().setString(own.kv().key(0, name), "v", deadline);
                return {};
              }).ok());
    }
    std::size_t removed = 0;
    for (int round = 0; round < 100; ++round) {
      removed += manager->expiry().sweep(kNow, 100);
    }
    CHECK(removed == 200);
    CHECK(manager->kv().size(0) == 400);
  }
  const auto manager = open(options);
  CHECK(manager->kv().size(0) == 400);
  CHECK(manager->expiry().sweep(kNow, 100'000) == 0);
}

TEST_CASE("A checkpoint and the log behind it make up the state") {
  const TemporaryDirectory directory;
  const ManagerOptions options = optionsFor(directory.path(), Env::system());
  {
    const auto manager = open(options);
    for (int i = 0; i < 500; ++i) {
      REQUIRE(set(*manager, "key" + std::to_string(i), "old"));
    }
    REQUIRE(manager->checkpoints().write().ok());
    for (int i = 250; i < 600; ++i) {
      REQUIRE(set(*manager, "key" + std::to_string(i), "new"));
    }
  }
  const auto manager = open(options);
  CHECK(manager->recoveryReport().records == 350);
  CHECK(manager->kv().size(0) == 600);
  CHECK(get(*manager, "key0") == "old");
  CHECK(get(*manager, "key249") == "old");
  CHECK(get(*manager, "key250") == "new");
  CHECK(get(*manager, "key599") == "new");
}

TEST_CASE("A transaction larger than the ring is one transaction") {
  const TemporaryDirectory directory;
  const ManagerOptions options = optionsFor(directory.path(), Env::system());
  const std::string value(10'000, 'x');
  {
    const auto manager = open(options);
    Transaction transaction(*manager, kNow);
    for (int i = 0; i < 200; ++i) {
      transaction.kv().setString(manager->kv().key(0, "key" + std::to_string(i)), value);
    }
    CHECK(get(*manager, "key7") == "(nil)");
    const Result<Lsn> committed = transaction.commit(kNow);
    INFO((committed.ok() ? "" : committed.error().message));
    REQUIRE(committed.ok());
    CHECK(get(*manager, "key7") == value);
  }
  const auto manager = open(options);
  CHECK(manager->kv().size(0) == 200);
  CHECK(get(*manager, "key199") == value);
}

TEST_CASE("Whichever call fails, what was acknowledged as durable survives the crash, and transactions are whole") {
  // Pairs of keys are always written together with equal values; the acknowledged value is a lower bound for what is there.
  for (std::uint64_t failing = 1; failing < 400; failing += 3) {
    const TemporaryDirectory directory;
    FaultEnv env(Env::system());
    env.setNow(kNow.value * 1000);
    const ManagerOptions options = optionsFor(directory.path(), env);
    int acknowledged = 0;
    int attempted = 0;
    bool finished = false;
    env.failAt(failing, {.kinds = testing::kAnyCall, .persistent = true});
    if (auto opened = Manager::open(options); opened.ok()) {
      const std::unique_ptr<Manager> manager = std::move(opened).value();
      for (int round = 1; round <= 12; ++round) {
        Transaction transaction(*manager, kNow);
        transaction.kv().setString(manager->kv().key(0, "left"), std::to_string(round));
        transaction.kv().setString(manager->kv().key(0, "right"), std::to_string(round));
        attempted = round;
        const Result<Lsn> committed = transaction.commit(kNow);
        if (!committed.ok() || !manager->log()->waitDurable(*committed).ok()) {
          break;
        }
        acknowledged = round;
        if (round % 4 == 0 && !manager->checkpoints().write().ok()) {
          break;
        }
      }
      finished = acknowledged == 12;
      env.crash();
    } else {
      env.crash();
    }
    env.clearFault();
    env.restart();
    const auto manager = open(options);
    INFO("failing call " << failing << ", acknowledged " << acknowledged);
    const std::string left = get(*manager, "left");
    CHECK(left == get(*manager, "right"));
    const int found = left == "(nil)" ? 0 : std::stoi(left);
    CHECK(found >= acknowledged);
    CHECK(found <= attempted);
    if (finished) {
      break;
    }
  }
}

TEST_CASE("Validation: a read that changed is a conflict, an untouched one is not") {
  auto opened = Manager::open({});
  REQUIRE(opened.ok());
  Manager& manager = **opened;
  set(manager, "a", "1");
  set(manager, "b", "1");
  Transaction transaction(manager, kNow);
  REQUIRE(transaction.kv().exists(manager.kv().key(0, "a")));
  transaction.kv().setString(manager.kv().key(0, "c"), "1");
  SECTION("changed") {
    set(manager, "a", "2");
    const auto committed = transaction.commit(kNow);
    REQUIRE(!committed.ok());
    CHECK(committed.error().code == ErrorCode::kConflict);
    CHECK(get(manager, "c") == "(nil)");
  }
  SECTION("another key changed") {
    set(manager, "b", "2");
    CHECK(transaction.commit(kNow).ok());
    CHECK(get(manager, "c") == "1");
  }
}

TEST_CASE("runTransaction gives up optimism and succeeds under all locks") {
  auto opened = Manager::open({});
  REQUIRE(opened.ok());
  Manager& manager = **opened;
  int attempts = 0;
  const Result<Lsn> status = runTransaction(manager, kNow, [&](Transaction& own) -> Status {
    ++attempts;
    const kv::Key key = own.kv().key(0, "contended");
    static_cast<void>(own.kv().find(key));
    own.kv().setString(key, "mine");
    if (!own.holdsAllLocks()) {
      set(manager, "contended", std::to_string(attempts));  // somebody else is always faster
    }
    return {};
  });
  REQUIRE(status.ok());
  CHECK(attempts == 9);
  CHECK(get(manager, "contended") == "mine");
}

}  // namespace trefoil::txn
