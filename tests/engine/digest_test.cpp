// What a digest tells apart, and what it does not.
#include <catch2/catch.hpp>
#include <map>

#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

std::string digestAfter(const std::vector<std::string>& lines) {
  const SessionFixture fixture;
  for (const std::string& line : lines) {
    const std::string answer = fixture.run(line);
    CAPTURE(line, answer);
    REQUIRE_FALSE(answer.starts_with("(error)"));
  }
  const std::string digest = fixture.run("DIGEST");
  REQUIRE(digest.size() == 34);
  return digest;
}

const std::string kTable = "SQL \"CREATE TABLE t (id int PRIMARY KEY, x text, e vector(2))\"";

}  // namespace

TEST_CASE("databases that hold the same have one digest, however they came to it", "[engine]") {
  struct Case {
    std::vector<std::string> one;
    std::vector<std::string> other;
  };
  const std::vector<Case> cases = {
      {{}, {"SET a 1", "DEL a"}},
      {{"SET a 1", "SET b 2"}, {"SET b 2", "SET a 0", "INCR a"}},
      {{"SET a 12"}, {"SET a 1", "APPEND a 2"}},  // another encoding
      {{"SET a 1"}, {"SET a 1 EX 1000", "PERSIST a"}},
      {{"SET a 1 PXAT 99999999999999"}, {"SET a 1", "PEXPIREAT a 99999999999999"}},
      {{"RPUSH l a b c"}, {"RPUSH l b x", "LPUSH l a", "LSET l 2 c"}},
      {{"HSET h f v g w"}, {"HSET h g w", "HSET h f v"}},
      {{"SADD s a b"}, {"SADD s b c", "SADD s a", "SREM s c"}},
      {{"ZADD z 1 a 2 b"}, {"ZADD z 2 b", "ZADD z 1 a"}},
      {{"ZADD z 0 a"}, {"ZADD z -0 a"}},
      {{kTable, "SQL \"INSERT INTO t VALUES (1, 'a', '[1,2]'), (2, NULL, NULL)\""},
       {kTable, "SQL \"INSERT INTO t VALUES (3, 'x', NULL), (2, 'y', NULL), (1, 'a', '[1,2]')\"",
        "SQL \"DELETE FROM t WHERE id = 3\"", "SQL \"UPDATE t SET x = NULL WHERE id = 2\""}},
      {{kTable, "SQL \"CREATE INDEX a ON t (x)\"", "SQL \"CREATE INDEX b ON t (x)\""},
       {kTable, "SQL \"CREATE INDEX b ON t (x)\"", "SQL \"CREATE INDEX a ON t (x)\""}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.one, one.other);
    CHECK(digestAfter(one.one) == digestAfter(one.other));
  }
}

TEST_CASE("whatever a client can see is told apart", "[engine]") {
  const std::vector<std::vector<std::string>> contents = {
      {},
      {"SET a 1"},
      {"SET a 2"},
      {"SET b 1"},
      {"SET a 1", "SET b 1"},
      {"SET a 1 PXAT 99999999999999"},
      {"SET a 1 PXAT 99999999999998"},
      {"SELECT 1", "SET a 1"},
      {"RPUSH a 1"},
      {"SADD a 1"},
      {"HSET a 1 1"},
      {"ZADD a 1 1"},
      {"ZADD a 2 1"},
      {"RPUSH l a b"},
      {"RPUSH l b a"},
      {"RPUSH l ab"},
      {"HSET h f v"},
      {"HSET h v f"},
      {kTable},
      {kTable, "SQL \"INSERT INTO t VALUES (1, 'a', NULL)\""},
      {kTable, "SQL \"INSERT INTO t VALUES (1, 'b', NULL)\""},
      {kTable, "SQL \"INSERT INTO t VALUES (1, '', NULL)\""},
      {kTable, "SQL \"INSERT INTO t VALUES (1, NULL, NULL)\""},
      {kTable, "SQL \"INSERT INTO t VALUES (1, NULL, '[1,2]')\""},
      {kTable, "SQL \"INSERT INTO t VALUES (1, NULL, '[2,1]')\""},
      {kTable, "SQL \"CREATE INDEX by_x ON t (x)\""},
      {"SQL \"CREATE TABLE t (id int PRIMARY KEY, x text, f vector(2))\""},
      {"SQL \"CREATE TABLE u (id int PRIMARY KEY, x text, e vector(2))\""},
  };
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    const auto [at, is_new] = seen.emplace(digestAfter(contents[i]), i);
    CAPTURE(contents[i], contents[at->second]);
    CHECK(is_new);
  }
}

TEST_CASE("digest() says which part differs, sees the block's own changes, and stays over a restart", "[engine]") {
  const testing::TemporaryDirectory directory;
  std::string before;
  {
    const SessionFixture fixture(directory.path());
    fixture.run("MSET a 1 b 2");
    fixture.run("SELECT 3");
    fixture.run("RPUSH l x y");
    fixture.sql("CREATE TABLE t (id int PRIMARY KEY, e vector(3))");
    fixture.sql("INSERT INTO t SELECT i, ('[' || i || ',1,2]')::vector FROM generate_series(1, 5000) g(i)");
    fixture.sql("DELETE FROM t WHERE id % 3 = 0");
    CHECK(
        fixture.sql("SELECT kind, name, items FROM digest()") ==
        R"([["keys", "0", (integer) 2], ["keys", "3", (integer) 1], ["table", "t", (integer) 3334], ["all", "", (integer) 3337]])");
    before = fixture.run("DIGEST");
    fixture.sql("BEGIN");
    fixture.run("SET a changed");
    CHECK(fixture.run("DIGEST") != before);
    fixture.sql("ROLLBACK");
    CHECK(fixture.run("DIGEST") == before);
    CHECK(fixture.run("MULTI") == "OK");
    fixture.run("DIGEST");
    CHECK(fixture.run("EXEC") == "[" + before + "]");
  }
  for (const char* from : {"log", "checkpoint"}) {
    CAPTURE(from);
    const SessionFixture fixture(directory.path());
    CHECK(fixture.run("DIGEST") == before);
    fixture.run("CHECKPOINT");
  }
}

}  // namespace trefoil
