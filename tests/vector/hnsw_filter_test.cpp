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
    for (const int kind : {0, 1, 2}) {  // uncorrelated, nearest to a point, furthest from it
      const Passing passing = least(kRows, count, [&](std::size_t row) {
        const double away = distance(Metric::kCosine, point, data.arena->at(data.slots[row]));
        return kind == 0 ? static_cast<double>(data.random()) : kind == 1 ? away : -away;
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

TEST_CASE("the strategy follows the number of matches, and is reported", "[vector][hnsw]") {
  constexpr std::size_t kRows = 10000;
  ClusteredVectors data(kRows, 48);
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  const std::vector<float> query = data.draw();
  RowFilter filter;
  filter.matches = [](std::uint64_t row) { return row % 2 == 0; };
  HnswReport report = index.search({.query = query, .filter = &filter}).value().report;
  CHECK(report.strategy == HnswStrategy::kFilteredGraph);
  CHECK(report.expected_matches > kRows / 4);
  CHECK(report.tested > 0);
  CHECK(report.compared > report.ranked);
  filter.match_count = 20;
  report = index.search({.query = query, .filter = &filter}).value().report;
  CHECK(report.strategy == HnswStrategy::kExact);
  CHECK(report.expected_matches == 20);
  CHECK(report.ranked == kRows / 2);  // it was told wrong
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
