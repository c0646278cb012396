#include "base/parallel.hpp"

#include "base/lock_order.hpp"
#include "base/query_memory.hpp"

#include <algorithm>
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

// What ThreadSanitizer is to know of a loop: the loop's beginning is before all pieces, they are before its end, and a piece is
// before a later one, which may run on another thread under the same worker number. All of it also when a piece throws.
class LoopOrder {
 public:
  class Loop {
   public:
    explicit Loop(LoopOrder& order) : order_(order) { handOver(&order_.start_); }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() { takeOver(&order_.end_); }

   private:
    LoopOrder& order_;
  };
  class Piece {
   public:
    explicit Piece(LoopOrder& order) : order_(order) { takeOver(&order_.start_); }
    Piece(const Piece&) = delete;
    Piece& operator=(const Piece&) = delete;
    ~Piece() {
      handOver(&order_.start_);
      handOver(&order_.end_);
    }

   private:
    LoopOrder& order_;
  };

 private:
  static void handOver([[maybe_unused]] void* address) {
#ifdef TREFOIL_THREAD_SANITIZER
    __tsan_release(address);
#endif
  }
  static void takeOver([[maybe_unused]] void* address) {
#ifdef TREFOIL_THREAD_SANITIZER
    __tsan_acquire(address);
#endif
  }

  char start_ = 0;
  char end_ = 0;
};

}  // namespace

std::size_t parallelism() {
  return static_cast<std::size_t>(std::max(1, tbb::this_task_arena::max_concurrency()));
}

void detail::parallelFor(std::size_t count, const void* body, void (*call)(const void*, std::size_t, std::size_t)) {
  LockOrder::mayWait();
  QueryMemory* const statement = QueryMemory::current();
  LoopOrder order;
  const LoopOrder::Loop loop(order);
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, count), [&](const tbb::blocked_range<std::size_t>& range) {
      const LoopOrder::Piece piece(order);
      const QueryMemory::Scope scope(statement);
      const auto worker = static_cast<std::size_t>(tbb::this_task_arena::current_thread_index());
      for (std::size_t index = range.begin(); index != range.end(); ++index) {
        call(body, index, worker);
      }
    });
  });
}

struct LoopArena::Impl {
  explicit Impl(std::size_t threads)
      // The caller is one of the threads; TBB has the others, at least one, for loops of those that have no such arena.
      : limit(tbb::global_control::max_allowed_parallelism, std::max<std::size_t>(threads, 2)),
        arena(static_cast<int>(threads), 1) {}

  tbb::global_control limit;
  tbb::task_arena arena;
};

LoopArena::LoopArena(std::size_t threads)
    : impl_(std::make_unique<Impl>(threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency()))) {}

LoopArena::~LoopArena() = default;

void LoopArena::execute(const std::function<void()>& work) {
  impl_->arena.execute([&work] { work(); });
}

}  // namespace trefoil
