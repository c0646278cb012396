// Parallel loops on oneTBB's threads, with TBB itself out of sight.
//
// Every use of TBB's scheduler goes through here, for two reasons. A thread that waits for the end of a loop may otherwise pick
// up any other task of its arena (another client's statement, say, while this one is half done): loops are isolated. And
// ThreadSanitizer does not see what happens inside of libtbb, which is not built for it: parallel.cpp is compiled without it, and
// tells it where one thread hands over to another; so our own code is checked and TBB's is not.
//
// Thread safety: all functions, unless they say otherwise. No lock may be held around parallelFor.
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

// Bounds the loops of one thread, which is never kept from running by what others do: TBB's threads, of which there are not more
// than processors, go where loops are and are shared out among them evenly.
class LoopArena {
 public:
  // `threads` of 0: one per processor.
  explicit LoopArena(std::size_t threads);
  ~LoopArena();
  LoopArena(const LoopArena&) = delete;
  LoopArena& operator=(const LoopArena&) = delete;

  // Runs `work` on this thread. Loops that it starts run here and on up to `threads` - 1 others. By one thread at a time.
  void execute(const std::function<void()>& work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trefoil
