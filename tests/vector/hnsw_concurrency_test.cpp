// Inserts, deaths, searches, cursors, purges and captures at once; under ThreadSanitizer this is the test that counts.
#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "clustered_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

TEST_CASE("everything at once", "[vector][hnsw]") {
  constexpr std::size_t kWriters = 2;
  constexpr std::size_t kRowsPerWriter = 1500;
  struct Round {
    Metric metric;
    std::size_t different;  // vectors: all, or forty that occur again and again
  };
  for (const Round round : {Round{Metric::kCosine, kWriters * kRowsPerWriter}, Round{Metric::kL2, kWriters * kRowsPerWriter},
                            Round{Metric::kL2, 40}}) {
    const std::size_t different = round.different;
    ClusteredVectors data(different, 33);
    for (std::size_t row = different; row < kWriters * kRowsPerWriter; ++row) {
      const std::span<const float> values = data.arena->at(data.slots[row % different]);
      data.add({values.begin(), values.end()});
    }
    HnswIndex index(data.arena, {.metric = round.metric, .m = 8, .ef_construction = 40});
    std::atomic<Lsn> lsn{1};
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> trouble{0};
    std::vector<std::thread> threads;
    for (std::size_t writer = 0; writer < kWriters; ++writer) {
      threads.emplace_back([&, writer] {
        // Inserts its rows, and every other one of them dies some steps later.
        for (std::size_t i = 0; i < kRowsPerWriter; ++i) {
          const std::size_t row = i * kWriters + writer;
          index.insert(row, data.slots[row], lsn.fetch_add(1));
          if (i >= 100 && i % 2 == 0) {
            const std::size_t gone = (i - 100) * kWriters + writer;
            trouble += index.markDead(gone, lsn.fetch_add(1)) ? 0 : 1;
          }
        }
      });
    }
    threads.emplace_back([&] {
      std::mt19937_64 random(5);
      while (!stop) {
        index.purge(kNoSnapshot, 200, random() % 4 == 0);
      }
    });
    for (int searcher = 0; searcher < 2; ++searcher) {
      threads.emplace_back([&, searcher] {
        std::mt19937_64 random(static_cast<std::uint64_t>(searcher) + 20);
        RowFilter thirds;
        thirds.matches = [](std::uint64_t row) { return row % 3 == 0; };
        while (!stop) {
          const std::vector<float> query = randomVector(random, 33);
          const bool filtered = random() % 2 == 0;
          const HnswAnswer answer = index.search({.query = query, .filter = filtered ? &thirds : nullptr}).value();
          for (const Neighbour& neighbour : answer.nearest) {
            trouble += neighbour.row >= data.slots.size() || (filtered && neighbour.row % 3 != 0) ||
                               neighbour.distance != distance(round.metric, query, data.arena->at(data.slots[neighbour.row]))
                           ? 1
                           : 0;
          }
          if (random() % 8 == 0) {
            HnswIndex::Cursor cursor = index.open({.query = query}).value();
            trouble += cursor.next().ok() && cursor.next().ok() ? 0 : 1;
          }
          if (random() % 32 == 0) {
            const std::vector<std::string> chunks = written(index);
            const auto slot_of = [&](std::uint64_t row) { return data.slots[row]; };
            trouble += HnswIndex::read(data.arena, sourceOf(chunks), slot_of).ok() ? 0 : 1;
          }
          (void)index.memory();
          (void)index.slotOf(random() % data.slots.size());
        }
      });
    }
    threads[0].join();
    threads[1].join();
    stop = true;
    for (std::size_t i = 2; i < threads.size(); ++i) {
      threads[i].join();
    }
    CHECK(trouble == 0);
    while (!index.purge(kNoSnapshot, 4096, true).finished) {
    }
    index.verify();
    CHECK(index.deadEntries() == 0);
    std::size_t found = 0;
    const auto alive = [&](std::size_t row) { return index.slotOf(row) != kNoSlot; };
    for (int i = 0; i < 50; ++i) {
      const std::vector<float> query = data.draw();
      found += hits(data.nearest(round.metric, query, 10, alive), index.search({.query = query}).value().nearest);
    }
    CAPTURE(found);
    CHECK(found >= 50 * 10 * 95 / 100);
  }
}

TEST_CASE("a bulk build runs beside searches", "[vector][hnsw]") {
  ClusteredVectors data(3000, 33);
  HnswIndex index(data.arena, {.m = 8, .ef_construction = 40});
  std::atomic<bool> stop{false};
  std::thread searcher([&] {
    std::mt19937_64 random(5);
    while (!stop) {
      (void)index.search({.query = randomVector(random, 33)}).value();
    }
  });
  index.build(data.entries());
  stop = true;
  searcher.join();
  index.verify();
  CHECK(index.liveEntries() == 3000);
}

}  // namespace trefoil::vector
