// The loops that everyone would write, as the compiler turns them into this CPU's instructions: at -O3, and with reassociation
// allowed (bench/CMakeLists.txt), without which the sum stays scalar and the comparison is too easy.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trefoil::bench {

// The dot product in three lines.
float plainDot(const float* left, const float* right, std::size_t dimension);
// Reads the bytes, in words of four, and adds them up: as fast as the machine gives them to one thread.
std::uint64_t readAll(const void* bytes, std::size_t size);

}  // namespace trefoil::bench
