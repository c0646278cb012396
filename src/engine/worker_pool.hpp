// The slow lane: what may take its time runs here, on threads of its own, so that event loops stay free for short statements.
//
// There are two lanes, each with its own queue and its own workers: what may go on for ever (queries, changes of many rows), and
// what comes to an end by itself (KEYS, CREATE TABLE, CHECKPOINT): nobody's queries keep a checkpoint waiting.
//
// In a lane, as many run at once as there are workers. What has run for longer than kLongMicros counts as long and no longer
// takes up a worker: the next one begins on another thread, and the system shares out the processors. So a short statement waits
// for no more than a few short ones, until kLongPerWorker long ones run for each worker; from then on all wait. Threads are
// started when they are needed and end when they have long been idle. One that is long keeps its priority: it may hold a lock
// that an event loop is about to want.
//
// The queues are bounded: a statement that finds its queue full is refused at once, never silently kept waiting without end.
// Thread safety: all functions.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "base/status.hpp"
#include "engine/slow_lane.hpp"

namespace trefoil {

class LoopArena;

class WorkerPool {
 public:
  static constexpr std::int64_t kLongMicros = 100'000;
  static constexpr std::size_t kLongPerWorker = 8;

  // `threads` workers for each lane, and as many threads for a statement's loops; 0: one for each processor.
  explicit WorkerPool(std::size_t threads);
  // Waits for everything.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs `work` on a worker, where it may use parallel loops. kBusy if `queue_limit` statements are waiting or running in its
  // lane, or if the system has no thread or no memory for it. The ticket is for withdraw().
  Result<std::uint64_t> submit(std::function<void()> work, SlowLane lane, std::size_t queue_limit);
  // True: it had not begun, and never will.
  bool withdraw(std::uint64_t ticket);
  // Returns when nothing is waiting or running.
  void drain();
  [[nodiscard]] std::size_t pending() const;

 private:
  struct Lane;
  struct Task {
    std::uint64_t ticket;
    std::function<void()> work;
    Lane* lane;
    std::int64_t started_us = 0;
    bool lengthy = false;
  };
  using Tasks = std::list<Task>;  // lists, so that one begins without allocating
  struct Lane {
    Tasks waiting;
    std::size_t brief = 0;  // run, and have not run for long
    std::size_t lengthy = 0;
    [[nodiscard]] std::size_t size() const { return waiting.size() + brief + lengthy; }
  };
  void work(std::list<std::thread>::iterator self);
  void run(Lane& lane, LoopArena& loops, std::unique_lock<std::mutex>& lock);
  Lane* nextLane();
  [[nodiscard]] std::int64_t nextLongAt() const;
  [[nodiscard]] bool anyWaiting() const;
  bool wakeSomebody();
  void joinEnded(std::unique_lock<std::mutex>& lock);

  const std::size_t workers_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable drained_;
  std::array<Lane, 2> lanes_;
  Tasks running_;
  std::uint64_t next_ticket_ = 1;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::list<std::thread> threads_;
  std::list<std::thread> ended_;  // to be joined
};

}  // namespace trefoil
