// What an operator does between its last row in and its first row out is charged to the statement, so that it can be ended there:
// the same rows read without that phase come through under a limit of work at which the phase ends.
#include <catch2/catch.hpp>

#include "tests/sql/sql_fixture.hpp"

namespace trefoil::sql::test {

namespace {

constexpr std::string_view kTooLong = "the statement takes too long to be run here";

void expectCharged(SqlDatabase& database, std::string_view without, std::string_view with) {
  INFO(with);
  database.work_limit = 0;
  CHECK(database.query(with).status.ok());
  database.work_limit = 300'000;
  CHECK(database.query(without).status.ok());
  const Status status = database.query(with).status;
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message == kTooLong);
  database.work_limit = 0;
}

}  // namespace

TEST_CASE("sorting is charged, and so is cutting back to the best rows") {
  SqlDatabase database;
  REQUIRE(database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT, s TEXT)").ok);
  REQUIRE(database.execute("INSERT INTO t SELECT i, i * 7919 % 100003, 'x' FROM generate_series(1, 100000) g(i)").ok);
  expectCharged(database, "SELECT n FROM t", "SELECT n FROM t ORDER BY n");
  expectCharged(database, "SELECT n FROM t", "SELECT n FROM t ORDER BY n DESC LIMIT 30000");
  expectCharged(database, "SELECT n FROM t ORDER BY n LIMIT 10", "SELECT n FROM t ORDER BY s, n");
}

TEST_CASE("comparing long values is charged by their length") {
  SqlDatabase database;
  REQUIRE(database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT)").ok);
  REQUIRE(database.execute("INSERT INTO t SELECT i, repeat('x', 100000) || i FROM generate_series(1, 200) g(i)").ok);
  expectCharged(database, "SELECT s FROM t ORDER BY id", "SELECT id FROM t ORDER BY s");
}

TEST_CASE("growing a table of groups is charged") {
  SqlDatabase database;
  REQUIRE(database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT)").ok);
  REQUIRE(database.execute("INSERT INTO t SELECT i, i * 7919 FROM generate_series(1, 100000) g(i)").ok);
  constexpr std::string_view kRows = "SELECT n FROM t";
  expectCharged(database, kRows, "SELECT DISTINCT n FROM t");
  expectCharged(database, kRows, "SELECT n, count(*) FROM t GROUP BY n");
  expectCharged(database, kRows, "SELECT count(DISTINCT n) FROM t");
  expectCharged(database, kRows, "SELECT n FROM t INTERSECT SELECT n FROM t");
  expectCharged(database, kRows, "SELECT a.n FROM t a JOIN t b ON a.n = b.n");
}

TEST_CASE("combining what the workers of a parallel aggregate found is charged") {
  SqlDatabase database;
  database.parallel = true;
  REQUIRE(database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, few BIGINT, many BIGINT)").ok);
  REQUIRE(database.execute("INSERT INTO t SELECT i, i % 10, i % 60000 FROM generate_series(1, 250000) g(i)").ok);
  expectCharged(database, "SELECT few, count(*) FROM t GROUP BY few", "SELECT many, count(*) FROM t GROUP BY many");
}

}  // namespace trefoil::sql::test
