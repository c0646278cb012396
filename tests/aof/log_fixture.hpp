// What the log's tests share: open a directory and replay it in one step, append a payload, forge the bytes of a file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aof/checkpoint.hpp"
#include "aof/log.hpp"
#include "aof/recovery.hpp"
#include "base/env.hpp"

namespace trefoil::aof::testing {

struct Replayed {
  std::vector<std::pair<Lsn, std::string>> records;
  std::unique_ptr<Log> log;
  RecoveryReport report;
  Manifest manifest;  // as it was found

  [[nodiscard]] std::vector<std::string> payloads() const {
    std::vector<std::string> result;
    for (const auto& [lsn, payload] : records) {
      result.push_back(payload);
    }
    return result;
  }
};

inline LogOptions smallOptions(SyncPolicy policy = SyncPolicy::kAlways) {
  return {.policy = policy, .ring_bytes = 64 << 10, .segment_bytes = 1 << 20};
}

// Everything up to a Log that is ready for use.
inline Result<Replayed> openLog(Env& env, const std::string& directory, const LogOptions& options = smallOptions()) {
  Replayed replayed;
  TREFOIL_ASSIGN(const std::unique_ptr<Recovery> recovery, Recovery::open(env, directory, options));
  replayed.manifest = recovery->manifest();
  LogRecord record;
  while (true) {
    TREFOIL_ASSIGN(const bool found, recovery->next(record));
    if (!found) {
      break;
    }
    replayed.records.emplace_back(record.lsn, std::string(record.payload));
  }
  TREFOIL_ASSIGN(replayed.log, recovery->finish());
  replayed.report = recovery->report();
  return replayed;
}

// Prepared and appended; the error is prepare's.
inline Result<Appended> append(Log& log, std::string_view payload) {
  PreparedCommit prepared;
  TREFOIL_TRY(log.prepare(payload, prepared));
  return log.append(prepared);
}

// Appended and on disk.
inline Status appendDurably(Log& log, std::string_view payload) {
  TREFOIL_ASSIGN(const Appended appended, append(log, payload));
  return log.waitDurable(appended.end);
}

inline std::string readFile(Env& env, const std::string& path) {
  auto file = env.open(path, Env::OpenMode::kRead);
  TREFOIL_ASSERT(file.ok());
  std::string bytes(file.value()->size().value(), '\0');
  TREFOIL_ASSERT(file.value()->read(0, bytes).ok());
  return bytes;
}

inline void writeFile(Env& env, const std::string& path, std::string_view bytes) {
  auto file = env.open(path, Env::OpenMode::kReplace);
  TREFOIL_ASSERT(file.ok());
  TREFOIL_ASSERT(file.value()->write(0, bytes).ok());
  TREFOIL_ASSERT(file.value()->sync().ok());
}

// "log-3.tfl" of the segment in use.
inline std::string lastSegment(Env& env, const std::string& directory) {
  return directory + "/" + segmentName(ManifestStore::read(env, directory).value().segments.back().number);
}

// Payloads of many sizes, told apart by their beginning.
inline std::string numbered(std::size_t number, std::size_t size = 0) {
  std::string payload = "record " + std::to_string(number) + ";";
  payload.resize(std::max(size, payload.size()), static_cast<char>('a' + number % 26));
  return payload;
}

}  // namespace trefoil::aof::testing
