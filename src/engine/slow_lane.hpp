// Where a statement that does not belong on an event loop runs (worker_pool.hpp).
#pragma once

#include <cstdint>

namespace trefoil {

enum class SlowLane : std::uint8_t {
  kStatements,  // what may go on for ever: queries and changes
  kSystem,      // what comes to an end: commands on keys, DDL, CHECKPOINT
};

// Where a statement would run if it ran on no event loop, and whether it is known to belong there.
struct LaneChoice {
  SlowLane lane = SlowLane::kSystem;
  bool is_slow = false;
};

}  // namespace trefoil
