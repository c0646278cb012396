// Kernels for every x86-64 (SSE2), and for every other CPU as plain C++ that its compiler turns into vectors of four.
#include "vector/kernels.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define Eigen TrefoilEigenBaseline
#include "vector/kernels_matrix.inc"

namespace trefoil::vector {
namespace {

// GCC's and clang's vector extension: SSE2 on x86-64, NEON on ARM.
using Register = float __attribute__((vector_size(16)));
constexpr std::size_t kLanes = 4;

inline Register zero() {
  return Register{0, 0, 0, 0};
}
inline Register load(const float* from) {
  Register value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}
inline Register loadTail(const float* from, std::size_t count) {
  Register value = zero();
  __builtin_memcpy(&value, from, count * sizeof(float));
  return value;
}
inline Register addProduct(Register sum, Register left, Register right) {
  return sum + left * right;
}
inline Register add(Register left, Register right) {
  return left + right;
}
inline Register subtract(Register left, Register right) {
  return left - right;
}
inline Register multiply(Register left, Register right) {
  return left * right;
}
inline Register broadcast(float value) {
  return Register{value, value, value, value};
}
#ifdef __SSE2__
inline Register squareRoot(Register value) {
  return _mm_sqrt_ps(value);
}
inline unsigned lessBits(Register left, Register right) {
  return static_cast<unsigned>(_mm_movemask_ps(_mm_cmplt_ps(left, right)));
}
#else
inline Register squareRoot(Register value) {
  return Register{__builtin_sqrtf(value[0]), __builtin_sqrtf(value[1]), __builtin_sqrtf(value[2]), __builtin_sqrtf(value[3])};
}
inline unsigned lessBits(Register left, Register right) {
  unsigned bits = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    bits |= unsigned{left[lane] < right[lane]} << lane;
  }
  return bits;
}
#endif
inline float total(Register sum) {
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
inline void totals8(const Register* sums, float* out) {
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = total(sums[i]);
  }
}

// The exponent's bias is put right by a multiplication, which makes subnormal numbers come out right too.
inline Register loadHalves(const std::uint16_t* from) {
  Register values;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const std::uint32_t magnitude = (std::uint32_t{from[lane]} & 0x7FFFU) << 13;
    float value = 0;
    __builtin_memcpy(&value, &magnitude, sizeof(value));
    value *= 0x1p112F;
    values[lane] = (from[lane] & 0x8000U) != 0 ? -value : value;
  }
  return values;
}

inline void bytes4(const std::int8_t* query, const std::uint8_t* const* rows, std::size_t padded, float scale, float offset,
                   float* out) {
  for (std::size_t r = 0; r < 4; ++r) {
    const std::uint8_t* const row = rows[r];
    int sum = 0;
    for (std::size_t i = 0; i < padded; ++i) {
      sum += int{query[i]} * int{row[i]};
    }
    out[r] = static_cast<float>(sum) * scale + offset;
  }
}

#include "vector/kernels_body.inc"

}  // namespace

const Kernels kBaselineKernels = {"baseline",        pair<Dot>,      pair<SquaredL2>,
                                  run<Dot>,          run<SquaredL2>, gather<Dot>,
                                  gather<SquaredL2>, dotBytesGather, dotHalvesGather,
                                  signBytes,         widenHalves,    encodeBytes,
                                  hadamard,          dotMatrix,      0,
                                  atLeast,           atMost,         atLeastScaled,
                                  squareRoots};

}  // namespace trefoil::vector
