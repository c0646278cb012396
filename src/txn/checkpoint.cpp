#include "txn/checkpoint.hpp"

#include "base/effect_buffer.hpp"
#include "kv/store.hpp"
#include "sql/storage/store.hpp"

namespace trefoil::txn {

Status Checkpoints::write() {
  if (log_ == nullptr) {
    return Error(ErrorCode::kUnsupported, "this database lives in memory only: there is no directory to write a checkpoint to");
  }
  TREFOIL_ASSIGN(const std::unique_ptr<aof::CheckpointWriter> writer, aof::CheckpointWriter::begin(*log_));
  return writeUnits(*writer);
}

Status Checkpoints::writeUnits(aof::CheckpointWriter& writer) {
  const Snapshot snapshot = committer_.openSnapshot();
  std::uint64_t next_unit = next_unit_;
  const auto begin_unit = [&](UnitKind kind) {
    return writer.beginUnit({.id = next_unit++, .kind = static_cast<std::uint16_t>(kind), .lsn = snapshot.lsn()});
  };
  const auto sink = [&](std::string_view effects) { return writer.write(effects); };
  TREFOIL_TRY(begin_unit(UnitKind::kKv));
  TREFOIL_TRY(kv_.capture(snapshot.lsn(), sink));
  TREFOIL_TRY(writer.endUnit());
  TREFOIL_TRY(begin_unit(UnitKind::kSql));
  TREFOIL_TRY(sql_.capture(snapshot.lsn(), sink));
  TREFOIL_TRY(writer.endUnit());
  for (const sql::Store::VectorIndexCapture& capture : sql_.captureVectorIndexes(snapshot.lsn())) {
    TREFOIL_TRY(begin_unit(UnitKind::kVectorIndex));
    EffectBuffer head;
    head.putVarint(capture.table);
    head.putVarint(capture.id);
    TREFOIL_TRY(writer.write(head.bytes()));
    TREFOIL_TRY(capture.index->write(snapshot.lsn(), sink));
    TREFOIL_TRY(writer.endUnit());
  }
  TREFOIL_TRY(writer.finish(next_unit));
  next_unit_ = next_unit;
  return {};
}

}  // namespace trefoil::txn
