// Ring: the newest bytes of the log in memory, [released, end). Many writers, one flusher, no lock.
//
//        released          written by the flusher next          tail (= end)
//   ──────┼───────────────────────────┬──────────────┬─────────────┼───────────▶ LSN       a byte's place: LSN mod capacity
//         │ complete records          │ length is 0: │ complete    │ zeros
//         │                           │ being copied │             │
//
//   writer   lsn = tail.fetch_add(size); copies header and payload; stores the length last (release)
//   flusher  walks from length to length (acquire) up to the first 0; writes to the file (under `always`, syncs); zeroes the
//   bytes;
//            moves released
//
// Invariants:
//   1. Every byte in [end, released + capacity) is zero: a length is 0 until its record is complete.
//   2. end <= released + capacity. Room is granted before a writer takes its locks, so that append never waits:
//      large records: counted in large_credit_ while they are outstanding. Small ones are not counted at all: they pass if
//        end + large credit - released < limit, and limit = capacity - slack, where slack (a quarter of the ring) holds one small
//      record of each of kMaxWriters threads. At the latest moment at which anybody passed, the ring was below the limit; what
//      can still come after it is at most one small record per thread.
//   The loads are ordered so that a race overestimates what is taken: released first, large credit second, tail last; and a large
//   record enters tail before it leaves the credit.
//
// A thread that sleeps for work sets wakeAt(lsn): the append that passes that LSN, and only that one, makes a system call.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "aof/record_format.hpp"
#include "aof/sleeper.hpp"
#include "base/prefetch.hpp"
#include "base/types.hpp"

namespace trefoil::aof {

class Ring {
 public:
  static constexpr std::size_t kMaxWriters = 256;
  static constexpr std::size_t kMinCapacity = 4096;

  struct Options {
    std::size_t capacity;  // a power of two, at least kMinCapacity
    Lsn start;             // the first record's LSN, a multiple of kRecordAlignment
    std::uint32_t epoch;
    std::uint32_t salt;
  };
  explicit Ring(const Options& options);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // --- writers ---

  // Largest payload that needs no counted credit, and largest one in any record.
  [[nodiscard]] std::size_t smallPayloadBytes() const { return small_payload_bytes_; }
  [[nodiscard]] std::size_t maxPayloadBytes() const { return max_payload_bytes_; }

  // Whether a small record may be appended: once, soon, by this thread.
  [[nodiscard]] bool hasRoom() const {
    const Lsn released = released_.load(std::memory_order_acquire);
    const Lsn large = large_credit_.load(std::memory_order_acquire);
    return tail_.load(std::memory_order_acquire) + large - released < limit_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool refuses() const { return limit_.load(std::memory_order_relaxed) == 0; }
  // For a writer that will append in a moment: the line that all of them change comes over from the last one's CPU meanwhile.
  void prefetchEnd() const { prefetchForWrite(&tail_); }
  // Takes counted credit for `bytes`, or says that there is none now.
  bool tryTakeCredit(std::size_t bytes);
  void returnCredit(std::size_t bytes) { large_credit_.fetch_sub(bytes, std::memory_order_acq_rel); }

  // A record of `prefix` and `payload`, whose crc32c together is `crc`; room was granted before. Returns its LSN; it ends at
  // lsn + recordBytes(prefix and payload).
  Lsn append(RecordKind kind, std::string_view prefix, std::string_view payload, std::uint32_t crc);

  [[nodiscard]] Lsn end() const { return tail_.load(std::memory_order_seq_cst); }

  // --- the flusher ---

  [[nodiscard]] Lsn released() const { return released_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  // Bytes of the record at `lsn` (>= released), or 0 while it is incomplete or not there.
  [[nodiscard]] std::size_t completeRecordAt(Lsn lsn) const;
  // The kind of a complete record.
  [[nodiscard]] RecordKind kindAt(Lsn lsn) const {
    return static_cast<RecordKind>(data_[(lsn + offsetof(RecordHeader, kind)) & mask_]);
  }
  // The payload of a complete record, copied: it may lie across the ring's edge.
  void copyPayload(Lsn lsn, std::string& payload) const;
  // The bytes from `from` on, up to `to` or the ring's edge: call again for the rest.
  [[nodiscard]] std::string_view bytes(Lsn from, Lsn to) const;
  // Forgets everything below `to`; all records below it are complete.
  void release(Lsn to);

  // No room for anybody (true), or as usual (false).
  void refuse(bool refused) { limit_.store(refused ? 0 : capacity_ - slack_, std::memory_order_seq_cst); }

  // wakeUp() is called by the first append whose end passes `lsn`. Nobody is woken while it is kNoWake.
  static constexpr Lsn kNoWake = ~Lsn{0};
  void wakeAt(Lsn lsn) { wake_at_.store(lsn, std::memory_order_seq_cst); }
  void wakeUp() {
    wake_at_.store(kNoWake, std::memory_order_seq_cst);
    sleeper_.wake();
  }
  Sleeper& sleeper() { return sleeper_; }

  [[nodiscard]] std::uint32_t epoch() const { return epoch_; }
  [[nodiscard]] std::uint32_t salt() const { return salt_; }

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }  // NOLINT: from calloc
  };

  void copyIn(Lsn at, std::string_view bytes);
  void waitForRoom(Lsn end) const;
  // Of a record's header: records and the ring's edge are aligned to words. The first one holds the length, in its low half.
  std::uint64_t& wordAt(Lsn lsn) const { return *reinterpret_cast<std::uint64_t*>(data_.get() + (lsn & mask_)); }

  const std::size_t capacity_;
  const std::uint64_t mask_;
  const std::size_t slack_;
  const std::size_t small_payload_bytes_;
  const std::size_t max_payload_bytes_;
  const std::uint32_t epoch_;
  const std::uint32_t salt_;
  const std::unique_ptr<char[], Free> data_;

  alignas(64) std::atomic<Lsn> tail_;
  // Read by every append, changed once per flush.
  alignas(64) std::atomic<Lsn> released_;
  std::atomic<Lsn> large_credit_{0};
  std::atomic<Lsn> limit_;
  std::atomic<Lsn> wake_at_{kNoWake};
  alignas(64) Sleeper sleeper_;
};

}  // namespace trefoil::aof
