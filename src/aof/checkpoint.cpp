#include "aof/checkpoint.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "aof/flusher.hpp"
#include "aof/log.hpp"
#include "aof/manifest.hpp"
#include "aof/open_parts.hpp"
#include "aof/segment.hpp"
#include "base/crc32c.hpp"

namespace trefoil::aof {
namespace {

constexpr char kBaseMagic[9] = "TREFOILS";
constexpr char kFooterMagic[9] = "TREFOILE";
constexpr std::uint32_t kBaseVersion = 2;
constexpr std::uint32_t kOldestBaseVersion = 1;
constexpr std::uint16_t kChunkGoesOn = 1;
constexpr std::size_t kBufferBytes = std::size_t{128} << 10;
// Synced in steps, so that the one at the end is short and the log's own syncs never queue behind a gigabyte.
constexpr std::uint64_t kSyncStepBytes = std::uint64_t{2} << 20;

constexpr std::uint64_t kAllocateStepBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kRemoveStepBytes = std::uint64_t{8} << 20;
constexpr std::chrono::milliseconds kRemovePause{1};

struct BaseHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t crc;
};
static_assert(sizeof(BaseHeader) == 16);

struct BlockHeader {
  std::uint32_t length;
  std::uint32_t crc;
  std::uint64_t unit;
  Lsn lsn;
  std::uint32_t number;
  std::uint16_t kind;
  std::uint16_t flags;
};
static_assert(sizeof(BlockHeader) == 32);

struct BaseFooter {
  std::uint64_t directory_offset;
  std::uint64_t unit_count;
  std::uint32_t crc;
  std::uint32_t zero;
  char magic[8];
};
static_assert(sizeof(BaseFooter) == 32);

std::uint32_t blockCrc(const BlockHeader& header, std::string_view bytes) {
  return crc32c(bytes, crc32c({reinterpret_cast<const char*>(&header) + 8, sizeof(header) - 8}));
}

// What a unit takes of the file.
std::uint64_t fileBytes(const UnitEntry& unit) {
  return unit.blocks * sizeof(BlockHeader) + unit.bytes;
}

template <typename Struct>
std::string_view asBytes(const Struct& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

// Piece by piece: to free a gigabyte at once keeps the disk, and a processor in the kernel, busy for so long that commits notice.
// But not of a file that somebody keeps under another name, too.
void removeInSteps(Env& env, const std::string& path) {
  if (auto file = env.open(path, Env::OpenMode::kReadWrite); file.ok()) {
    const Result<std::uint64_t> size = (*file)->size();
    std::uint64_t left = size.ok() && !(*file)->hasOtherNames() ? *size : 0;
    while (left > kRemoveStepBytes) {
      left -= kRemoveStepBytes;
      if (!(*file)->truncate(left).ok()) {
        break;
      }
      std::this_thread::sleep_for(kRemovePause);
    }
  }
  (void)env.remove(path);
}

}  // namespace

// --- writing ---

Result<std::unique_ptr<CheckpointWriter>> CheckpointWriter::begin(Log& log) {
  if (log.checkpoint_running_.exchange(true)) {
    return Error(ErrorCode::kBusy, "a checkpoint is being written already");
  }
  const bool from_memory = log.state() == LogState::kFailed;
  // From memory: parts that went to the failed file are lost with it, so no transaction may have any.
  const Lsn start = from_memory ? log.open_parts_->waitUntilNone() : log.open_parts_->checkpointStart();
  std::unique_ptr<CheckpointWriter> writer(new CheckpointWriter(log, log.manifest_->takeFileNumber(), start, from_memory));
  if (!from_memory) {
    log.flusher_->requestRoll();  // what was written so far can then be dropped at the end
  }
  TREFOIL_TRY(writer->open());
  return writer;
}

CheckpointWriter::CheckpointWriter(Log& log, std::uint64_t number, Lsn start, bool from_memory)
    : log_(log),
      number_(number),
      start_(start),
      from_memory_(from_memory),
      path_(log.manifest_->pathOf(baseName(number))),
      highest_lsn_(start) {}

CheckpointWriter::~CheckpointWriter() {
  if (file_ != nullptr && !manifest_tried_) {
    file_.reset();
    (void)log_.manifest_->env().remove(path_);  // what stays is removed at the next opening
  }
  log_.checkpoint_running_ = false;
}

Status CheckpointWriter::keep(Status status) {
  if (!status.ok() && failure_.ok()) {
    failure_ = Status(status.error());
  }
  return status;
}

Status CheckpointWriter::open() {
  TREFOIL_ASSIGN(file_, log_.manifest_->env().open(path_, Env::OpenMode::kReplace));
  BaseHeader header{};
  std::memcpy(header.magic, kBaseMagic, sizeof(header.magic));
  header.version = kBaseVersion;
  header.crc = crc32c(asBytes(header).substr(0, offsetof(BaseHeader, crc)));
  buffer_.append(asBytes(header));
  return {};
}

Status CheckpointWriter::flushBuffer() {
  if (offset_ + buffer_.size() > allocated_) {
    allocated_ = offset_ + kAllocateStepBytes;
    (void)file_->allocate(offset_, kAllocateStepBytes);  // cheaper to write to; where it cannot be done, the file just grows
  }
  TREFOIL_TRY(file_->write(offset_, buffer_));
  offset_ += buffer_.size();
  buffer_.clear();
  if (offset_ - synced_offset_ >= kSyncStepBytes) {
    TREFOIL_TRY(file_->sync());
    synced_offset_ = offset_;
  }
  return {};
}

// A checkpoint is long work beside short work: it offers its processor after each block, and writes little at a time, so that
// clients do not wait for the end of a scheduler's slice. (A lower priority would let it be held up while it holds a lock.)
Status CheckpointWriter::putBlock(std::string_view bytes, std::uint16_t flags) {
  ::sched_yield();
  UnitEntry& unit = units_.back();
  BlockHeader header{.length = static_cast<std::uint32_t>(bytes.size()),
                     .crc = 0,
                     .unit = unit.id,
                     .lsn = unit.lsn,
                     .number = unit.blocks,
                     .kind = unit.kind,
                     .flags = flags};
  header.crc = blockCrc(header, bytes);
  buffer_.append(asBytes(header));
  buffer_.append(bytes);
  ++unit.blocks;
  unit.bytes += bytes.size();
  return buffer_.size() >= kBufferBytes ? flushBuffer() : Status();
}

Status CheckpointWriter::beginUnit(const UnitHeader& unit) {
  TREFOIL_ASSERT(!in_unit_ && unit.id > 0 && unit.lsn >= start_);
  in_unit_ = true;
  highest_lsn_ = std::max(highest_lsn_, unit.lsn);
  units_.push_back({.id = unit.id,
                    .lsn = unit.lsn,
                    .offset = offset_ + buffer_.size(),
                    .bytes = 0,
                    .blocks = 0,
                    .kind = unit.kind,
                    .zero = 0});
  return failure_.ok() ? Status() : Status(failure_.error());
}

Status CheckpointWriter::write(std::string_view chunk) {
  TREFOIL_ASSERT(in_unit_);
  if (!failure_.ok()) {
    return failure_.error();
  }
  while (chunk.size() > kMaxBlockBytes) {
    TREFOIL_TRY(keep(putBlock(chunk.substr(0, kMaxBlockBytes), kChunkGoesOn)));
    chunk.remove_prefix(kMaxBlockBytes);
  }
  return keep(putBlock(chunk, 0));
}

Status CheckpointWriter::endUnit() {
  TREFOIL_ASSERT(in_unit_);
  in_unit_ = false;
  return failure_.ok() ? Status() : Status(failure_.error());
}

// The directory is written like a unit: number 0, one chunk.
Status CheckpointWriter::writeDirectory() {
  const std::string directory(reinterpret_cast<const char*>(units_.data()), units_.size() * sizeof(UnitEntry));
  const std::uint64_t unit_count = units_.size();
  BaseFooter footer{};
  footer.directory_offset = offset_ + buffer_.size();
  footer.unit_count = unit_count;
  std::memcpy(footer.magic, kFooterMagic, sizeof(footer.magic));
  footer.crc = crc32c(asBytes(footer).substr(0, offsetof(BaseFooter, crc)));
  units_.push_back({});
  in_unit_ = true;
  TREFOIL_TRY(write(directory));
  TREFOIL_TRY(endUnit());
  buffer_.append(asBytes(footer));
  TREFOIL_TRY(flushBuffer());
  return file_->truncate(offset_);
}

Status CheckpointWriter::finish(std::uint64_t next_unit, const Properties& properties) {
  TREFOIL_ASSERT(!in_unit_ && !finished_);
  if (!failure_.ok()) {
    return failure_.error();
  }
  finished_ = true;
  TREFOIL_TRY(writeDirectory());
  std::optional<SegmentEntry> fresh;
  if (from_memory_) {
    TREFOIL_ASSIGN(fresh, startFreshSegment());
  } else {
    TREFOIL_TRY(log_.waitDurable(highest_lsn_));
  }
  Status status = swapManifest(next_unit, properties, fresh);
  if (from_memory_) {
    log_.flusher_->settle(status.ok());
  }
  return status;
}

// All records from start_ on are still in memory; they go to a new file, which nobody knows until the manifest names it.
Result<SegmentEntry> CheckpointWriter::startFreshSegment() {
  ManifestStore& manifest = *log_.manifest_;
  const SegmentEntry entry{
      .number = manifest.takeFileNumber(), .epoch = log_.ring_.epoch(), .start = start_, .end = std::nullopt};
  const SegmentIdentity identity{.epoch = entry.epoch, .salt = log_.ring_.salt(), .start = start_, .synced = start_};
  TREFOIL_ASSIGN(std::unique_ptr<File> file, createSegment(manifest.env(), manifest.pathOf(segmentName(entry.number)), identity));
  TREFOIL_TRY(file->sync());
  log_.flusher_->continueIn(std::move(file), entry);
  TREFOIL_TRY(log_.flusher_->waitSyncedInNewFile(highest_lsn_));
  return entry;
}

Status CheckpointWriter::swapManifest(std::uint64_t next_unit, const Properties& properties,
                                      const std::optional<SegmentEntry>& fresh) {
  ManifestStore& store = *log_.manifest_;
  TREFOIL_TRY(file_->sync());
  TREFOIL_TRY(store.env().syncDirectory(store.directory()));
  const Manifest before = store.current();
  manifest_tried_ = true;  // from here on the file may be in use
  TREFOIL_TRY(store.update([&](Manifest& manifest) {
    manifest.base = BaseEntry{.number = number_, .start = start_, .needs = highest_lsn_};
    manifest.next_unit = next_unit;
    for (const auto& [name, value] : properties) {
      manifest.properties[name] = value;
    }
    if (fresh) {
      manifest.segments = {*fresh};
      manifest.synced = highest_lsn_;
      return;
    }
    manifest.synced = std::max(manifest.synced, log_.durableLsn());
    const std::uint64_t backlog = log_.backlog_.load(std::memory_order_relaxed);
    const Lsn end = log_.end();
    const Lsn needed = std::min(start_, end > backlog ? end - backlog : kFirstLsn);
    std::erase_if(manifest.segments, [&](const SegmentEntry& segment) { return segment.end && *segment.end <= needed; });
  }));
  log_.checkpoint_start_ = start_;
  removeDropped(before, store.current());
  return {};
}

// Files that only the manifest before needed. What cannot be removed goes at the next opening.
void CheckpointWriter::removeDropped(const Manifest& before, const Manifest& now) {
  ManifestStore& store = *log_.manifest_;
  if (before.base) {
    removeInSteps(store.env(), store.pathOf(baseName(before.base->number)));
  }
  for (const SegmentEntry& segment : before.segments) {
    const bool kept = std::any_of(now.segments.begin(), now.segments.end(),
                                  [&](const SegmentEntry& other) { return other.number == segment.number; });
    if (!kept) {
      removeInSteps(store.env(), store.pathOf(segmentName(segment.number)));
    }
  }
}

// --- reading ---

Result<std::unique_ptr<CheckpointReader>> CheckpointReader::open(Env& env, const std::string& directory, const BaseEntry& entry) {
  const std::string path = pathIn(directory, baseName(entry.number));
  auto file = env.open(path, Env::OpenMode::kRead);
  if (!file.ok() && file.error().system_errno == ENOENT) {
    return damageIn(directory, "'" + path + "': the manifest names this checkpoint, but there is no such file");
  }
  if (!file.ok()) {
    return std::move(file).error();
  }
  std::unique_ptr<CheckpointReader> reader(new CheckpointReader(directory, path, std::move(file).value()));
  TREFOIL_TRY(reader->readDirectory(entry.start));
  return reader;
}

Error CheckpointReader::corrupt(std::uint64_t offset, const std::string& what) const {
  return damageIn(directory_, "'" + path_ + "' at offset " + std::to_string(offset) + ": " + what);
}

Status CheckpointReader::readDirectory(Lsn start) {
  TREFOIL_ASSIGN(const std::uint64_t size, file_->size());
  BaseHeader header{};
  BaseFooter footer{};
  if (size < sizeof(header) + sizeof(footer)) {
    return corrupt(0, "the file is too short for a checkpoint");
  }
  TREFOIL_TRY(file_->read(0, {reinterpret_cast<char*>(&header), sizeof(header)}));
  if (std::memcmp(header.magic, kBaseMagic, sizeof(header.magic)) != 0) {
    return corrupt(0, "this is no checkpoint (magic bytes)");
  }
  if (header.crc != crc32c(asBytes(header).substr(0, offsetof(BaseHeader, crc)))) {
    return corrupt(0, "checksum mismatch in the head of the checkpoint");
  }
  if (header.version < kOldestBaseVersion || header.version > kBaseVersion) {
    return unknownFormat("'" + path_ + "' at offset 0: checkpoint format version " + std::to_string(header.version));
  }
  version_ = header.version;
  const std::uint64_t footer_offset = size - sizeof(footer);
  TREFOIL_TRY(file_->read(footer_offset, {reinterpret_cast<char*>(&footer), sizeof(footer)}));
  if (std::memcmp(footer.magic, kFooterMagic, sizeof(footer.magic)) != 0 || footer.zero != 0 ||
      footer.crc != crc32c(asBytes(footer).substr(0, offsetof(BaseFooter, crc)))) {
    return corrupt(footer_offset, "the end of the checkpoint is damaged or missing");
  }
  end_ = footer_offset;
  UnitEntry directory{.offset = footer.directory_offset};
  if (footer.directory_offset > end_ || footer.unit_count > (end_ - footer.directory_offset) / sizeof(UnitEntry)) {
    return corrupt(footer_offset, "the directory does not fit the file");
  }
  directory.bytes = footer.unit_count * sizeof(UnitEntry);
  directory.blocks =
      static_cast<std::uint32_t>(std::max<std::uint64_t>(1, (directory.bytes + kMaxBlockBytes - 1) / kMaxBlockBytes));
  TREFOIL_TRY(read(directory, [&](std::string_view bytes) -> Status {
    if (bytes.size() != directory.bytes) {
      return corrupt(directory.offset, "the directory has " + std::to_string(bytes.size()) + " bytes instead of " +
                                           std::to_string(directory.bytes));
    }
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(UnitEntry)) {
      std::memcpy(&units_.emplace_back(), bytes.data() + at, sizeof(UnitEntry));
    }
    return {};
  }));
  const char* const problem = directoryProblem(directory, start);
  return problem == nullptr ? Status() : corrupt(directory.offset, problem);
}

// The checksums are right; this is about what they cover.
const char* CheckpointReader::directoryProblem(const UnitEntry& directory, Lsn start) const {
  std::uint64_t offset = sizeof(BaseHeader);
  for (const UnitEntry& unit : units_) {
    if (unit.offset != offset || unit.bytes > directory.offset || fileBytes(unit) > directory.offset - offset) {
      return "the units do not lie side by side";
    }
    if (unit.id == 0 || unit.zero != 0) {
      return "a unit's entry in the directory makes no sense";
    }
    if (unit.lsn < start) {
      return "this is not the checkpoint that the manifest names: a unit was captured before it began";
    }
    offset += fileBytes(unit);
  }
  if (offset != directory.offset || offset + fileBytes(directory) != end_) {
    return "there are bytes that belong to no unit";
  }
  return nullptr;
}

Status CheckpointReader::read(const UnitEntry& unit, const std::function<Status(std::string_view chunk)>& sink) const {
  std::string block;
  std::string chunk;  // of several blocks
  std::uint64_t offset = unit.offset;
  std::uint64_t bytes_seen = 0;
  bool goes_on = false;
  for (std::uint32_t number = 0; number < unit.blocks; ++number) {
    if (offset + sizeof(BlockHeader) > end_) {
      return corrupt(offset, "the file ends before block " + std::to_string(number) + " of unit " + std::to_string(unit.id));
    }
    BlockHeader header{};
    TREFOIL_ASSIGN(std::size_t got, file_->read(offset, {reinterpret_cast<char*>(&header), sizeof(header)}));
    if (got < sizeof(header) || header.length > kMaxBlockBytes || header.length > end_ - offset - sizeof(header)) {
      return corrupt(offset,
                     "block " + std::to_string(number) + " of unit " + std::to_string(unit.id) + " does not fit the file");
    }
    block.resize(header.length);
    TREFOIL_ASSIGN(got, file_->read(offset + sizeof(header), block));
    if (got < block.size() || header.crc != blockCrc(header, block)) {
      return corrupt(offset, "checksum mismatch in block " + std::to_string(number) + " of unit " + std::to_string(unit.id));
    }
    if (header.unit != unit.id || header.lsn != unit.lsn || header.kind != unit.kind || header.number != number) {
      return corrupt(offset, "this is block " + std::to_string(header.number) + " of unit " + std::to_string(header.unit) +
                                 ", expected was block " + std::to_string(number) + " of unit " + std::to_string(unit.id));
    }
    offset += sizeof(header) + header.length;
    bytes_seen += header.length;
    const bool went_on = std::exchange(goes_on, (header.flags & kChunkGoesOn) != 0);
    if (goes_on || went_on) {
      chunk.append(block);
    }
    if (!goes_on) {
      TREFOIL_TRY(sink(went_on ? std::string_view(chunk) : std::string_view(block)));
      chunk.clear();
    }
  }
  if (goes_on || bytes_seen != unit.bytes) {
    return corrupt(offset, "unit " + std::to_string(unit.id) + " is incomplete");
  }
  return {};
}

}  // namespace trefoil::aof
