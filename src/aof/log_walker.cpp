#include "aof/log_walker.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace trefoil::aof {

namespace {

Lsn beginningOf(const Manifest& manifest) {
  if (manifest.segments.empty()) {
    return kFirstLsn;  // a database that is about to be made
  }
  return manifest.base ? manifest.base->start : manifest.segments.front().start;
}

}  // namespace

LogWalker::LogWalker(Env& env, std::string directory, Manifest manifest)
    : env_(env),
      directory_(std::move(directory)),
      manifest_(std::move(manifest)),
      position_(beginningOf(manifest_)),
      begin_(position_),
      first_(manifest_.base ? manifest_.base->needs : begin_),
      mark_(manifest_.segments.empty() ? kFirstLsn : manifest_.synced) {
  if (!manifest_.segments.empty()) {
    index_ = indexOf(position_);
  }
}

LogWalker::LogWalker(Env& env, std::string directory, Lsn from, Lsn first)
    : env_(env), directory_(std::move(directory)), limit_(from), position_(from), begin_(from), first_(first), mark_(from) {}

// The segment that holds the record at `lsn`, or the last one before a gap there.
std::size_t LogWalker::indexOf(Lsn lsn) const {
  std::size_t index = 0;
  while (index + 1 < manifest_.segments.size() && manifest_.segments[index].end <= lsn) {
    ++index;
  }
  return index;
}

bool LogWalker::goOnTo(Manifest manifest, Lsn limit) {
  manifest_ = std::move(manifest);
  limit_ = limit;
  mark_ = std::max(mark_, limit);  // so whatever is bad below is corruption
  index_ = indexOf(position_);
  const SegmentEntry& entry = manifest_.segments[index_];
  if (reader_ != nullptr && reader_->entry().number == entry.number) {
    reader_->goOnTo(entry, limit_);
  } else {
    reader_.reset();
  }
  return entry.start <= position_;
}

Status LogWalker::openSegment() {
  const SegmentEntry& entry = manifest_.segments[index_];
  const std::string path = pathIn(directory_, segmentName(entry.number));
  damage_ = {.path = path, .segment = index_, .lsn = position_};
  auto opened = SegmentReader::open(env_, path, entry);
  if (!opened.ok() && opened.error().system_errno == ENOENT) {
    return corrupt("'" + path + "': the manifest names this segment, but there is no such file");
  }
  if (!opened.ok()) {
    return opened.error().code == ErrorCode::kCorruption ? corrupt(opened.error().message) : std::move(opened).error();
  }
  reader_ = std::move(opened).value();
  if (limit_ != kNoLimit) {
    reader_->goOnTo(entry, limit_);
  }
  position_ = std::max(position_, entry.start);  // it is below where the manifest has a gap
  reader_->seek(position_);
  mark_ = std::max(mark_, reader_->highestMark());
  return {};
}

Result<bool> LogWalker::next(RecordView& record) {
  while (index_ < manifest_.segments.size() && position_ < limit_) {
    if (reader_ == nullptr) {
      TREFOIL_TRY(openSegment());
    }
    TREFOIL_ASSIGN(const SegmentReader::Outcome outcome, reader_->next(record));
    mark_ = std::max(mark_, reader_->highestMark());
    position_ = reader_->position();
    if (outcome == SegmentReader::Outcome::kRecord) {
      const std::string problem = followParts(record);
      if (problem.empty()) {
        return true;
      }
      position_ = record.header.lsn;
      reader_->seek(position_);
      damage_ = {.path = reader_->path(), .offset = reader_->offsetOf(position_), .segment = index_, .lsn = position_};
      return corrupt(reader_->describe(position_) + ": the record is intact, but " + problem);
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
  TREFOIL_ASSIGN(dropped_bytes_, reader_->bytesBehind(position_));
  dropped_reason_ = reader_->describe(position_) + ": " + what;
  return false;
}

// Parts of a transaction follow each other by number, and the commit record counts them. Says what is wrong, if anything.
std::string LogWalker::followParts(const RecordView& record) {
  const bool ends = record.header.kind == RecordKind::kCommitParts;
  if (!ends && record.header.kind != RecordKind::kPart) {
    return {};
  }
  PartPrefix prefix;
  if (record.payload.size() < sizeof(prefix)) {
    return "it is too short for a piece of a large transaction";
  }
  std::memcpy(&prefix, record.payload.data(), sizeof(prefix));
  if (prefix.group != 0 && prefix.group < begin_ && record.header.lsn < first_) {
    parts_.clear();
    return {};
  }
  const auto group = groups_.find(prefix.group);
  const std::size_t found = group == groups_.end() ? 0 : group->second.size();
  if (prefix.number != found || (found == 0) != (prefix.group == 0) || (ends && found == 0)) {
    return "it is piece " + std::to_string(prefix.number) + " of its transaction, and " + std::to_string(found) + " came before";
  }
  if (found == 0) {
    groups_[record.header.lsn].push_back({.segment = reader_->entry().number, .lsn = record.header.lsn});
  } else if (ends) {
    parts_ = std::move(group->second);
    groups_.erase(group);
  } else {
    group->second.push_back({.segment = reader_->entry().number, .lsn = record.header.lsn});
  }
  return {};
}

Error LogWalker::corrupt(const std::string& what) {
  damage_.what = what;
  return damageIn(directory_, what);
}

Status checkNewest(Env& env, const std::string& directory, const Manifest& manifest, Lsn end) {
  TREFOIL_ASSIGN(const std::vector<std::string> names, env.list(directory));
  for (const std::string& name : names) {
    const std::optional<std::uint64_t> number = segmentNumber(name);
    if (!number || *number < manifest.next_file) {
      continue;
    }
    auto reader = SegmentReader::openUnnamed(env, pathIn(directory, name));
    if (!reader.ok()) {
      if (reader.error().code == ErrorCode::kCorruption) {
        continue;  // whoever made it did not come to writing records
      }
      return std::move(reader).error();
    }
    RecordView record;
    while (true) {
      TREFOIL_ASSIGN(const SegmentReader::Outcome outcome, (*reader)->next(record));
      if (outcome != SegmentReader::Outcome::kRecord) {
        break;
      }
      if (record.end() > end) {
        return damageIn(directory, "'" + manifestPath(directory) + "' is older than the log: it knows nothing of '" + name +
                                       "', which goes on behind lsn " + std::to_string(end));
      }
    }
  }
  return {};
}

}  // namespace trefoil::aof
