// Flusher: the one thread that moves the ring's bytes to the segment files, and everything that waits for it.
//
// When it writes: `always` as soon as there is a record; else a twentieth of a second after the first record it has not written
// (so a killed process loses that much, a power cut a second), at once when a quarter of the ring is full or somebody waits for
// durability. While there is nothing to do it sleeps without a timeout, and the first append wakes it.
//
// When it syncs: see SyncPolicy. Under `always`, and for who waits, it syncs itself: meanwhile records gather in the ring, and
// the next round takes them all (group commit). Under everysec the sync runs on a second thread, and the ring is emptied
// meanwhile.
//
// Gathering (`always`): clients that were answered after the last sync send their next commits within microseconds. A sync that
// begins with the first of them makes all the others wait for it and for another one. So the flusher waits until about as much
// has come as the last sync covered and as was waiting when it ended, but no longer than a quarter of what a sync takes; with one
// client, or after a pause, not at all. (PostgreSQL's commit_delay and commit_siblings, with both numbers measured.)
//
// Marks: after a sync, the next batch gets a kMark record saying how far the log is on disk; when no batch comes for a second,
// the mark goes out alone. (What was synced but not yet marked can be told from a torn tail by nobody: that window is kept
// small.)
//
// A new segment begins between two records, when the old one has been synced: file made, synced, directory synced, manifest
// swapped, and only then written to. All of that is repeated as often as need be, as nothing in it can damage what is already on
// disk.
//
// Thread safety: run() is the thread's; public functions are for all threads. mutex_ guards waiting and state, and is never held
// during file I/O.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "aof/background_sync.hpp"
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

  Status waitDurable(Lsn end);
  // Waits until `granted()` is true; it is asked again whenever room appears. kReadOnly while writes are refused.
  Status waitForRoom(const std::function<bool()>& granted);

  std::uint64_t addListener(std::function<void()> listener);
  void removeListener(std::uint64_t id);

  [[nodiscard]] SyncPolicy policy() const { return policy_.load(std::memory_order_seq_cst); }
  void setPolicy(SyncPolicy policy);
  [[nodiscard]] LogState state() const { return state_.load(std::memory_order_acquire); }
  // Nothing will become durable soon: failed, closed, or the disk has been full for a while.
  [[nodiscard]] bool stalled() const {
    return stalled_.load(std::memory_order_acquire) || state() == LogState::kFailed || state() == LogState::kClosed;
  }
  [[nodiscard]] Error refusal() const;

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

 private:
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

  // Any thread's: the flusher is to sync up to `end` whatever the policy. It must be woken, too.
  void wantSync(Lsn end);

  // The thread's.
  void run();
  bool step();
  [[nodiscard]] bool urgent() const;
  [[nodiscard]] bool writeDue(std::int64_t now) const;
  [[nodiscard]] bool backgroundSyncDue(std::int64_t now) const;
  [[nodiscard]] bool markDue(std::int64_t now) const;
  [[nodiscard]] bool unmarked() const;
  [[nodiscard]] bool gatheringHelps(std::int64_t now) const;
  [[nodiscard]] std::size_t gatherBytes() const;
  void appendMark();
  [[nodiscard]] Batch collect() const;
  bool write();
  void waitForWriter();
  void sync();
  bool settleBackgroundSync(const std::optional<Status>& result);
  void publishSynced(Lsn end);
  void closeFile();
  bool roll();
  Result<std::unique_ptr<File>> beginSegment(const SegmentEntry& next);
  void sleep(std::uint32_t ticket);
  [[nodiscard]] std::int64_t nextDeadline() const;
  void takeNewFile();
  void enterRetrying(const Error& error);
  void leaveRetrying();
  void fail(const Error& error);
  [[nodiscard]] Lsn unwritten() const { return ring_.end() - written_; }

  void setState(LogState state, std::string reason);
  void callListeners();

  Ring& ring_;
  ManifestStore& manifest_;
  Env& env_;
  std::atomic<Lsn>& durable_;
  const std::uint64_t segment_bytes_;
  std::atomic<SyncPolicy> policy_;
  std::atomic<Lsn> sync_wanted_{0};  // somebody waits for durability up to here
  std::atomic<bool> roll_wanted_{false};
  std::atomic<bool> stopping_{false};

  // The thread's own.
  std::unique_ptr<File> file_;  // null after a failure
  BackgroundSync background_;   // of file_, up to background_end_
  Lsn background_end_ = 0;
  SegmentEntry segment_;
  std::uint64_t next_number_ = 0;  // of the segment that roll() is trying to begin
  Lsn written_;
  Lsn last_mark_;        // what the last mark said
  Lsn last_commit_end_;  // behind the last record that is no mark
  bool tick_running_ = false;
  unsigned empty_looks_ = 0;  // how often the next record was not complete yet
  std::int64_t next_write_at_ = 0;
  std::int64_t last_sync_at_ = 0;
  std::int64_t last_sync_micros_ = 0;  // how long it took
  std::int64_t retry_at_ = 0;
  std::int64_t retrying_since_ = 0;
  std::atomic<bool> stalled_{false};
  Group group_;                     // since the last sync
  std::size_t expected_bytes_ = 0;  // what the next sync should cover; 0: whatever is there
  std::int64_t gather_until_ = 0;   // 0: not gathering

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

  struct Listener {
    std::uint64_t id;
    std::function<void()> call;
  };
  std::mutex listeners_mutex_;
  std::uint64_t last_listener_ = 0;
  std::vector<Listener> listeners_;

  std::thread thread_;  // last: everything above exists before it runs
};

}  // namespace trefoil::aof
