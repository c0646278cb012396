// What the file system asks of a log file: CPU and time of a sync, and CPU of a write, by what the write finds there.
//
//   append       the file ends there: the write makes it longer
//   allocated    room was made ahead (fallocate)
//   overwrite    bytes were written there before: zeros, synced
//
// It is why the flusher keeps files longer than the log (src/aof/flusher.hpp). The three alternate; medians.
//
//   bench_log_file [DIR]     default: a new directory under the system's temporary one
#include <sys/resource.h>
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

namespace {

using trefoil::Env;
using trefoil::File;

enum class Place { kAppend, kAllocated, kOverwrite };
constexpr Place kPlaces[] = {Place::kAppend, Place::kAllocated, Place::kOverwrite};
constexpr const char* kNames[] = {"append", "allocated", "overwrite"};

constexpr std::size_t kFileBytes = std::size_t{64} << 20;
constexpr std::size_t kSyncedWrite = 5000;       // a group of 50 commits
constexpr std::size_t kUnsyncedWrite = 180'000;  // a round of an event loop at pipeline 64
constexpr int kSyncs = 1000;
constexpr int kRounds = 5;

double cpuMicros() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::unique_ptr<File> prepare(const std::string& path, Place place) {
  auto file = Env::system().open(path, Env::OpenMode::kCreateOrTruncate);
  TREFOIL_ASSERT(file.ok());
  if (place == Place::kAllocated) {
    TREFOIL_ASSERT((*file)->allocate(0, kFileBytes).ok());
  }
  if (place == Place::kOverwrite) {
    const std::string zeros(std::size_t{1} << 20, '\0');
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
  std::vector<double> write_cpu;  // nanoseconds a byte
};

void measure(const std::string& path, Place place, Figures& figures) {
  const std::string bytes(kUnsyncedWrite, 'x');
  {
    const auto file = prepare(path, place);
    const double cpu = cpuMicros();
    const std::int64_t begin = Env::system().monotonicMicros();
    for (int i = 0; i < kSyncs; ++i) {
      TREFOIL_ASSERT(
          file->write(static_cast<std::uint64_t>(i) * kSyncedWrite, std::string_view(bytes).substr(0, kSyncedWrite)).ok());
      TREFOIL_ASSERT(file->sync().ok());
    }
    figures.sync_micros.push_back(static_cast<double>(Env::system().monotonicMicros() - begin) / kSyncs);
    figures.sync_cpu.push_back((cpuMicros() - cpu) / kSyncs);
  }
  const auto file = prepare(path, place);
  const double cpu = cpuMicros();
  std::size_t at = 0;
  for (; at + bytes.size() <= kFileBytes; at += bytes.size()) {
    TREFOIL_ASSERT(file->write(at, bytes).ok());
  }
  figures.write_cpu.push_back((cpuMicros() - cpu) * 1e3 / static_cast<double>(at));
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
  std::printf("a write of %zu bytes and its sync; a write of %zu bytes alone; medians of %d rounds\n", kSyncedWrite,
              kUnsyncedWrite, kRounds);
  for (std::size_t i = 0; i < std::size(kPlaces); ++i) {
    std::printf("  %-10s sync %6.0f us, CPU %4.0f us   write CPU %.3f ns a byte\n", kNames[i], median(figures[i].sync_micros),
                median(figures[i].sync_cpu), median(figures[i].write_cpu));
  }
  std::filesystem::remove(path);
  if (argc <= 1) {
    std::filesystem::remove(directory);
  }
}
