// `trefoil check`: the log floor's report on a data directory, for the program above.
#pragma once

#include <string>

#include "base/env.hpp"
#include "base/status.hpp"

namespace trefoil {

struct DirectoryReport {
  bool sound = false;  // nothing is damaged, or everything that was is repaired
  std::string text;    // lines for a person
};

// Reads every file of a data directory that no process has open (kBusy otherwise) and says what is wrong with it. With `repair`,
// the log is cut at the first damage.
Result<DirectoryReport> checkDirectory(Env& env, const std::string& directory, bool repair);

}  // namespace trefoil
