#include "bench/plain/plain_loops.hpp"

// What -march=native makes of them.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define NATIVE __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define NATIVE
#endif

namespace trefoil::bench {

NATIVE float plainDot(const float* left, const float* right, std::size_t dimension) {
  float sum = 0;
  for (std::size_t i = 0; i < dimension; ++i) {
    sum += left[i] * right[i];
  }
  return sum;
}

NATIVE std::uint64_t readAll(const void* bytes, std::size_t size) {
  const auto* words = static_cast<const std::uint32_t*>(bytes);
  std::uint32_t sums[64] = {};
  for (std::size_t i = 0; i + 64 <= size / sizeof(std::uint32_t); i += 64) {
    for (std::size_t lane = 0; lane < 64; ++lane) {
      sums[lane] += words[i + lane];
    }
  }
  std::uint64_t sum = 0;
  for (const std::uint32_t lane : sums) {
    sum += lane;
  }
  return sum;
}

}  // namespace trefoil::bench
