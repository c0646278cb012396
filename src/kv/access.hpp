// Access: when a key was last used, or how often: for those who choose what to evict (txn/eviction.hpp), and for OBJECT IDLETIME
// and FREQ. Four bytes beside the key's slot, which a directory has only while somebody tracks (directory.hpp).
//
//   recency     [ 0 | time : 31 ]                                  hundredths of a second, which come again after 248 days
//   frequency   [ 1 | 0 : 7 | minutes : 16 | counter : 8 ]         the counter as in Redis:
//   https://redis.io/docs/latest/develop/reference/eviction/ 0           nothing is known: as if the key had been used when
//   tracking began
//
// A word of the other kind, from before the tracking was changed, tells nothing either.
//
// The counter grows with a probability that becomes smaller the higher it is, so its 8 bits stand for a million uses; for each
// `decay` minutes in which the key is not used it loses one.
//
// Thread safety: all functions. The clock is that of whoever last began a statement: exact enough, and nobody asks the system.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/types.hpp"

namespace trefoil::kv {

enum class Tracking : std::uint8_t { kNone, kRecency, kFrequency };

class AccessTracker {
 public:
  static constexpr std::uint8_t kFirstFrequency = 5;  // of a key that is new: it is not the first to go

  [[nodiscard]] bool isOn() const { return tracking() != Tracking::kNone; }
  [[nodiscard]] Tracking tracking() const { return tracking_.load(std::memory_order_relaxed); }
  void begin(Tracking tracking, UnixMs now) {
    now_ms_.store(now.value, std::memory_order_relaxed);
    began_ms_.store(now.value, std::memory_order_relaxed);
    tracking_.store(tracking, std::memory_order_relaxed);
  }
  void setFrequencyRules(std::int64_t log_factor, std::int64_t decay_minutes) {
    log_factor_.store(log_factor, std::memory_order_relaxed);
    decay_minutes_.store(decay_minutes, std::memory_order_relaxed);
  }
  void setNow(UnixMs now) {
    if (isOn() && now_ms_.load(std::memory_order_relaxed) != now.value) [[unlikely]] {
      now_ms_.store(now.value, std::memory_order_relaxed);
    }
  }

  // The word of a key that is new, and of one with this word when it has been used once more.
  [[nodiscard]] std::uint32_t created() const;
  [[nodiscard]] std::uint32_t used(std::uint32_t word) const;
  // What a word says now. Of a word of the other kind: what one says of which nothing is known.
  [[nodiscard]] std::int64_t idleMs(std::uint32_t word) const;
  [[nodiscard]] std::uint8_t frequency(std::uint32_t word) const;

 private:
  static constexpr std::uint32_t kFrequencyBit = std::uint32_t{1} << 31;
  static constexpr std::int64_t kUnitMs = 10;
  static constexpr std::int64_t kMinuteMs = 60'000;

  [[nodiscard]] std::uint32_t recencyWord() const;
  [[nodiscard]] std::uint32_t frequencyWord(std::uint8_t counter) const;

  std::atomic<Tracking> tracking_{Tracking::kNone};
  std::atomic<std::int64_t> now_ms_{0};
  std::atomic<std::int64_t> began_ms_{0};
  std::atomic<std::int64_t> log_factor_{10};
  std::atomic<std::int64_t> decay_minutes_{1};
};

}  // namespace trefoil::kv
