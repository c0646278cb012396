// Recovery: from the files of a directory to the state they describe, and then to an open Log.
//
//   auto recovery = Recovery::open(env, directory, options);   // creates an empty database where there is none; kBusy if locked
//   recovery->checkpoint()  -> the units, to be loaded in any order and in parallel (nullptr: none)
//   recovery->next(record)  -> committed records in LSN order; a unit takes those whose lsn >= the unit's lsn
//   recovery->finish()      -> the Log, at last; until then nothing that was read may be shown to anybody
//
// Torn tails and corruption are told apart by the rule in record_format.hpp; next() returns kCorruption with file and offset. The
// first error sticks: who asked again would otherwise be given a log with a hole.
// finish() never appends to an old segment: the valid records above the synced mark are copied to a fresh segment under a new
// epoch, which is synced, and the manifest says where the old one ends. A crash anywhere before that leaves everything as it was.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "aof/commit_reader.hpp"
#include "aof/log.hpp"
#include "aof/manifest.hpp"
#include "base/env.hpp"
#include "base/status.hpp"

namespace trefoil::aof {

class CheckpointReader;

// What happened, for the server's log.
struct RecoveryReport {
  bool created = false;       // there was no database
  std::uint64_t records = 0;  // handed out
  std::uint64_t segments = 0;
  std::uint64_t dropped_bytes = 0;  // torn tail
  std::string dropped_reason;       // file, offset and what was wrong there; empty if nothing was dropped
};

class Recovery {
 public:
  static Result<std::unique_ptr<Recovery>> open(Env& env, const std::string& directory, const LogOptions& options);
  ~Recovery();
  Recovery(const Recovery&) = delete;
  Recovery& operator=(const Recovery&) = delete;

  // Hash seed, next unit id and properties are for the floors above.
  [[nodiscard]] const Manifest& manifest() const;
  [[nodiscard]] const CheckpointReader* checkpoint() const;

  // True and a record, or false at the end of the log.
  Result<bool> next(LogRecord& record);

  // After next() has said false. Consumes what was read; the Recovery is of no use afterwards but for report().
  Result<std::unique_ptr<Log>> finish();

  [[nodiscard]] const RecoveryReport& report() const;

 private:
  struct State;
  explicit Recovery(std::unique_ptr<State> state);
  Result<bool> nextCommit(LogRecord& record);
  std::unique_ptr<State> state_;
};

}  // namespace trefoil::aof
