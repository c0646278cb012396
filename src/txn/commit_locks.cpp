#include "txn/commit_locks.hpp"

#include <algorithm>

namespace trefoil::txn {

namespace {

std::vector<kv::PartitionId> sortedPartitions(const kv::View& kv, std::span<const kv::PartitionId> extra) {
  kv::View::Footprint footprint = kv.footprint();
  std::vector<kv::PartitionId> ids = std::move(footprint.written);
  ids.insert(ids.end(), footprint.read.begin(), footprint.read.end());
  ids.insert(ids.end(), extra.begin(), extra.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace

CommitLocks::CommitLocks(Manager& manager, const kv::View& kv, const sql::View& sql, std::span<const kv::PartitionId> extra)
    : catalog_(manager.sql().catalogGate(), sql.changesCatalog()),
      partition_ids_(sortedPartitions(kv, extra)),
      partitions_(manager.kv(), partition_ids_) {
  for (const sql::TableFootprint& use : sql.footprint()) {
    // A table that was dropped meanwhile has no lock: validate() finds out.
    if (Gate* lock = manager.sql().tableLock(use.table); lock != nullptr) {
      tables_.emplace_back(*lock, use.written);
    }
  }
}

void ReservedTables::take(const std::vector<sql::TableFootprint>& tables) {
  giveBack();
  if (!tables.empty()) {
    who_ = manager_.committer().nextTransactionNumber();
    manager_.sql().reserve(tables, who_, taken_);
  }
}

void ReservedTables::giveBack() {
  manager_.sql().giveBack(taken_);
  who_ = 0;
}

AllLocks::AllLocks(Manager& manager) : manager_(manager), catalog_(manager.sql().catalogGate(), true) {
  for (int db = 0; db < manager.kv().databases(); ++db) {
    manager.kv().lockAll(db);
  }
  EffectBuffer none;
  std::vector<sql::TableId> tables;
  for (const sql::SchemaPointer& schema : sql::View(manager.sql(), none).tables()) {
    tables.push_back(schema->id);
  }
  std::sort(tables.begin(), tables.end());
  for (const sql::TableId table : tables) {
    tables_.emplace_back(*manager.sql().tableLock(table), true);
  }
}

AllLocks::~AllLocks() {
  tables_.clear();
  for (int db = manager_.kv().databases() - 1; db >= 0; --db) {
    manager_.kv().unlockAll(db);
  }
}

}  // namespace trefoil::txn
