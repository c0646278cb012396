// StatementControl: whether the statement that runs must end. WorkMeter: how its threads ask without asking all the time.
//
// A statement ends before its time because somebody asked for it (stop()), because it has run for longer than statement-timeout,
// or because it runs in a hurry and has used up what it was given. Who hurries is somebody whom others wait for: an event loop,
// or the holder of a table's lock. Such a statement has kHurryWork units of work and, once they or others are being counted,
// little time; when they are gone it ends with gaveUp() and is run again, from its start, where nobody waits.
//
//   loops over chunks of rows    check()               a flag, and the clock where something depends on it
//   kernels over values          WorkMeter::charge()   an addition; check() after each kWorkBetweenLooks units
//
// A unit of work is what takes about a nanosecond: a byte of text that is read or written, a row that an expression is computed
// for. What is large is charged before it is done, so that what is too large for a hurry is not even begun.
//
// Thread safety: stop() from any thread and from a signal handler; check() from all threads of the statement; the rest from the
// one that runs it, while no other does.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/settings.hpp"
#include "base/status.hpp"

namespace trefoil {

class StatementControl {
 public:
  enum class Stop : std::uint8_t {
    kNone,
    kUserRequest,  // of this statement
    kClientGone,   // of this statement: nobody waits for its answer
    kKilled,       // of this one and all that follow
  };
  static constexpr std::int64_t kFromFirstReport = 0;
  static constexpr std::int64_t kDatabaseTimeout = -1;
  // About a millisecond.
  static constexpr std::int64_t kHurryWork = 1'000'000;
  static constexpr std::int64_t kHurryMicros = 1000;

  // Without settings there is no timeout but an own one.
  explicit StatementControl(const Settings* settings = nullptr) : settings_(settings) {}
  StatementControl(const StatementControl&) = delete;
  StatementControl& operator=(const StatementControl&) = delete;

  // A new statement: what was asked of the last one is forgotten. `on_loop`: an event loop runs it, so hurry() is to be called
  // before anything that may take its time.
  void begin(bool on_loop);
  [[nodiscard]] bool onLoop() const { return on_loop_; }

  // From here to takeTime() somebody waits: it has kHurryWork, and time until `until_us` on Env::monotonicMicros()'s clock; by
  // default kHurryMicros from when WorkMeter first reports, so that who does little need not look at the clock.
  void hurry(std::int64_t until_us = kFromFirstReport);
  // So much work, in whatever time.
  void limitWork(std::int64_t work);
  // Nobody waits any more. Returns whether it gave up, which it did not if it came through nevertheless.
  bool takeTime(bool came_through);
  // Gave up on a loop, or was found not to belong there: it is to be run again, elsewhere.
  [[nodiscard]] bool gaveUp() const { return gave_up_; }
  void leaveLoop() { gave_up_ = true; }

  // Asks it to end.
  void stop(Stop reason);
  [[nodiscard]] bool stopped() const { return stop_.load(std::memory_order_relaxed) != Stop::kNone; }

  // The session's own statement-timeout in milliseconds, 0 for none, or kDatabaseTimeout: the database's, whatever it is at the
  // time of asking.
  void setTimeout(std::int64_t timeout_ms) { own_timeout_ms_ = timeout_ms; }
  [[nodiscard]] std::int64_t timeoutMs() const;

  // The error that says why it must end; OK if it need not.
  Status check();
  // The same, if somebody has asked for it; what takes its time may go on.
  [[nodiscard]] Status checkStopped() const { return stopped() ? stopError() : Status(); }
  // As check(), after so much more work.
  Status checkAfter(std::size_t work);

 private:
  [[nodiscard]] Status stopError() const;
  std::int64_t startedAt(std::int64_t now_us);
  Status giveUp();

  const Settings* settings_;
  std::atomic<Stop> stop_ = Stop::kNone;
  std::int64_t own_timeout_ms_ = kDatabaseTimeout;
  std::atomic<std::int64_t> started_us_ = 0;  // 0: nobody has asked for the time yet; a short statement need not
  bool on_loop_ = false;
  bool hurries_ = false;
  bool gave_up_ = false;
  std::int64_t hurry_until_us_ = INT64_MAX;
  std::int64_t work_left_ = 0;
};

// One for each thread of a statement.
class WorkMeter {
 public:
  static constexpr std::size_t kWorkBetweenLooks = std::size_t{64} << 10;

  // Null: nothing ends it.
  explicit WorkMeter(StatementControl* control = nullptr) : control_(control) {}

  // So much work is about to be done. An error: it must not be.
  Status charge(std::size_t work) {
    pending_ += work;
    return pending_ < kWorkBetweenLooks ? Status() : settle();
  }

 private:
  Status settle();

  StatementControl* control_;
  std::size_t pending_ = 0;
};

}  // namespace trefoil
