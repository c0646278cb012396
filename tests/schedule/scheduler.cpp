#include "tests/schedule/scheduler.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <vector>

namespace trefoil::schedule {
namespace {

constexpr std::int64_t kNever = INT64_MAX;
constexpr std::int64_t kEpochMicros = 1'700'000'000'000'000;  // the wall clock at the beginning
constexpr int kFramesTold = 24;

enum class On : std::uint8_t { kNothing, kMutex, kCondition, kFutex, kEnd, kTime };
constexpr std::array<const char*, 6> kNames = {"nothing", "a mutex", "a condition", "a futex", "a thread's end", "time"};

struct Thread {
  std::size_t number = 0;
  sem_t baton{};
  pthread_t handle{};
  void* (*body)(void*) = nullptr;
  void* argument = nullptr;
  On waits_on = On::kNothing;
  const void* at = nullptr;
  std::int64_t deadline = kNever;
  bool timed_out = false;
  std::uint64_t held_up_until = 0;  // not before this step, if anybody else can go on
  bool is_over = false;
  bool is_told = false;  // it is to say where it is
};

struct Told {
  std::size_t thread;
  const char* what;
};

// What the scheduler knows. Made by begin() and never destroyed: threads may outlive main().
struct World {
  Plan plan;
  std::mt19937_64 random;
  std::uint64_t switch_every = 1;  // steps, on average
  std::uint64_t hold_every = 0;    // switches, on average; 0: never
  std::int64_t tick = 1;           // microseconds a step
  std::vector<std::unique_ptr<Thread>> threads;
  std::uint64_t steps = 0;
  std::int64_t clock = 1'000'000;
  std::uint64_t fingerprint = 14695981039346656037U;
  std::deque<Told> last;
  unsigned uninterrupted = 0;  // inside something of libc's that others would wait for in ways that we do not see
  bool loses_wakes = false;
  bool has_failed = false;
  sem_t told{};
};

World* world = nullptr;
thread_local constinit Thread* self = nullptr;

bool isScheduled() {
  return self != nullptr;
}

std::uint64_t draw(std::uint64_t below) {
  return world->random() % below;
}

void post(sem_t& semaphore) {
  sem_post(&semaphore);
}
void await(sem_t& semaphore) {
  while (sem_wait(&semaphore) != 0) {
  }
}

void tellWhereIAm() {
  std::array<void*, kFramesTold> frames{};
  const int count = backtrace(frames.data(), kFramesTold);
  std::fprintf(stderr, "  thread %zu waits on %s\n", self->number, kNames[static_cast<std::size_t>(self->waits_on)]);
  backtrace_symbols_fd(frames.data(), count, STDERR_FILENO);
}

// The thread that gets the baton next, or null if nobody can go on, ever.
Thread* choose(bool leave_me) {
  World& w = *world;
  for (;;) {
    std::array<Thread*, 64> able{};
    std::size_t count = 0;
    Thread* held_up = nullptr;
    Thread* sleeper = nullptr;
    for (const std::unique_ptr<Thread>& thread : w.threads) {
      if (thread->is_over) {
        continue;
      }
      if (thread->waits_on != On::kNothing && thread->deadline <= w.clock) {
        thread->waits_on = On::kNothing;
        thread->timed_out = true;
      }
      if (thread->waits_on != On::kNothing) {
        sleeper =
            thread->deadline != kNever && (sleeper == nullptr || thread->deadline < sleeper->deadline) ? thread.get() : sleeper;
      } else if (thread->held_up_until > w.steps || (leave_me && thread.get() == self)) {
        held_up = held_up == nullptr || thread->held_up_until < held_up->held_up_until ? thread.get() : held_up;
      } else if (count < able.size()) {
        able[count++] = thread.get();
      }
    }
    if (count != 0) {
      return able[draw(count)];
    }
    if (held_up != nullptr) {
      return held_up;
    }
    if (sleeper == nullptr) {
      return nullptr;
    }
    w.clock = sleeper->deadline;
  }
}

void awaitTurn() {
  await(self->baton);
  while (self->is_told) {
    tellWhereIAm();
    self->is_told = false;
    post(world->told);
    await(self->baton);
  }
}

// Goes on with whoever it is, and returns when this thread is the one again.
void handOver(Thread* next) {
  World& w = *world;
  if (next == nullptr) {
    fail("deadlock: nobody can go on");
  }
  w.fingerprint = (w.fingerprint ^ (next->number + (w.steps << 8))) * 1099511628211U;
  if (next == self) {
    return;
  }
  post(next->baton);
  if (self->is_over) {
    return;
  }
  awaitTurn();
}

void count(const char* what) {
  World& w = *world;
  w.clock += w.tick;
  if (++w.steps > w.plan.most_steps) {
    w.plan.most_steps = UINT64_MAX;
    fail("no end after " + std::to_string(w.steps) + " steps");
  }
  w.last.push_back({self->number, what});
  if (w.last.size() > w.plan.told_steps) {
    w.last.pop_front();
  }
}

void letOthers(const char* what, bool leave_me) {
  World& w = *world;
  if (w.uninterrupted != 0) {
    return;
  }
  count(what);
  if (!leave_me && draw(w.switch_every) != 0) {
    return;
  }
  if (w.hold_every != 0 && draw(w.hold_every) == 0) {
    self->held_up_until = w.steps + 1 + draw(512);
  }
  handOver(choose(leave_me));
}

// False if the time was over before anybody woke this thread.
bool block(const char* what, On on, const void* at, std::int64_t deadline) {
  if (world->uninterrupted != 0) {
    fail("a thread waits within something that must not be interrupted");
  }
  count(what);
  self->waits_on = on;
  self->at = at;
  self->deadline = deadline;
  self->timed_out = false;
  handOver(choose(false));
  return !self->timed_out;
}

// Up to so many of those that wait there, any of them. Returns how many.
int wake(On on, const void* at, int most) {
  std::vector<Thread*> waiting;
  for (const std::unique_ptr<Thread>& thread : world->threads) {
    if (thread->waits_on == on && thread->at == at) {
      waiting.push_back(thread.get());
    }
  }
  int woken = 0;
  for (; woken < most && !waiting.empty(); ++woken) {
    const std::size_t which = draw(waiting.size());
    waiting[which]->waits_on = On::kNothing;
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(which));
  }
  return woken;
}

std::int64_t microsOf(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + (time.tv_nsec + 999) / 1000;
}
std::int64_t offsetOf(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? kEpochMicros : 0;
}

// The first thread-local object of a scheduled thread, and so the last to go: what the others do on their way out is scheduled.
struct LastRites {
  LastRites() = default;
  LastRites(const LastRites&) = delete;
  LastRites& operator=(const LastRites&) = delete;
  ~LastRites() {
    count("thread ends");
    self->is_over = true;
    wake(On::kEnd, self, INT_MAX);
    handOver(choose(true));
    self = nullptr;
  }
};

void* runThread(void* thread) {
  thread_local LastRites rites;
  self = static_cast<Thread*>(thread);
  awaitTurn();
  return self->body(self->argument);
}

Thread& addThread() {
  World& w = *world;
  w.threads.push_back(std::make_unique<Thread>());
  Thread& thread = *w.threads.back();
  thread.number = w.threads.size() - 1;
  sem_init(&thread.baton, 0, 0);
  return thread;
}

void onSignal(int signal) {
  if (signal == SIGALRM) {
    constexpr char kWhy[] = "a thread waits in the kernel, or goes round without a step\n";
    (void)!::write(STDERR_FILENO, kWhy, sizeof kWhy - 1);
    std::array<void*, kFramesTold> frames{};
    backtrace_symbols_fd(frames.data(), backtrace(frames.data(), kFramesTold), STDERR_FILENO);
    ::_exit(kFailed);
  }
  fail("signal " + std::to_string(signal));
}

}  // namespace

void begin(const Plan& plan) {
  world = new World;  // NOLINT: see there
  world->plan = plan;
  world->random.seed(plan.seed * 0x9E3779B97F4A7C15U + 1);
  constexpr std::array<std::uint64_t, 5> kSwitches = {1, 2, 4, 12, 40};
  constexpr std::array<std::uint64_t, 4> kHolds = {0, 8, 32, 128};
  constexpr std::array<std::int64_t, 4> kTicks = {1, 20, 300, 3000};
  world->switch_every = kSwitches[draw(kSwitches.size())];
  world->hold_every = kHolds[draw(kHolds.size())];
  world->tick = kTicks[draw(kTicks.size())];
  sem_init(&world->told, 0, 0);
  std::array<void*, 1> frame{};
  backtrace(frame.data(), 1);  // loads what it needs
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}) {
    ::signal(signal, onSignal);
  }
  self = &addThread();
}

void step(const char* what) {
  if (isScheduled()) {
    letOthers(what, false);
  }
}

void fail(const std::string& why) {
  World& w = *world;
  if (w.has_failed) {
    ::_exit(kFailed);
  }
  w.has_failed = true;
  w.uninterrupted = 1;
  std::fprintf(stderr, "seed %llu, step %llu, at %lld us, thread %zu: %s\n", static_cast<unsigned long long>(w.plan.seed),
               static_cast<unsigned long long>(w.steps), static_cast<long long>(w.clock), self->number, why.c_str());
  for (const Told& told : w.last) {
    std::fprintf(stderr, "  thread %zu: %s\n", told.thread, told.what);
  }
  tellWhereIAm();
  for (const std::unique_ptr<Thread>& thread : w.threads) {
    if (thread.get() != self && !thread->is_over) {
      thread->is_told = true;
      post(thread->baton);
      await(w.told);
    }
  }
  ::_exit(kFailed);
}

std::uint64_t steps() {
  return world->steps;
}
std::uint64_t fingerprint() {
  return world->fingerprint;
}
void loseWakes() {
  world->loses_wakes = true;
}

}  // namespace trefoil::schedule

// ------------------------------------------------------------------------------------------------------- in the place of libc's

namespace {

using namespace trefoil::schedule;  // NOLINT: of this file alone

// The function that ours has taken the place of.
template <typename Function>
Function* libcs(Function*& known, const char* name) {
  if (known == nullptr) {
    known = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  }
  return known;
}
#define LIBCS(name)                                     \
  ([] {                                                 \
    static constinit decltype(&::name) known = nullptr; \
    return libcs(known, #name);                         \
  }())  // NOLINT

int waitOn(pthread_cond_t* condition, pthread_mutex_t* mutex, std::int64_t deadline) {
  LIBCS(pthread_mutex_unlock)(mutex);
  wake(On::kMutex, mutex, INT_MAX);
  const bool woken = block("wait", On::kCondition, condition, deadline);
  while (LIBCS(pthread_mutex_trylock)(mutex) == EBUSY) {
    block("lock after a wait", On::kMutex, mutex, kNever);
  }
  return woken ? 0 : ETIMEDOUT;
}

long futex(const std::uint32_t* word, int operation, std::uint32_t value, const timespec* time) {
  const int what = operation & FUTEX_CMD_MASK;
  if (what == FUTEX_WAKE || what == FUTEX_WAKE_BITSET) {
    // No step if nobody waits: whether it is called at all may depend on addresses.
    const int woken = wake(On::kFutex, word, static_cast<int>(value));
    if (woken != 0) {
      letOthers("futex wake", false);
    }
    return woken;
  }
  if (what != FUTEX_WAIT && what != FUTEX_WAIT_BITSET) {
    fail("a futex operation that is not known here: " + std::to_string(what));
  }
  letOthers("before a futex wait", false);
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value && !world->loses_wakes) {
    errno = EAGAIN;
    return -1;
  }
  std::int64_t deadline = kNever;
  if (time != nullptr) {
    const bool absolute = what == FUTEX_WAIT_BITSET;
    const clockid_t clock = (operation & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    deadline = absolute ? microsOf(*time) - offsetOf(clock) : world->clock + microsOf(*time);
  }
  if (!block("futex wait", On::kFutex, word, deadline)) {
    errno = ETIMEDOUT;
    return -1;
  }
  return 0;
}

void sleepUntil(std::int64_t deadline) {
  block("sleep", On::kTime, nullptr, deadline);
}

}  // namespace

extern "C" {  // NOLINTBEGIN: names and parameters are libc's

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  if (!isScheduled()) {
    return LIBCS(pthread_mutex_lock)(mutex);
  }
  letOthers("lock", false);
  int result = 0;
  while ((result = LIBCS(pthread_mutex_trylock)(mutex)) == EBUSY) {
    block("wait for a lock", On::kMutex, mutex, kNever);
  }
  return result;
}

int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  step("try to lock");
  return LIBCS(pthread_mutex_trylock)(mutex);
}

int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  const int result = LIBCS(pthread_mutex_unlock)(mutex);
  if (isScheduled()) {
    wake(On::kMutex, mutex, INT_MAX);
    letOthers("unlocked", false);
  }
  return result;
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return isScheduled() ? waitOn(condition, mutex, kNever) : LIBCS(pthread_cond_wait)(condition, mutex);
}
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  return isScheduled() ? waitOn(condition, mutex, microsOf(*until) - offsetOf(CLOCK_REALTIME))
                       : LIBCS(pthread_cond_timedwait)(condition, mutex, until);
}
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until) {
  return isScheduled() ? waitOn(condition, mutex, microsOf(*until) - offsetOf(clock))
                       : LIBCS(pthread_cond_clockwait)(condition, mutex, clock, until);
}
int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  if (!isScheduled()) {
    return LIBCS(pthread_cond_signal)(condition);
  }
  wake(On::kCondition, condition, 1);
  letOthers("signal", false);
  return 0;
}
int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  if (!isScheduled()) {
    return LIBCS(pthread_cond_broadcast)(condition);
  }
  wake(On::kCondition, condition, INT_MAX);
  letOthers("broadcast", false);
  return 0;
}

int pthread_create(pthread_t* handle, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) noexcept {
  if (!isScheduled()) {
    return LIBCS(pthread_create)(handle, attributes, body, argument);
  }
  Thread& thread = addThread();
  thread.body = body;
  thread.argument = argument;
  const int result = LIBCS(pthread_create)(&thread.handle, attributes, runThread, &thread);
  *handle = thread.handle;
  thread.is_over = result != 0;
  letOthers("made a thread", false);
  return result;
}
int pthread_join(pthread_t handle, void** value) {
  if (isScheduled()) {
    letOthers("join", false);
    const auto still = [&](const std::unique_ptr<Thread>& thread) {
      return pthread_equal(thread->handle, handle) != 0 && !thread->is_over;
    };
    for (auto found = std::ranges::find_if(world->threads, still); found != world->threads.end();
         found = std::ranges::find_if(world->threads, still)) {
      block("wait for a thread's end", On::kEnd, found->get(), kNever);
    }
  }
  return LIBCS(pthread_join)(handle, value);
}
int pthread_once(pthread_once_t* once, void (*body)()) {
  if (!isScheduled()) {
    return LIBCS(pthread_once)(once, body);
  }
  ++world->uninterrupted;
  const int result = LIBCS(pthread_once)(once, body);
  --world->uninterrupted;
  return result;
}

int sched_yield() noexcept {
  if (isScheduled()) {
    letOthers("yield", true);
    return 0;
  }
  return LIBCS(sched_yield)();
}

int nanosleep(const timespec* time, timespec* left) {
  if (!isScheduled()) {
    return LIBCS(nanosleep)(time, left);
  }
  sleepUntil(world->clock + microsOf(*time));
  return 0;
}
int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  if (!isScheduled()) {
    return LIBCS(clock_nanosleep)(clock, flags, time, left);
  }
  sleepUntil((flags & TIMER_ABSTIME) != 0 ? microsOf(*time) - offsetOf(clock) : world->clock + microsOf(*time));
  return 0;
}
int usleep(useconds_t micros) {
  if (!isScheduled()) {
    return LIBCS(usleep)(micros);
  }
  sleepUntil(world->clock + micros);
  return 0;
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (!isScheduled() || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID) {
    return LIBCS(clock_gettime)(clock, time);
  }
  const std::int64_t now = world->clock + offsetOf(clock);
  time->tv_sec = now / 1'000'000;
  time->tv_nsec = now % 1'000'000 * 1000;
  return 0;
}

long syscall(long number, ...) noexcept {
  std::array<long, 6> arguments{};
  va_list list;
  va_start(list, number);
  for (long& argument : arguments) {
    argument = va_arg(list, long);
  }
  va_end(list);
  if (number == SYS_futex && isScheduled()) {
    return futex(reinterpret_cast<const std::uint32_t*>(arguments[0]), static_cast<int>(arguments[1]),
                 static_cast<std::uint32_t>(arguments[2]), reinterpret_cast<const timespec*>(arguments[3]));
  }
  return LIBCS(syscall)(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

}  // NOLINTEND
