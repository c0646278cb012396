// Steps at functions of the product that call nothing which the scheduler knows of: the linker puts what is here in the place of
// calls from other translation units (--wrap; tests/CMakeLists.txt takes the symbols from this file). And the rules that a test
// of the tests breaks (broken_rules.hpp).
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aof/checkpoint.hpp"
#include "aof/manifest.hpp"
#include "aof/ring.hpp"
#include "base/gate.hpp"
#include "kv/prepared_strings.hpp"
#include "kv/store.hpp"
#include "sql/storage/store.hpp"
#include "tests/schedule/broken_rules.hpp"
#include "tests/schedule/scheduler.hpp"
#include "txn/manager.hpp"

namespace trefoil::schedule {
namespace {

// Others may go first before and after a call.
class Around {
 public:
  explicit Around(const char* what) { step(what); }
  Around(const Around&) = delete;
  Around& operator=(const Around&) = delete;
  ~Around() { step("after it"); }
};

BrokenRule broken = BrokenRule::kNone;
SmallLog small_log;

// For kSnapshotAlone.
thread_local bool opens_snapshot = false;
std::mutex snapshots;
bool isBrokenHere() {
  return broken == BrokenRule::kSnapshotAlone && opens_snapshot;
}

}  // namespace

void breakRule(BrokenRule rule) {
  broken = rule;
  if (rule == BrokenRule::kLookBeforeSleep) {
    loseWakes();
  }
}

void makeLogsSmall(const SmallLog& sizes) {
  small_log = sizes;
}

// NOLINTBEGIN: linkers' names, and functions that nobody declares elsewhere
#define STEPS_AROUND(result, name, symbol, parameters, arguments) \
  result products_##name parameters asm("__real_" symbol);        \
  result name parameters asm("__wrap_" symbol);                   \
  result name parameters {                                        \
    const Around steps(#name);                                    \
    return products_##name arguments;                             \
  }

// The log. The checksum is made while a record has its place and is not complete yet, too.
STEPS_AROUND(Lsn, append, "_ZN7trefoil3aof4Ring6appendENS0_10RecordKindESt17basic_string_viewIcSt11char_traitsIcEES6_j",
             (aof::Ring * ring, aof::RecordKind kind, std::string_view prefix, std::string_view payload, std::uint32_t crc),
             (ring, kind, prefix, payload, crc))
STEPS_AROUND(void, releaseRing, "_ZN7trefoil3aof4Ring7releaseEm", (aof::Ring * ring, Lsn to), (ring, to))
STEPS_AROUND(std::uint32_t, checksum, "_ZN7trefoil6crc32cESt17basic_string_viewIcSt11char_traitsIcEEj",
             (std::string_view bytes, std::uint32_t seed), (bytes, seed))
STEPS_AROUND(Status, updateManifest, "_ZN7trefoil3aof13ManifestStore6updateERKSt8functionIFvRNS0_8ManifestEEE",
             (aof::ManifestStore * store, const std::function<void(aof::Manifest&)>& change), (store, change))
STEPS_AROUND(Result<std::unique_ptr<aof::CheckpointWriter>>, beginCheckpoint,
             "_ZN7trefoil3aof16CheckpointWriter5beginERNS0_3LogE", (aof::Log & log), (log))

// Stores.
STEPS_AROUND(Status, applyToKeys, "_ZN7trefoil2kv5Store5applyEhRNS_12EffectReaderERKNS_12WriteContextEPNS0_15PreparedStringsE",
             (kv::Store * store, std::uint8_t kind, EffectReader& reader, const WriteContext& context,
              kv::PreparedStrings* prepared),
             (store, kind, reader, context, prepared))
STEPS_AROUND(Status, applyToRows, "_ZN7trefoil3sql5Store5applyEhRNS_12EffectReaderERKNS_12WriteContextE",
             (sql::Store * store, std::uint8_t kind, EffectReader& reader, const WriteContext& context),
             (store, kind, reader, context))
STEPS_AROUND(void, applyPrepared, "_ZN7trefoil2kv5Store5applyERNS0_15PreparedEffectsERKNS_12WriteContextE",
             (kv::Store * store, kv::PreparedEffects& effects, const WriteContext& context), (store, effects, context))
STEPS_AROUND(void, owe, "_ZN7trefoil2kv5Store3oweERNS0_15PreparedEffectsERKNS_12WriteContextE",
             (kv::Store * store, kv::PreparedEffects& effects, const WriteContext& context), (store, effects, context))
STEPS_AROUND(void, unlockOwing, "_ZN7trefoil2kv5Store11unlockOwingESt4spanIKNS0_11PartitionIdELm18446744073709551615EE",
             (kv::Store * store, std::span<const kv::PartitionId> ids), (store, ids))
STEPS_AROUND(void, settle, "_ZN7trefoil2kv5Store6settleERKNS0_15PreparedEffectsE",
             (kv::Store * store, const kv::PreparedEffects& effects), (store, effects))
STEPS_AROUND(void, lockPartition, "_ZNK7trefoil2kv5Store4lockENS0_11PartitionIdE", (const kv::Store* store, kv::PartitionId id),
             (store, id))
STEPS_AROUND(void, lockPartitions, "_ZN7trefoil2kv5Store4lockESt4spanIKNS0_11PartitionIdELm18446744073709551615EE",
             (kv::Store * store, std::span<const kv::PartitionId> ids), (store, ids))
STEPS_AROUND(bool, lockSoon, "_ZN7trefoil2kv5Store8lockSoonESt4spanIKNS0_11PartitionIdELm18446744073709551615EE",
             (kv::Store * store, std::span<const kv::PartitionId> ids), (store, ids))
STEPS_AROUND(void, unlockPartitions, "_ZNK7trefoil2kv5Store6unlockESt4spanIKNS0_11PartitionIdELm18446744073709551615EE",
             (const kv::Store* store, std::span<const kv::PartitionId> ids), (store, ids))
STEPS_AROUND(void, await, "_ZN7trefoil2kv5Store5awaitESt4spanIKNS0_3KeyELm18446744073709551615EERNS0_9KeyWaiterE",
             (kv::Store * store, std::span<const kv::Key> keys, kv::KeyWaiter& waiter), (store, keys, waiter))
STEPS_AROUND(void, serveWaiting, "_ZN7trefoil2kv5Store12serveWaitingEv", (kv::Store * store), (store))
STEPS_AROUND(void, serveLater, "_ZN7trefoil2kv5Store10serveLaterEv", (kv::Store * store), (store))
STEPS_AROUND(void, releaseSnapshot, "_ZN7trefoil8Versions15releaseSnapshotEm", (Versions * versions, Lsn lsn), (versions, lsn))

txn::Snapshot productsOpenSnapshot(txn::Committer* committer) asm("__real__ZN7trefoil3txn9Committer12openSnapshotEv");
txn::Snapshot openSnapshot(txn::Committer* committer) asm("__wrap__ZN7trefoil3txn9Committer12openSnapshotEv");
txn::Snapshot openSnapshot(txn::Committer* committer) {
  opens_snapshot = true;
  txn::Snapshot snapshot = productsOpenSnapshot(committer);
  opens_snapshot = false;
  return snapshot;
}
void productsEnterExclusive(Gate* gate) asm("__real__ZN7trefoil4Gate14enterExclusiveEv");
void enterExclusive(Gate* gate) asm("__wrap__ZN7trefoil4Gate14enterExclusiveEv");
void enterExclusive(Gate* gate) {
  const Around steps("enter a gate alone");
  isBrokenHere() ? snapshots.lock() : productsEnterExclusive(gate);
}
void productsLeaveExclusive(Gate* gate) asm("__real__ZN7trefoil4Gate14leaveExclusiveEv");
void leaveExclusive(Gate* gate) asm("__wrap__ZN7trefoil4Gate14leaveExclusiveEv");
void leaveExclusive(Gate* gate) {
  isBrokenHere() ? snapshots.unlock() : productsLeaveExclusive(gate);
  step("left a gate");
}

Status productsWaitDurable(aof::Log* log, Lsn end) asm("__real__ZN7trefoil3aof3Log11waitDurableEm");
Status waitDurable(aof::Log* log, Lsn end) asm("__wrap__ZN7trefoil3aof3Log11waitDurableEm");
Status waitDurable(aof::Log* log, Lsn end) {
  return broken == BrokenRule::kDurableBeforeBase ? Status() : productsWaitDurable(log, end);
}

using Opened = Result<std::unique_ptr<txn::Manager>>;
Opened productsOpen(const txn::ManagerOptions& options) asm("__real__ZN7trefoil3txn7Manager4openERKNS0_14ManagerOptionsE");
Opened openSmall(const txn::ManagerOptions& options) asm("__wrap__ZN7trefoil3txn7Manager4openERKNS0_14ManagerOptionsE");
Opened openSmall(const txn::ManagerOptions& options) {
  txn::ManagerOptions small = options;
  small.log.ring_bytes = small_log.ring_bytes;
  small.log.segment_bytes = small_log.segment_bytes;
  return productsOpen(small);
}
// NOLINTEND

}  // namespace trefoil::schedule
