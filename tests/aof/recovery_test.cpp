// The hard cases of record_format.hpp, one test for each sentence there.
#include "aof/recovery.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <set>

#include "aof/check.hpp"
#include "aof/segment.hpp"
#include "tests/aof/log_fixture.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using namespace testing;  // NOLINT: the fixture
using trefoil::testing::FaultEnv;
using trefoil::testing::kAnyCall;
using trefoil::testing::kRead;
using trefoil::testing::MemoryDirectory;

using Strings = std::vector<std::string>;

bool isPrefix(const Strings& prefix, const Strings& all) {
  return prefix.size() <= all.size() && std::equal(prefix.begin(), prefix.end(), all.begin());
}

// A directory as a killed process leaves it: every record written, nothing closed. `synced` of the records were made durable one
// by one, the others were only written.
struct Killed {
  MemoryDirectory directory;
  Strings payloads;
  std::vector<Lsn> ends;
  std::string segment;   // path of the segment in use
  std::string bytes;     // its content
  std::string manifest;  // the manifest's content
  Lsn start = 0;         // of the segment

  [[nodiscard]] std::size_t offsetOf(Lsn lsn) const { return kSegmentHeaderBytes + (lsn - start); }
};

std::unique_ptr<Killed> kill(std::size_t synced, std::size_t written) {
  auto killed = std::make_unique<Killed>();
  const std::string& path = killed->directory.path();
  auto opened = openLog(Env::system(), path, smallOptions(SyncPolicy::kEverySecond));
  TREFOIL_ASSERT(opened.ok());
  for (std::size_t i = 0; i < synced + written; ++i) {
    killed->payloads.push_back(numbered(i, 10 + 7 * i));
    const auto appended = append(*opened->log, killed->payloads.back());
    killed->ends.push_back(appended->end);
    if (i < synced) {
      TREFOIL_ASSERT(opened->log->waitDurable(appended->end).ok());
    }
  }
  TREFOIL_ASSERT(opened->log->waitDurable(opened->log->end()).ok());
  killed->segment = lastSegment(Env::system(), path);
  killed->start = ManifestStore::read(Env::system(), path)->segments.back().start;
  killed->bytes = readFile(Env::system(), killed->segment);
  killed->bytes.resize(killed->offsetOf(opened->log->end()));  // without the zeros that the writer keeps ahead
  killed->manifest = readFile(Env::system(), manifestPath(path));
  TREFOIL_ASSERT(opened->log->close().ok());
  // As it was before close() wrote the mark into the manifest.
  writeFile(Env::system(), manifestPath(path), killed->manifest);
  return killed;
}

// The highest mark in the segment's bytes, when all of it is intact.
Lsn highestMark(const Killed& killed) {
  auto reader = SegmentReader::open(Env::system(), killed.segment,
                                    ManifestStore::read(Env::system(), killed.directory.path())->segments.back());
  RecordView record;
  while (reader.value()->next(record).value() == SegmentReader::Outcome::kRecord) {
  }
  return reader.value()->highestMark();
}

// Opens a copy of the killed directory in which the segment has these bytes.
Result<Replayed> openWith(const Killed& killed, std::string_view bytes) {
  auto copy = std::make_unique<MemoryDirectory>();
  FaultEnv env(Env::system());
  const std::string name = killed.segment.substr(killed.directory.path().size());
  writeFile(env, copy->path() + name, bytes);
  writeFile(env, manifestPath(copy->path()), killed.manifest);
  auto opened = openLog(env, copy->path());
  if (opened.ok()) {
    opened->log.reset();  // before its directory and environment go
  }
  return opened;
}

TEST_CASE("A directory with other people's files becomes no database") {
  for (const auto& [name, fits] : std::initializer_list<std::pair<const char*, bool>>{{"thesis.tex", false},
                                                                                      {"base.tfs", false},
                                                                                      {".bashrc", false},
                                                                                      {"lost+found", true},
                                                                                      {".DS_Store", true},
                                                                                      {"trefoil.conf", true},
                                                                                      {"server.log", true}}) {
    CAPTURE(name);
    const MemoryDirectory directory;
    Env& env = Env::system();
    REQUIRE(env.open(pathIn(directory.path(), name), Env::OpenMode::kCreateNew).ok());
    const auto opened = openLog(env, directory.path());
    CHECK(opened.ok() == fits);
    if (!fits) {
      CHECK(opened.error().message == "'" + directory.path() + "' holds no database, but other files: '" + name + "'");
      CHECK(env.list(directory.path()).value() == Strings{name});
    }
  }
}

TEST_CASE("Truncation at every byte: a torn tail above the mark, corruption below") {
  const auto killed = kill(8, 4);
  const Lsn mark = highestMark(*killed);
  REQUIRE(mark > killed->start);
  std::size_t refused = 0;
  for (std::size_t size = 0; size <= killed->bytes.size(); ++size) {
    // The marks that are cut off are not known any more; the last one that is left rules.
    auto opened = openWith(*killed, killed->bytes.substr(0, size));
    if (size < kSegmentHeaderBytes) {
      REQUIRE(!opened.ok());  // an empty file, or one without a head: it was on disk before the manifest named it
      CHECK(opened.error().code == ErrorCode::kCorruption);
      ++refused;
      continue;
    }
    REQUIRE(opened.ok());  // what is left never contains a mark beyond its own end
    CHECK(isPrefix(opened->payloads(), killed->payloads));
    std::size_t whole = 0;
    while (whole < killed->ends.size() && killed->offsetOf(killed->ends[whole]) <= size) {
      ++whole;
    }
    CHECK(opened->records.size() == whole);
  }
  CHECK(refused == kSegmentHeaderBytes);
}

TEST_CASE("Truncation below the manifest's mark is corruption") {
  auto killed = kill(8, 0);
  {
    auto opened = openLog(Env::system(), killed->directory.path());
    REQUIRE(opened.ok());
    REQUIRE(appendDurably(*opened->log, "one more").ok());
    REQUIRE(opened->log->close().ok());
  }
  const std::string path = lastSegment(Env::system(), killed->directory.path());
  const std::string bytes = readFile(Env::system(), path);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    writeFile(Env::system(), path, bytes.substr(0, size));
    auto opened = openLog(Env::system(), killed->directory.path());
    REQUIRE(!opened.ok());
    CHECK(opened.error().code == ErrorCode::kCorruption);
    CHECK(opened.error().message.find(path) != std::string::npos);
    CHECK(opened.error().hint.find("trefoil check") != std::string::npos);
  }
}

TEST_CASE("A flip of any bit is found: corruption below the mark, torn tail above; never a wrong record") {
  const auto killed = kill(3, 2);
  const Lsn mark = highestMark(*killed);
  REQUIRE(mark > killed->start);
  std::size_t torn = 0;
  std::size_t corrupt = 0;
  for (std::size_t bit = 0; bit < killed->bytes.size() * 8; ++bit) {
    std::string bytes = killed->bytes;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    auto opened = openWith(*killed, bytes);
    if (!opened.ok()) {
      REQUIRE(opened.error().code == ErrorCode::kCorruption);
      ++corrupt;
      continue;
    }
    REQUIRE(bit / 8 >= killed->offsetOf(mark));
    REQUIRE(isPrefix(opened->payloads(), killed->payloads));
    REQUIRE((opened->report.dropped_bytes > 0 && !opened->report.dropped_reason.empty()));
    ++torn;
  }
  CHECK(corrupt >= (killed->offsetOf(mark)) * 8);
  CHECK(torn > 0);
}

TEST_CASE("A hole drops everything behind it, even records that look good") {
  const auto killed = kill(0, 12);  // one batch, no mark in it
  for (std::size_t hole = 0; hole < killed->ends.size(); ++hole) {
    std::string bytes = killed->bytes;
    const std::size_t from = killed->offsetOf(hole == 0 ? killed->start : killed->ends[hole - 1]);
    std::memset(bytes.data() + from, 0, kRecordHeaderBytes);
    auto opened = openWith(*killed, bytes);
    REQUIRE(opened.ok());
    CHECK(opened->payloads() == Strings(killed->payloads.begin(), killed->payloads.begin() + static_cast<long>(hole)));
    CHECK(opened->report.dropped_bytes == bytes.size() - from);
    opened = openWith(*killed, bytes + std::string(1 << 20, '\0'));  // zeros ahead were nobody's data
    REQUIRE(opened.ok());
    CHECK(opened->report.dropped_bytes == bytes.size() - from);
  }
}

TEST_CASE("A tail of zeros is the end of the log") {
  const auto killed = kill(3, 2);
  for (const std::size_t zeros : {1, 7, 8, 24, 32, 100, 4096, 2'000'000}) {
    auto opened = openWith(*killed, killed->bytes + std::string(zeros, '\0'));
    REQUIRE(opened.ok());
    CHECK(opened->payloads() == killed->payloads);
    CHECK(opened->report.dropped_bytes == 0);
  }
}

TEST_CASE("Stale bytes of an earlier epoch behind the end are no records and no marks") {
  const auto killed = kill(8, 0);
  // A later process opened the directory and wrote three records of the same sizes; behind its end the old file's bytes show up.
  std::string fresh_bytes;
  std::string fresh_path;
  {
    auto opened = openLog(Env::system(), killed->directory.path());
    for (int i = 0; i < 3; ++i) {
      REQUIRE(appendDurably(*opened->log, numbered(100 + i, 10 + 7 * i)).ok());
    }
    fresh_path = lastSegment(Env::system(), killed->directory.path());
    const Lsn start = ManifestStore::read(Env::system(), killed->directory.path())->segments.back().start;
    fresh_bytes = readFile(Env::system(), fresh_path).substr(0, kSegmentHeaderBytes + opened->log->end() - start);
    REQUIRE(opened->log->close().ok());
  }
  const std::string stale = killed->bytes.substr(kSegmentHeaderBytes);
  for (std::size_t shift = 0; shift < 64; shift += 8) {
    writeFile(Env::system(), fresh_path, fresh_bytes + stale.substr(shift));
    auto opened = openLog(Env::system(), killed->directory.path());
    REQUIRE(opened.ok());
    CHECK(opened->records.size() == killed->payloads.size() + 3);
    break;  // the first opening has already moved on to a new segment
  }
  // The same at equal positions: a file whose head is new and whose records are of the epoch before.
  auto forged = kill(5, 0);
  std::string bytes = forged->bytes;
  SegmentHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const MemoryDirectory other;
  REQUIRE(createSegment(Env::system(), other / "x",
                        {.epoch = header.epoch, .salt = header.salt + 1, .start = header.start, .synced = header.synced})
              .ok());
  bytes.replace(0, kSegmentHeaderBytes, readFile(Env::system(), other / "x"));
  auto opened = openWith(*forged, bytes);
  REQUIRE(opened.ok());  // not one of the old records or marks counts
  CHECK(opened->records.empty());
}

TEST_CASE("A value that holds the image of a mark fools nobody") {
  // Everything of a mark but the salt can be guessed: position, epoch, checksum of known bytes.
  const MemoryDirectory directory;
  std::string bytes;
  std::string path;
  std::string manifest;
  {
    auto opened = openLog(Env::system(), directory.path());
    const Lsn at = opened->log->end();
    std::string payload(8 * 200, '\0');
    for (std::size_t offset = 0; offset + kMarkBytes <= payload.size(); offset += kMarkBytes) {
      const Lsn lsn = at + kRecordHeaderBytes + offset;
      RecordHeader header{
          .length = 8, .crc = 0, .lsn = lsn, .epoch = 1, .kind = RecordKind::kMark, .version = kRecordVersion, .zero = 0};
      const std::string_view synced(reinterpret_cast<const char*>(&lsn), 8);
      header.crc = recordCrc(header, crc32c(synced), 0);
      std::memcpy(payload.data() + offset, &header, sizeof(header));
      std::memcpy(payload.data() + offset + sizeof(header), &lsn, sizeof(lsn));
    }
    REQUIRE(appendDurably(*opened->log, payload).ok());
    path = lastSegment(Env::system(), directory.path());
    bytes = readFile(Env::system(), path);
    manifest = readFile(Env::system(), manifestPath(directory.path()));
    REQUIRE(opened->log->close().ok());
  }
  bytes[kSegmentHeaderBytes] = 0;  // the record is torn
  writeFile(Env::system(), path, bytes);
  writeFile(Env::system(), manifestPath(directory.path()), manifest);
  auto opened = openLog(Env::system(), directory.path());
  REQUIRE(opened.ok());
  CHECK(opened->records.empty());
}

TEST_CASE("The process dies between write and fdatasync: what was promised is there, and a prefix of the rest") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    Strings payloads;
    std::size_t promised = 0;
    {
      auto opened = openLog(env, directory.path(), smallOptions(seed % 2 == 0 ? SyncPolicy::kAlways : SyncPolicy::kEverySecond));
      REQUIRE(opened.ok());
      for (std::size_t i = 0; i < 30; ++i) {
        payloads.push_back(numbered(i, seed * 3));
        const auto appended = append(*opened->log, payloads.back());
        REQUIRE(appended.ok());
        if (i % 7 == seed % 7) {
          REQUIRE(opened->log->waitDurable(appended->end).ok());
          promised = payloads.size();
        }
      }
      env.crash(seed);
    }
    env.restart();
    auto opened = openLog(env, directory.path());
    INFO("seed " << seed);
    REQUIRE(opened.ok());
    CHECK(opened->records.size() >= promised);
    CHECK(isPrefix(opened->payloads(), payloads));
    opened->log.reset();
  }
}

// Opening fails at its n-th call for every n, the disk forgets (or half remembers) what was not synced, and the next opening
// finds all that was promised.
void failOpeningEverywhere(bool random_survivors) {
  const auto killed = kill(5, 5);
  const std::string name = killed->segment.substr(killed->directory.path().size());
  for (std::uint64_t n = 1;; ++n) {
    INFO("the call that fails: " << n);
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    writeFile(env, directory.path() + name, killed->bytes);
    writeFile(env, manifestPath(directory.path()), killed->manifest);
    REQUIRE(env.syncDirectory(directory.path()).ok());
    env.failAt(n, {.kinds = kAnyCall, .persistent = true});
    {
      auto opened = openLog(env, directory.path());
      if (opened.ok()) {
        CHECK(opened->payloads() == killed->payloads);
      }
    }
    const bool done = !env.fired();
    if (random_survivors) {
      env.crash(n);
    } else {
      env.crash();
    }
    env.restart();
    auto again = openLog(env, directory.path());
    REQUIRE(again.ok());
    CHECK(again->payloads() == killed->payloads);
    CHECK(appendDurably(*again->log, "and on").ok());
    again->log.reset();
    if (done) {
      CHECK(n > 10);
      return;
    }
  }
}

TEST_CASE("Dying anywhere in recovery, the manifest swap included, loses nothing") {
  failOpeningEverywhere(false);
}

TEST_CASE("Between rename and directory sync either manifest may come back") {
  failOpeningEverywhere(true);
}

TEST_CASE("Power that goes while the log is opened after a crash takes no more than the crash did") {
  const auto killed = kill(5, 5);
  const std::size_t on_disk = killed->offsetOf(killed->ends[4]);
  for (std::uint64_t n = 1;; ++n) {
    INFO("the call that fails: " << n);
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    const std::string segment = directory.path() + killed->segment.substr(killed->directory.path().size());
    writeFile(env, segment, killed->bytes.substr(0, on_disk));
    writeFile(env, manifestPath(directory.path()), killed->manifest);
    REQUIRE(env.syncDirectory(directory.path()).ok());
    // The killed process had written the rest, and nobody has synced it.
    REQUIRE(env.open(segment, Env::OpenMode::kReadWrite).value()->write(on_disk, killed->bytes.substr(on_disk)).ok());
    env.failAt(n, {.kinds = kAnyCall, .persistent = true});
    (void)openLog(env, directory.path());
    const bool done = !env.fired();
    env.crash();
    env.restart();
    auto again = openLog(env, directory.path());
    REQUIRE(again.ok());
    CHECK(again->payloads().size() >= 5);
    CHECK(isPrefix(again->payloads(), killed->payloads));
    again->log.reset();
    if (done) {
      break;
    }
  }
}

TEST_CASE("Dying anywhere in the first opening leaves a directory that opens empty") {
  for (std::uint64_t n = 1;; ++n) {
    INFO("the call that fails: " << n);
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    env.failAt(n, {.kinds = kAnyCall, .persistent = true});
    (void)openLog(env, directory.path());
    const bool done = !env.fired();
    env.crash(n);
    env.restart();
    auto again = openLog(env, directory.path());
    REQUIRE(again.ok());
    CHECK(again->records.empty());
    again->log.reset();
    if (done) {
      break;
    }
  }
}

TEST_CASE("A call that fails once in recovery is reported, and nothing is lost") {
  const auto killed = kill(5, 5);
  for (std::uint64_t n = 1;; ++n) {
    INFO("the call that fails: " << n);
    const MemoryDirectory directory;
    FaultEnv env(Env::system());
    writeFile(env, directory.path() + killed->segment.substr(killed->directory.path().size()), killed->bytes);
    writeFile(env, manifestPath(directory.path()), killed->manifest);
    env.failAt(n, {.kinds = kAnyCall});
    const bool ok = openLog(env, directory.path()).ok();  // removals and the like may fail in silence
    const bool done = !env.fired();
    env.clearFault();
    auto again = openLog(env, directory.path());
    REQUIRE(again.ok());
    CHECK(again->payloads() == killed->payloads);
    again->log.reset();
    if (done) {
      CHECK(ok);
      break;
    }
  }
}

TEST_CASE("Recovery never appends to an old segment and starts a new epoch") {
  const auto killed = kill(3, 3);
  for (int round = 0; round < 4; ++round) {
    const Manifest before = *ManifestStore::read(Env::system(), killed->directory.path());
    auto opened = openLog(Env::system(), killed->directory.path());
    REQUIRE(opened.ok());
    const Manifest after = *ManifestStore::read(Env::system(), killed->directory.path());
    CHECK(after.epoch == before.epoch + 1);
    CHECK(after.segments.back().number >= before.next_file);
    CHECK(after.synced == opened->log->end());
    for (const SegmentEntry& segment : before.segments) {
      const std::string path = killed->directory / segmentName(segment.number);
      if (Env::system().exists(path)) {
        CHECK(Env::system().open(path, Env::OpenMode::kRead).value()->size().value() <= killed->bytes.size());
      }
    }
    REQUIRE(appendDurably(*opened->log, numbered(round)).ok());
    REQUIRE(opened->log->close().ok());
  }
  auto opened = openLog(Env::system(), killed->directory.path());
  CHECK(opened->records.size() == 10);
  std::set<std::pair<std::uint32_t, Lsn>> seen;
  for (const auto& [lsn, payload] : opened->records) {
    CHECK(seen.emplace(0, lsn).second);
  }
}

TEST_CASE("A directory with data but without a manifest is refused") {
  const auto killed = kill(3, 0);
  REQUIRE(Env::system().remove(manifestPath(killed->directory.path())).ok());
  auto opened = openLog(Env::system(), killed->directory.path());
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == ErrorCode::kCorruption);
  CHECK(opened.error().message.find(killed->segment) != std::string::npos);
}

TEST_CASE("A segment that the manifest names and that is not there is corruption") {
  const auto killed = kill(3, 0);
  REQUIRE(Env::system().remove(killed->segment).ok());
  auto opened = openLog(Env::system(), killed->directory.path());
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == ErrorCode::kCorruption);
}

TEST_CASE("Files that no manifest names are removed by the next opening") {
  const auto killed = kill(3, 0);
  for (const char* name : {"log-999.tfl", "base-998.tfs", "MANIFEST.tmp"}) {
    writeFile(Env::system(), killed->directory / name, "left over");
  }
  // Not ours, and perhaps somebody's only copy.
  const Strings foreign{"notes.txt", "log-1-before-repair.tfl", "base-old.tfs", "log-01.tfl", "log-.tfl"};
  for (const std::string& name : foreign) {
    writeFile(Env::system(), killed->directory / name, "not ours");
  }
  auto opened = openLog(Env::system(), killed->directory.path());
  REQUIRE(opened.ok());
  CHECK(!Env::system().exists(killed->directory / "log-999.tfl"));
  CHECK(!Env::system().exists(killed->directory / "base-998.tfs"));
  CHECK(!Env::system().exists(killed->directory / "MANIFEST.tmp"));
  for (const std::string& name : foreign) {
    INFO(name);
    CHECK(Env::system().exists(killed->directory / name));
  }
}

TEST_CASE("A manifest that was put back from a copy is refused while there are log files that are newer") {
  const MemoryDirectory directory;
  const std::string path = directory.path();
  const bool opened_again = GENERATE(false, true);  // or else the log has only rolled
  Strings payloads;
  const auto write = [&](Log& log, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      payloads.push_back(numbered(payloads.size(), 100));
      REQUIRE(appendDurably(log, payloads.back()).ok());
    }
  };
  const LogOptions options{.policy = SyncPolicy::kNo, .ring_bytes = 1 << 12, .segment_bytes = 4'000};
  auto opened = openLog(Env::system(), path, options);
  REQUIRE(opened.ok());
  write(*opened->log, 3);
  const std::string old = readFile(Env::system(), manifestPath(path));
  if (opened_again) {
    REQUIRE(opened->log->close().ok());
    opened->log.reset();
    opened = openLog(Env::system(), path, options);
    REQUIRE(opened.ok());
    write(*opened->log, 1);
  } else {
    write(*opened->log, 60);
  }
  REQUIRE(opened->log->close().ok());
  opened->log.reset();
  const std::string newest = readFile(Env::system(), manifestPath(path));
  const Strings names = Env::system().list(path).value();

  writeFile(Env::system(), manifestPath(path), old);
  const auto refused = openLog(Env::system(), path, options);
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == ErrorCode::kCorruption);
  CHECK(refused.error().message.find("MANIFEST' is older than the log") != std::string::npos);
  const auto report = check(Env::system(), path, {.repair = true});
  REQUIRE(report.ok());
  CHECK(report->damages.size() == 1);
  CHECK(!report->repaired);
  CHECK(Env::system().list(path).value() == names);

  writeFile(Env::system(), manifestPath(path), newest);
  const auto back = openLog(Env::system(), path, options);
  REQUIRE(back.ok());
  CHECK(back->payloads() == payloads);
}

TEST_CASE("A read that failed is not taken for the end of the log when the reader is asked again") {
  const auto killed = kill(5, 5);
  const SegmentEntry entry = ManifestStore::read(Env::system(), killed->directory.path())->segments.back();
  FaultEnv env(Env::system());
  auto reader = SegmentReader::open(env, killed->segment, entry);
  REQUIRE(reader.ok());
  env.failAt(1, {.kinds = kRead});
  RecordView record;
  REQUIRE(!(*reader)->next(record).ok());
  REQUIRE((*reader)->next(record).value() == SegmentReader::Outcome::kRecord);
  CHECK(record.payload == killed->payloads.front());
}

TEST_CASE("An error in recovery sticks") {
  const auto killed = kill(5, 5);
  for (std::uint64_t n = 1;; ++n) {
    INFO("the read that fails: " << n);
    FaultEnv env(Env::system());
    env.failAt(n, {.kinds = kRead, .path_contains = ".tfl"});
    auto recovery = Recovery::open(env, killed->directory.path(), smallOptions());
    REQUIRE(recovery.ok());
    Strings found;
    LogRecord record;
    Result<bool> more = (*recovery)->next(record);
    for (; more.ok() && *more; more = (*recovery)->next(record)) {
      found.emplace_back(record.payload);
    }
    REQUIRE(more.ok() != env.fired());
    if (more.ok()) {
      CHECK(found == killed->payloads);
      break;
    }
    CHECK((*recovery)->next(record).error().message == more.error().message);
  }
}

TEST_CASE("Transactions in parts over many segments keep few files open") {
  const auto open_files = [] { return Env::system().list("/proc/self/fd").value().size(); };
  const MemoryDirectory directory;
  const LogOptions options{.policy = SyncPolicy::kNo, .ring_bytes = 1 << 12, .segment_bytes = 2'000};
  {
    auto opened = openLog(Env::system(), directory.path(), options);
    for (int i = 0; i < 20; ++i) {
      REQUIRE(append(*opened->log, numbered(i, 10'000)).ok());
    }
    REQUIRE(opened->log->close().ok());
  }
  const std::size_t before = open_files();
  auto recovery = Recovery::open(Env::system(), directory.path(), options);
  LogRecord record;
  for (int i = 0; i < 20; ++i) {
    REQUIRE((*recovery)->next(record).value());
    REQUIRE(record.payload == numbered(i, 10'000));
  }
  CHECK((*recovery)->manifest().segments.size() > 50);
  CHECK(open_files() < before + 8);
}

TEST_CASE("An intact record that cannot follow what came before is refused, and check says the same") {
  const auto killed = kill(0, 2);
  std::string bytes = killed->bytes;
  SegmentHeader segment;
  std::memcpy(&segment, bytes.data(), sizeof(segment));
  RecordHeader header;
  const std::size_t at = killed->offsetOf(killed->ends[0]);  // the second record
  std::memcpy(&header, bytes.data() + at, sizeof(header));
  PartPrefix prefix{};
  header.kind = GENERATE(RecordKind::kPart, RecordKind::kCommitParts);
  SECTION("the first piece is missing") {
    prefix = {.group = killed->start, .number = 1, .zero = 0};
  }
  SECTION("not the first piece, but says so") {
    prefix = {.group = 0, .number = 1, .zero = 0};
  }
  SECTION("a group of nobody's") {
    prefix = {.group = 8, .number = 0, .zero = 0};
  }
  SECTION("too short") {
    header.length = 8;
  }
  std::memcpy(bytes.data() + at + sizeof(header), &prefix, sizeof(prefix));
  const std::string_view payload(bytes.data() + at + sizeof(header), header.length);
  header.crc = recordCrc(header, crc32c(payload), segment.salt);
  std::memcpy(bytes.data() + at, &header, sizeof(header));
  if (header.length == 8) {
    bytes.resize(at + recordBytes(8));
  }
  const auto opened = openWith(*killed, bytes);
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == ErrorCode::kCorruption);
  CHECK(opened.error().message.find("at offset " + std::to_string(at)) != std::string::npos);
  CHECK(!opened.error().hint.empty());
  writeFile(Env::system(), killed->segment, bytes);
  const auto report = check(Env::system(), killed->directory.path(), {.repair = true});
  REQUIRE(report->damages.size() == 1);
  CHECK(report->damages[0].offset == at);
  CHECK(report->repaired);
  CHECK(openLog(Env::system(), killed->directory.path())->payloads() == Strings{killed->payloads[0]});
}

TEST_CASE("What a newer program wrote is refused, not dropped and not called damaged") {
  const auto killed = kill(0, 1);
  std::string bytes = killed->bytes;
  SegmentHeader segment;
  std::memcpy(&segment, bytes.data(), sizeof(segment));
  RecordHeader header;
  std::memcpy(&header, bytes.data() + kSegmentHeaderBytes, sizeof(header));
  const std::string_view payload(bytes.data() + kSegmentHeaderBytes + sizeof(header), header.length);
  SECTION("version") {
    header.version = kRecordVersion + 1;
  }
  SECTION("kind") {
    header.kind = static_cast<RecordKind>(77);
  }
  SECTION("segment version") {
    segment.version = kSegmentVersion + 1;
    segment.crc = crc32c({reinterpret_cast<const char*>(&segment), offsetof(SegmentHeader, crc)});
    std::memcpy(bytes.data(), &segment, sizeof(segment));
  }
  header.crc = recordCrc(header, crc32c(payload), segment.salt);
  std::memcpy(bytes.data() + kSegmentHeaderBytes, &header, sizeof(header));
  auto opened = openWith(*killed, bytes);
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == ErrorCode::kUnsupported);
  CHECK(opened.error().message.find(".tfl' at offset") != std::string::npos);
  CHECK(!opened.error().hint.empty());
  writeFile(Env::system(), killed->segment, bytes);
  const auto report = check(Env::system(), killed->directory.path(), {.repair = true});
  REQUIRE(!report.ok());
  CHECK(report.error().code == ErrorCode::kUnsupported);
  CHECK(readFile(Env::system(), killed->segment) == bytes);
}

}  // namespace
}  // namespace trefoil::aof
