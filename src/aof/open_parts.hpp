// OpenParts: the large transactions that have sent parts ahead and whose commit record is not in the log yet. A checkpoint must
// keep the segments that hold their parts. Transactions above kMaxPayloadBytes come here, and those that do not know their end
// before they have the locks.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>

#include "aof/ring.hpp"
#include "base/types.hpp"

namespace trefoil::aof {

class OpenParts {
 public:
  explicit OpenParts(const Ring& ring) : ring_(ring) {}

  // Before the first part is appended; its LSN will not be below the result, which names the group for close().
  Lsn open() {
    const std::lock_guard lock(mutex_);
    return *open_.insert(ring_.end());
  }
  // After the commit record was appended, or when there will be none.
  void close(Lsn since) {
    const std::lock_guard lock(mutex_);
    open_.erase(open_.find(since));
    if (open_.empty()) {
      none_.notify_all();
    }
  }

  // An LSN with every record at or above it of every group whose commit record is still to come. The lock makes it so: a group is
  // in the set, or its commit record lies below end(), or its first part will lie above. (Of a group that is committed by now,
  // records may lie on both sides: LogWalker passes over them.)
  Lsn checkpointStart() {
    const std::lock_guard lock(mutex_);
    const Lsn end = ring_.end();
    return open_.empty() ? end : std::min(*open_.begin(), end);
  }
  // The same, once no group is open.
  Lsn waitUntilNone() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return open_.empty(); });
    return ring_.end();
  }

 private:
  const Ring& ring_;
  std::mutex mutex_;
  std::condition_variable none_;
  std::multiset<Lsn> open_;
};

}  // namespace trefoil::aof
