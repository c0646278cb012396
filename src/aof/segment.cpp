#include "aof/segment.hpp"

#include <algorithm>
#include <cstring>

namespace trefoil::aof {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

std::uint32_t headerCrc(const SegmentHeader& header) {
  return crc32c({reinterpret_cast<const char*>(&header), offsetof(SegmentHeader, crc)});
}

std::string hex(std::uint32_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(8, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, value >>= 4) {
    *at = kDigits[value & 15];
  }
  return text;
}

bool isKnown(RecordKind kind) {
  switch (kind) {
    case RecordKind::kCommit:
    case RecordKind::kPart:
    case RecordKind::kCommitParts:
    case RecordKind::kMark:
      return true;
  }
  return false;
}

bool isZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

Error badHead(const std::string& path, const std::string& what) {
  return {ErrorCode::kCorruption, "'" + path + "' at offset 0: " + what};
}

// The head of the segment in `file`, if it is one.
Result<SegmentHeader> readHead(File& file, const std::string& path) {
  SegmentHeader header{};
  TREFOIL_ASSIGN(const std::size_t got, file.read(0, {reinterpret_cast<char*>(&header), sizeof(header)}));
  if (got < sizeof(header)) {
    return badHead(path, "the file ends within the head of the segment, after " + std::to_string(got) + " bytes");
  }
  if (std::memcmp(header.magic, kSegmentMagic, sizeof(header.magic)) != 0) {
    return badHead(path, "this is no log segment (magic bytes)");
  }
  if (header.crc == headerCrc(header) && (header.version < kOldestSegmentVersion || header.version > kSegmentVersion)) {
    return unknownFormat("'" + path + "' at offset 0: log format version " + std::to_string(header.version));
  }
  if (header.crc != headerCrc(header) || header.zero_1 != 0 || header.zero_2[0] != 0 || header.zero_2[1] != 0) {
    return badHead(path, "checksum mismatch in the head of the segment");
  }
  return header;
}

}  // namespace

Result<std::unique_ptr<File>> createSegment(Env& env, const std::string& path, const SegmentIdentity& identity) {
  SegmentHeader header{};
  std::memcpy(header.magic, kSegmentMagic, sizeof(header.magic));
  header.version = kSegmentVersion;
  header.epoch = identity.epoch;
  header.salt = identity.salt;
  header.start = identity.start;
  header.synced = identity.synced;
  header.crc = headerCrc(header);
  TREFOIL_ASSIGN(std::unique_ptr<File> file, env.open(path, Env::OpenMode::kReplace));
  TREFOIL_TRY(file->write(0, {reinterpret_cast<const char*>(&header), sizeof(header)}));
  return file;
}

Lsn markedLsn(const RecordHeader& header, std::string_view payload) {
  if (header.kind != RecordKind::kMark || payload.size() != sizeof(Lsn)) {
    return 0;
  }
  Lsn synced = 0;
  std::memcpy(&synced, payload.data(), sizeof(synced));
  return synced <= header.lsn ? synced : 0;
}

Result<std::unique_ptr<SegmentReader>> SegmentReader::open(Env& env, const std::string& path, const SegmentEntry& entry) {
  TREFOIL_ASSIGN(std::unique_ptr<File> file, env.open(path, Env::OpenMode::kRead));
  TREFOIL_ASSIGN(const std::uint64_t size, file->size());
  TREFOIL_ASSIGN(const SegmentHeader head, readHead(*file, path));
  if (head.start != entry.start || head.epoch != entry.epoch) {
    return badHead(path, "the head says epoch " + std::to_string(head.epoch) + ", start " + std::to_string(head.start) +
                             "; the manifest says epoch " + std::to_string(entry.epoch) + ", start " +
                             std::to_string(entry.start));
  }
  return std::unique_ptr<SegmentReader>(new SegmentReader(path, std::move(file), size, entry, head));
}

Result<std::unique_ptr<SegmentReader>> SegmentReader::openUnnamed(Env& env, const std::string& path) {
  TREFOIL_ASSIGN(std::unique_ptr<File> file, env.open(path, Env::OpenMode::kRead));
  TREFOIL_ASSIGN(const std::uint64_t size, file->size());
  TREFOIL_ASSIGN(const SegmentHeader head, readHead(*file, path));
  const SegmentEntry entry{.number = 0, .epoch = head.epoch, .start = head.start, .end = std::nullopt};
  return std::unique_ptr<SegmentReader>(new SegmentReader(path, std::move(file), size, entry, head));
}

void SegmentReader::goOnTo(const SegmentEntry& entry, Lsn limit) {
  entry_ = entry;
  limit_ = offsetOf(std::min(limit, entry.end.value_or(limit)));
}

Result<std::string_view> SegmentReader::view(std::uint64_t offset, std::size_t wanted) {
  const std::uint64_t available = offset < limit_ ? limit_ - offset : 0;
  wanted = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, available));
  if (offset < buffer_offset_ || offset + wanted > buffer_offset_ + buffer_.size()) {
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(wanted, kReadBytes), available)));
    buffer_offset_ = offset;
    Result<std::size_t> read = file_->read(offset, buffer_);
    buffer_.resize(read.ok() ? *read : 0);
    TREFOIL_ASSIGN(const std::size_t got, std::move(read));
    wanted = std::min(wanted, got);
  }
  return std::string_view(buffer_).substr(static_cast<std::size_t>(offset - buffer_offset_), wanted);
}

Result<bool> SegmentReader::onlyZerosBehind(std::uint64_t offset) {
  while (offset < limit_) {
    TREFOIL_ASSIGN(const std::string_view bytes, view(offset, kReadBytes));
    if (!isZero(bytes)) {
      return false;
    }
    if (bytes.empty()) {
      break;  // the file became shorter while it was read
    }
    offset += bytes.size();
  }
  return true;
}

SegmentReader::Outcome SegmentReader::bad(std::string reason) {
  bad_reason_ = std::move(reason);
  return Outcome::kBad;
}

// What the header alone shows to be wrong; empty if nothing. `room`: bytes from the record's beginning to the limit.
std::string SegmentReader::headerProblem(const RecordHeader& header, std::uint64_t room) const {
  if (header.length == 0) {
    return "there is no record: its length is 0";
  }
  if (header.lsn != position_) {
    return "the record there says lsn " + std::to_string(header.lsn);
  }
  if (header.epoch != entry_.epoch) {
    return "the record is of epoch " + std::to_string(header.epoch) + ", the segment of epoch " + std::to_string(entry_.epoch);
  }
  if (header.length > kMaxPayloadBytes) {
    return "the record's length, " + std::to_string(header.length) + ", is out of range";
  }
  if (recordBytes(header.length) > room) {
    return "the file ends within the record: " + std::to_string(room) + " of " + std::to_string(recordBytes(header.length)) +
           " bytes are there";
  }
  return {};
}

Result<SegmentReader::Outcome> SegmentReader::next(RecordView& record) {
  const std::uint64_t offset = offsetOf(position_);
  if (entry_.end && position_ == *entry_.end) {
    return Outcome::kEnd;
  }
  TREFOIL_ASSIGN(std::string_view bytes, view(offset, kRecordHeaderBytes));
  if (!entry_.end && isZero(bytes)) {
    TREFOIL_ASSIGN(const bool ends_here, onlyZerosBehind(offset + bytes.size()));
    if (ends_here) {
      return Outcome::kEnd;
    }
    TREFOIL_ASSIGN(bytes, view(offset, kRecordHeaderBytes));
  }
  if (bytes.size() < kRecordHeaderBytes) {
    return bad("the file ends there, within the head of a record");
  }
  RecordHeader& header = record.header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::string problem = headerProblem(header, limit_ - offset); !problem.empty()) {
    return bad(std::move(problem));
  }
  const std::size_t size = recordBytes(header.length);
  TREFOIL_ASSIGN(bytes, view(offset, size));
  if (bytes.size() < size) {
    return bad("the file became shorter while it was read");
  }
  const std::string_view payload = bytes.substr(kRecordHeaderBytes, header.length);
  const std::uint32_t computed = recordCrc(header, crc32c(payload), salt_);
  if (computed != header.crc) {
    return bad("checksum mismatch: stored " + hex(header.crc) + ", computed " + hex(computed));
  }
  const std::string_view padding = bytes.substr(kRecordHeaderBytes + header.length);
  if (!isZero(padding)) {
    return bad("the bytes behind the record are not zero");
  }
  // Intact, so it is neither torn nor corrupt: a newer program wrote it.
  if (header.version < kOldestRecordVersion || header.version > kRecordVersion) {
    return unknownFormat(describe(position_) + ": record format version " + std::to_string(header.version));
  }
  if (!isKnown(header.kind)) {
    return unknownFormat(describe(position_) + ": kind of record " + std::to_string(static_cast<unsigned>(header.kind)));
  }
  record.payload = payload;
  highest_mark_ = std::max(highest_mark_, markedLsn(header, payload));
  position_ += size;
  return Outcome::kRecord;
}

Result<Lsn> SegmentReader::findMarkBehind(Lsn from) {
  Lsn highest = 0;
  std::uint64_t offset = offsetOf(from);
  while (offset + kMarkBytes <= limit_) {
    TREFOIL_ASSIGN(const std::string_view bytes, view(offset, kReadBytes));
    if (bytes.size() < kMarkBytes) {
      break;
    }
    std::size_t at = 0;
    for (; at + kMarkBytes <= bytes.size(); at += kRecordAlignment) {
      RecordHeader header;
      std::memcpy(&header, bytes.data() + at, sizeof(header));
      if (header.lsn != entry_.start + (offset + at - kSegmentHeaderBytes) || header.length != sizeof(Lsn) ||
          header.epoch != entry_.epoch) {
        continue;
      }
      const std::string_view payload = bytes.substr(at + kRecordHeaderBytes, sizeof(Lsn));
      if (recordCrc(header, crc32c(payload), salt_) == header.crc) {
        highest = std::max(highest, markedLsn(header, payload));
      }
    }
    offset += at;
  }
  return highest;
}

Result<std::uint64_t> SegmentReader::bytesBehind(Lsn from) {
  const std::uint64_t begin = offsetOf(from);
  std::uint64_t end = begin;
  for (std::uint64_t offset = begin; offset < limit_;) {
    TREFOIL_ASSIGN(const std::string_view bytes, view(offset, kReadBytes));
    if (bytes.empty()) {
      break;  // the file became shorter while it was read
    }
    const std::size_t last = bytes.find_last_not_of('\0');
    end = last == std::string_view::npos ? end : offset + last + 1;
    offset += bytes.size();
  }
  const std::uint64_t words = (end - begin + kRecordAlignment - 1) / kRecordAlignment;
  return std::min(words * kRecordAlignment, limit_ - std::min(begin, limit_));
}

Status SegmentReader::readPayload(Lsn lsn, std::string& payload) {
  const Lsn before = position_;
  seek(lsn);
  RecordView record;
  const Result<Outcome> outcome = next(record);
  seek(before);
  if (!outcome.ok()) {
    return outcome.error();
  }
  if (outcome.value() != Outcome::kRecord) {
    return Error(ErrorCode::kCorruption, describe(lsn) + " was intact a moment ago: " + bad_reason_);
  }
  payload.assign(record.payload);
  return {};
}

std::string SegmentReader::describe(Lsn lsn) const {
  return "'" + path_ + "' at offset " + std::to_string(offsetOf(lsn)) + " (lsn " + std::to_string(lsn) + ")";
}

}  // namespace trefoil::aof
