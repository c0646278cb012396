// The hash of keys and of collection members: 64 bits, seeded, so that nobody can choose keys that collide.
//
// Multiply-and-fold of 16 bytes at a time, after wyhash / rapidhash (public domain): mum(a, b) is the xor of the two halves of
// the 128-bit product. Every bit of the result depends on every byte, so all of them may serve: the upper ones as place in the
// keyspace, the lower ones as tag.
// Persistence: the order of SCAN and of large hashes and sets follows from it; the seed is kept with the data.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace trefoil::kv {

namespace hash_detail {

__extension__ using Uint128 = unsigned __int128;

inline std::uint64_t mum(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
inline std::uint64_t read8(const char* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, 8);
  return value;
}
inline std::uint64_t read4(const char* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, 4);
  return value;
}
// 1 to 3 bytes: first, middle and last.
inline std::uint64_t readUpTo3(const char* at, std::size_t size) {
  const auto byte = [at](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])); };
  return (byte(0) << 16) | (byte(size >> 1) << 8) | byte(size - 1);
}

inline constexpr std::uint64_t kSecret0 = 0xA0761D6478BD642FULL;
inline constexpr std::uint64_t kSecret1 = 0xE7037ED1A0B428DBULL;
inline constexpr std::uint64_t kSecret2 = 0x8EBC6AF09C88C6E3ULL;

// Both ends of what is left, mixed into what came before.
inline std::uint64_t finish(std::uint64_t a, std::uint64_t b, std::uint64_t state, std::size_t size) {
  return mum(kSecret1 ^ size, mum(a ^ kSecret1, b ^ state));
}
// Of any size but 8 to 16.
[[gnu::noinline]] inline std::uint64_t hashOther(const char* at, std::size_t size, std::uint64_t state) {
  if (size < 8) {
    return size >= 4  ? finish(read4(at), read4(at + size - 4), state, size)
           : size > 0 ? finish(readUpTo3(at, size), 0, state, size)
                      : finish(0, 0, state, size);
  }
  std::size_t left = size;
  if (left > 32) {  // two lanes
    std::uint64_t other = state;
    do {
      state = mum(read8(at) ^ kSecret1, read8(at + 8) ^ state);
      other = mum(read8(at + 16) ^ kSecret2, read8(at + 24) ^ other);
      at += 32;
      left -= 32;
    } while (left > 32);
    state ^= other;
  }
  if (left > 16) {
    state = mum(read8(at) ^ kSecret1, read8(at + 8) ^ state);
    at += 16;
    left -= 16;
  }
  // May reach back into what was read: there are more than 16 bytes.
  return finish(read8(at + left - 16), read8(at + left - 8), state, size);
}

}  // namespace hash_detail

// Keys of 8 to 16 bytes are common: two multiplications, and no call.
[[gnu::always_inline]] inline std::uint64_t hashBytes(std::string_view bytes, std::uint64_t seed) {
  using namespace hash_detail;
  const std::uint64_t state = seed ^ kSecret0;
  const std::size_t size = bytes.size();
  if (size < 8 || size > 16) {
    return hashOther(bytes.data(), size, state);
  }
  return finish(read8(bytes.data()), read8(bytes.data() + size - 8), state, size);
}

}  // namespace trefoil::kv
