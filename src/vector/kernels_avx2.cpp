// Kernels for CPUs with AVX2 and FMA; see kernels.hpp for why everything here is local.
#ifdef __x86_64__
#include <immintrin.h>

#include "vector/kernels.hpp"

#define Eigen TrefoilEigenAvx2
#include "vector/kernels_matrix.inc"

namespace trefoil::vector {
namespace {

using Register = __m256;
constexpr std::size_t kLanes = 8;

inline Register zero() {
  return _mm256_setzero_ps();
}
inline Register load(const float* from) {
  return _mm256_loadu_ps(from);
}
inline Register loadTail(const float* from, std::size_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes));
}
inline Register addProduct(Register sum, Register left, Register right) {
  return _mm256_fmadd_ps(left, right, sum);
}
inline Register add(Register left, Register right) {
  return _mm256_add_ps(left, right);
}
inline Register subtract(Register left, Register right) {
  return _mm256_sub_ps(left, right);
}
inline Register multiply(Register left, Register right) {
  return _mm256_mul_ps(left, right);
}
inline Register broadcast(float value) {
  return _mm256_set1_ps(value);
}
inline Register squareRoot(Register value) {
  return _mm256_sqrt_ps(value);
}
inline unsigned lessBits(Register left, Register right) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(left, right, _CMP_LT_OQ)));
}

// Per half (l0+l1)+(l2+l3), then the halves.
inline float total(Register sum) {
  const __m256 pairs = _mm256_hadd_ps(sum, sum);
  const __m256 quads = _mm256_hadd_ps(pairs, pairs);
  return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1)));
}
inline void totals8(const Register* sums, float* out) {
  const __m256 s01 = _mm256_hadd_ps(sums[0], sums[1]);
  const __m256 s23 = _mm256_hadd_ps(sums[2], sums[3]);
  const __m256 s45 = _mm256_hadd_ps(sums[4], sums[5]);
  const __m256 s67 = _mm256_hadd_ps(sums[6], sums[7]);
  const __m256 s0123 = _mm256_hadd_ps(s01, s23);  // low half: sums of the low halves of 0, 1, 2, 3; high half: of the high ones
  const __m256 s4567 = _mm256_hadd_ps(s45, s67);
  const __m256 low = _mm256_permute2f128_ps(s0123, s4567, 0x20);
  const __m256 high = _mm256_permute2f128_ps(s0123, s4567, 0x31);
  _mm256_storeu_ps(out, _mm256_add_ps(low, high));
}

inline Register loadHalves(const std::uint16_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

// Widened to 16 bits: maddubs on the bytes themselves would saturate.
inline void bytes4(const std::int8_t* query, const std::uint8_t* const* rows, std::size_t padded, float scale, float offset,
                   float* out) {
  __m256i sums[4] = {};
  for (std::size_t i = 0; i < padded; i += 16) {
    const __m256i values = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query + i)));
    for (std::size_t r = 0; r < 4; ++r) {
      const __m256i row = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r] + i)));
      sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(row, values));
    }
  }
  const __m256i quads = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
  const __m128i totals = _mm_add_epi32(_mm256_castsi256_si128(quads), _mm256_extracti128_si256(quads, 1));
  _mm_storeu_ps(out, _mm_fmadd_ps(_mm_cvtepi32_ps(totals), _mm_set1_ps(scale), _mm_set1_ps(offset)));
}

#include "vector/kernels_body.inc"

}  // namespace

const Kernels kAvx2Kernels = {"avx2",
                              pair<Dot>,
                              pair<SquaredL2>,
                              run<Dot>,
                              run<SquaredL2>,
                              gather<Dot>,
                              gather<SquaredL2>,
                              dotBytesGather,
                              dotHalvesGather,
                              signBytes,
                              widenHalves,
                              encodeBytes,
                              hadamard,
                              dotMatrix,
                              0,
                              atLeast,
                              atMost,
                              atLeastScaled,
                              squareRoots};

}  // namespace trefoil::vector
#endif
