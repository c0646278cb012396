#include "base/parallel.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#ifdef TREFOIL_THREAD_SANITIZER
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
// TBB's own code is not instrumented: what it does among its threads looks like races.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libtbb.so\n";
}
#endif

namespace trefoil {

namespace tbb = oneapi::tbb;

namespace {

// For ThreadSanitizer: what a thread did before handOver(x) happened before what another does after takeOver(x).
void handOver([[maybe_unused]] void* address) {
#ifdef TREFOIL_THREAD_SANITIZER
  __tsan_release(address);
#endif
}
void takeOver([[maybe_unused]] void* address) {
#ifdef TREFOIL_THREAD_SANITIZER
  __tsan_acquire(address);
#endif
}

}  // namespace

std::size_t parallelism() {
  return static_cast<std::size_t>(std::max(1, tbb::this_task_arena::max_concurrency()));
}

void detail::parallelFor(std::size_t count, const void* body, void (*call)(const void*, std::size_t, std::size_t)) {
  char start = 0;
  char end = 0;
  handOver(&start);
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, count), [&](const tbb::blocked_range<std::size_t>& range) {
      takeOver(&start);
      const auto worker = static_cast<std::size_t>(tbb::this_task_arena::current_thread_index());
      for (std::size_t index = range.begin(); index != range.end(); ++index) {
        call(body, index, worker);
      }
      // A later piece may run on another thread under the same worker number.
      handOver(&start);
      handOver(&end);
    });
  });
  takeOver(&end);
}

struct WorkerArena::Impl {
  explicit Impl(std::size_t threads)
      // TBB would run one worker less than it counts processors, since it expects the caller to help; event loops do not.
      : limit(tbb::global_control::max_allowed_parallelism, threads + 1), arena(static_cast<int>(threads), 0) {}

  tbb::global_control limit;
  tbb::task_arena arena;
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t pending = 0;
};

WorkerArena::WorkerArena(std::size_t threads)
    : impl_(std::make_unique<Impl>(threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency()))) {}

WorkerArena::~WorkerArena() {
  drain();
}

void WorkerArena::enqueue(std::function<void()> work) {
  {
    const std::lock_guard lock(impl_->mutex);
    ++impl_->pending;
  }
  auto* const owned = new std::function<void()>(std::move(work));
  handOver(owned);
  impl_->arena.enqueue([this, owned] {
    takeOver(owned);
    (*owned)();
    delete owned;
    const std::lock_guard lock(impl_->mutex);
    if (--impl_->pending == 0) {
      impl_->idle.notify_all();
    }
  });
}

void WorkerArena::drain() {
  std::unique_lock lock(impl_->mutex);
  impl_->idle.wait(lock, [this] { return impl_->pending == 0; });
}

}  // namespace trefoil
