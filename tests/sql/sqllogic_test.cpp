// All files of tests/sqllogic, each with whole chunks and with chunks of two rows; and corpora from elsewhere on demand.
#include <cstdlib>
#include <iostream>

#include "tests/sql/sql_fixture.hpp"
#include "tests/sqllogic/scripts.hpp"

namespace trefoil::sql::test {

TEST_CASE("MD5 of known texts") {
  REQUIRE(sqllogic::md5("") == "d41d8cd98f00b204e9800998ecf8427e");
  REQUIRE(sqllogic::md5("The quick brown fox jumps over the lazy dog") == "9e107d9d372bb6826bd81d3542a419d6");
}

TEST_CASE("sqllogic files give the expected results, whatever the chunk size") {
  const std::size_t chunk_rows = GENERATE(as<std::size_t>{}, 2048, 2, 1);
  const auto scripts = sqllogic::ownScripts("tests/sqllogic");
  REQUIRE(!scripts.empty());
  for (const sqllogic::Script& script : scripts) {
    INFO(script.path.string() << " with chunks of " << chunk_rows);
    SqlDatabase database(chunk_rows);
    const sqllogic::Report report = script.run(database);
    INFO(sqllogic::describe(report));
    CHECK(report.failures.empty());
    CHECK(report.records > 0);
    database.database.store.verify();
  }
}

// TREFOIL_SQLLOGIC=folder sql_tests "[corpus]"
TEST_CASE("an sqllogictest corpus from elsewhere", "[.corpus]") {
  const char* const folder = std::getenv("TREFOIL_SQLLOGIC");
  REQUIRE(folder != nullptr);
  for (sqllogic::Script& script : sqllogic::scriptsBelow(folder, ".test")) {
    script.dialect = sqllogic::Dialect::kSqlite;
    SqlDatabase database;
    const sqllogic::Report report = script.run(database);
    std::cout << script.path.string() << ": " << report.records << " records, " << report.skipped << " skipped, "
              << report.failures.size() << " failed\n";
    std::size_t shown = 0;
    for (const sqllogic::Failure& failure : report.failures) {
      if (++shown > 5) {
        break;
      }
      std::cout << "  line " << failure.line << ": " << failure.sql << "\n    " << failure.what << "\n";
    }
    CHECK(report.failures.empty());
  }
}

}  // namespace trefoil::sql::test
