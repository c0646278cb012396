// That a wrong order stops the process, in builds that look.
#include "base/lock_order.hpp"

#include <catch2/catch.hpp>
#include <functional>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/gate.hpp"

namespace trefoil {

namespace {

// Whether a process that does this is stopped.
bool stops(const std::function<void()>& what) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
    what();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

}  // namespace

TEST_CASE("locks are taken in their order, and a wrong order stops the process") {
  Gate catalog(1, LockRank::kCatalog);
  Gate first(1, LockRank::kTable, 1);
  Gate second(1, LockRank::kTable, 2);
  Gate database(1, LockRank::kDatabase);
  Gate other(1);
  const auto in_order = [&] {
    const SharedGuard a(catalog);
    LockOrder::take(LockRank::kPartition, 7);
    LockOrder::take(LockRank::kPartition, 9);
    const ExclusiveGuard b(first);
    const SharedGuard c(second);
    const SharedGuard d(database);
    const SharedGuard e(other);
    LockOrder::leave(LockRank::kPartition, 7);  // in any order
    LockOrder::leave(LockRank::kPartition, 9);
  };
  in_order();
  in_order();
  LockOrder::mayWait();
  {
    const SharedGuard held(other);
    LockOrder::mayWait();  // of no rank
  }
#ifdef NDEBUG
  constexpr bool kLooks = false;
#else
  constexpr bool kLooks = true;
#endif
  CHECK(stops([&] {
          const SharedGuard a(second);
          const SharedGuard b(first);
        }) == kLooks);
  CHECK(stops([&] {
          const SharedGuard a(first);
          const SharedGuard b(catalog);
        }) == kLooks);
  CHECK(stops([&] {
          const SharedGuard a(database);
          LockOrder::take(LockRank::kPartition, 0);
        }) == kLooks);
  CHECK(stops([&] {
          const SharedGuard a(first);
          const SharedGuard b(first);
        }) == kLooks);
  CHECK(stops([&] {
          const SharedGuard a(first);
          LockOrder::mayWait();
        }) == kLooks);
  CHECK(stops([&] { LockOrder::leave(LockRank::kTable, 3); }) == kLooks);
  CHECK_FALSE(stops([&] {
    const LockOrder::HoldsAll all;
    const SharedGuard a(first);
    LockOrder::mayWait();
  }));
  CHECK_FALSE(stops(in_order));
}

}  // namespace trefoil
