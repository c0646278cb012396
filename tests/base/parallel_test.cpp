#include "base/parallel.hpp"

#include <atomic>
#include <numeric>
#include <vector>

#include <catch2/catch.hpp>

namespace trefoil {

TEST_CASE("every index is visited once, and workers have states of their own", "[base][parallel]") {
  for (const std::size_t count : {0U, 1U, 2U, 100U, 10000U}) {
    std::vector<int> visits(count);                  // plain ints: a second visit or a lost one shows
    std::vector<std::uint64_t> sums(parallelism());  // plain sums: two threads under one number would race
    parallelFor(count, [&](std::size_t index, std::size_t worker) {
      ++visits[index];
      sums.at(worker) += index;
    });
    CHECK(std::all_of(visits.begin(), visits.end(), [](int n) { return n == 1; }));
    CHECK(std::accumulate(sums.begin(), sums.end(), std::uint64_t{0}) == (count == 0 ? 0 : count * (count - 1) / 2));
  }
}

TEST_CASE("loops nest", "[base][parallel]") {
  std::atomic<int> total{0};
  parallelFor(20, [&](std::size_t, std::size_t) {
    std::vector<int> inner(50);
    parallelFor(50, [&](std::size_t index, std::size_t) { inner[index] = 1; });
    total += std::accumulate(inner.begin(), inner.end(), 0);
  });
  CHECK(total == 1000);
}

TEST_CASE("queued work runs, with its loops, before the arena goes", "[base][parallel]") {
  std::vector<int> done(100);
  std::atomic<int> inner{0};
  {
    WorkerArena arena(2);
    for (std::size_t i = 0; i < done.size(); ++i) {
      arena.enqueue([&, i, copy = std::vector<int>(10, 1)] {
        done[i] = std::accumulate(copy.begin(), copy.end(), 0);
        parallelFor(8, [&](std::size_t, std::size_t) { ++inner; });
      });
    }
    arena.drain();
    CHECK(std::accumulate(done.begin(), done.end(), 0) == 1000);
    arena.enqueue([&] { done[0] = 0; });
  }
  CHECK(done[0] == 0);
  CHECK(inner == 800);
}

}  // namespace trefoil
