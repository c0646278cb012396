// The setting client-output-buffer-limit as it is asked: whether a client has too much unread.
//
// A class without a hard limit has none for answers: back-pressure bounds those (net/connection.hpp). Messages nobody has to ask
// for, so they have one in any case: kMostMessages.
// Thread safety: all functions.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/client_limits.hpp"
#include "base/settings.hpp"

namespace trefoil {

class OutputLimits {
 public:
  static constexpr std::int64_t kMostMessages = std::int64_t{256} << 20;

  explicit OutputLimits(Settings& settings);
  ~OutputLimits();
  OutputLimits(const OutputLimits&) = delete;
  OutputLimits& operator=(const OutputLimits&) = delete;

  // Where the lower of a class's limits is, in bytes; INT64_MAX if it has none. Below it there is nothing to ask.
  [[nodiscard]] std::int64_t lowest(ClientClass which) const {
    return limits_[static_cast<std::size_t>(which)].lowest.load(std::memory_order_relaxed);
  }
  // Whether so many unread bytes are too many. `over_since_us` is the caller's, about this client: since when it is over the soft
  // limit, 0 if it is not. The time is Env::monotonicMicros().
  [[nodiscard]] bool exceeded(ClientClass which, std::int64_t bytes, std::int64_t now_us, std::int64_t& over_since_us) const;

 private:
  struct Limit {
    std::atomic<std::int64_t> hard = 0;
    std::atomic<std::int64_t> soft = 0;
    std::atomic<std::int64_t> soft_seconds = 0;
    std::atomic<std::int64_t> lowest = INT64_MAX;
  };
  void read();

  Settings& settings_;
  std::array<Limit, kClientClasses> limits_;
  std::uint64_t observer_;
};

}  // namespace trefoil
