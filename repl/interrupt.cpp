#include "repl/interrupt.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

#include "repl/backend.hpp"

namespace trefoil::repl {
namespace {

int interrupt_event = -1;
std::atomic<Backend*> running = nullptr;

volatile std::sig_atomic_t signal_to_leave = 0;

void onInterrupt(int signal) {
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t wrote = ::write(interrupt_event, &one, sizeof one);
  if (signal != SIGINT) {
    signal_to_leave = signal;
  }
  running.load()->cancel();
  errno = saved;
}

}  // namespace

CaughtInterrupts::CaughtInterrupts(Backend& backend) {
  interrupt_event = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  running.store(&backend);
  struct sigaction action {};
  action.sa_handler = onInterrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  action.sa_flags |= static_cast<int>(SA_RESETHAND);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);
}

CaughtInterrupts::~CaughtInterrupts() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    std::signal(signal, SIG_DFL);
  }
  running.store(nullptr);
  ::close(std::exchange(interrupt_event, -1));
}

int interruptEvent() {
  return interrupt_event;
}

int signalToLeave() {
  return signal_to_leave;
}

bool interruptPending() {
  pollfd event{interrupt_event, POLLIN, 0};
  return interrupt_event >= 0 && ::poll(&event, 1, 0) > 0;
}

bool takeInterrupt() {
  std::uint64_t count = 0;
  return interrupt_event >= 0 && ::read(interrupt_event, &count, sizeof count) > 0;
}

}  // namespace trefoil::repl
