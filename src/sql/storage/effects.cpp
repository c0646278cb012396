#include "sql/storage/effects.hpp"

#include <array>
#include <map>
#include <utility>

#include "sql/storage/table_writer.hpp"
#include "sql/storage/view.hpp"
#include "vector/hnsw.hpp"

namespace trefoil::sql {

namespace {

constexpr std::uint64_t kMaxRow = static_cast<std::uint64_t>(kMaxBlocks) * kBlockRows;

Error corrupt(std::string_view what) {
  return {ErrorCode::kCorruption, "a SQL effect " + std::string(what)};
}

void putName(EffectBuffer& out, std::string_view name) {
  out.putVarint(name.size());
  out.putRaw(name);
}

std::string getText(EffectReader& reader) {
  const std::uint64_t size = reader.getVarint();
  return std::string(reader.getRaw(size));
}

bool goodName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes;
}

bool goodType(const SqlType& type) {
  return !type.isUnknown() && (!type.is(TypeId::kVector) || (type.modifier >= 1 && type.modifier <= vector::kMaxDimension));
}

// type := 0, OID varint, modifier varint
// Read as well: storage u8, width of integers u8 (2, 4, 8; else 0), modifier varint; which it was before types had OIDs.
void putType(EffectBuffer& out, const SqlType& type) {
  out.putByte(0);
  out.putVarint(type.info().oid);
  out.putVarint(type.modifier);
}

std::optional<TypeId> typeOfWidth(std::uint8_t width) {
  return width == 2   ? std::optional(TypeId::kSmallint)
         : width == 4 ? std::optional(TypeId::kInteger)
         : width == 8 ? std::optional(TypeId::kBigint)
                      : std::nullopt;
}

std::optional<TypeId> typeOfStorage(std::uint8_t storage, std::uint8_t width, bool has_modifier) {
  constexpr TypeId kTypes[] = {TypeId::kUnknown, TypeId::kBoolean,   TypeId::kUnknown, TypeId::kDouble, TypeId::kText,
                               TypeId::kBytea,   TypeId::kTimestamp, TypeId::kDate,    TypeId::kJson,   TypeId::kVector};
  constexpr std::uint8_t kStorageOfIntegers = 2;
  if (storage == kStorageOfIntegers) {
    return typeOfWidth(width);
  }
  if (storage >= std::size(kTypes) || width != 0) {
    return std::nullopt;
  }
  return kTypes[storage] == TypeId::kText && has_modifier ? TypeId::kVarchar : kTypes[storage];
}

// unknown() if there is no such type.
SqlType getType(EffectReader& reader) {
  const std::uint8_t storage = reader.getByte();
  const std::uint64_t next = storage == 0 ? reader.getVarint() : reader.getByte();
  const std::uint64_t modifier = reader.getVarint();
  if (!reader.ok() || next > UINT32_MAX || modifier > UINT32_MAX) {
    return {};
  }
  const auto id = storage == 0 ? typeOfOid(static_cast<std::uint32_t>(next))
                               : typeOfStorage(storage, static_cast<std::uint8_t>(next), modifier != 0);
  return {id.value_or(TypeId::kUnknown), static_cast<std::uint32_t>(modifier)};
}

// What decoding a row needs: reused, so that applying an effect allocates nothing for itself.
struct RowScratch {
  std::vector<Datum> values;
  std::vector<ColumnValue> changes;
  std::vector<std::unique_ptr<float[]>> floats;
};
thread_local RowScratch scratch;

// Whether a decoded value may stand in the column.
bool fitsColumn(const ColumnDefinition& column, const Datum& value) {
  if (value.isNull()) {
    return !column.not_null;
  }
  if (value.type() != column.type.storage()) {
    return false;
  }
  return value.type() != Type::kVector || value.asVector().size() == column.type.modifier;
}

Status applyInsert(EffectReader& reader, TableVersion& version, const WriteContext& context, std::uint64_t& row_used) {
  const std::uint64_t row = reader.getVarint();
  const std::uint64_t count = reader.getVarint();
  const auto& columns = version.schema->columns;
  if (!reader.ok() || row >= kMaxRow || count != columns.size()) {
    return corrupt("inserts an impossible row");
  }
  scratch.values.resize(count);
  scratch.floats.resize(std::max<std::size_t>(scratch.floats.size(), count));
  for (std::size_t i = 0; i < count; ++i) {
    scratch.values[i] = reader.getDatum(scratch.floats[i]);
    if (!reader.ok() || !fitsColumn(columns[i], scratch.values[i])) {
      return corrupt("inserts a value that does not fit its column");
    }
  }
  row_used = row;
  if (!TableWriter(version, context).insert(static_cast<RowId>(row), scratch.values)) {
    return corrupt("inserts a row that is there already");
  }
  return {};
}

void skipDatums(EffectReader& reader, std::uint64_t count, bool with_column) {
  std::unique_ptr<float[]> floats;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    if (with_column) {
      (void)reader.getVarint();
    }
    (void)reader.getDatum(floats);
  }
}

Status applyUpdate(EffectKind kind, EffectReader& reader, TableVersion& version, const WriteContext& context) {
  const std::uint64_t row = reader.getVarint();
  if (kind == EffectKind::kUpdateFrom) {
    skipDatums(reader, reader.getVarint(), true);
  }
  const std::uint64_t count = reader.getVarint();
  const auto& columns = version.schema->columns;
  if (!reader.ok() || row >= kMaxRow || count > columns.size()) {
    return corrupt("updates an impossible row");
  }
  scratch.changes.resize(count);
  scratch.floats.resize(std::max<std::size_t>(scratch.floats.size(), count));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t column = reader.getVarint();
    if (!reader.ok() || column >= columns.size()) {
      return corrupt("updates a column that is not there");
    }
    scratch.changes[i] = {static_cast<std::uint32_t>(column), reader.getDatum(scratch.floats[i])};
    if (!reader.ok() || !fitsColumn(columns[column], scratch.changes[i].value)) {
      return corrupt("updates a column to a value that does not fit it");
    }
  }
  if (!TableWriter(version, context).update(static_cast<RowId>(row), scratch.changes)) {
    return corrupt("updates a row that is not there, or to a key that is");
  }
  return {};
}

}  // namespace

// -------------------------------------------------------------------------------------------------------------------------- rows

Cause causeOf(EffectKind kind) {
  switch (kind) {
    case EffectKind::kInsert:
      return Cause::kInsert;
    case EffectKind::kUpdate:
    case EffectKind::kUpdateFrom:
      return Cause::kUpdate;
    case EffectKind::kDelete:
    case EffectKind::kDeleteFrom:
      return Cause::kDelete;
    case EffectKind::kTruncate:
      return Cause::kTruncate;
    case EffectKind::kCreateTable:
      return Cause::kCreateTable;
    case EffectKind::kDropTable:
      return Cause::kDropTable;
    case EffectKind::kCreateIndex:
    case EffectKind::kCreateVectorIndex:
      return Cause::kCreateIndex;
    case EffectKind::kDropIndex:
      return Cause::kDropIndex;
    case EffectKind::kRenameTable:
      return Cause::kRenameTable;
    case EffectKind::kInsertBlock:
    case EffectKind::kTableCounter:
    case EffectKind::kIdCounters:
    case EffectKind::kSchemaBefore:
    case EffectKind::kRevised:
    case EffectKind::kSuperseded:
      break;
  }
  return Cause::kNone;
}

void putInsert(EffectBuffer& out, TableId table, RowId row, std::span<const Datum> values) {
  putKind(out, EffectKind::kInsert);
  out.putVarint(table);
  out.putVarint(static_cast<std::uint64_t>(row));
  out.putVarint(values.size());
  for (const Datum& value : values) {
    out.putDatum(value);
  }
}

namespace {

void putColumns(EffectBuffer& out, std::span<const ColumnValue> columns) {
  out.putVarint(columns.size());
  for (const ColumnValue& column : columns) {
    out.putVarint(column.column);
    out.putDatum(column.value);
  }
}

}  // namespace

void putUpdate(EffectBuffer& out, TableId table, RowId row, std::span<const ColumnValue> before,
               std::span<const ColumnValue> changes) {
  putKind(out, before.empty() ? EffectKind::kUpdate : EffectKind::kUpdateFrom);
  out.putVarint(table);
  out.putVarint(static_cast<std::uint64_t>(row));
  if (!before.empty()) {
    putColumns(out, before);
  }
  putColumns(out, changes);
}

void putDelete(EffectBuffer& out, TableId table, RowId row, std::span<const ColumnValue> before) {
  putKind(out, before.empty() ? EffectKind::kDelete : EffectKind::kDeleteFrom);
  out.putVarint(table);
  out.putVarint(static_cast<std::uint64_t>(row));
  if (!before.empty()) {
    putColumns(out, before);
  }
}

Status applyRowEffect(EffectKind kind, EffectReader& reader, TableVersion& version, const WriteContext& context,
                      std::uint64_t& row_used) {
  switch (kind) {
    case EffectKind::kInsert:
      return applyInsert(reader, version, context, row_used);
    case EffectKind::kUpdate:
    case EffectKind::kUpdateFrom:
      return applyUpdate(kind, reader, version, context);
    case EffectKind::kDelete:
    case EffectKind::kDeleteFrom: {
      const std::uint64_t row = reader.getVarint();
      if (kind == EffectKind::kDeleteFrom) {
        skipDatums(reader, reader.getVarint(), true);
      }
      if (!reader.ok() || row >= kMaxRow || !TableWriter(version, context).remove(static_cast<RowId>(row))) {
        return corrupt("deletes a row that is not there");
      }
      return {};
    }
    case EffectKind::kTruncate:
      TableWriter(version, context).truncate();
      return {};
    default:
      return corrupt("has an unknown kind");
  }
}

// ----------------------------------------------------------------------------------------------------------------------- schemas

void putIndex(EffectBuffer& out, const IndexDefinition& index) {
  out.putVarint(index.id);
  putName(out, index.name);
  out.putByte(static_cast<std::uint8_t>((index.unique ? 1 : 0) | (index.primary ? 2 : 0) | (index.is_constraint ? 4 : 0)));
  out.putVarint(index.columns.size());
  for (const std::uint32_t column : index.columns) {
    out.putVarint(column);
  }
}

Result<IndexDefinition> getIndex(EffectReader& reader, std::span<const ColumnDefinition> columns) {
  IndexDefinition index;
  const std::uint64_t id = reader.getVarint();
  index.name = getText(reader);
  const std::uint8_t flags = reader.getByte();
  const std::uint64_t count = reader.getVarint();
  if (!reader.ok() || id > UINT32_MAX - 1 || !goodName(index.name) || flags > 7 || count == 0 || count > kMaxIndexColumns) {
    return corrupt("has a damaged index definition");
  }
  index.id = static_cast<IndexId>(id);
  index.unique = (flags & 1) != 0;
  index.primary = (flags & 2) != 0;
  index.is_constraint = (flags & 4) != 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t column = reader.getVarint();
    if (!reader.ok() || column >= columns.size() || columns[column].type.storage() == Type::kVector) {
      return corrupt("has an index on a column that is not there");
    }
    index.columns.push_back(static_cast<std::uint32_t>(column));
  }
  return index;
}

void putVectorIndex(EffectBuffer& out, const VectorIndexDefinition& index) {
  out.putVarint(index.id);
  putName(out, index.name);
  out.putVarint(index.column);
  out.putByte(static_cast<std::uint8_t>(index.metric));
  out.putVarint(index.m);
  out.putVarint(index.ef_construction);
}

Result<VectorIndexDefinition> getVectorIndex(EffectReader& reader, std::span<const ColumnDefinition> columns) {
  VectorIndexDefinition index;
  const std::uint64_t id = reader.getVarint();
  index.name = getText(reader);
  const std::uint64_t column = reader.getVarint();
  const std::uint8_t metric = reader.getByte();
  const std::uint64_t m = reader.getVarint();
  const std::uint64_t ef_construction = reader.getVarint();
  if (!reader.ok() || id > UINT32_MAX - 1 || !goodName(index.name) || column >= columns.size() ||
      columns[column].type.storage() != Type::kVector || metric > static_cast<std::uint8_t>(vector::Metric::kInnerProduct) ||
      !vector::checkHnswOptions({.m = m, .ef_construction = ef_construction}).ok()) {
    return corrupt("has a damaged index definition");
  }
  index.id = static_cast<IndexId>(id);
  index.column = static_cast<std::uint32_t>(column);
  index.metric = static_cast<vector::Metric>(metric);
  index.m = static_cast<std::uint32_t>(m);
  index.ef_construction = static_cast<std::uint32_t>(ef_construction);
  return index;
}

void putSchema(EffectBuffer& out, const TableSchema& schema, bool with_indexes) {
  out.putVarint(schema.id);
  putName(out, schema.name);
  out.putVarint(schema.columns.size());
  for (const ColumnDefinition& column : schema.columns) {
    putName(out, column.name);
    putType(out, column.type);
    out.putByte(column.not_null ? 1 : 0);
    putName(out, column.default_text);
  }
  out.putVarint(schema.checks.size());
  for (const CheckDefinition& check : schema.checks) {
    putName(out, check.name);
    putName(out, check.expression_text);
  }
  out.putVarint(with_indexes ? schema.indexes.size() : 0);
  if (with_indexes) {
    for (const IndexDefinition& index : schema.indexes) {
      putIndex(out, index);
    }
  }
}

Result<TableSchema> getSchema(EffectReader& reader) {
  TableSchema schema;
  const std::uint64_t id = reader.getVarint();
  schema.name = getText(reader);
  const std::uint64_t columns = reader.getVarint();
  if (!reader.ok() || id > kMaxTableId || !goodName(schema.name) || columns > kMaxColumns) {
    return corrupt("has a damaged table definition");
  }
  schema.id = static_cast<TableId>(id);
  for (std::uint64_t i = 0; i < columns; ++i) {
    ColumnDefinition& column = schema.columns.emplace_back();
    column.name = getText(reader);
    column.type = getType(reader);
    const std::uint8_t not_null = reader.getByte();
    column.default_text = getText(reader);
    column.not_null = not_null == 1;
    if (!reader.ok() || not_null > 1 || !goodName(column.name) || !goodType(column.type)) {
      return corrupt("has a damaged column definition");
    }
  }
  const std::uint64_t checks = reader.getVarint();
  for (std::uint64_t i = 0; i < checks && reader.ok(); ++i) {
    CheckDefinition& check = schema.checks.emplace_back();
    check.name = getText(reader);
    check.expression_text = getText(reader);
  }
  const std::uint64_t indexes = reader.getVarint();
  if (!reader.ok() || indexes > kMaxIndexes) {
    return corrupt("has a damaged table definition");
  }
  for (std::uint64_t i = 0; i < indexes; ++i) {
    auto index = getIndex(reader, schema.columns);
    if (!index.ok()) {
      return std::move(index).error();
    }
    schema.indexes.push_back(std::move(index).value());
  }
  return schema;
}

// ---------------------------------------------------------------------------------------------------------------------- skipping

Status skipEffect(std::uint8_t kind, EffectReader& reader) {
  switch (static_cast<EffectKind>(kind)) {
    case EffectKind::kInsert:
    case EffectKind::kUpdate:
      (void)reader.getVarint();
      (void)reader.getVarint();
      skipDatums(reader, reader.getVarint(), static_cast<EffectKind>(kind) == EffectKind::kUpdate);
      break;
    case EffectKind::kUpdateFrom:
    case EffectKind::kDeleteFrom:
      (void)reader.getVarint();
      (void)reader.getVarint();
      skipDatums(reader, reader.getVarint(), true);
      if (static_cast<EffectKind>(kind) == EffectKind::kUpdateFrom) {
        skipDatums(reader, reader.getVarint(), true);
      }
      break;
    case EffectKind::kDelete:
    case EffectKind::kDropIndex:
    case EffectKind::kTableCounter:
    case EffectKind::kIdCounters:
      (void)reader.getVarint();
      (void)reader.getVarint();
      break;
    case EffectKind::kTruncate:
    case EffectKind::kDropTable:
      (void)reader.getVarint();
      break;
    case EffectKind::kRenameTable:
      (void)reader.getVarint();
      (void)getText(reader);
      break;
    case EffectKind::kSchemaBefore:
    case EffectKind::kCreateTable: {
      const auto schema = getSchema(reader);
      return schema.ok() ? Status() : Status(schema.error());
    }
    case EffectKind::kCreateIndex: {
      (void)reader.getVarint();
      (void)reader.getVarint();
      (void)getText(reader);
      (void)reader.getByte();
      const std::uint64_t columns = reader.getVarint();
      for (std::uint64_t i = 0; i < columns && reader.ok(); ++i) {
        (void)reader.getVarint();
      }
      break;
    }
    case EffectKind::kCreateVectorIndex:
      (void)reader.getVarint();
      (void)reader.getVarint();
      (void)getText(reader);
      (void)reader.getVarint();
      (void)reader.getByte();
      (void)reader.getVarint();
      (void)reader.getVarint();
      break;
    case EffectKind::kRevised:
      break;
    case EffectKind::kSuperseded:
      (void)reader.getVarint();
      for (std::uint64_t rows = reader.getVarint(); rows > 0 && reader.ok(); --rows) {
        (void)reader.getVarint();
      }
      break;
    default:
      return corrupt("has an unknown kind");
  }
  return reader.ok() ? Status() : Status(reader.error());
}

// --------------------------------------------------------------------------------------------------------------------- revisions

void putSuperseded(EffectBuffer& out, TableId table, std::span<const RowId> rows) {
  putKind(out, EffectKind::kSuperseded);
  out.putVarint(table);
  out.putVarint(rows.size());
  for (const RowId row : rows) {
    out.putVarint(static_cast<std::uint64_t>(row));
  }
}

namespace {

using RowOfTable = std::pair<std::uint64_t, std::uint64_t>;

// For each row that is superseded, from where on its effects count.
Status findSuperseded(EffectReader reader, std::map<RowOfTable, std::size_t>& from) {
  while (!reader.done()) {
    const std::size_t begin = reader.offset();
    const std::uint8_t kind = reader.getKind();
    if (kind != static_cast<std::uint8_t>(EffectKind::kSuperseded)) {
      TREFOIL_TRY(skipEffect(kind, reader));
      continue;
    }
    const std::uint64_t table = reader.getVarint();
    for (std::uint64_t rows = reader.getVarint(); rows > 0 && reader.ok(); --rows) {
      from[{table, reader.getVarint()}] = begin;
    }
  }
  return reader.ok() ? Status() : Status(reader.error());
}

}  // namespace

Result<std::string_view> settleRevisions(std::string_view effects, bool has_causes, std::string& settled) {
  if (effects.empty() || static_cast<std::uint8_t>(effects.front()) != static_cast<std::uint8_t>(EffectKind::kRevised)) {
    return effects;
  }
  std::map<RowOfTable, std::size_t> superseded;
  EffectReader reader(effects, has_causes);
  TREFOIL_TRY(findSuperseded(reader, superseded));
  settled.clear();
  while (!reader.done()) {
    const std::size_t begin = reader.offset();
    const auto kind = static_cast<EffectKind>(reader.getKind());
    EffectReader row = reader;
    TREFOIL_TRY(skipEffect(static_cast<std::uint8_t>(kind), reader));
    bool counts = kind != EffectKind::kRevised && kind != EffectKind::kSuperseded;
    if (!superseded.empty() && isRowEffect(kind)) {
      const std::uint64_t table = row.getVarint();
      const auto found = superseded.find({table, row.getVarint()});
      counts = found == superseded.end() || found->second < begin;
    }
    if (counts) {
      settled.append(effects.substr(begin, reader.offset() - begin));
    }
  }
  return std::string_view(settled);
}

}  // namespace trefoil::sql
