// Reaper: frees behind the scenes what nobody sees any more and what takes long to free, so that nobody who closes a snapshot or
// drops a table pauses for it.
//
// One for all databases, on a thread of its own that begins with the first work, and never destroyed: static objects may have
// some. Work is done in the order in which it comes, so what comes later may own what came earlier.
// Thread safety: all functions.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace trefoil {

class Reaper {
 public:
  // Must not throw. It may take locks that are held by whoever hands it over: nobody waits for it but drain().
  using Work = std::function<void()>;

  static Reaper& instance();

  void run(Work work);
  // Returns when all that was handed over is done: before something goes that it refers to. Without a lock that work takes.
  void drain();

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable wakes_;
  std::condition_variable sleeps_;
  std::vector<Work> queue_;
  bool started_ = false;
  bool busy_ = false;
};

}  // namespace trefoil
