#include "kv/access.hpp"

namespace trefoil::kv {

namespace {

constexpr std::uint32_t kTimeMask = (std::uint32_t{1} << 31) - 1;

// For a choice that may be guessed: xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators").
std::uint64_t randomBits() {
  thread_local std::uint64_t state = 0x9E3779B97F4A7C15;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545F4914F6CDD1D;
}

}  // namespace

std::uint32_t AccessTracker::recencyWord() const {
  const auto time = static_cast<std::uint32_t>(now_ms_.load(std::memory_order_relaxed) / kUnitMs) & kTimeMask;
  return std::max<std::uint32_t>(time, 1);
}

std::uint32_t AccessTracker::frequencyWord(std::uint8_t counter) const {
  const auto minutes = static_cast<std::uint16_t>(now_ms_.load(std::memory_order_relaxed) / kMinuteMs);
  return kFrequencyBit | (std::uint32_t{minutes} << 8) | counter;
}

std::uint32_t AccessTracker::created() const {
  return tracking() == Tracking::kFrequency ? frequencyWord(kFirstFrequency) : recencyWord();
}

std::uint32_t AccessTracker::used(std::uint32_t word) const {
  if (tracking() != Tracking::kFrequency) {
    return recencyWord();
  }
  std::uint8_t counter = frequency(word);
  if (counter < UINT8_MAX) {
    const std::int64_t above = std::max(0, counter - kFirstFrequency);
    const auto chances = static_cast<std::uint64_t>(above * log_factor_.load(std::memory_order_relaxed) + 1);
    counter = static_cast<std::uint8_t>(counter + (randomBits() % chances == 0 ? 1 : 0));
  }
  return frequencyWord(counter);
}

std::int64_t AccessTracker::idleMs(std::uint32_t word) const {
  const std::int64_t now = now_ms_.load(std::memory_order_relaxed);
  if (word == 0 || (word & kFrequencyBit) != 0) {
    return std::max<std::int64_t>(0, now - began_ms_.load(std::memory_order_relaxed));
  }
  const auto time = static_cast<std::uint32_t>(now / kUnitMs) & kTimeMask;
  const std::uint32_t passed = (time - word) & kTimeMask;
  return passed > kTimeMask / 2 ? 0 : std::int64_t{passed} * kUnitMs;  // the clock was set back, or the reader's is behind
}

std::uint8_t AccessTracker::frequency(std::uint32_t word) const {
  const bool is_known = (word & kFrequencyBit) != 0;
  const auto counter = static_cast<std::uint8_t>(is_known ? word & 0xFF : kFirstFrequency);
  const std::int64_t decay = decay_minutes_.load(std::memory_order_relaxed);
  if (decay == 0) {
    return counter;
  }
  const auto at = static_cast<std::uint16_t>(is_known ? word >> 8 : began_ms_.load(std::memory_order_relaxed) / kMinuteMs);
  const auto now = static_cast<std::uint16_t>(now_ms_.load(std::memory_order_relaxed) / kMinuteMs);
  const std::int64_t periods = static_cast<std::uint16_t>(now - at) / decay;
  return static_cast<std::uint8_t>(std::max<std::int64_t>(0, counter - periods));
}

}  // namespace trefoil::kv
