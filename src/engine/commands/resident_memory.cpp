#include "engine/commands/resident_memory.hpp"

#include <unistd.h>

#include <fstream>

namespace trefoil::commands {

std::int64_t residentBytes() {
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

}  // namespace trefoil::commands
