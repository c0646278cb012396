// Wait: how a handler ends that has nothing to answer yet. The session waits then, without a thread and without a lock, until
// somebody makes one of its keys ready (kv/waiting.hpp), time passes, or its wait is ended; see engine/waiter.hpp.
#pragma once

#include <cstdint>

namespace trefoil {

struct Wait {
  std::int64_t timeout_ms = 0;  // 0: for ever
  // What is answered when the time is over.
  enum class Answer : std::uint8_t { kNullArray, kZero };
  Answer answer = Answer::kNullArray;
};

// How a wait ends.
enum class WaitEnd : std::uint8_t {
  kServed,     // with an answer
  kTimeout,    // with what Wait::answer says
  kUnblocked,  // CLIENT UNBLOCK … ERROR
  kCancelled,  // somebody wants the statement to end
  kGone,       // nobody waits for an answer
  kGoOn,       // the statement, which has not begun yet, does so now
};

}  // namespace trefoil
