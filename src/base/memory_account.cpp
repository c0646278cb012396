#include "base/memory_account.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

namespace trefoil {

namespace {

struct alignas(64) Totals {
  std::array<std::atomic<std::int64_t>, kMemoryLeaves> leaves{};
};
constinit Totals totals;

}  // namespace

thread_local constinit MemoryAccount::ThreadDeltas MemoryAccount::mine_ = {};

// Makes a thread's deltas known to used() and carries them over when it ends.
class MemoryAccount::Registration {
 public:
  Registration() : deltas_(&mine_) {
    const std::lock_guard lock(all().mutex);
    all().threads.push_back(deltas_);
    deltas_->page = kPage;
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() {
    deltas_->page = 0;
    for (std::size_t i = 0; i < kMemoryLeaves; ++i) {
      totals.leaves[i].fetch_add(deltas_->deltas[i].exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
    }
    const std::lock_guard lock(all().mutex);
    std::erase(all().threads, deltas_);
  }

  struct Threads {
    std::mutex mutex;
    std::vector<const ThreadDeltas*> threads;
  };
  // Never destroyed: threads may end while the process does.
  static Threads& all() {
    static Threads& instance = *new Threads;
    return instance;
  }

 private:
  ThreadDeltas* deltas_;
};

void MemoryAccount::carryOver(MemoryLeaf leaf) {
  thread_local const Registration registration;
  static_cast<void>(registration);
  const auto i = static_cast<std::size_t>(leaf);
  const std::int64_t sum = mine_.deltas[i].load(std::memory_order_relaxed);
  if (sum >= mine_.page || -sum >= mine_.page) {
    mine_.deltas[i].store(0, std::memory_order_relaxed);
    totals.leaves[i].fetch_add(sum, std::memory_order_relaxed);
  }
}

std::int64_t MemoryAccount::used(MemoryLeaf leaf) {
  const auto i = static_cast<std::size_t>(leaf);
  const std::lock_guard lock(Registration::all().mutex);
  std::int64_t sum = totals.leaves[i].load(std::memory_order_relaxed);
  for (const ThreadDeltas* thread : Registration::all().threads) {
    sum += thread->deltas[i].load(std::memory_order_relaxed);
  }
  return std::max<std::int64_t>(sum, 0);
}

std::int64_t MemoryAccount::used() {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < kMemoryLeaves; ++i) {
    sum += used(static_cast<MemoryLeaf>(i));
  }
  return sum;
}

std::int64_t MemoryAccount::roughly() {
  std::int64_t sum = 0;
  for (const std::atomic<std::int64_t>& leaf : totals.leaves) {
    sum += leaf.load(std::memory_order_relaxed);
  }
  return std::max<std::int64_t>(sum, 0);
}

std::int64_t MemoryAccount::roughly(MemoryLeaf leaf) {
  return std::max<std::int64_t>(totals.leaves[static_cast<std::size_t>(leaf)].load(std::memory_order_relaxed), 0);
}

std::int64_t MemoryAccount::roughlyHere() {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < kMemoryLeaves; ++i) {
    sum += totals.leaves[i].load(std::memory_order_relaxed) + mine_.deltas[i].load(std::memory_order_relaxed);
  }
  return std::max<std::int64_t>(sum, 0);
}

std::string_view memoryLeafName(MemoryLeaf leaf) {
  constexpr std::array<std::string_view, kMemoryLeaves> kNames = {"keys",    "rows",         "indexes", "vectors", "plans",
                                                                  "clients", "transactions", "queries", "tls"};
  return kNames[static_cast<std::size_t>(leaf)];
}

}  // namespace trefoil
