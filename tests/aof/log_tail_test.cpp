// What follows a log by its tail: positions that outlive the process, segments that come and go, parts of large transactions.
// (Random life with crashes is in log_model_test.cpp.)
#include "aof/log_tail.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "aof/segment.hpp"
#include "tests/aof/log_fixture.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using namespace testing;  // NOLINT: the fixture
using trefoil::testing::FaultEnv;
using trefoil::testing::MemoryDirectory;

using Strings = std::vector<std::string>;

// All that there is now.
Strings readAll(LogTail& tail) {
  Strings payloads;
  LogRecord record;
  for (;;) {
    const Result<bool> found = tail.next(record);
    REQUIRE(found.ok());
    if (!*found) {
      return payloads;
    }
    payloads.emplace_back(record.payload);
  }
}

std::unique_ptr<LogTail> tailAt(Log& log, const LogPosition& position) {
  Result<std::unique_ptr<LogTail>> tail = LogTail::at(log, position);
  REQUIRE(tail.ok());
  return std::move(tail).value();
}

Status writeCheckpoint(Log& log) {
  TREFOIL_ASSIGN(const auto writer, CheckpointWriter::begin(log));
  TREFOIL_TRY(writer->beginUnit({.id = 1, .kind = 1, .lsn = log.end()}));
  TREFOIL_TRY(writer->write("state"));
  TREFOIL_TRY(writer->endUnit());
  return writer->finish(2);
}

}  // namespace

TEST_CASE("a position in the log as text") {
  const LogPosition plain{.opening = 0x0a0b0c0d, .lsn = 98304, .restart = 98304};
  CHECK(plain.text() == "0a0b0c0d-98304");
  const LogPosition with_parts{.opening = 0x9f86d081, .lsn = 98304, .restart = 94208};
  CHECK(with_parts.text() == "9f86d081-98304-4096");
  CHECK(LogPosition().text() == "0");
  for (const LogPosition& each : {plain, with_parts, LogPosition()}) {
    CHECK(LogPosition::parse(each.text()).value() == each);
  }
  for (const char* const bad :
       {"", "1", "-", "98304", "9f86d081", "9f86d081-", "9f86d081-x", "9f86d081-98304-", "9f86d081-98304-1", "9f86d081-98301",
        "9f86d08g-98304", "9f86d081-98304-98304", "9f86d081-98304-98312", "9f86d081-99999999999999999999", "9f86d081-98304 ",
        "9f86d081-98304-8-8", "9f86d081-0"}) {
    CAPTURE(bad);
    CHECK(LogPosition::parse(bad).error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("a tail gives what the log has reached, and goes on from each of its positions") {
  const MemoryDirectory directory;
  Strings payloads;
  std::vector<LogPosition> positions = {LogPosition()};
  for (int opening = 0; opening < 3; ++opening) {
    auto opened = openLog(Env::system(), directory.path(),
                          {.policy = SyncPolicy::kAlways, .ring_bytes = 64 << 10, .segment_bytes = 8 << 10});
    REQUIRE(opened.ok());
    const auto tail = tailAt(*opened->log, positions.back());
    CHECK(readAll(*tail).empty());
    for (int i = 0; i < 40; ++i) {
      payloads.push_back(numbered(payloads.size(), i % 7 == 0 ? 30'000 : 20 * i));  // some go in parts
      const auto appended = append(*opened->log, payloads.back());
      REQUIRE(appended.ok());
      CHECK(readAll(*tail).empty());  // it is not on the disk yet
      REQUIRE(opened->log->waitDurable(appended->end).ok());
      CHECK(readAll(*tail) == Strings{payloads.back()});
      positions.push_back(tail->position());
    }
    for (std::size_t i = 0; i < positions.size(); ++i) {
      const auto resumed = tailAt(*opened->log, LogPosition::parse(positions[i].text()).value());
      CHECK(readAll(*resumed) == Strings(payloads.begin() + static_cast<long>(i), payloads.end()));
    }
    REQUIRE(opened->log->close().ok());
  }
}

TEST_CASE("what a transaction has sent ahead belongs to the commits behind a position") {
  const MemoryDirectory directory;
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  Log& log = *opened->log;
  const auto tail = LogTail::atEnd(log);
  const std::string large = numbered(1, 40'000);
  const std::string other = numbered(2, 35'000);
  auto prepared = std::make_unique<PreparedCommit>();
  auto given_up = std::make_unique<PreparedCommit>();
  REQUIRE(log.prepare(large, *prepared).ok());
  REQUIRE(log.prepare(other, *given_up).ok());
  REQUIRE(appendDurably(log, "small").ok());
  CHECK(readAll(*tail) == Strings{"small"});
  const LogPosition between = tail->position();
  CHECK(between.restart < between.lsn);
  given_up.reset();
  const Lsn end = log.append(*prepared).end;
  REQUIRE(log.waitDurable(end).ok());
  CHECK(readAll(*tailAt(log, between)) == Strings{large});
  CHECK(readAll(*tail) == Strings{large});
  // What was given up is forgotten when the log has gone on.
  for (int i = 0; i < 3; ++i) {
    REQUIRE(appendDurably(log, "on").ok());
    CHECK(readAll(*tail) == Strings{"on"});
  }
  CHECK(tail->position().restart == tail->position().lsn);
}

TEST_CASE("a tail begins between the records of a transaction that is committed, because another one is open") {
  const MemoryDirectory directory;
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  Log& log = *opened->log;
  const auto early = LogTail::atEnd(log);
  const std::string committed = numbered(1, 40'000);
  const std::string open = numbered(2, 40'000);
  PreparedCommit first;
  PreparedCommit second;
  REQUIRE(log.prepare(committed, first).ok());
  REQUIRE(log.prepare(open, second).ok());
  REQUIRE(log.waitDurable(log.append(first).end).ok());
  const auto late = LogTail::atEnd(log);
  CHECK(readAll(*early) == Strings{committed});
  const LogPosition between = early->position();
  CHECK(between.restart < between.lsn);
  REQUIRE(log.waitDurable(log.append(second).end).ok());
  CHECK(readAll(*tailAt(log, between)) == Strings{open});
  CHECK(readAll(*late) == Strings{open});
  CHECK(readAll(*early) == Strings{open});
}

TEST_CASE("a snapshot's follower begins behind what the snapshot holds") {
  const MemoryDirectory directory;
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  Log& log = *opened->log;
  PreparedCommit prepared;
  const std::string large = numbered(1, 40'000);
  REQUIRE(log.prepare(large, prepared).ok());
  const auto tail = LogTail::atEnd(log);
  REQUIRE(appendDurably(log, "held").ok());
  tail->passOver(log.end());
  REQUIRE(log.waitDurable(log.append(prepared).end).ok());
  CHECK(readAll(*tail) == Strings{large});
}

TEST_CASE("a place in the log is kept by the backlog, and gone is said") {
  const MemoryDirectory directory;
  const bool kept = GENERATE(true, false);
  LogOptions options{.policy = SyncPolicy::kAlways, .ring_bytes = 64 << 10, .segment_bytes = 4 << 10};
  options.backlog_bytes = kept ? 1 << 20 : 0;
  LogPosition position;
  {
    auto opened = openLog(Env::system(), directory.path(), options);
    REQUIRE(opened.ok());
    const auto reader = tailAt(*opened->log, position);
    const auto behind = tailAt(*opened->log, position);
    REQUIRE(appendDurably(*opened->log, "first").ok());
    CHECK(readAll(*reader) == Strings{"first"});
    position = reader->position();
    for (int i = 0; i < 20; ++i) {
      REQUIRE(appendDurably(*opened->log, numbered(i, 1000)).ok());
    }
    REQUIRE(writeCheckpoint(*opened->log).ok());
    REQUIRE(writeCheckpoint(*opened->log).ok());
    REQUIRE(appendDurably(*opened->log, "last").ok());
    LogRecord record;
    const Result<bool> found = behind->next(record);
    if (kept) {
      REQUIRE(found.ok());
      CHECK(record.payload == "first");
      CHECK(readAll(*reader).size() == 21);
    } else {
      REQUIRE(!found.ok());
      CHECK(found.error().code == ErrorCode::kOutOfRange);
      CHECK(found.error().message.find("is no longer there: the log begins at ") != std::string::npos);
    }
    REQUIRE(opened->log->close().ok());
  }
  auto opened = openLog(Env::system(), directory.path(), options);
  REQUIRE(opened.ok());
  const auto tail = LogTail::at(*opened->log, position);
  REQUIRE(tail.ok() == kept);
  if (kept) {
    CHECK(readAll(**tail).size() == 21);
  } else {
    CHECK(tail.error().code == ErrorCode::kOutOfRange);
  }
}

TEST_CASE("a position behind what a crash has left is refused, also when the log has grown over it") {
  const MemoryDirectory directory;
  FaultEnv env(Env::system());
  LogPosition kept;
  LogPosition lost;
  {
    auto opened = openLog(env, directory.path(), {.policy = SyncPolicy::kNo, .ring_bytes = 64 << 10, .segment_bytes = 1 << 20});
    REQUIRE(opened.ok());
    const auto tail = tailAt(*opened->log, {});
    REQUIRE(appendDurably(*opened->log, "synced").ok());
    CHECK(readAll(*tail) == Strings{"synced"});
    kept = tail->position();
    REQUIRE(opened->log->waitReached(append(*opened->log, "written")->end).ok());
    CHECK(readAll(*tail) == Strings{"written"});
    lost = tail->position();
    env.crash();
    opened->log.reset();
    env.restart();
  }
  auto opened = openLog(env, directory.path());
  REQUIRE(opened.ok());
  CHECK(opened->payloads() == Strings{"synced"});
  const auto refused = [&] {
    const auto tail = LogTail::at(*opened->log, lost);
    return !tail.ok() && tail.error().code == ErrorCode::kOutOfRange &&
           tail.error().message.find("lies behind what was found of the log after a crash") != std::string::npos;
  };
  CHECK(refused());
  for (int i = 0; i < 5; ++i) {
    REQUIRE(appendDurably(*opened->log, numbered(7)).ok());
  }
  CHECK(refused());
  CHECK(readAll(*tailAt(*opened->log, kept)) == Strings(5, numbered(7)));
}

TEST_CASE("a position that this log never had is refused") {
  const MemoryDirectory directory;
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  const auto tail = LogTail::atEnd(*opened->log);
  REQUIRE(appendDurably(*opened->log, numbered(1, 100)).ok());
  CHECK(readAll(*tail).size() == 1);
  LogPosition position = tail->position();
  const auto refusal = [&] {
    const auto at = LogTail::at(*opened->log, position);
    REQUIRE(!at.ok());
    return at.error().message;
  };
  ++position.opening;
  CHECK(refusal().find("is none of this log") != std::string::npos);
  position = tail->position();
  position.lsn += 1 << 20;
  CHECK(refusal().find("lies behind the log's end") != std::string::npos);
  position = tail->position();
  position.lsn -= 8;
  position.restart = position.lsn;
  CHECK(refusal().find("is none between two commits of this log") != std::string::npos);
}

TEST_CASE("a tail follows writers, segments and checkpoints on other threads", "[threads]") {
  const MemoryDirectory directory;
  const auto policy = GENERATE(SyncPolicy::kAlways, SyncPolicy::kEverySecond);
  auto opened = openLog(Env::system(), directory.path(),
                        {.policy = policy, .ring_bytes = 64 << 10, .segment_bytes = 32 << 10, .backlog_bytes = 100 << 20});
  REQUIRE(opened.ok());
  Log& log = *opened->log;
  const auto tail = LogTail::atEnd(log);
  constexpr int kThreads = 3;
  constexpr int kEach = 1500;
  std::vector<std::thread> threads;
  std::atomic<int> running{kThreads};
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        std::string payload = std::to_string(thread) + ":" + std::to_string(i) + ";";
        payload.resize(i % 100 == 0 ? 20'000 : 60, '.');
        const auto appended = append(log, payload);
        TREFOIL_ASSERT(appended.ok() && log.waitReached(appended->end).ok());
      }
      --running;
    });
  }
  threads.emplace_back([&] {
    while (running != 0) {
      TREFOIL_ASSERT(writeCheckpoint(log).ok());
    }
  });
  std::atomic<unsigned> told{0};
  const std::uint64_t listener = log.onReached([&] {
    ++told;
    told.notify_one();
  });
  std::vector<int> next(kThreads, 0);
  LogRecord record;
  for (int seen = 0; seen < kThreads * kEach;) {
    const unsigned before = told;
    const Result<bool> found = tail->next(record);
    INFO((found.ok() ? "" : found.error().message));
    REQUIRE(found.ok());
    if (!*found) {
      told.wait(before);
      continue;
    }
    const int thread = record.payload[0] - '0';
    REQUIRE(std::stoi(std::string(record.payload.substr(2))) == next[static_cast<std::size_t>(thread)]++);
    ++seen;
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  log.removeOnReached(listener);
  CHECK(log.close().ok());
}

}  // namespace trefoil::aof
