// Statements that take much time or would never end: they leave an event loop at once, and they can be ended.
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
  const bool answered = session.executeBatch({&statement, 1}, reply) == 1;
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

}  // namespace trefoil
