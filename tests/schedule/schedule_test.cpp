// Interleavings: a database at work under schedules that are drawn from seeds (scheduler.hpp), compared with what must hold
// (commits_scenario.hpp); and rules that are broken on purpose, which must be found.
//
//   TREFOIL_SEED=N schedule_tests                    that schedule alone
//   TREFOIL_SEED=1000 TREFOIL_SEEDS=N schedule_tests so many, from that one on
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "tests/schedule/broken_rules.hpp"
#include "tests/schedule/commits_scenario.hpp"
#include "tests/schedule/seeds.hpp"

namespace trefoil::schedule {
namespace {

std::uint64_t fromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

void mustHold(const Scenario& scenario) {
  const std::uint64_t seed = fromEnvironment("TREFOIL_SEED", 0);
  const std::uint64_t first = seed != 0 ? seed : 1;
  const std::uint64_t count = fromEnvironment("TREFOIL_SEEDS", seed != 0 ? 1 : 200);
  for (const Outcome& outcome : runSeeds(first, count, true, scenario)) {
    INFO("TREFOIL_SEED=" << outcome.seed << "\n" << outcome.report);
    CHECK(outcome.held);
  }
}

}  // namespace

TEST_CASE("commits, segments, checkpoints, followers and waiters agree under every schedule", "[schedule]") {
  mustHold(commitsAndFollowers);
}

TEST_CASE("they do so on a disk that is full or fails", "[schedule]") {
  mustHold(commitsOnABadDisk);
}

TEST_CASE("a seed is one schedule", "[schedule]") {
  const auto once = runSeeds(1, 4, false, commitsAndFollowers);
  const auto again = runSeeds(1, 4, false, commitsAndFollowers);
  for (std::size_t i = 0; i < once.size(); ++i) {
    CHECK(once[i].steps == again[i].steps);
    CHECK(once[i].fingerprint == again[i].fingerprint);
  }
  CHECK(once[0].fingerprint != once[1].fingerprint);
}

TEST_CASE("a broken rule is found", "[schedule]") {
  const BrokenRule rule = GENERATE(BrokenRule::kSnapshotAlone, BrokenRule::kDurableBeforeBase, BrokenRule::kLookBeforeSleep);
  CAPTURE(static_cast<int>(rule));
  const auto outcomes = runSeeds(1, 300, true, [&](std::uint64_t seed) {
    breakRule(rule);
    commitsAndFollowers(seed);
  });
  const auto found = std::ranges::find_if(outcomes, [](const Outcome& outcome) { return !outcome.held; });
  REQUIRE(found != outcomes.end());
  INFO("by seed " << found->seed << ":\n" << found->report);
  CHECK(found->report.find("seed ") != std::string::npos);
}

}  // namespace trefoil::schedule
