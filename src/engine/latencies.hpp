// Latencies: how long commands and statements take, as a histogram for each group, over all threads of the process.
//
// A sample is a burst of pipelined commands, by the group of the last: none of its answers leaves before the last one is there.
// Alone, a command is a burst. What a worker runs is one as well. Waiting for a worker, for the log and for the client is not
// counted.
//
// A thread counts in numbers of its own (a load and a store each), and reading adds them up. Thread safety: all functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/command_meta.hpp"

namespace trefoil {

class Latencies {
 public:
  // Upper bounds, in microseconds; behind the last there is one more bucket.
  static constexpr auto kBounds =
      std::to_array<std::int64_t>({10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10'000, 50'000, 100'000, 1'000'000, 10'000'000});
  struct Histogram {
    std::array<std::uint64_t, kBounds.size() + 1> counts{};
    std::uint64_t sum_us = 0;
  };
  using Histograms = std::array<Histogram, kGroupNames.size()>;

  static void note(CommandGroup group, std::int64_t micros);
  static Histograms all();

 private:
  class ThreadCounts;
};

}  // namespace trefoil
