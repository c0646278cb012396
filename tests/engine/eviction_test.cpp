// maxmemory with a policy: memory stays bounded, the right keys go, and nobody sees half of anything.
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <thread>

#include "base/memory_account.hpp"
#include "base/reaper.hpp"
#include "session_fixture.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil {

namespace {

using testing::FaultEnv;
using testing::TemporaryDirectory;

constexpr std::int64_t kRoom = 4 << 20;
// What threads have not carried over yet, and what the background thread is about to do.
constexpr std::int64_t kMargin = 2 << 20;
constexpr std::size_t kValueBytes = 500;

bool isOutOfMemory(const std::string& answer) {
  return answer.find("OOM") != std::string::npos;
}

std::string valueOf(const std::string& key) {
  return key + std::string(kValueBytes - key.size(), '.');
}

// Limits memory to what there is and `room` more.
std::int64_t limitTo(const SessionFixture& db, std::int64_t room, const std::string& policy) {
  Reaper::instance().drain();
  const std::int64_t limit = MemoryAccount::used() + room;
  REQUIRE(db.run("CONFIG SET maxmemory " + std::to_string(limit) + " maxmemory-policy " + policy) == "OK");
  return limit;
}

bool exists(const SessionFixture& db, const std::string& key) {
  return db.run("EXISTS " + key).find('1') != std::string::npos;
}

std::size_t survivors(const SessionFixture& db, const std::string& prefix, int first, int last) {
  std::size_t count = 0;
  for (int i = first; i < last; ++i) {
    count += exists(db, prefix + std::to_string(i)) ? 1 : 0;
  }
  return count;
}

std::int64_t figure(const SessionFixture& db, const std::string& name) {
  const std::string info = db.run("INFO");
  const std::size_t at = info.find(name + ":");
  REQUIRE(at != std::string::npos);
  return std::stoll(info.substr(at + name.size() + 1));
}

}  // namespace

TEST_CASE("memory stays bounded under many times of maxmemory, whatever the policy", "[engine][eviction]") {
  const std::string policy = GENERATE(as<std::string>{}, "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
                                      "volatile-lfu", "volatile-random", "volatile-ttl");
  CAPTURE(policy);
  SessionFixture db;
  for (int i = 0; i < 500; ++i) {
    db.run("SET keep" + std::to_string(i) + " for-ever");
  }
  const std::int64_t limit = limitTo(db, kRoom, policy);
  const bool is_volatile = policy.starts_with("volatile");
  constexpr int kKeys = 40'000;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = "key" + std::to_string(i);
    REQUIRE(db.run("SET " + key + " " + valueOf(key) + (is_volatile ? " EX 1000" : "")) == "OK");
    if (i % 1000 == 0) {
      REQUIRE(MemoryAccount::used() < limit + kMargin);
    }
  }
  std::size_t left = 0;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = "key" + std::to_string(i);
    if (const std::string answer = db.run("GET " + key); answer.find(key) != std::string::npos) {
      CHECK(answer.find(valueOf(key)) != std::string::npos);
      ++left;
    }
  }
  CHECK(left > 2000);
  CHECK(left < 10'000);
  CHECK(figure(db, "evicted_keys") >= static_cast<std::int64_t>(kKeys - left));
  if (is_volatile) {
    CHECK(survivors(db, "keep", 0, 500) == 500);
  }
}

TEST_CASE("keys that are used stay, and others go", "[engine][eviction]") {
  const std::string policy = GENERATE(as<std::string>{}, "allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-lfu");
  CAPTURE(policy);
  FaultEnv env(Env::system());
  env.setNow(1'700'000'000'000'000);
  SessionFixture db("", &env);
  limitTo(db, kRoom, policy);
  constexpr int kHot = 200;
  for (int i = 0; i < kHot; ++i) {
    const std::string key = "hot" + std::to_string(i);
    db.run("SET " + key + " " + valueOf(key) + " EX 100000");
  }
  for (int i = 0; i < 30'000; ++i) {
    env.advance(1000);
    const std::string key = "cold" + std::to_string(i);
    db.run("SET " + key + " " + valueOf(key) + " EX 100000");
    db.run("GET hot" + std::to_string(i % kHot));
  }
  CHECK(survivors(db, "hot", 0, kHot) > kHot * 9 / 10);
  CHECK(survivors(db, "cold", 0, 10'000) < 2000);
}

TEST_CASE("under volatile-ttl the keys go whose deadline is next", "[engine][eviction]") {
  SessionFixture db;
  limitTo(db, kRoom, "volatile-ttl");
  constexpr int kKeys = 20'000;
  std::mt19937_64 random(3);
  for (int i = 0; i < kKeys; ++i) {
    const bool late = random() % 2 == 0;
    const std::string key = (late ? "late" : "soon") + std::to_string(i);
    db.run("SET " + key + " " + valueOf(key) + (late ? " EX 90000" : " EX 1000"));
  }
  const std::size_t late = survivors(db, "late", 0, kKeys);
  const std::size_t soon = survivors(db, "soon", 0, kKeys);
  CHECK(late > 5 * soon);
}

TEST_CASE("volatile policies remove no key without a deadline, rather commands are refused", "[engine][eviction]") {
  const std::string policy = GENERATE(as<std::string>{}, "volatile-lru", "volatile-random", "volatile-ttl");
  SessionFixture db;
  limitTo(db, kRoom, policy);
  int written = 0;
  std::string answer = "OK";
  for (; written < 100'000 && answer == "OK"; ++written) {
    const std::string key = "key" + std::to_string(written);
    answer = db.run("SET " + key + " " + valueOf(key));
  }
  CHECK(isOutOfMemory(answer));
  CHECK(survivors(db, "key", 0, written - 1) == static_cast<std::size_t>(written - 1));
  CHECK(figure(db, "evicted_keys") == 0);
  CHECK(isOutOfMemory(db.run("RPUSH list x")));
  CHECK(db.run("GET key0").find("key0") != std::string::npos);
  // What may go goes before a command is refused.
  db.run("CONFIG SET maxmemory 1");
  db.run("PEXPIRE key0 1000000");
  db.run("PEXPIRE key1 1000000");
  CHECK(isOutOfMemory(db.run("SET a b")));
  CHECK(!exists(db, "key0"));
  CHECK(!exists(db, "key1"));
}

TEST_CASE("rows take the place of keys, then statements are refused", "[engine][eviction]") {
  SessionFixture db;
  db.sql("CREATE TABLE t (id int PRIMARY KEY, name text)");
  limitTo(db, 2 * kRoom, "allkeys-lru");
  for (int i = 0; i < 5000; ++i) {
    const std::string key = "key" + std::to_string(i);
    REQUIRE(db.run("SET " + key + " " + valueOf(key)) == "OK");
  }
  std::string answer;
  int inserted = 0;
  for (; inserted < 1000 && answer.find("OOM") == std::string::npos && answer.find("out of memory") == std::string::npos;
       ++inserted) {
    const std::string from = std::to_string(inserted * 1000);
    answer = db.sql("INSERT INTO t SELECT " + from + " + i, repeat('x', 100) FROM generate_series(1, 1000) g(i)");
  }
  CAPTURE(answer, inserted);
  CHECK(inserted > 20);
  CHECK(inserted < 1000);
  CHECK(survivors(db, "key", 0, 5000) < 1000);
  // All that is left goes before a command is refused.
  std::string refused = "OK";
  for (int i = 0; i < 20'000 && !isOutOfMemory(refused); ++i) {
    db.sql("INSERT INTO t VALUES (" + std::to_string(10'000'000 + i) + ", repeat('y', 200))");
    refused = db.run("SET a b");
  }
  CHECK(isOutOfMemory(refused));
  CHECK(db.run("DBSIZE") == "(integer) 0");
  db.sql("TRUNCATE t");
  Reaper::instance().drain();
  CHECK(db.run("SET a b") == "OK");
}

TEST_CASE("EXEC runs as a whole while keys are evicted, and WATCH sees that a key is gone", "[engine][eviction]") {
  SessionFixture db;
  limitTo(db, kRoom, "allkeys-lru");
  db.run("SET watched v");
  db.run("WATCH watched");
  const std::unique_ptr<Session> other = db.connect();
  int i = 0;
  for (; i < 100'000 && runOn(*other, "EXISTS watched").find('1') != std::string::npos; ++i) {
    const std::string key = "key" + std::to_string(i);
    REQUIRE(runOn(*other, "SET " + key + " " + valueOf(key)) == "OK");
  }
  CHECK(!exists(db, "watched"));
  db.run("MULTI");
  db.run("SET a b");
  CHECK(db.run("EXEC").find("OK") == std::string::npos);
  CHECK(!exists(db, "a"));
  for (int round = 0; round < 100; ++round) {
    REQUIRE(db.run("MULTI") == "OK");
    for (int k = 0; k < 100; ++k) {
      const std::string key = "m" + std::to_string(k);
      REQUIRE(db.run("SET " + key + " " + valueOf(key + ":" + std::to_string(round))) == "QUEUED");
    }
    REQUIRE(db.run("EXEC").find("OOM") == std::string::npos);
    const std::string key = "fill" + std::to_string(round);
    db.run("SET " + key + " " + std::string(100'000, 'x'));
  }
  CHECK(figure(db, "evicted_keys") > 0);
}

TEST_CASE("a block goes on at maxmemory, and others make room for it", "[engine][eviction]") {
  SessionFixture db;
  db.sql("CREATE TABLE t (id int PRIMARY KEY)");
  const std::int64_t limit = limitTo(db, kRoom, "allkeys-lru");
  int i = 0;
  for (int block = 0; block < 40; ++block) {
    REQUIRE(db.sql("BEGIN") == "OK");
    for (int k = 0; k < 500; ++k, ++i) {
      const std::string key = "key" + std::to_string(i);
      REQUIRE(db.run("SET " + key + " " + valueOf(key)) == "OK");
    }
    db.sql("INSERT INTO t VALUES (" + std::to_string(block) + ")");
    REQUIRE(db.sql("COMMIT") == "OK");
    const std::string key = "between" + std::to_string(block);
    REQUIRE(db.run("SET " + key + " " + valueOf(key)) == "OK");
  }
  for (int k = 0; k < 200; ++k) {
    db.run("SET a b");
  }
  CHECK(MemoryAccount::used() < limit + kMargin);
  CHECK(db.sql("SELECT count(*) FROM t").find("40") != std::string::npos);
}

TEST_CASE("evicted keys stay gone after a restart", "[engine][eviction]") {
  const TemporaryDirectory directory;
  std::string size;
  std::string digest;
  {
    SessionFixture db(directory.path());
    limitTo(db, kRoom, "allkeys-lfu");
    for (int i = 0; i < 20'000; ++i) {
      const std::string key = "key" + std::to_string(i);
      REQUIRE(db.run("SET " + key + " " + valueOf(key)) == "OK");
      db.run("RPUSH list" + std::to_string(i % 50) + " " + key);
    }
    CHECK(figure(db, "evicted_keys") > 5000);
    db.run("CONFIG SET maxmemory 0");
    // (The background thread may have been at it.)
    for (std::string before; before != digest || digest.empty();) {
      before = std::exchange(digest, db.run("DIGEST"));
    }
    size = db.run("DBSIZE");
  }
  SessionFixture db(directory.path());
  CHECK(db.run("DBSIZE") == size);
  CHECK(db.run("DIGEST") == digest);
}

TEST_CASE("keys of all databases may go", "[engine][eviction]") {
  SessionFixture db;
  limitTo(db, kRoom, "allkeys-random");
  for (int i = 0; i < 20'000; ++i) {
    if (i % 1000 == 0) {
      db.run("SELECT " + std::to_string(i / 1000 % 16));
    }
    const std::string key = "key" + std::to_string(i);
    REQUIRE(db.run("SET " + key + " " + valueOf(key)) == "OK");
  }
  const std::string info = db.run("INFO keyspace");
  for (int i = 0; i < 16; ++i) {
    db.run("SELECT " + std::to_string(i));
    const std::string size = db.run("DBSIZE");
    CHECK(std::stoll(size.substr(size.find(' ') + 1)) < 1000 * (i < 4 ? 2 : 1));
  }
}

TEST_CASE("OBJECT tells how a key is used, where that is tracked", "[engine][eviction]") {
  FaultEnv env(Env::system());
  env.setNow(1'700'000'000'000'000);
  SessionFixture db("", &env);
  const auto number = [](std::int64_t n) { return "(integer) " + std::to_string(n); };
  db.run("SET k v");
  CHECK(db.run("OBJECT IDLETIME nosuch") == db.run("GET nosuch"));
  CHECK(db.run("OBJECT FREQ nosuch") == db.run("GET nosuch"));
  CHECK(db.run("OBJECT REFCOUNT k") == number(1));
  CHECK(db.run("OBJECT FREQ k").find("An LFU maxmemory policy is not selected, access frequency not tracked.") !=
        std::string::npos);
  // Nobody has tracked until now.
  CHECK(db.run("OBJECT IDLETIME k") == number(0));
  env.advance(7'000'000);
  CHECK(db.run("OBJECT IDLETIME k") == number(7));
  for (const char* looks : {"OBJECT ENCODING k", "TYPE k", "TTL k", "EXISTS k", "OBJECT IDLETIME k", "SCAN 0", "KEYS *"}) {
    CAPTURE(looks);
    db.run(looks);
    CHECK(db.run("OBJECT IDLETIME k") == number(7));
  }
  for (const char* uses : {"GET k", "TOUCH k", "APPEND k v", "SET k v", "STRLEN k", "EXPIRE k 10000"}) {
    CAPTURE(uses);
    env.advance(5'000'000);
    CHECK(db.run("OBJECT IDLETIME k") != number(0));
    db.run(uses);
    CHECK(db.run("OBJECT IDLETIME k") == number(0));
  }
  // Neither does a client that says so.
  env.advance(5'000'000);
  db.run("CLIENT NO-TOUCH ON");
  db.run("GET k");
  CHECK(db.run("OBJECT IDLETIME k") == number(5));
  db.run("TOUCH k");
  CHECK(db.run("OBJECT IDLETIME k") == number(0));
  db.run("CLIENT NO-TOUCH OFF");
  // Inside BEGIN as well.
  env.advance(3'000'000);
  db.sql("BEGIN");
  CHECK(db.run("OBJECT IDLETIME k") == number(3));
  db.run("GET k");
  CHECK(db.run("OBJECT IDLETIME k") == number(0));
  db.sql("COMMIT");

  db.run("CONFIG SET maxmemory-policy allkeys-lfu");
  CHECK(db.run("OBJECT IDLETIME k").find("An LFU maxmemory policy is selected, idle time not tracked.") != std::string::npos);
  CHECK(db.run("OBJECT FREQ k") == number(5));
  db.run("SET fresh v");
  CHECK(db.run("OBJECT FREQ fresh") == number(5));
  db.run("GET fresh");
  CHECK(db.run("OBJECT FREQ fresh") == number(6));
  db.run("CONFIG SET lfu-log-factor 0");
  for (int i = 0; i < 10; ++i) {
    db.run("GET fresh");
  }
  CHECK(db.run("OBJECT FREQ fresh") == number(16));
  env.advance(4LL * 60'000'000);
  CHECK(db.run("OBJECT FREQ fresh") == number(12));
  db.run("CONFIG SET maxmemory-policy volatile-lru");
  CHECK(db.run("OBJECT IDLETIME k") == number(4 * 60));  // since GET, before the policy was LFU
  CHECK(db.run("OBJECT IDLETIME fresh") == number(0));   // not known: since it is LRU again
}

TEST_CASE("hits and misses of reading commands are counted", "[engine][eviction]") {
  SessionFixture db;
  const std::int64_t hits = figure(db, "keyspace_hits");
  const std::int64_t misses = figure(db, "keyspace_misses");
  db.run("SET k 1");
  db.run("GET k");
  db.run("MGET k nosuch k");
  db.run("INCR k");
  db.run("MULTI");
  db.run("GET k");
  db.run("GET nosuch");
  db.run("EXEC");
  db.sql("BEGIN");
  db.run("GET k");
  db.sql("COMMIT");
  CHECK(figure(db, "keyspace_hits") == hits + 5);
  CHECK(figure(db, "keyspace_misses") == misses + 2);
}

TEST_CASE("eviction beside readers, writers, blocks and changes of the policy", "[engine][eviction][threads]") {
  SessionFixture db;
  const std::int64_t limit = limitTo(db, kRoom, "allkeys-lru");
  std::atomic<bool> wrong{false};
  const auto work = [&](unsigned seed) {
    const std::unique_ptr<Session> session = db.connect();
    std::mt19937_64 random(seed);
    for (int i = 0; i < 4000 && !wrong; ++i) {
      const std::string name = std::to_string(random() % 20'000);
      const std::string key = "key" + name;
      switch (random() % 8) {
        case 0:
        case 1:
        case 2:
          wrong = wrong || isOutOfMemory(runOn(*session, "SET " + key + " " + valueOf(key) + " EX 1000"));
          break;
        case 3:
          runOn(*session, "RPUSH list" + name + " " + valueOf(key) + " " + valueOf(key));
          break;
        case 4:
          runSqlOn(*session, "BEGIN");
          runOn(*session, "GET " + key);
          runOn(*session, "SET own" + std::to_string(seed) + " " + key);
          runSqlOn(*session, "COMMIT");
          break;
        case 5:
          runOn(*session, "EXPIRE list" + name + " 1000");
          break;
        case 6:
          runOn(*session, "DEL " + key);
          break;
        default: {
          const std::string answer = runOn(*session, "GET " + key);
          wrong = wrong || (answer.find(key) != std::string::npos && answer.find(valueOf(key)) == std::string::npos);
          break;
        }
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    threads.emplace_back(work, seed);
  }
  for (const char* policy : {"allkeys-lfu", "allkeys-random", "allkeys-lru"}) {
    work(100);
    db.run("CONFIG SET maxmemory-policy " + std::string(policy));
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(!wrong);
  for (int i = 0; i < 100; ++i) {
    db.run("SET a b");
  }
  CHECK(MemoryAccount::used() < limit + 2 * kMargin);
}

}  // namespace trefoil
