// Listeners: callbacks of those who want to know that something has moved. Calling them costs one load while there are none.
//
// Thread safety: all functions. A callback runs on the caller's thread with the list's lock: it must be quick, and must neither
// add nor remove.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace trefoil::aof {

class Listeners {
 public:
  // The result is for remove().
  std::uint64_t add(std::function<void()> listener) {
    const std::lock_guard lock(mutex_);
    listeners_.push_back({.id = ++last_, .call = std::move(listener)});
    count_.store(listeners_.size(), std::memory_order_seq_cst);
    return last_;
  }
  // Waits for a call under way.
  void remove(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    std::erase_if(listeners_, [id](const Listener& listener) { return listener.id == id; });
    count_.store(listeners_.size(), std::memory_order_seq_cst);
  }
  void call() {
    if (count_.load(std::memory_order_seq_cst) == 0) {
      return;
    }
    const std::lock_guard lock(mutex_);
    for (const Listener& listener : listeners_) {
      listener.call();
    }
  }

 private:
  struct Listener {
    std::uint64_t id;
    std::function<void()> call;
  };
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;  // guards:
  std::uint64_t last_ = 0;
  std::vector<Listener> listeners_;
};

}  // namespace trefoil::aof
