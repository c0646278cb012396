// Filters at every selectivity, correlated with the query or not: always min(k, matches), with recall, and the way is reported.
#include <catch2/catch.hpp>

#include "clustered_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

namespace {

struct Passing {
  std::vector<std::uint64_t> words;
  std::size_t count = 0;
  [[nodiscard]] bool has(std::uint64_t row) const { return (words[row / 64] >> row % 64 & 1) != 0; }
};

// The `count` rows that are least by a key.
template <typename Key>
Passing least(std::size_t rows, std::size_t count, const Key& key) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < rows; ++i) {
    order.emplace_back(key(i), i);
  }
  std::sort(order.begin(), order.end());
  Passing passing{std::vector<std::uint64_t>((rows + 63) / 64), count};
  for (std::size_t i = 0; i < count; ++i) {
    passing.words[order[i].second / 64] |= std::uint64_t{1} << order[i].second % 64;
  }
  return passing;
}

}  // namespace

TEST_CASE("filters keep recall and length at every selectivity", "[vector][hnsw]") {
  constexpr std::size_t kRows = 10000;
  ClusteredVectors data(kRows, 48);
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  const std::vector<float> point = data.draw();
  for (const std::size_t count : {9999U, 5000U, 1000U, 300U, 100U, 10U, 5U, 1U, 0U}) {
    for (const int kind : {0, 1, 2, 3}) {  // uncorrelated, nearest to a point, furthest from it, few near it
      const Passing passing = least(kRows, count, [&](std::size_t row) {
        const double away = distance(Metric::kCosine, point, data.arena->at(data.slots[row]));
        const auto chance = static_cast<double>(data.random() >> 11) * 0x1p-53;
        return kind == 0                                ? chance
               : kind == 1                              ? away
               : kind == 2                              ? -away
               : away < 0.8 && data.random() % 100 != 0 ? 1 + chance
                                                        : chance;
      });
      RowFilter bitmap;
      bitmap.bitmap = RowBitmap{0, passing.words};
      RowFilter callable;
      callable.matches = [&](std::uint64_t row) { return passing.has(row); };
      RowFilter wrong = callable;  // an estimate may be wrong by any factor
      wrong.match_count = count < 1000 ? 8000 : 3;
      for (const RowFilter* filter : {&bitmap, &callable, &wrong}) {
        std::size_t found = 0;
        std::size_t wanted = 0;
        for (int i = 0; i < 10; ++i) {
          std::vector<float> query = kind == 0 ? data.draw() : point;
          query[0] += 0.01F * static_cast<float>(i);
          const HnswAnswer answer = index.search({.query = query, .filter = filter}).value();
          REQUIRE(answer.nearest.size() == std::min<std::size_t>(10, count));
          for (const Neighbour& neighbour : answer.nearest) {
            REQUIRE(passing.has(neighbour.row));
          }
          CHECK(answer.report.entries == kRows);
          CHECK_FALSE(answer.report.reason.empty());
          const std::vector<Neighbour> truth =
              data.nearest(Metric::kCosine, query, 10, [&](std::size_t row) { return passing.has(row); });
          found += hits(truth, answer.nearest);
          wanted += truth.size();
        }
        CAPTURE(count, kind, filter == &bitmap, filter == &wrong, found, wanted);
        CHECK(found * 100 >= wanted * 95);
      }
    }
  }
}

TEST_CASE("the exact strategy answers as if it read every vector", "[vector][hnsw]") {
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
    for (const HnswCodes codes : {HnswCodes::kInt8, HnswCodes::kFloat16, HnswCodes::kFloat32}) {
      ClusteredVectors data(3000, 64, 1, metric == Metric::kL2 ? 3.0F : 0.0F);
      for (int i = 0; i < 40; ++i) {  // codes without a bound, copies, vectors without a direction
        data.add(i % 4 == 0   ? std::vector<float>(64)
                 : i % 4 == 1 ? randomVector(data.random, 64, 1e18F)
                 : i % 4 == 2 ? randomVector(data.random, 64, 1e-18F)
                              : std::vector<float>(data.arena->at(data.slots[7]).begin(), data.arena->at(data.slots[7]).end()));
      }
      HnswIndex index(data.arena, {.metric = metric, .codes = codes});
      index.build(data.entries());
      for (std::uint64_t row = 0; row < data.slots.size(); row += 10) {
        index.markDead(row, 5);
      }
      const auto counts = [](std::size_t row) { return row % 10 != 0 && row % 3 != 0; };
      std::vector<std::uint64_t> words((data.slots.size() + 63) / 64);
      for (std::size_t row = 0; row < data.slots.size(); ++row) {
        words[row / 64] |= std::uint64_t{row % 3 != 0} << row % 64;
      }
      RowFilter callable;
      callable.matches = [](std::uint64_t row) { return row % 3 != 0; };
      callable.match_count = 1;
      RowFilter bitmap;
      bitmap.bitmap = RowBitmap{0, words};
      bitmap.match_count = 1;
      for (const RowFilter* filter : {&callable, &bitmap}) {
        for (int i = 0; i < 30; ++i) {
          const std::vector<float> query = data.draw();
          for (const std::size_t k : {1U, 10U, 200U}) {
            const HnswAnswer answer = index.search({.query = query, .k = k, .ef_search = 10, .filter = filter}).value();
            CHECK(answer.report.strategy == HnswStrategy::kExact);
            const std::vector<Neighbour> truth = data.nearest(metric, query, k, counts);
            REQUIRE(answer.nearest.size() == truth.size());
            for (std::size_t n = 0; n < truth.size(); ++n) {
              REQUIRE(answer.nearest[n].row == truth[n].row);
              REQUIRE(answer.nearest[n].distance == truth[n].distance);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("how many rows match is estimated right for filters that go by the order of rows", "[vector][hnsw]") {
  constexpr std::size_t kRows = 12000;
  ClusteredVectors data(kRows, 8);
  HnswIndex index(data.arena, {});
  for (const HnswEntry& entry : data.entries()) {
    index.insert(entry.row, entry.slot, entry.born);  // one by one: ids are in the order of rows
  }
  for (const std::uint64_t period : {2, 3, 4, 5, 8, 12}) {
    for (std::uint64_t phase = 0; phase < period; ++phase) {
      INFO(period << " " << phase);
      RowFilter filter;
      filter.matches = [&](std::uint64_t row) { return row % period == phase; };
      const std::size_t expected = index.search({.query = data.draw(), .filter = &filter}).value().report.expected_matches;
      CHECK(expected > kRows / period / 2);
      CHECK(expected < kRows / period * 2);
    }
  }
}

TEST_CASE("the strategy follows the number of matches, and is reported", "[vector][hnsw]") {
  constexpr std::size_t kRows = 10000;
  ClusteredVectors data(kRows, 48);
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  const std::vector<float> query = data.draw();
  RowFilter filter;
  filter.matches = [](std::uint64_t row) { return row % 4 != 0; };  // half of so few rows are as cheap to read
  HnswReport report = index.search({.query = query, .filter = &filter}).value().report;
  CHECK(report.strategy == HnswStrategy::kFilteredGraph);
  CHECK(report.expected_matches > kRows / 2);
  CHECK(report.tested > 0);
  CHECK(report.compared > report.ranked);
  filter.match_count = 20;
  report = index.search({.query = query, .filter = &filter}).value().report;
  CHECK(report.strategy == HnswStrategy::kExact);
  CHECK(report.expected_matches == 20);
  CHECK(report.compared == kRows / 4 * 3);  // it was told wrong
  report = index.search({.query = query}).value().report;
  CHECK(report.strategy == HnswStrategy::kGraph);
  CHECK(report.tested == 0);
  CHECK(report.expanded > 0);
  CHECK(index.search({.query = query, .k = kRows}).value().report.strategy == HnswStrategy::kExact);
  // Matches that the walk does not come by: it is told that many match, and none does.
  filter.matches = [](std::uint64_t row) { return row == 77; };
  filter.match_count = kRows;
  const HnswAnswer answer = index.search({.query = query, .k = 3, .filter = &filter}).value();
  CHECK(answer.report.strategy == HnswStrategy::kGraphThenExact);
  REQUIRE(answer.nearest.size() == 1);
  CHECK(answer.nearest[0].row == 77);
  for (const HnswStrategy strategy :
       {HnswStrategy::kGraph, HnswStrategy::kFilteredGraph, HnswStrategy::kExact, HnswStrategy::kGraphThenExact}) {
    CHECK_FALSE(name(strategy).empty());
  }
}

TEST_CASE("a bitmap may begin anywhere and name rows that are not there; versions of a row are told apart", "[vector][hnsw]") {
  ClusteredVectors data(1000, 40);
  HnswIndex index(data.arena, {});
  for (std::uint64_t i = 0; i < 1000; ++i) {
    index.insert(1000000 + i, data.slots[i], 10);
  }
  const Slot replaced = data.add(data.draw());
  index.insert(1000007, replaced, 20);
  std::vector<std::uint64_t> words(4, ~std::uint64_t{0});  // 999936 … 1000191
  RowFilter filter;
  filter.bitmap = RowBitmap{999936, words};
  const std::vector<float> query = data.draw();
  for (const Lsn snapshot : {Lsn{15}, Lsn{25}, kLatest}) {
    const HnswAnswer answer = index.search({.query = query, .k = 500, .snapshot = snapshot, .filter = &filter}).value();
    CHECK(answer.nearest.size() == 192);
    for (const Neighbour& neighbour : answer.nearest) {
      REQUIRE(neighbour.row >= 1000000);
      const Slot slot = neighbour.row == 1000007 && snapshot > 20 ? replaced : data.slots[neighbour.row - 1000000];
      CHECK(neighbour.distance == distance(Metric::kCosine, query, data.arena->at(slot)));
    }
  }
  words.assign(1, 1ULL << 7);
  filter.bitmap = RowBitmap{1000000, words};
  for (const Lsn snapshot : {Lsn{15}, Lsn{25}}) {
    const std::vector<Neighbour> nearest =
        index.search({.query = query, .snapshot = snapshot, .filter = &filter}).value().nearest;
    REQUIRE(nearest.size() == 1);
    CHECK(nearest[0].distance == distance(Metric::kCosine, query, data.arena->at(snapshot == 15 ? data.slots[7] : replaced)));
  }
  words.clear();
  filter.bitmap = RowBitmap{0, words};
  CHECK(index.search({.query = query, .filter = &filter}).value().nearest.empty());
}

}  // namespace trefoil::vector
