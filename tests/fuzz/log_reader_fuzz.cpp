// Any bytes as a segment file, a manifest or a checkpoint: the readers end with records, an end or an error, never outside a
// buffer. The first byte chooses. Segments are given to recovery whole, and once more with their checksums made right, so that
// what lies behind the checksum is reached too.
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "aof/check.hpp"
#include "aof/checkpoint.hpp"
#include "aof/log.hpp"
#include "aof/manifest.hpp"
#include "aof/recovery.hpp"
#include "aof/segment.hpp"

namespace {

using namespace trefoil;       // NOLINT: a fuzzer
using namespace trefoil::aof;  // NOLINT

// A few files in memory.
class MemoryEnv final : public Env {
 public:
  std::map<std::string, std::shared_ptr<std::string>> files;

  class MemoryFile final : public File {
   public:
    explicit MemoryFile(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}
    Result<std::size_t> read(std::uint64_t offset, std::span<char> buffer) override {
      if (offset >= bytes_->size()) {
        return std::size_t{0};
      }
      const std::size_t size = std::min<std::size_t>(buffer.size(), bytes_->size() - offset);
      std::memcpy(buffer.data(), bytes_->data() + offset, size);
      return size;
    }
    Status write(std::uint64_t offset, std::string_view bytes) override {
      bytes_->resize(std::max<std::size_t>(bytes_->size(), offset + bytes.size()));
      std::memcpy(bytes_->data() + offset, bytes.data(), bytes.size());
      return {};
    }
    Status sync() override { return {}; }
    Status allocate(std::uint64_t offset, std::uint64_t bytes) override {
      bytes_->resize(std::max<std::size_t>(bytes_->size(), offset + bytes));
      return {};
    }
    Status truncate(std::uint64_t size) override {
      bytes_->resize(size);
      return {};
    }
    Result<std::uint64_t> size() override { return std::uint64_t{bytes_->size()}; }

   private:
    const std::shared_ptr<std::string> bytes_;
  };

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    auto& bytes = files[path];
    if (bytes == nullptr) {
      bytes = std::make_shared<std::string>();
    }
    if (mode == OpenMode::kCreateOrTruncate) {
      bytes->clear();
    }
    return std::unique_ptr<File>(std::make_unique<MemoryFile>(bytes));
  }
  Status rename(const std::string& from, const std::string& to) override {
    files[to] = files[from];
    files.erase(from);
    return {};
  }
  Status remove(const std::string& path) override {
    files.erase(path);
    return {};
  }
  Status createDirectory(const std::string&) override { return {}; }
  Status syncDirectory(const std::string&) override { return {}; }
  Result<std::vector<std::string>> list(const std::string&) override { return std::vector<std::string>{}; }
  bool exists(const std::string& path) override { return files.contains(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string&) override { return std::make_unique<FileLock>(); }
  UnixMs now() override { return {}; }
  std::int64_t nowMicros() override { return 0; }
  std::int64_t monotonicMicros() override { return 0; }
  void randomBytes(std::span<char> out) override { std::memset(out.data(), 7, out.size()); }
};

// Walks the records by their lengths and puts right what a checksum would have caught: the fuzzer cannot compute it.
void makeChecksumsRight(std::string& bytes, Lsn start, std::uint32_t salt) {
  for (std::size_t at = kSegmentHeaderBytes; at + kRecordHeaderBytes < bytes.size();) {
    RecordHeader header;
    std::memcpy(&header, bytes.data() + at, sizeof(header));
    const std::size_t room = bytes.size() - at - kRecordHeaderBytes;
    header.length = header.length % 512 + 1;
    if (header.length > room) {
      return;
    }
    header.lsn = start + (at - kSegmentHeaderBytes);
    header.epoch = 1;
    header.version = kRecordVersion;
    header.crc = recordCrc(header, crc32c({bytes.data() + at + kRecordHeaderBytes, header.length}), salt);
    std::memcpy(bytes.data() + at, &header, sizeof(header));
    const std::size_t end = std::min(bytes.size(), at + recordBytes(header.length));
    std::memset(bytes.data() + at + kRecordHeaderBytes + header.length, 0, end - at - kRecordHeaderBytes - header.length);
    at += recordBytes(header.length);
  }
}

void openSegment(std::string bytes, bool make_right) {
  MemoryEnv env;
  constexpr std::uint32_t kSalt = 7;
  {
    auto head = createSegment(env, "d/log-1.tfl", {.epoch = 1, .salt = kSalt, .start = kFirstLsn, .synced = kFirstLsn});
    if (make_right) {
      makeChecksumsRight(bytes, kFirstLsn, kSalt);
    }
    if (bytes.size() > kSegmentHeaderBytes) {
      (void)head.value()->write(kSegmentHeaderBytes, std::string_view(bytes).substr(kSegmentHeaderBytes));
    }
  }
  Manifest manifest;
  manifest.epoch = 1;
  manifest.next_file = 2;
  manifest.synced = kFirstLsn;
  manifest.segments = {{.number = 1, .epoch = 1, .start = kFirstLsn, .end = std::nullopt}};
  env.files["d/MANIFEST"] = std::make_shared<std::string>(manifest.encode());
  if (const auto report = check(env, "d"); report.ok()) {
    (void)report->text();
  }
  auto recovery = Recovery::open(env, "d", {.ring_bytes = 4096});
  if (!recovery.ok()) {
    return;
  }
  LogRecord record;
  while (true) {
    const auto found = recovery.value()->next(record);
    if (!found.ok()) {
      return;
    }
    if (!found.value()) {
      break;
    }
  }
  (void)recovery.value()->finish();
}

void readCheckpoint(std::string bytes) {
  MemoryEnv env;
  env.files["base"] = std::make_shared<std::string>(std::move(bytes));
  const auto reader = CheckpointReader::open(env, "base");
  if (!reader.ok()) {
    return;
  }
  for (const UnitEntry& unit : reader.value()->units()) {
    (void)reader.value()->read(unit, [](std::string_view) { return Status(); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      openSegment(bytes, false);
      break;
    case 1:
      openSegment(bytes, true);
      break;
    case 2:
      (void)Manifest::decode(bytes, "MANIFEST");
      break;
    default:
      readCheckpoint(bytes);
      break;
  }
  return 0;
}
