// What a commit costs in the log: nanoseconds of the writer in prepare() + append(), and CPU of the whole process (the flusher's
// copying and zeroing, the kernel's writing) per record.
//
// Writers are paced at one million records a second in all (bursts of 100), as an unpaced writer would only measure the disk.
// Under `always` each writer waits for durability after every burst; there the pace does not apply.
//
//   bench_log_append [DIR]     default: a new directory under the system's temporary one
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "aof/log.hpp"
#include "aof/recovery.hpp"
#include "bench/support/cpu_time.hpp"

namespace {

using bench::cpuSeconds;
using trefoil::Env;
using trefoil::aof::Appended;
using trefoil::aof::Log;
using trefoil::aof::LogOptions;
using trefoil::aof::LogRecord;
using trefoil::aof::PreparedCommit;
using trefoil::aof::Recovery;
using trefoil::aof::SyncPolicy;
using Clock = std::chrono::steady_clock;

constexpr int kBurst = 100;
constexpr double kPacedPerSecond = 1e6;

double threadCpuSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::unique_ptr<Log> openLog(const std::string& directory, SyncPolicy policy) {
  auto recovery = Recovery::open(Env::system(), directory, LogOptions{.policy = policy});
  TREFOIL_ASSERT(recovery.ok());
  LogRecord record;
  while (recovery.value()->next(record).value()) {
  }
  auto log = recovery.value()->finish();
  TREFOIL_ASSERT(log.ok());
  return std::move(log).value();
}

struct Measured {
  double append_ns;  // wall, within the bursts
  double writer_cpu_ns;
  double process_cpu_ns;
  double per_second;
};

Measured measure(const std::string& directory, SyncPolicy policy, std::size_t payload_bytes, int threads, int bursts) {
  std::filesystem::remove_all(directory);
  const std::unique_ptr<Log> log = openLog(directory, policy);
  const std::string payload(payload_bytes, 'x');
  std::atomic<double> append_seconds{0};
  std::atomic<double> writer_cpu{0};
  const auto add = [](std::atomic<double>& sum, double value) {
    double before = sum.load();
    while (!sum.compare_exchange_weak(before, before + value)) {
    }
  };
  const double cpu_before = cpuSeconds();
  const auto begin = Clock::now();
  std::vector<std::thread> writers;
  for (int t = 0; t < threads; ++t) {
    writers.emplace_back([&] {
      double in_bursts = 0;
      double cpu_in_bursts = 0;
      for (int burst = 0; burst < bursts; ++burst) {
        const auto from = Clock::now();
        const double cpu_from = threadCpuSeconds();
        Appended appended;
        for (int i = 0; i < kBurst; ++i) {
          PreparedCommit prepared;
          TREFOIL_ASSERT(log->prepare(payload, prepared).ok());
          appended = log->append(prepared);
        }
        cpu_in_bursts += threadCpuSeconds() - cpu_from;
        in_bursts += std::chrono::duration<double>(Clock::now() - from).count();
        if (policy == SyncPolicy::kAlways) {
          TREFOIL_ASSERT(log->waitDurable(appended.end).ok());
        } else {
          std::this_thread::sleep_until(begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                                                    (burst + 1) * kBurst * threads / kPacedPerSecond)));
        }
      }
      add(append_seconds, in_bursts);
      add(writer_cpu, cpu_in_bursts);
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  const double wall = std::chrono::duration<double>(Clock::now() - begin).count();
  TREFOIL_ASSERT(log->close().ok());
  const double cpu = cpuSeconds() - cpu_before;
  const double records = static_cast<double>(bursts) * kBurst * threads;
  return {.append_ns = append_seconds / records * 1e9,
          .writer_cpu_ns = writer_cpu / records * 1e9,
          .process_cpu_ns = cpu / records * 1e9,
          .per_second = records / wall};
}

}  // namespace

int main(int argc, char** argv) {
  std::string directory = argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "trefoil-bench-XXXXXX").string();
  if (argc == 1 && ::mkdtemp(directory.data()) == nullptr) {
    std::perror("mkdtemp");
    return 1;
  }
  std::printf("%-9s %8s %8s  %16s %16s %18s %14s\n", "policy", "payload", "threads", "append ns (wall)", "append ns (CPU)",
              "process CPU ns", "records/s");
  struct Policy {
    const char* name;
    SyncPolicy policy;
  };
  for (const Policy& policy :
       {Policy{"no", SyncPolicy::kNo}, Policy{"everysec", SyncPolicy::kEverySecond}, Policy{"always", SyncPolicy::kAlways}}) {
    for (const std::size_t bytes : {std::size_t{100}, std::size_t{1024}}) {
      for (const int threads : {1, 2}) {
        const int bursts = policy.policy == SyncPolicy::kAlways ? 500 : 30'000 / threads;
        const Measured measured = measure(directory + "/db", policy.policy, bytes, threads, bursts);
        std::printf("%-9s %8zu %8d  %16.1f %16.1f %18.1f %14.0f\n", policy.name, bytes, threads, measured.append_ns,
                    measured.writer_cpu_ns, measured.process_cpu_ns, measured.per_second);
        std::fflush(stdout);
      }
    }
  }
  std::filesystem::remove_all(directory);
  return 0;
}
