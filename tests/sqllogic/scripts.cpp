#include "tests/sqllogic/scripts.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

namespace trefoil::sqllogic {
namespace {

std::string readFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
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

Report Script::run(Connection& connection) const {
  return sqllogic::run(text, connection, dialect, dialect == Dialect::kSqlite ? isDialectDifference : nullptr);
}

std::vector<Script> scriptsBelow(const std::filesystem::path& folder, std::string_view extension) {
  std::vector<Script> scripts;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == extension) {
      const bool sqlite = entry.path().parent_path().filename() == "sqlite";
      scripts.push_back({entry.path(), readFile(entry.path()), sqlite ? Dialect::kSqlite : Dialect::kTrefoil});
    }
  }
  std::sort(scripts.begin(), scripts.end(), [](const Script& a, const Script& b) { return a.path < b.path; });
  return scripts;
}

std::vector<Script> ownScripts(const std::filesystem::path& folder) {
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(at / "tests/sqllogic/runner.hpp") && at.has_relative_path()) {
    at = at.parent_path();
  }
  return scriptsBelow(at / folder, ".slt");
}

std::string describe(const Report& report) {
  std::string text;
  for (const Failure& failure : report.failures) {
    text += "line " + std::to_string(failure.line) + ": " + failure.sql + "\n  " + failure.what + "\n";
  }
  return text;
}

}  // namespace trefoil::sqllogic
