#include "aof/check.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "tests/aof/log_fixture.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using namespace testing;  // NOLINT: the fixture
using trefoil::testing::FaultEnv;
using trefoil::testing::kAnyCall;
using trefoil::testing::MemoryDirectory;

using Strings = std::vector<std::string>;

// Three segments of records, closed.
Strings fill(const std::string& directory, bool with_checkpoint = false) {
  Strings payloads;
  auto opened = openLog(Env::system(), directory, {.policy = SyncPolicy::kAlways, .ring_bytes = 1 << 16, .segment_bytes = 1'000});
  TREFOIL_ASSERT(opened.ok());
  if (with_checkpoint) {
    auto writer = CheckpointWriter::begin(*opened->log);
    TREFOIL_ASSERT((*writer)->beginUnit({.id = 1, .kind = 1, .lsn = opened->log->end()}).ok());
    TREFOIL_ASSERT((*writer)->write("state").ok() && (*writer)->endUnit().ok() && (*writer)->finish(2).ok());
  }
  for (int i = 0; i < 40; ++i) {
    payloads.push_back(numbered(i, 20));
    TREFOIL_ASSERT(appendDurably(*opened->log, payloads.back()).ok());
  }
  TREFOIL_ASSERT(opened->log->close().ok());
  return payloads;
}

TEST_CASE("A sound directory is called sound, and checking changes nothing") {
  const MemoryDirectory directory;
  const Strings payloads = fill(directory.path(), true);
  const std::string manifest = readFile(Env::system(), manifestPath(directory.path()));
  for (const bool repair : {false, true}) {
    const auto report = check(Env::system(), directory.path(), {.repair = repair});
    REQUIRE(report.ok());
    CHECK(report->damages.empty());
    CHECK(report->records >= payloads.size());
    CHECK(report->segments >= 3);
    CHECK(report->units == 1);
    CHECK(!report->repaired);
    CHECK(report->text().find("sound") != std::string::npos);
  }
  CHECK(readFile(Env::system(), manifestPath(directory.path())) == manifest);
  CHECK(openLog(Env::system(), directory.path())->payloads() == payloads);
}

TEST_CASE("Damage anywhere in the log is found with file and offset, and a repair keeps everything before it") {
  const bool with_checkpoint = GENERATE(false, true);
  const MemoryDirectory source;
  const Strings payloads = fill(source.path(), with_checkpoint);
  const Manifest manifest = *ManifestStore::read(Env::system(), source.path());
  const Strings names = Env::system().list(source.path()).value();
  for (const SegmentEntry& segment : manifest.segments) {
    const std::string name = segmentName(segment.number);
    const std::string bytes = readFile(Env::system(), source / name);
    for (std::size_t at = 0; at < bytes.size(); at += 13) {
      INFO(name << " at " << at);
      const MemoryDirectory directory;
      for (const std::string& copied : names) {
        writeFile(Env::system(), directory / copied, readFile(Env::system(), source / copied));
      }
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      writeFile(Env::system(), directory / name, damaged);

      const auto report = check(Env::system(), directory.path());
      REQUIRE(report.ok());
      REQUIRE(report->damages.size() == 1);
      const Damage& damage = report->damages[0];
      CHECK(damage.file == directory / name);
      CHECK(damage.offset <= at);
      CHECK(damage.offset + 200 > at);
      CHECK(damage.lost.find("promised") != std::string::npos);
      CHECK(damage.repairable);
      REQUIRE(!openLog(Env::system(), directory.path()).ok());  // nothing was changed

      const auto repaired = check(Env::system(), directory.path(), {.repair = true});
      REQUIRE(repaired.ok());
      CHECK(repaired->repaired);
      CHECK(check(Env::system(), directory.path())->damages.empty());
      auto opened = openLog(Env::system(), directory.path());
      REQUIRE(opened.ok());
      const Strings found = opened->payloads();
      REQUIRE(found.size() <= payloads.size());  // the last record is a mark
      CHECK(std::equal(found.begin(), found.end(), payloads.begin()));
      REQUIRE(appendDurably(*opened->log, "on").ok());
      REQUIRE(opened->log->close().ok());
      CHECK(openLog(Env::system(), directory.path())->records.size() == found.size() + 1);
    }
  }
}

TEST_CASE("A missing segment is damage, and a repair ends the log before it") {
  const MemoryDirectory directory;
  fill(directory.path());
  const Manifest manifest = *ManifestStore::read(Env::system(), directory.path());
  REQUIRE(Env::system().remove(directory / segmentName(manifest.segments[1].number)).ok());
  CHECK(check(Env::system(), directory.path())->damages.size() == 1);
  CHECK(check(Env::system(), directory.path(), {.repair = true})->repaired);
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  CHECK(!opened->records.empty());
  CHECK(opened->log->end() == *manifest.segments[0].end);
}

TEST_CASE("A torn tail is no damage") {
  const MemoryDirectory directory;
  std::string path;
  std::string bytes;
  std::string manifest;
  {
    auto opened = openLog(Env::system(), directory.path());
    REQUIRE(appendDurably(*opened->log, "whole").ok());
    path = lastSegment(Env::system(), directory.path());
    bytes = readFile(Env::system(), path);
    manifest = readFile(Env::system(), manifestPath(directory.path()));
  }
  writeFile(Env::system(), path, bytes + "half a record");
  writeFile(Env::system(), manifestPath(directory.path()), manifest);
  const auto report = check(Env::system(), directory.path());
  REQUIRE(report.ok());
  CHECK(report->damages.empty());
  CHECK(report->torn_tail.find(path) != std::string::npos);
  CHECK(report->text().find("torn tail") != std::string::npos);
}

TEST_CASE("A damaged checkpoint or manifest is reported and not repaired") {
  const MemoryDirectory directory;
  fill(directory.path(), true);
  const Manifest manifest = *ManifestStore::read(Env::system(), directory.path());
  const std::string path = GENERATE(true, false) ? directory / baseName(manifest.base->number) : manifestPath(directory.path());
  std::string bytes = readFile(Env::system(), path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  writeFile(Env::system(), path, bytes);
  const auto report = check(Env::system(), directory.path(), {.repair = true});
  REQUIRE(report.ok());
  REQUIRE(report->damages.size() == 1);
  CHECK(report->damages[0].file == path);
  CHECK(!report->damages[0].repairable);
  CHECK(!report->repaired);
}

TEST_CASE("What cannot be made whole is not cut: a damaged checkpoint keeps the log as it is") {
  const MemoryDirectory directory;
  fill(directory.path(), true);
  const Manifest manifest = *ManifestStore::read(Env::system(), directory.path());
  const std::string base = directory / baseName(manifest.base->number);
  std::string bytes = readFile(Env::system(), base);
  bytes[20] = static_cast<char>(bytes[20] ^ 1);  // in the first block
  writeFile(Env::system(), base, bytes);
  const std::string segment = directory / segmentName(manifest.segments.back().number);
  bytes = readFile(Env::system(), segment);
  bytes[kSegmentHeaderBytes] = static_cast<char>(bytes[kSegmentHeaderBytes] ^ 1);
  writeFile(Env::system(), segment, bytes);
  const auto report = check(Env::system(), directory.path(), {.repair = true});
  REQUIRE(report.ok());
  REQUIRE(report->damages.size() == 2);
  CHECK(report->damages[0].file == base);
  CHECK(report->damages[0].offset == 16);
  CHECK(report->damages[1].file == segment);
  CHECK(!report->repaired);
  CHECK(report->text().find("not repaired") != std::string::npos);
  CHECK(readFile(Env::system(), segment) == bytes);
  CHECK(*ManifestStore::read(Env::system(), directory.path()) == manifest);
}

TEST_CASE("A log that is cut below what its checkpoint holds goes on above it") {
  // Otherwise records to come would have LSNs that replay takes for older than the units.
  const MemoryDirectory directory;
  Lsn captured = 0;
  Lsn fourth = 0;
  {
    auto opened = openLog(Env::system(), directory.path());
    REQUIRE(appendDurably(*opened->log, "in both units").ok());
    auto writer = CheckpointWriter::begin(*opened->log);
    REQUIRE((*writer)->beginUnit({.id = 1, .kind = 1, .lsn = opened->log->end()}).ok());
    REQUIRE((*writer)->endUnit().ok());
    for (int i = 0; i < 10; ++i) {
      const auto appended = append(*opened->log, numbered(i));
      REQUIRE(opened->log->waitDurable(appended->end).ok());
      fourth = i == 3 ? appended->lsn : fourth;
    }
    captured = opened->log->end();
    REQUIRE((*writer)->beginUnit({.id = 2, .kind = 1, .lsn = captured}).ok());
    REQUIRE((*writer)->endUnit().ok());
    REQUIRE((*writer)->finish(3).ok());
    REQUIRE(appendDurably(*opened->log, "behind the checkpoint").ok());
    REQUIRE(opened->log->close().ok());
  }
  const std::string path = lastSegment(Env::system(), directory.path());
  std::string bytes = readFile(Env::system(), path);
  std::size_t kept = 0;
  SECTION("the first record behind the checkpoint's start") {
    bytes[kSegmentHeaderBytes] ^= 1;
  }
  SECTION("a record in the middle") {
    bytes[kSegmentHeaderBytes + (fourth - ManifestStore::read(Env::system(), directory.path())->segments.back().start)] ^= 1;
    kept = 3;
  }
  SECTION("the segment's head") {
    bytes[20] ^= 1;
  }
  writeFile(Env::system(), path, bytes);
  REQUIRE(check(Env::system(), directory.path(), {.repair = true})->repaired);
  CHECK(check(Env::system(), directory.path())->damages.empty());
  for (std::size_t round = 0; round < 3; ++round) {
    auto opened = openLog(Env::system(), directory.path());
    REQUIRE(opened.ok());
    REQUIRE(opened->records.size() == kept + round);
    CHECK((round == 0 || opened->records.back().first >= captured));
    CHECK(opened->log->end() >= captured);
    REQUIRE(appendDurably(*opened->log, "after the repair").ok());
    REQUIRE(opened->log->close().ok());
  }
  {
    auto opened = openLog(Env::system(), directory.path());
    auto writer = CheckpointWriter::begin(*opened->log);
    REQUIRE((*writer)->finish(3).ok());
    REQUIRE(opened->log->close().ok());
  }
  CHECK(ManifestStore::read(Env::system(), directory.path())->segments.size() == 1);
  CHECK(openLog(Env::system(), directory.path())->records.empty());
}

TEST_CASE("Dying anywhere in a repair leaves what can be repaired again, or is") {
  const bool head = GENERATE(false, true);
  const bool random_survivors = GENERATE(false, true);
  const MemoryDirectory source;
  const Strings payloads = fill(source.path());
  const Manifest manifest = *ManifestStore::read(Env::system(), source.path());
  const std::string damaged = segmentName(manifest.segments[1].number);
  for (std::uint64_t n = 1;; ++n) {
    INFO("the call that fails: " << n);
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    const Strings names = Env::system().list(source.path()).value();
    for (const std::string& name : names) {
      std::string bytes = readFile(Env::system(), source / name);
      if (name == damaged) {
        const std::size_t at = head ? 20 : bytes.size() / 2;
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
      }
      writeFile(env, directory / name, bytes);
    }
    REQUIRE(env.syncDirectory(directory.path()).ok());
    env.failAt(n, {.kinds = kAnyCall, .persistent = true});
    const auto repaired = check(env, directory.path(), {.repair = true});
    const bool done = !env.fired();
    CHECK((!done || repaired->repaired));
    env.crash(random_survivors ? std::optional(n) : std::nullopt);
    env.restart();
    if (!openLog(env, directory.path()).ok()) {
      REQUIRE(check(env, directory.path(), {.repair = true})->repaired);
    }
    auto opened = openLog(env, directory.path());
    REQUIRE(opened.ok());
    const Strings found = opened->payloads();
    CHECK(!found.empty());
    CHECK(std::equal(found.begin(), found.end(), payloads.begin()));
    opened->log.reset();
    if (done) {
      CHECK(n > 10);
      break;
    }
  }
}

// A database with all that there is: segments, transactions in parts before and behind a checkpoint, a killed process. The
// checkpoint's state is the number of records before it.
struct Rich {
  MemoryDirectory directory;
  Strings payloads;
  std::size_t in_checkpoint = 0;
  std::map<std::string, std::string> files;

  Rich() {
    auto opened =
        openLog(Env::system(), directory.path(), {.policy = SyncPolicy::kNo, .ring_bytes = 1 << 12, .segment_bytes = 4'000});
    TREFOIL_ASSERT(opened.ok());
    for (std::size_t i = 0; i < 40; ++i) {
      payloads.push_back(numbered(i, i % 10 == 5 ? 5'000 : 50));
      TREFOIL_ASSERT(i % 4 == 0 ? appendDurably(*opened->log, payloads.back()).ok() : append(*opened->log, payloads.back()).ok());
      if (i == 15) {
        in_checkpoint = payloads.size();
        auto writer = CheckpointWriter::begin(*opened->log);
        TREFOIL_ASSERT((*writer)->beginUnit({.id = 1, .kind = 1, .lsn = opened->log->end()}).ok());
        TREFOIL_ASSERT((*writer)->write("one").ok() && (*writer)->write(std::string(600, 'x')).ok() && (*writer)->endUnit().ok());
        for (std::size_t between = 0; between < 3; ++between) {
          payloads.push_back(numbered(100 + between));
          TREFOIL_ASSERT(append(*opened->log, payloads.back()).ok());
        }
        TREFOIL_ASSERT((*writer)->beginUnit({.id = 2, .kind = 1, .lsn = opened->log->end()}).ok() && (*writer)->endUnit().ok());
        TREFOIL_ASSERT((*writer)->finish(3).ok());
      }
    }
    TREFOIL_ASSERT(opened->log->waitDurable(opened->log->end()).ok());
    const Strings names = Env::system().list(directory.path()).value();
    for (const std::string& name : names) {
      files[name] = readFile(Env::system(), directory / name);
    }
    files.erase("LOCK");
  }

  // What replay finds, and whether all units of the checkpoint can be read.
  struct Found {
    Strings payloads;
    bool units_intact = true;
  };
  static Result<Found> open(const std::string& path) {
    Found found;
    TREFOIL_ASSIGN(const std::unique_ptr<Recovery> recovery, Recovery::open(Env::system(), path, smallOptions()));
    for (const UnitEntry& unit : recovery->checkpoint()->units()) {
      found.units_intact =
          recovery->checkpoint()->read(unit, [](std::string_view) { return Status(); }).ok() && found.units_intact;
    }
    LogRecord record;
    while (true) {
      TREFOIL_ASSIGN(const bool more, recovery->next(record));
      if (!more) {
        break;
      }
      found.payloads.emplace_back(record.payload);
    }
    TREFOIL_ASSIGN(const std::unique_ptr<Log> log, recovery->finish());
    return found;
  }
  // Nothing but what was written, in order, from the checkpoint on.
  [[nodiscard]] bool isHistory(const Strings& found) const {
    return found.size() <= payloads.size() - in_checkpoint &&
           std::equal(found.begin(), found.end(), payloads.begin() + static_cast<long>(in_checkpoint));
  }
};

// One of the ways in which disks, file systems and people damage a file.
void damage(std::string& bytes, const std::string& other, std::mt19937& random) {
  const std::size_t at = random() % bytes.size();
  const std::size_t size = std::min<std::size_t>(bytes.size() - at, 1 + random() % 600);
  switch (random() % 8) {
    case 0:
    case 1:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      break;
    case 2:
      bytes.resize(at);
      break;
    case 3:
      bytes.replace(at, size, size, '\0');
      break;
    case 4:
      bytes.append(size, '\0');
      break;
    case 5:
      bytes.append(other, random() % other.size(), size);
      break;
    case 6:
      bytes.replace(at, size, other.substr(random() % other.size(), size));
      break;
    default:
      bytes.erase(at, size);
      break;
  }
}

TEST_CASE("Whatever happens to the files: check and recovery agree, nothing is made up, and a repair leads back") {
  const Rich rich;
  REQUIRE(rich.isHistory(Rich::open(rich.directory.path())->payloads));
  std::size_t sound = 0;
  std::size_t repaired = 0;
  for (std::uint32_t seed = 0; seed < 1'200; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    std::map<std::string, std::string> files = rich.files;
    const auto pick = [&] { return std::next(files.begin(), static_cast<long>(random() % files.size())); };
    for (std::uint32_t i = 0; i <= seed % 2; ++i) {
      const auto file = pick();
      if (random() % 20 == 0 && file->first != "MANIFEST") {
        files.erase(file);
      } else if (!file->second.empty()) {
        damage(file->second, pick()->second + "x", random);
      }
    }
    const MemoryDirectory directory;
    for (const auto& [name, bytes] : files) {
      writeFile(Env::system(), directory / name, bytes);
    }
    const auto report = check(Env::system(), directory.path());
    REQUIRE(report.ok());
    (void)report->text();
    const auto found = Rich::open(directory.path());
    CHECK((found.ok() && found->units_intact) == report->damages.empty());
    if (found.ok()) {
      REQUIRE(rich.isHistory(found->payloads));
    } else {
      CHECK(found.error().code == ErrorCode::kCorruption);
      CHECK(found.error().message.find(directory.path()) != std::string::npos);
      CHECK(found.error().hint.find("trefoil check") != std::string::npos);
    }
    sound += report->damages.empty() ? 1 : 0;
    if (report->damages.empty() || !report->repairable()) {
      continue;
    }
    ++repaired;
    REQUIRE(check(Env::system(), directory.path(), {.repair = true})->repaired);
    CHECK(check(Env::system(), directory.path())->damages.empty());
    const auto again = Rich::open(directory.path());
    REQUIRE(again.ok());
    CHECK(rich.isHistory(again->payloads));
  }
  CHECK(sound > 40);
  CHECK(repaired > 400);
}

TEST_CASE("A directory in use, and one that is none, are not checked") {
  const MemoryDirectory directory;
  CHECK(check(Env::system(), directory.path()).error().code == ErrorCode::kIo);
  CHECK(!Env::system().exists(lockPath(directory.path())));
  auto opened = openLog(Env::system(), directory.path());
  CHECK(check(Env::system(), directory.path()).error().code == ErrorCode::kBusy);
}

}  // namespace
}  // namespace trefoil::aof
