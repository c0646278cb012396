#include "engine/worker_pool.hpp"

#include <atomic>
#include <future>
#include <vector>

#include <catch2/catch.hpp>

#include "base/parallel.hpp"

namespace trefoil {

namespace {

constexpr std::size_t kNoLimit = 1'000'000;

// Work that runs until it is let go.
class Endless {
 public:
  std::function<void()> work() {
    return [this] {
      ++running;
      released_.wait();
      --running;
    };
  }
  void release() { release_.set_value(); }
  std::atomic<int> running{0};

 private:
  std::promise<void> release_;
  std::shared_future<void> released_ = release_.get_future().share();
};

void runAndWait(WorkerPool& pool, SlowLane lane) {
  std::promise<void> done;
  REQUIRE(pool.submit([&] { done.set_value(); }, lane, kNoLimit).ok());
  done.get_future().wait();
}

}  // namespace

TEST_CASE("what is submitted runs, with its loops, before the pool goes") {
  std::atomic<int> inner{0};
  std::atomic<int> outer{0};
  {
    WorkerPool pool(2);
    for (int i = 0; i < 200; ++i) {
      REQUIRE(pool.submit(
                      [&] {
                        parallelFor(8, [&](std::size_t, std::size_t) { ++inner; });
                        ++outer;
                      },
                      i % 2 == 0 ? SlowLane::kStatements : SlowLane::kSystem, kNoLimit)
                  .ok());
    }
    pool.drain();
    CHECK(outer == 200);
    CHECK(pool.pending() == 0);
    REQUIRE(pool.submit([&] { outer = 0; }, SlowLane::kStatements, kNoLimit).ok());
  }
  CHECK(outer == 0);
  CHECK(inner == 1600);
}

TEST_CASE("long statements keep no worker from short ones, up to a bound, and system work never") {
  constexpr std::size_t kWorkers = 2;
  WorkerPool pool(kWorkers);
  Endless endless;
  constexpr std::size_t kLong = kWorkers * WorkerPool::kLongPerWorker;
  for (std::size_t i = 0; i < kLong; ++i) {
    REQUIRE(pool.submit(endless.work(), SlowLane::kStatements, kNoLimit).ok());
  }
  runAndWait(pool, SlowLane::kStatements);  // behind all of them
  CHECK(endless.running == kLong);
  for (std::size_t i = 0; i < kWorkers; ++i) {
    REQUIRE(pool.submit(endless.work(), SlowLane::kStatements, kNoLimit).ok());
  }
  std::atomic<bool> ran = false;
  const auto waiting = pool.submit([&] { ran = true; }, SlowLane::kStatements, kNoLimit);
  REQUIRE(waiting.ok());
  for (int i = 0; i < 3; ++i) {
    runAndWait(pool, SlowLane::kSystem);
    std::this_thread::sleep_for(std::chrono::microseconds(WorkerPool::kLongMicros));
  }
  CHECK(endless.running == kLong + kWorkers);
  CHECK_FALSE(ran);
  endless.release();
  pool.drain();
  CHECK(ran);
  CHECK(endless.running == 0);
}

TEST_CASE("a queue is bounded, and what waits in it can be withdrawn") {
  WorkerPool pool(1);
  Endless endless;
  REQUIRE(pool.submit(endless.work(), SlowLane::kSystem, 2).ok());
  while (endless.running == 0) {
    std::this_thread::yield();
  }
  bool ran = false;
  const Result<std::uint64_t> waiting = pool.submit([&] { ran = true; }, SlowLane::kSystem, 2);
  REQUIRE(waiting.ok());
  CHECK(pool.submit([] {}, SlowLane::kSystem, 2).error().code == ErrorCode::kBusy);
  CHECK(pool.submit([] {}, SlowLane::kStatements, 2).ok());  // the other lane's queue
  const bool withdrawn = pool.withdraw(*waiting);
  CHECK_FALSE(pool.withdraw(*waiting));
  endless.release();
  pool.drain();
  CHECK(ran != withdrawn);  // it may have begun: the first one was long by then
}

TEST_CASE("many submit at once, and threads come and go") {
  WorkerPool pool(2);
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const auto ticket = pool.submit([&] { ++done; }, t % 2 == 0 ? SlowLane::kStatements : SlowLane::kSystem, kNoLimit);
        if (!ticket.ok() || (i % 3 == 0 && pool.withdraw(*ticket))) {
          ++done;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  pool.drain();
  CHECK(done == 2000);
}

}  // namespace trefoil
