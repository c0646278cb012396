#include "vector/kernels.hpp"

#include <array>

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace trefoil::vector {

namespace {

struct Supported {
  std::array<const Kernels*, 4> list{};
  std::size_t count = 0;
};

#ifdef __x86_64__
// GCC 12's __builtin_cpu_supports does not know it: CPUID leaf 1, bit 29 of ECX.
bool hasF16c() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

const Kernels& withoutVnni() {
  static const Kernels mixed = [] {
    Kernels table = kAvx512Kernels;
    table.dotBytesGather = kAvx2Kernels.dotBytesGather;
    return table;
  }();
  return mixed;
}
#endif

Supported detect() {
  Supported supported;
  supported.list[supported.count++] = &kBaselineKernels;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && hasF16c()) {
    supported.list[supported.count++] = &kAvx2Kernels;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      const bool vnni = __builtin_cpu_supports("avx512vnni") != 0;
      supported.list[supported.count++] = vnni ? &kAvx512Kernels : &withoutVnni();
      if (vnni && __builtin_cpu_supports("avx512bf16")) {
        supported.list[supported.count++] = &kAvx512Bf16Kernels;
      }
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
