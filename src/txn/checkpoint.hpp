// Checkpoints: the whole database as of one snapshot, so that a restart has less of the log to replay.
//
//   unit kKv           the effects that build all keys
//   unit kSql          the effects that build the catalog and all tables
//   unit kVectorIndex  of each graph: a chunk that names table and index, then the graph's own chunks (vector/hnsw.hpp)
//
// All are captured at one LSN; the format (aof/checkpoint.hpp) would allow others, and loading heeds each unit's.
// Thread safety: all functions; one checkpoint is written at a time.
#pragma once

#include <cstdint>

#include "aof/checkpoint.hpp"
#include "base/status.hpp"
#include "txn/commit.hpp"

namespace trefoil::txn {

// Kinds of units. Persisted: append only, never renumber.
enum class UnitKind : std::uint16_t { kKv = 1, kSql = 2, kVectorIndex = 3 };

class Checkpoints {
 public:
  // All outlive it; `log` is null in memory. `next_unit`: the first unit id that was never used.
  Checkpoints(Committer& committer, kv::Store& kv, sql::Store& sql, aof::Log* log, std::uint64_t next_unit)
      : committer_(committer), kv_(kv), sql_(sql), log_(log), next_unit_(next_unit) {}

  // After a failed sync this is also the way back. kBusy if one is being written.
  Status write();

 private:
  Status writeUnits(aof::CheckpointWriter& writer);

  Committer& committer_;
  kv::Store& kv_;
  sql::Store& sql_;
  aof::Log* const log_;
  std::uint64_t next_unit_;
};

}  // namespace trefoil::txn
