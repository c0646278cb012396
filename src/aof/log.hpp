// Log: the append-only truth of a data directory, while it is open. Made by Recovery::finish() (recovery.hpp), never otherwise.
//
//   prepare(payload)   before any lock: takes room in the ring; may wait, may fail (disk full, failed sync)
//   append(prepared)   inside the gate: reserves the LSN with one atomic add, copies, stores the length; never waits, never fails
//   reach(end)         when the locks are gone, before the answer leaves: into the file, under `always` onto the disk
//
//   writers ──append──▶ ring (bytes [released, end) of the log) ──reach, flusher: pwrite, fdatasync──▶ log-N.tfl ─▶ log-N+1.tfl
//
// The LSN of a record is its byte position, so log order is the order of the atomic adds, and a snapshot that holds the gate
// exclusively takes end() as its LSN. The file formats are in record_format.hpp; the ring in ring.hpp; the thread in flusher.hpp.
//
// Failures (state()):
//   kOk         ─disk full on write─▶ kRetrying: writes are refused; the same bytes are tried again until they fit ─▶ kOk
//   kOk         ─failed sync, other error─▶ kFailed: writes are refused; waiters above durableLsn() get kUnknownOutcome,
//               at once and for ever; the file is never touched again ─a checkpoint from memory (checkpoint.hpp)─▶ kOk, in a
//               fresh segment
//
// Thread safety: everything may be called from any thread, but close() and destruction only when nobody else uses the log.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aof/record_format.hpp"
#include "aof/ring.hpp"
#include "base/env.hpp"
#include "base/status.hpp"
#include "base/types.hpp"

namespace trefoil::aof {

class Flusher;
class Log;
class ManifestStore;
class OpenParts;
class CheckpointWriter;
class LogTail;
class Recovery;

// appendfsync: when fdatasync is called.
enum class SyncPolicy : std::uint8_t {
  kAlways,       // before an answer leaves; commits that arrive meanwhile share the next one
  kEverySecond,  // once a second
  kNo,           // only when a segment ends, for a checkpoint, and at close()
};

struct LogOptions {
  SyncPolicy policy = SyncPolicy::kEverySecond;
  // A power of two, at least 4096. Larger ones bridge longer syncs but no longer fit the CPU's cache (an append to 64 MB costs
  // half as much again as one to 16 MB, bench/log_append.cpp), and all of it becomes resident.
  std::size_t ring_bytes = std::size_t{16} << 20;
  std::uint64_t segment_bytes = std::uint64_t{128} << 20;
  std::uint64_t backlog_bytes = 0;  // setBacklog()
};

enum class LogState : std::uint8_t { kOk, kRetrying, kFailed, kClosed };

// Where a record went: it is durable once durableLsn() >= end.
struct Appended {
  Lsn lsn = 0;
  Lsn end = 0;
};

// A payload for which the ring holds room. Lives on the committer's stack from prepare() to append(); if it is destroyed without
// append (validation failed), the room is given back and parts that were sent ahead count for nothing.
// The payload's bytes belong to the caller and stay untouched meanwhile.
class PreparedCommit {
 public:
  PreparedCommit() = default;
  PreparedCommit(const PreparedCommit&) = delete;
  PreparedCommit& operator=(const PreparedCommit&) = delete;
  ~PreparedCommit() {
    if (log_ != nullptr) [[unlikely]] {
      giveBack();
    }
  }

 private:
  friend class Log;
  void giveBack();

  std::string_view payload_;  // what goes into the commit record itself: all of it, or what the parts left over
  std::uint32_t payload_crc_ = 0;
  // Only for payloads that are not small:
  Log* log_ = nullptr;
  std::size_t credit_ = 0;
  std::uint32_t part_count_ = 0;
  Lsn group_ = 0;       // the first part's LSN; 0: no parts
  Lsn open_since_ = 0;  // what OpenParts knows the group by
};

class Log {
 public:
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Makes room for `payload` (not empty). Small ones (up to smallPayloadBytes()) pass with a comparison; larger ones are counted
  // and may wait for the disk; above kMaxPayloadBytes all but the end is sent ahead as parts, here and now. Call it without
  // locks, once per `out`, and not twice on a thread without an append or destruction in between. Fails with kReadOnly (and why)
  // while state() is not kOk.
  Status prepare(std::string_view payload, PreparedCommit& out) {
    if (tryPrepare(payload, out)) [[likely]] {
      return {};
    }
    return prepareSlow(payload, out);
  }
  // The same for a large payload that lies in pieces, none of them empty: they go ahead as parts, whatever their sum.
  Status prepare(std::span<const std::string_view> pieces, PreparedCommit& out);
  // As for one piece, but never waits: true if `payload` is small and there is room for it right now. May be called with locks
  // held.
  bool tryPrepare(std::string_view payload, PreparedCommit& out) const {
    if (payload.size() > ring_.smallPayloadBytes() || !ring_.hasRoom()) [[unlikely]] {
      return false;
    }
    out.payload_ = payload;
    out.payload_crc_ = crc32c(payload);
    return true;
  }
  // For a payload whose end will only be known under the locks: sends `ahead` to the log as parts, here and now, and takes room
  // for a last piece of up to lastPieceBytes(), which setLastPiece() names before append(). Otherwise as prepare().
  Status prepareAhead(std::string_view ahead, PreparedCommit& out);
  void setLastPiece(PreparedCommit& prepared, std::string_view piece) const;
  [[nodiscard]] std::size_t lastPieceBytes() const;
  // What a statement asks before it takes the locks under which it will call tryPrepare(): fails with kReadOnly (and why) while
  // state() is not kOk. Does not wait, and leaves the end of the log, which all writers change, on its way to this CPU.
  Status admit() {
    ring_.prefetchEnd();
    return ring_.refuses() ? awaitRoomSlow() : Status();
  }
  // After tryPrepare() said no: waits until a small payload would find room. Fails like admit().
  Status awaitRoom() { return ring_.hasRoom() ? Status() : awaitRoomSlow(); }

  // Puts the record into the log. Never fails, never waits for the disk, allocates nothing.
  Appended append(PreparedCommit& prepared);

  // The position behind the last reserved record: the LSN of a snapshot, when read with the gate held exclusively.
  [[nodiscard]] Lsn end() const { return ring_.end(); }
  // Everything below is on disk, whatever happens.
  [[nodiscard]] Lsn durableLsn() const { return durable_.load(std::memory_order_acquire); }

  // Brings the log up to `end` as far as the policy asks: into the file (what a killed process leaves behind, the kernel has),
  // under `always` onto the disk. Costs a comparison if others have done it. It does I/O, on this thread: no locks. While the log
  // is not kOk it does nothing; then reachedLsn() stays behind until the flusher has found the way back.
  Reach reach(Lsn end);
  [[nodiscard]] Lsn reachedLsn() const;
  // The same, and waits for the way back; kUnknownOutcome if the log is stalled().
  Status waitReached(Lsn end);
  // Waits until durableLsn() >= end, whatever the policy. kUnknownOutcome when a failure comes first.
  Status waitDurable(Lsn end);

  // `listener` is called after durableLsn() advanced and after state() changed, on the thread that did it. It must be quick (poke
  // an eventfd) and must not call the log's blocking functions. Returns a number for removeListener(), which waits for a call
  // under way.
  std::uint64_t onDurable(std::function<void()> listener);
  void removeListener(std::uint64_t id);
  // The same for reachedLsn().
  std::uint64_t onReached(std::function<void()> listener);
  void removeOnReached(std::uint64_t id);

  [[nodiscard]] SyncPolicy policy() const;
  // Takes effect at once, also for those who wait.
  void setPolicy(SyncPolicy policy);

  [[nodiscard]] LogState state() const;
  // True when nobody should wait for durableLsn() any longer: the log failed, or the disk has been full for a second.
  [[nodiscard]] bool stalled() const;
  // Why writes are refused; empty while state() is kOk.
  [[nodiscard]] std::string failure() const;
  // The same question as state() != kOk, for hot paths: one load.
  [[nodiscard]] bool refuses() const { return ring_.refuses(); }

  // The records that are not on disk, [begin, end): what an answer must not tell of under `always`.
  struct InDoubt {
    Lsn begin = 0;
    Lsn end = 0;
    friend bool operator==(const InDoubt&, const InDoubt&) = default;
  };
  [[nodiscard]] InDoubt inDoubt() const { return {durableLsn(), end()}; }
  // Visits them, and returns which they were. Nothing if they cannot be had: some are in a file that failed, or a writer is still
  // copying. Meant for a log that refuses writes; waits for whoever writes or syncs the file.
  std::optional<InDoubt> visitInDoubt(const std::function<void(RecordKind, std::string_view payload)>& visitor);

  // Syncs since the log was opened, and how long they took together.
  struct SyncFigures {
    std::uint64_t count = 0;
    std::int64_t micros = 0;
  };
  [[nodiscard]] SyncFigures syncFigures() const;

  // Segments that a checkpoint makes needless stay for followers (log_tail.hpp) as long as they hold some of the log's last
  // `bytes`.
  void setBacklog(std::uint64_t bytes) { backlog_.store(bytes, std::memory_order_relaxed); }

  // Bytes since the start of the last checkpoint: what a restart would have to replay. Starts automatic checkpoints.
  [[nodiscard]] std::uint64_t bytesSinceCheckpoint() const;

  // Chosen at random when the directory was made; the same for its whole life.
  [[nodiscard]] std::uint64_t hashSeed() const;

  // Everything below which prepare() is a single comparison.
  [[nodiscard]] std::size_t smallPayloadBytes() const { return ring_.smallPayloadBytes(); }

  // Writes and syncs all, and notes the end in the manifest, so that the next opening knows every byte to be promised. The
  // destructor calls it too, but cannot say what went wrong.
  Status close();

 private:
  friend class Recovery;
  friend class CheckpointWriter;
  friend class Flusher;
  friend class LogTail;
  friend class PreparedCommit;

  // What Recovery has found and made.
  struct Opening {
    LogOptions options;
    std::unique_ptr<FileLock> lock;
    std::unique_ptr<ManifestStore> manifest;
    std::unique_ptr<File> file;  // of the last segment in the manifest, synced up to `end`
    Lsn end;
    std::uint32_t salt;
  };
  explicit Log(Opening opening);

  Status awaitRoomSlow();
  Status prepareSlow(std::string_view payload, PreparedCommit& out);
  Status takeCredit(std::size_t bytes);
  Status sendParts(std::span<const std::string_view> pieces, PreparedCommit& out);
  Status sendPart(std::string_view piece, PreparedCommit& out);
  Appended appendLarge(PreparedCommit& prepared);

  Ring ring_;
  std::atomic<Lsn> durable_;
  std::atomic<Lsn> checkpoint_start_;
  std::atomic<bool> checkpoint_running_{false};
  std::atomic<std::uint64_t> backlog_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<ManifestStore> manifest_;
  std::unique_ptr<OpenParts> open_parts_;
  std::unique_ptr<Flusher> flusher_;
};

}  // namespace trefoil::aof
