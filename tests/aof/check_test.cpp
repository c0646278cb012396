#include "aof/check.hpp"

#include <catch2/catch.hpp>

#include "tests/aof/log_fixture.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using namespace testing;  // NOLINT: the fixture
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

TEST_CASE("A directory in use, and one that is none, are not checked") {
  const MemoryDirectory directory;
  CHECK(check(Env::system(), directory.path()).error().code == ErrorCode::kIo);
  CHECK(!Env::system().exists(lockPath(directory.path())));
  auto opened = openLog(Env::system(), directory.path());
  CHECK(check(Env::system(), directory.path()).error().code == ErrorCode::kBusy);
}

}  // namespace
}  // namespace trefoil::aof
