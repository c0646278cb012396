// Following: a database that follows another one in the same process: the thread that takes over its commits (txn/follower.hpp).
//
// Thread safety: all functions. The database that is followed outlives it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "aof/log.hpp"
#include "base/signal.hpp"
#include "base/status.hpp"
#include "txn/follower.hpp"

namespace trefoil {

class Following {
 public:
  // Begins at once.
  Following(aof::Log& log, std::unique_ptr<txn::Follower> follower);
  ~Following();
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;

  // Waits until it holds what the other one's log has reached by now. kTimeout, or the error with which following has ended.
  Status catchUp(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] Lsn lsn() const { return lsn_.load(std::memory_order_acquire); }

 private:
  void run();

  aof::Log& log_;
  const std::unique_ptr<txn::Follower> follower_;
  Signal more_;  // the log has moved
  std::uint64_t listener_ = 0;
  std::atomic<Lsn> lsn_;
  std::mutex mutex_;  // guards what follows; lsn_ is changed with it where somebody may wait for it
  std::condition_variable moved_;
  Status failure_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace trefoil
