#include "vector/exact_search.hpp"

#include <atomic>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "random_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

namespace {

constexpr std::uint64_t kSeed = 99;

// A column as the SQL floor would keep it: rows in blocks, some without a vector, some slots out of order, a bitmap a block.
struct Column {
  Column(std::size_t dimension, std::size_t rows, std::size_t block_rows, double selectivity, std::mt19937_64& random)
      : arena(dimension), block_size(block_rows) {
    std::vector<float> value;
    for (std::size_t row = 0; row < rows; ++row) {
      const bool duplicate = row > 0 && random() % 10 == 0;  // ties
      if (!duplicate) {
        value = randomVector(random, dimension);
        if (random() % 50 == 0) {
          std::fill(value.begin(), value.end(), 0.0F);
        }
      }
      values.push_back(value);
      slots.push_back(random() % 20 == 0 ? kNoSlot : arena.insert(value, WriteContext::live(versions, 1)));
    }
    for (std::size_t i = rows / 2; i < rows * 3 / 4; ++i) {  // updated rows: slots in no order
      const std::size_t other = rows / 2 + random() % (rows / 4 + 1);
      std::swap(slots[i], slots[other]);
      std::swap(values[i], values[other]);
    }
    for (std::size_t begin = 0; begin < rows; begin += block_size) {
      const std::size_t size = std::min(block_size, rows - begin);
      std::vector<std::uint64_t> words((size + 63) / 64);
      for (std::size_t i = 0; i < size; ++i) {
        const bool in = static_cast<double>(random() % 1000) < selectivity * 1000;
        selected.push_back(in);
        words[i / 64] |= std::uint64_t{in} << (i % 64);
      }
      bitmaps.push_back(words);
    }
  }

  [[nodiscard]] std::size_t blocks() const { return bitmaps.size(); }
  [[nodiscard]] CandidateBlock block(std::size_t index) const {
    const std::size_t begin = index * block_size;
    const std::size_t size = std::min(block_size, slots.size() - begin);
    return {1000 + begin, std::span(slots).subspan(begin, size), bitmaps[index]};
  }
  [[nodiscard]] std::vector<Neighbour> reference(Metric metric, std::span<const float> query, std::size_t k) const {
    std::vector<Neighbour> all;
    for (std::size_t row = 0; row < slots.size(); ++row) {
      if (selected[row] && slots[row] != kNoSlot) {
        all.push_back({1000 + row, distance(metric, query, values[row])});
      }
    }
    std::sort(all.begin(), all.end(), nearer);
    all.resize(std::min(k, all.size()));
    return all;
  }

  Versions versions;
  VectorArena arena;
  std::size_t block_size;
  std::vector<std::vector<float>> values;
  std::vector<Slot> slots;
  std::vector<bool> selected;
  std::vector<std::vector<std::uint64_t>> bitmaps;
};

bool same(const std::vector<Neighbour>& left, const std::vector<Neighbour>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const Neighbour& a, const Neighbour& b) {
    return a.row == b.row && (a.distance == b.distance || (std::isnan(a.distance) && std::isnan(b.distance)));
  });
}

}  // namespace

TEST_CASE("exact search finds what sorting all distances finds", "[vector][search]") {
  const auto metric = GENERATE(Metric::kCosine, Metric::kL2, Metric::kInnerProduct);
  const auto selectivity = GENERATE(1.0, 0.5, 0.03, 0.0);
  const auto block_rows = GENERATE(std::size_t{64}, std::size_t{100}, std::size_t{2048});
  std::mt19937_64 random(kSeed);
  const Column column(24, 3000, block_rows, selectivity, random);
  const auto source = [&](std::size_t index) { return column.block(index); };
  std::vector<float> queries;
  std::vector<std::vector<Neighbour>> expected;
  for (int round = 0; round < 5; ++round) {
    const std::vector<float> query = round == 0 ? column.values[1] : randomVector(random, 24);
    if (referenceDot(query, query) == 0) {
      continue;
    }
    for (const std::size_t k : {0U, 1U, 10U, 5000U}) {
      CAPTURE(static_cast<int>(metric), selectivity, block_rows, round, k);
      const SearchRequest request{metric, query, k};
      const std::vector<Neighbour> reference = column.reference(metric, query, k);
      const auto serial = exactSearch(column.arena, request, column.blocks(), source, {.parallel = false, .cancelled = {}});
      CHECK(same(serial.value(), reference));
      const auto parallel = exactSearch(column.arena, request, column.blocks(), source);
      CHECK(same(parallel.value(), reference));
    }
    queries.insert(queries.end(), query.begin(), query.end());
    expected.push_back(column.reference(metric, query, 10));
  }
  const auto batch = exactSearchBatch(column.arena, {metric, queries, 10}, column.blocks(), source);
  REQUIRE(batch.value().size() == expected.size());
  for (std::size_t q = 0; q < expected.size(); ++q) {
    CAPTURE(q);
    CHECK(same(batch.value()[q], expected[q]));
  }
}

TEST_CASE("vectors of very different sizes, in batches too", "[vector][search]") {
  // Large and small norms, where estimates and bounds are the least comfortable.
  std::mt19937_64 random(kSeed + 1);
  Versions versions;
  VectorArena arena(40);
  std::vector<Slot> slots;
  std::vector<std::vector<float>> values;
  for (int row = 0; row < 2000; ++row) {
    const auto exponent = static_cast<float>(static_cast<int>(random() % 60) - 30);
    values.push_back(randomVector(random, 40, std::pow(10.0F, exponent / 2)));
    slots.push_back(arena.insert(values.back(), WriteContext::live(versions, 1)));
  }
  const auto source = [&](std::size_t) { return CandidateBlock{0, slots, {}}; };
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
    std::vector<float> queries;
    std::vector<std::vector<Neighbour>> expected;
    for (int q = 0; q < 20; ++q) {
      const std::vector<float> query = randomVector(random, 40, q % 2 == 0 ? 1.0F : 1e12F);
      queries.insert(queries.end(), query.begin(), query.end());
      std::vector<Neighbour> all;
      for (std::size_t row = 0; row < values.size(); ++row) {
        all.push_back({row, distance(metric, query, values[row])});
      }
      std::sort(all.begin(), all.end(), nearer);
      all.resize(7);
      expected.push_back(all);
      CHECK(same(exactSearch(arena, {metric, query, 7}, 1, source).value(), all));
    }
    const auto batch = exactSearchBatch(arena, {metric, queries, 7}, 1, source);
    for (std::size_t q = 0; q < expected.size(); ++q) {
      CAPTURE(static_cast<int>(metric), q);
      CHECK(same(batch.value()[q], expected[q]));
    }
  }
}

TEST_CASE("equal distances come in the order of their rows", "[vector][search]") {
  Versions versions;
  VectorArena arena(3);
  std::vector<Slot> slots;
  for (int row = 0; row < 500; ++row) {
    slots.push_back(arena.insert(std::vector<float>{1, 2, 3}, WriteContext::live(versions, 1)));
  }
  std::reverse(slots.begin(), slots.end());
  const std::vector<float> query{3, 2, 1};
  const auto source = [&](std::size_t index) {
    return CandidateBlock{index * 100, std::span(slots).subspan(index * 100, 100), {}};
  };
  const auto found = exactSearch(arena, {Metric::kCosine, query, 4}, 5, source);
  REQUIRE(found.value().size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(found.value()[i].row == i);
  }
}

TEST_CASE("a zero vector in the column comes last under cosine, as NaN", "[vector][search]") {
  Versions versions;
  VectorArena arena(2);
  const std::vector<Slot> slots{arena.insert(std::vector<float>{0, 0}, WriteContext::live(versions, 1)),
                                arena.insert(std::vector<float>{-1, 0}, WriteContext::live(versions, 1)),
                                arena.insert(std::vector<float>{1, 0}, WriteContext::live(versions, 1))};
  const std::vector<float> query{1, 0};
  const auto found = exactSearch(arena, {Metric::kCosine, query, 3}, 1, [&](std::size_t) {
    return CandidateBlock{0, slots, {}};
  });
  REQUIRE(found.value().size() == 3);
  CHECK(found.value()[0].row == 2);
  CHECK(found.value()[1].row == 1);
  CHECK(found.value()[2].row == 0);
  CHECK(std::isnan(found.value()[2].distance));
}

TEST_CASE("a query that cannot be asked is refused", "[vector][search]") {
  VectorArena arena(3);
  const auto none = [](std::size_t) { return CandidateBlock{}; };
  const auto refusal = [&](Metric metric, std::vector<float> query) {
    return exactSearch(arena, {metric, query, 1}, 0, none).error().message;
  };
  CHECK(refusal(Metric::kL2, {1, 2, 3, 4}) == "different vector dimensions 3 and 4");
  CHECK(refusal(Metric::kL2, {1, std::nanf(""), 3}) == "NaN not allowed in vector");
  CHECK(refusal(Metric::kL2, {1, std::numeric_limits<float>::infinity(), 3}) == "infinite value not allowed in vector");
  CHECK(refusal(Metric::kCosine, {0, 0, 0}) == "cosine distance is not defined for a zero vector");
  const std::vector<float> query{1, 2, 3};
  CHECK(exactSearch(arena, {Metric::kCosine, query, 5}, 0, none).value().empty());
}

TEST_CASE("a cancelled search ends with an error", "[vector][search]") {
  Versions versions;
  VectorArena arena(3);
  const std::vector<Slot> slots(64, arena.insert(std::vector<float>{1, 2, 3}, WriteContext::live(versions, 1)));
  std::atomic<int> asked{0};
  const std::vector<float> query{1, 2, 3};
  const auto found = exactSearch(arena, {Metric::kL2, query, 1}, 1000,
                                 [&](std::size_t i) {
                                   return CandidateBlock{i * 64, slots, {}};
                                 },
                                 {.parallel = true, .cancelled = [&] { return ++asked > 10; }});
  CHECK(found.error().code == ErrorCode::kCancelled);
}

TEST_CASE("TopK keeps the nearest, whatever the order and the splits", "[vector][search]") {
  std::mt19937_64 random(kSeed + 2);
  for (int round = 0; round < 200; ++round) {
    const std::size_t k = random() % 12;
    std::vector<Neighbour> all;
    TopK whole(k);
    TopK parts[3] = {TopK(k), TopK(k), TopK(k)};
    for (std::uint64_t row = 0; row < random() % 40; ++row) {
      const Neighbour one{row, random() % 9 == 0 ? std::nan("") : static_cast<double>(random() % 8)};
      all.push_back(one);
      const bool may = whole.mayEnter(one.distance) || std::isnan(one.distance);
      std::vector<Neighbour> sorted = all;
      std::sort(sorted.begin(), sorted.end(), nearer);
      sorted.resize(std::min(k, sorted.size()));
      const bool enters = std::any_of(sorted.begin(), sorted.end(), [&](const Neighbour& n) { return n.row == row; });
      CHECK((may || !enters));
      whole.offer(one);
      parts[random() % 3].offer(one);
    }
    std::sort(all.begin(), all.end(), nearer);
    all.resize(std::min(k, all.size()));
    parts[0].merge(parts[1]);
    parts[0].merge(parts[2]);
    CHECK(same(whole.take(), all));
    CHECK(same(parts[0].take(), all));
  }
}

}  // namespace trefoil::vector
