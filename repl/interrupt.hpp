// Ctrl-C in the interactive shell: ends the reading of a line, or asks the statement that runs to stop. SIGTERM and SIGHUP (the
// window is closed) do so, too, and then the shell leaves as by Ctrl-D; a second one ends the process as it stands.
#pragma once

namespace trefoil::repl {

class Backend;

// Catches them for its lifetime, in which they do not end the process. `backend` must outlive it; there is one at a time.
class CaughtInterrupts {
 public:
  explicit CaughtInterrupts(Backend& backend);
  CaughtInterrupts(const CaughtInterrupts&) = delete;
  CaughtInterrupts& operator=(const CaughtInterrupts&) = delete;
  ~CaughtInterrupts();
};
// A descriptor to poll, readable from a Ctrl-C to takeInterrupt(); -1 if none are caught. A signal alone is not enough: it may
// come just before the call that it should end, or to another thread.
int interruptEvent();
// Whether there was a Ctrl-C since the last takeInterrupt(), which forgets it.
bool interruptPending();
// SIGTERM or SIGHUP once it has come, otherwise 0.
int signalToLeave();
bool takeInterrupt();

}  // namespace trefoil::repl
