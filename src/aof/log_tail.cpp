#include "aof/log_tail.hpp"

#include <algorithm>

#include "aof/log.hpp"
#include "aof/manifest.hpp"
#include "aof/open_parts.hpp"

namespace trefoil::aof {

LogTail::LogTail(Log& log, Lsn from, Lsn first)
    : log_(log),
      walker_(log.manifest_->env(), log.manifest_->directory(), from, first),
      commits_(walker_),
      first_(first),
      limit_(from) {}

std::unique_ptr<LogTail> LogTail::atEnd(Log& log) {
  const Lsn from = log.open_parts_->checkpointStart();
  return std::unique_ptr<LogTail>(new LogTail(log, from, log.end()));
}

Result<std::unique_ptr<LogTail>> LogTail::at(Log& log, const LogPosition& position) {
  const Manifest manifest = log.manifest_->current();
  if (!position.isFirst() && position.opening != log.ring_.salt()) {
    const std::optional<Lsn> ended = Openings::of(manifest).endOf(position.opening);
    if (!ended) {
      return Error(ErrorCode::kOutOfRange,
                   "position " + position.text() + " is none of this log, or of a time that it has forgotten");
    }
    if (position.lsn > *ended) {
      return Error(ErrorCode::kOutOfRange, "position " + position.text() +
                                               " lies behind what was found of the log after a crash, " + "which ended at " +
                                               std::to_string(*ended))
          .withDetail("What was seen behind that is not in the database.");
    }
  } else if (position.lsn > log.end()) {
    return Error(ErrorCode::kInvalid, "position " + position.text() + " lies behind the log's end");
  }
  std::unique_ptr<LogTail> tail(new LogTail(log, position.restart, position.lsn));
  if (manifest.segments.front().start > position.restart) {
    return tail->dropped();
  }
  TREFOIL_TRY(tail->lookFurther());
  if (tail->limit_ > position.restart) {
    LogWalker probe(log.manifest_->env(), log.manifest_->directory(), position.restart, position.lsn);
    RecordView record;
    probe.goOnTo(log.manifest_->current(), tail->limit_);
    if (const Result<bool> found = probe.next(record); !found.ok()) {
      return found.error().code == ErrorCode::kCorruption
                 ? Error(ErrorCode::kInvalid, "position " + position.text() + " is none between two commits of this log")
                 : found.error();
    }
  }
  return tail;
}

Result<bool> LogTail::next(LogRecord& record) {
  for (;;) {
    const Lsn needed = walker_.oldestPart();
    Result<bool> found = commits_.next(record);
    if (!found.ok()) {
      // Its segment may have been dropped while it was being read.
      return log_.manifest_->current().segments.front().start > needed ? dropped() : std::move(found).error();
    }
    if (*found && record.lsn >= first_) {
      return true;
    }
    if (!*found) {
      forgetDeadParts();
      const Lsn before = limit_;
      TREFOIL_TRY(lookFurther());
      if (limit_ == before) {
        return false;
      }
    }
  }
}

// The order matters: what is in the files up to the limit is in those of a manifest that is read after it. A log that has failed
// may be about to go on in another file, which no manifest names yet.
Status LogTail::lookFurther() {
  const Lsn reached = log_.reachedLsn();
  if (reached <= limit_ || log_.state() == LogState::kFailed) {
    return {};
  }
  if (!walker_.goOnTo(log_.manifest_->current(), reached)) {
    return dropped();
  }
  limit_ = reached;
  return {};
}

// No commit will come of a transaction that began before the oldest one that is open, and has none before the end of that moment.
void LogTail::forgetDeadParts() {
  if (walker_.oldestPart() == walker_.position()) {
    over_at_ = 0;
    return;
  }
  if (over_at_ != 0 && walker_.position() >= over_at_) {
    walker_.forgetPartsBefore(dead_before_);
    over_at_ = 0;
  }
  if (over_at_ == 0) {
    dead_before_ = log_.open_parts_->checkpointStart();
    over_at_ = log_.end();
  }
}

LogPosition LogTail::position() const {
  const Lsn lsn = std::max(first_, walker_.position());
  return {.opening = log_.ring_.salt(), .lsn = lsn, .restart = std::min(lsn, walker_.oldestPart())};
}

Error LogTail::dropped() const {
  return Error(ErrorCode::kOutOfRange, "position " + position().text() + " is no longer there: the log begins at " +
                                           std::to_string(log_.manifest_->current().segments.front().start))
      .withHint("log-backlog says how much of the log is kept for those who follow it");
}

}  // namespace trefoil::aof
