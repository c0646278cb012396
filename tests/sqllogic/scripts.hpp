// The scripts that test programs run through the sqllogictest runner, found in the tree that the program was built in.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sqllogic/runner.hpp"

namespace trefoil::sqllogic {

struct Script {
  std::filesystem::path path;
  std::string text;
  Dialect dialect = Dialect::kTrefoil;

  // What SQLite answers and PostgreSQL refuses is fine in a script of SQLite's.
  [[nodiscard]] Report run(Connection& connection) const;
};

// The files below `folder` with this extension, sorted. Those in a folder "sqlite" are of that dialect.
std::vector<Script> scriptsBelow(const std::filesystem::path& folder, std::string_view extension);
// Those below a folder of the source tree, "tests/sqllogic".
std::vector<Script> ownScripts(const std::filesystem::path& folder);

// What failed, for a person.
std::string describe(const Report& report);

}  // namespace trefoil::sqllogic
