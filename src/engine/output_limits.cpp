#include "engine/output_limits.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace trefoil {

OutputLimits::OutputLimits(Settings& settings) : settings_(settings) {
  read();
  observer_ = settings.observe(Setting::kClientOutputLimits, [this] { read(); });
}

OutputLimits::~OutputLimits() {
  settings_.stopObserving(observer_);
}

void OutputLimits::read() {
  const Result<ClientLimits> parsed = parseClientLimits(settings_.text(Setting::kClientOutputLimits), {});
  TREFOIL_ASSERT(parsed.ok());
  for (std::size_t i = 0; i < kClientClasses; ++i) {
    const ClientLimit& from = (*parsed)[i];
    limits_[i].hard.store(from.hard, std::memory_order_relaxed);
    limits_[i].soft.store(from.soft, std::memory_order_relaxed);
    limits_[i].soft_seconds.store(from.soft_seconds, std::memory_order_relaxed);
    limits_[i].lowest.store(std::min(from.hard == 0 ? INT64_MAX : from.hard, from.soft == 0 ? INT64_MAX : from.soft),
                            std::memory_order_relaxed);
  }
}

bool OutputLimits::exceeded(ClientClass which, std::int64_t bytes, std::int64_t now_us, std::int64_t& over_since_us) const {
  const Limit& limit = limits_[static_cast<std::size_t>(which)];
  const std::int64_t hard = limit.hard.load(std::memory_order_relaxed);
  if (hard != 0 && bytes >= hard) {
    return true;
  }
  const std::int64_t soft = limit.soft.load(std::memory_order_relaxed);
  if (soft == 0 || bytes < soft) {
    over_since_us = 0;
    return false;
  }
  if (over_since_us == 0) {
    over_since_us = now_us;
    return false;
  }
  return now_us - over_since_us > limit.soft_seconds.load(std::memory_order_relaxed) * 1'000'000;
}

}  // namespace trefoil
