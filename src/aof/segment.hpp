// Segment files: making one, and reading one record by record without believing a single byte of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "aof/manifest.hpp"
#include "aof/record_format.hpp"
#include "base/env.hpp"
#include "base/status.hpp"

namespace trefoil::aof {

struct SegmentIdentity {
  std::uint32_t epoch = 0;
  std::uint32_t salt = 0;
  Lsn start = 0;
  Lsn synced = 0;
};

// Makes (or empties) the file and writes its head. Not synced.
Result<std::unique_ptr<File>> createSegment(Env& env, const std::string& path, const SegmentIdentity& identity);

// An intact record; the payload is valid until the reader is used again.
struct RecordView {
  RecordHeader header;
  std::string_view payload;
  [[nodiscard]] Lsn end() const { return header.lsn + recordBytes(payload.size()); }
};

// The synced LSN that a kMark record states; 0 if it is none, or an impossible one.
Lsn markedLsn(const RecordHeader& header, std::string_view payload);

// Walks one segment. An Error is a failed read; whatever else may be wrong is an Outcome, because what it means (torn tail,
// corruption) is for the caller to decide.
class SegmentReader {
 public:
  enum class Outcome { kRecord, kEnd, kBad };

  // kCorruption if the head is damaged or says something else than the manifest's entry; kUnsupported if a newer program wrote
  // the segment.
  static Result<std::unique_ptr<SegmentReader>> open(Env& env, const std::string& path, const SegmentEntry& entry);

  // A segment that no manifest names: its head alone says what it is.
  static Result<std::unique_ptr<SegmentReader>> openUnnamed(Env& env, const std::string& path);

  // Reads the record at position(). kEnd: where the manifest says that the segment ends or, for the one in use, where nothing but
  // zeros follow. kUnsupported for an intact record that a newer program wrote. After an error it can be called again.
  Result<Outcome> next(RecordView& record);
  // Puts on disk what was read.
  Status sync() { return file_->sync(); }
  // Continues there: the beginning of a record.
  void seek(Lsn lsn) { position_ = lsn; }
  // Of a segment that is being written: what the manifest says of it now, and how far its records are known to be there. Nothing
  // behind is looked at.
  void goOnTo(const SegmentEntry& entry, Lsn limit);
  [[nodiscard]] Lsn position() const { return position_; }
  // What is wrong at position(), after kBad.
  [[nodiscard]] const std::string& badReason() const { return bad_reason_; }

  // The highest synced LSN stated by the head and by the marks that next() has passed.
  [[nodiscard]] Lsn highestMark() const { return highest_mark_; }
  // The highest one stated by an intact mark anywhere behind `from`, where records can no longer be followed; 0 if there is none.
  Result<Lsn> findMarkBehind(Lsn from);
  // How many bytes there are behind `from`, without the zeros at the end, which the writer keeps ahead; whole words.
  Result<std::uint64_t> bytesBehind(Lsn from);

  // The payload of a record that was read before, checked again.
  Status readPayload(Lsn lsn, std::string& payload);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const SegmentEntry& entry() const { return entry_; }
  // Of the opening that has written it.
  [[nodiscard]] std::uint32_t salt() const { return salt_; }
  [[nodiscard]] std::uint64_t offsetOf(Lsn lsn) const { return kSegmentHeaderBytes + (lsn - entry_.start); }
  // "'dir/log-3.tfl' at offset 4160 (lsn 4160)"
  [[nodiscard]] std::string describe(Lsn lsn) const;

 private:
  SegmentReader(std::string path, std::unique_ptr<File> file, std::uint64_t size, const SegmentEntry& entry,
                const SegmentHeader& head)
      : path_(std::move(path)),
        file_(std::move(file)),
        entry_(entry),
        salt_(head.salt),
        limit_(entry.end ? std::min(size, offsetOf(*entry.end)) : size),
        position_(entry.start),
        highest_mark_(head.synced) {}

  // The bytes at `offset`: `wanted` of them, or all up to the limit if those are fewer.
  Result<std::string_view> view(std::uint64_t offset, std::size_t wanted);
  Result<bool> onlyZerosBehind(std::uint64_t offset);
  Outcome bad(std::string reason);
  [[nodiscard]] std::string headerProblem(const RecordHeader& header, std::uint64_t room) const;

  const std::string path_;
  const std::unique_ptr<File> file_;
  SegmentEntry entry_;
  const std::uint32_t salt_;
  std::uint64_t limit_;  // file offset where records end at the latest
  Lsn position_;
  Lsn highest_mark_;
  std::string bad_reason_;
  std::string buffer_;
  std::uint64_t buffer_offset_ = 0;
};

}  // namespace trefoil::aof
