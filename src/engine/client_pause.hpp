// ClientPause: CLIENT PAUSE. While it lasts, statements (all, or those that may change something) are not begun: their sessions
// wait until it is over (engine/waiter.hpp). https://redis.io/docs/latest/commands/client-pause/
// Thread safety: all functions.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>

namespace trefoil {

class ClientPause {
 public:
  enum class Scope : std::uint8_t { kNone, kWrites, kAll };

  // Until then on the monotonic clock, in microseconds. One that lasts already becomes no shorter and no narrower.
  void begin(Scope scope, std::int64_t until_us);
  // Now. Those who have waited go on.
  void end();

  // Whether there may be one: one load, for every statement's sake.
  [[nodiscard]] bool isOn() const { return until_us_.load(std::memory_order_relaxed) != 0; }
  struct State {
    Scope scope = Scope::kNone;
    std::int64_t until_us = 0;
  };
  // Ends it, if its time is over.
  State state(std::int64_t now_us);

  // `go_on` is called when it ends before its time, for sessions that wait.
  void onEnd(std::function<void()> go_on) { go_on_ = std::move(go_on); }

 private:
  std::mutex mutex_;
  Scope scope_ = Scope::kNone;
  std::atomic<std::int64_t> until_us_{0};  // 0: there is none
  std::function<void()> go_on_;
};

}  // namespace trefoil
