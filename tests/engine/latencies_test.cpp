#include "engine/latencies.hpp"

#include <catch2/catch.hpp>

#include <numeric>
#include <thread>
#include <vector>

namespace trefoil {
namespace {

constexpr auto kGroup = CommandGroup::kStream;  // which no command of another test has

Latencies::Histogram histogram() {
  return Latencies::all()[static_cast<std::size_t>(kGroup)];
}

TEST_CASE("a duration is counted in the first bucket whose bound it does not pass") {
  const Latencies::Histogram before = histogram();
  for (const std::int64_t micros : {-5, 0, 10, 11, 25, 1000, 10'000'000, 10'000'001}) {
    Latencies::note(kGroup, micros);
  }
  const Latencies::Histogram after = histogram();
  std::vector<std::uint64_t> grown;
  for (std::size_t i = 0; i < after.counts.size(); ++i) {
    grown.push_back(after.counts[i] - before.counts[i]);
  }
  CHECK(grown == std::vector<std::uint64_t>{3, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1});
  CHECK(after.sum_us - before.sum_us == 0 + 0 + 10 + 11 + 25 + 1000 + 10'000'000 + 10'000'001);
}

TEST_CASE("durations of all threads are counted, while they live and when they have ended") {
  const Latencies::Histogram before = histogram();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 1000; ++j) {
        Latencies::note(kGroup, 1);
        if (j % 100 == 0) {
          static_cast<void>(Latencies::all());
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const Latencies::Histogram after = histogram();
  CHECK(after.counts[0] - before.counts[0] == 8000);
  CHECK(after.sum_us - before.sum_us == 8000);
}

}  // namespace
}  // namespace trefoil
