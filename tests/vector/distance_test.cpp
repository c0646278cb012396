#include "vector/distance.hpp"

#include <limits>

#include <catch2/catch.hpp>

#include "random_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

TEST_CASE("distances of known vectors", "[vector][distance]") {
  // The values of pgvector's regression tests (vector_type.sql).
  struct Row {
    Metric metric;
    std::vector<float> left;
    std::vector<float> right;
    double expected;
  };
  const auto row = GENERATE(values<Row>({{Metric::kL2, {0, 0}, {3, 4}, 5},
                                         {Metric::kL2, {0, 0}, {0, 1}, 1},
                                         {Metric::kInnerProduct, {1, 2}, {3, 4}, -11},
                                         {Metric::kInnerProduct, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, -45},
                                         {Metric::kCosine, {1, 2}, {2, 4}, 0},
                                         {Metric::kCosine, {1, 1}, {1, 1}, 0},
                                         {Metric::kCosine, {1, 0}, {0, 2}, 1},
                                         {Metric::kCosine, {1, 1}, {-1, -1}, 2},
                                         {Metric::kCosine, {1, 1}, {1.1F, 1.1F}, 0},
                                         {Metric::kCosine, {1, 1}, {-1.1F, -1.1F}, 2}}));
  CHECK(distance(row.metric, row.left, row.right) == Approx(row.expected).margin(1e-15));
  CHECK(distance(row.metric, row.right, row.left) == distance(row.metric, row.left, row.right));
}

TEST_CASE("the cosine distance to a zero vector is NaN", "[vector][distance]") {
  const std::vector<float> zero{0, 0};
  const std::vector<float> one{1, 2};
  CHECK(std::isnan(distance(Metric::kCosine, one, zero)));
  CHECK(std::isnan(distance(Metric::kCosine, zero, zero)));
  CHECK(checkDirection(Metric::kCosine, zero).error().message == "cosine distance is not defined for a zero vector");
  CHECK(checkDirection(Metric::kL2, zero).ok());
  CHECK(checkDirection(Metric::kCosine, one).ok());
}

TEST_CASE("random distances are those of double precision, and a vector is at 0 from itself", "[vector][distance]") {
  std::mt19937_64 random(7);
  for (std::size_t dimension = 1; dimension < 300; dimension += 7) {
    for (const float scale : {1e-10F, 1.0F, 1e10F}) {
      const std::vector<float> left = randomVector(random, dimension, scale);
      const std::vector<float> right = randomVector(random, dimension, scale);
      CAPTURE(dimension, scale);
      CHECK(distance(Metric::kCosine, left, left) == 0);
      CHECK(distance(Metric::kL2, left, left) == 0);
      const double size = std::sqrt(referenceDot(left, left) * referenceDot(right, right));
      CHECK(distance(Metric::kCosine, left, right) == Approx(referenceDistance(Metric::kCosine, left, right)).margin(1e-4));
      CHECK(distance(Metric::kL2, left, right) == Approx(referenceDistance(Metric::kL2, left, right)).epsilon(1e-4));
      CHECK(innerProduct(left, right) == Approx(referenceDot(left, right)).margin(1e-4 * size));
      CHECK(distance(Metric::kInnerProduct, left, right) == -innerProduct(left, right));
      CHECK(norm(left) == Approx(std::sqrt(referenceDot(left, left))).epsilon(1e-5));
    }
  }
}

TEST_CASE("checks speak pgvector's words", "[vector][distance]") {
  CHECK(checkSameDimension(3, 3).ok());
  CHECK(checkSameDimension(3, 4).error().message == "different vector dimensions 3 and 4");
  CHECK(checkDimension(3, 3).ok());
  CHECK(checkDimension(3, 4).error().message == "expected 3 dimensions, not 4");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  CHECK(checkElements(std::vector<float>{1, 2, 3}).ok());
  CHECK(checkElements(std::vector<float>{1, nan}).error().message == "NaN not allowed in vector");
  CHECK(checkElements(std::vector<float>{-infinite}).error().message == "infinite value not allowed in vector");
  CHECK(checkElements(std::vector<float>{}).error().message == "vector must have at least 1 dimension");
  CHECK(checkElements(std::vector<float>(16000, 1.0F)).ok());
  CHECK(checkElements(std::vector<float>(16001, 1.0F)).error().message == "vector cannot have more than 16000 dimensions");
}

}  // namespace trefoil::vector
