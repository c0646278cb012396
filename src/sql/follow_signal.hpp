// FollowSignal: wakes whoever keeps the vector indexes in step with their tables (vector_index.hpp) when there is something to
// do.
//
// Raised behind the note that it tells of; lowered before the notes are read. Both change the same word, so whoever lowers it
// sees the notes of all who had raised it, and whoever comes later raises it again.
//
// Thread safety: raise() by anybody, await() by one thread.
#pragma once

#include <atomic>

namespace trefoil::sql {

class FollowSignal {
 public:
  void raise() {
    if (raised_.exchange(1, std::memory_order_acq_rel) == 0) {
      raised_.notify_one();
    }
  }
  // Blocks until it is raised (a new one is), and lowers it.
  void await() {
    raised_.wait(0, std::memory_order_relaxed);
    raised_.exchange(0, std::memory_order_acq_rel);
  }

 private:
  std::atomic<int> raised_{1};
};

}  // namespace trefoil::sql
