#include "engine/client_pause.hpp"

#include <algorithm>

namespace trefoil {

void ClientPause::begin(Scope scope, std::int64_t until_us) {
  const std::lock_guard lock(mutex_);
  scope_ = std::max(scope_, scope);
  until_us_.store(std::max(until_us_.load(std::memory_order_relaxed), until_us), std::memory_order_relaxed);
}

void ClientPause::end() {
  {
    const std::lock_guard lock(mutex_);
    scope_ = Scope::kNone;
    until_us_.store(0, std::memory_order_relaxed);
  }
  go_on_();
}

ClientPause::State ClientPause::state(std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  if (until_us_.load(std::memory_order_relaxed) <= now_us) {
    scope_ = Scope::kNone;
    until_us_.store(0, std::memory_order_relaxed);
  }
  return {scope_, until_us_.load(std::memory_order_relaxed)};
}

}  // namespace trefoil
