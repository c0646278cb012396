#include "txn/commit_source.hpp"

#include <utility>

#include "sql/storage/effects.hpp"
#include "txn/load.hpp"

namespace trefoil::txn {

Result<bool> LogSource::next(Commit& commit) {
  aof::LogRecord record;
  TREFOIL_ASSIGN(const bool found, tail_->next(record));
  if (found) {
    commit.lsn = record.lsn;
    commit.has_causes = record.version >= kVersionWithCauses;
    TREFOIL_ASSIGN(commit.effects, sql::settleRevisions(record.payload, commit.has_causes, settled_));
  }
  return found;
}

// --- Without a log
// ---------------------------------------------------------------------------------------------------------------

class CommitBacklog::Source final : public CommitSource {
 public:
  Source(CommitBacklog& backlog, std::uint64_t sequence) : backlog_(backlog), sequence_(sequence) {}
  Result<bool> next(Commit& commit) override {
    TREFOIL_ASSIGN(const bool found, backlog_.read(sequence_, commit.lsn, effects_));
    if (found) {
      ++sequence_;
      commit.effects = effects_;
    }
    return found;
  }
  [[nodiscard]] aof::LogPosition position() const override { return backlog_.positionOf(sequence_); }

 private:
  CommitBacklog& backlog_;
  std::uint64_t sequence_;  // of the next one
  std::string effects_;
};

CommitBacklog::CommitBacklog(Committer& committer, std::uint32_t opening, std::uint64_t bytes, std::function<void()> listener)
    : committer_(committer), opening_(opening), listener_(std::move(listener)), most_bytes_(bytes) {
  const std::uint64_t first = committer.follow(*this).sequence;
  const std::lock_guard lock(mutex_);
  if (kept_.empty()) {
    first_ = first;  // no commit has come yet
  }
}

CommitBacklog::~CommitBacklog() {
  committer_.unfollow(*this);
}

void CommitBacklog::keep(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  most_bytes_ = bytes;
}

void CommitBacklog::onCommit(const Committed& commit) {
  {
    const std::lock_guard lock(mutex_);
    kept_.push_back({commit.lsn, std::string(commit.effects)});
    first_ = commit.sequence + 1 - kept_.size();
    bytes_ += commit.effects.size();
    while (bytes_ > most_bytes_ && kept_.size() > 1) {
      bytes_ -= kept_.front().effects.size();
      kept_.pop_front();
      ++first_;
    }
    charge_.set(bytes_ + kept_.size() * sizeof(Kept));
  }
  listener_();
}

CommitBacklog::Beginning CommitBacklog::begin() {
  Committer::Following now = committer_.placeInOrder();
  return {std::move(now.snapshot), std::make_unique<Source>(*this, now.sequence)};
}

aof::LogPosition CommitBacklog::positionOf(std::uint64_t sequence) const {
  const Lsn lsn = aof::kFirstLsn + sequence * aof::kRecordAlignment;
  return {.opening = opening_, .lsn = lsn, .restart = lsn};
}

Result<std::unique_ptr<CommitSource>> CommitBacklog::at(const aof::LogPosition& position) {
  const std::uint64_t next = committer_.placeInOrder().sequence;
  const std::uint64_t sequence = position.isFirst() ? 1 : (position.lsn - aof::kFirstLsn) / aof::kRecordAlignment;
  if (!position.isFirst() && position.opening != opening_) {
    return Error(ErrorCode::kOutOfRange, "position " + position.text() + " is none of this database, which keeps no log");
  }
  if (sequence > next || position.restart != position.lsn) {
    return Error(ErrorCode::kInvalid, "position " + position.text() + " lies behind the last commit");
  }
  Lsn lsn = 0;
  std::string effects;
  if (sequence < next) {
    TREFOIL_TRY(read(sequence, lsn, effects));
  }
  return std::unique_ptr<CommitSource>(std::make_unique<Source>(*this, sequence));
}

Result<bool> CommitBacklog::read(std::uint64_t sequence, Lsn& lsn, std::string& effects) {
  const std::lock_guard lock(mutex_);
  if (sequence < first_) {
    return Error(ErrorCode::kOutOfRange, "position " + positionOf(sequence).text() + " is no longer there")
        .withHint("log-backlog says how much is kept for those who follow the commits");
  }
  if (sequence - first_ >= kept_.size()) {
    return false;
  }
  const Kept& kept = kept_[sequence - first_];
  lsn = kept.lsn;
  effects = kept.effects;
  return true;
}

}  // namespace trefoil::txn
