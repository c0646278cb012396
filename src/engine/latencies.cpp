#include "engine/latencies.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

namespace trefoil {

// One thread's numbers, known to all() while the thread lives; then they go to those of the threads that have ended.
class Latencies::ThreadCounts {
 public:
  struct Numbers {
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts{};
    std::atomic<std::uint64_t> sum_us{0};
  };
  struct Threads {
    std::mutex mutex;
    std::vector<const ThreadCounts*> living;
    Histograms ended;
  };

  ThreadCounts() {
    const std::lock_guard lock(threads().mutex);
    threads().living.push_back(this);
  }
  ThreadCounts(const ThreadCounts&) = delete;
  ThreadCounts& operator=(const ThreadCounts&) = delete;
  ~ThreadCounts() {
    const std::lock_guard lock(threads().mutex);
    std::erase(threads().living, this);
    addTo(threads().ended);
  }
  // Never destroyed: threads may end while the process does.
  static Threads& threads() {
    static Threads& instance = *new Threads;
    return instance;
  }

  void note(std::size_t group, std::int64_t micros) {
    // Short ones are most, so a walk finds them at once.
    const auto* const bound = std::find_if(kBounds.begin(), kBounds.end(), [&](std::int64_t each) { return micros <= each; });
    Numbers& numbers = groups_[group];
    add(numbers.counts[static_cast<std::size_t>(bound - kBounds.begin())], 1);
    add(numbers.sum_us, static_cast<std::uint64_t>(micros));
  }
  void addTo(Histograms& sums) const {
    for (std::size_t group = 0; group < sums.size(); ++group) {
      for (std::size_t i = 0; i <= kBounds.size(); ++i) {
        sums[group].counts[i] += groups_[group].counts[i].load(std::memory_order_relaxed);
      }
      sums[group].sum_us += groups_[group].sum_us.load(std::memory_order_relaxed);
    }
  }

 private:
  static void add(std::atomic<std::uint64_t>& number, std::uint64_t more) {
    number.store(number.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  std::array<Numbers, kGroupNames.size()> groups_;
};

void Latencies::note(CommandGroup group, std::int64_t micros) {
  thread_local ThreadCounts counts;
  counts.note(static_cast<std::size_t>(group), std::max<std::int64_t>(micros, 0));  // the clock may be set back
}

Latencies::Histograms Latencies::all() {
  const std::lock_guard lock(ThreadCounts::threads().mutex);
  Histograms sums = ThreadCounts::threads().ended;
  for (const ThreadCounts* thread : ThreadCounts::threads().living) {
    thread->addTo(sums);
  }
  return sums;
}

}  // namespace trefoil
