// From a kernel's raw sum to a distance, and which raw sums need not be looked at.
//
// raw is the dot product for cosine and inner product, the squared L2 distance for L2. Everything that reports a distance goes
// through Scoring::distance, so that searches and expressions agree to the last bit.
#pragma once

#include <cmath>

#include "vector/distance.hpp"

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

  // A bound for mayPass, from the distance of the worst result so far (infinity while every candidate may enter).
  [[nodiscard]] double bound(double worst) const {
    switch (metric) {
      case Metric::kCosine: {
        // dot / sqrt(q r) >= t, squared with its sign and without the division; the slack covers the roundings on both sides.
        const double t = 1 - worst - 1e-9;
        return t * std::fabs(t) * query_squared_norm;
      }
      case Metric::kL2:
        return worst * worst * (1 + 1e-9);
      case Metric::kInnerProduct:
        break;
    }
    return -worst;
  }
  // False only if the candidate's distance is above the one that `bound` was made from; NaN passes.
  [[nodiscard]] bool mayPass(double raw, float row_squared_norm, double bound) const {
    switch (metric) {
      case Metric::kCosine:
        return !(raw * std::fabs(raw) < bound * static_cast<double>(row_squared_norm));
      case Metric::kL2:
        return !(raw > bound);
      case Metric::kInnerProduct:
        break;
    }
    return !(raw < bound);
  }
};

}  // namespace trefoil::vector
