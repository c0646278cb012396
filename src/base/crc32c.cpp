// Two ways to the same number:
//   hardware  the crc32 instruction, 8 bytes at a time. Its latency is 3 cycles and its throughput 1, so blocks of 3 KiB are
//             taken as three lanes of 1 KiB side by side, and the lanes joined by shifting a checksum over 1 KiB of zero bytes.
//             Shifting is linear over GF(2): one table lookup for each of the checksum's 4 bytes.
//   portable  "slicing by 8" (Kounavis and Berry, 2005): eight tables, one lookup for each of 8 bytes.
#include "base/crc32c.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

static_assert(std::endian::native == std::endian::little, "words are loaded as little-endian numbers");

namespace trefoil {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // bits reflected

constexpr std::uint32_t shiftBits(std::uint32_t crc, unsigned bits) {
  for (unsigned i = 0; i < bits; ++i) {
    crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
  }
  return crc;
}

using SliceTables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: the checksum of byte b followed by k zero bytes.
constexpr SliceTables makeSliceTables() {
  SliceTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    tables[0][byte] = shiftBits(byte, 8);
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr SliceTables kSlice = makeSliceTables();

template <typename Word>
Word load(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

std::uint64_t loadWord(const char* at) {
  return load<std::uint64_t>(at);
}

#if defined(__x86_64__)

constexpr std::size_t kLaneBytes = 1024;

using ShiftTable = std::array<std::array<std::uint32_t, 256>, 4>;

// table[k][b]: a checksum of byte b at position k, moved over one lane of zero bytes.
constexpr ShiftTable makeShiftTable() {
  ShiftTable table{};
  // Basis first (32 single bits), then every byte as a sum of basis elements.
  std::array<std::uint32_t, 32> basis{};
  for (unsigned bit = 0; bit < 32; ++bit) {
    std::uint32_t crc = std::uint32_t{1} << bit;
    for (std::size_t i = 0; i < kLaneBytes; ++i) {
      crc = (crc >> 8) ^ kSlice[0][crc & 0xFF];
    }
    basis[bit] = crc;
  }
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        if (((byte >> bit) & 1) != 0) {
          table[k][byte] ^= basis[8 * k + bit];
        }
      }
    }
  }
  return table;
}

constexpr ShiftTable kShift = makeShiftTable();

std::uint32_t shiftOneLane(std::uint32_t crc) {
  return kShift[0][crc & 0xFF] ^ kShift[1][(crc >> 8) & 0xFF] ^ kShift[2][(crc >> 16) & 0xFF] ^ kShift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) std::uint32_t crc32cHardware(std::string_view bytes, std::uint32_t seed) {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t crc = ~seed;
  while (left >= 3 * kLaneBytes) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (const char* end = at + kLaneBytes; at != end; at += 8) {
      crc = _mm_crc32_u64(crc, loadWord(at));
      second = _mm_crc32_u64(second, loadWord(at + kLaneBytes));
      third = _mm_crc32_u64(third, loadWord(at + 2 * kLaneBytes));
    }
    crc = shiftOneLane(static_cast<std::uint32_t>(crc)) ^ second;
    crc = shiftOneLane(static_cast<std::uint32_t>(crc)) ^ third;
    at += 2 * kLaneBytes;
    left -= 3 * kLaneBytes;
  }
  for (; left >= 8; left -= 8, at += 8) {
    crc = _mm_crc32_u64(crc, loadWord(at));
  }
  auto rest = static_cast<std::uint32_t>(crc);
  if ((left & 4) != 0) {
    rest = _mm_crc32_u32(rest, load<std::uint32_t>(at));
    at += 4;
  }
  if ((left & 2) != 0) {
    rest = _mm_crc32_u16(rest, load<std::uint16_t>(at));
    at += 2;
  }
  if ((left & 1) != 0) {
    rest = _mm_crc32_u8(rest, load<std::uint8_t>(at));
  }
  return ~rest;
}

#endif

using Implementation = std::uint32_t(std::string_view, std::uint32_t);

// The first call chooses; a race between two first calls stores the same pointer twice.
std::uint32_t chooseAndRun(std::string_view bytes, std::uint32_t seed);
constinit std::atomic<Implementation*> implementation{&chooseAndRun};

std::uint32_t chooseAndRun(std::string_view bytes, std::uint32_t seed) {
  Implementation* chosen = &crc32cPortable;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    chosen = &crc32cHardware;
  }
#endif
  implementation.store(chosen, std::memory_order_relaxed);
  return chosen(bytes, seed);
}

}  // namespace

std::uint32_t crc32cPortable(std::string_view bytes, std::uint32_t seed) {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint32_t crc = ~seed;
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = loadWord(at) ^ crc;
    crc = kSlice[7][word & 0xFF] ^ kSlice[6][(word >> 8) & 0xFF] ^ kSlice[5][(word >> 16) & 0xFF] ^
          kSlice[4][(word >> 24) & 0xFF] ^ kSlice[3][(word >> 32) & 0xFF] ^ kSlice[2][(word >> 40) & 0xFF] ^
          kSlice[1][(word >> 48) & 0xFF] ^ kSlice[0][word >> 56];
  }
  for (; left > 0; --left, ++at) {
    crc = (crc >> 8) ^ kSlice[0][(crc ^ static_cast<unsigned char>(*at)) & 0xFF];
  }
  return ~crc;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
  return implementation.load(std::memory_order_relaxed)(bytes, seed);
}

}  // namespace trefoil
