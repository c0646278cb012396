// The log's bytes: what a segment file (log-N.tfl) consists of. Shared by writer, reader, check and fuzzer. All numbers
// little-endian.
//
// A segment opens with 64 bytes:
//   off 0          8          12         16         20         24             32             40         44         48        64
//       +----------+----------+----------+----------+----------+--------------+--------------+----------+----------+---------+
//       | magic    | version  | epoch    | salt     | zero     | start lsn    | synced lsn   | crc32c   | zero     | zero    |
//       | TREFOILL | u32 = 2  | u32      | u32      | u32      | u64          | u64          | u32      | u32      | 16 bytes|
//       +----------+----------+----------+----------+----------+--------------+--------------+----------+----------+---------+
//   crc32c covers bytes 0 .. 40. Then records, without gaps: the record at LSN n begins at file offset 64 + (n - start lsn).
//
// A record, one per committed transaction (or part of one, or mark), begins at a multiple of 8:
//   off 0          4          8               16         20       21        22       24
//       +----------+----------+---------------+----------+--------+---------+--------+------------------+-------------------+
//       | length   | crc32c   | lsn           | epoch    | kind   | version | zero   | payload          | zeros up to a     |
//       | u32      | u32      | u64           | u32      | u8     | u8 = 2  | u16    | length bytes     | multiple of 8     |
//       +----------+----------+---------------+----------+--------+---------+--------+------------------+-------------------+
//   length > 0, and in memory it is stored last: a record whose length is still 0 is not there yet.
//   crc32c covers the payload, then bytes 8 .. 24, then the segment's salt: payload first, so that a writer can compute that part
//   before it holds a lock and knows its LSN. The salt is drawn at random for each opening of the directory: nobody can send a
//   value that looks like a record of ours, and bytes that a file system left over from another file never pass.
//
// Payloads by kind:
//   kCommit       effects
//   kPart         group u64, number u32, bytes      A piece of a large transaction, sent ahead; counts only with kCommitParts.
//   kCommitParts  group u64, count u32, bytes       Effects := the bytes of parts 0 .. count-1 and then of this record.
//   kMark         synced u64                        When this batch was written, the log was on disk up to `synced`.
//   A group is named by the LSN of its first part, which itself says 0.
//
// Versions. Effects say what they came of since version 2 (base/cause.hpp). Segments and records of version 1 are read as they
// are, and copied as they are when recovery makes a fresh segment of a tail, so a segment of version 2 may hold records of both.
//
// Torn or corrupt. The synced mark is the highest LSN that the manifest, the segment's head or any intact kMark record states,
// those behind a bad record included (LSN = position makes them findable). A bad record at or above it is a torn tail: it and all
// behind it was never promised to anyone, is dropped, and that is logged. Below it, it is corruption: refused, with file and
// offset.
//
// The hard cases; each sentence is a test in tests/aof/recovery_test.cpp:
//   * the process dies between write and fdatasync: what the disk kept is a prefix (torn tail) or has holes (everything behind
//     the first hole is dropped, even records that look good);
//   * it dies while recovery copies the tail, or during the manifest swap: the old manifest rules, and recovery simply runs
//     again;
//   * between rename and directory sync: either manifest may come back, and both describe files that are on disk;
//   * a file that ends anywhere within a record, an empty file: torn tail above the mark, corruption below;
//   * nothing but zeros up to the file's end (the writer keeps some ahead, flusher.hpp): the end above the mark, corruption
//     below;
//   * bytes of an earlier epoch behind the end: their epoch and salt do not fit, so they are no records and no marks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/crc32c.hpp"
#include "base/types.hpp"

namespace trefoil::aof {

// Persisted: append only, never renumber (frozen by tests/aof/record_format_test.cpp).
enum class RecordKind : std::uint8_t {
  kCommit = 1,
  kPart = 2,
  kCommitParts = 3,
  kMark = 4,
};

inline constexpr char kSegmentMagic[9] = "TREFOILL";
// What is written, and the oldest that is read.
inline constexpr std::uint32_t kSegmentVersion = 2;
inline constexpr std::uint32_t kOldestSegmentVersion = 1;
inline constexpr std::uint8_t kRecordVersion = 2;
inline constexpr std::uint8_t kOldestRecordVersion = 1;

struct SegmentHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t epoch;
  std::uint32_t salt;
  std::uint32_t zero_0;
  Lsn start;
  Lsn synced;
  std::uint32_t crc;
  std::uint32_t zero_1;
  std::uint64_t zero_2[2];
};
static_assert(sizeof(SegmentHeader) == 64 && offsetof(SegmentHeader, start) == 24 && offsetof(SegmentHeader, crc) == 40);

struct RecordHeader {
  std::uint32_t length;
  std::uint32_t crc;
  Lsn lsn;
  std::uint32_t epoch;
  RecordKind kind;
  std::uint8_t version;
  std::uint16_t zero;
};
static_assert(sizeof(RecordHeader) == 24 && offsetof(RecordHeader, lsn) == 8 && offsetof(RecordHeader, kind) == 20);

// What opens the payload of kPart (number of this part) and kCommitParts (count of parts).
struct PartPrefix {
  Lsn group;
  std::uint32_t number;
  std::uint32_t zero;
};
static_assert(sizeof(PartPrefix) == 16);

inline constexpr std::size_t kSegmentHeaderBytes = sizeof(SegmentHeader);
inline constexpr std::size_t kRecordHeaderBytes = sizeof(RecordHeader);
inline constexpr std::size_t kRecordAlignment = 8;
inline constexpr std::size_t kMarkBytes = kRecordHeaderBytes + sizeof(Lsn);
// The LSN of the very first record; 0 is kNoSnapshot, and this one makes offset and LSN equal in the first file.
inline constexpr Lsn kFirstLsn = kSegmentHeaderBytes;
// No record is longer: larger transactions go in parts.
inline constexpr std::size_t kMaxPayloadBytes = std::size_t{1} << 20;

// The bytes that a record with `payload` bytes takes in the log.
constexpr std::size_t recordBytes(std::size_t payload) {
  return (kRecordHeaderBytes + payload + kRecordAlignment - 1) & ~(kRecordAlignment - 1);
}

// A header is three words. Whoever writes and sums it by words spares the CPU loads that wait for several smaller stores.
// Bytes 16 .. 24:
constexpr std::uint64_t recordKindWord(std::uint32_t epoch, RecordKind kind, std::uint8_t version) {
  return epoch | static_cast<std::uint64_t>(kind) << 32 | static_cast<std::uint64_t>(version) << 40;
}

// A record's checksum; `payload_crc` is crc32c(payload).
inline std::uint32_t recordCrc(Lsn lsn, std::uint64_t kind_word, std::uint32_t payload_crc, std::uint32_t salt) {
  const std::uint64_t covered[3] = {lsn, kind_word, salt};
  return crc32c({reinterpret_cast<const char*>(covered), 2 * sizeof(std::uint64_t) + sizeof(salt)}, payload_crc);
}
inline std::uint32_t recordCrc(const RecordHeader& header, std::uint32_t payload_crc, std::uint32_t salt) {
  const std::uint64_t zero = header.zero;  // not always: it was read from somewhere
  return recordCrc(header.lsn, recordKindWord(header.epoch, header.kind, header.version) | zero << 48, payload_crc, salt);
}

}  // namespace trefoil::aof
