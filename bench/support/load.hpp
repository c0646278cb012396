// The load generator: one thread, many connections, a batch of commands on each, the next batch when all its replies are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bench {

enum class Operation { kSet, kGet };

struct Load {
  std::uint16_t port = 0;
  Operation operation = Operation::kSet;
  std::size_t operations = 0;  // in all
  std::size_t connections = 50;
  std::size_t pipeline = 1;  // commands in a batch
  std::uint64_t keys = 0;    // drawn at random from so many; or, in order once, when `sequential`
  bool sequential = false;
  std::size_t value_bytes = 64;
  std::uint64_t seed = 1;
};

struct LoadResult {
  double seconds = 0;
  std::size_t replies = 0;
  std::size_t errors = 0;  // replies that begin with '-'
  std::size_t misses = 0;  // null replies
  double slowest_batch_ms = 0;
};

// Keys are 16 bytes, "key:" and twelve digits. Ends the program with a message if the connection breaks.
LoadResult run(const Load& load);

}  // namespace bench
