// Commits, new segments, checkpoints, followers and waiters at once, over one database; and what must be true of it all.
#pragma once

#include <cstdint>

namespace trefoil::schedule {

// Sizes of the log, policy and what the threads do come from the seed.
void commitsAndFollowers(std::uint64_t seed);
// The same, and now and then the disk is full or fails a call.
void commitsOnABadDisk(std::uint64_t seed);

}  // namespace trefoil::schedule
