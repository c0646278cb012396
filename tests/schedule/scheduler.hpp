// A deterministic scheduler: of all threads of this process one runs at a time, and which one goes on is drawn from a seed at
// each step. The same seed gives the same schedule, and so the same bugs.
//
//   step     where a thread may have to let others go first: mutexes, condition variables, futexes (std::atomic::wait, the log's
//            Sleeper, partition locks), threads' beginnings and ends, sched_yield, sleeps, whatever calls step(): files
//            (stepping_env.hpp) and functions of the product (steps.cpp)
//   block    nobody gives a waiting thread the baton before it was woken, or its time is over
//   time     is virtual: it goes on by a little at each step, and to the next deadline when nobody else can go on
//
// The functions of libc that threads meet in are defined here, and so take the place of libc's in this program, for its libraries
// too; on threads that are not scheduled they are libc's. The product knows nothing of it. What happens between two steps is one
// piece: schedules do not show what a weaker order of memory accesses would.
//
// How often it switches, how long a thread may be held up, and how fast time goes is drawn from the seed, too: some bugs need
// many switches, others a thread that stands still at one place for long.
//
// Thread safety: all functions; what they keep belongs to whoever runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace trefoil::schedule {

struct Plan {
  std::uint64_t seed = 0;
  // So many steps and nobody has come to an end: then somebody waits for what never comes.
  std::uint64_t most_steps = 400'000;
  std::size_t told_steps = 60;  // of the last ones, by a failure
};

// From here on threads are scheduled, this one first. Once in a process, which has no other threads. Signals that end the process
// are failures.
void begin(const Plan& plan);
// Others may go first. `what` is for people, and lives for ever.
void step(const char* what);
// Says why, the seed, the last steps and where every thread is (standard error), and ends the process with kFailed.
[[noreturn]] void fail(const std::string& why);
inline constexpr int kFailed = 3;

// So far.
[[nodiscard]] std::uint64_t steps();
// Of all choices: two runs with the same one were the same.
[[nodiscard]] std::uint64_t fingerprint();

// Breaks a promise of the kernel, for a test of the tests: who waits on a futex does not look whether the word has changed.
void loseWakes();

}  // namespace trefoil::schedule
