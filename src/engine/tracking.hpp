// Tracking: client-side caching. Clients keep what they have read, and are told when it changes (CLIENT TRACKING).
// https://redis.io/docs/latest/develop/reference/client-side-caching/
//
//   a read ──remember()──▶ shards: key ─▶ who has read it ──┐ forgotten when they are told
//                                                           ├─▶ invalidations ─▶ each one's Outbox, or that of the client to
//   a commit ──onCommit()─▶ prefixes: who wants all below ──┘                    which it has redirected them
//
// Nothing is missed: a read is remembered before it looks (before its snapshot is taken, or under the lock of its key), and
// commits are told of after they are applied. So whoever has read the old value has been remembered when the change is told of;
// or was already told of an earlier one, by a message posted after the read had begun, which leaves behind its answer. A client
// may be told too often, never too seldom. When a change is answered, those who had read it have been told
// (txn/commit_order.hpp).
//
// What is read inside BEGIN is of a snapshot that may be old, and may be rolled back: it is told of as changed at once
// (disclaim()).
//
// Keys are known by their names alone, whatever their database, as in Redis. Clients are known by their numbers: one that is gone
// is not found. The table is bounded by tracking-table-max-keys: above it keys are forgotten, and told of.
//
// It follows the commits only while a client tracks. Locks: a shard's may be taken under those of the store and takes none; the
// prefixes', then the sessions', then an outbox's, without any of the store's.
// Thread safety: all functions.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/memory_account.hpp"
#include "base/types.hpp"
#include "engine/database.hpp"
#include "engine/session.hpp"
#include "txn/commit_order.hpp"

namespace trefoil {

// What CLIENT TRACKING has made of a session. Its own thread changes it, and others only kBrokenRedirect; all may look, but at
// the prefixes.
struct ClientTracking {
  enum Flag : std::uint32_t {
    kOn = 1U << 0,
    kBroadcast = 1U << 1,
    kOptIn = 1U << 2,
    kOptOut = 1U << 3,
    kNoLoop = 1U << 4,
    kCaching = 1U << 5,         // CLIENT CACHING was given, for the next command
    kBrokenRedirect = 1U << 6,  // the client that its messages should go to is gone
  };
  std::atomic<std::uint32_t> flags{0};
  std::atomic<std::uint64_t> redirect{0};  // the client that its messages go to; 0: itself
  std::set<std::string, std::less<>> prefixes;

  [[nodiscard]] bool is(Flag flag) const { return (flags.load(std::memory_order_relaxed) & flag) != 0; }
  void set(Flag flag, bool on) {
    on ? flags.fetch_or(flag, std::memory_order_relaxed) : flags.fetch_and(~flag, std::memory_order_relaxed);
  }
  // Whether keys that are read now are to be remembered.
  [[nodiscard]] bool remembers() const {
    const std::uint32_t now = flags.load(std::memory_order_relaxed);
    const bool caching = (now & kCaching) != 0;
    return (now & (kOn | kBroadcast)) == kOn && ((now & kOptIn) == 0 || caching) && ((now & kOptOut) == 0 || !caching);
  }
};

class Tracking final : public txn::CommitObserver {
 public:
  explicit Tracking(Database::Impl& database) : database_(database) {}  // which outlives it

  // A session begins to track: it is told of every commit that begins after this. Not while it does already.
  void add(std::uint64_t client);
  // It has ended, and has no prefixes any more.
  void remove(std::uint64_t client);
  // It broadcasts all keys that begin so; not yet, or no longer.
  void addPrefix(std::string_view prefix, std::uint64_t client);
  void removePrefix(std::string_view prefix, std::uint64_t client);

  // Before the key is read.
  void remember(std::string_view key, std::uint64_t client);
  // Behind statements that have remembered: forgets what is too much. Without locks.
  void trim();
  // The client is told that the key has changed.
  void disclaim(std::string_view key, std::uint64_t client);

  void onCommit(const txn::Committed& commit) override;

  // For INFO: those who track, keys and who has read them (each pair of both), prefixes.
  struct Figures {
    std::size_t clients = 0;
    std::size_t keys = 0;
    std::size_t items = 0;
    std::size_t prefixes = 0;
  };
  [[nodiscard]] Figures figures();

 private:
  class Invalidation;
  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard library's name
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  using Clients = std::vector<std::uint64_t>;  // sorted
  using ClientsByName = std::unordered_map<std::string, Clients, Hash, std::equal_to<>>;
  struct alignas(64) Shard {
    std::mutex lock;  // guards:
    ClientsByName readers;
    std::size_t items = 0;  // readers of all keys
    MemoryCharge charge{MemoryLeaf::kClients};
  };
  static constexpr std::size_t kShards = 64;
  struct Change {
    std::string_view key;
    bool by_author;  // else by the engine itself: expired, evicted
  };

  Shard& shardOf(std::string_view key) { return shards_[(Hash()(key) >> 16) % kShards]; }
  Clients take(Shard& shard, ClientsByName::iterator place);
  std::size_t dropStrangers(Clients& readers);
  void keyChanged(std::string_view key, std::uint64_t author, Lsn fence);
  void everythingChanged(Lsn fence);
  void broadcast(std::vector<Change>& changes, std::uint64_t author, Lsn fence);
  void tell(std::uint64_t client, Invalidation& invalidation, Lsn fence);
  void forgetAll();

  Database::Impl& database_;
  std::array<Shard, kShards> shards_;
  std::atomic<std::size_t> keys_{0};  // in all shards
  std::atomic<std::size_t> next_trimmed_{0};

  std::mutex follow_mutex_;   // held while it begins or ceases to follow
  std::mutex clients_mutex_;  // guards:
  std::unordered_set<std::uint64_t> clients_;

  std::atomic<std::size_t> prefix_count_{0};
  std::mutex prefixes_mutex_;                      // guards:
  std::map<std::size_t, ClientsByName> prefixes_;  // by their length
  MemoryCharge prefixes_charge_{MemoryLeaf::kClients};
};

}  // namespace trefoil
