#include "aof/flusher.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>

#include "aof/segment.hpp"
#include "base/assert.hpp"

namespace trefoil::aof {
namespace {

constexpr std::int64_t kWriteTickMicros = 50'000;
constexpr std::int64_t kSecondMicros = 1'000'000;
constexpr std::int64_t kRetryMicros = 100'000;
// Who waits for a full disk longer than this is told that the outcome is unknown; the bytes are still tried again.
constexpr std::int64_t kPatienceMicros = 1'000'000;
constexpr std::int64_t kMinGatherMicros = 50;  // shorter ones are over before a thread has woken up
constexpr std::int64_t kMaxGatherMicros = 2'000;
constexpr std::int64_t kCopyWaitMicros = 20;
constexpr unsigned kLooksBeforeSleep = 64;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;
constexpr std::size_t kSyncStepBytes = std::size_t{8} << 20;  // everysec syncs earlier, so that no sync takes long
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
      background_([this] { ring_.wakeUp(); }),
      segment_(start.segment),
      written_(ring.end()),
      last_mark_(ring.end()),
      last_commit_end_(ring.end()),
      synced_(ring.end()),
      thread_([this] { run(); }) {}

Flusher::~Flusher() {
  // An error has been said by Log::close(), or nobody wanted to know.
  (void)stop();
}

// --- waiting ---

void Flusher::wantSync(Lsn end) {
  Lsn wanted = sync_wanted_.load(std::memory_order_relaxed);
  while (wanted < end && !sync_wanted_.compare_exchange_weak(wanted, end, std::memory_order_seq_cst)) {
  }
}

Status Flusher::waitDurable(Lsn end) {
  TREFOIL_ASSERT(end <= ring_.end());
  if (durable_.load(std::memory_order_acquire) >= end) {
    return {};
  }
  wantSync(end);
  if (policy() != SyncPolicy::kAlways) {
    ring_.wakeUp();  // under `always` the append has done so
  }
  std::unique_lock lock(mutex_);
  Waiters::Entry(durability_waiters_).wait(lock, [&] { return durable_.load(std::memory_order_acquire) >= end || stalled(); });
  if (durable_.load(std::memory_order_acquire) >= end) {
    return {};
  }
  return unknownOutcome(refusal_);
}

Status Flusher::waitForRoom(const std::function<bool()>& granted) {
  std::unique_lock lock(mutex_);
  Waiters::Entry entry(room_waiters_);
  ring_.wakeUp();
  bool done = false;
  entry.wait(lock, [&] {
    done = state() == LogState::kOk && granted();
    return done || state() != LogState::kOk;
  });
  if (done) {
    return {};
  }
  return Error(ErrorCode::kReadOnly, "writes are refused: " + refusal_);
}

void Flusher::roomCameBack() {
  room_waiters_.notify(mutex_);
}

void Flusher::callListeners() {
  const std::lock_guard lock(listeners_mutex_);
  for (const Listener& listener : listeners_) {
    listener.call();
  }
}

std::uint64_t Flusher::addListener(std::function<void()> listener) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.push_back({.id = ++last_listener_, .call = std::move(listener)});
  return last_listener_;
}

void Flusher::removeListener(std::uint64_t id) {
  const std::lock_guard lock(listeners_mutex_);
  std::erase_if(listeners_, [id](const Listener& listener) { return listener.id == id; });
}

void Flusher::setPolicy(SyncPolicy policy) {
  const SyncPolicy before = policy_.exchange(policy, std::memory_order_seq_cst);
  if (before == SyncPolicy::kAlways && policy != before) {
    wantSync(ring_.end());  // there are replies that wait for it (Log::fence())
  }
  ring_.wakeUp();
}

Error Flusher::refusal() const {
  const std::lock_guard lock(mutex_);
  return {ErrorCode::kReadOnly, "writes are refused: " + refusal_};
}

void Flusher::requestRoll() {
  roll_wanted_.store(true, std::memory_order_relaxed);
}

// --- the thread ---

void Flusher::run() {
  while (true) {
    const std::uint32_t ticket = ring_.sleeper().prepare();
    takeNewFile();
    const bool stopping = stopping_.load(std::memory_order_seq_cst);
    const bool progressed = step();
    const bool drained = unwritten() == 0 && synced_.load(std::memory_order_relaxed) == written_;
    if (stopping && (drained || !progressed)) {
      return;
    }
    if (!progressed) {
      sleep(ticket);
    }
  }
}

// One round of what is due now; false if nothing was, or if it failed.
bool Flusher::step() {
  if (file_ == nullptr) {
    return false;
  }
  if (!settleBackgroundSync(background_.take())) {
    return false;
  }
  const std::int64_t now = env_.monotonicMicros();
  if (state() == LogState::kRetrying && now < retry_at_ && !stopping_) {
    return false;
  }
  if (markDue(now)) {
    appendMark();
    next_write_at_ = now;
    tick_running_ = true;
  }
  if (unwritten() > 0 && !tick_running_) {
    next_write_at_ = now + kWriteTickMicros;
    tick_running_ = true;
  }
  if (unwritten() > 0 && gather_until_ == 0 && gatheringHelps(now)) {
    gather_until_ = now + std::min(last_sync_micros_ / 4, kMaxGatherMicros);
  }
  if (gather_until_ > now && gatheringHelps(now)) {
    return false;
  }
  bool progressed = false;
  if (unwritten() > 0 && writeDue(now)) {
    progressed = write();
  }
  if (file_ != nullptr && written_ > synced_ && urgent()) {
    sync();
    progressed = file_ != nullptr;
  } else if (file_ != nullptr && backgroundSyncDue(now)) {
    background_end_ = written_;
    background_.start(*file_);
    last_sync_at_ = now;
  }
  return progressed;
}

bool Flusher::urgent() const {
  return policy() == SyncPolicy::kAlways || stopping_ || sync_wanted_ > synced_;
}

bool Flusher::gatheringHelps(std::int64_t now) const {
  return policy() == SyncPolicy::kAlways && unwritten() < gatherBytes() && !stopping_ && !held_ &&
         last_sync_micros_ / 4 >= kMinGatherMicros && now - last_sync_at_ < 4 * last_sync_micros_;
}

// A little less than before, as the same clients may send a little less.
std::size_t Flusher::gatherBytes() const {
  return expected_bytes_ - expected_bytes_ / 8;
}

bool Flusher::writeDue(std::int64_t now) const {
  return urgent() || now >= next_write_at_ || unwritten() >= ring_.capacity() / 4 || room_waiters_.any();
}

bool Flusher::backgroundSyncDue(std::int64_t now) const {
  return policy() == SyncPolicy::kEverySecond && written_ > synced_ && !background_.busy() &&
         (now >= last_sync_at_ + kSecondMicros || written_ - synced_ >= kSyncStepBytes);
}

// The last commits are on disk, but no mark says so, and for a second nothing has come that would bring one along.
bool Flusher::markDue(std::int64_t now) const {
  return unmarked() && unwritten() == 0 && now >= last_sync_at_ + kSecondMicros && ring_.hasRoom() && !stopping_;
}

bool Flusher::unmarked() const {
  return last_commit_end_ > last_mark_ && synced_ >= last_commit_end_;
}

void Flusher::appendMark() {
  const Lsn synced = synced_.load(std::memory_order_relaxed);
  const std::string_view payload(reinterpret_cast<const char*>(&synced), sizeof(synced));
  ring_.append({.kind = RecordKind::kMark, .payload = payload, .payload_crc = crc32c(payload)});
  last_mark_ = synced;
}

// The complete records from written_ on, as far as this batch and this segment go.
Flusher::Batch Flusher::collect() const {
  Batch batch{.end = written_, .last_commit_end = last_commit_end_, .records = 0, .segment_full = false};
  const Lsn tail = ring_.end();
  const bool roll_now = roll_wanted_ && written_ > segment_.start;
  while (batch.end < tail && batch.end - written_ < kBatchBytes) {
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

// One batch. False if it failed.
bool Flusher::write() {
  if (unmarked() && ring_.hasRoom()) {
    appendMark();
  }
  const Batch batch = collect();
  if (batch.end == written_) {
    if (batch.segment_full) {
      return roll();
    }
    waitForWriter();
    return true;
  }
  empty_looks_ = 0;
  for (Lsn at = written_; at < batch.end;) {
    const std::string_view bytes = ring_.bytes(at, batch.end);
    if (Status status = file_->write(kSegmentHeaderBytes + (at - segment_.start), bytes); !status.ok()) {
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
  group_.bytes += batch.end - written_;
  written_ = batch.end;
  last_commit_end_ = batch.last_commit_end;
  tick_running_ = false;
  gather_until_ = 0;
  ring_.release(written_);
  leaveRetrying();
  roomCameBack();
  return true;
}

// The next record's writer has its LSN but has not copied everything yet: a moment, unless it lost its CPU.
void Flusher::waitForWriter() {
  if (++empty_looks_ < kLooksBeforeSleep) {
    ::sched_yield();
  } else {
    ring_.sleeper().sleep(ring_.sleeper().prepare(), kCopyWaitMicros);
  }
}

void Flusher::sync() {
  if (!settleBackgroundSync(background_.wait())) {
    return;
  }
  const std::int64_t began_at = env_.monotonicMicros();
  if (Status status = file_->sync(); !status.ok()) {
    fail(status.error());
    return;
  }
  last_sync_at_ = env_.monotonicMicros();
  last_sync_micros_ = last_sync_at_ - began_at;
  // Everybody who was answered now, and everybody who is already waiting for the next one. One client alone waits for nobody.
  const std::size_t waiting = unwritten();
  expected_bytes_ = group_.records > 1 || waiting > 0 ? std::min(group_.bytes + waiting, ring_.capacity() / 4) : 0;
  group_ = {};
  publishSynced(written_);
}

// Takes the result of a sync that has ended in the background. False if it failed.
bool Flusher::settleBackgroundSync(const std::optional<Status>& result) {
  if (!result) {
    return true;
  }
  if (!result->ok()) {
    fail(result->error());
    return false;
  }
  publishSynced(background_end_);
  return true;
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
  callListeners();
}

// The file must outlive a sync under way; what comes of that is of no interest any more.
void Flusher::closeFile() {
  (void)background_.wait();
  file_.reset();
}

// Begins a new segment at written_. False if it did not work out; then it is tried again, with the same number, before anything
// is written.
bool Flusher::roll() {
  if (written_ > synced_) {
    sync();
    if (file_ == nullptr) {
      return false;
    }
  }
  if (next_number_ == 0) {
    next_number_ = manifest_.takeFileNumber();
  }
  const SegmentEntry next{.number = next_number_, .epoch = ring_.epoch(), .start = written_, .end = std::nullopt};
  Result<std::unique_ptr<File>> file = beginSegment(next);
  if (!file.ok()) {
    enterRetrying(file.error());
    return false;
  }
  TREFOIL_ASSERT(!background_.busy());  // all was synced
  file_ = std::move(file).value();
  segment_ = next;
  next_number_ = 0;
  roll_wanted_ = false;
  leaveRetrying();
  return true;
}

Result<std::unique_ptr<File>> Flusher::beginSegment(const SegmentEntry& next) {
  const SegmentIdentity identity{.epoch = next.epoch, .salt = ring_.salt(), .start = next.start, .synced = next.start};
  TREFOIL_ASSIGN(std::unique_ptr<File> file, createSegment(env_, manifest_.pathOf(segmentName(next.number)), identity));
  TREFOIL_TRY(file->sync());
  TREFOIL_TRY(env_.syncDirectory(manifest_.directory()));
  TREFOIL_TRY(manifest_.update([&](Manifest& manifest) {
    TREFOIL_ASSERT(manifest.segments.back().number == segment_.number);
    manifest.segments.back().end = next.start;
    manifest.segments.push_back(next);
    manifest.synced = next.start;
  }));
  return file;
}

void Flusher::sleep(std::uint32_t ticket) {
  Lsn wake_at = Ring::kNoWake;
  if (file_ != nullptr && state() != LogState::kRetrying) {
    wake_at = unwritten() == 0 ? written_ : written_ + ring_.capacity() / 4;
    if (policy() == SyncPolicy::kAlways) {
      wake_at = gather_until_ == 0 ? written_ : written_ + gatherBytes();
    }
  }
  ring_.wakeAt(wake_at);
  const std::int64_t deadline = nextDeadline();
  const std::int64_t now = env_.monotonicMicros();
  if (ring_.end() <= wake_at && deadline > now) {
    ring_.sleeper().sleep(ticket, deadline == kNoDeadline ? -1 : deadline - now);
  }
  ring_.wakeAt(Ring::kNoWake);
}

// When step() will have something to do although nobody wakes us.
std::int64_t Flusher::nextDeadline() const {
  if (file_ == nullptr) {
    return kNoDeadline;
  }
  if (state() == LogState::kRetrying) {
    return retry_at_;
  }
  std::int64_t deadline = kNoDeadline;
  if (unwritten() > 0) {
    deadline = gather_until_ != 0 ? gather_until_ : tick_running_ ? next_write_at_ : 0;
  }
  const bool sync_to_come = written_ > synced_ && policy() == SyncPolicy::kEverySecond && !background_.busy();
  const bool mark_to_come = unwritten() == 0 && unmarked() && ring_.hasRoom();
  if (sync_to_come || mark_to_come) {
    deadline = std::min(deadline, last_sync_at_ + kSecondMicros);
  }
  return deadline;
}

// --- failures, and the way back ---

void Flusher::enterRetrying(const Error& error) {
  const std::int64_t now = env_.monotonicMicros();
  retry_at_ = now + kRetryMicros;
  ring_.refuse(true);
  if (state() != LogState::kRetrying) {
    retrying_since_ = now;
    setState(LogState::kRetrying, error.message);
  } else if (!stalled_.load(std::memory_order_relaxed) && now - retrying_since_ >= kPatienceMicros) {
    stalled_.store(true, std::memory_order_release);
    setState(LogState::kRetrying, error.message);  // wakes those who wait
  }
}

void Flusher::leaveRetrying() {
  if (state() == LogState::kRetrying) {
    ring_.refuse(false);
    setState(LogState::kOk, {});
  }
}

void Flusher::fail(const Error& error) {
  closeFile();
  next_number_ = 0;
  ring_.refuse(true);
  setState(LogState::kFailed, error.message);
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
  callListeners();
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
  wantSync(end);
  ring_.wakeUp();
  std::unique_lock lock(mutex_);
  Waiters::Entry(durability_waiters_).wait(lock, [&] { return !held_ || (new_file_ == nullptr && synced_ >= end); });
  if (!held_) {
    return Error(ErrorCode::kIo, refusal_);
  }
  return {};
}

void Flusher::settle(bool manifest_changed) {
  {
    const std::lock_guard lock(mutex_);
    if (manifest_changed) {
      durable_.store(synced_, std::memory_order_release);
    }
    if (held_ && manifest_changed) {
      state_.store(LogState::kOk, std::memory_order_seq_cst);
      refusal_.clear();
      ring_.refuse(false);
    }
    abandoned_ = held_ && !manifest_changed;
    held_ = false;
    durability_waiters_.notifyLocked();
    room_waiters_.notifyLocked();
  }
  ring_.wakeUp();
  callListeners();
}

void Flusher::takeNewFile() {
  const std::lock_guard lock(mutex_);
  if (abandoned_) {
    closeFile();
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
  synced_ = start;
  last_mark_ = start;
  last_commit_end_ = start;
  tick_running_ = false;
  durability_waiters_.notifyLocked();
}

Status Flusher::stop() {
  if (!thread_.joinable()) {
    return {};
  }
  stopping_ = true;
  ring_.wakeUp();
  thread_.join();
  std::string reason = refusal_.empty() ? "the log is closed" : refusal_;
  const bool complete = state() != LogState::kFailed && synced_ == ring_.end();
  setState(LogState::kClosed, reason);
  ring_.refuse(true);
  if (!complete) {
    return unknownOutcome(reason);
  }
  return {};
}

}  // namespace trefoil::aof
