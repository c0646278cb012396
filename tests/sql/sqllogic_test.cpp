// All files of tests/sqllogic, each with whole chunks and with chunks of two rows; and corpora from elsewhere on demand.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/sql/sql_fixture.hpp"

namespace trefoil::sql::test {
namespace {

std::string readFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

// tests/sqllogic of the tree that this program was built in.
std::filesystem::path sqllogicFolder() {
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(at / "tests/sqllogic/runner.hpp") && at.has_relative_path()) {
    at = at.parent_path();
  }
  return at / "tests/sqllogic";
}

std::vector<std::filesystem::path> filesBelow(const std::filesystem::path& folder, std::string_view extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == extension) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string describe(const sqllogic::Report& report) {
  std::string text;
  for (const sqllogic::Failure& failure : report.failures) {
    text += "line " + std::to_string(failure.line) + ": " + failure.sql + "\n  " + failure.what + "\n";
  }
  return text;
}

// What SQLite answers and PostgreSQL refuses.
bool isDialectDifference(std::string_view sql, std::string_view error) {
  for (const std::string_view known :
       {"division by zero", "operator does not exist", "argument of", "must appear in the GROUP BY clause",
        "does not exist\nHINT", "CASE types", "out of range", "views are not supported", "invalid input syntax"}) {
    if (error.find(known) != std::string_view::npos) {
      if (std::getenv("TREFOIL_SQLLOGIC_SKIPS") != nullptr) {
        std::cout << "  skipped: " << error.substr(0, error.find('\n')) << " <- " << sql << "\n";
      }
      return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("MD5 of known texts") {
  REQUIRE(sqllogic::md5("") == "d41d8cd98f00b204e9800998ecf8427e");
  REQUIRE(sqllogic::md5("The quick brown fox jumps over the lazy dog") == "9e107d9d372bb6826bd81d3542a419d6");
}

TEST_CASE("sqllogic files give the expected results, whatever the chunk size") {
  const std::size_t chunk_rows = GENERATE(as<std::size_t>{}, 2048, 2, 1);
  const auto files = filesBelow(sqllogicFolder(), ".slt");
  REQUIRE(!files.empty());
  for (const auto& file : files) {
    INFO(file.string() << " with chunks of " << chunk_rows);
    SqlDatabase database(chunk_rows);
    const bool sqlite = file.parent_path().filename() == "sqlite";
    const sqllogic::Report report =
        sqllogic::run(readFile(file), database, sqlite ? sqllogic::Dialect::kSqlite : sqllogic::Dialect::kTrefoil,
                      sqlite ? isDialectDifference : nullptr);
    INFO(describe(report));
    CHECK(report.failures.empty());
    CHECK(report.records > 0);
    database.database.store.verify();
  }
}

// TREFOIL_SQLLOGIC=folder sql_tests "[corpus]"
TEST_CASE("an sqllogictest corpus from elsewhere", "[.corpus]") {
  const char* const folder = std::getenv("TREFOIL_SQLLOGIC");
  REQUIRE(folder != nullptr);
  for (const auto& file : filesBelow(folder, ".test")) {
    SqlDatabase database;
    const sqllogic::Report report = sqllogic::run(readFile(file), database, sqllogic::Dialect::kSqlite, isDialectDifference);
    std::cout << file.string() << ": " << report.records << " records, " << report.skipped << " skipped, "
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
