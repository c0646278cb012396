// ShadowMap: what open snapshots still see of one partition, but the live store has changed.
//
//   hash -> versions of keys, in order of the change that ended each:   [ died lsn | entry, or only the key: was absent | owns ]
//
// Small entries carry no birth stamp. Instead the first change of a key after a snapshot was opened moves the old entry here, or
// notes that there was none; a later change finds that note and knows that the live entry is seen by nobody else. Hence:
//
//   the live entry may be changed in place   if no snapshot is open, or a version of the key died at or after the newest one
//   snapshot r sees                          the first version of the key that died at or after r; if there is none,
//                                            the live entry
//
// A version whose trees live on in the live entry (it was copied, then changed) gives back its block only; one whose value ended
// as a whole owns its trees. A version is freed when no open snapshot is at or below its death; and, now and then, one that lies
// between two snapshots' versions: a transaction that stays open for long then keeps one version of each key, not one for every
// snapshot that was opened and closed meanwhile.
//
// Every write looks here while a snapshot is open, so this is a hash table; but one whose buckets are in the order of the hashes,
// since walks ask for a range of them:
//
//   hash   [ partition: 8 | table: 4 | bucket: as many as needed | … ]
//   table  heads [ bucket ] ─▶ node ─▶ node …      nodes lie in one array; a chain has the order in which they were added
//
// A table doubles its buckets when there are as many nodes; that there are sixteen of them keeps the pause short.
//
// Thread safety: the partition's lock. Entries themselves never change while they are here, so a snapshot's reader may keep
// using one after it has released the lock.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

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

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

  void add(std::uint64_t hash, const Version& version);
  // Whether a version of the key died at `lsn` or later.
  [[nodiscard]] bool diedSince(std::uint64_t hash, std::string_view key, Lsn lsn) const { return find(hash, key, lsn).decided; }
  // The same for any key of that hash: may be true once in 2^64 where it is not, which costs a retry.
  [[nodiscard]] bool anyDiedSince(std::uint64_t hash, Lsn lsn) const;
  [[nodiscard]] Found find(std::uint64_t hash, std::string_view key, Lsn snapshot) const;

  // Visits what `snapshot` sees, entries present only, of hashes in [low, next), or up to the partition's end if `to_end`.
  template <typename Visitor>
  void visit(std::uint64_t low, std::uint64_t next, bool to_end, Lsn snapshot, Visitor&& visitor) const {
    const auto visit_one = [&](const Node& node) {
      const Version& version = node.version;
      if (node.hash >= low && (to_end || node.hash < next) && !version.absent &&
          find(node.hash, version.entry->key(), snapshot).entry == version.entry) {
        visitor(*version.entry);
      }
    };
    const std::size_t last_table = to_end ? kTables - 1 : tableOf(next);
    for (std::size_t at = tableOf(low); at <= last_table; ++at) {
      const Table& table = tables_[at];
      if (table.heads.empty()) {
        continue;
      }
      const std::size_t first = at == tableOf(low) ? table.bucketOf(low) : 0;
      const std::size_t last = !to_end && at == last_table ? table.bucketOf(next) : table.heads.size() - 1;
      for (std::size_t bucket = first; bucket <= last; ++bucket) {
        table.forEachIn(table.heads[bucket], visit_one);
      }
    }
  }
  // Visits hash and entry of all versions that died at `lsn` or later.
  template <typename Visitor>
  void visitDiedSince(Lsn lsn, Visitor&& visitor) const {
    for (const Table& table : tables_) {
      for (const std::uint32_t head : table.heads) {
        table.forEachIn(head, [&](const Node& node) {
          if (node.version.died >= lsn) {
            visitor(node.hash, *node.version.entry);
          }
        });
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
    for (Table& table : tables_) {
      for (std::uint32_t& head : table.heads) {
        for (std::uint32_t* link = &head; *link != kNone;) {
          Node& node = table.nodes[*link];
          if (oldest != kNoSnapshot && node.version.died >= oldest) {
            link = &node.next;
            continue;
          }
          release(node.version);
          const std::uint32_t freed = std::exchange(*link, node.next);
          node.next = std::exchange(table.free, freed);
          --table.count;
          --size_;
        }
      }
    }
  }
  // Takes out the versions that no snapshot from `oldest` to `newest`, the first and the last that are open, can see: their key's
  // version before has died at or after `newest`. One that owns trees stays: an older version may share them.
  template <typename Release>
  void purgeUnseen(Lsn newest, Release&& release) {
    for (Table& table : tables_) {
      for (std::uint32_t& head : table.heads) {
        for (std::uint32_t* link = &head; *link != kNone;) {
          Node& node = table.nodes[*link];
          const Version& version = node.version;
          if ((version.owns_trees && version.entry->isLarge()) || !table.hasEarlier(head, *link, newest)) {
            link = &node.next;
            continue;
          }
          release(version);
          const std::uint32_t freed = std::exchange(*link, node.next);
          node.next = std::exchange(table.free, freed);
          --table.count;
          --size_;
        }
      }
    }
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr unsigned kTableBits = 4;
  static constexpr std::size_t kTables = std::size_t{1} << kTableBits;

  struct Node {
    std::uint64_t hash;
    Version version;
    std::uint32_t next;  // in the chain, or of the free ones
  };
  struct Table {
    std::vector<std::uint32_t> heads;  // none before the first node, then a power of two
    std::vector<Node> nodes;
    std::uint32_t free = kNone;  // first of the nodes that are not used
    std::uint32_t count = 0;     // of those that are

    [[nodiscard]] std::size_t bucketOf(std::uint64_t hash) const;
    template <typename Visitor>
    void forEachIn(std::uint32_t at, Visitor&& visitor) const {
      for (; at != kNone; at = nodes[at].next) {
        visitor(nodes[at]);
      }
    }
    // Whether the chain from `head` has, before `node`, a version of the same key that died at or after `lsn`.
    [[nodiscard]] bool hasEarlier(std::uint32_t head, std::uint32_t node, Lsn lsn) const;
    void append(std::uint32_t node);
    void grow();
  };

  static std::size_t tableOf(std::uint64_t hash);

  std::array<Table, kTables> tables_;
  std::size_t size_ = 0;
  Lsn purged_ = kNoSnapshot;  // the oldest snapshot at the last purge
};

}  // namespace trefoil::kv
