// LogTail: the commits of an open log for whoever follows them, one by one in LSN order, read from the log's files.
//
//   files      ──────────────┬─────────────────────┬───────────────▶ LSN
//              segment kept  │ position()          │ reachedLsn(): what is behind is not shown to anybody yet
//
// It gives what the log has reached (in a file; under `always` on the disk), so nothing that recovery after a killed process, or
// under `always` after a power cut, would not find again. Nobody waits for it: a follower that is slower than the writers falls
// behind, and loses its place when the segment that it reads is dropped (Log::setBacklog). When there is more to read, the log
// says so (Log::onReached).
//
// Large transactions send parts ahead, so what is committed behind a place may have begun before it. LogPosition says how far
// before; parts of which no commit can come any more are forgotten at the log's end (open_parts.hpp).
//
// Thread safety: none, but the log may be used by anybody meanwhile. The log outlives it.
#pragma once

#include <cstdint>
#include <memory>

#include "aof/commit_reader.hpp"
#include "aof/log_position.hpp"
#include "base/status.hpp"
#include "base/types.hpp"

namespace trefoil::aof {

class Log;

class LogTail {
 public:
  // Behind everything that the log holds now.
  static std::unique_ptr<LogTail> atEnd(Log& log);
  // kInvalid if it is no place of this log, kOutOfRange if the log does not know it (any more), or has lost what it has seen.
  static Result<std::unique_ptr<LogTail>> at(Log& log, const LogPosition& position);
  LogTail(const LogTail&) = delete;
  LogTail& operator=(const LogTail&) = delete;

  // A snapshot that was taken after atEnd() holds what lies below its LSN: that is not given.
  void passOver(Lsn snapshot) { first_ = std::max(first_, snapshot); }

  // True: a commit. False: there is no more for now. kOutOfRange: its place has been dropped; other errors are those of reading.
  Result<bool> next(LogRecord& record);

  // Behind the commit that next() gave last.
  [[nodiscard]] LogPosition position() const;

 private:
  LogTail(Log& log, Lsn from, Lsn first);
  Status lookFurther();
  void forgetDeadParts();
  [[nodiscard]] Error dropped() const;

  Log& log_;
  LogWalker walker_;
  CommitReader commits_;
  Lsn first_;            // of the commits to be given
  Lsn limit_;            // what the walker knows to be there
  Lsn dead_before_ = 0;  // parts from before this one are of transactions that are over,
  Lsn over_at_ = 0;      // at the latest here; 0: nothing is known
};

}  // namespace trefoil::aof
