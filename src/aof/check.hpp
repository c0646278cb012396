// `trefoil check DIR [--repair]`: reads every byte that counts and says exactly what is wrong with it.
//
// Checks the manifest, the checkpoint block by block, and the log record by record; changes nothing unless asked to. A repair
// truncates the log at the damage: the manifest then says that it ends there, so everything before it opens normally and
// everything behind it is lost, which is what `lost` says beforehand. A damaged manifest or checkpoint cannot be repaired by
// cutting; then nothing is cut at all, as the log may be what the rest is restored with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "base/status.hpp"

namespace trefoil::aof {

struct Damage {
  std::string file;
  std::uint64_t offset = 0;
  std::string what;  // "checksum mismatch in the record at lsn 4096: stored 1a2b3c4d, computed 5e6f7a8b"
  std::string lost;  // what a repair gives up
  bool repairable = false;
};

struct CheckReport {
  std::vector<Damage> damages;  // empty: the directory is sound
  std::string torn_tail;        // not damage: what the next opening will drop, and why
  std::uint64_t segments = 0;
  std::uint64_t records = 0;  // intact, marks and parts included
  std::uint64_t units = 0;
  std::uint64_t log_bytes = 0;
  bool repaired = false;  // all of the damages

  // Whether cutting the log mends all that is damaged.
  [[nodiscard]] bool repairable() const;
  // The report as lines for a person.
  [[nodiscard]] std::string text() const;
};

struct CheckOptions {
  bool repair = false;
};

// Takes the directory's lock: kBusy while a server has it open. kIo if it cannot be read, kUnsupported if a newer program wrote
// it.
Result<CheckReport> check(Env& env, const std::string& directory, const CheckOptions& options = {});

}  // namespace trefoil::aof
