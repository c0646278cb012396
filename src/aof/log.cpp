#include "aof/log.hpp"

#include <algorithm>
#include <utility>

#include "aof/flusher.hpp"
#include "aof/manifest.hpp"
#include "aof/open_parts.hpp"
#include "base/assert.hpp"

namespace trefoil::aof {

Log::Log(Opening opening)
    : ring_({.capacity = opening.options.ring_bytes,
             .start = opening.end,
             .epoch = opening.manifest->current().epoch,
             .salt = opening.salt}),
      durable_(opening.end),
      backlog_(opening.options.backlog_bytes),
      lock_(std::move(opening.lock)),
      manifest_(std::move(opening.manifest)),
      open_parts_(std::make_unique<OpenParts>(ring_)) {
  const Manifest manifest = manifest_->current();
  checkpoint_start_ = manifest.base ? manifest.base->start : kFirstLsn;
  flusher_ = std::make_unique<Flusher>(ring_, *manifest_, durable_,
                                       Flusher::Start{.file = std::move(opening.file),
                                                      .segment = manifest.segments.back(),
                                                      .policy = opening.options.policy,
                                                      .segment_bytes = opening.options.segment_bytes});
}

Log::~Log() {
  // Whoever wants to know what went wrong calls close() before.
  (void)close();
}

Status Log::close() {
  if (state() == LogState::kClosed) {
    return {};
  }
  TREFOIL_TRY(flusher_->stop());
  const Lsn end = flusher_->synced();  // all but marks for which there was no room
  if (manifest_->current().synced != end) {
    TREFOIL_TRY(manifest_->update([end](Manifest& manifest) { manifest.synced = end; }));
  }
  lock_.reset();
  return {};
}

// --- commits ---

Status Log::takeCredit(std::size_t bytes) {
  if (ring_.tryTakeCredit(bytes)) {
    return {};
  }
  return flusher_->waitForRoom([&] { return ring_.tryTakeCredit(bytes); });
}

Status Log::awaitRoomSlow() {
  return flusher_->waitForRoom([this] { return ring_.hasRoom(); });
}

Status Log::prepareSlow(std::string_view payload, PreparedCommit& out) {
  TREFOIL_ASSERT(!payload.empty() && out.log_ == nullptr);
  if (payload.size() <= ring_.smallPayloadBytes()) {
    TREFOIL_TRY(awaitRoom());
    out.payload_ = payload;
    out.payload_crc_ = crc32c(payload);
    return {};
  }
  if (payload.size() > ring_.maxPayloadBytes()) {
    return sendParts({&payload, 1}, out);
  }
  const std::size_t credit = recordBytes(payload.size());
  TREFOIL_TRY(takeCredit(credit));
  out.payload_ = payload;
  out.payload_crc_ = crc32c(payload);
  out.log_ = this;
  out.credit_ = credit;
  return {};
}

Status Log::prepare(std::span<const std::string_view> pieces, PreparedCommit& out) {
  TREFOIL_ASSERT(!pieces.empty() && out.log_ == nullptr);
  return sendParts(pieces, out);
}

// All but the last part goes to the log now. A part needs credit only until it is appended, so a transaction of any size passes
// through the ring; if one fails, `out` gives everything back and the parts are never counted.
Status Log::sendParts(std::span<const std::string_view> pieces, PreparedCommit& out) {
  const std::size_t part_bytes = ring_.maxPayloadBytes() - sizeof(PartPrefix);
  out.log_ = this;
  out.credit_ = 0;
  out.part_count_ = 0;
  out.group_ = 0;
  out.open_since_ = open_parts_->open();
  std::string_view last;
  for (const std::string_view piece : pieces) {
    if (!last.empty()) {
      TREFOIL_TRY(sendPart(last, out));
    }
    for (last = piece; last.size() > part_bytes; last.remove_prefix(part_bytes)) {
      TREFOIL_TRY(sendPart(last.substr(0, part_bytes), out));
    }
  }
  const std::size_t credit = recordBytes(sizeof(PartPrefix) + last.size());
  if (Status status = takeCredit(credit); !status.ok()) {
    out.giveBack();
    return status;
  }
  out.credit_ = credit;
  setLastPiece(out, last);
  return {};
}

Status Log::sendPart(std::string_view piece, PreparedCommit& out) {
  const PartPrefix prefix{.group = out.group_, .number = out.part_count_, .zero = 0};
  const std::string_view prefix_bytes(reinterpret_cast<const char*>(&prefix), sizeof(prefix));
  const std::uint32_t crc = crc32c(piece, crc32c(prefix_bytes));
  const std::size_t credit = recordBytes(sizeof(prefix) + piece.size());
  if (Status status = takeCredit(credit); !status.ok()) {
    out.giveBack();
    return status;
  }
  const Lsn lsn = ring_.append(RecordKind::kPart, prefix_bytes, piece, crc);
  ring_.returnCredit(credit);
  out.group_ = out.part_count_ == 0 ? lsn : out.group_;
  ++out.part_count_;
  return {};
}

Status Log::prepareAhead(std::string_view ahead, PreparedCommit& out) {
  TREFOIL_ASSERT(!ahead.empty() && out.log_ == nullptr);
  TREFOIL_TRY(sendParts({&ahead, 1}, out));
  // What the parts have left over is one more of them.
  const std::string_view left = out.payload_;
  ring_.returnCredit(std::exchange(out.credit_, 0));
  TREFOIL_TRY(sendPart(left, out));
  const std::size_t credit = recordBytes(sizeof(PartPrefix) + lastPieceBytes());
  if (Status status = takeCredit(credit); !status.ok()) {
    out.giveBack();
    return status;
  }
  out.credit_ = credit;
  return {};
}

void Log::setLastPiece(PreparedCommit& prepared, std::string_view piece) const {
  TREFOIL_ASSERT(prepared.log_ == this);
  prepared.payload_ = piece;
  const PartPrefix prefix{.group = prepared.group_, .number = prepared.part_count_, .zero = 0};
  prepared.payload_crc_ = crc32c(piece, crc32c({reinterpret_cast<const char*>(&prefix), sizeof(prefix)}));
}

std::size_t Log::lastPieceBytes() const {
  constexpr std::size_t kMost = std::size_t{256} << 10;
  return std::min(kMost, ring_.maxPayloadBytes() - sizeof(PartPrefix));
}

Appended Log::append(PreparedCommit& prepared) {
  if (prepared.log_ != nullptr) [[unlikely]] {
    return appendLarge(prepared);
  }
  const Lsn lsn = ring_.append(RecordKind::kCommit, {}, prepared.payload_, prepared.payload_crc_);
  const Lsn end = lsn + recordBytes(prepared.payload_.size());
  prepared.payload_ = {};  // a second append of the same would assert
  return {.lsn = lsn, .end = end};
}

Appended Log::appendLarge(PreparedCommit& prepared) {
  TREFOIL_ASSERT(prepared.log_ == this);
  const PartPrefix prefix{.group = prepared.group_, .number = prepared.part_count_, .zero = 0};
  RecordKind kind = RecordKind::kCommit;
  std::string_view prefix_bytes;
  if (prepared.group_ != 0) {
    kind = RecordKind::kCommitParts;
    prefix_bytes = {reinterpret_cast<const char*>(&prefix), sizeof(prefix)};
  }
  const Lsn lsn = ring_.append(kind, prefix_bytes, prepared.payload_, prepared.payload_crc_);
  const Lsn end = lsn + recordBytes(prefix_bytes.size() + prepared.payload_.size());
  prepared.giveBack();  // the room is taken now, and counted by the ring's end
  return {.lsn = lsn, .end = end};
}

void PreparedCommit::giveBack() {
  log_->ring_.returnCredit(credit_);
  if (open_since_ != 0) {
    log_->open_parts_->close(open_since_);
  }
  log_->flusher_->roomCameBack();
  log_ = nullptr;
  payload_ = {};
  credit_ = 0;
  part_count_ = 0;
  group_ = 0;
  open_since_ = 0;
}

// --- waiting and state ---

Reach Log::reach(Lsn end) {
  return flusher_->reach(end);
}
Lsn Log::reachedLsn() const {
  return flusher_->reachedLsn();
}
Status Log::waitReached(Lsn end) {
  return flusher_->waitReached(end);
}
Status Log::waitDurable(Lsn end) {
  return flusher_->waitDurable(end);
}
std::uint64_t Log::onDurable(std::function<void()> listener) {
  return flusher_->listeners().add(std::move(listener));
}
void Log::removeListener(std::uint64_t id) {
  flusher_->listeners().remove(id);
}
std::uint64_t Log::onReached(std::function<void()> listener) {
  return flusher_->reachedListeners().add(std::move(listener));
}
void Log::removeOnReached(std::uint64_t id) {
  flusher_->reachedListeners().remove(id);
}
Log::SyncFigures Log::syncFigures() const {
  return flusher_->syncFigures();
}
SyncPolicy Log::policy() const {
  return flusher_->policy();
}
void Log::setPolicy(SyncPolicy policy) {
  flusher_->setPolicy(policy);
}
bool Log::stalled() const {
  return flusher_->stalled();
}

LogState Log::state() const {
  return flusher_->state();
}
std::string Log::failure() const {
  return flusher_->failure();
}
std::optional<Log::InDoubt> Log::visitInDoubt(const std::function<void(RecordKind, std::string_view)>& visitor) {
  return flusher_->visitInDoubt(visitor);
}
std::uint64_t Log::bytesSinceCheckpoint() const {
  return end() - checkpoint_start_.load(std::memory_order_relaxed);
}
std::uint64_t Log::hashSeed() const {
  return manifest_->current().hash_seed;
}

}  // namespace trefoil::aof
