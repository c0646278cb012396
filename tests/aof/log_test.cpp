#include "aof/log.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>
#include <thread>

#include "tests/aof/log_fixture.hpp"
#include "tests/base/forwarding_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using namespace testing;  // NOLINT: the fixture
using trefoil::testing::TemporaryDirectory;
using Strings = std::vector<std::string>;

TEST_CASE("A new directory gives an empty log, and it can be opened again") {
  const TemporaryDirectory directory;
  for (int round = 0; round < 3; ++round) {
    auto opened = openLog(Env::system(), directory.path());
    REQUIRE(opened.ok());
    CHECK(opened->records.empty());
    CHECK(opened->report.created == (round == 0));
    CHECK(opened->log->end() == kFirstLsn);
    CHECK(opened->log->durableLsn() == kFirstLsn);
    CHECK(opened->log->close().ok());
  }
}

TEST_CASE("The hash seed stays for the directory's life and differs between directories") {
  const TemporaryDirectory one;
  const TemporaryDirectory two;
  const std::uint64_t seed = openLog(Env::system(), one.path())->log->hashSeed();
  CHECK(openLog(Env::system(), one.path())->log->hashSeed() == seed);
  CHECK(openLog(Env::system(), two.path())->log->hashSeed() != seed);
}

TEST_CASE("A second opening of a directory in use is refused") {
  const TemporaryDirectory directory;
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  auto second = openLog(Env::system(), directory.path());
  REQUIRE(!second.ok());
  CHECK(second.error().code == ErrorCode::kBusy);
  CHECK(opened->log->close().ok());
  CHECK(openLog(Env::system(), directory.path()).ok());
}

TEST_CASE("Records come back in order with their LSNs, under each policy and over several openings") {
  const SyncPolicy policy = GENERATE(SyncPolicy::kAlways, SyncPolicy::kEverySecond, SyncPolicy::kNo);
  const TemporaryDirectory directory;
  std::vector<std::pair<Lsn, std::string>> expected;
  std::mt19937_64 random(7);
  for (int round = 0; round < 4; ++round) {
    auto opened = openLog(Env::system(), directory.path(), smallOptions(policy));
    REQUIRE(opened.ok());
    CHECK(opened->records == expected);
    for (int i = 0; i < 500; ++i) {
      const std::string payload = numbered(expected.size(), random() % 300);
      const Lsn before = opened->log->end();
      const auto appended = append(*opened->log, payload);
      REQUIRE(appended.ok());
      CHECK(appended->lsn >= before);
      CHECK(appended->end - appended->lsn == recordBytes(payload.size()));
      expected.emplace_back(appended->lsn, payload);
    }
    CHECK(opened->log->close().ok());
  }
}

TEST_CASE("waitDurable under everysec and no syncs at once") {
  const SyncPolicy policy = GENERATE(SyncPolicy::kEverySecond, SyncPolicy::kNo);
  const TemporaryDirectory directory;
  auto opened = openLog(Env::system(), directory.path(), smallOptions(policy));
  REQUIRE(opened.ok());
  for (int i = 0; i < 20; ++i) {
    const auto appended = append(*opened->log, numbered(i));
    REQUIRE(opened->log->waitDurable(appended->end).ok());
    CHECK(opened->log->durableLsn() >= appended->end);
  }
}

TEST_CASE("The policy can be switched while the log is in use") {
  const TemporaryDirectory directory;
  auto opened = openLog(Env::system(), directory.path(), smallOptions(SyncPolicy::kNo));
  const auto appended = append(*opened->log, "before");
  opened->log->setPolicy(SyncPolicy::kAlways);
  CHECK(opened->log->policy() == SyncPolicy::kAlways);
  while (opened->log->durableLsn() < appended->end) {  // nobody waits, the policy alone does it
    std::this_thread::yield();
  }
  opened->log->setPolicy(SyncPolicy::kEverySecond);
  CHECK(appendDurably(*opened->log, "after").ok());
  CHECK(opened->log->close().ok());
  CHECK(openLog(Env::system(), directory.path())->payloads() == std::vector<std::string>{"before", "after"});
}

// A disk whose fdatasync on log segments hangs while `blocked`.
class SlowDisk final : public trefoil::testing::ForwardingEnv {
 public:
  SlowDisk() : ForwardingEnv(Env::system()) {}
  std::atomic<bool> blocked{false};
  std::atomic<int> hanging{0};

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    TREFOIL_ASSIGN(std::unique_ptr<File> file, ForwardingEnv::open(path, mode));
    return std::unique_ptr<File>(std::make_unique<SlowFile>(*this, std::move(file)));
  }

 private:
  class SlowFile final : public File {
   public:
    SlowFile(SlowDisk& disk, std::unique_ptr<File> file) : disk_(disk), file_(std::move(file)) {}
    Result<std::size_t> read(std::uint64_t offset, std::span<char> buffer) override { return file_->read(offset, buffer); }
    Status write(std::uint64_t offset, std::string_view bytes) override { return file_->write(offset, bytes); }
    Status sync() override {
      ++disk_.hanging;
      while (disk_.blocked) {
        std::this_thread::yield();
      }
      --disk_.hanging;
      return file_->sync();
    }
    Status allocate(std::uint64_t offset, std::uint64_t bytes) override { return file_->allocate(offset, bytes); }
    Status truncate(std::uint64_t size) override { return file_->truncate(size); }
    Result<std::uint64_t> size() override { return file_->size(); }

   private:
    SlowDisk& disk_;
    const std::unique_ptr<File> file_;
  };
};

TEST_CASE("Under everysec a sync that hangs does not stop the writers") {
  const TemporaryDirectory directory;
  SlowDisk disk;
  Strings expected;
  {
    auto opened =
        openLog(disk, directory.path(), {.policy = SyncPolicy::kEverySecond, .ring_bytes = 4096, .segment_bytes = 1 << 20});
    disk.blocked = true;
    for (int i = 0; i < 1000; ++i) {  // many times the ring
      expected.push_back(numbered(i, 100));
      REQUIRE(append(*opened->log, expected.back()).ok());
    }
    while (disk.hanging == 0) {
      std::this_thread::yield();
    }
    CHECK(opened->log->durableLsn() == kFirstLsn);
    disk.blocked = false;
    REQUIRE(opened->log->waitDurable(opened->log->end()).ok());
    REQUIRE(opened->log->close().ok());
  }
  CHECK(openLog(Env::system(), directory.path())->payloads() == expected);
}

TEST_CASE("Under always one syncs for all, and when the policy changes only that one still waits for a hanging disk") {
  const TemporaryDirectory directory;
  SlowDisk disk;
  auto opened = openLog(disk, directory.path(), smallOptions(SyncPolicy::kAlways));
  disk.blocked = true;
  const auto first = append(*opened->log, "x");
  std::thread syncs([&] { CHECK(opened->log->waitReached(first->end).ok()); });
  while (disk.hanging == 0) {
    std::this_thread::yield();
  }
  const auto second = append(*opened->log, "y");
  CHECK(opened->log->reach(second->end) == Reach::kTold);
  std::atomic<bool> reached{false};
  std::thread waits([&] {
    CHECK(opened->log->waitReached(second->end).ok());
    reached = true;
  });
  CHECK(!reached);
  CHECK(opened->log->reachedLsn() < first->end);
  opened->log->setPolicy(SyncPolicy::kEverySecond);
  waits.join();
  CHECK(opened->log->durableLsn() < first->end);
  disk.blocked = false;
  syncs.join();
  CHECK(opened->log->waitDurable(second->end).ok());
}

TEST_CASE("What was reached is in the file, also when the process is killed at once") {
  const SyncPolicy policy = GENERATE(SyncPolicy::kAlways, SyncPolicy::kEverySecond, SyncPolicy::kNo);
  const TemporaryDirectory directory;
  auto opened = openLog(Env::system(), directory.path(), smallOptions(policy));
  Strings expected;
  for (int i = 0; i < 50; ++i) {
    expected.push_back(numbered(i, 100));
    const auto appended = append(*opened->log, expected.back());
    CHECK(opened->log->waitReached(appended->end).ok());
    CHECK(opened->log->reachedLsn() >= appended->end);
    const std::string bytes = readFile(Env::system(), lastSegment(Env::system(), directory.path()));
    CHECK(bytes.find(expected.back()) != std::string::npos);
  }
}

TEST_CASE("The file has zeros ahead of the log, which count for nothing and end with it") {
  const SyncPolicy policy = GENERATE(SyncPolicy::kAlways, SyncPolicy::kEverySecond, SyncPolicy::kNo);
  const TemporaryDirectory directory;
  const LogOptions options{.policy = policy, .ring_bytes = 1 << 16, .segment_bytes = 4 << 20};
  const std::string kept = directory.path() + "/kept";
  Strings expected;
  {
    auto opened = openLog(Env::system(), directory.path() + "/db", options);
    for (int i = 0; i < 500; ++i) {
      expected.push_back(numbered(i, 4000));
      REQUIRE(appendDurably(*opened->log, expected.back()).ok());
    }
    const std::string segment = lastSegment(Env::system(), directory.path() + "/db");
    const std::string bytes = readFile(Env::system(), segment);
    CHECK(bytes.size() > 64 + opened->log->end() - kFirstLsn);
    CHECK(bytes.size() <= 64 + options.segment_bytes);
    std::filesystem::copy(directory.path() + "/db", kept);
    REQUIRE(opened->log->close().ok());
    CHECK(readFile(Env::system(), segment).size() == 64 + opened->log->end() - kFirstLsn);
  }
  for (const std::string& path : {directory.path() + "/db", kept}) {  // closed; as kill -9 would have left it
    auto opened = openLog(Env::system(), path, options);
    REQUIRE(opened.ok());
    CHECK(opened->payloads() == expected);
    CHECK(opened->report.dropped_bytes == 0);
  }
}

TEST_CASE("Durability listeners are called until they are removed") {
  const TemporaryDirectory directory;
  auto opened = openLog(Env::system(), directory.path());
  std::atomic<int> calls{0};
  const std::uint64_t id = opened->log->onDurable([&] { ++calls; });
  const auto appended = append(*opened->log, "x");
  while (calls == 0) {
    std::this_thread::yield();
  }
  CHECK(opened->log->durableLsn() >= appended->end);
  opened->log->removeListener(id);
  const int before = calls;
  CHECK(appendDurably(*opened->log, "y").ok());
  CHECK(opened->log->close().ok());
  CHECK(calls == before);
}

TEST_CASE("The log grows far beyond the ring and over many segments") {
  const TemporaryDirectory directory;
  const LogOptions options{.policy = SyncPolicy::kEverySecond, .ring_bytes = 4096, .segment_bytes = 20'000};
  std::vector<std::string> expected;
  std::mt19937_64 random(11);
  {
    auto opened = openLog(Env::system(), directory.path(), options);
    REQUIRE(opened.ok());
    for (int i = 0; i < 3000; ++i) {
      expected.push_back(numbered(i, random() % 500));
      REQUIRE(append(*opened->log, expected.back()).ok());
    }
    CHECK(opened->log->close().ok());
  }
  auto opened = openLog(Env::system(), directory.path(), options);
  REQUIRE(opened.ok());
  CHECK(opened->payloads() == expected);
  CHECK(opened->manifest.segments.size() > 10);
  CHECK(opened->report.dropped_bytes == 0);
}

TEST_CASE("A transaction larger than the ring goes in parts and comes back in one piece") {
  const TemporaryDirectory directory;
  const std::size_t size = GENERATE(8'000, 8'192, 8'193, 100'000, 1'000'000);
  std::vector<std::string> expected{"before", numbered(1, size), "after", numbered(3, size / 2)};
  {
    auto opened = openLog(Env::system(), directory.path());
    for (const std::string& payload : expected) {
      REQUIRE(append(*opened->log, payload).ok());
    }
    CHECK(opened->log->close().ok());
  }
  CHECK(openLog(Env::system(), directory.path())->payloads() == expected);
}

TEST_CASE("A payload that lies in pieces comes back in one") {
  const TemporaryDirectory directory;
  const std::size_t size = GENERATE(1, 8'192, 300'000);
  std::string expected;
  {
    auto opened = openLog(Env::system(), directory.path());
    const std::string pieces[] = {numbered(1), numbered(2, size), numbered(3), numbered(4, size / 2)};
    const std::vector<std::string_view> views(std::begin(pieces), std::end(pieces));
    for (const std::string& piece : pieces) {
      expected += piece;
    }
    PreparedCommit prepared;
    REQUIRE(opened->log->prepare(views, prepared).ok());
    const Appended appended = opened->log->append(prepared);
    CHECK(opened->log->waitDurable(appended.end).ok());
    {
      PreparedCommit abandoned;
      REQUIRE(opened->log->prepare(views, abandoned).ok());
    }
    REQUIRE(append(*opened->log, "after").ok());
    CHECK(opened->log->close().ok());
  }
  CHECK(openLog(Env::system(), directory.path())->payloads() == std::vector<std::string>{expected, "after"});
}

TEST_CASE("Parts without their commit record count for nothing") {
  const TemporaryDirectory directory;
  {
    auto opened = openLog(Env::system(), directory.path());
    {
      PreparedCommit abandoned;
      REQUIRE(opened->log->prepare(std::string(100'000, 'x'), abandoned).ok());
    }
    CHECK(opened->log->end() > 80'000);  // they are in the log
    REQUIRE(append(*opened->log, "after").ok());
    CHECK(opened->log->close().ok());
  }
  CHECK(openLog(Env::system(), directory.path())->payloads() == std::vector<std::string>{"after"});
}

TEST_CASE("tryPrepare takes small payloads only, and its records are as good as others") {
  const TemporaryDirectory directory;
  const LogOptions options{.policy = SyncPolicy::kAlways, .ring_bytes = 1 << 20, .segment_bytes = 1 << 20};
  Strings expected;
  {
    auto opened = openLog(Env::system(), directory.path(), options);
    REQUIRE(opened->log->smallPayloadBytes() > 500);
    for (int i = 0; i < 20; ++i) {
      expected.push_back(numbered(i, 25 * i));
      REQUIRE(opened->log->admit().ok());
      REQUIRE(opened->log->awaitRoom().ok());
      PreparedCommit prepared;
      REQUIRE(opened->log->tryPrepare(expected.back(), prepared));
      opened->log->append(prepared);
    }
    PreparedCommit large;
    CHECK(!opened->log->tryPrepare(std::string(opened->log->smallPayloadBytes() + 1, 'x'), large));
    CHECK(opened->log->close().ok());
    CHECK(opened->log->admit().error().code == ErrorCode::kReadOnly);
    CHECK(!opened->log->tryPrepare("x", large));
  }
  CHECK(openLog(Env::system(), directory.path())->payloads() == expected);
}

TEST_CASE("Credit that is not used comes back") {
  const TemporaryDirectory directory;
  auto opened = openLog(Env::system(), directory.path());
  const std::string payload(8'000, 'x');  // an eighth of the ring: without giving back, the tenth would wait for ever
  for (int i = 0; i < 100; ++i) {
    PreparedCommit prepared;
    REQUIRE(opened->log->prepare(payload, prepared).ok());
  }
  CHECK(appendDurably(*opened->log, payload).ok());
}

TEST_CASE("Many threads append and wait; each finds its own records in its own order") {
  const SyncPolicy policy = GENERATE(SyncPolicy::kAlways, SyncPolicy::kEverySecond);
  const std::size_t ring_bytes = GENERATE(4096, 1 << 20);
  const TemporaryDirectory directory;
  constexpr int kThreads = 4;
  constexpr int kRecords = 400;
  {
    auto opened = openLog(Env::system(), directory.path(), {.policy = policy, .ring_bytes = ring_bytes, .segment_bytes = 50'000});
    REQUIRE(opened.ok());
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log = *opened->log, t] {
        std::mt19937_64 random(t);
        for (int i = 0; i < kRecords; ++i) {
          std::string payload = std::to_string(t) + ":" + std::to_string(i) + ":";
          payload.resize(payload.size() + (random() % 50 == 0 ? random() % 10'000 : random() % 200), 'z');
          const auto appended = append(log, payload);
          TREFOIL_ASSERT(appended.ok());
          if (random() % 20 == 0) {
            TREFOIL_ASSERT(log.waitDurable(appended->end).ok());
          }
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    CHECK(opened->log->close().ok());
  }
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  std::vector<int> next(kThreads, 0);
  for (const auto& [lsn, payload] : opened->records) {
    const int thread = std::stoi(payload);
    REQUIRE(thread < kThreads);
    REQUIRE(payload.starts_with(std::to_string(thread) + ":" + std::to_string(next[thread]) + ":"));
    ++next[thread];
  }
  CHECK(next == std::vector<int>(kThreads, kRecords));
}

}  // namespace
}  // namespace trefoil::aof
