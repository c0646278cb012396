#include "aof/commit_reader.hpp"

#include <algorithm>

namespace trefoil::aof {

namespace {

constexpr std::size_t kKeptBytes = std::size_t{16} << 20;

}  // namespace

Result<bool> CommitReader::next(LogRecord& record) {
  RecordView view;
  for (;;) {
    TREFOIL_ASSIGN(const bool found, walker_.next(view));
    if (!found) {
      return false;
    }
    const bool in_parts = view.header.kind == RecordKind::kCommitParts;
    if (view.header.kind == RecordKind::kMark || view.header.kind == RecordKind::kPart || (in_parts && walker_.parts().empty())) {
      continue;
    }
    if (!in_parts && joined_.capacity() > kKeptBytes) {
      joined_ = std::string();  // what was very large is not held for ever
    }
    record = {.lsn = view.header.lsn,
              .end = view.end(),
              .epoch = view.header.epoch,
              .version = view.header.version,
              .payload = view.payload};
    if (in_parts) {
      TREFOIL_TRY(joinParts(view.payload.substr(sizeof(PartPrefix))));
      record.payload = joined_;
    }
    return true;
  }
}

Status CommitReader::joinParts(std::string_view last_piece) {
  joined_.clear();
  std::string part;
  for (const LogWalker::PartPlace& place : walker_.parts()) {
    const std::vector<SegmentEntry>& segments = walker_.manifest().segments;
    const auto entry = std::find_if(segments.begin(), segments.end(),
                                    [&](const SegmentEntry& segment) { return segment.number == place.segment; });
    const std::string path = pathIn(walker_.directory(), segmentName(place.segment));
    if (entry == segments.end()) {
      return Error(ErrorCode::kCorruption, "'" + path + "', which holds a part of a large transaction, is no longer there");
    }
    if (part_reader_ == nullptr || part_reader_->entry().number != place.segment) {
      TREFOIL_ASSIGN(part_reader_, SegmentReader::open(walker_.env(), path, *entry));
    }
    part_reader_->goOnTo(*entry, walker_.position());  // the file may have grown since it was opened
    TREFOIL_TRY(part_reader_->readPayload(place.lsn, part));
    joined_.append(part, sizeof(PartPrefix));
  }
  joined_.append(last_piece);
  return {};
}

}  // namespace trefoil::aof
