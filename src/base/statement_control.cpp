#include "base/statement_control.hpp"

#include <algorithm>
#include <chrono>

namespace trefoil {

namespace {

// The clock of Env::monotonicMicros().
std::int64_t monotonicMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void StatementControl::begin(bool on_loop) {
  Stop last = stop_.load(std::memory_order_relaxed);
  if (last != Stop::kNone && last != Stop::kKilled) {
    stop_.compare_exchange_strong(last, Stop::kNone, std::memory_order_relaxed);  // it may be killed just now
  }
  started_us_.store(0, std::memory_order_relaxed);
  on_loop_ = on_loop;
  hurries_ = false;
  gave_up_ = false;
}

void StatementControl::hurry(std::int64_t until_us) {
  limitWork(kHurryWork);
  hurry_until_us_ = until_us;
}

void StatementControl::limitWork(std::int64_t work) {
  hurries_ = true;
  gave_up_ = false;
  hurry_until_us_ = INT64_MAX;
  work_left_ = work;
}

bool StatementControl::takeTime(bool came_through) {
  const bool gave_up = hurries_ && gave_up_ && !came_through;
  hurries_ = false;
  gave_up_ = gave_up && on_loop_;
  return gave_up;
}

void StatementControl::stop(Stop reason) {
  Stop known = stop_.load(std::memory_order_relaxed);
  while (known != Stop::kKilled && !stop_.compare_exchange_weak(known, reason, std::memory_order_relaxed)) {
  }
}

std::int64_t StatementControl::timeoutMs() const {
  return own_timeout_ms_ != kDatabaseTimeout ? own_timeout_ms_
         : settings_ != nullptr              ? settings_->integer(Setting::kStatementTimeout)
                                             : 0;
}

Status StatementControl::stopError() const {
  switch (stop_.load(std::memory_order_relaxed)) {
    case Stop::kClientGone:
      return Error(ErrorCode::kCancelled, "canceling statement: the client has hung up");
    case Stop::kKilled:
      return Error(ErrorCode::kCancelled, "terminating connection due to administrator command");
    case Stop::kUserRequest:
    case Stop::kNone:
      break;
  }
  return Error(ErrorCode::kCancelled, "canceling statement due to user request");
}

std::int64_t StatementControl::startedAt(std::int64_t now_us) {
  std::int64_t started = started_us_.load(std::memory_order_relaxed);
  if (started == 0 && started_us_.compare_exchange_strong(started, now_us, std::memory_order_relaxed)) {
    return now_us;
  }
  return started;
}

Status StatementControl::giveUp() {
  gave_up_ = true;
  return Error(ErrorCode::kTimeout, "the statement takes too long to be run here");
}

Status StatementControl::check() {
  if (stopped()) [[unlikely]] {
    return stopError();
  }
  const std::int64_t timeout_ms = timeoutMs();
  const bool has_end = hurries_ && hurry_until_us_ != kFromFirstReport && hurry_until_us_ != INT64_MAX;
  if (timeout_ms == 0 && !has_end) {
    return {};
  }
  const std::int64_t now_us = monotonicMicros();
  if (timeout_ms != 0 && now_us - startedAt(now_us) >= timeout_ms * 1000) {
    return Error(ErrorCode::kTimeout, "canceling statement due to statement timeout");
  }
  return has_end && now_us >= hurry_until_us_ ? giveUp() : Status();
}

Status StatementControl::checkAfter(std::size_t work) {
  if (hurries_) {
    work_left_ -= static_cast<std::int64_t>(std::min<std::size_t>(work, INT64_MAX / 2));
    if (work_left_ < 0) {
      return giveUp();
    }
    if (hurry_until_us_ == kFromFirstReport) {
      hurry_until_us_ = monotonicMicros() + kHurryMicros;
    }
  }
  return check();
}

Status WorkMeter::settle() {
  const std::size_t work = pending_;
  pending_ = 0;
  return control_ == nullptr ? Status() : control_->checkAfter(work);
}

}  // namespace trefoil
