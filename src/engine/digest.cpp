#include "engine/digest.hpp"

#include <array>
#include <bit>
#include <cstdio>

#include "engine/catalog_functions.hpp"
#include "engine/kv_tables.hpp"
#include "engine/list_source.hpp"
#include "engine/session_impl.hpp"
#include "kv/key_hash.hpp"
#include "kv/value_type.hpp"
#include "sql/execution/executor.hpp"
#include "sql/storage/table_reader.hpp"
#include "sql/storage/view.hpp"

namespace trefoil {

namespace {

// Any number of items, in any order.
struct Digest {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  void add(std::string_view item) {
    low += kv::hashBytes(item, 1);
    high += kv::hashBytes(item, 2);
  }
  [[nodiscard]] std::string text() const {
    std::array<char, 33> hex;
    std::snprintf(hex.data(), hex.size(), "%016llx%016llx", static_cast<unsigned long long>(high),
                  static_cast<unsigned long long>(low));
    return hex.data();
  }
};

Digest digestOf(const kv::Entry& entry) {
  Digest digest;
  kv::typeOf(entry).visit_parts(entry, [&](std::string_view part) { digest.add(part); });
  return digest;
}

class Digests {
 public:
  explicit Digests(sql::ExecContext& context) : context_(context) {}

  Result<std::unique_ptr<sql::RowSource>> open() {
    kv::View& keys = *static_cast<KvHost*>(context_.host)->view;
    if (context_.control != nullptr) {
      keys.heed(*context_.control);
    }
    for (int db = 0; db < keys.store().databases(); ++db) {
      TREFOIL_TRY(addKeys(keys, db));
    }
    for (const sql::SchemaPointer& table : context_.view.tables()) {
      TREFOIL_TRY(addTable(*table));
    }
    addRow("all", "", all_items_, all_);
    return std::unique_ptr<sql::RowSource>(std::move(rows_));
  }

 private:
  Status addKeys(kv::View& keys, int db) {
    Digest digest;
    std::int64_t items = 0;
    EffectBuffer item;
    TREFOIL_TRY(keys.forEachKey(db, "*", [&](const kv::Entry& entry) {
      const Digest value = digestOf(entry);
      item.truncate(0);
      item.putString(entry.key());
      item.putByte(static_cast<std::uint8_t>(entry.type()));
      item.putInt(entry.deadline().unix_ms);
      item.putInt(std::bit_cast<std::int64_t>(value.low));
      item.putInt(std::bit_cast<std::int64_t>(value.high));
      digest.add(item.bytes());
      ++items;
    }));
    if (items > 0) {
      addPart("keys", std::to_string(db), items, digest);
    }
    return {};
  }

  Status addTable(const sql::TableSchema& schema) {
    const sql::TableReader reader = context_.view.scan(schema.id);
    Digest digest;
    for (const std::string& definition : definitionsOf(schema)) {
      digest.add(definition);
    }
    std::vector<Datum> values(schema.columns.size());
    std::array<std::int64_t, sql::kBlockRows> ids;
    EffectBuffer row;
    for (std::uint32_t number = reader.firstBlock(); number < reader.blockCount(); ++number) {
      if (context_.control != nullptr) {
        TREFOIL_TRY(context_.control->check());
      }
      const sql::BlockReader block = reader.block(number);
      if (block.rowCount() == 0) {
        continue;
      }
      block.rowIds(ids.data());
      sql::BlockReader::Words scratch;
      const std::uint64_t* present = block.present(scratch);
      for (std::uint32_t at = 0; at < block.extent(); ++at) {
        if ((present[at / 64] >> (at % 64) & 1) == 0) {
          continue;
        }
        reader.row(static_cast<sql::RowId>(ids[at]), values);
        row.truncate(0);
        for (const Datum& value : values) {
          row.putDatum(value);
        }
        digest.add(row.bytes());
      }
    }
    addPart("table", schema.name, static_cast<std::int64_t>(reader.rowCount()), digest);
    return {};
  }

  void addPart(const char* kind, std::string_view name, std::int64_t items, const Digest& digest) {
    addRow(kind, name, items, digest);
    all_items_ += items;
    EffectBuffer part;
    part.putString(kind);
    part.putString(name);
    part.putString(digest.text());
    all_.add(part.bytes());
  }
  void addRow(const char* kind, std::string_view name, std::int64_t items, const Digest& digest) {
    rows_->addText(kind);
    rows_->addText(std::string(name));
    rows_->addInteger(items);
    rows_->addText(digest.text());
  }

  sql::ExecContext& context_;
  std::unique_ptr<ListSource> rows_ = std::make_unique<ListSource>(4);
  std::int64_t all_items_ = 0;
  Digest all_;
};

}  // namespace

void addDigestFunction(sql::TableFunctions& functions) {
  const sql::SqlType text = sql::SqlType::text();
  functions.add({"digest",
                 {},
                 0,
                 {{"kind", text}, {"name", text}, {"items", sql::SqlType::bigint()}, {"digest", text}},
                 [](sql::ExecContext& context, std::span<const Datum>) { return Digests(context).open(); }});
}

}  // namespace trefoil
