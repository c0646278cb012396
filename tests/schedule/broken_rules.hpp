// What the linker's --wrap lets a test change in the product it is linked with (steps.cpp).
#pragma once

#include <cstddef>
#include <cstdint>

namespace trefoil::schedule {

// Rules of the product that can be broken on purpose, to see that schedules find what comes of it.
enum class BrokenRule : std::uint8_t {
  kNone,
  kSnapshotAlone,      // a snapshot does not wait for those who are inside the gate, between append and apply
  kDurableBeforeBase,  // a checkpoint counts before the log that it agrees with is on disk
  kLookBeforeSleep,    // a futex does not compare: whoever is woken just before it sleeps sleeps on
};
void breakRule(BrokenRule rule);

// Sizes that settings do not allow, for every database that is opened from here on.
struct SmallLog {
  std::size_t ring_bytes = std::size_t{64} << 10;
  std::uint64_t segment_bytes = std::uint64_t{8} << 10;
};
void makeLogsSmall(const SmallLog& sizes);

}  // namespace trefoil::schedule
