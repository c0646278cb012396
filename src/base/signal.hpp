// Signal: wakes one thread when there is something to do.
//
// Raised behind the change that it tells of; lowered before the changes are looked at. Both change the same word, so whoever
// lowers it sees the changes of all who had raised it, and whoever comes later raises it again.
//
// Thread safety: raise() by anybody, await() by one thread.
#pragma once

#include <atomic>

namespace trefoil {

class Signal {
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

}  // namespace trefoil
