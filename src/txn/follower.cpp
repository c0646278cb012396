#include "txn/follower.hpp"

#include <algorithm>

#include "sql/storage/effects.hpp"
#include "txn/commit_locks.hpp"
#include "txn/effects.hpp"
#include "txn/load.hpp"

namespace trefoil::txn {

namespace {

template <typename Id>
void sortOut(std::vector<Id>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace

Result<std::unique_ptr<Follower>> Follower::begin(Manager& leader, Manager& copy) {
  if (leader.log() == nullptr) {
    return Error(ErrorCode::kUnsupported, "a database that lives in memory only has no log that could be followed");
  }
  std::unique_ptr<aof::LogTail> tail = aof::LogTail::atEnd(*leader.log());
  const Snapshot snapshot = leader.openSnapshot();
  tail->passOver(snapshot.lsn());
  TREFOIL_TRY(loadSnapshot(leader, snapshot, copy));
  return std::unique_ptr<Follower>(new Follower(copy, std::move(tail)));
}

Result<bool> Follower::step() {
  aof::LogRecord record;
  TREFOIL_ASSIGN(const bool found, tail_->next(record));
  if (found) {
    TREFOIL_ASSIGN(const std::string_view effects, sql::settleRevisions(record.payload, true, settled_));
    TREFOIL_TRY(apply(effects));
  }
  return found;
}

// The partitions, the tables, and whether the catalog.
Result<bool> Follower::footprintOf(std::string_view record) {
  partitions_.clear();
  tables_.clear();
  bool catalog = false;
  const auto on_key = [&](std::uint8_t kind, EffectReader& reader) -> Status {
    EffectReader head = reader;
    TREFOIL_TRY(kv::skipEffect(kind, reader));
    const auto db = static_cast<int>(head.getVarint());
    if (kind != static_cast<std::uint8_t>(kv::EffectKind::kFlush)) {
      partitions_.push_back(kv::Store::partition(copy_.kv().key(db, head.getString())));
      return {};
    }
    for (kv::PartitionId id = kv::Store::partition(db, 0); id <= kv::Store::partition(db, ~std::uint64_t{0}); ++id.value) {
      partitions_.push_back(id);
    }
    return {};
  };
  const auto on_row = [&](std::uint8_t kind, EffectReader& reader) -> Status {
    EffectReader head = reader;
    TREFOIL_TRY(sql::skipEffect(kind, reader));
    if (kind != static_cast<std::uint8_t>(sql::EffectKind::kRevised)) {
      catalog = catalog || sql::isCatalogEffect(static_cast<sql::EffectKind>(kind));
      tables_.push_back(static_cast<sql::TableId>(head.getVarint()));
    }
    return {};
  };
  TREFOIL_TRY(forEachEffect(EffectReader(record), on_key, on_row));
  sortOut(partitions_);
  sortOut(tables_);
  return catalog;
}

Status Follower::apply(std::string_view record) {
  if (record.empty()) {
    return {};  // all of it was superseded
  }
  TREFOIL_ASSIGN(const bool catalog, footprintOf(record));
  EffectBuffer effects;
  effects.putRaw(record);
  // A table that is dropped, and its lock, stay until that is let go: an open snapshot sees them.
  const Snapshot before = catalog ? copy_.openSnapshot() : Snapshot();
  {
    const GateHold catalog_hold(copy_.sql().catalogGate(), catalog);
    const kv::PartitionLocks locks(copy_.kv(), partitions_);
    std::vector<GateHold> tables;
    for (const sql::TableId table : tables_) {
      if (Gate* const lock = copy_.sql().tableLock(table); lock != nullptr) {  // it may be about to be created
        tables.emplace_back(*lock, true);
      }
    }
    copy_.committer().tryCommit(effects);
  }
  copy_.committer().afterLocks();
  return {};
}

}  // namespace trefoil::txn
