// The inner loops of this floor, once per instruction set, chosen by the CPU when the program starts.
//
// kernels_baseline.cpp, kernels_avx2.cpp and kernels_avx512.cpp are compiled with their own flags from one source
// (kernels_body.inc). Everything in them but the table is local to the object file: a function with external linkage (an inline
// one of the standard library would do) compiled with -mavx512f could be the copy that the linker keeps for everyone, and an
// older CPU would stop on it. scripts/check_kernel_symbols looks at the objects and is a test.
//
// One order of addition. A pair's products go into one register of partial sums, lane by lane from the front, and are summed by
// one tree at the end, in every form of a kernel: alone, in a run, gathered. Zeros behind a vector add nothing. So all forms give
// the same bits for the same pair on one machine; what keeps the multiplier busy is that eight pairs are worked on at a time.
// Only the matrix product (Eigen, or bfloat16 where the CPU has it) adds in its own order: its results are estimates, and
// matrixErrorBound says how far they may be off.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace trefoil::vector {

// NOLINTBEGIN(readability-identifier-naming): they are called, so they are named as functions
struct Kernels {
  const char* name;

  // Two vectors of any length and alignment.
  float (*dot)(const float* left, const float* right, std::size_t dimension);
  float (*squaredL2)(const float* left, const float* right, std::size_t dimension);

  // One against many. `padded` is a multiple of 16: the vectors end in zeros, and all of them are 64-byte aligned.
  // Run: `count` rows that lie `padded` floats apart. Gather: rows anywhere.
  void (*dotRun)(const float* query, const float* rows, std::size_t padded, std::size_t count, float* out);
  void (*squaredL2Run)(const float* query, const float* rows, std::size_t padded, std::size_t count, float* out);
  void (*dotGather)(const float* query, const float* const* rows, std::size_t padded, std::size_t count, float* out);
  void (*squaredL2Gather)(const float* query, const float* const* rows, std::size_t padded, std::size_t count, float* out);

  // Codes of the graph index (codes.hpp), one query against rows anywhere. `padded` is a multiple of 64; `rows` are asked for
  // ahead of their turn. `out` has room up to the next multiple of four. Bytes: the sum of query[i] * rows[r][i], times scale,
  // plus offset. Halves: IEEE 754 binary16, finite.
  void (*dotBytesGather)(const std::int8_t* query, const std::uint8_t* const* rows, std::size_t padded, std::size_t count,
                         float scale, float offset, float* out);
  void (*dotHalvesGather)(const float* query, const std::uint16_t* const* rows, std::size_t padded, std::size_t count,
                          float* out);
  // A code as a query: `out` gets bytes[i] - 128, and their sum is returned; or the halves as floats.
  std::int32_t (*signBytes)(const std::uint8_t* bytes, std::size_t count, std::int8_t* out);
  void (*widenHalves)(const std::uint16_t* halves, std::size_t count, float* out);
  // out[i] = values[i] * scale rounded and held within -127 … 127, plus 128.
  void (*encodeBytes)(const float* values, float scale, std::size_t count, std::uint8_t* out);
  // The Walsh-Hadamard transform of 2^k values in place, not normalised: 2^(k/2) times a rotation.
  void (*hadamard)(float* values, std::size_t count);

  // Many against many: out[q * row_count + r] = queries[q] . rows[r], estimated. All vectors `padded` floats apart.
  void (*dotMatrix)(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count, std::size_t padded,
                    float* out);
  // What rounding the elements before they are multiplied costs, as a part of the product of the two norms.
  double matrix_rounding;

  // Which of up to 64 values (at least one) pass: bit i is set unless values[i] is below (above) the limit; NaN passes. Scaled:
  // unless values[i] < limit * scales[i]. The arrays are read up to the next multiple of 16.
  std::uint64_t (*atLeast)(const float* values, std::size_t count, float limit);
  std::uint64_t (*atMost)(const float* values, std::size_t count, float limit);
  std::uint64_t (*atLeastScaled)(const float* values, const float* scales, std::size_t count, float limit);
  // Reads and writes up to the next multiple of 16.
  void (*squareRoots)(const float* values, std::size_t count, float* out);
};
// NOLINTEND(readability-identifier-naming)

// The best that this CPU runs.
const Kernels& kernels();
// All that this CPU runs, for tests and benchmarks.
std::span<const Kernels* const> supportedKernels();

// How far an estimate of dotMatrix may lie from the kernels' dot, as a part of the product of the two norms: both sums are
// within dimension * 2^-24 of the true one (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and before that
// the elements may have been rounded.
inline double matrixErrorBound(const Kernels& use, std::size_t dimension) {
  return 2.1 * static_cast<double>(dimension + 2) / (1 << 24) + use.matrix_rounding;
}

extern const Kernels kBaselineKernels;
#ifdef __x86_64__
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx512Bf16Kernels;  // the same with the matrix product in bfloat16
#endif

}  // namespace trefoil::vector
