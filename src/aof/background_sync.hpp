// BackgroundSync: one fdatasync at a time on a thread of its own. Under everysec the flusher hands its syncs over, so that it
// goes on emptying the ring into the page cache while a busy disk takes its time; otherwise a slow sync would fill the ring and
// stop the writers. The thread exists from the first sync on.
//
// Thread safety: start(), take() and wait() are for one thread, the flusher's. The file must outlive the sync.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/env.hpp"
#include "base/status.hpp"

namespace trefoil::aof {

class BackgroundSync {
 public:
  // `done` is called on the thread when a sync has ended; take() has its result then.
  explicit BackgroundSync(std::function<void()> done) : done_(std::move(done)) {}
  ~BackgroundSync();
  BackgroundSync(const BackgroundSync&) = delete;
  BackgroundSync& operator=(const BackgroundSync&) = delete;

  // From start() until take() or wait() gave the result.
  [[nodiscard]] bool busy() const { return busy_; }
  void start(File& file);
  // The result, if the sync has ended.
  std::optional<Status> take();
  // The result, when the sync has ended. Nothing if none was started.
  std::optional<Status> wait();

 private:
  void run();

  const std::function<void()> done_;
  bool busy_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  File* file_ = nullptr;  // to be synced
  std::optional<Status> result_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trefoil::aof
