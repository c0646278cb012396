// ShadowMap: what open snapshots still see of one partition, but the live store has changed.
//
//   hash -> versions of keys, in order of the change that ended each:   [ died lsn | entry, or only the key: was absent | owns ]
//
// Small entries carry no birth stamp. Instead the first change of a key after a snapshot was opened moves the old entry here, or
// notes that there was none; a later change finds that note and knows that the live entry is seen by nobody else. Hence:
//
//   the live entry may be changed in place   if no snapshot is open, or a version of the key died at or after the newest one
//   snapshot r sees                          the first version of the key that died at or after r; the live entry if there is
//   none
//
// A version whose trees live on in the live entry (it was copied, then changed) gives back its block only; one whose value ended
// as a whole owns its trees. A version is freed when no open snapshot is at or below its death.
//
// Thread safety: the partition's lock. Entries themselves never change while they are here, so a snapshot's reader may keep
// using one after it has released the lock.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "base/types.hpp"
#include "kv/entry.hpp"

namespace trefoil::kv {

class ShadowMap {
 public:
  struct Version {
    Lsn died;
    Entry* entry;  // if absent, a block that only bears the key
    bool absent;
    bool owns_trees;
  };
  // What a snapshot sees of a key that is in here.
  struct Found {
    bool decided = false;          // false: the live entry
    const Entry* entry = nullptr;  // nullptr: absent
  };

  [[nodiscard]] bool empty() const { return versions_.empty(); }
  [[nodiscard]] std::size_t size() const { return versions_.size(); }

  void add(std::uint64_t hash, const Version& version) { versions_.emplace(hash, version); }
  // Whether a version of the key died at `lsn` or later.
  [[nodiscard]] bool diedSince(std::uint64_t hash, std::string_view key, Lsn lsn) const { return find(hash, key, lsn).decided; }
  // The same for any key of that hash: may be true once in 2^64 where it is not, which costs a retry.
  [[nodiscard]] bool anyDiedSince(std::uint64_t hash, Lsn lsn) const;
  [[nodiscard]] Found find(std::uint64_t hash, std::string_view key, Lsn snapshot) const;

  // Visits what `snapshot` sees, entries present only, of hashes in [low, high], and so on to the partition's end if `to_end`.
  template <typename Visitor>
  void visit(std::uint64_t low, std::uint64_t next, bool to_end, Lsn snapshot, Visitor&& visitor) const {
    for (auto it = versions_.lower_bound(low); it != versions_.end() && (to_end || it->first < next); ++it) {
      const Version& version = it->second;
      if (!version.absent && find(it->first, version.entry->key(), snapshot).entry == version.entry) {
        visitor(*version.entry);
      }
    }
  }
  // Visits all versions that died at `lsn` or later.
  template <typename Visitor>
  void visitDiedSince(Lsn lsn, Visitor&& visitor) const {
    for (const auto& [hash, version] : versions_) {
      if (version.died >= lsn) {
        visitor(*version.entry);
      }
    }
  }
  // Takes out all versions that died before `oldest` (all of them, if it is kNoSnapshot) and hands them to `release`.
  template <typename Release>
  void purge(Lsn oldest, Release&& release) {
    if (oldest != kNoSnapshot && oldest == purged_) {
      return;  // nothing has died before it since
    }
    purged_ = oldest;
    for (auto it = versions_.begin(); it != versions_.end();) {
      if (oldest == kNoSnapshot || it->second.died < oldest) {
        release(it->second);
        it = versions_.erase(it);
      } else {
        ++it;
      }
    }
  }

 private:
  // Versions of one hash stand in order of their death: a multimap keeps the order of insertion among equals.
  std::multimap<std::uint64_t, Version> versions_;
  Lsn purged_ = kNoSnapshot;  // the oldest snapshot at the last purge
};

}  // namespace trefoil::kv
