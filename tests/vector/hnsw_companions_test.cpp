// Vectors that occur many times, or that their codes cannot tell apart.
#include <set>

#include <catch2/catch.hpp>

#include "clustered_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

namespace {

constexpr std::size_t kDifferent = 60;
constexpr std::size_t kCopies = 50;

// Row i is a copy of vector i % kDifferent.
struct Copies : ClusteredVectors {
  Copies() : ClusteredVectors(0, 40) {
    std::vector<std::vector<float>> different;
    for (std::size_t i = 0; i < kDifferent; ++i) {
      different.push_back(randomVector(random, dimension));
    }
    for (std::size_t i = 0; i < kDifferent * kCopies; ++i) {
      add(different[i % kDifferent]);
    }
  }
};

// The k nearest of the rows that count, each of them once.
template <typename Counts>
void checkNearest(const ClusteredVectors& data, const HnswIndex& index, const HnswRequest& request, const Counts& counts) {
  const std::vector<Neighbour> truth = data.nearest(index.options().metric, request.query, request.k, counts);
  const std::vector<Neighbour> found = index.search(request).value().nearest;
  REQUIRE(found.size() == truth.size());
  std::set<std::uint64_t> rows;
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].distance == truth[i].distance);
    CHECK(counts(found[i].row));
    CHECK(rows.insert(found[i].row).second);
  }
}

}  // namespace

TEST_CASE("all copies of the nearest vectors are found", "[vector][hnsw]") {
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
    for (const HnswCodes codes : {HnswCodes::kInt8, HnswCodes::kFloat16, HnswCodes::kFloat32}) {
      Copies data;
      HnswIndex index(data.arena, {.metric = metric, .codes = codes});
      index.build(data.entries());
      index.verify();
      RowFilter one_of_each;
      one_of_each.matches = [](std::uint64_t row) { return row / kDifferent == 17; };
      RowFilter half;
      half.matches = [](std::uint64_t row) { return row / kDifferent % 2 == 0; };
      for (int i = 0; i < 10; ++i) {
        const std::vector<float> query = randomVector(data.random, 40);
        for (const std::size_t k : {1U, 10U, 120U}) {
          checkNearest(data, index, {.query = query, .k = k}, [](std::uint64_t) { return true; });
          checkNearest(data, index, {.query = query, .k = k, .filter = &half}, half.matches);
          checkNearest(data, index, {.query = query, .k = k, .filter = &one_of_each}, one_of_each.matches);
        }
      }
      // A cursor hands each of them out once.
      HnswIndex::Cursor cursor = index.open({.query = randomVector(data.random, 40)}).value();
      std::set<std::uint64_t> rows;
      for (std::vector<Neighbour> batch = cursor.next().value(); !batch.empty(); batch = cursor.next().value()) {
        for (const Neighbour& neighbour : batch) {
          CHECK(rows.insert(neighbour.row).second);
        }
      }
      CHECK(rows.size() == data.slots.size());
    }
  }
}

TEST_CASE("who has the place leaves, and a copy takes it over", "[vector][hnsw]") {
  for (const Metric metric : {Metric::kCosine, Metric::kInnerProduct}) {
    Copies data;
    HnswIndex index(data.arena, {.metric = metric});
    index.build(data.entries());
    std::vector<bool> lives(data.slots.size(), true);
    std::vector<Lsn> died(data.slots.size(), kLatest);
    Lsn lsn = 10;
    const std::vector<float> query = randomVector(data.random, 40);
    for (int round = 0; round < 12; ++round) {
      // First those that came first, who have the places; then any.
      for (std::size_t row = 0; row < lives.size(); ++row) {
        if (lives[row] && (round < 3 ? row / kDifferent < 4U * static_cast<unsigned>(round + 1) : data.random() % 3 == 0)) {
          lives[row] = false;
          died[row] = lsn;
          index.markDead(row, lsn++);
        }
      }
      const Lsn now = lsn;
      checkNearest(data, index, {.query = query, .k = 80}, [&](std::uint64_t row) { return lives[row]; });
      // In small steps, with searches in between, at a snapshot that sees what is dead at the end of the round.
      for (PurgeProgress progress{.finished = false}; !progress.finished;) {
        progress = index.purge(now, 100, true);
        checkNearest(data, index, {.query = query, .k = 5, .snapshot = now}, [&](std::uint64_t row) { return died[row] >= now; });
      }
      index.verify();
      CHECK(index.deadEntries() == 0);
      // Some come back.
      for (std::size_t row = 0; row < lives.size(); row += 7) {
        if (!lives[row] && data.random() % 2 == 0) {
          lives[row] = true;
          died[row] = kLatest;
          index.insert(row, data.slots[row], lsn++);
        }
      }
    }
    for (std::size_t row = 0; row < lives.size(); ++row) {
      index.markDead(row, lsn++);
    }
    while (!index.purge(kNoSnapshot, 4096, true).finished) {
    }
    index.verify();
    CHECK(index.search({.query = query}).value().nearest.empty());
    index.insert(0, data.slots[0], lsn);
    index.insert(1, data.slots[0], lsn);
    CHECK(index.search({.query = query}).value().nearest.size() == 2);
  }
}

TEST_CASE("copies are written and read, whoever has the place", "[vector][hnsw]") {
  Copies data;
  HnswIndex index(data.arena, {.metric = Metric::kL2});
  // Those that came first are born last, or are dead by then.
  std::vector<HnswEntry> entries = data.entries(20);
  for (HnswEntry& entry : entries) {
    entry.born = entry.row / kDifferent == 0 ? 200 : 20;
  }
  index.build(entries);
  for (std::size_t row = kDifferent; row < 3 * kDifferent; ++row) {
    index.markDead(row, 60);
  }
  for (const Lsn snapshot : {Lsn{50}, Lsn{100}, kLatest}) {
    const std::vector<std::string> chunks = written(index, snapshot);
    const std::unique_ptr<HnswIndex> back =
        HnswIndex::read(data.arena, sourceOf(chunks), [&](std::uint64_t row) { return data.slots[row]; }).value();
    back->verify();
    CHECK(written(*back).size() == chunks.size());
    const auto counts = [&](std::uint64_t row) {
      return entries[row].born < snapshot && (snapshot <= 60 || row < kDifferent || row >= 3 * kDifferent);
    };
    for (int i = 0; i < 10; ++i) {
      const std::vector<float> query = randomVector(data.random, 40);
      checkNearest(data, index, {.query = query, .k = 100, .snapshot = snapshot}, counts);
      checkNearest(data, *back, {.query = query, .k = 100}, counts);
    }
  }
}

TEST_CASE("neighbours that are nearer to each other than codes can tell are found", "[vector][hnsw]") {
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
    ClusteredVectors data(0, 48);
    std::vector<std::vector<float>> centres;
    for (int i = 0; i < 20; ++i) {
      centres.push_back(randomVector(data.random, 48, 100));
    }
    const auto near = [&](const std::vector<float>& centre) {
      std::vector<float> values = randomVector(data.random, 48, 0.01F);
      for (std::size_t d = 0; d < values.size(); ++d) {
        values[d] += centre[d];
      }
      return values;
    };
    for (std::size_t i = 0; i < 6000; ++i) {
      data.add(near(centres[i / 300]));  // cluster by cluster
    }
    HnswIndex index(data.arena, {.metric = metric});
    index.build(data.entries());
    index.verify();
    std::size_t found = 0;
    for (std::size_t i = 0; i < 50; ++i) {
      const std::vector<float> query = near(centres[i % centres.size()]);
      found += hits(data.nearest(metric, query, 10), index.search({.query = query}).value().nearest);
    }
    CAPTURE(static_cast<int>(metric));
    CHECK(found >= 485);
  }
}

}  // namespace trefoil::vector
