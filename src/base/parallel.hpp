// Parallel loops and queued work on oneTBB's threads, with TBB itself out of sight.
//
// Every use of TBB's scheduler goes through here, for two reasons. A thread that waits for the end of a loop may otherwise pick
// up any other task of its arena (another client's statement, say, while this one is half done): loops are isolated. And
// ThreadSanitizer does not see what happens inside of libtbb, which is not built for it: parallel.cpp is compiled without it, and
// tells it where one thread hands over to another; so our own code is checked and TBB's is not.
//
// Thread safety: all functions. No lock may be held around parallelFor.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace trefoil {

// How many threads a loop that is started here and now runs on; worker numbers are below it.
std::size_t parallelism();

namespace detail {
void parallelFor(std::size_t count, const void* body, void (*call)(const void* body, std::size_t index, std::size_t worker));
}

// body(index, worker) once for each index below `count`, on this thread and the others of its arena; returns when all are done.
// `worker` < parallelism() tells the threads apart: no two bodies of one loop run at once under the same number, so it can
// index an array of per-worker states. Indexes near each other mostly run on one thread, in order.
template <typename Body>
void parallelFor(std::size_t count, const Body& body) {
  detail::parallelFor(count, &body, [](const void* erased, std::size_t index, std::size_t worker) {
    (*static_cast<const Body*>(erased))(index, worker);
  });
}

// An arena of threads of its own with a queue in front: what is queued runs there in any order, and so do the loops it starts.
class WorkerArena {
 public:
  // `threads` of 0: one per processor.
  explicit WorkerArena(std::size_t threads);
  // Waits for everything that was queued.
  ~WorkerArena();
  WorkerArena(const WorkerArena&) = delete;
  WorkerArena& operator=(const WorkerArena&) = delete;

  void enqueue(std::function<void()> work);
  // Blocks until nothing is queued or running.
  void drain();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trefoil
