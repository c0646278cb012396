// The program's allocator is jemalloc: it returns memory that is not used to the system within seconds, by a thread of its own,
// which glibc's does only at the ends of its heaps. The library leaves the choice to the program that embeds it.
#include "repl/allocator.hpp"

#ifdef TREFOIL_JEMALLOC
#include <jemalloc/jemalloc.h>

#include "base/memory_reserve.hpp"

#define STRINGIFY_NUMBER(x) #x
#define STRINGIFY(x) STRINGIFY_NUMBER(x)

// Read when the first block is allocated; MALLOC_CONF in the environment adds to it. Very large blocks go back to the system at
// once, as jemalloc does by itself: kept for a second, they use up what a process may have, and then threads crash that begin.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,retain:false";
}
#endif

namespace trefoil::repl {

// A thread that begins when the system refuses memory crashes in jemalloc 5.3 if its arena has yet to be made
// (tcache_arena_associate); so all of them are.
void prepareAllocator() {
#ifdef TREFOIL_JEMALLOC
  unsigned arenas = 0;
  unsigned mine = 0;
  std::size_t size = sizeof arenas;
  if (mallctl("opt.narenas", &arenas, &size, nullptr, 0) != 0 || mallctl("thread.arena", &mine, &size, nullptr, 0) != 0) {
    return;
  }
  for (unsigned arena = 0; arena < arenas; ++arena) {
    mallctl("thread.arena", nullptr, nullptr, &arena, sizeof arena);
  }
  mallctl("thread.arena", nullptr, nullptr, &mine, sizeof mine);
  // What one arena keeps is of no use to threads of another.
  memory_reserve::setPurge([] { mallctl("arena." STRINGIFY(MALLCTL_ARENAS_ALL) ".purge", nullptr, nullptr, nullptr, 0); });
#endif
}

}  // namespace trefoil::repl
