// Checkpoints: base-N.tfs, a shorter way to say what the log says. Bytes, not meaning: units are opaque here.
//
// The file, little-endian:
//   header   magic "TREFOILS", version u32 = 2, crc32c u32 of the 12 bytes before
//            (effects say what they came of since version 2; version 1 is read, too)
//   blocks   length u32, crc32c u32, unit u64, lsn u64, number u32, kind u16, flags u16, then length
//            bytes (at most kMaxBlockBytes)
//            crc32c covers bytes 8 .. 32+length. Blocks of a unit follow each other, numbered from 0.
//            flags: 1 = the chunk goes on in the next block (a chunk is what one write() call got, however large)
//   directory, as blocks of unit 0: for each unit its id u64, lsn u64, offset u64, bytes u64, blocks u32, kind u16, zero u16.
//            Units lie side by side, in that order, and fill the file from the header to the directory.
//   footer   directory offset u64, unit count u64, crc32c u32 of the 16 bytes before, zero u32, magic "TREFOILE"
//
// The order of a checkpoint, which finish() keeps: units captured; log durable past the highest capture LSN; file synced;
// directory synced; manifest swapped; only then are older bases and the segments that lie wholly below the start removed.
//
//   auto writer = CheckpointWriter::begin(log);                 // before the first capture
//   writer->beginUnit({.id = 7, .kind = 1, .lsn = log.end()});  // lsn: every change below it is in the unit, none at or above it
//   writer->write(effects); … writer->endUnit();
//   writer->finish(next_unit_id);                               // without it: nothing happened, the file is removed
//
// After a failed sync (log.state() == kFailed) the very same steps are the way back: begin() then chooses a point from which on
// all records are still in memory, finish() writes those to a fresh segment, and the new manifest names nothing of the old log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aof/manifest.hpp"
#include "base/env.hpp"
#include "base/status.hpp"
#include "base/types.hpp"

namespace trefoil::aof {

class Log;

inline constexpr std::size_t kMaxBlockBytes = std::size_t{256} << 10;

struct UnitHeader {
  std::uint64_t id = 0;    // > 0, never used twice in a directory
  std::uint16_t kind = 0;  // of the floor above
  Lsn lsn = 0;             // of the capture: the unit holds the changes below it
};

// A unit in the directory of the file.
struct UnitEntry {
  std::uint64_t id = 0;
  Lsn lsn = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // of the chunks, without block headers
  std::uint32_t blocks = 0;
  std::uint16_t kind = 0;
  std::uint16_t zero = 0;
};
static_assert(sizeof(UnitEntry) == 40);

// Writes one checkpoint. Used by one thread at a time; one writer at a time per log (begin() says kBusy otherwise).
class CheckpointWriter {
 public:
  static Result<std::unique_ptr<CheckpointWriter>> begin(Log& log);
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // No unit may be captured at an LSN below this one.
  [[nodiscard]] Lsn start() const { return start_; }

  // Units come one after the other. The first error sticks: later calls return it too.
  Status beginUnit(const UnitHeader& unit);
  // A chunk: it comes back in one piece.
  Status write(std::string_view chunk);
  Status endUnit();

  // Makes it count. `next_unit` and `properties` go into the manifest (see Manifest). Waits for the log and the disk.
  using Properties = std::vector<std::pair<std::string, std::string>>;
  Status finish(std::uint64_t next_unit, const Properties& properties = {});

  [[nodiscard]] std::uint64_t bytesWritten() const { return offset_ + buffer_.size(); }

 private:
  CheckpointWriter(Log& log, std::uint64_t number, Lsn start, bool from_memory);
  Status open();
  Status putBlock(std::string_view bytes, std::uint16_t flags);
  Status flushBuffer();
  Status writeDirectory();
  Result<SegmentEntry> startFreshSegment();
  Status swapManifest(std::uint64_t next_unit, const Properties& properties, const std::optional<SegmentEntry>& fresh);
  void removeDropped(const Manifest& before, const Manifest& now);
  Status keep(Status status);

  Log& log_;
  const std::uint64_t number_;
  const Lsn start_;
  const bool from_memory_;  // the log failed: a fresh segment begins at start_
  std::string path_;
  std::unique_ptr<File> file_;
  std::string buffer_;
  std::uint64_t offset_ = 0;     // file bytes before buffer_
  std::uint64_t allocated_ = 0;  // the file may be longer than what was written, up to here
  std::uint64_t synced_offset_ = 0;
  std::vector<UnitEntry> units_;
  bool in_unit_ = false;
  bool finished_ = false;
  bool manifest_tried_ = false;
  Lsn highest_lsn_ = 0;
  Status failure_;
};

// Reads one. Thread-safe: units may be read in parallel.
class CheckpointReader {
 public:
  // The one that the manifest of `directory` names. kCorruption if it is not there, is damaged, or is another one; kUnsupported
  // if a newer program wrote it.
  static Result<std::unique_ptr<CheckpointReader>> open(Env& env, const std::string& directory, const BaseEntry& entry);

  // Of the file, and so of the effects in it.
  [[nodiscard]] std::uint32_t version() const { return version_; }
  // In the order in which they were written.
  [[nodiscard]] const std::vector<UnitEntry>& units() const { return units_; }
  // Calls `sink` for each chunk of the unit, in order; stops at the first error. kCorruption with file and offset.
  Status read(const UnitEntry& unit, const std::function<Status(std::string_view chunk)>& sink) const;

 private:
  CheckpointReader(std::string directory, std::string path, std::unique_ptr<File> file)
      : directory_(std::move(directory)), path_(std::move(path)), file_(std::move(file)) {}
  Status readDirectory(Lsn start);
  [[nodiscard]] const char* directoryProblem(const UnitEntry& directory, Lsn start) const;
  [[nodiscard]] Error corrupt(std::uint64_t offset, const std::string& what) const;

  const std::string directory_;  // of the database
  const std::string path_;
  const std::unique_ptr<File> file_;
  std::vector<UnitEntry> units_;
  std::uint32_t version_ = 0;
  std::uint64_t end_ = 0;  // of the blocks
};

}  // namespace trefoil::aof
