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

// ---- the matrix product in bfloat16 ----
//
// Twice the multiplications of float32. Rows are packed in tiles of 64, pair of elements by pair, so that one register holds the
// same pair of 16 rows and is multiplied with a query's pair in all lanes; six queries by 64 rows have their sums in 24
// registers. Long vectors go in pieces of kPiecePairs pairs.

#define TREFOIL_BF16 __attribute__((target("avx512bf16")))

constexpr std::size_t kPiecePairs = 128;
constexpr std::size_t kTileRows = 64;
constexpr std::size_t kTileQueries = 6;
constexpr std::size_t kPackedQueries = 192;  // 96 KiB: with a tile of rows and the sums they stay in L2

// 32 floats as 16 pairs; what lies behind `count` (0, 16 or 32) is zero.
TREFOIL_BF16 inline __m512i toPairs(const float* from, std::size_t count) {
  const __m512 low = count >= 16 ? _mm512_loadu_ps(from) : _mm512_setzero_ps();
  const __m512 high = count >= 32 ? _mm512_loadu_ps(from + 16) : _mm512_setzero_ps();
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

inline std::size_t atMost32(std::size_t from, std::size_t end) {
  return from >= end ? 0 : end - from < 32 ? end - from : 32;
}

// Four registers of four 32-bit lanes each, in every 128-bit part: rows become columns.
inline void transpose4(__m512i* r) {
  const __m512i t0 = _mm512_unpacklo_epi32(r[0], r[1]);
  const __m512i t1 = _mm512_unpackhi_epi32(r[0], r[1]);
  const __m512i t2 = _mm512_unpacklo_epi32(r[2], r[3]);
  const __m512i t3 = _mm512_unpackhi_epi32(r[2], r[3]);
  r[0] = _mm512_unpacklo_epi64(t0, t2);
  r[1] = _mm512_unpackhi_epi64(t0, t2);
  r[2] = _mm512_unpacklo_epi64(t1, t3);
  r[3] = _mm512_unpackhi_epi64(t1, t3);
}

// 16 registers of 16 lanes: rows become columns.
inline void transpose16(__m512i* r) {
  for (std::size_t i = 0; i < 16; i += 4) {
    transpose4(r + i);
  }
  __m512i columns[16];
  for (std::size_t i = 0; i < 4; ++i) {
    const __m512i a = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    const __m512i b = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    const __m512i c = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
    const __m512i d = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
    columns[i] = _mm512_shuffle_i32x4(a, b, 0x88);
    columns[i + 4] = _mm512_shuffle_i32x4(c, d, 0x88);
    columns[i + 8] = _mm512_shuffle_i32x4(a, b, 0xDD);
    columns[i + 12] = _mm512_shuffle_i32x4(c, d, 0xDD);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    r[i] = columns[i];
  }
}

// packed[pair][row], elements from … end - 1 of the tile's rows; rows that are not there are zero.
TREFOIL_BF16 inline void packRows(const float* rows, std::size_t count, std::size_t padded, std::size_t from, std::size_t end,
                                  std::uint32_t* packed) {
  for (std::size_t first = 0; first < kTileRows; first += 16) {
    for (std::size_t i = from; i < end; i += 32) {
      __m512i block[16];
      for (std::size_t r = 0; r < 16; ++r) {
        block[r] = first + r < count ? toPairs(rows + (first + r) * padded + i, atMost32(i, end)) : _mm512_setzero_si512();
      }
      transpose16(block);
      for (std::size_t p = 0; p < 16; ++p) {
        _mm512_storeu_si512(packed + ((i - from) / 2 + p) * kTileRows + first, block[p]);
      }
    }
  }
}

// out[q][row] (+)= six queries by 64 rows; `pairs` is a multiple of 16.
TREFOIL_BF16 inline void multiplyTile(const std::uint32_t* const* queries, std::size_t query_count, const std::uint32_t* rows,
                                      std::size_t row_count, std::size_t pairs, bool add_to, float* out, std::size_t out_stride) {
  __m512 sums[kTileQueries][4] = {};
  for (std::size_t p = 0; p < pairs; ++p) {
    __m512i row[4];
    for (std::size_t v = 0; v < 4; ++v) {
      row[v] = _mm512_loadu_si512(rows + p * kTileRows + v * 16);
    }
    for (std::size_t q = 0; q < kTileQueries; ++q) {
      const __m512i pair = _mm512_set1_epi32(static_cast<int>(queries[q][p]));
      for (std::size_t v = 0; v < 4; ++v) {
        sums[q][v] = _mm512_dpbf16_ps(sums[q][v], (__m512bh)row[v], (__m512bh)pair);
      }
    }
  }
  for (std::size_t q = 0; q < query_count; ++q) {
    for (std::size_t v = 0; v < 4; ++v) {
      if (v * 16 >= row_count) {
        break;
      }
      const std::size_t left = row_count - v * 16;
      const auto mask = static_cast<__mmask16>(left >= 16 ? 0xFFFF : (1U << left) - 1);
      float* const to = out + q * out_stride + v * 16;
      const __m512 before = add_to ? _mm512_maskz_loadu_ps(mask, to) : _mm512_setzero_ps();
      _mm512_mask_storeu_ps(to, mask, _mm512_add_ps(before, sums[q][v]));
    }
  }
}

// Elements 0 … count - 1 of the rows begin … end - 1.
inline void prefetchRows(const float* rows, std::size_t begin, std::size_t end, std::size_t padded, std::size_t count) {
  for (std::size_t r = begin; r < end; ++r) {
    prefetchRow(rows + r * padded, count);
  }
}

TREFOIL_BF16 void dotMatrixBf16(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count,
                                std::size_t padded, float* out) {
  alignas(64) std::uint32_t packed_queries[kPackedQueries * kPiecePairs];
  alignas(64) std::uint32_t packed_rows[kPiecePairs * kTileRows];
  for (std::size_t from = 0; from < padded; from += 2 * kPiecePairs) {
    const std::size_t end = padded - from < 2 * kPiecePairs ? padded : from + 2 * kPiecePairs;
    const std::size_t pairs = (end - from + 31) / 32 * 16;
    for (std::size_t q0 = 0; q0 < query_count; q0 += kPackedQueries) {
      const std::size_t some = query_count - q0 < kPackedQueries ? query_count - q0 : kPackedQueries;
      for (std::size_t q = 0; q < some; ++q) {
        for (std::size_t i = from; i < end; i += 32) {
          _mm512_storeu_si512(packed_queries + q * kPiecePairs + (i - from) / 2,
                              toPairs(queries + (q0 + q) * padded + i, atMost32(i, end)));
        }
      }
      for (std::size_t r0 = 0; r0 < row_count; r0 += kTileRows) {
        const std::size_t tile_rows = row_count - r0 < kTileRows ? row_count - r0 : kTileRows;
        packRows(rows + r0 * padded, tile_rows, padded, from, end, packed_rows);
        const std::size_t next_rows = row_count - r0 - tile_rows < kTileRows ? row_count - r0 - tile_rows : kTileRows;
        for (std::size_t q = 0; q < some; q += kTileQueries) {
          // A part of the next tile's rows with each tile of queries: reading memory and multiplying go on at once.
          prefetchRows(rows + (r0 + tile_rows) * padded + from, next_rows * q / some,
                       next_rows * (q + kTileQueries < some ? q + kTileQueries : some) / some, padded, end - from);
          const std::size_t tile_queries = some - q < kTileQueries ? some - q : kTileQueries;
          const std::uint32_t* pointers[kTileQueries];
          for (std::size_t i = 0; i < kTileQueries; ++i) {  // the last stands in for what is not there
            pointers[i] = packed_queries + (q + (i < tile_queries ? i : tile_queries - 1)) * kPiecePairs;
          }
          multiplyTile(pointers, tile_queries, packed_rows, tile_rows, pairs, from > 0, out + (q0 + q) * row_count + r0,
                       row_count);
        }
      }
    }
  }
}

}  // namespace

const Kernels kAvx512Kernels = {"avx512",          pair<Dot>,      pair<SquaredL2>,
                                run<Dot>,          run<SquaredL2>, gather<Dot>,
                                gather<SquaredL2>, dotBytesGather, dotHalvesGather,
                                signBytes,         widenHalves,    encodeBytes,
                                hadamard,          dotMatrix,      0,
                                atLeast,           atMost,         atLeastScaled,
                                squareRoots};
// Rounding to eight bits is off by at most 2^-8 of each factor.
const Kernels kAvx512Bf16Kernels = {"avx512bf16",      pair<Dot>,      pair<SquaredL2>, run<Dot>,  run<SquaredL2>, gather<Dot>,
                                    gather<SquaredL2>, dotBytesGather, dotHalvesGather, signBytes, widenHalves,    encodeBytes,
                                    hadamard,          dotMatrixBf16,  0x1.02p-7,       atLeast,   atMost,         atLeastScaled,
                                    squareRoots};

}  // namespace trefoil::vector
#endif
