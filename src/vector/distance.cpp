#include "vector/distance.hpp"

#include "vector/kernels.hpp"
#include "vector/scoring.hpp"

namespace trefoil::vector {

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
  if (metric != Metric::kCosine || kernels().dot(query.data(), query.data(), query.size()) > 0) {
    return {};
  }
  return Error(ErrorCode::kInvalid, "cosine distance is not defined for a zero vector");
}

double distance(Metric metric, std::span<const float> left, std::span<const float> right) {
  TREFOIL_ASSERT(left.size() == right.size());
  const Kernels& use = kernels();
  const std::size_t n = left.size();
  if (metric == Metric::kL2) {
    return Scoring{metric, 0}.distance(use.squaredL2(left.data(), right.data(), n), 0);
  }
  const float dot = use.dot(left.data(), right.data(), n);
  if (metric == Metric::kInnerProduct) {
    return Scoring{metric, 0}.distance(dot, 0);
  }
  const Scoring scoring{metric, use.dot(left.data(), left.data(), n)};
  return scoring.distance(dot, use.dot(right.data(), right.data(), n));
}

double innerProduct(std::span<const float> left, std::span<const float> right) {
  TREFOIL_ASSERT(left.size() == right.size());
  return kernels().dot(left.data(), right.data(), left.size());
}

double norm(std::span<const float> values) {
  return std::sqrt(static_cast<double>(kernels().dot(values.data(), values.data(), values.size())));
}

}  // namespace trefoil::vector
