// Flusher: moves the ring's bytes to the segment files, and syncs them.
//
// Committers write. Before an answer leaves, its thread calls reach(): what the ring holds goes into the file, so a killed
// process loses nothing that was acknowledged (the kernel has it). Whoever comes first writes for all whose records are complete;
// a network thread calls it once a round for all its connections. The ring stays almost empty, and its bytes in the nearest
// cache. A thread begins segments, finds the way back from a full disk, and syncs by the clock, while committers write on; after
// a second without commits it sleeps. By policy:
//
// everysec   The thread syncs once a second, and sooner when nothing comes any more. What is written meanwhile it sends on its
// way by 2 MB, so that no sync takes
//            long and holds pages that committers write to. What has arrived there leaves the page cache, and its memory comes
//            back for what is written next while it is in the CPU's caches.
// no         Nobody syncs before the segment ends.
// always     Committers sync, too: whoever comes first does it for all, and what comes meanwhile gathers in the ring and shares
//            the next sync (group commit). That spares two thread switches a group, which cost as much as a sync of a good disk.
//            A disk that needs longer than a millisecond must not stop a network thread, though: then the thread syncs as soon as
//            there is a record, and callers are told.
//
// Gathering (`always`): clients that were answered after the last sync send their next commits within microseconds. A sync that
// begins with the first of them makes all the others wait for it and for another one. So a group is left to grow until about as
// much has come as the last sync covered and as was waiting when it ended, but no longer than twice what a sync takes; with one
// client, or after a pause, not at all. (PostgreSQL's commit_delay and commit_siblings, with both numbers measured.)
//
// Zeros ahead: the file is kept longer than the log, with zeros in it, and cut when the segment ends; after a crash the zeros are
// the end of the log (record_format.hpp). What for, with figures from bench/log_file.cpp on ext4:
//   * A write in the middle of a file that has its blocks costs less than one at its end.
//   * The page cache takes memory in pieces as large as one write covers, aligned. So the zeros come a piece at a time, just
//     before the first records in it: writing costs a quarter to a half less so, as one large piece is found, locked, sent to the
//     disk and dropped at once, instead of many pages.
//   * Under `always` there are several at a time, and a sync finds no new block and no new size to note: a third less time
//     (PostgreSQL's wal_init_zero).
//
// Marks: after a sync, the next batch gets a kMark record saying how far the log is on disk; when no batch comes, the mark goes
// out alone, once, and nothing more is written to an idle log. (What was synced but not yet marked can be told from a torn tail
// by nobody: that window is kept small.)
//
// A new segment begins between two records, when the old one has been synced: file made, synced, directory synced, manifest
// swapped, and only then written to. What failed is repeated as often as need be, and what was done is not done again: once a
// manifest has been tried, it may be the one that is on disk, and the file that it names stays as it is. The thread does it;
// meanwhile reach() does not wait, and its callers are told when it is done.
//
// Thread safety: public functions are for all threads. Two mutexes, in this order: file_mutex_ is held by who writes (a sync lets
// it go meanwhile); mutex_ guards waiting and state, and is never held during file I/O.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "aof/listeners.hpp"
#include "aof/log.hpp"
#include "aof/manifest.hpp"
#include "aof/ring.hpp"
#include "aof/waiters.hpp"
#include "base/env.hpp"
#include "base/status.hpp"

namespace trefoil::aof {

class Flusher {
 public:
  struct Start {
    std::unique_ptr<File> file;  // the segment to go on with: synced up to ring.end()
    SegmentEntry segment;
    SyncPolicy policy;
    std::uint64_t segment_bytes;
  };
  Flusher(Ring& ring, ManifestStore& manifest, std::atomic<Lsn>& durable, Start start);
  ~Flusher();
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  // Brings the log as far as the policy asks, on this thread; without effect on a log that refuses writes. See log.hpp.
  Reach reach(Lsn end);
  [[nodiscard]] Lsn reachedLsn() const {
    return policy() == SyncPolicy::kAlways ? durable_.load(std::memory_order_acquire) : written_.load(std::memory_order_acquire);
  }
  Status waitReached(Lsn end);
  Status waitDurable(Lsn end);
  // Waits until `granted()` is true; it is asked again whenever room appears. kReadOnly while writes are refused.
  Status waitForRoom(const std::function<bool()>& granted);

  [[nodiscard]] Log::SyncFigures syncFigures() const {
    return {syncs_.load(std::memory_order_relaxed), all_sync_micros_.load(std::memory_order_relaxed)};
  }
  // Called when durableLsn() or state() has changed, and when reachedLsn() has.
  [[nodiscard]] Listeners& listeners() { return listeners_; }
  [[nodiscard]] Listeners& reachedListeners() { return reached_listeners_; }

  [[nodiscard]] SyncPolicy policy() const { return policy_.load(std::memory_order_seq_cst); }
  void setPolicy(SyncPolicy policy);
  [[nodiscard]] LogState state() const { return state_.load(std::memory_order_acquire); }
  // Nothing will become durable soon: failed, closed, or the disk has been full for a while.
  [[nodiscard]] bool stalled() const {
    return stalled_.load(std::memory_order_acquire) || state() == LogState::kFailed || state() == LogState::kClosed;
  }
  [[nodiscard]] std::string failure() const;
  std::optional<Log::InDoubt> visitInDoubt(const std::function<void(RecordKind, std::string_view payload)>& visitor);

  // The next record begins a new segment, so that the present one can be dropped by the checkpoint after this one.
  void requestRoll();

  // The way back from kFailed, in this order (checkpoint.cpp):
  // continues in `file`, which begins at `segment.start` <= ring.end(): everything before is forgotten. Writes stay refused and
  // durableLsn() where it was, as the manifest on disk still knows nothing of the new file.
  void continueIn(std::unique_ptr<File> file, const SegmentEntry& segment);
  // Waits until the new file is synced up to `end`.
  Status waitSyncedInNewFile(Lsn end);
  // The manifest names the new file (true): back to kOk. Or it could not be changed (false): still kFailed.
  void settle(bool manifest_changed);

  // There may be room for who waits for it: the ring was emptied, or credit was given back.
  void roomCameBack();

  // Writes and syncs everything, then ends the thread. What could not be written is the error.
  Status stop();
  // Up to here the file in use is on disk.
  [[nodiscard]] Lsn synced() const { return synced_.load(std::memory_order_acquire); }

 private:
  // Complete records that go to the file together.
  struct Batch {
    Lsn end;
    Lsn last_commit_end;
    std::size_t records;
    bool segment_full;  // the next record belongs into a new one
  };
  // What one sync covers.
  struct Group {
    std::size_t records = 0;
    std::size_t bytes = 0;
  };

  Reach reachNow(Lsn end);

  using FileLock = std::unique_lock<std::mutex>;

  // The thread's. Like all that follows up to setState: with file_mutex_ held, which `lock` may let go in between.
  void run();
  bool step(FileLock& lock);
  void planNextLook(std::int64_t now);
  [[nodiscard]] Lsn wakeUpAt() const;
  void sleep(FileLock& lock, std::uint32_t ticket);
  void takeNewFile();

  // Anybody's.
  [[nodiscard]] bool usable() const { return file_ != nullptr && canGoOn(); }
  [[nodiscard]] bool canGoOn() const { return state() == LogState::kOk && !rolling_ && !stopping_; }
  [[nodiscard]] bool committersWrite() const { return canGoOn() && !threadSyncsAlways(); }
  [[nodiscard]] bool committersTurn() const;
  [[nodiscard]] bool threadSyncsAlways() const;
  bool writeUpTo(Lsn end);
  void release();
  [[nodiscard]] bool gatheringHelps(std::int64_t now) const;
  [[nodiscard]] std::size_t gatherBytes() const;
  [[nodiscard]] std::int64_t gatherDeadline() const;
  [[nodiscard]] bool unmarked() const;
  void appendMark();
  [[nodiscard]] Batch collect() const;
  bool write();
  void extendFile(Lsn end);
  void cutFile();
  [[nodiscard]] std::uint64_t offsetOf(Lsn lsn) const { return kSegmentHeaderBytes + (lsn - segment_.start); }
  void waitForWriter();
  bool sync(FileLock& lock);
  void beginWriteback(FileLock& lock);
  void publishSynced(Lsn end);
  bool roll(FileLock& lock);
  Status beginSegment(const SegmentEntry& next);
  void enterRetrying(const Error& error);
  void leaveRetrying();
  [[nodiscard]] bool lacksCommits() const;
  void fail(const Error& error);
  [[nodiscard]] Lsn unwritten() const { return ring_.end() - written_.load(std::memory_order_relaxed); }

  void setState(LogState state, std::string reason);

  Ring& ring_;
  ManifestStore& manifest_;
  Env& env_;
  std::atomic<Lsn>& durable_;
  const std::uint64_t segment_bytes_;
  std::atomic<SyncPolicy> policy_;
  std::atomic<Lsn> sync_wanted_{0};  // somebody waits for the new file to be synced up to here
  std::atomic<bool> roll_wanted_{false};
  std::atomic<bool> rolling_{false};  // nothing is written before the thread has begun a new segment
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stalled_{false};

  // Guarded by file_mutex_ (the atomics may be read without).
  std::mutex file_mutex_;
  std::shared_ptr<File> file_;        // null after a failure; who syncs holds on to it
  std::atomic<bool> syncing_{false};  // somebody does, with file_mutex_ released
  std::condition_variable sync_over_;
  SegmentEntry segment_;
  std::uint64_t next_number_ = 0;    // of the segment that roll() is trying to begin
  std::unique_ptr<File> next_file_;  // once it is on disk
  std::atomic<Lsn> written_;
  Lsn file_end_;              // behind written_ the file has room up to here,
  Lsn zeros_end_;             // and zeros that were written up to here
  Lsn sync_begun_;            // what the last sync covers, or will
  Lsn writeback_begun_;       // up to here the kernel has been asked to write to the disk
  Lsn last_mark_;             // what the last mark said
  Lsn last_commit_end_;       // behind the last record that is no mark
  unsigned empty_looks_ = 0;  // how often the next record was not complete yet
  std::atomic<std::int64_t> last_sync_at_{0};
  std::atomic<std::int64_t> last_sync_micros_{0};  // how long it took
  std::atomic<std::uint64_t> syncs_{0};            // since the log was opened
  std::atomic<std::int64_t> all_sync_micros_{0};   // how long they took together
  std::int64_t retry_at_ = 0;
  std::int64_t retrying_since_ = 0;
  Group group_;                                 // since the last sync
  std::atomic<std::size_t> expected_bytes_{0};  // what the next sync should cover; 0: whatever is there

  // The thread's own.
  std::int64_t next_look_at_ = INT64_MAX;  // INT64_MAX: when a record comes
  Lsn last_look_end_;                      // the ring's end at the last one,
  std::int64_t last_growth_at_ = 0;        // and when that was seen to be another than before

  // Changed with mutex_ held; the atomics among them may be read without it.
  mutable std::mutex mutex_;
  Waiters durability_waiters_;  // for durable_, synced_, state_
  Waiters room_waiters_;        // for the ring, state_
  std::atomic<LogState> state_{LogState::kOk};
  std::atomic<Lsn> synced_;         // up to here the file in use is on disk; durable_ follows, unless held_
  std::atomic<bool> held_{false};   // between continueIn() and settle()
  bool abandoned_ = false;          // settle(false) was called: drop the new file
  std::string refusal_;             // why state_ is not kOk
  std::unique_ptr<File> new_file_;  // from continueIn(), until the thread takes it
  SegmentEntry new_segment_;

  Listeners listeners_;
  Listeners reached_listeners_;

  std::thread thread_;  // last: everything above exists before it runs
};

}  // namespace trefoil::aof
