#include "aof/flusher.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <utility>

#include "aof/segment.hpp"
#include "base/assert.hpp"
#include "base/lock_order.hpp"
#include "base/logging.hpp"

namespace trefoil::aof {
namespace {

constexpr std::int64_t kSecondMicros = 1'000'000;
// How often the thread looks whether there is something to sync.
constexpr std::int64_t kLookMicros = 100'000;
// A log to which nothing has come since the last look is synced so long after the last sync; a busy one after a second.
constexpr std::int64_t kIdleSyncMicros = 250'000;
constexpr std::int64_t kRetryMicros = 100'000;
// Who waits for a full disk longer than this is told that the outcome is unknown; the bytes are still tried again.
constexpr std::int64_t kPatienceMicros = 1'000'000;
constexpr std::int64_t kMaxGatherMicros = 2'000;
constexpr std::int64_t kLongSyncMicros = 1'000;  // committers leave these to the thread
constexpr std::chrono::microseconds kCopyWait{20};
constexpr unsigned kLooksBeforeSleep = 64;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;
constexpr std::size_t kWritebackStepBytes = std::size_t{2} << 20;
constexpr std::uint64_t kCachedBytes = std::uint64_t{2} << 20;
// How much longer than the log its file is kept: as much again, within these bounds.
constexpr std::uint64_t kMinRoomAhead = 4096;
constexpr std::uint64_t kMaxRoomAhead = std::uint64_t{16} << 20;
// The zeros in it, and the pieces in which they are written: larger ones make small writes dearer, as the kernel looks at every
// block of a piece.
constexpr std::uint64_t kMinZeros = 4096;
constexpr std::uint64_t kMaxPieceBytes = std::uint64_t{128} << 10;
constexpr std::uint64_t kMaxZerosAlways = std::uint64_t{1} << 20;
constexpr std::int64_t kNoDeadline = INT64_MAX;

bool isDiskFull(const Error& error) {
  return error.system_errno == ENOSPC || error.system_errno == EDQUOT;
}

Error unknownOutcome(const std::string& why) {
  return {ErrorCode::kUnknownOutcome, "outcome unknown: the change is in memory, but it may not be on disk (" + why + ")"};
}

}  // namespace

Flusher::Flusher(Ring& ring, ManifestStore& manifest, std::atomic<Lsn>& durable, Start start)
    : ring_(ring),
      manifest_(manifest),
      env_(manifest.env()),
      durable_(durable),
      segment_bytes_(start.segment_bytes),
      policy_(start.policy),
      file_(std::move(start.file)),
      segment_(start.segment),
      written_(ring.end()),
      file_end_(ring.end()),
      zeros_end_(ring.end()),
      sync_begun_(ring.end()),
      writeback_begun_(ring.end()),
      last_mark_(ring.end()),
      last_commit_end_(ring.end()),
      last_look_end_(ring.end()),
      synced_(ring.end()),
      thread_([this] { run(); }) {}

Flusher::~Flusher() {
  // An error has been said by Log::close(), or nobody wanted to know.
  (void)stop();
}

// --- reaching and waiting ---

Reach Flusher::reach(Lsn end) {
  const bool early = reachedLsn() < end && committersTurn() && gatheringHelps(env_.monotonicMicros());
  return early ? Reach::kGather : reachNow(end);
}

Reach Flusher::reachNow(Lsn end) {
  LockOrder::mayWait();
  TREFOIL_DEBUG_ASSERT(end <= ring_.end());
  if (reachedLsn() < end && committersTurn()) {
    FileLock lock(file_mutex_);
    if (reachedLsn() < end && usable() && committersTurn()) {
      const bool always = policy() == SyncPolicy::kAlways;
      writeUpTo(always ? ring_.end() : end);
      if (always) {
        sync(lock);  // also of what was written before the disk was full
      }
    }
  }
  return reachedLsn() >= end ? Reach::kDone : Reach::kTold;
}

Status Flusher::waitReached(Lsn end) {
  LockOrder::mayWait();
  while (reachNow(end) != Reach::kDone) {
    std::unique_lock lock(mutex_);
    Waiters::Entry(durability_waiters_).wait(lock, [&] { return reachedLsn() >= end || stalled() || committersTurn(); });
    if (stalled() && reachedLsn() < end) {
      return unknownOutcome(refusal_);
    }
  }
  return {};
}

Status Flusher::waitDurable(Lsn end) {
  LockOrder::mayWait();
  TREFOIL_ASSERT(end <= ring_.end());
  const auto durable = [&] { return durable_.load(std::memory_order_acquire) >= end; };
  while (true) {
    if (!durable() && committersWrite()) {
      FileLock lock(file_mutex_);
      if (!durable() && usable() && writeUpTo(end)) {
        sync(lock);
      }
    }
    if (durable()) {
      return {};
    }
    std::unique_lock lock(mutex_);
    Waiters::Entry(durability_waiters_).wait(lock, [&] { return durable() || stalled() || committersWrite(); });
    if (stalled() && !durable()) {
      return unknownOutcome(refusal_);
    }
  }
}

Status Flusher::waitForRoom(const std::function<bool()>& granted) {
  LockOrder::mayWait();
  for (bool done = false; !done;) {
    const Lsn end = ring_.end();
    if (state() == LogState::kOk && !rolling_) {
      FileLock lock(file_mutex_);
      if (usable() && writeUpTo(end) && policy() == SyncPolicy::kAlways) {
        sync(lock);
      }
      release();
    }
    std::unique_lock lock(mutex_);
    Waiters::Entry(room_waiters_).wait(lock, [&] {
      done = state() == LogState::kOk && granted();
      return done || state() != LogState::kOk || (canGoOn() && (unwritten() > 0 || written_ > ring_.released()));
    });
    if (state() != LogState::kOk) {  // with the lock: it says why
      return Error(ErrorCode::kReadOnly, "writes are refused: " + refusal_);
    }
  }
  return {};
}

void Flusher::roomCameBack() {
  room_waiters_.notify(mutex_);
}

void Flusher::setPolicy(SyncPolicy policy) {
  policy_.store(policy, std::memory_order_seq_cst);
  ring_.wakeUp();
  durability_waiters_.notify(mutex_);  // who waited for the disk may go on by itself now
  listeners_.call();
  reached_listeners_.call();
}

std::string Flusher::failure() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

std::optional<Log::InDoubt> Flusher::visitInDoubt(const std::function<void(RecordKind, std::string_view)>& visitor) {
  const FileLock lock(file_mutex_);
  const Log::InDoubt range{durable_.load(std::memory_order_acquire), ring_.end()};
  if (range.begin < ring_.released()) {
    return std::nullopt;
  }
  std::string payload;
  for (Lsn at = range.begin; at < range.end;) {
    const std::size_t size = ring_.completeRecordAt(at);
    if (size == 0) {
      return std::nullopt;
    }
    ring_.copyPayload(at, payload);
    visitor(ring_.kindAt(at), payload);
    at += size;
  }
  return range;
}

void Flusher::requestRoll() {
  roll_wanted_.store(true, std::memory_order_relaxed);
}

// --- the thread ---

void Flusher::run() {
  FileLock lock(file_mutex_);
  while (true) {
    const std::uint32_t ticket = ring_.sleeper().prepare();
    takeNewFile();
    const bool stopping = stopping_.load(std::memory_order_seq_cst);
    const bool ok = step(lock);
    const bool drained = unwritten() == 0 && synced_.load(std::memory_order_relaxed) == written_;
    if (stopping && (drained || !ok)) {
      return;
    }
    if (!stopping) {
      sleep(lock, ticket);
    }
  }
}

// Whatever is due now; false if it failed, or has to wait.
bool Flusher::step(FileLock& lock) {
  if (file_ == nullptr) {
    return false;
  }
  const std::int64_t now = env_.monotonicMicros();
  const bool retrying = state() == LogState::kRetrying;
  if (retrying && now < retry_at_ && !stopping_) {
    return false;
  }
  const bool look = now >= next_look_at_;
  const bool idle = look && ring_.end() == last_look_end_;
  const bool urgent = threadSyncsAlways() || stopping_ || sync_wanted_ > synced_;
  if (rolling_ && !roll(lock)) {
    return false;
  }
  if (urgent && gatheringHelps(now)) {
    return false;
  }
  const Lsn end = ring_.end();
  const bool wrote = !(look || urgent || retrying || end > wakeUpAt()) || writeUpTo(end);
  if (rolling_) {
    return true;
  }
  const bool sync_due = look && policy() != SyncPolicy::kNo && now >= last_sync_at_ + (idle ? kIdleSyncMicros : kSecondMicros);
  if ((urgent || sync_due) && !sync(lock)) {
    return false;
  }
  if (idle && wrote && unmarked() && unwritten() == 0 && ring_.hasRoom() && !stopping_) {
    appendMark();  // nothing has come that would bring a mark along
    writeUpTo(ring_.end());
  }
  if (policy() == SyncPolicy::kEverySecond && written_ - writeback_begun_ >= kWritebackStepBytes) {
    beginWriteback(lock);
  }
  if (look || next_look_at_ == kNoDeadline) {
    planNextLook(now);
  }
  return wrote;
}

// Soon, if anything has come within the last second or is left to do; else when the next record comes.
void Flusher::planNextLook(std::int64_t now) {
  const Lsn end = ring_.end();
  if (end != last_look_end_) {
    last_look_end_ = end;
    last_growth_at_ = now;
  }
  const bool unsynced = written_ > synced_ && policy() != SyncPolicy::kNo;
  next_look_at_ = now < last_growth_at_ + kSecondMicros || unsynced || unmarked() ? now + kLookMicros : kNoDeadline;
}

// The append that passes this LSN wakes the thread.
Lsn Flusher::wakeUpAt() const {
  if (threadSyncsAlways()) {
    // Who needed room, or wrote before the policy changed, may have written while the thread was syncing: that wants a sync, too.
    return gatheringHelps(env_.monotonicMicros()) ? written_ + gatherBytes() : synced_.load(std::memory_order_relaxed);
  }
  if (next_look_at_ == kNoDeadline) {
    return last_look_end_;
  }
  return policy() == SyncPolicy::kEverySecond ? writeback_begun_ + kWritebackStepBytes : Ring::kNoWake;
}

void Flusher::sleep(FileLock& lock, std::uint32_t ticket) {
  const bool able = file_ != nullptr && state() != LogState::kRetrying;
  const Lsn wake_at = able ? wakeUpAt() : Ring::kNoWake;
  std::int64_t deadline = able ? next_look_at_ : file_ != nullptr ? retry_at_ : kNoDeadline;
  if (able && threadSyncsAlways() && gatheringHelps(env_.monotonicMicros())) {
    deadline = std::min(deadline, gatherDeadline());
  }
  lock.unlock();
  ring_.wakeAt(wake_at);
  const std::int64_t now = env_.monotonicMicros();
  if (ring_.end() <= wake_at && deadline > now && !(able && rolling_)) {
    ring_.sleeper().sleep(ticket, deadline == kNoDeadline ? -1 : deadline - now);
  }
  ring_.wakeAt(Ring::kNoWake);
  lock.lock();
}

// --- writing and syncing, by whoever holds file_mutex_ ---

// False if write() says so.
bool Flusher::writeUpTo(Lsn end) {
  while (written_ < end) {
    if (!write()) {
      return false;
    }
  }
  return true;
}

// Whether reach() would do something: nobody else is at it.
bool Flusher::committersTurn() const {
  return committersWrite() && !(syncing_ && policy() == SyncPolicy::kAlways);
}

bool Flusher::threadSyncsAlways() const {
  return policy() == SyncPolicy::kAlways && last_sync_micros_.load(std::memory_order_relaxed) > kLongSyncMicros;
}

bool Flusher::gatheringHelps(std::int64_t now) const {
  return policy() == SyncPolicy::kAlways && unwritten() < gatherBytes() && !stopping_ && !held_ && now < gatherDeadline();
}

std::int64_t Flusher::gatherDeadline() const {
  return last_sync_at_ + std::min(2 * last_sync_micros_.load(std::memory_order_relaxed), kMaxGatherMicros);
}

// A little less than before, as the same clients may send a little less.
std::size_t Flusher::gatherBytes() const {
  const std::size_t expected = expected_bytes_.load(std::memory_order_relaxed);
  return expected - expected / 8;
}

bool Flusher::unmarked() const {
  return last_commit_end_ > last_mark_ && synced_ >= last_commit_end_;
}

void Flusher::appendMark() {
  const Lsn synced = synced_.load(std::memory_order_relaxed);
  const std::string_view payload(reinterpret_cast<const char*>(&synced), sizeof(synced));
  ring_.append(RecordKind::kMark, {}, payload, crc32c(payload));
  last_mark_ = synced;
}

// The complete records from written_ on, as far as this batch and this segment go.
Flusher::Batch Flusher::collect() const {
  const Lsn written = written_.load(std::memory_order_relaxed);
  Batch batch{.end = written, .last_commit_end = last_commit_end_, .records = 0, .segment_full = false};
  const bool roll_now = roll_wanted_ && written > segment_.start;
  const Lsn tail = ring_.end();
  while (batch.end < tail && batch.end - written < kBatchBytes) {
    const std::size_t size = ring_.completeRecordAt(batch.end);
    if (size == 0) {
      break;
    }
    const bool beyond = batch.end > segment_.start && batch.end + size - segment_.start > segment_bytes_;
    if ((roll_now || beyond) && !held_) {
      batch.segment_full = true;
      break;
    }
    if (ring_.kindAt(batch.end) != RecordKind::kMark) {
      batch.last_commit_end = batch.end + size;
      ++batch.records;
    }
    batch.end += size;
  }
  return batch;
}

// One batch. False if it failed, or if the thread has to begin a new segment first.
bool Flusher::write() {
  if (unmarked() && ring_.hasRoom()) {
    appendMark();
  }
  const Batch batch = collect();
  const Lsn begin = written_.load(std::memory_order_relaxed);
  if (batch.end == begin && batch.segment_full) {
    rolling_ = true;
    ring_.wakeUp();
    return false;
  }
  if (batch.end == begin) {
    waitForWriter();
    return true;
  }
  empty_looks_ = 0;
  if (batch.end > zeros_end_) {
    extendFile(batch.end);
  }
  for (Lsn at = begin; at < batch.end;) {
    const std::string_view bytes = ring_.bytes(at, batch.end);
    if (Status status = file_->write(offsetOf(at), bytes); !status.ok()) {
      if (isDiskFull(status.error()) && !held_) {
        enterRetrying(status.error());
      } else {
        fail(status.error());
      }
      return false;
    }
    at += bytes.size();
  }
  group_.records += batch.records;
  group_.bytes += batch.end - begin;
  last_commit_end_ = batch.last_commit_end;
  written_.store(batch.end, std::memory_order_release);
  reached_listeners_.call();
  leaveRetrying();
  release();
  return true;
}

// For records that end at `end`. What fails here is not missed: they themselves will say that the disk is full.
void Flusher::extendFile(Lsn end) {
  static constexpr char kZeros[kMaxPieceBytes] = {};
  const bool always = policy() == SyncPolicy::kAlways;
  const Lsn limit = std::max(end, segment_.start + segment_bytes_);
  const std::uint64_t in_use = end - segment_.start;
  if (!always && end > file_end_) {
    file_end_ = std::min(end + std::clamp(in_use, kMinRoomAhead, kMaxRoomAhead), limit);
    (void)file_->allocate(offsetOf(written_), file_end_ - written_);
  }
  // From the piece on that `end` falls into, but for what is written of it.
  const std::uint64_t zeros = std::clamp(std::bit_floor(in_use), kMinZeros, always ? kMaxZerosAlways : kMaxPieceBytes);
  const std::uint64_t piece = std::min(zeros, kMaxPieceBytes);
  const std::uint64_t stop = std::min((offsetOf(end) / zeros + 1) * zeros, offsetOf(limit));
  for (std::uint64_t at = std::max(offsetOf(zeros_end_), offsetOf(end) / piece * piece); at < stop;) {
    const std::uint64_t next = std::min((at / piece + 1) * piece, stop);
    (void)file_->write(at, {kZeros, static_cast<std::size_t>(next - at)});
    at = next;
  }
  zeros_end_ = segment_.start + (stop - kSegmentHeaderBytes);
  file_end_ = std::max(file_end_, zeros_end_);
}

// If it fails, or the process dies before, whoever reads the segment knows zeros for its end.
void Flusher::cutFile() {
  if (file_end_ > written_) {
    (void)file_->truncate(offsetOf(written_));
    file_end_ = written_;
    zeros_end_ = written_;
  }
}

// The next record's writer has its LSN but has not copied everything yet: a moment, unless it lost its CPU.
void Flusher::waitForWriter() {
  if (++empty_looks_ < kLooksBeforeSleep) {
    ::sched_yield();
  } else {
    std::this_thread::sleep_for(kCopyWait);
  }
}

// What is written; others write on meanwhile. False if it failed.
bool Flusher::sync(FileLock& lock) {
  // One at a time: the kernel reports a failure once, and two could each believe the other's.
  sync_over_.wait(lock, [this] { return !syncing_; });
  if (file_ == nullptr || written_ == synced_) {
    return file_ != nullptr;
  }
  const std::shared_ptr<File> file = file_;
  const Group group = std::exchange(group_, {});
  sync_begun_ = written_;
  writeback_begun_ = written_;
  syncing_ = true;
  lock.unlock();
  const std::int64_t began_at = env_.monotonicMicros();
  const Status status = file->sync();
  const std::int64_t ended_at = env_.monotonicMicros();
  lock.lock();
  syncing_ = false;
  sync_over_.notify_all();
  if (file != file_) {
    return false;  // somebody's write has failed meanwhile
  }
  if (!status.ok()) {
    fail(status.error());
    return false;
  }
  last_sync_at_ = ended_at;
  last_sync_micros_ = ended_at - began_at;
  syncs_.fetch_add(1, std::memory_order_relaxed);
  all_sync_micros_.fetch_add(ended_at - began_at, std::memory_order_relaxed);
  // Everybody who is answered now, and everybody who is already waiting for the next one. One client alone waits for nobody.
  const std::size_t waiting = ring_.end() - sync_begun_;
  expected_bytes_ = group.records > 1 || waiting > 0 ? std::min(group.bytes + waiting, ring_.capacity() / 4) : 0;
  if (threadSyncsAlways()) {
    ring_.wakeUp();  // from here on it is the thread's
  }
  publishSynced(sync_begun_);
  release();
  return true;
}

// Under `always` records stay in the ring until they are on disk: should that fail, they say what is in doubt.
void Flusher::release() {
  const Lsn end = policy() == SyncPolicy::kAlways ? synced_ : written_;
  if (end > ring_.released()) {
    ring_.release(end);
    roomCameBack();
  }
}

// Sends what is written on its way to the disk, but for the last piece: the kernel locks it meanwhile, and committers go on with
// that one.
void Flusher::beginWriteback(FileLock& lock) {
  const std::shared_ptr<File> file = file_;
  const std::uint64_t from = offsetOf(writeback_begun_) / kMaxPieceBytes * kMaxPieceBytes;
  const std::uint64_t to = offsetOf(written_) / kMaxPieceBytes * kMaxPieceBytes;
  writeback_begun_ = written_;
  lock.unlock();
  file->startWriteback(from, to - from);
  if (from > kCachedBytes) {
    file->dropCached(0, from - kCachedBytes);
  }
  lock.lock();
}

void Flusher::publishSynced(Lsn end) {
  {
    const std::lock_guard lock(mutex_);
    synced_.store(end, std::memory_order_seq_cst);
    if (!held_) {
      durable_.store(end, std::memory_order_release);
    }
  }
  durability_waiters_.notify(mutex_);
  listeners_.call();
  reached_listeners_.call();
}

// Begins a new segment at written_. False if it did not work out; then it is tried again, with the same number, before anything
// is written.
bool Flusher::roll(FileLock& lock) {
  while (written_ > synced_) {
    if (!sync(lock)) {
      return false;
    }
  }
  cutFile();
  if (next_number_ == 0) {
    next_number_ = manifest_.takeFileNumber();
  }
  const SegmentEntry next{.number = next_number_, .epoch = ring_.epoch(), .start = written_, .end = std::nullopt};
  if (const Status begun = beginSegment(next); !begun.ok()) {
    enterRetrying(begun.error());
    return false;
  }
  file_ = std::move(next_file_);
  segment_ = next;
  file_end_ = written_;
  zeros_end_ = written_;
  writeback_begun_ = written_;
  next_number_ = 0;
  roll_wanted_ = false;
  rolling_ = false;
  leaveRetrying();
  durability_waiters_.notify(mutex_);
  roomCameBack();
  listeners_.call();
  return true;
}

Status Flusher::beginSegment(const SegmentEntry& next) {
  if (next_file_ == nullptr) {
    const SegmentIdentity identity{.epoch = next.epoch, .salt = ring_.salt(), .start = next.start, .synced = next.start};
    TREFOIL_ASSIGN(std::unique_ptr<File> file, createSegment(env_, manifest_.pathOf(segmentName(next.number)), identity));
    TREFOIL_TRY(file->sync());
    next_file_ = std::move(file);
  }
  TREFOIL_TRY(env_.syncDirectory(manifest_.directory()));
  return manifest_.update([&](Manifest& manifest) {
    TREFOIL_ASSERT(manifest.segments.back().number == segment_.number);
    manifest.segments.back().end = next.start;
    manifest.segments.push_back(next);
    manifest.synced = next.start;
  });
}

// --- failures, and the way back ---

void Flusher::enterRetrying(const Error& error) {
  const std::int64_t now = env_.monotonicMicros();
  retry_at_ = now + kRetryMicros;
  ring_.refuse(true);
  if (state() != LogState::kRetrying) {
    retrying_since_ = now;
    setState(LogState::kRetrying, error.message);
    logWarning("the log cannot be written: writes are refused until it can ({})", error.message);
  } else if (!stalled_.load(std::memory_order_relaxed) && now - retrying_since_ >= kPatienceMicros) {
    stalled_.store(true, std::memory_order_release);
    setState(LogState::kRetrying, error.message);  // wakes those who wait
  }
}

void Flusher::leaveRetrying() {
  if (state() == LogState::kRetrying) {
    ring_.refuse(false);
    setState(LogState::kOk, {});
    logWarning("the log can be written again: writes are accepted");
  }
}

void Flusher::fail(const Error& error) {
  file_.reset();
  next_number_ = 0;
  next_file_.reset();
  rolling_ = false;
  ring_.refuse(true);
  setState(LogState::kFailed, error.message);
  logWarning("the log failed: writes are refused until a checkpoint is written from memory ({})", error.message);
}

void Flusher::setState(LogState state, std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(reason);
    state_.store(state, std::memory_order_seq_cst);
    stalled_ = stalled_ && state == LogState::kRetrying;
    held_ = held_ && state != LogState::kFailed;
    durability_waiters_.notifyLocked();
    room_waiters_.notifyLocked();
  }
  listeners_.call();
}

void Flusher::continueIn(std::unique_ptr<File> file, const SegmentEntry& segment) {
  {
    const std::lock_guard lock(mutex_);
    TREFOIL_ASSERT(state() == LogState::kFailed && !held_);
    new_file_ = std::move(file);
    new_segment_ = segment;
    abandoned_ = false;
    held_ = true;
  }
  ring_.wakeUp();
}

Status Flusher::waitSyncedInNewFile(Lsn end) {
  TREFOIL_ASSERT(end <= ring_.end());
  Lsn wanted = sync_wanted_.load(std::memory_order_relaxed);
  while (wanted < end && !sync_wanted_.compare_exchange_weak(wanted, end, std::memory_order_seq_cst)) {
  }
  ring_.wakeUp();
  std::unique_lock lock(mutex_);
  Waiters::Entry(durability_waiters_).wait(lock, [&] { return !held_ || (new_file_ == nullptr && synced_ >= end); });
  if (!held_) {
    return Error(ErrorCode::kIo, refusal_);
  }
  return {};
}

void Flusher::settle(bool manifest_changed) {
  bool came_back = false;
  {
    const std::lock_guard lock(mutex_);
    if (manifest_changed) {
      durable_.store(synced_, std::memory_order_release);
    }
    came_back = held_ && manifest_changed;
    if (came_back) {
      state_.store(LogState::kOk, std::memory_order_seq_cst);
      refusal_.clear();
      ring_.refuse(false);
    }
    abandoned_ = held_ && !manifest_changed;
    held_ = false;
    durability_waiters_.notifyLocked();
    room_waiters_.notifyLocked();
  }
  if (came_back) {
    logWarning("the log goes on in a new file: writes are accepted");
  }
  ring_.wakeUp();
  listeners_.call();
  reached_listeners_.call();
}

void Flusher::takeNewFile() {
  const std::lock_guard lock(mutex_);
  if (abandoned_) {
    file_.reset();
    new_file_.reset();
    abandoned_ = false;
  }
  if (new_file_ == nullptr) {
    return;
  }
  const Lsn start = new_segment_.start;
  TREFOIL_ASSERT(start >= written_);
  for (Lsn at = written_; at < start;) {  // what is forgotten must be complete, or its writer would write into freed room
    const std::size_t size = ring_.completeRecordAt(at);
    if (size == 0) {
      waitForWriter();
    }
    at += size;
  }
  ring_.release(start);
  file_ = std::move(new_file_);
  segment_ = new_segment_;
  written_ = start;
  file_end_ = start;
  zeros_end_ = start;
  synced_ = start;
  sync_begun_ = start;
  writeback_begun_ = start;
  last_mark_ = start;
  last_commit_end_ = start;
  durability_waiters_.notifyLocked();
}

Status Flusher::stop() {
  if (!thread_.joinable()) {
    return {};
  }
  stopping_ = true;
  ring_.wakeUp();
  thread_.join();
  if (file_ != nullptr) {
    cutFile();
  }
  const bool complete = state() != LogState::kFailed && !lacksCommits();
  const std::string reason = refusal_.empty() ? "the log is closed" : refusal_;
  setState(LogState::kClosed, reason);
  ring_.refuse(true);
  if (!complete) {
    const std::string bytes = std::to_string(ring_.end() - durable_);
    return Error(ErrorCode::kUnknownOutcome, "the log could not be brought to disk: its last " + bytes +
                                                 " bytes, and the changes in them, may be lost (" + reason + ")");
  }
  return {};
}

// Whether a record that is no mark is not on disk. Marks are missed by nobody.
bool Flusher::lacksCommits() const {
  bool lacks = last_commit_end_ > synced_;
  std::size_t size = 0;
  for (Lsn at = written_; !lacks && at < ring_.end(); at += size) {
    size = ring_.completeRecordAt(at);
    lacks = size == 0 || ring_.kindAt(at) != RecordKind::kMark;
  }
  return lacks;
}

}  // namespace trefoil::aof
