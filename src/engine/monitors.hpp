// Monitors: the sessions that asked (MONITOR) to see every command that is run.
// https://redis.io/docs/latest/commands/monitor/
//
// While there is none, running a command costs one load and one branch.
// Thread safety: all functions.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "engine/outbox.hpp"

namespace trefoil {

class Monitors {
 public:
  Monitors() = default;
  Monitors(const Monitors&) = delete;
  Monitors& operator=(const Monitors&) = delete;

  [[nodiscard]] bool any() const { return count_.load(std::memory_order_relaxed) != 0; }
  void add(std::shared_ptr<Outbox> outbox);
  // Behind this no line comes into it.
  void remove(const std::shared_ptr<Outbox>& outbox);
  // Tells all of them.
  void feed(std::string line, Lsn fence);

 private:
  std::atomic<std::size_t> count_ = 0;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Outbox>> outboxes_;
};

}  // namespace trefoil
