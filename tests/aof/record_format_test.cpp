// Golden bytes: whoever changes the format changes its version, its diagram and this test in one commit.
#include "aof/record_format.hpp"

#include <catch2/catch.hpp>

#include "aof/segment.hpp"
#include "tests/aof/log_fixture.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using namespace testing;  // NOLINT: the fixture
using trefoil::testing::TemporaryDirectory;

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

TEST_CASE("Record kinds are persisted numbers") {
  CHECK(static_cast<int>(RecordKind::kCommit) == 1);
  CHECK(static_cast<int>(RecordKind::kPart) == 2);
  CHECK(static_cast<int>(RecordKind::kCommitParts) == 3);
  CHECK(static_cast<int>(RecordKind::kMark) == 4);
}

TEST_CASE("A segment's head has these bytes") {
  const TemporaryDirectory directory;
  const std::string path = directory / "log-1.tfl";
  REQUIRE(createSegment(Env::system(), path, {.epoch = 3, .salt = 0x11223344, .start = 4096, .synced = 4088}).ok());
  CHECK(hex(readFile(Env::system(), path)) ==
        "54524546"  // TREF
        "4f494c4c"  // OILL
        "02000000030000004433221100000000"
        "0010000000000000f80f000000000000"
        "88bafed9"
        "00000000"
        "00000000000000000000000000000000");
}

TEST_CASE("A record has these bytes, padding included") {
  Ring ring({.capacity = 4096, .start = 4096, .epoch = 3, .salt = 0x11223344});
  const std::string_view payload = "trefoil!!";
  CHECK(ring.append(RecordKind::kCommit, {}, payload, crc32c(payload)) == 4096);
  CHECK(ring.end() == 4096 + 40);
  CHECK(hex(ring.bytes(4096, ring.end())) ==
        "09000000"  // length
        "ec3f6146"
        "0010000000000000"  // lsn
        "03000000"          // epoch
        "01020000"          // kind, version, zero
        "747265666f696c2121"
        "00000000000000");
}

TEST_CASE("The size of a record is a multiple of 8, head included") {
  CHECK(recordBytes(1) == 32);
  CHECK(recordBytes(8) == 32);
  CHECK(recordBytes(9) == 40);
  CHECK(recordBytes(kMaxPayloadBytes) == kMaxPayloadBytes + 24);
}

}  // namespace
}  // namespace trefoil::aof
