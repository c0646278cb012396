// From a kernel's raw sum to a distance, and which raw sums need not be looked at.
//
// raw is the dot product for cosine and inner product, the squared L2 distance for L2. Everything that reports a distance goes
// through Scoring::distance, so that searches and expressions agree to the last bit.
#pragma once

#include <cmath>
#include <limits>

#include "vector/distance.hpp"
#include "vector/kernels.hpp"

namespace trefoil::vector {

struct Scoring {
  Metric metric;
  double query_squared_norm;  // used by cosine only

  [[nodiscard]] double distance(float raw, float row_squared_norm) const {
    switch (metric) {
      case Metric::kCosine: {
        // pgvector's formula. The product of two floats is exact in double: a vector's similarity to itself is exactly 1. A zero
        // norm gives 0/0, NaN.
        const double similarity =
            static_cast<double>(raw) / std::sqrt(query_squared_norm * static_cast<double>(row_squared_norm));
        return similarity > 1 ? 0 : similarity < -1 ? 2 : 1 - similarity;
      }
      case Metric::kL2:
        return std::sqrt(static_cast<double>(raw));
      case Metric::kInnerProduct:
        break;
    }
    return -static_cast<double>(raw);
  }

  // A limit for mayPass, from the distance of the worst result so far (infinity while every candidate may enter). Slightly
  // generous: the test is float32, and offer() decides with the true distance.
  [[nodiscard]] float limit(double worst) const {
    switch (metric) {
      case Metric::kCosine:  // dot / (|q| |r|) >= 1 - worst, without the division
        return worst <= 2 ? static_cast<float>((1 - worst - 1e-6) * std::sqrt(query_squared_norm))
                          : -std::numeric_limits<float>::infinity();
      case Metric::kL2:
        return toFloat(worst * worst * (1 + 1e-6));
      case Metric::kInnerProduct:
        break;
    }
    return static_cast<float>(-worst);  // exact: the distance was made from a float
  }
  // Bit i is clear only if row i's distance is above the one that `limit` was made from. `count` is at most 64.
  [[nodiscard]] std::uint64_t mayPass(const float* raw, const float* row_squared_norms, std::size_t count, float limit) const {
    switch (metric) {
      case Metric::kCosine: {
        float norms[64];
        kernels().squareRoots(row_squared_norms, count, norms);
        return kernels().atLeastScaled(raw, norms, count, limit);
      }
      case Metric::kL2:
        return kernels().atMost(raw, count, limit);
      case Metric::kInnerProduct:
        break;
    }
    return kernels().atLeast(raw, count, limit);
  }

 private:
  // Beyond the largest float lies infinity (the cast alone would be undefined).
  static float toFloat(double value) {
    return value > std::numeric_limits<float>::max() ? std::numeric_limits<float>::infinity() : static_cast<float>(value);
  }
};

}  // namespace trefoil::vector
