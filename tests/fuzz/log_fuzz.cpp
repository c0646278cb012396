// Any bytes as the segments of a log, under a manifest that makes sense: recovery and check end, agree, and a repair leads to a
// log that opens. The input opens with a Shape; what follows it is the segments' content. The fuzzer cannot compute checksums, so
// on demand they are made right, and what lies behind them is reached too.
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "aof/check.hpp"
#include "aof/log.hpp"
#include "aof/manifest.hpp"
#include "aof/recovery.hpp"
#include "aof/segment.hpp"
#include "base/assert.hpp"
#include "tests/fuzz/memory_env.hpp"

namespace {

using namespace trefoil;       // NOLINT: a fuzzer
using namespace trefoil::aof;  // NOLINT

constexpr std::uint32_t kSalt = 7;
constexpr std::uint32_t kEpoch = 1;

struct Shape {
  std::uint8_t make_right;    // odd: the records' lengths, positions, epochs and checksums are
  std::uint8_t closed;        // odd: the last segment has an end, too
  std::uint16_t first_words;  // of the first of two segments, in words of 8 bytes; 0: there is only one
  std::uint16_t synced;       // in words behind the last segment's start
  std::uint16_t cut;          // bytes that the last file is shorter
};

// Walks the records by their lengths and puts right what a checksum would have caught.
void makeRecordsRight(std::string& bytes, Lsn start) {
  for (std::size_t at = 0; at + kRecordHeaderBytes < bytes.size();) {
    RecordHeader header;
    std::memcpy(&header, bytes.data() + at, sizeof(header));
    const std::size_t room = bytes.size() - at - kRecordHeaderBytes;
    header.length = header.length % 512 + 1;
    if (header.length > room) {
      return;
    }
    header.lsn = start + at;
    header.epoch = kEpoch;
    header.version = kRecordVersion;
    header.kind = static_cast<RecordKind>(static_cast<unsigned>(header.kind) % 5);  // 0: none of ours
    header.crc = recordCrc(header, crc32c({bytes.data() + at + kRecordHeaderBytes, header.length}), kSalt);
    std::memcpy(bytes.data() + at, &header, sizeof(header));
    const std::size_t end = std::min(bytes.size(), at + recordBytes(header.length));
    std::memset(bytes.data() + at + kRecordHeaderBytes + header.length, 0, end - at - kRecordHeaderBytes - header.length);
    at += recordBytes(header.length);
  }
}

void addSegment(Env& env, Manifest& manifest, std::string content, bool make_right, std::optional<Lsn> end) {
  const Lsn start = manifest.segments.empty() ? kFirstLsn : *manifest.segments.back().end;
  const std::uint64_t number = manifest.segments.size() + 1;
  const auto file =
      createSegment(env, pathIn("d", segmentName(number)), {.epoch = kEpoch, .salt = kSalt, .start = start, .synced = start});
  if (make_right) {
    makeRecordsRight(content, start);
  }
  TREFOIL_ASSERT(file.ok() && (*file)->write(kSegmentHeaderBytes, content).ok());
  manifest.segments.push_back({.number = number, .epoch = kEpoch, .start = start, .end = end});
}

// To the end of the log; the error that recovery stops with.
Status replay(Recovery& recovery) {
  LogRecord record;
  while (true) {
    TREFOIL_ASSIGN(const bool more, recovery.next(record));
    if (!more) {
      return {};
    }
  }
}

Status openAndReplay(Env& env) {
  TREFOIL_ASSIGN(const std::unique_ptr<Recovery> recovery, Recovery::open(env, "d", {.ring_bytes = 4096}));
  TREFOIL_TRY(replay(*recovery));
  (void)recovery->finish();  // a mark that points between two records is found here
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Shape shape;
  if (size < sizeof(shape)) {
    return 0;
  }
  std::memcpy(&shape, data, sizeof(shape));
  std::string content(reinterpret_cast<const char*>(data) + sizeof(shape), size - sizeof(shape));
  const bool make_right = shape.make_right % 2 == 1;

  fuzz::MemoryEnv env;
  Manifest manifest;
  manifest.epoch = kEpoch;
  manifest.next_file = 3;
  const std::size_t first = std::min<std::size_t>(shape.first_words % 512 * kRecordAlignment, content.size() & ~std::size_t{7});
  if (first > 0) {
    addSegment(env, manifest, content.substr(0, first), make_right, kFirstLsn + first);
    content.erase(0, first);
  }
  const Lsn start = manifest.segments.empty() ? kFirstLsn : *manifest.segments.back().end;
  const Lsn end = start + (content.size() & ~std::size_t{7});
  manifest.synced = start + shape.synced % 512 * kRecordAlignment;
  content.resize(content.size() - std::min<std::size_t>(content.size(), shape.cut % 64));
  const bool closed = shape.closed % 2 == 1;
  if (closed) {
    manifest.synced = std::min(manifest.synced, end);
  }
  addSegment(env, manifest, content, make_right, closed ? std::optional(end) : std::nullopt);
  env.put("d/MANIFEST", manifest.encode());

  const auto report = check(env, "d");
  if (!report.ok()) {
    TREFOIL_ASSERT(report.error().code == ErrorCode::kUnsupported);
    TREFOIL_ASSERT(openAndReplay(env).error().code == ErrorCode::kUnsupported);
    return 0;
  }
  (void)report->text();
  if (!report->damages.empty()) {
    TREFOIL_ASSERT(!openAndReplay(env).ok());
    TREFOIL_ASSERT(check(env, "d", {.repair = true})->repaired);
    TREFOIL_ASSERT(check(env, "d")->damages.empty());
  }
  TREFOIL_ASSERT(openAndReplay(env).ok());
  return 0;
}
