// Exact top-10 by cosine distance over 100,000 vectors of 128 dimensions, on one thread and on all, beside
//   - a plain loop: the three lines everyone would write, as the compiler turns them into this CPU's instructions at -O3 with
//     reassociation allowed (without it the sum stays scalar and the comparison is too easy), keeping the ten best in a heap;
//   - the machine's read bandwidth: one pass over the same bytes that does nothing but add them up.
// Interleaved rounds, medians. Usage: bench_vector_exact [rows [dimension [rounds]]]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <queue>
#include <random>
#include <utility>
#include <vector>

#include <sys/mman.h>

#include "bench/plain/plain_loops.hpp"
#include "vector/exact_search.hpp"
#include "vector/kernels.hpp"

namespace {

using trefoil::vector::CandidateBlock;
using trefoil::vector::Metric;
using trefoil::vector::Slot;

// Rows are unit vectors here: what a plain program would keep, so that cosine is one dot product.
std::vector<std::pair<float, std::size_t>> plainSearch(const std::vector<float>& rows, std::size_t dimension, const float* query,
                                                       std::size_t k) {
  std::priority_queue<std::pair<float, std::size_t>> best;
  for (std::size_t row = 0; row * dimension < rows.size(); ++row) {
    const float distance = 1 - trefoil::bench::plainDot(rows.data() + row * dimension, query, dimension);
    if (best.size() < k) {
      best.emplace(distance, row);
    } else if (distance < best.top().first) {
      best.pop();
      best.emplace(distance, row);
    }
  }
  std::vector<std::pair<float, std::size_t>> result;
  for (; !best.empty(); best.pop()) {
    result.push_back(best.top());
  }
  std::reverse(result.begin(), result.end());
  return result;
}

double milliseconds(const std::function<void()>& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

volatile std::uint64_t sink;

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100000;
  const std::size_t dimension = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 128;
  const std::size_t rounds = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 51;
  constexpr std::size_t kBest = 10;
  constexpr std::size_t kBlockRows = 2048;
  constexpr std::size_t kBatch = 100;
  constexpr std::size_t kHugePage = std::size_t{2} << 20;

  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  trefoil::Versions versions;
  trefoil::vector::VectorArena arena(dimension);
  std::vector<float> plain_rows;
  std::vector<Slot> slots;
  // The bandwidth is read from memory in huge pages, as the arena asks for them: it is the most that the machine gives one
  // thread.
  const std::size_t read_bytes = (rows * dimension * sizeof(float) + kHugePage - 1) / kHugePage * kHugePage;
  auto* const read_floats = static_cast<float*>(std::aligned_alloc(kHugePage, read_bytes));
  (void)madvise(read_floats, read_bytes, MADV_HUGEPAGE);
  std::memset(read_floats, 1, read_bytes);
  std::vector<float> value(dimension);
  const auto draw = [&] {
    float squares = 0;
    for (float& element : value) {
      element = normal(random);
      squares += element * element;
    }
    for (float& element : value) {
      element /= std::sqrt(squares);
    }
  };
  for (std::size_t row = 0; row < rows; ++row) {
    draw();
    plain_rows.insert(plain_rows.end(), value.begin(), value.end());
    slots.push_back(arena.insert(value, trefoil::WriteContext::live(versions, 1)));
  }
  std::vector<float> queries;
  for (std::size_t i = 0; i < std::max(rounds, kBatch); ++i) {
    draw();
    queries.insert(queries.end(), value.begin(), value.end());
  }

  const std::size_t blocks = (rows + kBlockRows - 1) / kBlockRows;
  const auto block = [&](std::size_t index) {
    const std::size_t begin = index * kBlockRows;
    return CandidateBlock{begin, std::span(slots).subspan(begin, std::min(kBlockRows, rows - begin)), {}};
  };
  std::vector<double> plain_ms;
  std::vector<double> one_ms;
  std::vector<double> all_ms;
  std::vector<double> read_ms;
  std::vector<double> batch_ms;
  std::size_t agree = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::span<const float> query(queries.data() + round * dimension, dimension);
    std::vector<std::pair<float, std::size_t>> expected;
    std::vector<trefoil::vector::Neighbour> found;
    read_ms.push_back(milliseconds([&] { sink = trefoil::bench::readAll(read_floats, plain_rows.size() * sizeof(float)); }));
    plain_ms.push_back(milliseconds([&] { expected = plainSearch(plain_rows, dimension, query.data(), kBest); }));
    const auto search = [&](bool parallel) {
      return trefoil::vector::exactSearch(arena, {Metric::kCosine, query, kBest}, blocks, block,
                                          {.parallel = parallel, .cancelled = {}})
          .value();
    };
    one_ms.push_back(milliseconds([&] { found = search(false); }));
    all_ms.push_back(milliseconds([&] { found = search(true); }));
    for (std::size_t i = 0; i < found.size(); ++i) {
      agree += found[i].row == expected[i].second ? 1 : 0;
    }
  }
  for (int round = 0; round < 5; ++round) {
    batch_ms.push_back(milliseconds([&] {
                         sink = trefoil::vector::exactSearchBatch(arena,
                                                                  {Metric::kCosine, {queries.data(), kBatch * dimension}, kBest},
                                                                  blocks, block, {.parallel = false, .cancelled = {}})
                                    .value()
                                    .size();
                       }) /
                       kBatch);
  }
  const double gigabytes = static_cast<double>(plain_rows.size() * sizeof(float)) / 1e9;
  std::printf("exact top-%zu of %zu x %zu, cosine, kernels %s, medians of %zu rounds\n", kBest, rows, dimension,
              trefoil::vector::kernels().name, rounds);
  std::printf("  reading the bytes once, one thread   %8.3f ms   %6.1f GB/s\n", median(read_ms),
              gigabytes / median(read_ms) * 1e3);
  std::printf("  plain loop, one thread               %8.3f ms\n", median(plain_ms));
  std::printf("  trefoil, one thread                  %8.3f ms   %6.1f GB/s = %.0f %% of the bandwidth   %.2fx the plain loop\n",
              median(one_ms), gigabytes / median(one_ms) * 1e3, 100 * median(read_ms) / median(one_ms),
              median(plain_ms) / median(one_ms));
  std::printf("  trefoil, all threads                 %8.3f ms   %.2fx the plain loop\n", median(all_ms),
              median(plain_ms) / median(all_ms));
  std::printf("  trefoil, batch of %zu, one thread    %8.3f ms a query\n", kBatch, median(batch_ms));
  std::printf("  same rows as the plain loop: %zu of %zu\n", agree, rounds * kBest);
  return agree * 100 >= rounds * kBest * 99 ? 0 : 1;
}
