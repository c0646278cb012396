// A database of tables alone, for tests of the storage: commits as the engine does, without log and threads.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/versions.hpp"
#include "sql/storage/effects.hpp"
#include "sql/storage/store.hpp"
#include "sql/storage/view.hpp"

namespace trefoil::sql::test {

// A row with the bytes of its values.
struct OwnedRow {
  std::vector<Value> values;

  OwnedRow() = default;
  explicit OwnedRow(const std::vector<Datum>& datums) {
    for (const Datum& datum : datums) {
      values.emplace_back(datum);
    }
  }
  [[nodiscard]] std::vector<Datum> view() const {
    std::vector<Datum> datums;
    for (const Value& value : values) {
      datums.push_back(value.view());
    }
    return datums;
  }
  friend bool operator==(const OwnedRow& a, const OwnedRow& b) {
    if (a.values.size() != b.values.size()) {
      return false;
    }
    for (std::size_t i = 0; i < a.values.size(); ++i) {
      if (!identical(a.values[i].view(), b.values[i].view())) {
        return false;
      }
    }
    return true;
  }
};

using RowMap = std::map<std::uint64_t, OwnedRow>;  // by row id

inline RowMap readAll(const TableReader& reader) {
  RowMap rows;
  for (std::uint32_t number = 0; number < reader.blockCount(); ++number) {
    for (std::uint32_t slot = 0; slot < kBlockRows; ++slot) {
      if (const RowId row = makeRowId(number, slot); reader.contains(row)) {
        std::vector<Datum> values(reader.schema().columns.size());
        reader.row(row, values);
        rows.emplace(static_cast<std::uint64_t>(row), OwnedRow(values));
      }
    }
  }
  REQUIRE(rows.size() == reader.rowCount());
  return rows;
}

class Database {
 public:
  Database() : store(versions) {}

  Lsn openSnapshot() {
    ++lsn;
    versions.registerSnapshot(lsn);
    return lsn;
  }
  WriteContext context() { return WriteContext::live(versions, lsn); }

  // Applies effects as recovery does.
  Status replay(std::string_view bytes) {
    ++lsn;
    EffectReader reader(bytes);
    while (!reader.done()) {
      const std::uint8_t kind = reader.getKind();
      if (Status status = store.apply(kind, reader, context()); !status.ok()) {
        return status;
      }
    }
    return reader.ok() ? Status() : Status(reader.error());
  }
  // Commits a view: validate, "append", adopt, apply the rest. Committed bytes are kept in `log`.
  Status commit(View& view, const EffectBuffer& effects) {
    if (Status status = view.validate(); !status.ok()) {
      return status;
    }
    ++lsn;
    log.emplace_back(effects.bytes());
    adopted_whole = view.adopt(context());
    if (!adopted_whole) {
      EffectReader reader(effects.bytes());
      while (!reader.done()) {
        const std::uint8_t kind = reader.getKind();
        REQUIRE(view.applyEffect(kind, reader, context()).ok());
      }
      REQUIRE(reader.ok());
    }
    return {};
  }
  // One live statement.
  template <typename Change>
  auto live(Change&& change) {
    EffectBuffer effects;
    View view(store, effects);
    auto result = change(view);
    if (result.ok()) {
      REQUIRE(commit(view, effects).ok());
    } else {
      REQUIRE(effects.empty());
    }
    return result;
  }
  // One implicit transaction under the locks.
  template <typename Change>
  auto underLocks(Change&& change) {
    EffectBuffer effects;
    View view(store, effects, View::UnderLocks{}, ++transactions);
    auto result = change(view);
    if (result.ok()) {
      REQUIRE(commit(view, effects).ok());
    }
    return result;
  }
  TableId create(TableSchema schema) {
    auto result = underLocks([&](View& view) { return view.createTable(schema); });
    REQUIRE(result.ok());
    return result.value();
  }
  RowMap rows(TableId table) {
    EffectBuffer effects;
    View view(store, effects);
    return readAll(view.rows(table));
  }
  std::string captureAll() {
    const Lsn snapshot = openSnapshot();
    std::string bytes;
    REQUIRE(store
                .capture(
                    snapshot,
                    [&](std::string_view piece) {
                      bytes += piece;
                      return Status();
                    },
                    4096)
                .ok());
    versions.releaseSnapshot(snapshot);
    return bytes;
  }

  Versions versions;
  Store store;
  Lsn lsn = 1;
  std::uint64_t transactions = 0;
  std::vector<std::string> log;
  bool adopted_whole = false;
};

// A transaction over a snapshot, with what it needs around it.
class Transaction {
  struct Snapshot {
    explicit Snapshot(Database& database_in) : database(database_in), lsn(database_in.openSnapshot()) {}
    ~Snapshot() { database.versions.releaseSnapshot(lsn); }
    Database& database;
    Lsn lsn;
  };
  Snapshot snapshot_;

 public:
  explicit Transaction(Database& database)
      : snapshot_(database), view(database.store, effects, snapshot_.lsn, ++database.transactions) {}
  Status commit() { return snapshot_.database.commit(view, effects); }
  // Back to what the effects said at `mark`.
  void rollbackTo(std::size_t mark) {
    effects.truncate(mark);
    view.beginRebuild();
    EffectReader reader(effects.bytes());
    while (!reader.done()) {
      const std::uint8_t kind = reader.getKind();
      view.restage(kind, reader);
    }
    REQUIRE(reader.ok());
  }

  EffectBuffer effects;
  View view;  // goes before its snapshot
};

inline ColumnDefinition column(std::string name, SqlType type, bool not_null = false) {
  return {std::move(name), type, not_null, ""};
}
inline IndexDefinition primaryKey(std::vector<std::uint32_t> columns) {
  return {0, "", std::move(columns), true, true, true};
}
inline IndexDefinition uniqueKey(std::vector<std::uint32_t> columns) {
  return {0, "", std::move(columns), true, false, true};
}
inline IndexDefinition plainIndex(std::vector<std::uint32_t> columns) {
  return {0, "", std::move(columns), false, false, false};
}

}  // namespace trefoil::sql::test
