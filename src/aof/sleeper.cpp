#include "aof/sleeper.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace trefoil::aof {

static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && std::atomic<std::uint32_t>::is_always_lock_free,
              "a futex is a plain word");

void Sleeper::sleep(std::uint32_t ticket, std::int64_t micros) {
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(micros / 1'000'000);
  limit.tv_nsec = static_cast<long>(micros % 1'000'000) * 1000;
  // Whatever it returns (woken, timed out, interrupted, ticket outdated), the caller looks at the world again.
  ::syscall(SYS_futex, &signals_, FUTEX_WAIT_PRIVATE, ticket, micros < 0 ? nullptr : &limit, nullptr, 0);
}

void Sleeper::wake() {
  signals_.fetch_add(1, std::memory_order_seq_cst);
  ::syscall(SYS_futex, &signals_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace trefoil::aof
