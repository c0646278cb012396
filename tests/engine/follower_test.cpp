// A second database that is fed by the tail of the first one's log: it equals the first at every commit, whatever was committed
// and however.
#include "txn/follower.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>
#include <vector>

#include "engine/database_impl.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/random_work.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

using Clock = std::chrono::steady_clock;

struct Pair {
  explicit Pair(const std::string& directory) : leader(directory) {}

  void follow() {
    auto opened = Database::openFollower(*leader.database);
    REQUIRE(opened.ok());
    follower = std::move(opened).value();
    session = follower->connect();
  }
  // What the leader has answered is in the log, and then in the follower.
  void catchUp() const {
    aof::Log& log = *leader.database->impl().manager().log();
    REQUIRE(log.waitReached(log.end()).ok());  // somebody else may be at it
    const Status caught_up = follower->catchUp(Clock::now() + std::chrono::seconds(60));
    INFO((caught_up.ok() ? "" : caught_up.error().message));
    REQUIRE(caught_up.ok());
  }
  [[nodiscard]] std::string read(std::string_view line) const { return runOn(*session, line); }

  SessionFixture leader;
  std::unique_ptr<Database> follower;
  std::unique_ptr<Session> session;
};

}  // namespace

TEST_CASE("a follower equals what it follows after each commit", "[engine][follower]") {
  const testing::TemporaryDirectory directory;
  Pair pair(directory.path());
  std::mt19937 random(5);
  pair.leader.sql(kTableOfWork);
  for (int i = 0; i < 60; ++i) {
    workAtRandom(*pair.leader.session, random, kKindsOfWork - 1);
  }
  pair.follow();
  const std::vector<std::string> schema_changes = {
      "CREATE TABLE u (id INT PRIMARY KEY, v VECTOR(3), n TEXT)",
      "INSERT INTO u SELECT i, ('[1,2,' || i || ']')::vector(3), 'row ' || i FROM generate_series(1, 3000) AS s(i)",
      "CREATE INDEX un ON u (n)",
      "CREATE INDEX uv ON u USING hnsw (v vector_cosine_ops)",
      "UPDATE u SET n = n || '!' WHERE id % 3 = 0",
      "DELETE FROM u WHERE id > 2500",
      "ALTER TABLE u RENAME TO w",
      "CREATE TABLE dropped (a INT)",
      "INSERT INTO dropped VALUES (1)",
      "DROP TABLE dropped",
      "DROP INDEX un",
      "TRUNCATE w",
  };
  for (int i = 0; i < 240; ++i) {
    if (i % 20 == 0 && static_cast<std::size_t>(i / 20) < schema_changes.size()) {
      const std::string& change = schema_changes[static_cast<std::size_t>(i / 20)];
      CAPTURE(change);
      CHECK(pair.leader.sql(change).find("error") == std::string::npos);
    } else if (i % 97 == 0) {
      pair.leader.run("FLUSHDB");
    } else {
      workAtRandom(*pair.leader.session, random, kKindsOfWork - 1);
    }
    pair.catchUp();
    REQUIRE(pair.leader.run("DIGEST") == pair.read("DIGEST"));
  }
  pair.follower->impl().manager().kv().verify();
  pair.follower->impl().manager().sql().verify();
}

TEST_CASE("a follower keeps up with writers, checkpoints and segments, and shows whole commits", "[engine][follower][threads]") {
  const testing::TemporaryDirectory directory;
  Pair pair(directory.path());
  pair.leader.sql(kTableOfWork);
  pair.leader.run("MSET a 0 b 0");
  pair.follow();
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const std::unique_ptr<Session> session = pair.leader.connect();
      std::mt19937 random(static_cast<unsigned>(i) + 1);
      for (int step = 0; step < 400; ++step) {
        workAtRandom(*session, random);
        runOn(*session, "MULTI");
        runOn(*session, "INCR a");
        runOn(*session, "INCR b");
        runOn(*session, "EXEC");
      }
    });
  }
  std::thread checkpoints([&] {
    while (!over) {
      TREFOIL_ASSERT(pair.leader.database->checkpoint().ok());
    }
  });
  std::thread reader([&] {
    const std::unique_ptr<Session> session = pair.follower->connect();
    while (!over) {
      ReplyTree reply;
      const std::vector<std::string_view> args = {"MGET", "a", "b"};
      session->execute({.args = args, .sql = {}, .parameters = {}}, reply);
      TREFOIL_ASSERT(reply.last().elements[0].text == reply.last().elements[1].text);
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  over = true;
  checkpoints.join();
  reader.join();
  pair.leader.run("DEL e0 e1 e2 e3 e4 e5 e6 e7 e8 e9");  // whether their time has passed is the clock's affair
  pair.catchUp();
  CHECK(pair.leader.run("DIGEST") == pair.read("DIGEST"));
  CHECK(pair.read("GET a") == "\"1200\"");
}

TEST_CASE("a follower changes nothing by itself", "[engine][follower]") {
  const testing::TemporaryDirectory directory;
  Pair pair(directory.path());
  pair.leader.run("SET k v PX 30");
  pair.leader.sql("CREATE TABLE t (a INT)");
  pair.follow();
  constexpr const char* kRefused = "(error) READONLY You can't write against a read only replica.";
  CHECK(pair.read("SET k v") == kRefused);
  CHECK(pair.read("BLPOP k 0") == kRefused);
  CHECK(runSqlOn(*pair.session, "INSERT INTO t VALUES (1)") == kRefused);
  CHECK(runSqlOn(*pair.session, "CREATE TABLE u (a INT)") == kRefused);
  CHECK(pair.read("PING") == "PONG");
  // The leader's sweeper removes the key, and so it goes here.
  while (pair.read("DBSIZE") != "(integer) 0") {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(pair.leader.run("DBSIZE") == "(integer) 0");
  SessionFixture in_memory;
  const auto refused = Database::openFollower(*in_memory.database);
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == ErrorCode::kUnsupported);
  CHECK(in_memory.database->catchUp(Clock::now()).error().code == ErrorCode::kUnsupported);
}

TEST_CASE("a follower that has lost its place says so", "[engine][follower]") {
  const testing::TemporaryDirectory directory;
  SessionFixture leader(directory.path());
  REQUIRE(leader.run("CONFIG SET log-backlog 0") == "OK");
  auto copy = txn::Manager::open({});
  REQUIRE(copy.ok());
  auto follower = txn::Follower::begin(leader.database->impl().manager(), **copy);
  REQUIRE(follower.ok());
  leader.run("SET a 1");
  REQUIRE(leader.database->checkpoint().ok());
  leader.run("SET a 2");
  REQUIRE(leader.database->checkpoint().ok());
  const Result<bool> stepped = (*follower)->step();
  REQUIRE(!stepped.ok());
  CHECK(stepped.error().code == ErrorCode::kOutOfRange);
}

}  // namespace trefoil
