// RETURNING over more rows than a chunk has.
#include <catch2/catch.hpp>

#include "tests/sql/sql_fixture.hpp"

namespace trefoil::sql::test {

TEST_CASE("subqueries of RETURNING see the rows as they were before the statement") {
  SqlDatabase database;
  REQUIRE(database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT)").ok);
  REQUIRE(database.execute("INSERT INTO t SELECT i, i FROM generate_series(1, 5000) g(i)").ok);
  const std::string partner = "(SELECT count(*) FROM t other WHERE other.id = 5001 - t.id AND other.n = other.id)";
  const std::string returning = " RETURNING t.id, " + partner;
  for (const std::string change :
       {"UPDATE t SET n = id", "UPDATE t SET n = -id", "UPDATE t SET n = id FROM generate_series(1, 2)", "DELETE FROM t"}) {
    INFO(change);
    const bool had = change != "UPDATE t SET n = id FROM generate_series(1, 2)";
    const auto outcome = database.query(change + returning);
    REQUIRE(outcome.status.ok());
    CHECK(outcome.summary.affected == 5000);
    REQUIRE(outcome.result.rows.size() == 5000);
    for (const auto& row : outcome.result.rows) {
      REQUIRE(row[1].view().asInteger() == (had ? 1 : 0));
    }
  }
  CHECK(database.query("SELECT * FROM t").result.rows.empty());
}

}  // namespace trefoil::sql::test
