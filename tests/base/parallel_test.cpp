#include "base/parallel.hpp"

#include <atomic>
#include <numeric>
#include <thread>
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

TEST_CASE("an arena bounds the loops of its thread, and many have one each", "[base][parallel]") {
  std::atomic<int> inner{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, width = t % 3 + 1] {
      LoopArena arena(width);
      for (int i = 0; i < 100; ++i) {
        std::vector<int> done(width);  // plain: two threads under one number would race
        const std::thread::id self = std::this_thread::get_id();
        bool here = false;
        arena.execute([&] {
          here = std::this_thread::get_id() == self;
          parallelFor(64, [&](std::size_t, std::size_t worker) {
            ++done.at(worker);
            ++inner;
          });
        });
        if (!here || std::accumulate(done.begin(), done.end(), 0) != 64) {
          inner = -1'000'000;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(inner == 8 * 100 * 64);
}

}  // namespace trefoil
