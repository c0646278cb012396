#include "vector/kernels.hpp"

#include <array>

namespace trefoil::vector {

namespace {

struct Supported {
  std::array<const Kernels*, 3> list{};
  std::size_t count = 0;
};

Supported detect() {
  Supported supported;
  supported.list[supported.count++] = &kBaselineKernels;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    supported.list[supported.count++] = &kAvx2Kernels;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      supported.list[supported.count++] = &kAvx512Kernels;
    }
  }
#endif
  return supported;
}

const Supported& supportedOnce() {
  static const Supported supported = detect();
  return supported;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& best = *supportedOnce().list[supportedOnce().count - 1];
  return best;
}

std::span<const Kernels* const> supportedKernels() {
  return {supportedOnce().list.data(), supportedOnce().count};
}

}  // namespace trefoil::vector
