// Random vectors from a fixed seed, and the double-precision reference that results are compared to.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "vector/distance.hpp"

namespace trefoil::vector::testing {

inline std::vector<float> randomVector(std::mt19937_64& random, std::size_t dimension, float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(dimension);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

inline double referenceDot(std::span<const float> left, std::span<const float> right) {
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    sum += static_cast<double>(left[i]) * right[i];
  }
  return sum;
}

inline double referenceSquaredL2(std::span<const float> left, std::span<const float> right) {
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double difference = static_cast<double>(left[i]) - right[i];
    sum += difference * difference;
  }
  return sum;
}

inline double referenceDistance(Metric metric, std::span<const float> left, std::span<const float> right) {
  switch (metric) {
    case Metric::kCosine:
      return 1 - referenceDot(left, right) / std::sqrt(referenceDot(left, left) * referenceDot(right, right));
    case Metric::kL2:
      return std::sqrt(referenceSquaredL2(left, right));
    case Metric::kInnerProduct:
      break;
  }
  return -referenceDot(left, right);
}

}  // namespace trefoil::vector::testing
