#include "vector/distance.hpp"

#include <cmath>

#include "vector/kernels.hpp"
#include "vector/scoring.hpp"

namespace trefoil::vector {
namespace {

// Sums of float32 products are computed in float32, by the kernels. Where that overflows, or comes so near to 0 that products may
// have vanished, they are computed again in double, which holds any sum of products of floats.
constexpr float kSmallest = 1e-30F;

bool isSound(float sum) {
  return std::abs(sum) >= kSmallest && std::isfinite(sum);
}

double exactDot(std::span<const float> left, std::span<const float> right) {
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    sum += static_cast<double>(left[i]) * static_cast<double>(right[i]);
  }
  return sum;
}

double exactSquaredL2(std::span<const float> left, std::span<const float> right) {
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double difference = static_cast<double>(left[i]) - static_cast<double>(right[i]);
    sum += difference * difference;
  }
  return sum;
}

double dot(std::span<const float> left, std::span<const float> right) {
  const float fast = kernels().dot(left.data(), right.data(), left.size());
  return isSound(fast) ? static_cast<double>(fast) : exactDot(left, right);
}

}  // namespace

Status checkSameDimension(std::size_t left, std::size_t right) {
  if (left == right) {
    return {};
  }
  return Error(ErrorCode::kInvalid, "different vector dimensions " + std::to_string(left) + " and " + std::to_string(right));
}

Status checkDimension(std::size_t expected, std::size_t actual) {
  if (expected == actual) {
    return {};
  }
  return Error(ErrorCode::kInvalid, "expected " + std::to_string(expected) + " dimensions, not " + std::to_string(actual));
}

Status checkElements(std::span<const float> values) {
  if (values.empty()) {
    return Error(ErrorCode::kInvalid, "vector must have at least 1 dimension");
  }
  if (values.size() > kMaxDimension) {
    return Error(ErrorCode::kLimit, "vector cannot have more than " + std::to_string(kMaxDimension) + " dimensions");
  }
  for (const float value : values) {
    if (std::isnan(value)) {
      return Error(ErrorCode::kInvalid, "NaN not allowed in vector");
    }
    if (std::isinf(value)) {
      return Error(ErrorCode::kInvalid, "infinite value not allowed in vector");
    }
  }
  return {};
}

Status checkDirection(Metric metric, std::span<const float> query) {
  if (metric != Metric::kCosine || dot(query, query) > 0) {
    return {};
  }
  return Error(ErrorCode::kInvalid, "cosine distance is not defined for a zero vector");
}

double distance(Metric metric, std::span<const float> left, std::span<const float> right) {
  TREFOIL_ASSERT(left.size() == right.size());
  if (metric == Metric::kL2) {
    const float fast = kernels().squaredL2(left.data(), right.data(), left.size());
    return std::sqrt(isSound(fast) ? static_cast<double>(fast) : exactSquaredL2(left, right));
  }
  if (metric == Metric::kInnerProduct) {
    return -dot(left, right);
  }
  const Kernels& use = kernels();
  const std::size_t n = left.size();
  const float product = use.dot(left.data(), right.data(), n);
  const float left_square = use.dot(left.data(), left.data(), n);
  const float right_square = use.dot(right.data(), right.data(), n);
  if (isSound(product) && isSound(left_square) && isSound(right_square)) {
    return Scoring{metric, left_square}.distance(product, right_square);
  }
  const double similarity = exactDot(left, right) / std::sqrt(exactDot(left, left) * exactDot(right, right));
  return similarity > 1 ? 0 : similarity < -1 ? 2 : 1 - similarity;
}

double innerProduct(std::span<const float> left, std::span<const float> right) {
  TREFOIL_ASSERT(left.size() == right.size());
  return dot(left, right);
}

double norm(std::span<const float> values) {
  return std::sqrt(dot(values, values));
}

}  // namespace trefoil::vector
