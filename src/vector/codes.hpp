// VectorCodes: what the graph's walk reads in place of the vectors.
//
// A code is a vector's direction, in as few bytes as do, and beside it (not for cosine) its length. From the dot product of two
// codes and the lengths follows every metric:
//
//   cosine           -dot
//   inner product    -|a| |b| dot
//   L2               |a|^2 + |b|^2 - 2 |a| |b| dot       the vectors taken from an origin inside the data: what the data have in
//                                                        common costs no precision
//
// Inner products make a poor graph on their own: everything would link to the longest vectors, and nothing to the others. So
// nodes can be compared lifted, too: each vector gets one coordinate more, in which it goes so far that all have the same length
// (Y. Bachrach et al., Speeding up the Xbox recommender system using a Euclidean transformation for inner-product spaces, RecSys
// 2014). The nearest of lifted vectors are near in space, and a query, whose further coordinate is 0, finds the same inner
// products.
//
//   kFloat32   direction as it is, one float a dimension
//   kFloat16   IEEE 754 binary16
//   kInt8      direction, rotated, in steps of range / 127
//
// The rotation (a pseudo-random one: signs drawn from a fixed seed and Walsh-Hadamard transforms, in a few rounds, the "fast
// Johnson-Lindenstrauss transform" of Ailon and Chazelle, 2009) changes no dot product, and makes the elements of any unit vector
// behave like draws from a normal distribution of variance 1/dimension. So one range, four standard deviations, serves all
// vectors of all columns: nothing has to be trained, and nothing changes when the data do. A dot product of two byte codes is off
// by about 0.013 / sqrt(dimension).
//
// Bytes are stored plus 128, a query's are signed: that is the pair VNNI multiplies. The product with 128 is the same for all
// codes compared to one query, and subtracted there.
//
// Bounds. A code knows, in three bits, how far it is from the direction it stands for (its error, |x - x'|). By Cauchy and
// Schwarz x.q - x'.q' is at most |x - x'| |q| + |x'| |q - q'|: so codes give lower bounds of the true distances, and an exact
// search reads them in place of the vectors of most rows. What float32 arithmetic adds is bounded generously; a vector whose
// square float32 does not hold has a code without a bound.
//
// Thread safety: const functions are pure. setOrigin() and setLongest() before the first encode().
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vector/aligned_floats.hpp"
#include "vector/distance.hpp"

namespace trefoil::vector {

enum class HnswCodes : std::uint8_t;

class VectorCodes {
 public:
  static constexpr std::size_t kErrorClasses = 8;  // the last has no bound

  // `kind` is not kAuto.
  VectorCodes(Metric metric, HnswCodes kind, std::size_t dimension);

  [[nodiscard]] std::size_t codeBytes() const { return code_bytes_; }  // a multiple of 64
  [[nodiscard]] bool usesLengths() const { return metric_ != Metric::kCosine; }

  // L2 only; the zero vector until then.
  void setOrigin(std::span<const float> origin);
  [[nodiscard]] std::span<const float> origin() const { return origin_; }

  // Inner product only: what length vectors have, those to come included. Longer ones are not lifted, as all are until then.
  void setLongest(float length);

  // Room for a query and what making it ready takes; reused from one to the next.
  class Query {
   public:
    explicit Query(const VectorCodes& codes);

   private:
    friend class VectorCodes;
    AlignedFloats floats_;  // kFloat32, kFloat16: the direction; kInt8: room to rotate in
    AlignedFloats bytes_;   // kInt8: signed bytes
    const void* code_;      // what the kernel takes
    float scale_ = 1;       // kInt8: the kernel's sum times scale, plus offset, is minus the dot product
    float offset_ = 0;
    float length_ = 1;
    float lift_ = 0;  // the lifted vector's further coordinate
    std::array<float, kErrorClasses>
        slacks_{};  // by the class of the other's error: how much larger the dot product may truly be
  };

  struct Encoded {
    float length;              // of the vector, from the origin
    std::uint8_t error_class;  // below kErrorClasses
  };
  // Writes codeBytes(). A vector without direction gets a code without one.
  Encoded encode(std::span<const float> values, std::byte* code, Query& room) const;
  void prepare(std::span<const float> values, Query& query) const;
  // The same from a code; `code` outlives its use. `lifted`: distances() will be those of lifted vectors (inner product only).
  void prepare(const std::byte* code, float length, Query& query, bool lifted = false) const;

  // Of vectors with the same bytes, those of one class of length cannot be told apart by their codes.
  [[nodiscard]] std::uint32_t lengthClass(float length) const;

  // How far each code is from the query: smaller is nearer. Symmetric, for all pairs of one index comparable. `lengths` may be
  // null if !usesLengths(). `out` has room up to the next multiple of 16.
  void distances(const Query& query, const std::byte* const* codes, const float* lengths, std::size_t count, float* out) const;

  // Of two lifted vectors at this distance, the distance at which their squared Euclidean distance is `part` of it.
  [[nodiscard]] float liftedPart(float distance, float part) const {
    return distance - (1 - part) * std::max(0.0F, longest_ * longest_ + distance);
  }

  // Makes a query that was prepared from a vector ready for lowerBounds().
  void prepareBounds(Query& query) const;
  // distances(), each of them at the least that the true one can be. NaN is no bound.
  void lowerBounds(const Query& query, const std::byte* const* codes, const float* lengths, const std::uint8_t* error_classes,
                   std::size_t count, float* out) const;
  // A vector whose lower bound is above this is further from the query than `worst`, a distance as distance() computes it.
  [[nodiscard]] float limit(double worst) const;

 private:
  [[nodiscard]] float direction(std::span<const float> values, float* out) const;
  [[nodiscard]] std::uint8_t errorClass(float length, double error) const;
  [[nodiscard]] double floatError() const;
  void dots(const Query& query, const std::byte* const* codes, std::size_t count, float* out) const;
  void rotate(float* values) const;
  [[nodiscard]] float lift(float length) const { return std::sqrt(std::max(0.0F, longest_ * longest_ - length * length)); }

  const Metric metric_;
  const HnswCodes kind_;
  const std::size_t dimension_;
  std::size_t padded_;  // values of a code: the dimension rounded up
  std::size_t code_bytes_;
  std::array<float, kErrorClasses> errors_;  // the largest of each class
  float step_ = 1;                           // kInt8: what one step of a byte stands for
  std::size_t block_ = 0;                    // kInt8: the largest power of two within the dimension
  std::vector<float> signs_;                 // kInt8: ±1 / sqrt(block), kRounds times the dimension
  std::vector<float> origin_;
  float longest_ = 0;
};

}  // namespace trefoil::vector
