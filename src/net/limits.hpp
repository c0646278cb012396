// Bounds on what one client can make the server hold.
#pragma once

#include <cstddef>

namespace trefoil::net {

struct ConnectionLimits {
  std::size_t max_clients = 10000;
  std::size_t max_bulk_bytes = std::size_t{512} << 20;   // one argument (proto-max-bulk-len)
  std::size_t max_input_bytes = std::size_t{1} << 30;    // one command with all its arguments (client-query-buffer-limit)
  std::size_t max_output_bytes = std::size_t{1} << 30;   // answers that the client does not fetch (client-output-buffer-limit)
};

// Unsent answers beyond this: nothing more is read from the connection until the client fetches some.
inline constexpr std::size_t kStopReadingAt = std::size_t{1} << 20;
// A loop's read buffer: one read takes at most this much, unless a large argument is on its way.
inline constexpr std::size_t kReadBytes = std::size_t{64} << 10;
// Statements of one burst that run as one batch.
inline constexpr std::size_t kMaxBatch = 256;

}  // namespace trefoil::net
