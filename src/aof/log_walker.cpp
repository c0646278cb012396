#include "aof/log_walker.hpp"

#include <algorithm>

namespace trefoil::aof {

Error withCheckHint(Error error, const std::string& directory) {
  if (error.code == ErrorCode::kCorruption) {
    error.hint = "run 'trefoil check " + directory + "': it explains the damage and what a repair would lose";
  }
  return error;
}

LogWalker::LogWalker(Env& env, std::string directory, const Manifest& manifest)
    : env_(env), directory_(std::move(directory)), manifest_(manifest), position_(kFirstLsn), mark_(kFirstLsn) {
  if (manifest.segments.empty()) {
    return;  // a database that is about to be made
  }
  position_ = manifest.base ? manifest.base->start : manifest.segments.front().start;
  mark_ = manifest.synced;
  while (index_ + 1 < manifest.segments.size() && manifest.segments[index_].end <= position_) {
    ++index_;
  }
}

Status LogWalker::openSegment() {
  const SegmentEntry& entry = manifest_.segments[index_];
  const std::string path = pathIn(directory_, segmentName(entry.number));
  damage_ = {.path = path, .segment = index_, .lsn = position_};
  if (!env_.exists(path)) {
    return corrupt("'" + path + "': the manifest names this segment, but there is no such file");
  }
  auto opened = SegmentReader::open(env_, path, entry);
  if (!opened.ok()) {
    return opened.error().code == ErrorCode::kCorruption ? corrupt(opened.error().message) : std::move(opened).error();
  }
  reader_ = std::move(opened).value();
  reader_->seek(position_);
  mark_ = std::max(mark_, reader_->highestMark());
  return {};
}

Result<bool> LogWalker::next(RecordView& record) {
  while (index_ < manifest_.segments.size()) {
    if (reader_ == nullptr) {
      TREFOIL_TRY(openSegment());
    }
    TREFOIL_ASSIGN(const SegmentReader::Outcome outcome, reader_->next(record));
    mark_ = std::max(mark_, reader_->highestMark());
    position_ = reader_->position();
    if (outcome == SegmentReader::Outcome::kRecord) {
      return true;
    }
    if (outcome == SegmentReader::Outcome::kBad) {
      return decide(reader_->badReason());
    }
    const bool last = index_ + 1 == manifest_.segments.size();
    if (last) {
      return position_ < mark_ ? decide("the file ends there") : false;
    }
    ++index_;
    reader_.reset();
  }
  return false;
}

// There is no good record at position_: is that the torn end of what was being written, or damage to what had been written?
Result<bool> LogWalker::decide(const std::string& what) {
  const SegmentEntry& entry = manifest_.segments[index_];
  if (!entry.end) {
    TREFOIL_ASSIGN(const Lsn behind, reader_->findMarkBehind(position_));
    mark_ = std::max(mark_, behind);
  }
  const Lsn promised = entry.end ? *entry.end : mark_;
  const std::uint64_t offset = reader_->offsetOf(position_);
  if (position_ < promised) {
    damage_ = {.path = reader_->path(), .offset = offset, .segment = index_, .lsn = position_};
    return corrupt(reader_->describe(position_) + ": " + what + "; the log was on disk up to lsn " + std::to_string(promised));
  }
  dropped_bytes_ = reader_->fileBytes() > offset ? reader_->fileBytes() - offset : 0;
  dropped_reason_ = reader_->describe(position_) + ": " + what;
  return false;
}

Error LogWalker::corrupt(const std::string& what) {
  damage_.what = what;
  return withCheckHint({ErrorCode::kCorruption, what}, directory_);
}

}  // namespace trefoil::aof
