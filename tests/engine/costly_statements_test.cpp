// Statements that take much time or would never end: they leave an event loop at once, and they can be ended.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

// How an event loop would fare with it: whether it was answered there, and what.
struct OnLoop {
  bool answered;
  std::string answer;
};

OnLoop runOnLoop(Session& session, std::string_view sql) {
  const std::string_view words[] = {"SQL", sql};
  const Statement statement{.args = words, .sql = {}, .parameters = {}};
  ReplyTree reply;
  const bool answered = session.executeBatch({&statement, 1}, reply).answered == 1;
  CHECK(reply.values().size() == (answered ? 1 : 0));
  return {answered, answered ? reply.last().describe() : ""};
}

}  // namespace

TEST_CASE("an expression that costs much is left to a worker, whatever statement it stands in") {
  const SessionFixture fixture;
  fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT, s TEXT)");
  fixture.sql("CREATE TABLE checked (id INTEGER PRIMARY KEY, s TEXT CHECK (length(repeat(s, 5000000)) > 7))");
  fixture.sql("CREATE TABLE defaulted (id INTEGER PRIMARY KEY, n BIGINT DEFAULT length(repeat('x', 20000000)))");
  fixture.sql("INSERT INTO t VALUES (1, 1, 'one'), (2, 2, 'two')");
  constexpr std::string_view kCostly[] = {
      "SELECT strpos(repeat('a', 10000000) || 'c', repeat('a', 1000000) || 'b')",
      "SELECT split_part(repeat('a', 10000000) || 'c', repeat('a', 1000000) || 'b', 2) = ''",
      "SELECT length(replace(repeat('a', 10000000) || 'c', repeat('a', 1000000) || 'b', 'x'))",
      "SELECT repeat('a', 10000000) LIKE '%' || repeat('a', 100000) || 'b%'",
      "SELECT repeat('a', 1000000) ILIKE repeat('%a', 10000) || 'b'",
      "SELECT length(replace(replace(repeat('a', 1000), 'a', repeat('b', 1000)), 'b', repeat('c', 10)))",
      "SELECT length(lpad('x', 15000000))",
      "SELECT length(rpad('x', 15000000, 'ab'))",
      "SELECT length(concat(repeat('a', 900000), repeat('a', 900000)))",
      "SELECT length(reverse(upper(repeat('a', 900000))))",
      "SELECT length(rtrim(repeat('ä', 2000000), 'ä'))",
      "SELECT json_array_length(('[' || repeat('1,', 1000000) || '1]')::json)",
      "SELECT length(repeat('x', 20000000)) FROM t WHERE id = 1",
      "SELECT id FROM t WHERE length(repeat(s, 10000000)) = 30000000 ORDER BY id",
      "SELECT count(*) FROM t WHERE repeat(s, 10000000) = repeat('one', 10000000)",
      "SELECT id FROM t ORDER BY repeat(s, 10000000)",
      "SELECT id FROM t WHERE id = length(repeat('x', 20000000)) - 19999999",
      "SELECT max(length(repeat(s, 10000000))) FROM t",
      "SELECT CASE WHEN id > 0 THEN length(repeat(s, 10000000)) END FROM t",
      "VALUES (length(repeat('x', 20000000)))",
      "UPDATE t SET n = length(repeat('x', 20000000)) WHERE id = 1",
      "UPDATE t SET n = length(repeat('x', 20000000))",
      "DELETE FROM t WHERE id = 2 AND length(repeat('x', 20000000)) = 0",
      "INSERT INTO t VALUES (3, length(repeat('x', 20000000)), 'three')",
      "INSERT INTO t VALUES (1, 2, 'x') ON CONFLICT (id) DO UPDATE SET n = length(repeat('x', 20000000))",
      "INSERT INTO checked VALUES (1, 'xxxxx')",
      "INSERT INTO defaulted (id) VALUES (1)",
  };
  for (const bool inside : {false, true}) {
    for (const std::string_view sql : kCostly) {
      INFO(sql << (inside ? " inside BEGIN" : ""));
      fixture.sql("BEGIN");
      const std::string there = fixture.sql(sql);
      fixture.sql("ROLLBACK");
      CHECK(there.find("error") == std::string::npos);
      if (inside) {
        fixture.sql("BEGIN");
      }
      CHECK_FALSE(runOnLoop(*fixture.session, sql).answered);
      CHECK(fixture.sql("SELECT id, n, s FROM t ORDER BY id") ==
            "[[(integer) 1, (integer) 1, \"one\"], [(integer) 2, (integer) 2, \"two\"]]");
      if (inside) {
        CHECK(fixture.sql(sql) == there);
        fixture.sql("ROLLBACK");
      }
    }
  }
  constexpr std::string_view kCheap[] = {
      "SELECT length(repeat('x', 1000))",
      "SELECT replace(s, 'o', repeat('x', 10)) FROM t WHERE id = 1",
      "UPDATE t SET n = length(repeat('x', 1000)) WHERE id = 1",
      "INSERT INTO t VALUES (3, 3, repeat('x', 1000))",
      "SELECT 1 / 0",
  };
  for (const std::string_view sql : kCheap) {
    INFO(sql);
    CHECK(runOnLoop(*fixture.session, sql).answered);
  }
  CHECK(runOnLoop(*fixture.session, "SELECT count(*) FROM t").answer == "[[(integer) 3]]");
}

TEST_CASE("a costly write is made once, whoever runs it in the end") {
  const SessionFixture fixture;
  fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT)");
  fixture.sql("INSERT INTO t VALUES (1, 0)");
  constexpr std::string_view kAdd = "UPDATE t SET n = n + length(repeat('x', 10000000)) WHERE id = 1";
  CHECK_FALSE(runOnLoop(*fixture.session, kAdd).answered);
  CHECK(fixture.sql(kAdd) == "(integer) 1");
  CHECK(fixture.sql("SELECT n FROM t") == "[[(integer) 10000000]]");
}

TEST_CASE("binding computes no constant that costs much") {
  const SessionFixture fixture;
  std::string sql = "EXPLAIN SELECT 1 WHERE '' = repeat('a', 10000000)";
  for (int i = 0; i < 1000; ++i) {
    sql += " OR '' = repeat('a', 3000000" + std::to_string(i % 10) + ")";
  }
  CHECK(fixture.sql(sql).find("repeat") != std::string::npos);
}

TEST_CASE("statement-timeout reaches what runs already, unless the session has one of its own") {
  const SessionFixture fixture;
  constexpr std::string_view kEndless = "SELECT count(*) FROM generate_series(1, 1000000000000) g(i) WHERE i < 0";
  std::atomic<bool> own_ended = false;
  std::string answer;
  std::string own_answer;
  std::thread one([&] { answer = runSqlOn(*fixture.connect(), kEndless); });
  const std::unique_ptr<Session> own = fixture.connect();
  std::thread other([&] {
    runSqlOn(*own, "SET statement_timeout = 0");
    own_answer = runSqlOn(*own, kEndless);
    own_ended = true;
  });
  CHECK(fixture.run("CONFIG SET statement-timeout 50") == "OK");
  one.join();
  CHECK(answer == "(error) ERR canceling statement due to statement timeout");
  CHECK_FALSE(own_ended);
  while (!own_ended) {  // it may not have begun
    own->cancel();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  other.join();
  CHECK(own_answer == "(error) ERR canceling statement due to user request");
  CHECK(fixture.run("CONFIG SET statement-timeout 0") == "OK");
}

namespace {

// Statements that would take minutes, of every shape in which an operator may be long about one chunk.
constexpr std::string_view kEndless[] = {
    "SELECT count(*) FROM generate_series(1, 1000000000000)",
    "SELECT 1 FROM generate_series(1, 1000000000000) OFFSET 999999999999",
    "SELECT sum(i) FROM generate_series(1, 1000000000000) g(i)",
    "SELECT count(DISTINCT i % 1000) FROM generate_series(1, 1000000000000) g(i)",
    "SELECT i % 1000, count(*) FROM generate_series(1, 1000000000000) g(i) GROUP BY 1",
    "SELECT DISTINCT i % 1000 FROM generate_series(1, 1000000000000) g(i) OFFSET 1000",
    "SELECT i FROM generate_series(1, 1000000000000) g(i) ORDER BY i % 7 LIMIT 3",
    "SELECT count(*) FROM t a, t b, t c WHERE a.n + b.n + c.n < 0",
    "SELECT count(*) FROM t a JOIN t b ON a.k = b.k JOIN t c ON c.k = b.k WHERE a.n + b.n + c.n < 0",
    "SELECT count(*) FROM t a LEFT JOIN t b ON a.n + b.n < 0 LEFT JOIN t c ON c.n + a.n < 0 LEFT JOIN t d ON d.n < b.n",
    "SELECT count(*) FROM t a FULL JOIN t b ON a.n + b.n < a.n * b.n - 1, t c, t d",
    "SELECT count(*) FROM t a, t b WHERE EXISTS (SELECT 1 FROM t c WHERE c.n + a.n + b.n < 0)",
    "SELECT count(*) FROM t a, t b WHERE NOT EXISTS (SELECT 1 FROM t c WHERE c.n + a.n + b.n < 0)",
    "SELECT count(*) FROM t a, t b WHERE a.n IN (SELECT c.n - 30000 FROM t c WHERE c.n + b.n > 0)",
    "SELECT count(*) FROM t a, t b WHERE (SELECT max(c.n) FROM t c WHERE c.n < a.n + b.n) < 0",
    "SELECT 1 FROM t a, t b, t c WHERE a.n + b.n + c.n < 0 UNION ALL SELECT 2",
    "SELECT i % 10 FROM generate_series(1, 1000000000000) g(i) UNION SELECT 2",
    "SELECT i % 10 FROM generate_series(1, 1000000000000) g(i) INTERSECT SELECT 2",
    "SELECT 2 EXCEPT SELECT i % 10 FROM generate_series(1, 1000000000000) g(i)",
    "WITH w AS (SELECT i % 10 AS i FROM generate_series(1, 1000000000000) g(i)) SELECT count(*) FROM w WHERE i < 0",
    "SELECT (SELECT count(*) FROM generate_series(1, 1000000000000))",
    "SELECT * FROM (SELECT i FROM generate_series(1, 1000000000000) g(i) WHERE i < 0) s LIMIT 1",
    "SELECT string_agg('', '') FROM generate_series(1, 1000000000000)",
    "SELECT min(repeat('x', 100000)) FROM generate_series(1, 1000000000000)",
    "SELECT count(*) FROM t a, t b WHERE repeat('a', 10000) LIKE repeat('%a_', 3000) || 'b' || a.n || b.n",
    "SELECT repeat('a', 3000000) LIKE '%' || repeat('a_', 100000) || 'b%'",
    "SELECT count(*) FROM t a, t b WHERE (SELECT c.id FROM t c ORDER BY c.v <-> a.v LIMIT 1) < b.n - 1000000",
    "SELECT count(*) FROM t a, t b, t c WHERE (a.v <-> b.v) + (c.v <-> b.v) < 0",
    "INSERT INTO t (id, n) SELECT i, 1 FROM generate_series(1, 1000000000000) g(i) WHERE i < 0",
    "INSERT INTO t (id, n) SELECT 1000000, count(*) FROM generate_series(1, 1000000000000)",
    "UPDATE t SET n = (SELECT count(*) FROM generate_series(1, 1000000000000))",
    "UPDATE t SET n = 1 FROM t b, t c, t d WHERE b.n + c.n + d.n < 0",
    "DELETE FROM t WHERE n < (SELECT count(*) FROM t b, t c, t d WHERE b.n + c.n + d.n < 0)",
    "UPDATE t SET n = (SELECT count(*) FROM generate_series(1, 1000000000000)) WHERE id = 1",
    "DELETE FROM t WHERE id = 1 AND n < (SELECT count(*) FROM generate_series(1, 1000000000000))",
    "EXPLAIN ANALYZE SELECT count(*) FROM generate_series(1, 1000000000000)",
};

}  // namespace

TEST_CASE("every statement can be ended, wherever it is") {
  const SessionFixture fixture;
  fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, n BIGINT, v VECTOR(3))");
  REQUIRE(fixture.sql("INSERT INTO t SELECT i, 1, i, ('[' || i || ',1,2]')::vector FROM generate_series(1, 3000) g(i)") ==
          "(integer) 3000");
  for (const bool inside : {false, true}) {
    const std::unique_ptr<Session> session = fixture.connect();
    if (inside) {
      runSqlOn(*session, "BEGIN");
    }
    for (const std::string_view sql : kEndless) {
      INFO(sql << (inside ? " inside BEGIN" : ""));
      std::string answer;
      std::atomic<bool> ended = false;
      std::thread thread([&] {
        answer = runSqlOn(*session, sql);
        ended = true;
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(inside ? 1 : 20));
      CHECK_FALSE(ended);
      // A guard against hanging: minutes would be what it takes to come to its end.
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (!ended && std::chrono::steady_clock::now() < until) {
        session->cancel();  // one that has not begun does not hear it
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      if (!ended) {
        std::fprintf(stderr, "cannot be ended: %.*s\n", static_cast<int>(sql.size()), sql.data());
        std::abort();
      }
      thread.join();
      CHECK(answer == "(error) ERR canceling statement due to user request");
    }
    CHECK(runSqlOn(*session, "SELECT count(*), sum(n) FROM t") == "[[(integer) 3000, (integer) 4501500]]");
  }
}

}  // namespace trefoil
