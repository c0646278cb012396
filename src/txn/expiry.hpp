// Expiry: removes keys whose deadline has passed; as any change, through the log. Nothing else does but the first write of such a
// key (kv/view.hpp): until then they are there, unseen.
// Thread safety: sweep() one caller at a time; remove() any.
#pragma once

#include <cstddef>
#include <span>

#include "base/types.hpp"
#include "kv/store.hpp"

namespace trefoil::txn {

class Manager;

class Expiry {
 public:
  // The manager outlives it.
  explicit Expiry(Manager& manager) : manager_(manager) {}

  // Looks at about `budget` keys with deadlines, and removes those that have passed, a partition's in one commit. Returns how
  // many; none while the log refuses writes.
  std::size_t sweep(UnixMs now, std::size_t budget);
  // Of these keys, all of one partition, removes those that are there and have expired, in one commit. Returns how many; none
  // while the log refuses writes or has no room just now.
  std::size_t remove(std::span<const kv::ExpiredKey> keys, UnixMs now);

 private:
  Manager& manager_;
};

}  // namespace trefoil::txn
