// The small value types that every floor shares.
#pragma once

#include <compare>
#include <cstdint>

namespace trefoil {

// Log sequence number: a record's byte position in the log, strictly increasing in commit order. It doubles as the birth stamp of
// tree nodes and chunks: what was born at `lsn` belongs to a snapshot `r` exactly if lsn < r.
// Without a directory there is no log; then the number only advances when a snapshot is taken, which keeps that rule true.
using Lsn = std::uint64_t;

inline constexpr Lsn kNoSnapshot = 0;  // "newest snapshot" when none is open: every node may be changed in place

// Wall clock, milliseconds since 1970-01-01 UTC; one reading per statement.
struct UnixMs {
  std::int64_t value = 0;
  auto operator<=>(const UnixMs&) const = default;
};

// A key's deadline. kNever sorts after every real time.
struct Deadline {
  std::int64_t unix_ms = INT64_MAX;
  auto operator<=>(const Deadline&) const = default;
  [[nodiscard]] bool never() const { return unix_ms == INT64_MAX; }
  [[nodiscard]] bool passed(UnixMs now) const { return unix_ms <= now.value; }
};
inline constexpr Deadline kNever{};

// What came of bringing the log up to an LSN, as far as the sync policy asks (aof/log.hpp).
enum class Reach : std::uint8_t {
  kDone,    // it is there
  kTold,    // somebody else is at it, or it cannot be done now: the log's listeners are called when it is worth asking again
  kGather,  // ask again within microseconds: commits are expected that will share the sync
};

}  // namespace trefoil
