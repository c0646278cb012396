// The failure states of the log: disk full, failed sync, and the way back.
#include <catch2/catch.hpp>
#include <thread>

#include "tests/aof/log_fixture.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using namespace testing;  // NOLINT: the fixture
using trefoil::testing::Fault;
using trefoil::testing::FaultEnv;
using trefoil::testing::kAnyCall;
using trefoil::testing::kAnyChange;
using trefoil::testing::kOpen;
using trefoil::testing::kRename;
using trefoil::testing::kSync;
using trefoil::testing::kSyncDirectory;
using trefoil::testing::kWrite;
using trefoil::testing::MemoryDirectory;

using Strings = std::vector<std::string>;

void waitForState(const Log& log, LogState state) {
  while (log.state() != state) {
    std::this_thread::yield();
  }
}

Status checkpointFrom(Log& log, const std::string& state) {
  TREFOIL_ASSIGN(const std::unique_ptr<CheckpointWriter> writer, CheckpointWriter::begin(log));
  TREFOIL_TRY(writer->beginUnit({.id = 1, .kind = 1, .lsn = log.end()}));
  TREFOIL_TRY(writer->write(state));
  TREFOIL_TRY(writer->endUnit());
  return writer->finish(2);
}

TEST_CASE("A full disk refuses writes, and the same bytes are written once there is room") {
  const Fault fault = GENERATE(Fault::kNoSpace, Fault::kShortWrite);
  const MemoryDirectory directory;
  FaultEnv env(Env::system());
  {
    auto opened = openLog(env, directory.path());
    REQUIRE(appendDurably(*opened->log, "before").ok());
    env.failAt(1, {.kinds = kWrite, .fault = fault, .persistent = true});
    const auto hit = append(*opened->log, "found it full");
    REQUIRE(hit.ok());
    waitForState(*opened->log, LogState::kRetrying);
    const auto refused = append(*opened->log, "refused");
    REQUIRE(!refused.ok());
    CHECK(refused.error().code == ErrorCode::kReadOnly);
    CHECK(refused.error().message.find("No space left") != std::string::npos);
    CHECK(opened->log->durableLsn() <= hit->lsn);
    env.clearFault();
    REQUIRE(opened->log->waitDurable(hit->end).ok());  // it was parked, not lost
    waitForState(*opened->log, LogState::kOk);
    REQUIRE(appendDurably(*opened->log, "after").ok());
    env.crash();
  }
  env.restart();
  auto opened = openLog(env, directory.path());
  REQUIRE(opened.ok());
  CHECK(opened->payloads() == Strings{"before", "found it full", "after"});
  opened->log.reset();
}

TEST_CASE("Who waits for a disk that stays full is told after a while, and what follows is waited for again") {
  const MemoryDirectory directory;
  FaultEnv env(Env::system());
  auto opened = openLog(env, directory.path());
  Log& log = *opened->log;
  env.failAt(1, {.kinds = kWrite, .fault = Fault::kNoSpace, .persistent = true});
  const auto hit = append(log, "found it full");
  REQUIRE(hit.ok());
  CHECK(log.waitDurable(hit->end).error().code == ErrorCode::kUnknownOutcome);
  CHECK(log.stalled());
  CHECK(log.state() == LogState::kRetrying);
  SECTION("there is room again") {
    env.clearFault();
  }
  SECTION("then the disk fails altogether, and a checkpoint leads back") {
    env.failAt(1, {.kinds = kWrite, .fault = Fault::kIoError});
    waitForState(log, LogState::kFailed);
    REQUIRE(checkpointFrom(log, "state").ok());
  }
  waitForState(log, LogState::kOk);
  CHECK(!log.stalled());
  CHECK(appendDurably(log, "after").ok());
  CHECK(log.waitDurable(hit->end).ok());
}

TEST_CASE("A full disk while a new segment begins is got over") {
  const trefoil::testing::CallKinds kind = GENERATE(kOpen, kSync, kRename, kSyncDirectory);
  const MemoryDirectory directory;
  FaultEnv env(Env::system());
  Strings expected;
  {
    auto opened = openLog(env, directory.path(), {.policy = SyncPolicy::kAlways, .ring_bytes = 1 << 16, .segment_bytes = 5'000});
    env.failAt(1, {.kinds = kind, .fault = Fault::kNoSpace, .path_contains = kind == kRename || kind == kSync ? "MANIFEST" : ""});
    if (kind == kOpen || kind == kSyncDirectory) {
      env.failAt(1, {.kinds = kind, .fault = Fault::kNoSpace});
    }
    for (int i = 0; i < 100; ++i) {
      const std::string payload = numbered(i, 100);
      auto appended = append(*opened->log, payload);
      while (!appended.ok()) {
        std::this_thread::yield();
        appended = append(*opened->log, payload);
      }
      expected.push_back(payload);
      REQUIRE(opened->log->waitDurable(appended->end).ok());
    }
    CHECK(env.fired());
    CHECK(opened->log->state() == LogState::kOk);
    env.crash();
  }
  env.restart();
  auto opened = openLog(env, directory.path());
  REQUIRE(opened.ok());
  CHECK(opened->payloads() == expected);
  opened->log.reset();
}

TEST_CASE("Power cut while a new segment is begun again: the manifest that may come back names a whole file") {
  for (std::uint64_t n = 1; n <= 6; ++n) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      INFO("the call that fails: " << n << ", seed " << seed);
      const MemoryDirectory directory;
      FaultEnv env(Env::system());
      const std::string before = numbered(1, 4'000);
      {
        auto opened =
            openLog(env, directory.path(), {.policy = SyncPolicy::kAlways, .ring_bytes = 1 << 16, .segment_bytes = 5'000});
        REQUIRE(appendDurably(*opened->log, before).ok());
        env.failAt(n, {.kinds = kWrite | kSyncDirectory, .fault = Fault::kNoSpace, .persistent = true});
        const auto rolls = append(*opened->log, numbered(2, 4'000));
        REQUIRE(rolls.ok());
        if (opened->log->reach(rolls->end) != Reach::kDone) {
          waitForState(*opened->log, LogState::kRetrying);
          std::this_thread::sleep_for(std::chrono::milliseconds(150));  // it has been tried again
        }
        env.crash(seed);
      }
      env.restart();
      auto opened = openLog(env, directory.path());
      REQUIRE(opened.ok());
      REQUIRE(!opened->records.empty());
      CHECK(opened->payloads().front() == before);
      opened->log.reset();
    }
  }
}

TEST_CASE("After a failed sync the outcome is unknown, writes are refused, and a checkpoint from memory leads back") {
  const MemoryDirectory directory;
  FaultEnv env(Env::system());
  {
    auto opened = openLog(env, directory.path());
    Log& log = *opened->log;
    REQUIRE(appendDurably(log, "promised").ok());
    env.failAt(1, {.kinds = kSync, .path_contains = "log-"});
    const auto doubtful = append(log, "in doubt");
    REQUIRE(doubtful.ok());
    const Status unknown = log.waitDurable(doubtful->end);
    REQUIRE(!unknown.ok());
    CHECK(unknown.error().code == ErrorCode::kUnknownOutcome);
    CHECK(log.state() == LogState::kFailed);
    CHECK(log.durableLsn() <= doubtful->lsn);
    CHECK(!append(log, "refused").ok());
    CHECK_FALSE(log.failure().empty());
    CHECK(!log.waitDurable(doubtful->end).ok());  // it stays so, and does not hang

    REQUIRE(checkpointFrom(log, "promised, in doubt").ok());
    CHECK(log.state() == LogState::kOk);
    CHECK(log.durableLsn() >= doubtful->end);
    CHECK(log.waitDurable(doubtful->end).ok());
    REQUIRE(appendDurably(log, "after").ok());
    CHECK(ManifestStore::read(env, directory.path())->segments.size() == 1);
    env.crash();
  }
  env.restart();
  auto recovery = Recovery::open(env, directory.path(), smallOptions());
  REQUIRE(recovery.ok());
  REQUIRE((*recovery)->checkpoint() != nullptr);
  LogRecord record;
  REQUIRE((*recovery)->next(record).value());
  CHECK(record.payload == "after");
  CHECK(!(*recovery)->next(record).value());
}

TEST_CASE("Records that were appended while the log failed go to the fresh segment") {
  const MemoryDirectory directory;
  FaultEnv env(Env::system());
  {
    auto opened = openLog(env, directory.path());
    Log& log = *opened->log;
    PreparedCommit late;
    PreparedCommit later;
    REQUIRE(log.prepare("late", late).ok());  // has its credit before the failure is known
    env.failAt(1, {.kinds = kSync, .path_contains = "log-"});
    const auto doubtful = append(log, "in doubt");
    CHECK(!log.waitDurable(doubtful->end).ok());
    waitForState(log, LogState::kFailed);
    // A second thread's credit, as the state was still good when it asked.
    auto writer = CheckpointWriter::begin(log);
    REQUIRE(writer.ok());
    const Lsn captured = log.end();
    const Appended appended = log.append(late);
    CHECK(appended.lsn >= (*writer)->start());
    REQUIRE((*writer)->beginUnit({.id = 1, .kind = 1, .lsn = captured}).ok());
    REQUIRE((*writer)->write("in doubt").ok());
    REQUIRE((*writer)->endUnit().ok());
    REQUIRE((*writer)->finish(2).ok());
    CHECK(log.waitDurable(appended.end).ok());
    env.crash();
  }
  env.restart();
  auto opened = openLog(env, directory.path());
  REQUIRE(opened.ok());
  CHECK(opened->payloads() == Strings{"late"});
  opened->log.reset();
}

TEST_CASE("Without a checkpoint, a restart after a failed sync finds what was promised and a prefix of the rest") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    Strings payloads;
    {
      auto opened = openLog(env, directory.path());
      for (int i = 0; i < 4; ++i) {
        payloads.push_back(numbered(i, seed * 5));
        REQUIRE(appendDurably(*opened->log, payloads.back()).ok());
      }
      env.failAt(1, {.kinds = kSync, .path_contains = "log-"});
      payloads.push_back("in doubt");
      CHECK(!appendDurably(*opened->log, payloads.back()).ok());
      CHECK(!opened->log->close().ok());
      env.crash(seed);
    }
    env.restart();
    auto opened = openLog(env, directory.path());
    REQUIRE(opened.ok());
    CHECK(opened->records.size() >= 4);
    CHECK(opened->records.size() <= 5);
    opened->log.reset();
  }
}

TEST_CASE("The way back can fail at any call and be tried again") {
  for (std::uint64_t n = 1;; ++n) {
    INFO("the call that fails: " << n);
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    bool done = false;
    {
      auto opened = openLog(env, directory.path());
      Log& log = *opened->log;
      REQUIRE(appendDurably(log, "promised").ok());
      env.failAt(1, {.kinds = kSync, .path_contains = "log-"});
      CHECK(!appendDurably(log, "in doubt").ok());
      env.failAt(n, {.kinds = kAnyChange | kOpen});
      const Status first = checkpointFrom(log, "state");
      done = !env.fired();
      env.clearFault();
      if (!first.ok()) {
        CHECK(log.state() == LogState::kFailed);
        REQUIRE(checkpointFrom(log, "state").ok());
      }
      CHECK(log.state() == LogState::kOk);
      REQUIRE(appendDurably(log, "after").ok());
      env.crash();
    }
    env.restart();
    auto opened = openLog(env, directory.path());
    REQUIRE(opened.ok());
    CHECK(opened->payloads() == Strings{"after"});
    CHECK(opened->manifest.base.has_value());
    opened->log.reset();
    if (done) {
      CHECK(n > 8);
      break;
    }
  }
}

TEST_CASE("Dying anywhere on the way back loses nothing that was promised") {
  const bool random_survivors = GENERATE(false, true);
  for (std::uint64_t n = 1;; ++n) {
    INFO("the call that fails: " << n);
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    bool done = false;
    {
      auto opened = openLog(env, directory.path());
      REQUIRE(appendDurably(*opened->log, "promised").ok());
      env.failAt(1, {.kinds = kSync, .path_contains = "log-"});
      CHECK(!appendDurably(*opened->log, "in doubt").ok());
      env.failAt(n, {.kinds = kAnyCall, .persistent = true});
      const bool ok = checkpointFrom(*opened->log, "state").ok();
      done = !env.fired();
      CHECK((ok || !done));
      env.crash(random_survivors ? std::optional(n) : std::nullopt);
    }
    env.restart();
    auto opened = openLog(env, directory.path());
    REQUIRE(opened.ok());
    if (!opened->manifest.base) {
      REQUIRE(!opened->records.empty());
      CHECK(opened->payloads()[0] == "promised");
    }
    opened->log.reset();
    if (done) {
      break;
    }
  }
}

TEST_CASE("Writers that wait for room are woken by a failure") {
  const MemoryDirectory directory;
  FaultEnv env(Env::system());
  auto opened = openLog(env, directory.path(), {.policy = SyncPolicy::kNo, .ring_bytes = 4096, .segment_bytes = 1 << 20});
  const Fault fault = GENERATE(Fault::kNoSpace, Fault::kIoError);
  env.failAt(1, {.kinds = kWrite, .fault = fault, .persistent = true});
  Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) {
    const auto appended = append(*opened->log, numbered(i, 400));
    status = appended.ok() ? Status() : Status(appended.error());
  }
  REQUIRE(!status.ok());
  CHECK(status.error().code == ErrorCode::kReadOnly);
}

TEST_CASE("A transaction in parts that meets a failure is refused whole") {
  const MemoryDirectory directory;
  FaultEnv env(Env::system());
  {
    auto opened = openLog(env, directory.path());
    REQUIRE(appendDurably(*opened->log, "before").ok());
    env.failAt(3, {.kinds = kWrite, .fault = Fault::kIoError, .persistent = true});
    CHECK(!append(*opened->log, std::string(1'000'000, 'x')).ok());
    env.clearFault();
    REQUIRE(checkpointFrom(*opened->log, "state").ok());
    REQUIRE(append(*opened->log, std::string(100'000, 'y')).ok());
    REQUIRE(opened->log->close().ok());
  }
  auto opened = openLog(env, directory.path());
  REQUIRE(opened.ok());
  CHECK(opened->payloads() == Strings{std::string(100'000, 'y')});
  opened->log.reset();
}

TEST_CASE("Closing with a full disk does not hang, and says that the outcome is unknown") {
  const MemoryDirectory directory;
  FaultEnv env(Env::system());
  auto opened = openLog(env, directory.path());
  env.failAt(1, {.kinds = kWrite, .fault = Fault::kNoSpace, .persistent = true});
  REQUIRE(append(*opened->log, "lost").ok());
  const Status status = opened->log->close();
  REQUIRE(!status.ok());
  CHECK(status.error().code == ErrorCode::kUnknownOutcome);
}

}  // namespace
}  // namespace trefoil::aof
