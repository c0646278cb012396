// What the file system asks of a log file: CPU and time of a sync, and CPU of writes that go to the disk by 2 MB and then leave
// the page cache, by what the write finds there.
//
//   append       the file ends there: the write makes it longer
//   allocated    room was made ahead (fallocate)
//   pieces       the same, and just before the first write to 128 KB, zeros were written to all of it
//   overwrite    bytes were written there before: zeros, synced
//
// It is why the flusher keeps files longer than the log, and how (src/aof/flusher.hpp). The four alternate; medians.
//
//   bench_log_file [DIR]     default: a new directory under the system's temporary one
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "base/env.hpp"
#include "bench/support/cpu_time.hpp"

namespace {

using bench::cpuSeconds;
using trefoil::Env;
using trefoil::File;

enum class Place { kAppend, kAllocated, kPieces, kOverwrite };
constexpr Place kPlaces[] = {Place::kAppend, Place::kAllocated, Place::kPieces, Place::kOverwrite};
constexpr const char* kNames[] = {"append", "allocated", "pieces", "overwrite"};

constexpr std::size_t kFileBytes = std::size_t{64} << 20;
constexpr std::size_t kSyncedWrite = 5000;  // a group of 50 commits
// A round of an event loop at pipeline 64, 16 and 1.
constexpr std::size_t kUnsyncedWrites[] = {100'000, 14'000, 1'500};
constexpr std::size_t kPieceBytes = std::size_t{128} << 10;
constexpr std::size_t kWritebackBytes = std::size_t{2} << 20;
constexpr int kSyncs = 1000;
constexpr int kRounds = 5;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::unique_ptr<File> prepare(const std::string& path, Place place) {
  auto file = Env::system().open(path, Env::OpenMode::kReplace);
  TREFOIL_ASSERT(file.ok());
  if (place == Place::kAllocated || place == Place::kPieces) {
    TREFOIL_ASSERT((*file)->allocate(0, kFileBytes).ok());
  }
  if (place == Place::kOverwrite) {
    const std::string zeros(kPieceBytes, '\0');
    for (std::size_t at = 0; at < kFileBytes; at += zeros.size()) {
      TREFOIL_ASSERT((*file)->write(at, zeros).ok());
    }
  }
  TREFOIL_ASSERT((*file)->sync().ok());
  return std::move(file).value();
}

struct Figures {
  std::vector<double> sync_micros;
  std::vector<double> sync_cpu;
  std::vector<double> write_cpu[std::size(kUnsyncedWrites)];  // nanoseconds a byte
};

// CPU of filling a file by so many bytes a write, in nanoseconds a byte.
double stream(const std::string& path, Place place, std::size_t write_bytes) {
  const std::string bytes(write_bytes, 'x');
  const std::string zeros(kPieceBytes, '\0');
  const auto file = prepare(path, place);
  const double cpu = cpuSeconds();
  std::size_t pieces_end = 0;
  std::size_t sent = 0;
  std::size_t at = 0;
  for (; at + bytes.size() <= kFileBytes; at += bytes.size()) {
    if (place == Place::kPieces && at + bytes.size() > pieces_end) {
      TREFOIL_ASSERT(file->write(pieces_end, zeros).ok());
      pieces_end += zeros.size();
    }
    TREFOIL_ASSERT(file->write(at, bytes).ok());
    if (at >= sent + kWritebackBytes + kPieceBytes) {
      file->startWriteback(sent, kWritebackBytes);
      if (sent > kWritebackBytes) {
        file->dropCached(0, sent - kWritebackBytes);
      }
      sent += kWritebackBytes;
    }
  }
  return (cpuSeconds() - cpu) * 1e9 / static_cast<double>(at);
}

void measure(const std::string& path, Place place, Figures& figures) {
  const std::string bytes(kSyncedWrite, 'x');
  {
    const auto file = prepare(path, place);
    const double cpu = cpuSeconds();
    const std::int64_t begin = Env::system().monotonicMicros();
    for (int i = 0; i < kSyncs; ++i) {
      TREFOIL_ASSERT(file->write(static_cast<std::uint64_t>(i) * kSyncedWrite, bytes).ok());
      TREFOIL_ASSERT(file->sync().ok());
    }
    figures.sync_micros.push_back(static_cast<double>(Env::system().monotonicMicros() - begin) / kSyncs);
    figures.sync_cpu.push_back((cpuSeconds() - cpu) * 1e6 / kSyncs);
  }
  for (std::size_t i = 0; i < std::size(kUnsyncedWrites); ++i) {
    figures.write_cpu[i].push_back(stream(path, place, kUnsyncedWrites[i]));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path directory =
      argc > 1 ? argv[1] : std::filesystem::temp_directory_path() / ("trefoil-log-file-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const std::string path = directory / "file";
  Figures figures[std::size(kPlaces)];
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < std::size(kPlaces); ++i) {
      measure(path, kPlaces[i], figures[i]);
    }
  }
  std::printf("a write of %zu bytes and its sync; CPU of writes of %zu, %zu and %zu bytes; medians of %d rounds\n", kSyncedWrite,
              kUnsyncedWrites[0], kUnsyncedWrites[1], kUnsyncedWrites[2], kRounds);
  for (std::size_t i = 0; i < std::size(kPlaces); ++i) {
    std::printf("  %-10s sync %6.0f us, CPU %4.0f us   writes", kNames[i], median(figures[i].sync_micros),
                median(figures[i].sync_cpu));
    for (const std::vector<double>& write_cpu : figures[i].write_cpu) {
      std::printf(" %6.3f", median(write_cpu));
    }
    std::printf(" ns a byte\n");
  }
  std::filesystem::remove(path);
  if (argc <= 1) {
    std::filesystem::remove(directory);
  }
}
