// Kernels for every x86-64 (SSE2), and for every other CPU as plain C++ that its compiler turns into vectors of four.
#include "vector/kernels.hpp"

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
inline Register subtract(Register left, Register right) {
  return left - right;
}
inline float total(Register sum) {
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
inline void totals8(const Register* sums, float* out) {
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = total(sums[i]);
  }
}

#include "vector/kernels_body.inc"

}  // namespace

const Kernels kBaselineKernels = {"baseline",     pair<Dot>,   pair<SquaredL2>,   run<Dot>,
                                  run<SquaredL2>, gather<Dot>, gather<SquaredL2>, dotMatrix};

}  // namespace trefoil::vector
