// What the system says of the process's memory.
#pragma once

#include <cstdint>

namespace trefoil::commands {

// Bytes in memory.
std::int64_t residentBytes();

}  // namespace trefoil::commands
