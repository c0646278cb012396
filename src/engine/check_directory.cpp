#include "engine/check_directory.hpp"

#include "aof/check.hpp"

namespace trefoil {

Result<DirectoryReport> checkDirectory(Env& env, const std::string& directory, bool repair) {
  TREFOIL_ASSIGN(const aof::CheckReport report, aof::check(env, directory, {.repair = repair}));
  return DirectoryReport{report.damages.empty() || report.repaired, report.text()};
}

}  // namespace trefoil
