#include "tests/schedule/seeds.hpp"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/logging.hpp"

namespace trefoil::schedule {
namespace {

constexpr unsigned kSecondsUntilHung = 300;  // of a process in which nothing happens any more

// What a process says at its end if all was well.
struct Message {
  std::uint64_t steps;
  std::uint64_t fingerprint;
};

struct Running {
  std::uint64_t seed;
  pid_t process;
  int pipe;
};

std::vector<int> processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  TREFOIL_ASSERT(::sched_getaffinity(0, sizeof set, &set) == 0);
  std::vector<int> numbers;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) {
      numbers.push_back(i);
    }
  }
  return numbers;
}

// As one thread runs at a time, they are quickest on one processor.
[[noreturn]] void run(std::uint64_t seed, int processor, int pipe, const Scenario& scenario) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  (void)::sched_setaffinity(0, sizeof set, &set);
  ::dup2(pipe, STDERR_FILENO);
  ::alarm(kSecondsUntilHung);
  setLogLevel(LogLevel::kNothing);
  begin({.seed = seed});
  scenario(seed);
  const Message message{.steps = steps(), .fingerprint = fingerprint()};
  TREFOIL_ASSERT(::write(pipe, &message, sizeof message) == sizeof message);
  ::_exit(0);
}

Running start(std::uint64_t seed, int processor, const Scenario& scenario) {
  std::array<int, 2> ends{};
  TREFOIL_ASSERT(::pipe(ends.data()) == 0);
  const pid_t process = ::fork();
  TREFOIL_ASSERT(process >= 0);
  if (process == 0) {
    run(seed, processor, ends[1], scenario);
  }
  ::close(ends[1]);
  return {.seed = seed, .process = process, .pipe = ends[0]};
}

Outcome await(const Running& running) {
  Outcome outcome{.seed = running.seed};
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(running.pipe, buffer.data(), buffer.size())) > 0;) {
    outcome.report.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(running.pipe);
  int status = 0;
  TREFOIL_ASSERT(::waitpid(running.process, &status, 0) == running.process);
  outcome.held = WIFEXITED(status) && WEXITSTATUS(status) == 0 && outcome.report.size() == sizeof(Message);
  if (outcome.held) {
    Message message{};
    std::memcpy(&message, outcome.report.data(), sizeof message);
    outcome.steps = message.steps;
    outcome.fingerprint = message.fingerprint;
    outcome.report.clear();
  }
  return outcome;
}

}  // namespace

std::vector<Outcome> runSeeds(std::uint64_t first, std::uint64_t count, bool stops_at_failure, const Scenario& scenario) {
  const std::vector<int> numbers = processors();
  const std::uint64_t at_a_time = 2 * numbers.size();
  std::vector<Outcome> outcomes;
  for (std::uint64_t begun = 0; begun < count;) {
    std::vector<Running> running;
    for (; begun < count && running.size() < at_a_time; ++begun) {
      running.push_back(start(first + begun, numbers[begun % numbers.size()], scenario));
    }
    for (const Running& one : running) {
      outcomes.push_back(await(one));
    }
    if (stops_at_failure && !std::ranges::all_of(outcomes, &Outcome::held)) {
      break;
    }
  }
  return outcomes;
}

}  // namespace trefoil::schedule
