// Runs a scenario under many schedules, each in a process of its own: so it begins in the same state whatever ran before, and one
// that cannot go on, or dies, is only a report.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/schedule/scheduler.hpp"

namespace trefoil::schedule {

// Runs under the scheduler; calls fail() if what it sees is wrong.
using Scenario = std::function<void(std::uint64_t seed)>;

struct Outcome {
  std::uint64_t seed = 0;
  bool held = false;
  std::uint64_t steps = 0;  // if it held,
  std::uint64_t fingerprint = 0;
  std::string report;  // otherwise
};

// Some at a time. Stops behind the first that did not hold, if so asked; outcomes are those of the first seeds, in order.
std::vector<Outcome> runSeeds(std::uint64_t first, std::uint64_t count, bool stops_at_failure, const Scenario& scenario);

}  // namespace trefoil::schedule
