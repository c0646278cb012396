// LogWalker: all records of a directory's log in LSN order, and the decision between its end, a torn tail and corruption
// (the rule is in record_format.hpp). Recovery replays what it says; check() explains it. So whatever recovery refuses in the log
// is refused here, and check() knows it.
//
// Where a walk begins, every commit that is still to come has all of its records behind that place, but the records of others,
// which are older than what the walk is for, may lie on both sides of it: parts of theirs are passed over.
//
// A log that is being written is walked by the same code (log_tail.hpp): as far as is known to be there, and from there on when
// more is. Nothing there is torn, and segments come and go meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aof/manifest.hpp"
#include "aof/segment.hpp"
#include "base/env.hpp"
#include "base/status.hpp"

namespace trefoil::aof {

class LogWalker {
 public:
  // A log at rest: begins at the checkpoint's start, or at the first segment.
  LogWalker(Env& env, std::string directory, Manifest manifest);
  // One in use: begins with the record at `from`, for the commits from `first` on. It knows of nothing there before goOnTo() has
  // said so.
  LogWalker(Env& env, std::string directory, Lsn from, Lsn first);

  // The records below `limit` are in the files of `manifest`, for good. `limit` never falls, and the manifest was read after it.
  // False: what comes next is in none of these files.
  bool goOnTo(Manifest manifest, Lsn limit);

  // True: a record, marks and parts included. False: the end, or the limit. kCorruption: with file, offset and reason; see
  // damage(). After an error it can be called again.
  Result<bool> next(RecordView& record);

  // Of a transaction in parts, they are remembered by place and read again when its commit record comes: those of transactions
  // that never committed cost nothing.
  struct PartPlace {
    std::uint64_t segment;  // its number
    Lsn lsn;
  };
  // After next() gave a kCommitParts: where the parts are, in order; all of them are intact. None: it began before the walk, and
  // is older than what that is for.
  [[nodiscard]] const std::vector<PartPlace>& parts() const { return parts_; }
  // The first record of those whose commit record has not come; position() if there are none.
  [[nodiscard]] Lsn oldestPart() const { return groups_.empty() ? position_ : groups_.begin()->first; }
  // For those that began before `lsn` none will come.
  void forgetPartsBefore(Lsn lsn) { groups_.erase(groups_.begin(), groups_.lower_bound(lsn)); }

  [[nodiscard]] Env& env() const { return env_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const Manifest& manifest() const { return manifest_; }
  // Where the next record begins.
  [[nodiscard]] Lsn position() const { return position_; }

  // After next() said false: behind the last record that counts.
  [[nodiscard]] Lsn validEnd() const { return position_; }
  // The highest LSN up to which the log is known to have been on disk.
  [[nodiscard]] Lsn syncedMark() const { return mark_; }
  // What lies behind validEnd() and does not count.
  [[nodiscard]] std::uint64_t droppedBytes() const { return dropped_bytes_; }
  [[nodiscard]] const std::string& droppedReason() const { return dropped_reason_; }

  // After next() failed with kCorruption.
  struct Damage {
    std::string path;
    std::uint64_t offset = 0;  // 0: the head of the segment, or all of it
    std::size_t segment = 0;   // index in the manifest
    Lsn lsn = 0;               // where a repair may cut the log; everything below is intact
    std::string what;
  };
  [[nodiscard]] const Damage& damage() const { return damage_; }

 private:
  static constexpr Lsn kNoLimit = ~Lsn{0};

  [[nodiscard]] std::size_t indexOf(Lsn lsn) const;
  Status openSegment();
  Result<bool> decide(const std::string& what);
  std::string followParts(const RecordView& record);
  Error corrupt(const std::string& what);

  Env& env_;
  const std::string directory_;
  Manifest manifest_;
  std::size_t index_ = 0;
  Lsn limit_ = kNoLimit;
  std::unique_ptr<SegmentReader> reader_;
  Lsn position_;
  const Lsn begin_;  // of the walk
  const Lsn first_;  // commits from here on have no part below begin_
  Lsn mark_;
  std::uint64_t dropped_bytes_ = 0;
  std::string dropped_reason_;
  Damage damage_;
  std::map<Lsn, std::vector<PartPlace>> groups_;  // whose commit record has not come, by the first part's LSN
  std::vector<PartPlace> parts_;
};

// Whether the manifest is the newest one, as far as the files beside it can tell: kCorruption if a log file that it does not
// know, and whose number it has not given out yet, goes on behind `end`, where the log that it describes ends. Records get into a
// file only when a manifest on disk names it, and what a broken-off opening has copied is in the old file, too, on disk before
// the copy: so that file is newer than the manifest, which somebody has put back from a copy.
Status checkNewest(Env& env, const std::string& directory, const Manifest& manifest, Lsn end);

}  // namespace trefoil::aof
