// Outbox: the messages that wait for one session, in the order in which they came, each with its fence: it may leave when the log
// has reached that (Session::fence()); 0: at once.
//
//   publisher ──post()──▶ [message, fence] [message, fence] … ──take()──▶ the session's event loop, or the embedded caller
//                └─ the first one rings: the callback of whoever is to take them
//
// It is shared: a publisher holds the outbox, never the session, so a client may go away at any time. What is posted behind
// close() goes nowhere. Bounded by the limits of the session's class: an outbox that is over them drops all that it holds and
// takes no more until its owner has looked (takeOverflow()).
//
// Thread safety: post() and the figures from any thread; the rest is the session's.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "base/client_limits.hpp"
#include "base/env.hpp"
#include "base/memory_account.hpp"
#include "base/types.hpp"
#include "engine/message.hpp"

namespace trefoil {

class OutputLimits;

class Outbox {
 public:
  struct Item {
    MessagePointer message;
    Lsn fence = 0;
  };

  Outbox(const OutputLimits& limits, Env& env) : limits_(limits), env_(env) {}
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // False: it was not taken. `still_wanted`, if given, is changed with the outbox's lock (whileUnposted()).
  bool post(const MessagePointer& message, Lsn fence, const bool* still_wanted = nullptr);
  // Runs `change` while nobody posts.
  template <typename Change>
  void whileUnposted(Change&& change) {
    const std::lock_guard lock(mutex_);
    change();
  }

  // Whether there is anything to take, or an overflow to be looked at. One load.
  [[nodiscard]] bool isEmpty() const { return count_.load(std::memory_order_acquire) == 0; }
  [[nodiscard]] std::size_t count() const { return count_.load(std::memory_order_relaxed); }
  // Of the messages that wait, as they count against the limits.
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // Moves messages behind those in `into`, in order, until they are `most_bytes` or more, but at least one.
  void take(std::vector<Item>& into, std::size_t most_bytes);
  // Waits until there is something to take, or the deadline. False: the deadline.
  bool wait(std::chrono::steady_clock::time_point deadline);
  // Whether messages were dropped because the limits were exceeded; from here on it takes some again.
  bool takeOverflow();
  // Called by the poster when there is something to take, once until all was taken; must only signal.
  void onReady(std::function<void()> callback);
  void setClass(ClientClass which) { class_.store(which, std::memory_order_relaxed); }
  // The session is gone, or about to go.
  void close();
  [[nodiscard]] bool isClosed() const { return closed_.load(std::memory_order_acquire); }

 private:
  void dropAll();
  void noteRoom();

  const OutputLimits& limits_;
  Env& env_;
  std::atomic<ClientClass> class_ = ClientClass::kNormal;
  std::atomic<std::size_t> count_ = 0;
  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<bool> closed_ = false;  // changed with the mutex
  std::mutex mutex_;                  // guards what follows
  std::condition_variable ready_;
  std::vector<Item> items_;
  std::size_t first_ = 0;  // of those in items_ that wait
  std::int64_t over_since_us_ = 0;
  std::function<void()> callback_;
  bool rung_ = false;
  bool overflowed_ = false;
  MemoryCharge charge_{MemoryLeaf::kClients};
};

}  // namespace trefoil
