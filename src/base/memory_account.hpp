// The account of memory: how many bytes each kind of content holds, over all threads of the process.
//
//   thread:   delta of each leaf ──(a page's worth, either way)──▶ shared total of the leaf ──▶ maxmemory, INFO
//
// Who allocates something of a leaf adds its bytes here, who frees it adds them negative. A thread keeps what it added in
// numbers of its own and carries them over when a page has come together, so that no shared counter is on a hot path; roughly()
// may be off by a page for each thread, used() reads the threads' numbers, too, and is exact when nobody is at work.
//
// The account is the process's, not a database's: what is allocated deep in a tree need not know whose it is, and memory is the
// process's in any case. Databases that are open in one process share it.
//
// Thread safety: all functions.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trefoil {

enum class MemoryLeaf : std::uint8_t {
  kKeys,          // the keyspace: entries, collections, directories, what snapshots still see of them
  kRows,          // tables: blocks, chunks, long texts
  kIndexes,       // tables' B+trees
  kVectors,       // vectors of tables and their graphs
  kPlans,         // bound statements
  kClients,       // connections' buffers, commands that MULTI has queued
  kTransactions,  // staged changes
  kQueries,       // what running statements collect
  kTls,           // what OpenSSL has: certificates, and its part of each connection
};
inline constexpr std::size_t kMemoryLeaves = 9;
// As INFO shows it: "keys", "rows" …
std::string_view memoryLeafName(MemoryLeaf leaf);

class MemoryAccount {
 public:
  static constexpr std::int64_t kPage = 64 << 10;

  static void add(MemoryLeaf leaf, std::int64_t bytes) {
    std::atomic<std::int64_t>& delta = mine_.deltas[static_cast<std::size_t>(leaf)];
    const std::int64_t sum = delta.load(std::memory_order_relaxed) + bytes;
    delta.store(sum, std::memory_order_relaxed);
    if (sum >= mine_.page || -sum >= mine_.page) [[unlikely]] {
      carryOver(leaf);
    }
  }
  // Bytes of a leaf, and of all.
  static std::int64_t used(MemoryLeaf leaf);
  static std::int64_t used();
  // Of all, but for what threads have not carried over yet: some loads from one cache line.
  static std::int64_t roughly();
  static std::int64_t roughly(MemoryLeaf leaf);
  // The same with what this thread has not: so a thread sees what its own work has changed.
  static std::int64_t roughlyHere();

 private:
  struct ThreadDeltas {
    std::array<std::atomic<std::int64_t>, kMemoryLeaves> deltas;
    std::int64_t page;  // 0 before the thread is known and after it has said good-bye: every add is carried over
  };
  class Registration;
  static void carryOver(MemoryLeaf leaf);

  static thread_local constinit ThreadDeltas mine_;
};

// Bytes of one object that grows and shrinks, added to a leaf while it lives.
class MemoryCharge {
 public:
  explicit MemoryCharge(MemoryLeaf leaf) : leaf_(leaf) {}
  MemoryCharge(const MemoryCharge&) = delete;
  MemoryCharge& operator=(const MemoryCharge&) = delete;
  ~MemoryCharge() { set(0); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void set(std::size_t bytes) {
    MemoryAccount::add(leaf_, static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(bytes_));
    bytes_ = bytes;
  }

 private:
  MemoryLeaf leaf_;
  std::size_t bytes_ = 0;
};

}  // namespace trefoil
