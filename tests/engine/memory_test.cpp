// Limits of memory, as statements meet them: maxmemory for what is stored, query-memory for what a statement collects.
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "base/memory_account.hpp"
#include "base/reaper.hpp"
#include "session_fixture.hpp"

namespace trefoil {

namespace {

bool isOutOfMemory(const std::string& answer) {
  return answer.find("OOM") != std::string::npos || answer.find("out of memory") != std::string::npos;
}

}  // namespace

TEST_CASE("at maxmemory what makes the database larger is refused, and nothing else", "[engine][memory]") {
  SessionFixture db;
  db.sql("CREATE TABLE t (id int PRIMARY KEY, name text)");
  db.sql("INSERT INTO t SELECT i, repeat('x', 50) FROM generate_series(1, 3000) g(i)");
  db.run("SET k v");
  db.sql("BEGIN");
  db.sql("INSERT INTO t VALUES (5000, 'admitted')");
  db.run("CONFIG SET maxmemory 1");
  CHECK(isOutOfMemory(db.sql("INSERT INTO t VALUES (5001, 'too late')")));
  db.run("CONFIG SET maxmemory 0");
  CHECK(db.sql("COMMIT") == "OK");
  db.run("CONFIG SET maxmemory 1");

  const std::vector<std::string> refused = {
      "INSERT INTO t SELECT i, 'x' FROM generate_series(10000, 15000) g(i)",
      "INSERT INTO t VALUES (6000, 'x')",
      "UPDATE t SET name = 'y'",
      "UPDATE t SET name = 'y' WHERE id = 1",
      "CREATE TABLE u (a int)",
      "CREATE INDEX by_name ON t (name)",
  };
  for (const std::string& statement : refused) {
    INFO(statement);
    CHECK(isOutOfMemory(db.sql(statement)));
  }
  CHECK(isOutOfMemory(db.run("SET k w")));
  CHECK(db.sql("SELECT count(*), max(id), count(DISTINCT name) FROM t").find("3001") != std::string::npos);
  CHECK(db.run("GET k").find('v') != std::string::npos);
  CHECK(db.run("DEL k").find('1') != std::string::npos);
  CHECK(!isOutOfMemory(db.sql("DELETE FROM t WHERE id > 2000")));
  CHECK(!isOutOfMemory(db.sql("BEGIN")));
  CHECK(!isOutOfMemory(db.sql("DELETE FROM t WHERE id = 1")));
  CHECK(!isOutOfMemory(db.sql("ROLLBACK")));
  CHECK(db.sql("SELECT count(*) FROM t").find("2000") != std::string::npos);
  CHECK(!isOutOfMemory(db.sql("TRUNCATE t")));
  CHECK(!isOutOfMemory(db.sql("DROP TABLE t")));

  db.run("CONFIG SET maxmemory 0");
  CHECK(!isOutOfMemory(db.sql("CREATE TABLE u (a int)")));
}

TEST_CASE("a statement that passes maxmemory on its way is undone", "[engine][memory]") {
  SessionFixture db;
  db.sql("CREATE TABLE t (id int PRIMARY KEY, name text)");
  db.run("CONFIG SET maxmemory 30mb");
  const auto before = MemoryAccount::used();
  const std::string many = "INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 500000) g(i)";
  CHECK(isOutOfMemory(db.sql(many)));
  CHECK(db.sql("SELECT count(*) FROM t").find("[[(integer) 0]]") != std::string::npos);
  CHECK(MemoryAccount::used() < before + (1 << 20));
  CHECK(!isOutOfMemory(db.sql("INSERT INTO t VALUES (1, 'x')")));
  db.sql("BEGIN");
  db.sql("INSERT INTO t VALUES (2, 'x')");
  CHECK(isOutOfMemory(db.sql(many)));
  db.sql("INSERT INTO t VALUES (3, 'x')");
  CHECK(db.sql("COMMIT") == "OK");
  CHECK(db.sql("SELECT count(*) FROM t").find("[[(integer) 3]]") != std::string::npos);
}

TEST_CASE("what a statement collects is bounded by query-memory", "[engine][memory]") {
  SessionFixture db;
  db.sql("CREATE TABLE t (id int PRIMARY KEY, name text)");
  db.run("CONFIG SET query-memory 4mb");
  const std::string rows = "generate_series(1, 1000000) g(i)";
  const std::vector<std::string> refused = {
      "SELECT i, repeat('z', 100) FROM " + rows + " ORDER BY i % 10, i",
      "SELECT i, count(*) FROM " + rows + " GROUP BY i",
      "SELECT i % 2, string_agg(repeat('z', 100), ',') FROM " + rows + " GROUP BY 1",
      "SELECT i, max(repeat('z', 100)) FROM " + rows + " GROUP BY i",
      "SELECT DISTINCT i FROM " + rows,
      "SELECT count(DISTINCT i) FROM " + rows,
      "SELECT count(*) FROM " + rows + " JOIN generate_series(1, 1000000) h(j) ON i = j",
      "SELECT count(*) FROM " + rows + ", generate_series(1, 1000000) h(j) WHERE i * j = 7",
      "SELECT count(*) FROM generate_series(1, 10) h(j) WHERE j IN (SELECT i FROM " + rows + ")",
      "SELECT i FROM " + rows + " UNION SELECT i + 1 FROM " + rows,
      "SELECT i FROM " + rows + " EXCEPT SELECT i + 1 FROM " + rows,
      "INSERT INTO t SELECT i, repeat('z', 100) FROM " + rows,
      "SELECT repeat('z', 10000000)",
  };
  const auto before = MemoryAccount::used(MemoryLeaf::kQueries);
  for (const std::string& statement : refused) {
    INFO(statement);
    const std::string answer = db.sql(statement);
    CHECK(answer.find("out of memory") != std::string::npos);
    CHECK(answer.size() < 500);
    CHECK(MemoryAccount::used(MemoryLeaf::kQueries) == before);
    CHECK(db.sql("SELECT count(*) FROM t").find("[[(integer) 0]]") != std::string::npos);
  }
  CHECK(db.sql("SELECT count(*) FROM " + rows).find("1000000") != std::string::npos);
}

TEST_CASE("what a transaction stages is bounded by query-memory", "[engine][memory]") {
  SessionFixture db;
  db.sql("CREATE TABLE t (id int PRIMARY KEY, name text)");
  db.run("CONFIG SET query-memory 1mb");
  db.sql("BEGIN");
  std::string answer;
  int inserted = 0;
  for (; inserted < 100 && !isOutOfMemory(answer); ++inserted) {
    const std::string from = std::to_string(inserted * 1000 + 1);
    const std::string to = std::to_string(inserted * 1000 + 1000);
    answer = db.sql("INSERT INTO t SELECT i, repeat('z', 80) FROM generate_series(" + from + "," + to + ") g(i)");
  }
  REQUIRE(isOutOfMemory(answer));
  CHECK(inserted > 2);
  std::string key_answer;
  for (int i = 0; i < 3000 && !isOutOfMemory(key_answer); ++i) {
    key_answer = db.run("SET key" + std::to_string(i) + " " + std::string(1000, 'v'));
  }
  CHECK(isOutOfMemory(key_answer));
  CHECK(db.sql("COMMIT") == "OK");
  CHECK(db.sql("SELECT count(*) FROM t").find(std::to_string((inserted - 1) * 1000)) != std::string::npos);
}

TEST_CASE("the plans that sessions keep are counted, and bounded together", "[engine][memory]") {
  SessionFixture db;
  const auto before = MemoryAccount::used(MemoryLeaf::kPlans);
  const auto fill = [&](std::vector<std::unique_ptr<Session>>& sessions) {
    for (int i = 0; i < 20; ++i) {
      sessions.push_back(db.connect());
      for (int shape = 0; shape < 50; ++shape) {
        runSqlOn(*sessions.back(), "SELECT 1 AS column" + std::to_string(shape));
      }
    }
    return MemoryAccount::used(MemoryLeaf::kPlans) - before;
  };
  std::int64_t unbounded = 0;
  {
    std::vector<std::unique_ptr<Session>> sessions;
    unbounded = fill(sessions);
  }
  CHECK(unbounded > 20 * 50 * 1000);
  CHECK(MemoryAccount::used(MemoryLeaf::kPlans) == before);
  db.run("CONFIG SET plan-cache-size 100kb");
  std::vector<std::unique_ptr<Session>> sessions;
  CHECK(fill(sessions) < unbounded / 3);
}

TEST_CASE("what MULTI queues is counted, and bounded as input that waits", "[engine][memory]") {
  SessionFixture db;
  const auto before = MemoryAccount::used(MemoryLeaf::kClients);
  db.run("CONFIG SET client-query-buffer-limit 1mb");
  db.run("MULTI");
  std::string answer = "QUEUED";
  int queued = 0;
  while (answer.find("QUEUED") != std::string::npos && queued < 1000) {
    answer = db.run("SET k " + std::string(10'000, 'v'));
    ++queued;
  }
  CHECK(answer.find("too much is queued") != std::string::npos);
  CHECK(queued > 50);
  CHECK(MemoryAccount::used(MemoryLeaf::kClients) - before > 900'000);
  CHECK(db.run("EXEC").find("EXECABORT") != std::string::npos);
  CHECK(MemoryAccount::used(MemoryLeaf::kClients) == before);
}

TEST_CASE("a transaction that idles is rolled back, and the next statement is told", "[engine]") {
  SessionFixture db;
  db.sql("CREATE TABLE t (a int)");
  db.sql("BEGIN");
  db.sql("INSERT INTO t VALUES (1)");
  db.session->endIdleTransaction();  // no limit is set
  CHECK(db.session->inTransaction());
  db.run("CONFIG SET idle-in-transaction-session-timeout 60000");
  db.session->endIdleTransaction();  // not yet
  CHECK(db.session->inTransaction());
  db.run("CONFIG SET idle-in-transaction-session-timeout 1");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  db.session->endIdleTransaction();
  CHECK_FALSE(db.session->inTransaction());
  CHECK(db.sql("INSERT INTO t VALUES (2)").find("idle-in-transaction-session-timeout") != std::string::npos);
  CHECK(db.sql("SELECT count(*) FROM t").find("[[(integer) 0]]") != std::string::npos);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  db.session->endIdleTransaction();  // no transaction: nothing to end, nothing to tell
  CHECK(db.sql("INSERT INTO t VALUES (3)").find("idle") == std::string::npos);
}

TEST_CASE("the account knows rows, indexes, vectors and keys, and forgets them", "[engine][memory]") {
  SessionFixture db;
  const auto used = [](MemoryLeaf leaf) { return MemoryAccount::used(leaf); };
  const auto rows = used(MemoryLeaf::kRows);
  const auto indexes = used(MemoryLeaf::kIndexes);
  const auto vectors = used(MemoryLeaf::kVectors);
  const auto keys = used(MemoryLeaf::kKeys);
  db.sql("CREATE TABLE t (id int PRIMARY KEY, name text, emb vector(16))");
  db.sql(
      "INSERT INTO t SELECT i, repeat('x', 100), '[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]' FROM generate_series(1, 20000) g(i)");
  CHECK(used(MemoryLeaf::kRows) - rows > 20000 * 124);
  CHECK(used(MemoryLeaf::kRows) - rows < 20000 * 300);
  CHECK(used(MemoryLeaf::kIndexes) - indexes > 20000 * 16);
  CHECK(used(MemoryLeaf::kVectors) - vectors > 20000 * 64);
  for (int i = 0; i < 1000; ++i) {
    db.run("SET key" + std::to_string(i) + " " + std::string(100, 'v'));
  }
  CHECK(used(MemoryLeaf::kKeys) - keys > 1000 * 107);
  db.run("FLUSHALL");
  db.sql("DROP TABLE t");
  Reaper::instance().drain();
  CHECK(used(MemoryLeaf::kRows) == rows);
  CHECK(used(MemoryLeaf::kIndexes) == indexes);
  CHECK(used(MemoryLeaf::kVectors) == vectors);
  CHECK(used(MemoryLeaf::kKeys) - keys < 100'000);
  CHECK(db.run("INFO memory").find("used_memory_rows:") != std::string::npos);
}

}  // namespace trefoil
