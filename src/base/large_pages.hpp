// Large pages for large blocks: whoever fills a fresh block of 512 MB meets a page fault for each 2 MB instead of for each 4 KB,
// and those faults are most of what a block costs that is filled once (madvise(2), MADV_HUGEPAGE).
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace trefoil {

// A hint about a block that was just allocated, and is about to be filled; smaller ones are left as they are. Thread safety: any.
inline void preferLargePages(void* block, std::size_t bytes) {
  constexpr std::size_t kMinBytes = std::size_t{8} << 20;
  constexpr std::uintptr_t kLargePage = std::uintptr_t{2} << 20;
  if (bytes < kMinBytes) [[likely]] {
    return;
  }
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  const std::uintptr_t begin = (address + kLargePage - 1) & ~(kLargePage - 1);
  const std::uintptr_t end = (address + bytes) & ~(kLargePage - 1);
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // refused: it is filled all the same
}

}  // namespace trefoil
