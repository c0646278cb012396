// A cache line for writing: __builtin_prefetch() takes it for reading on a baseline x86-64, so the first write has to wait for it
// once more.
#pragma once

namespace trefoil {

// Asks for the line of `at` for this CPU alone, without waiting. Without effect where the CPU cannot.
inline void prefetchForWrite(const void* at) {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}

}  // namespace trefoil
