#include "txn/doubt.hpp"

#include "txn/effects.hpp"

namespace trefoil::txn {

void Doubt::addRecord(aof::RecordKind kind, std::string_view payload, const kv::Store& store) {
  if (kind == aof::RecordKind::kMark || kind == aof::RecordKind::kPart) {
    return;  // a part counts with its commit record only
  }
  if (kind == aof::RecordKind::kCommitParts) {
    return addEverything();  // more than a megabyte of changes, most of them in records further up
  }
  const Status read = forEachEffect(
      EffectReader(payload),
      [&](std::uint8_t effect, EffectReader& reader) {
        addKvEffect(reader, effect, store);
        return kv::skipEffect(effect, reader);
      },
      [&](std::uint8_t effect, EffectReader& reader) {
        addSqlEffect(reader, effect);
        return sql::skipEffect(effect, reader);
      });
  if (!read.ok()) {
    addEverything();
  }
}

void Doubt::addKvEffect(EffectReader head, std::uint8_t kind, const kv::Store& store) {
  if (static_cast<kv::EffectKind>(kind) == kv::EffectKind::kFlush) {
    all_keys_ = true;
    return;
  }
  (void)head.getVarint();  // the database
  keys_.insert(store.hash(head.getString()));
}

void Doubt::addSqlEffect(EffectReader head, std::uint8_t kind) {
  switch (static_cast<sql::EffectKind>(kind)) {
    case sql::EffectKind::kInsert:
    case sql::EffectKind::kUpdate:
    case sql::EffectKind::kDelete:
    case sql::EffectKind::kUpdateFrom:
    case sql::EffectKind::kDeleteFrom:
    case sql::EffectKind::kTruncate:
    case sql::EffectKind::kInsertBlock:
    case sql::EffectKind::kTableCounter:
    case sql::EffectKind::kSuperseded:
      tables_.insert(static_cast<sql::TableId>(head.getVarint()));
      break;
    case sql::EffectKind::kCreateTable:
    case sql::EffectKind::kDropTable:
    case sql::EffectKind::kCreateIndex:
    case sql::EffectKind::kDropIndex:
    case sql::EffectKind::kRenameTable:
    case sql::EffectKind::kCreateVectorIndex:
    case sql::EffectKind::kIdCounters:
      catalog_ = true;
      break;
    case sql::EffectKind::kSchemaBefore:
    case sql::EffectKind::kRevised:
      break;
  }
}

}  // namespace trefoil::txn
