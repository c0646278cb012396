// Sleeper: one thread sleeps on a futex, others wake it. A wake between prepare() and sleep() is never lost.
#pragma once

#include <atomic>
#include <cstdint>

namespace trefoil::aof {

class Sleeper {
 public:
  // A ticket; take it before looking whether there is a reason to stay awake.
  [[nodiscard]] std::uint32_t prepare() const { return signals_.load(std::memory_order_seq_cst); }
  // Returns at once if wake() was called since prepare(), else when it is called or the time is over. Negative: no limit.
  void sleep(std::uint32_t ticket, std::int64_t micros);
  void wake();

 private:
  std::atomic<std::uint32_t> signals_{0};
};

}  // namespace trefoil::aof
