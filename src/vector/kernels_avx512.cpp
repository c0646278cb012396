// Kernels for CPUs with AVX-512 (F, BW, DQ, VL); see kernels.hpp for why everything here is local.
#ifdef __x86_64__
#include <immintrin.h>

#include "vector/kernels.hpp"

#define Eigen TrefoilEigenAvx512
#include "vector/kernels_matrix.inc"

namespace trefoil::vector {
namespace {

using Register = __m512;
constexpr std::size_t kLanes = 16;

inline Register zero() {
  return _mm512_setzero_ps();
}
inline Register load(const float* from) {
  return _mm512_loadu_ps(from);
}
inline Register loadTail(const float* from, std::size_t count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from);
}
inline Register addProduct(Register sum, Register left, Register right) {
  return _mm512_fmadd_ps(left, right, sum);
}
inline Register add(Register left, Register right) {
  return _mm512_add_ps(left, right);
}
inline Register subtract(Register left, Register right) {
  return _mm512_sub_ps(left, right);
}
inline Register multiply(Register left, Register right) {
  return _mm512_mul_ps(left, right);
}
inline Register broadcast(float value) {
  return _mm512_set1_ps(value);
}
inline Register squareRoot(Register value) {
  return _mm512_sqrt_ps(value);
}
inline unsigned lessBits(Register left, Register right) {
  return _mm512_cmp_ps_mask(left, right, _CMP_LT_OQ);
}

// The halves added lane by lane, then as AVX2 does it.
inline __m256 fold(Register sum) {
  return _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
}
inline float total(Register sum) {
  const __m256 folded = fold(sum);
  const __m256 pairs = _mm256_hadd_ps(folded, folded);
  const __m256 quads = _mm256_hadd_ps(pairs, pairs);
  return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1)));
}
inline void totals8(const Register* sums, float* out) {
  const __m256 s01 = _mm256_hadd_ps(fold(sums[0]), fold(sums[1]));
  const __m256 s23 = _mm256_hadd_ps(fold(sums[2]), fold(sums[3]));
  const __m256 s45 = _mm256_hadd_ps(fold(sums[4]), fold(sums[5]));
  const __m256 s67 = _mm256_hadd_ps(fold(sums[6]), fold(sums[7]));
  const __m256 s0123 = _mm256_hadd_ps(s01, s23);
  const __m256 s4567 = _mm256_hadd_ps(s45, s67);
  const __m256 low = _mm256_permute2f128_ps(s0123, s4567, 0x20);
  const __m256 high = _mm256_permute2f128_ps(s0123, s4567, 0x31);
  _mm256_storeu_ps(out, _mm256_add_ps(low, high));
}

inline Register loadHalves(const std::uint16_t* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

// VNNI: four products of an unsigned and a signed byte go into a lane at once, without saturation. (kernels.cpp sees to it that a
// CPU with AVX-512 but without VNNI gets AVX2's.)
__attribute__((target("avx512vnni"))) inline void bytes4(const std::int8_t* query, const std::uint8_t* const* rows,
                                                         std::size_t padded, float scale, float offset, float* out) {
  __m512i sums[4] = {};
  for (std::size_t i = 0; i < padded; i += 64) {
    const __m512i values = _mm512_loadu_si512(query + i);
    for (std::size_t r = 0; r < 4; ++r) {
      sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_loadu_si512(rows[r] + i), values);
    }
  }
  __m256i folded[4];
  for (std::size_t r = 0; r < 4; ++r) {
    folded[r] = _mm256_add_epi32(_mm512_castsi512_si256(sums[r]), _mm512_extracti32x8_epi32(sums[r], 1));
  }
  const __m256i quads = _mm256_hadd_epi32(_mm256_hadd_epi32(folded[0], folded[1]), _mm256_hadd_epi32(folded[2], folded[3]));
  const __m128i totals = _mm_add_epi32(_mm256_castsi256_si128(quads), _mm256_extracti128_si256(quads, 1));
  _mm_storeu_ps(out, _mm_fmadd_ps(_mm_cvtepi32_ps(totals), _mm_set1_ps(scale), _mm_set1_ps(offset)));
}

#include "vector/kernels_body.inc"

}  // namespace

const Kernels kAvx512Kernels = {"avx512",          pair<Dot>,      pair<SquaredL2>, run<Dot>,  run<SquaredL2>, gather<Dot>,
                                gather<SquaredL2>, dotBytesGather, dotHalvesGather, signBytes, widenHalves,    encodeBytes,
                                hadamard,          dotMatrix,      atLeast,         atMost,    atLeastScaled};

}  // namespace trefoil::vector
#endif
