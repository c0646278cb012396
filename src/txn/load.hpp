// Loading: from what a directory holds to the stores that it describes: the checkpoint's units, then the log's records, through
// the one dispatch of effects that commits go through, too; or from another database. Single-threaded, before anybody else knows
// the stores.
#pragma once

#include "aof/recovery.hpp"
#include "base/status.hpp"
#include "base/versions.hpp"
#include "txn/commit.hpp"
#include "txn/manager.hpp"

namespace trefoil::txn {

// Of records and checkpoints: from this version on effects say what they came of.
inline constexpr std::uint32_t kVersionWithCauses = 2;

// Leaves `recovery` ready to be finished. kCorruption for records that make no sense, and what reading them says.
Status load(aof::Recovery& recovery, Versions& versions, kv::Store& kv, sql::Store& sql);

// Makes an empty database in memory of what a snapshot of another one sees.
Status loadSnapshot(Manager& from, const Snapshot& snapshot, Manager& into);

}  // namespace trefoil::txn
