// Distances between two float32 vectors, and the checks that come before them.
//
// The three metrics of pgvector, with its formulas and its texts:
//
//   <->  kL2             sqrt(sum (a-b)^2)
//   <=>  kCosine         1 - dot / sqrt(|a|^2 |b|^2), clamped to [0, 2]; NaN when a norm is zero
//   <#>  kInnerProduct   -dot
//
// The sums are float32, added in one fixed order by whichever kernel the CPU runs (kernels.hpp); what follows is double. Every
// search in this floor returns exactly the number that distance() returns for the same pair, so a search and an expression in the
// same SQL statement agree to the last bit, and a vector's distance to itself is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.hpp"

namespace trefoil::vector {

enum class Metric : std::uint8_t { kCosine, kL2, kInnerProduct };

inline constexpr std::size_t kMaxDimension = 16000;  // pgvector's

// "different vector dimensions 3 and 4": two vectors of an expression.
Status checkSameDimension(std::size_t left, std::size_t right);
// "expected 3 dimensions, not 4": a value for a column.
Status checkDimension(std::size_t expected, std::size_t actual);
// At least 1 and at most kMaxDimension dimensions, no NaN, no infinity: what every vector must satisfy before it is stored or
// searched.
Status checkElements(std::span<const float> values);
// A zero vector has no direction: as the query of a cosine search or the constant of a <=> it is refused. (A stored one is legal;
// its cosine distance is NaN, which sorts last.) Always fine for the other metrics.
Status checkDirection(Metric metric, std::span<const float> query);

// The distance of two vectors of one dimension (checked by the caller with checkSameDimension).
double distance(Metric metric, std::span<const float> left, std::span<const float> right);
// Their dot product, and a vector's Euclidean norm.
double innerProduct(std::span<const float> left, std::span<const float> right);
double norm(std::span<const float> values);

}  // namespace trefoil::vector
