// Doubt: what the records have changed that are applied to memory and not on disk, while the log refuses writes. Under
// `appendfsync always` an answer that tells of such a change must not leave; all others may, however long the disk is full.
//
// Keys are told apart by their hash, whatever their database, and rows by their table: a read may be held to be in doubt that is
// not, never the other way round.
//
// Thread safety: none while records are added; then it never changes.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>

#include "aof/record_format.hpp"
#include "base/effect_buffer.hpp"
#include "kv/store.hpp"
#include "sql/storage/schema.hpp"

namespace trefoil::txn {

class Doubt {
 public:
  // `store` hashes the keys.
  void addRecord(aof::RecordKind kind, std::string_view payload, const kv::Store& store);
  // The records are not known.
  void addEverything() { all_keys_ = all_tables_ = catalog_ = true; }

  [[nodiscard]] bool aboutKey(std::uint64_t hash) const { return all_keys_ || keys_.contains(hash); }
  [[nodiscard]] bool aboutAnyKey() const { return all_keys_ || !keys_.empty(); }
  // Of the table or of the catalog, without which no statement is understood.
  [[nodiscard]] bool aboutTable(sql::TableId table) const { return all_tables_ || catalog_ || tables_.contains(table); }
  [[nodiscard]] bool aboutAnyTable() const { return all_tables_ || catalog_ || !tables_.empty(); }
  [[nodiscard]] bool aboutCatalog() const { return catalog_; }

 private:
  void addKvEffect(EffectReader head, std::uint8_t kind, const kv::Store& store);
  void addSqlEffect(EffectReader head, std::uint8_t kind);

  std::unordered_set<std::uint64_t> keys_;
  std::unordered_set<sql::TableId> tables_;
  bool all_keys_ = false;
  bool all_tables_ = false;
  bool catalog_ = false;
};

}  // namespace trefoil::txn
