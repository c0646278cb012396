// HnswIndex against exact search: options, recall, snapshots, odd vectors, cursors.
#include "vector/hnsw.hpp"

#include <catch2/catch.hpp>

#include "clustered_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

TEST_CASE("options are refused with pgvector's texts", "[vector][hnsw]") {
  CHECK(checkHnswOptions({}).ok());
  CHECK(checkHnswOptions({.m = 100, .ef_construction = 1000}).ok());
  CHECK(checkHnswOptions({.m = 1}).error().message == "value 1 out of bounds for option \"m\"");
  CHECK(checkHnswOptions({.m = 101}).error().detail == "Valid values are between \"2\" and \"100\".");
  CHECK(checkHnswOptions({.m = SIZE_MAX, .ef_construction = 1000}).error().code == ErrorCode::kInvalid);
  CHECK(checkHnswOptions({.ef_construction = 3}).error().message == "value 3 out of bounds for option \"ef_construction\"");
  CHECK(checkHnswOptions({.ef_construction = 1001}).error().detail == "Valid values are between \"4\" and \"1000\".");
  CHECK(checkHnswOptions({.m = 16, .ef_construction = 31}).error().message ==
        "ef_construction must be greater than or equal to 2 * m");
  CHECK(checkEfSearch(1).ok());
  CHECK(checkEfSearch(1000).ok());
  CHECK(checkEfSearch(0).error().message == "0 is outside the valid range for parameter \"hnsw.ef_search\" (1 .. 1000)");
  CHECK_FALSE(checkEfSearch(1001).ok());
  CHECK_FALSE(checkEfSearch(-5).ok());
}

TEST_CASE("a snapshot sees the entries of its instant", "[vector][hnsw]") {
  Versions versions;
  const auto arena = std::make_shared<VectorArena>(4);
  HnswIndex index(arena, {});
  const WriteContext context = WriteContext::live(versions, 1);
  const Slot first = arena->insert(std::vector<float>{1, 0, 0, 0}, context);
  const Slot second = arena->insert(std::vector<float>{0, 1, 0, 0}, context);
  CHECK(index.insert(7, first, 10));
  CHECK_FALSE(index.insert(7, first, 10));  // told twice
  CHECK(index.insert(7, second, 20));       // an update
  CHECK(index.markDead(7, 30));
  CHECK_FALSE(index.markDead(7, 30));
  CHECK(index.liveEntries() == 0);
  CHECK(index.deadEntries() == 2);
  const std::vector<float> query{1, 0, 0, 0};
  const auto distances = [&](Lsn snapshot) {
    std::vector<double> found;
    const HnswAnswer answer = index.search({.query = query, .snapshot = snapshot}).value();
    for (const Neighbour& neighbour : answer.nearest) {
      CHECK(neighbour.row == 7);
      found.push_back(neighbour.distance);
    }
    return found;
  };
  CHECK(distances(10).empty());  // a change at 10 is not visible to snapshot 10
  CHECK(distances(11) == std::vector<double>{0});
  CHECK(distances(20) == std::vector<double>{0});
  CHECK(distances(21) == std::vector<double>{1});
  CHECK(distances(30) == std::vector<double>{1});
  CHECK(distances(31).empty());
  CHECK(distances(kLatest).empty());
  CHECK(index.purge(20, 4096, true).remaining == 2);
  CHECK(distances(20) == std::vector<double>{0});
  CHECK(index.purge(30, 4096, true).remaining == 1);
  CHECK(distances(30) == std::vector<double>{1});
  CHECK(index.purge(kNoSnapshot, 4096, true).remaining == 0);
  CHECK(index.deadEntries() == 0);
  index.verify();
}

TEST_CASE("recall with the default settings, for every metric and kind of codes", "[vector][hnsw]") {
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
    for (const HnswCodes codes : {HnswCodes::kInt8, HnswCodes::kFloat16, HnswCodes::kFloat32}) {
      // Far from the zero point too: what vectors have in common must not cost L2 its precision.
      for (const float offset : {0.0F, 5.0F}) {
        if (offset != 0 && metric != Metric::kL2) {
          continue;
        }
        ClusteredVectors data(8000, 48, 1, offset);
        HnswIndex index(data.arena, {.metric = metric, .codes = codes});
        index.build(data.entries());
        index.verify();
        std::size_t found = 0;
        constexpr std::size_t kQueries = 100;
        for (std::size_t i = 0; i < kQueries; ++i) {
          const std::vector<float> query = data.draw();
          const HnswAnswer answer = index.search({.query = query}).value();
          CHECK(answer.report.strategy == HnswStrategy::kGraph);
          REQUIRE(answer.nearest.size() == 10);
          CHECK(std::is_sorted(answer.nearest.begin(), answer.nearest.end(), nearer));
          for (const Neighbour& neighbour : answer.nearest) {
            CHECK(neighbour.distance == distance(metric, query, data.arena->at(data.slots[neighbour.row])));
          }
          found += hits(data.nearest(metric, query, 10), answer.nearest);
        }
        CAPTURE(static_cast<int>(metric), static_cast<int>(codes), offset, found);
        CHECK(found >= kQueries * 10 * 97 / 100);
      }
    }
  }
}

// A graph by inner product alone finds half of them in the cube; one of lifted vectors alone fails where lengths differ much.
TEST_CASE("inner product: the hundred largest too, and whatever the lengths", "[vector][hnsw]") {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<float> uniform;
  constexpr std::size_t kQueries = 40;
  const auto found = [&](std::size_t rows, std::size_t k, const auto& draw, bool one_by_one) {
    ClusteredVectors data(0, 8);
    for (std::size_t i = 0; i < rows; ++i) {
      data.add(draw());
    }
    HnswIndex index(data.arena, {.metric = Metric::kInnerProduct});
    for (std::size_t i = 0; one_by_one && i < rows; ++i) {
      index.insert(i, data.slots[i], 1);
    }
    if (!one_by_one) {
      index.build(data.entries());
    }
    index.verify();
    std::size_t sum = 0;
    for (std::size_t i = 0; i < kQueries; ++i) {
      const std::vector<float> query = draw();
      sum += hits(data.nearest(Metric::kInnerProduct, query, k), index.search({.query = query, .k = k}).value().nearest);
    }
    return static_cast<double>(sum) / static_cast<double>(kQueries * k);
  };
  const auto cube = [&] {
    std::vector<float> values(8);
    std::generate(values.begin(), values.end(), [&] { return uniform(random); });
    return values;
  };
  const auto of_all_lengths = [&] { return randomVector(random, 8, std::pow(10.0F, 4 * uniform(random))); };
  CHECK(found(12000, 100, cube, false) >= 0.97);
  CHECK(found(4000, 10, cube, true) >= 0.97);
  CHECK(found(12000, 10, of_all_lengths, false) >= 0.97);
  CHECK(found(4000, 10, of_all_lengths, true) >= 0.97);
}

TEST_CASE("every dimension, every m: whatever is asked for comes", "[vector][hnsw]") {
  for (const std::size_t dimension : {1U, 2U, 3U, 31U, 33U, 100U}) {
    for (const std::size_t m : {2U, 5U, 100U}) {
      ClusteredVectors data(600, dimension);
      const HnswCodes codes = m == 5 ? HnswCodes::kInt8 : HnswCodes::kAuto;
      HnswIndex index(data.arena, {.metric = Metric::kL2, .m = m, .ef_construction = 200, .codes = codes});
      index.build(data.entries());
      index.verify();
      const std::vector<float> query = data.draw();
      for (const std::size_t k : {0U, 1U, 10U, 300U, 599U, 600U, 601U, 100000U}) {
        CAPTURE(dimension, m, k);
        CHECK(index.search({.query = query, .k = k, .ef_search = 1}).value().nearest.size() == std::min<std::size_t>(k, 600));
      }
      const std::vector<Neighbour> truth = data.nearest(Metric::kL2, query, 600);
      CHECK(index.search({.query = query, .k = SIZE_MAX}).value().nearest.size() == 600);
      CHECK(index.search({.query = query, .k = 600}).value().nearest.back().distance == truth.back().distance);
    }
  }
}

TEST_CASE("a large k, beyond what a sorted pool is good for", "[vector][hnsw]") {
  ClusteredVectors data(45000, 8);
  HnswIndex index(data.arena, {.metric = Metric::kL2, .m = 4, .ef_construction = 20});
  index.build(data.entries());
  const std::vector<float> query = data.draw();
  const HnswAnswer answer = index.search({.query = query, .k = 5000}).value();
  REQUIRE(answer.nearest.size() == 5000);
  CHECK(hits(data.nearest(Metric::kL2, query, 5000), answer.nearest) >= 4500);
  CHECK(index.search({.query = query, .k = 6000}).value().report.strategy == HnswStrategy::kExact);
}

TEST_CASE("an index without entries, and with one", "[vector][hnsw]") {
  ClusteredVectors data(1, 8);
  HnswIndex index(data.arena, {});
  const std::vector<float> query = data.draw();
  CHECK(index.search({.query = query}).value().nearest.empty());
  CHECK(index.open({.query = query}).value().next().value().empty());
  CHECK_FALSE(index.markDead(0, 5));
  CHECK(index.slotOf(0) == kNoSlot);
  index.build({});
  index.insert(0, data.slots[0], 1);
  CHECK(index.slotOf(0) == data.slots[0]);
  CHECK(index.search({.query = query}).value().nearest.size() == 1);
  index.verify();
}

TEST_CASE("queries that exact search refuses are refused", "[vector][hnsw]") {
  ClusteredVectors data(500, 4);
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  CHECK(index.search({.query = std::vector<float>{1, 2, 3}}).error().message == "different vector dimensions 4 and 3");
  CHECK(index.search({.query = std::vector<float>{0, 0, 0, 0}}).error().code == ErrorCode::kInvalid);
  CHECK(index.search({.query = std::vector<float>{1, NAN, 0, 0}}).error().message == "NaN not allowed in vector");
  CHECK(index.search({.query = std::vector<float>{1, INFINITY, 0, 0}}).error().message == "infinite value not allowed in vector");
  CHECK(index.open({.query = std::vector<float>{1, 2}}).error().code == ErrorCode::kInvalid);
  CHECK(index.search({.query = data.arena->at(data.slots[0]), .k = 500, .cancelled = [] { return true; }}).error().code ==
        ErrorCode::kCancelled);
}

TEST_CASE("zero vectors have no direction: last under cosine, ordinary under L2", "[vector][hnsw]") {
  ClusteredVectors data(1000, 40);
  for (int i = 0; i < 20; ++i) {
    data.add(std::vector<float>(40));
  }
  const std::vector<float> query = data.draw();
  HnswIndex cosine(data.arena, {});
  cosine.build(data.entries());
  cosine.verify();
  const std::vector<Neighbour> all = cosine.search({.query = query, .k = 2000}).value().nearest;
  REQUIRE(all.size() == 1020);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(std::isnan(all[i].distance) == (i >= 1000));
  }
  RowFilter filter;
  filter.matches = [](std::uint64_t row) { return row >= 995; };  // five rows with a direction, and twenty without
  CHECK(cosine.search({.query = query, .k = 12, .filter = &filter}).value().nearest.size() == 12);
  HnswIndex l2(data.arena, {.metric = Metric::kL2});
  l2.build(data.entries());
  l2.verify();
  CHECK(l2.search({.query = std::vector<float>(40)}).value().nearest.front().distance == 0);
}

TEST_CASE("only zero vectors", "[vector][hnsw]") {
  ClusteredVectors data(0, 4);
  for (int i = 0; i < 400; ++i) {
    data.add(std::vector<float>(4));
  }
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  index.verify();
  const std::vector<float> query{1, 0, 0, 0};
  CHECK(index.search({.query = query}).value().nearest.size() == 10);
  for (const std::uint64_t row : {0U, 5U, 399U}) {
    index.markDead(row, 9);
  }
  CHECK(index.purge(kNoSnapshot, 4096, true).finished == false);
  while (!index.purge(kNoSnapshot, 4096, true).finished) {
  }
  CHECK(index.search({.query = query, .k = 1000}).value().nearest.size() == 397);
  index.verify();
}

TEST_CASE("vectors that occur many times do not cut the graph", "[vector][hnsw]") {
  ClusteredVectors data(0, 40);
  std::vector<std::vector<float>> distinct;
  for (int i = 0; i < 20; ++i) {
    distinct.push_back(data.random() % 2 == 0 ? randomVector(data.random, 40) : randomVector(data.random, 40, 3));
  }
  for (int i = 0; i < 4000; ++i) {
    data.add(distinct[static_cast<std::size_t>(i) % distinct.size()]);
  }
  for (const Metric metric : {Metric::kCosine, Metric::kL2}) {
    HnswIndex index(data.arena, {.metric = metric});
    index.build(data.entries());
    index.verify();
    for (const std::vector<float>& query : distinct) {
      const std::vector<Neighbour> nearest = index.search({.query = query}).value().nearest;
      REQUIRE(nearest.size() == 10);
      CHECK(nearest.back().distance == Approx(0).margin(1e-6));
    }
  }
}

TEST_CASE("vectors far from all others are found, whenever they come", "[vector][hnsw]") {
  ClusteredVectors data(3000, 40);
  const std::size_t first = data.slots.size();
  for (int i = 0; i < 5; ++i) {  // one, or a few together, each in a place of its own
    const std::vector<float> place = randomVector(data.random, 40, 20);
    for (int j = 0; j <= i; ++j) {
      std::vector<float> values = randomVector(data.random, 40, 0.1F);
      for (std::size_t d = 0; d < 40; ++d) {
        values[d] += place[d];
      }
      data.add(values);
    }
  }
  for (const Metric metric : {Metric::kCosine, Metric::kL2}) {
    HnswIndex index(data.arena, {.metric = metric});
    index.build(data.entries());
    index.verify();
    for (std::size_t row = first; row < data.slots.size(); ++row) {
      CHECK(index.search({.query = data.arena->at(data.slots[row])}).value().nearest.front().row == row);
    }
  }
}

TEST_CASE("extreme lengths neither overflow nor crash", "[vector][hnsw]") {
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
    for (const HnswCodes codes : {HnswCodes::kInt8, HnswCodes::kFloat16, HnswCodes::kFloat32}) {
      ClusteredVectors data(0, 40);
      for (int i = 0; i < 600; ++i) {
        const float scale = i % 3 == 0 ? 1e36F : i % 3 == 1 ? 1e-36F : 1.0F;
        data.add(randomVector(data.random, 40, scale));
      }
      HnswIndex index(data.arena, {.metric = metric, .codes = codes});
      index.build(data.entries());
      index.verify();
      for (const float scale : {1e36F, 1.0F, 1e-36F}) {
        const std::vector<float> query = randomVector(data.random, 40, scale);
        if (metric != Metric::kCosine || scale == 1) {
          CHECK(index.search({.query = query}).value().nearest.size() == 10);
        }
      }
    }
  }
}

TEST_CASE("recall stays where every search meets entries that its snapshot does not see", "[vector][hnsw]") {
  ClusteredVectors data(4000, 48);
  HnswIndex index(data.arena, {});
  // Born at their row's number; every third dies 2000 later.
  for (std::uint64_t row = 0; row < data.slots.size(); ++row) {
    index.insert(row, data.slots[row], row);
  }
  for (std::uint64_t row = 0; row < data.slots.size(); row += 3) {
    index.markDead(row, row + 2000);
  }
  for (const Lsn snapshot : {500U, 2000U, 3500U, 5000U, 9000U}) {
    const auto sees = [&](std::size_t row) { return row < snapshot && (row % 3 != 0 || snapshot <= row + 2000); };
    std::size_t found = 0;
    for (int i = 0; i < 50; ++i) {
      const std::vector<float> query = data.draw();
      const std::vector<Neighbour> nearest = index.search({.query = query, .snapshot = snapshot}).value().nearest;
      REQUIRE(nearest.size() == 10);
      for (const Neighbour& neighbour : nearest) {
        CHECK(sees(neighbour.row));
      }
      found += hits(data.nearest(Metric::kCosine, query, 10, sees), nearest);
    }
    CAPTURE(snapshot, found);
    CHECK(found >= 50 * 10 * 97 / 100);
  }
}

TEST_CASE("a cursor brings every entry once, the nearest first", "[vector][hnsw]") {
  ClusteredVectors data(3000, 40);
  for (int i = 0; i < 5; ++i) {
    data.add(std::vector<float>(40));
  }
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  const std::vector<float> query = data.draw();
  RowFilter odd;
  odd.matches = [](std::uint64_t row) { return row % 2 == 1; };
  for (const RowFilter* filter : {static_cast<const RowFilter*>(nullptr), static_cast<const RowFilter*>(&odd)}) {
    HnswIndex::Cursor cursor = index.open({.query = query, .k = 10, .filter = filter}).value();
    std::vector<Neighbour> all;
    std::set<std::uint64_t> rows;
    for (;;) {
      const std::vector<Neighbour> batch = cursor.next().value();
      if (batch.empty()) {
        break;
      }
      if (all.empty()) {
        CHECK(batch.size() == 10);
      }
      CHECK(std::is_sorted(batch.begin(), batch.end(), nearer));
      for (const Neighbour& neighbour : batch) {
        CHECK(rows.insert(neighbour.row).second);
        CHECK((filter == nullptr || neighbour.row % 2 == 1));
      }
      all.insert(all.end(), batch.begin(), batch.end());
    }
    CHECK(cursor.next().value().empty());
    CHECK(all.size() == (filter == nullptr ? 3005 : 1502));
    const auto counts = [&](std::size_t row) { return filter == nullptr || row % 2 == 1; };
    for (const std::size_t k : {10U, 100U, 500U}) {
      const std::vector<Neighbour> first(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k));
      CHECK(hits(data.nearest(Metric::kCosine, query, k, counts), first) >= k * 95 / 100);
    }
  }
}

}  // namespace trefoil::vector
