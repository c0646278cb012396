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
          CHECK(std::fabs(static_cast<double>(product[q * 70 + r]) - dot) <= matrixErrorBound(*use, dimension) * norms);
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

TEST_CASE("sums over byte codes are exact, at the extremes too", "[vector][kernels]") {
  for (const Kernels* use : supportedKernels()) {
    std::mt19937_64 random(kSeed);
    for (const std::size_t padded : {64U, 128U, 192U, 768U, 16000U}) {
      for (const bool extreme : {false, true}) {
        std::uniform_int_distribution<int> byte(0, 255);
        const auto draw = [&] { return extreme ? (byte(random) < 250 ? 255 : 0) : byte(random); };
        std::vector<std::int8_t> query(padded);
        for (std::int8_t& value : query) {
          value = static_cast<std::int8_t>(extreme ? -127 : byte(random) - 128);
        }
        std::vector<std::vector<std::uint8_t>> rows(13, std::vector<std::uint8_t>(padded));
        std::vector<const std::uint8_t*> pointers;
        std::vector<float> expected;
        for (std::vector<std::uint8_t>& row : rows) {
          std::int64_t sum = 0;
          for (std::size_t i = 0; i < padded; ++i) {
            row[i] = static_cast<std::uint8_t>(draw());
            sum += query[i] * row[i];
          }
          pointers.push_back(row.data());
          expected.push_back(static_cast<float>(sum));
        }
        for (std::size_t count = 0; count <= rows.size(); ++count) {
          CAPTURE(use->name, padded, count, extreme);
          std::vector<float> out(16);
          use->dotBytesGather(query.data(), pointers.data(), padded, count, 1, 0, out.data());
          CHECK(std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(count), out.begin()));
        }
      }
    }
  }
}

TEST_CASE("sums over halves are those of the numbers they stand for", "[vector][kernels]") {
  // Every finite binary16, alone: 1 * value.
  const auto value_of = [](std::uint16_t half) {
    const int exponent = half >> 10 & 31;
    const double mantissa = half & 1023;
    const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
  };
  for (const Kernels* use : supportedKernels()) {
    AlignedFloats query(64);
    query.data()[5] = 1;
    std::vector<std::uint16_t> row(64);
    const std::uint16_t* const pointer = row.data();
    float out[4];
    std::size_t wrong = 0;
    for (std::uint32_t half = 0; half < 0x10000; ++half) {
      if ((half >> 10 & 31) == 31) {
        continue;
      }
      row[5] = static_cast<std::uint16_t>(half);
      use->dotHalvesGather(query.data(), &pointer, 64, 1, out);
      wrong += out[0] == static_cast<float>(value_of(static_cast<std::uint16_t>(half))) ? 0 : 1;
    }
    CAPTURE(use->name);
    CHECK(wrong == 0);

    std::mt19937_64 random(kSeed);
    std::vector<std::vector<std::uint16_t>> rows(7, std::vector<std::uint16_t>(192));
    std::vector<const std::uint16_t*> pointers;
    AlignedFloats values(192);
    for (std::size_t i = 0; i < 192; ++i) {
      values.data()[i] = randomVector(random, 1)[0];
    }
    for (std::vector<std::uint16_t>& each : rows) {
      for (std::uint16_t& half : each) {
        half = static_cast<std::uint16_t>(0x3000 + random() % 0x0C00);
      }
      pointers.push_back(each.data());
    }
    std::vector<float> sums(8);
    use->dotHalvesGather(values.data(), pointers.data(), 192, rows.size(), sums.data());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      double expected = 0;
      double magnitude = 0;
      for (std::size_t i = 0; i < 192; ++i) {
        expected += values.data()[i] * value_of(rows[r][i]);
        magnitude += std::fabs(values.data()[i] * value_of(rows[r][i]));
      }
      CHECK(std::fabs(sums[r] - expected) <= tolerance(192, magnitude));
    }
  }
}

TEST_CASE("byte codes are rounded and held within their range; the Hadamard transform is its own inverse", "[vector][kernels]") {
  for (const Kernels* use : supportedKernels()) {
    CAPTURE(use->name);
    const std::vector<float> values{0, 1, -1, 0.25F, -0.2F, 126.6F, 500, -500, 1e30F, -1e30F};
    std::vector<std::uint8_t> codes(values.size());
    use->encodeBytes(values.data(), 1, values.size(), codes.data());
    CHECK(codes == std::vector<std::uint8_t>{128, 129, 127, 128, 128, 255, 255, 1, 255, 1});

    std::mt19937_64 random(kSeed);
    for (const std::size_t count : {1U, 2U, 8U, 128U, 1024U}) {
      const std::vector<float> before = randomVector(random, count);
      std::vector<float> after = before;
      use->hadamard(after.data(), count);
      CHECK(referenceDot(after, after) == Approx(static_cast<double>(count) * referenceDot(before, before)));
      use->hadamard(after.data(), count);
      for (std::size_t i = 0; i < count; ++i) {
        CHECK(after[i] / static_cast<float>(count) == Approx(before[i]).margin(1e-5));
      }
    }
  }
}

TEST_CASE("what passes a limit is a bit each, NaN with it", "[vector][kernels]") {
  std::mt19937_64 random(kSeed);
  for (const Kernels* use : supportedKernels()) {
    for (const std::size_t count : {1U, 15U, 16U, 17U, 63U, 64U}) {
      CAPTURE(use->name, count);
      std::vector<float> values = randomVector(random, 64);
      values[count / 2] = NAN;
      values[0] = 0.25F;  // the limit itself
      std::vector<float> squares = randomVector(random, 64);
      for (float& square : squares) {
        square *= square;
      }
      std::vector<float> roots(64);
      use->squareRoots(squares.data(), count, roots.data());
      const std::uint64_t least = use->atLeast(values.data(), count, 0.25F);
      const std::uint64_t most = use->atMost(values.data(), count, 0.25F);
      const std::uint64_t scaled = use->atLeastScaled(values.data(), roots.data(), count, 0.25F);
      for (std::size_t i = 0; i < 64; ++i) {
        CHECK((least >> i & 1) == (i < count && !(values[i] < 0.25F) ? 1 : 0));
        CHECK((most >> i & 1) == (i < count && !(values[i] > 0.25F) ? 1 : 0));
        CHECK((scaled >> i & 1) == (i < count && !(values[i] < 0.25F * roots[i]) ? 1 : 0));
        CHECK((i >= count || roots[i] == std::sqrt(squares[i])));
      }
    }
  }
}

}  // namespace trefoil::vector
