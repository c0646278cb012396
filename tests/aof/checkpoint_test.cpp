#include "aof/checkpoint.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <thread>

#include "aof/check.hpp"
#include "base/crc32c.hpp"
#include "tests/aof/log_fixture.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using namespace testing;  // NOLINT: the fixture
using trefoil::testing::FaultEnv;
using trefoil::testing::kAnyCall;
using trefoil::testing::MemoryDirectory;

using Chunks = std::vector<std::string>;

Chunks chunksOf(const CheckpointReader& reader, const UnitEntry& unit) {
  Chunks chunks;
  const Status status = reader.read(unit, [&](std::string_view chunk) {
    chunks.emplace_back(chunk);
    return Status();
  });
  TREFOIL_ASSERT(status.ok());  // no REQUIRE: it is called on several threads
  return chunks;
}

// A checkpoint with these units, all captured at the log's end.
Status checkpointOf(Log& log, const std::vector<Chunks>& units, std::uint64_t next_unit = 100) {
  TREFOIL_ASSIGN(const std::unique_ptr<CheckpointWriter> writer, CheckpointWriter::begin(log));
  std::uint64_t id = 0;
  for (const Chunks& chunks : units) {
    TREFOIL_TRY(writer->beginUnit({.id = ++id, .kind = 5, .lsn = log.end()}));
    for (const std::string& chunk : chunks) {
      TREFOIL_TRY(writer->write(chunk));
    }
    TREFOIL_TRY(writer->endUnit());
  }
  return writer->finish(next_unit, {{"partitions", "256"}});
}

TEST_CASE("Chunks of all sizes come back as they were written, unit by unit") {
  const MemoryDirectory directory;
  const std::vector<Chunks> units{{"a"},
                                  {},
                                  {"", "b", ""},
                                  {std::string(kMaxBlockBytes, 'x'), std::string(kMaxBlockBytes + 1, 'y')},
                                  {"small", std::string(3'000'000, 'z'), "small again"}};
  {
    auto opened = openLog(Env::system(), directory.path());
    REQUIRE(appendDurably(*opened->log, std::string(10'000, 'b')).ok());
    CHECK(opened->log->bytesSinceCheckpoint() > 10'000);
    REQUIRE(checkpointOf(*opened->log, units).ok());
    CHECK(opened->log->bytesSinceCheckpoint() < 100);  // nothing but the mark of a log that idles
    REQUIRE(appendDurably(*opened->log, "after").ok());
    CHECK(opened->log->bytesSinceCheckpoint() > 0);
    REQUIRE(opened->log->close().ok());
  }
  auto recovery = Recovery::open(Env::system(), directory.path(), smallOptions());
  REQUIRE(recovery.ok());
  CHECK((*recovery)->manifest().next_unit == 100);
  CHECK((*recovery)->manifest().properties.at("partitions") == "256");
  const CheckpointReader* reader = (*recovery)->checkpoint();
  REQUIRE(reader != nullptr);
  REQUIRE(reader->units().size() == units.size());
  std::vector<std::thread> threads;  // units can be read in parallel
  std::vector<Chunks> read(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    CHECK(reader->units()[i].id == i + 1);
    CHECK(reader->units()[i].kind == 5);
    threads.emplace_back([&, i] { read[i] = chunksOf(*reader, reader->units()[i]); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(read == units);
  LogRecord record;
  REQUIRE((*recovery)->next(record).value());
  CHECK(record.payload == "after");
  CHECK(!(*recovery)->next(record).value());
}

TEST_CASE("A checkpoint drops the segments below it and the base before it") {
  const MemoryDirectory directory;
  auto opened =
      openLog(Env::system(), directory.path(), {.policy = SyncPolicy::kNo, .ring_bytes = 1 << 16, .segment_bytes = 10'000});
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 300; ++i) {
      REQUIRE(append(*opened->log, numbered(i, 200)).ok());
    }
    REQUIRE(opened->log->waitDurable(opened->log->end()).ok());
    CHECK(ManifestStore::read(Env::system(), directory.path())->segments.size() > 5);
    REQUIRE(checkpointOf(*opened->log, {{"state"}}).ok());
    const Manifest manifest = *ManifestStore::read(Env::system(), directory.path());
    CHECK(manifest.segments.size() == 1);
    const auto names = Env::system().list(directory.path()).value();
    CHECK(names == std::vector<std::string>{"LOCK", "MANIFEST", baseName(manifest.base->number),
                                            segmentName(manifest.segments[0].number)});
  }
  REQUIRE(opened->log->close().ok());
  CHECK(openLog(Env::system(), directory.path())->records.empty());
}

TEST_CASE("Only records from the checkpoint's start on are replayed") {
  const MemoryDirectory directory;
  {
    auto opened = openLog(Env::system(), directory.path());
    for (int i = 0; i < 10; ++i) {
      REQUIRE(append(*opened->log, numbered(i)).ok());
    }
    auto writer = CheckpointWriter::begin(*opened->log);
    REQUIRE(writer.ok());
    CHECK((*writer)->start() == opened->log->end());
    REQUIRE((*writer)->beginUnit({.id = 1, .kind = 1, .lsn = opened->log->end()}).ok());
    REQUIRE((*writer)->endUnit().ok());
    REQUIRE(append(*opened->log, "between the captures").ok());
    REQUIRE((*writer)->beginUnit({.id = 2, .kind = 1, .lsn = opened->log->end()}).ok());
    REQUIRE((*writer)->endUnit().ok());
    REQUIRE(append(*opened->log, "behind them").ok());
    REQUIRE((*writer)->finish(3).ok());
    REQUIRE(opened->log->close().ok());
  }
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  CHECK(opened->payloads() == std::vector<std::string>{"between the captures", "behind them"});
  CHECK(opened->manifest.base->needs > opened->manifest.base->start);
}

TEST_CASE("Two checkpoints at a time are refused, and one that is given up leaves no file") {
  const MemoryDirectory directory;
  auto opened = openLog(Env::system(), directory.path());
  {
    auto writer = CheckpointWriter::begin(*opened->log);
    REQUIRE(writer.ok());
    auto second = CheckpointWriter::begin(*opened->log);
    REQUIRE(!second.ok());
    CHECK(second.error().code == ErrorCode::kBusy);
  }
  const std::vector<std::string> names = Env::system().list(directory.path()).value();
  for (const std::string& name : names) {
    CHECK(!name.starts_with("base-"));
  }
  CHECK(checkpointOf(*opened->log, {{"state"}}).ok());
}

TEST_CASE("A checkpoint keeps the parts of a transaction that is not committed yet") {
  const MemoryDirectory directory;
  const std::string large = numbered(7, 60'000);
  {
    auto opened =
        openLog(Env::system(), directory.path(), {.policy = SyncPolicy::kAlways, .ring_bytes = 1 << 16, .segment_bytes = 10'000});
    PreparedCommit prepared;
    REQUIRE(opened->log->prepare(large, prepared).ok());
    REQUIRE(appendDurably(*opened->log, "between").ok());
    REQUIRE(checkpointOf(*opened->log, {{"state"}}).ok());
    const Appended appended = opened->log->append(prepared);
    REQUIRE(opened->log->waitDurable(appended.end).ok());
    REQUIRE(opened->log->close().ok());
  }
  // "between" lies in the kept stretch and is replayed again: its unit's LSN tells that it has it.
  CHECK(openLog(Env::system(), directory.path())->payloads() == std::vector<std::string>{"between", large});
}

TEST_CASE("A checkpoint begins between the records of a transaction that is committed, because another one is open") {
  const MemoryDirectory directory;
  const std::string committed = numbered(7, 60'000);
  const std::string open = numbered(8, 60'000);
  {
    auto opened =
        openLog(Env::system(), directory.path(), {.policy = SyncPolicy::kAlways, .ring_bytes = 1 << 16, .segment_bytes = 10'000});
    Log& log = *opened->log;
    PreparedCommit first;
    PreparedCommit second;
    REQUIRE(log.prepare(committed, first).ok());
    REQUIRE(log.prepare(open, second).ok());
    log.append(first);
    REQUIRE(checkpointOf(log, {{"state, with what was committed"}}).ok());
    log.append(second);
    REQUIRE(log.close().ok());
  }
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  CHECK(opened->payloads() == std::vector<std::string>{open});
}

TEST_CASE("A flip of any bit in a checkpoint is found") {
  const MemoryDirectory directory;
  {
    auto opened = openLog(Env::system(), directory.path());
    REQUIRE(checkpointOf(*opened->log, {{"one", "two"}, {}, {"three"}}).ok());
  }
  const Manifest manifest = *ManifestStore::read(Env::system(), directory.path());
  const std::string path = directory / baseName(manifest.base->number);
  const std::string bytes = readFile(Env::system(), path);
  const auto read_all = [&]() -> Status {
    TREFOIL_ASSIGN(const std::unique_ptr<CheckpointReader> reader,
                   CheckpointReader::open(Env::system(), directory.path(), *manifest.base));
    for (const UnitEntry& unit : reader->units()) {
      TREFOIL_TRY(reader->read(unit, [](std::string_view) { return Status(); }));
    }
    return {};
  };
  REQUIRE(read_all().ok());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    writeFile(Env::system(), path, damaged);
    const Status status = read_all();
    REQUIRE(!status.ok());
    CHECK(status.error().code == ErrorCode::kCorruption);
    CHECK(status.error().message.find(path) != std::string::npos);
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    writeFile(Env::system(), path, bytes.substr(0, size));
    CHECK(!read_all().ok());
  }
}

// The state is the number of records; a checkpoint says it, the log goes on from there.
struct Counted {
  std::size_t count = 0;
  std::unique_ptr<Log> log;
};

Result<Counted> openCounted(Env& env, const std::string& path) {
  Counted counted;
  TREFOIL_ASSIGN(const std::unique_ptr<Recovery> recovery, Recovery::open(env, path, smallOptions()));
  Lsn captured = 0;
  if (const CheckpointReader* reader = recovery->checkpoint(); reader != nullptr) {
    captured = reader->units().at(0).lsn;
    TREFOIL_TRY(reader->read(reader->units().at(0), [&](std::string_view chunk) {
      counted.count = std::stoul(std::string(chunk));
      return Status();
    }));
  }
  LogRecord record;
  while (true) {
    TREFOIL_ASSIGN(const bool found, recovery->next(record));
    if (!found) {
      break;
    }
    if (record.lsn >= captured) {
      TREFOIL_ASSERT(record.payload == numbered(counted.count));
      ++counted.count;
    }
  }
  TREFOIL_ASSIGN(counted.log, recovery->finish());
  return counted;
}

TEST_CASE("Dying anywhere in a checkpoint loses nothing") {
  const bool random_survivors = GENERATE(false, true);
  for (std::uint64_t n = 1;; ++n) {
    INFO("the call that fails: " << n);
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    bool done = false;
    {
      auto counted = openCounted(env, directory.path());
      REQUIRE(counted.ok());
      for (std::size_t i = 0; i < 5; ++i) {
        REQUIRE(appendDurably(*counted->log, numbered(i)).ok());
      }
      env.failAt(n, {.kinds = kAnyCall, .persistent = true});
      const Status status = checkpointOf(*counted->log, {{"5"}});
      done = !env.fired();
      CHECK((status.ok() || !done));
      env.crash(random_survivors ? std::optional(n) : std::nullopt);
    }
    env.restart();
    auto again = openCounted(env, directory.path());
    REQUIRE(again.ok());
    CHECK(again->count == 5);
    again->log.reset();
    if (done) {
      CHECK(n > 8);
      break;
    }
  }
}

TEST_CASE("A checkpoint in which one call fails says so, and the next one succeeds") {
  for (std::uint64_t n = 1;; ++n) {
    INFO("the call that fails: " << n);
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    auto counted = openCounted(env, directory.path());
    REQUIRE(counted.ok());
    for (std::size_t i = 0; i < 5; ++i) {
      REQUIRE(appendDurably(*counted->log, numbered(i)).ok());
    }
    REQUIRE(checkpointOf(*counted->log, {{"5"}}).ok());
    REQUIRE(appendDurably(*counted->log, numbered(5)).ok());
    env.failAt(n, {.kinds = kAnyCall});
    (void)checkpointOf(*counted->log, {{"6"}});
    const bool done = !env.fired();
    env.clearFault();
    // Whatever failed, a checkpoint (from memory, if it must be) makes the log whole.
    REQUIRE(checkpointOf(*counted->log, {{"6"}}).ok());
    CHECK(counted->log->state() == LogState::kOk);
    REQUIRE(appendDurably(*counted->log, numbered(6)).ok());
    env.crash();
    counted->log.reset();
    env.restart();
    auto again = openCounted(env, directory.path());
    REQUIRE(again.ok());
    CHECK(again->count == 7);
    again->log.reset();
    if (done) {
      break;
    }
  }
}

TEST_CASE("A checkpoint without units is one") {
  const MemoryDirectory directory;
  {
    auto opened = openLog(Env::system(), directory.path());
    REQUIRE(appendDurably(*opened->log, "before").ok());
    REQUIRE(checkpointOf(*opened->log, {}).ok());
  }
  CHECK(openLog(Env::system(), directory.path())->records.empty());
  CHECK(check(Env::system(), directory.path())->damages.empty());
}

// The bytes of a checkpoint with all checksums right, whatever it says.
struct Forged {
  std::vector<UnitEntry> units;
  std::string bytes;
  std::size_t directory_block = 0;

  // Takes a checkpoint apart.
  explicit Forged(const std::string& file) : bytes(file) {
    std::uint64_t directory = 0;
    std::uint64_t count = 0;
    std::memcpy(&directory, bytes.data() + bytes.size() - 32, 8);
    std::memcpy(&count, bytes.data() + bytes.size() - 24, 8);
    directory_block = directory;
    units.resize(count);
    std::memcpy(units.data(), bytes.data() + directory + 32, count * sizeof(UnitEntry));
  }
  // With `units` as they are now; as many as there were.
  [[nodiscard]] std::string file() const {
    std::string result = bytes;
    std::memcpy(result.data() + directory_block + 32, units.data(), units.size() * sizeof(UnitEntry));
    const std::string_view block(result.data() + directory_block, 32 + units.size() * sizeof(UnitEntry));
    const std::uint32_t crc = crc32c(block.substr(32), crc32c(block.substr(8, 24)));
    std::memcpy(result.data() + directory_block + 4, &crc, 4);
    return result;
  }
};

TEST_CASE("A checkpoint whose directory makes no sense is refused, though all checksums are right") {
  const MemoryDirectory directory;
  {
    auto opened = openLog(Env::system(), directory.path());
    REQUIRE(checkpointOf(*opened->log, {{"one", "two"}, {}, {"three"}}).ok());
  }
  const Manifest manifest = *ManifestStore::read(Env::system(), directory.path());
  const std::string path = directory / baseName(manifest.base->number);
  Forged forged(readFile(Env::system(), path));
  REQUIRE(forged.units.size() == 3);
  REQUIRE(forged.file() == readFile(Env::system(), path));
  SECTION("beyond the end") {
    forged.units[2].offset = std::uint64_t{1} << 63;
  }
  SECTION("so far beyond that a sum overflows") {
    forged.units[2].offset = std::uint64_t(-8);
  }
  SECTION("a unit twice") {
    forged.units[1] = forged.units[0];
  }
  SECTION("a unit left out") {
    forged.units[0].blocks = 1;
  }
  SECTION("a size that overflows") {
    forged.units[0].bytes = std::uint64_t(-8);
  }
  SECTION("a unit without a number") {
    forged.units[1].id = 0;
  }
  SECTION("captured before the checkpoint began") {
    forged.units[1].lsn = 8;
  }
  SECTION("bytes that are zero today") {
    forged.units[1].zero = 1;
  }
  writeFile(Env::system(), path, forged.file());
  const auto opened = Recovery::open(Env::system(), directory.path(), smallOptions());
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == ErrorCode::kCorruption);
  CHECK(opened.error().message.find(path + "' at offset") != std::string::npos);
  CHECK(opened.error().hint.find("trefoil check") != std::string::npos);
}

TEST_CASE("A checkpoint of a newer format, and one that is missing, are refused with what to do") {
  const MemoryDirectory directory;
  {
    auto opened = openLog(Env::system(), directory.path());
    REQUIRE(checkpointOf(*opened->log, {{"one"}}).ok());
  }
  const Manifest manifest = *ManifestStore::read(Env::system(), directory.path());
  const std::string path = directory / baseName(manifest.base->number);
  SECTION("newer") {
    std::string bytes = readFile(Env::system(), path);
    bytes[8] = 3;
    const std::uint32_t crc = crc32c(std::string_view(bytes).substr(0, 12));
    std::memcpy(bytes.data() + 12, &crc, 4);
    writeFile(Env::system(), path, bytes);
    const auto opened = openLog(Env::system(), directory.path());
    REQUIRE(!opened.ok());
    CHECK(opened.error().code == ErrorCode::kUnsupported);
    CHECK(check(Env::system(), directory.path(), {.repair = true}).error().code == ErrorCode::kUnsupported);
  }
  SECTION("missing") {
    REQUIRE(Env::system().remove(path).ok());
    const auto opened = openLog(Env::system(), directory.path());
    REQUIRE(!opened.ok());
    CHECK(opened.error().code == ErrorCode::kCorruption);
    CHECK(opened.error().message.find(path) != std::string::npos);
    CHECK(opened.error().hint.find("trefoil check") != std::string::npos);
  }
}

}  // namespace
}  // namespace trefoil::aof
