#include "txn/load.hpp"

#include <string>
#include <vector>

#include "aof/checkpoint.hpp"
#include "base/logging.hpp"
#include "kv/store.hpp"
#include "sql/storage/effects.hpp"
#include "sql/storage/store.hpp"
#include "txn/checkpoint.hpp"

namespace trefoil::txn {

namespace {

class Loader {
 public:
  Loader(Versions& versions, kv::Store& kv, sql::Store& sql)
      : versions_(versions), sql_(sql), committer_(versions, kv, sql, nullptr) {}

  Status loadCheckpoint(const aof::CheckpointReader& reader) {
    for (const aof::UnitEntry& unit : reader.units()) {
      const auto kind = static_cast<UnitKind>(unit.kind);
      if (kind == UnitKind::kVectorIndex) {
        TREFOIL_TRY(loadVectorIndex(reader, unit));
        continue;
      }
      if (kind != UnitKind::kKv && kind != UnitKind::kSql) {
        return Error(ErrorCode::kCorruption, "the checkpoint holds a unit of an unknown kind " + std::to_string(unit.kind) +
                                                 ": it was written by a newer version");
      }
      // What was captured was born before the capture's LSN, and is seen by a snapshot taken at that very LSN: the log may end
      // there.
      const WriteContext context = WriteContext::live(versions_, unit.lsn - 1);
      const bool has_causes = reader.version() >= kVersionWithCauses;
      TREFOIL_TRY(reader.read(
          unit, [&](std::string_view chunk) { return committer_.apply(EffectReader(chunk, has_causes), context, captured_); }));
      (kind == UnitKind::kKv ? captured_.kv : captured_.sql) = unit.lsn;  // from now on, older changes are skipped
    }
    return {};
  }

  Status replay(aof::Recovery& recovery) {
    aof::LogRecord record;
    std::string settled;
    const auto apply = [&]() -> Status {
      const bool has_causes = record.version >= kVersionWithCauses;
      TREFOIL_ASSIGN(const std::string_view effects, sql::settleRevisions(record.payload, has_causes, settled));
      return committer_.apply(EffectReader(effects, has_causes), WriteContext::live(versions_, record.lsn), captured_);
    };
    while (true) {
      TREFOIL_ASSIGN(const bool more, recovery.next(record));
      if (!more) {
        return {};
      }
      if (Status applied = apply(); !applied.ok()) {
        Error error = std::move(applied).error();
        error.message = "log record at lsn " + std::to_string(record.lsn) + ": " + error.message;
        return error;
      }
    }
  }

 private:
  // It comes after the tables, of the same instant.
  Status loadVectorIndex(const aof::CheckpointReader& reader, const aof::UnitEntry& unit) {
    std::vector<std::string> chunks;
    TREFOIL_TRY(reader.read(unit, [&](std::string_view chunk) {
      chunks.emplace_back(chunk);
      return Status();
    }));
    EffectReader head(chunks.empty() ? std::string_view() : chunks.front());
    const auto table = static_cast<sql::TableId>(head.getVarint());
    const auto index = static_cast<sql::IndexId>(head.getVarint());
    std::size_t next = 1;
    const Status loaded = sql_.loadVectorIndex(table, index, [&]() -> Result<std::string_view> {
      return next < chunks.size() ? std::string_view(chunks[next++]) : std::string_view();
    });
    if (!loaded.ok()) {
      logWarning("the vector index {} of table {} will be built again: {}", index, table, loaded.error().message);
    }
    return {};
  }

  Versions& versions_;
  sql::Store& sql_;
  Committer committer_;  // for its dispatch: nothing is committed
  Committer::Since captured_;
};

}  // namespace

Status load(aof::Recovery& recovery, Versions& versions, kv::Store& kv, sql::Store& sql) {
  Loader loader(versions, kv, sql);
  kv.setLoading(true);
  if (recovery.checkpoint() != nullptr) {
    TREFOIL_TRY(loader.loadCheckpoint(*recovery.checkpoint()));
  }
  TREFOIL_TRY(loader.replay(recovery));
  kv.setLoading(false);
  return {};
}

Status loadSnapshot(Manager& from, const Snapshot& snapshot, Manager& into) {
  const WriteContext context = WriteContext::live(into.versions(), kFirstMemoryLsn);
  const auto take = [&](std::string_view chunk) { return into.committer().apply(EffectReader(chunk), context, {}); };
  into.kv().setLoading(true);
  TREFOIL_TRY(from.kv().capture(snapshot.lsn(), take));
  TREFOIL_TRY(from.sql().capture(snapshot.lsn(), take));
  into.kv().setLoading(false);
  return {};
}

}  // namespace trefoil::txn
