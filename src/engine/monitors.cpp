#include "engine/monitors.hpp"

#include <algorithm>
#include <utility>

namespace trefoil {

void Monitors::add(std::shared_ptr<Outbox> outbox) {
  const std::lock_guard lock(mutex_);
  outboxes_.push_back(std::move(outbox));
  count_.store(outboxes_.size(), std::memory_order_relaxed);
}

void Monitors::remove(const std::shared_ptr<Outbox>& outbox) {
  const std::lock_guard lock(mutex_);
  outboxes_.erase(std::remove(outboxes_.begin(), outboxes_.end(), outbox), outboxes_.end());
  count_.store(outboxes_.size(), std::memory_order_relaxed);
}

void Monitors::feed(std::string line, Lsn fence) {
  const auto message = std::make_shared<const MonitorLine>(std::move(line));
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Outbox>& outbox : outboxes_) {
    outbox->post(message, fence);
  }
}

}  // namespace trefoil
