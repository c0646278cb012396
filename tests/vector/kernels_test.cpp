// Every instruction set that this CPU has, against double precision, and every form of a kernel against the others.
#include "vector/kernels.hpp"

#include <catch2/catch.hpp>

#include "random_vectors.hpp"
#include "vector/aligned_floats.hpp"

namespace trefoil::vector {

using namespace testing;

namespace {

constexpr std::uint64_t kSeed = 20240611;

// A float32 sum of `dimension` products may be off by this part of the sum of their magnitudes.
double tolerance(std::size_t dimension, double magnitude) {
  return (static_cast<double>(dimension) + 2) * std::pow(2.0, -24) * magnitude + 1e-37;
}

std::vector<float> absolute(std::vector<float> values) {
  for (float& value : values) {
    value = std::fabs(value);
  }
  return values;
}

// `count` rows of `dimension` random floats, padded with zeros.
struct Rows {
  Rows(std::mt19937_64& random, std::size_t count, std::size_t dimension)
      : padded((dimension + 15) / 16 * 16), floats(count * padded) {
    for (std::size_t row = 0; row < count; ++row) {
      const std::vector<float> values = randomVector(random, dimension);
      std::copy(values.begin(), values.end(), floats.data() + row * padded);
      pointers.push_back(floats.data() + row * padded);
    }
  }
  std::size_t padded;
  AlignedFloats floats;
  std::vector<const float*> pointers;
};

}  // namespace

TEST_CASE("a pair's sums are those of double precision, at every length and alignment", "[vector][kernels]") {
  for (const Kernels* use : supportedKernels()) {
    std::mt19937_64 random(kSeed);
    for (std::size_t dimension = 1; dimension <= 200; ++dimension) {
      CAPTURE(use->name, dimension);
      const std::size_t shift = dimension % 5;  // unaligned too
      const std::vector<float> left = randomVector(random, dimension + shift);
      const std::vector<float> right = randomVector(random, dimension + shift);
      const std::span<const float> a(left.data() + shift, dimension);
      const std::span<const float> b(right.data() + shift, dimension);
      const std::vector<float> a_size = absolute({a.begin(), a.end()});
      const std::vector<float> b_size = absolute({b.begin(), b.end()});
      CHECK(std::fabs(use->dot(a.data(), b.data(), dimension) - referenceDot(a, b)) <=
            tolerance(dimension, referenceDot(a_size, b_size)));
      CHECK(std::fabs(use->squaredL2(a.data(), b.data(), dimension) - referenceSquaredL2(a, b)) <=
            3 * tolerance(dimension, referenceSquaredL2(a, b)));
      CHECK(use->squaredL2(a.data(), a.data(), dimension) == 0);
    }
  }
}

TEST_CASE("a kernel reads nothing behind a vector's end", "[vector][kernels]") {
  // What lies behind is NaN: a single lane of it would poison the sum.
  for (const Kernels* use : supportedKernels()) {
    for (std::size_t dimension = 1; dimension <= 40; ++dimension) {
      CAPTURE(use->name, dimension);
      std::vector<float> values(dimension, 1.0F);
      values.resize(dimension + 32, std::nanf(""));
      CHECK(use->dot(values.data(), values.data(), dimension) == static_cast<float>(dimension));
      CHECK(use->squaredL2(values.data(), values.data(), dimension) == 0);
    }
  }
}

TEST_CASE("alone, in a run and gathered, a pair has the same bits", "[vector][kernels]") {
  for (const Kernels* use : supportedKernels()) {
    std::mt19937_64 random(kSeed + 1);
    for (const std::size_t dimension : {1U, 3U, 8U, 15U, 16U, 17U, 100U, 128U, 333U, 768U}) {
      for (const std::size_t count : {1U, 7U, 8U, 9U, 16U, 61U}) {
        CAPTURE(use->name, dimension, count);
        const Rows rows(random, count, dimension);
        const Rows query(random, 1, dimension);
        std::vector<const float*> scattered(rows.pointers);
        std::shuffle(scattered.begin(), scattered.end(), random);
        std::vector<float> run(count);
        std::vector<float> gathered(count);

        use->dotRun(query.floats.data(), rows.floats.data(), rows.padded, count, run.data());
        use->dotGather(query.floats.data(), scattered.data(), rows.padded, count, gathered.data());
        for (std::size_t i = 0; i < count; ++i) {
          CHECK(run[i] == use->dot(query.floats.data(), rows.pointers[i], dimension));
          CHECK(gathered[i] == use->dot(query.floats.data(), scattered[i], dimension));
        }
        use->squaredL2Run(query.floats.data(), rows.floats.data(), rows.padded, count, run.data());
        use->squaredL2Gather(query.floats.data(), scattered.data(), rows.padded, count, gathered.data());
        for (std::size_t i = 0; i < count; ++i) {
          CHECK(run[i] == use->squaredL2(query.floats.data(), rows.pointers[i], dimension));
          CHECK(gathered[i] == use->squaredL2(query.floats.data(), scattered[i], dimension));
        }
      }
    }
  }
}

TEST_CASE("the matrix product stays within its stated error", "[vector][kernels]") {
  for (const Kernels* use : supportedKernels()) {
    std::mt19937_64 random(kSeed + 2);
    for (const std::size_t dimension : {1U, 16U, 100U, 128U, 1000U}) {
      const Rows queries(random, 13, dimension);
      const Rows rows(random, 70, dimension);
      std::vector<float> product(13 * 70);
      use->dotMatrix(queries.floats.data(), 13, rows.floats.data(), 70, rows.padded, product.data());
      for (std::size_t q = 0; q < 13; ++q) {
        for (std::size_t r = 0; r < 70; ++r) {
          CAPTURE(use->name, dimension, q, r);
          const float dot = use->dot(queries.pointers[q], rows.pointers[r], dimension);
          const double norms = std::sqrt(static_cast<double>(use->dot(queries.pointers[q], queries.pointers[q], dimension)) *
                                         static_cast<double>(use->dot(rows.pointers[r], rows.pointers[r], dimension)));
          CHECK(std::fabs(static_cast<double>(product[q * 70 + r]) - dot) <= matrixErrorBound(dimension) * norms);
        }
      }
    }
  }
}

TEST_CASE("the kernels in use are the last of the supported ones", "[vector][kernels]") {
  REQUIRE(!supportedKernels().empty());
  CHECK(supportedKernels().front() == &kBaselineKernels);
  CHECK(&kernels() == supportedKernels().back());
}

}  // namespace trefoil::vector
