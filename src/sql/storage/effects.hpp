// SQL effects: what sql::View stages, the log carries and sql::Store::apply replays. Kinds 64 … 127; the items are those of
// base/effect_buffer.hpp. Persisted: append only, never renumber. Behind the kind stands the cause (base/cause.hpp).
//
//   kInsert        table, row, n, n values                       all columns in order
//   kUpdate        table, row, n, n times (column, value)        of a table without a primary key
//   kDelete        table, row                                    the same
//   kUpdateFrom    table, row, before, n, n times (column, value)
//   kDeleteFrom    table, row, before
//   kTruncate      table
//   kCreateTable   table, schema                                 columns, indexes, checks; indexes are empty and ready
//   kDropTable     table
//   kCreateIndex   table, index definition                       built from the rows that are there
//   kDropIndex     table, index                                  of either kind
//   kRenameTable   table, name
//   kInsertBlock   table, block, extent, present words, columns  a checkpoint's form of up to 2048 rows, before the
//                                                                table's kCreateIndex: indexes are not maintained
//   kCreateVectorIndex  table, index definition                  a graph is built later: it follows the table
//   kTableCounter  table, next row id                            row ids below it have been used
//   kIdCounters    next table id, next index id
//   kSchemaBefore  schema                                        what the table was that the next effect renames or drops; for
//   those
//                                                                who are told of it
//   kRevised       nothing: the record that begins with it may hold kSuperseded; elsewhere it means nothing
//   kSuperseded    table, n, n rows                              what comes before it in the record has not changed these rows
//
// Numbers are varints; a value is a typed item (putDatum), whose type must be that of the column.
//   before := n, n times (column, value)      what the row was: its primary key, or all of it where old values are logged
//                                             (Store::logsOldValues). For those who are told of the change; applying it needs
//                                             none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/effect_buffer.hpp"
#include "base/versions.hpp"
#include "sql/storage/row_id.hpp"
#include "sql/storage/schema.hpp"

namespace trefoil::sql {

enum class EffectKind : std::uint8_t {
  kInsert = 64,
  kUpdate = 65,
  kDelete = 66,
  kTruncate = 67,
  kCreateTable = 68,
  kDropTable = 69,
  kCreateIndex = 70,
  kDropIndex = 71,
  kRenameTable = 72,
  kInsertBlock = 73,
  kTableCounter = 74,
  kIdCounters = 75,
  kCreateVectorIndex = 76,
  kUpdateFrom = 77,
  kDeleteFrom = 78,
  kSchemaBefore = 79,
  kRevised = 80,
  kSuperseded = 81,
};

// Whether it begins with a table and a row.
inline constexpr bool isRowEffect(EffectKind kind) {
  return kind == EffectKind::kInsert || kind == EffectKind::kUpdate || kind == EffectKind::kDelete ||
         kind == EffectKind::kUpdateFrom || kind == EffectKind::kDeleteFrom;
}

// Whether it changes the catalog, and not only what a table holds.
inline constexpr bool isCatalogEffect(EffectKind kind) {
  switch (kind) {
    case EffectKind::kCreateTable:
    case EffectKind::kDropTable:
    case EffectKind::kCreateIndex:
    case EffectKind::kDropIndex:
    case EffectKind::kRenameTable:
    case EffectKind::kCreateVectorIndex:
      return true;
    default:
      return false;
  }
}

inline constexpr bool isSqlEffect(std::uint8_t kind) {
  return kind >= 64 && kind < 128;
}

// What an effect of that kind came of.
Cause causeOf(EffectKind kind);
inline void putKind(EffectBuffer& out, EffectKind kind) {
  out.putKind(static_cast<std::uint8_t>(kind), causeOf(kind));
}

// Reads past one effect whose kind has been read, without looking at its meaning. kCorruption if the bytes are not of its format.
Status skipEffect(std::uint8_t kind, EffectReader& reader);

// A statement that others have overtaken does some of its rows again (View::moveOn); what it has done to them before may be on
// the way to the log already. For replay: the effects that count of such a record, in `settled` if they are not all of it.
// kCorruption if it is not what sql::View writes.
Result<std::string_view> settleRevisions(std::string_view effects, bool has_causes, std::string& settled);
void putSuperseded(EffectBuffer& out, TableId table, std::span<const RowId> rows);

struct ColumnValue;
struct TableVersion;

void putInsert(EffectBuffer& out, TableId table, RowId row, std::span<const Datum> values);
// `before` may be empty.
void putUpdate(EffectBuffer& out, TableId table, RowId row, std::span<const ColumnValue> before,
               std::span<const ColumnValue> changes);
void putDelete(EffectBuffer& out, TableId table, RowId row, std::span<const ColumnValue> before);
// Applies an effect on a row, or kTruncate, to a version that is writable in `context`; kind and table have been read. An
// insert stores its row id in `row_used`. Everything is checked: kCorruption.
Status applyRowEffect(EffectKind kind, EffectReader& reader, TableVersion& version, const WriteContext& context,
                      std::uint64_t& row_used);

void putVectorIndex(EffectBuffer& out, const VectorIndexDefinition& index);
Result<VectorIndexDefinition> getVectorIndex(EffectReader& reader, std::span<const ColumnDefinition> columns);
void putSchema(EffectBuffer& out, const TableSchema& schema, bool with_indexes);
Result<TableSchema> getSchema(EffectReader& reader);
void putIndex(EffectBuffer& out, const IndexDefinition& index);
Result<IndexDefinition> getIndex(EffectReader& reader, std::span<const ColumnDefinition> columns);

}  // namespace trefoil::sql
