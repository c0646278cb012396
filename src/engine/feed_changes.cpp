#include "engine/feed_changes.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/cause.hpp"
#include "base/glob.hpp"
#include "kv/effects.hpp"
#include "txn/effects.hpp"
#include "txn/old_values.hpp"

namespace trefoil {

namespace {

using Kind = ReplyValue::Kind;

ReplyValue aggregate(Kind kind) {
  ReplyValue value;
  value.kind = kind;
  return value;
}

void put(ReplyValue& map, std::string_view name, ReplyValue value) {
  map.elements.push_back(ReplyValue::ofBulk(name));
  map.elements.push_back(std::move(value));
}

// --- Keys -------------------------------------------------------------------------------------------------------------------

// A counted list of elements, read one by one into `into`.
template <typename ReadOne>
void readElements(EffectReader& arguments, ReplyValue& into, ReadOne&& read_one) {
  for (std::uint64_t count = arguments.getVarint(); count > 0 && arguments.ok(); --count) {
    read_one(into);
  }
}

ReplyValue& as(Kind kind, ReplyValue& value) {
  value.kind = kind;
  return value;
}

// What an effect gives a key, from its arguments; added to what others before it gave to the same value. Null if it gives
// nothing.
void addGiven(kv::EffectKind kind, EffectReader& arguments, ReplyValue& given) {
  const auto text = [&] { return ReplyValue::ofBulk(arguments.getString()); };
  switch (kind) {
    case kv::EffectKind::kSet:
    case kv::EffectKind::kAppend:
      given = text();
      break;
    case kv::EffectKind::kSetWithDeadline:
      arguments.getInt();
      given = text();
      break;
    case kv::EffectKind::kSetDeadline:
      if (given.kind == Kind::kNull) {  // of a value it is not the point
        given = ReplyValue::ofInteger(arguments.getInt());
      }
      break;
    case kv::EffectKind::kSetRange:
    case kv::EffectKind::kListSet:
    case kv::EffectKind::kListInsert:
      as(Kind::kArray, given).elements = {ReplyValue::ofInteger(static_cast<std::int64_t>(arguments.getVarint())), text()};
      break;
    case kv::EffectKind::kListPush:
      arguments.getByte();
      readElements(arguments, as(Kind::kArray, given), [&](ReplyValue& into) { into.elements.push_back(text()); });
      break;
    case kv::EffectKind::kHashSet:
      readElements(arguments, as(Kind::kMap, given), [&](ReplyValue& into) {
        into.elements.push_back(text());
        into.elements.push_back(text());
      });
      break;
    case kv::EffectKind::kSetAdd:
      readElements(arguments, as(Kind::kSet, given), [&](ReplyValue& into) { into.elements.push_back(text()); });
      break;
    case kv::EffectKind::kSortedSetPut:
      readElements(arguments, as(Kind::kMap, given), [&](ReplyValue& into) {
        const double score = arguments.getDouble();
        into.elements.push_back(text());
        into.elements.push_back(ReplyValue::ofReal(score));
      });
      break;
    default:
      break;
  }
}

// kv/old_value.hpp: effects without keys, one behind the other.
ReplyValue oldValue(std::string_view old) {
  ReplyValue value;
  EffectReader reader(old);
  while (!reader.done()) {
    addGiven(static_cast<kv::EffectKind>(reader.getByte()), reader, value);
  }
  return value;
}

// Of an effect that goes on with what another one has told of.
std::string_view eventOf(Cause cause, kv::EffectKind kind) {
  const std::string_view name = causeName(cause);
  if (cause != Cause::kNone && !name.empty()) {
    return name;
  }
  return kind == kv::EffectKind::kRemove ? "del" : kind == kv::EffectKind::kSetDeadline ? "expire" : "restore";
}

// --- Rows -------------------------------------------------------------------------------------------------------------------

// `n, n times (column, value)`, or all columns in order.
ReplyValue readColumns(EffectReader& reader, const sql::TableSchema& schema, bool in_order) {
  ReplyValue columns = aggregate(Kind::kMap);
  std::unique_ptr<float[]> floats;
  const std::uint64_t count = reader.getVarint();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    const std::uint64_t column = in_order ? i : reader.getVarint();
    const Datum value = reader.getDatum(floats);
    if (reader.ok() && column < schema.columns.size()) {
      put(columns, schema.columns[column].name, ReplyValue::of(schema.columns[column].type, value));
    }
  }
  return columns;
}

ReplyValue keyAmong(const ReplyValue& columns, const sql::TableSchema& schema) {
  ReplyValue key = aggregate(Kind::kMap);
  const sql::IndexDefinition* const primary = schema.primaryKey();
  for (std::size_t i = 0; primary != nullptr && i + 1 < columns.elements.size(); i += 2) {
    const auto is_it = [&](std::uint32_t column) { return schema.columns[column].name == columns.elements[i].text; };
    if (std::any_of(primary->columns.begin(), primary->columns.end(), is_it)) {
      key.elements.insert(key.elements.end(), {columns.elements[i], columns.elements[i + 1]});
    }
  }
  return key;
}

// --- One commit -------------------------------------------------------------------------------------------------------------

// The reader stands behind the table.
ReplyValue rowChange(sql::EffectKind kind, EffectReader& reader, const sql::TableSchema& schema, Cause cause, bool values) {
  const auto row = static_cast<std::int64_t>(reader.getVarint());
  const bool has_before = kind == sql::EffectKind::kUpdateFrom || kind == sql::EffectKind::kDeleteFrom;
  const bool is_delete = kind == sql::EffectKind::kDelete || kind == sql::EffectKind::kDeleteFrom;
  const ReplyValue before = has_before ? readColumns(reader, schema, false) : ReplyValue();
  ReplyValue given = is_delete ? ReplyValue() : readColumns(reader, schema, kind == sql::EffectKind::kInsert);
  ReplyValue change = aggregate(Kind::kMap);
  put(change, "table", ReplyValue::ofBulk(schema.name));
  put(change, "row", ReplyValue::ofInteger(row));
  put(change, "event", ReplyValue::ofBulk(causeName(cause == Cause::kNone ? sql::causeOf(kind) : cause)));
  if (schema.primaryKey() != nullptr && (has_before || kind == sql::EffectKind::kInsert)) {
    put(change, "key", keyAmong(has_before ? before : given, schema));
  }
  if (values) {
    const bool is_whole = before.elements.size() == 2 * schema.columns.size();
    if (kind == sql::EffectKind::kInsert || is_whole) {
      put(change, "old", before);
    }
    put(change, "new", std::move(given));
  }
  return change;
}

}  // namespace

FeedCommit::FeedCommit(std::string_view effects, bool has_causes, FeedTables& tables, const FeedFilter& filter)
    : reader_(effects, has_causes), tables_(tables), filter_(filter) {}

Status FeedCommit::begin() {
  if (filter_.values) {
    TREFOIL_ASSIGN(const std::optional<std::string_view> payload, txn::findOldValues(reader_));
    if (payload) {
      old_.emplace(*payload);
    }
  }
  return {};
}

Result<std::optional<ReplyValue>> FeedCommit::next() {
  change_.reset();
  TREFOIL_TRY(txn::readEffect(
      reader_, [this](std::uint8_t kind, EffectReader& reader) { return tellKey(kind, reader); },
      [this](std::uint8_t kind, EffectReader& reader) { return tellRow(kind, reader); }, [](std::string_view) {}));
  if (!reader_.ok()) {
    return reader_.error();
  }
  return std::move(change_);
}

Status FeedCommit::tellKey(std::uint8_t kind, EffectReader& reader) {
  EffectReader arguments = reader;
  TREFOIL_TRY(kv::skipEffect(kind, reader));
  const std::uint64_t number = number_++;
  const auto effect = static_cast<kv::EffectKind>(kind);
  const auto db = static_cast<std::int64_t>(arguments.getVarint());
  ReplyValue change = aggregate(Kind::kMap);
  if (effect == kv::EffectKind::kFlush) {
    if (filter_.keys.empty() && filter_.wantsKey({})) {
      put(change, "db", ReplyValue::ofInteger(db));
      put(change, "event", ReplyValue::ofBulk("flushdb"));
      change_ = std::move(change);
    }
    return {};
  }
  const std::string_view key = arguments.getString();
  if (!filter_.wantsKey(key)) {
    return {};
  }
  put(change, "key", ReplyValue::ofBulk(key));
  put(change, "db", ReplyValue::ofInteger(db));
  put(change, "event", ReplyValue::ofBulk(eventOf(reader.cause(), effect)));
  if (filter_.values) {
    if (old_) {
      TREFOIL_ASSIGN(const std::optional<std::string_view> old, old_->of(number));
      if (!old || !old->empty()) {
        put(change, "old", old ? oldValue(*old) : ReplyValue());
      }
    }
    ReplyValue given;
    addGiven(effect, arguments, given);
    put(change, "new", std::move(given));
  }
  change_ = std::move(change);
  return {};
}

Status FeedCommit::tellRow(std::uint8_t kind_byte, EffectReader& reader) {
  EffectReader arguments = reader;
  TREFOIL_TRY(sql::skipEffect(kind_byte, reader));
  ++number_;
  const auto kind = static_cast<sql::EffectKind>(kind_byte);
  EffectReader head = arguments;
  const auto id = static_cast<sql::TableId>(head.getVarint());
  if (kind == sql::EffectKind::kCreateTable) {
    TREFOIL_TRY(tables_.follow(kind, arguments));
  }
  const sql::TableSchema* const schema = tables_.find(id);
  if (schema != nullptr && filter_.wantsTable(schema->name)) {
    if (sql::isRowEffect(kind)) {
      change_ = rowChange(kind, head, *schema, reader.cause(), filter_.values);
    } else if (kind == sql::EffectKind::kTruncate || sql::isCatalogEffect(kind)) {
      ReplyValue change = aggregate(Kind::kMap);
      put(change, "table", ReplyValue::ofBulk(schema->name));
      put(change, "event", ReplyValue::ofBulk(causeName(sql::causeOf(kind))));
      change_ = std::move(change);
    }
  }
  return kind == sql::EffectKind::kCreateTable ? Status() : tables_.follow(kind, arguments);
}

// --- Tables -----------------------------------------------------------------------------------------------------------------

FeedTables::FeedTables(const std::vector<sql::SchemaPointer>& tables) {
  for (const sql::SchemaPointer& schema : tables) {
    tables_[schema->id] = schema;
  }
}

const sql::TableSchema* FeedTables::find(sql::TableId table) const {
  const auto found = tables_.find(table);
  return found == tables_.end() ? nullptr : found->second.get();
}

Status FeedTables::note(std::string_view effects, bool has_causes) {
  const auto on_table = [&](std::uint8_t kind, EffectReader& reader) -> Status {
    EffectReader arguments = reader;
    TREFOIL_TRY(sql::skipEffect(kind, reader));
    const auto effect = static_cast<sql::EffectKind>(kind);
    if (effect == sql::EffectKind::kCreateTable || effect == sql::EffectKind::kSchemaBefore) {
      TREFOIL_ASSIGN(sql::TableSchema schema, sql::getSchema(arguments));
      const sql::TableId id = schema.id;
      const bool is_new = effect == sql::EffectKind::kCreateTable;
      before_.emplace_back(id, is_new ? nullptr : std::make_shared<const sql::TableSchema>(std::move(schema)));
    }
    return {};
  };
  return txn::forEachEffect(EffectReader(effects, has_causes), kv::skipEffect, on_table);
}

void FeedTables::takeBack() {
  for (auto one = before_.rbegin(); one != before_.rend(); ++one) {
    if (one->second == nullptr) {
      tables_.erase(one->first);
    } else {
      tables_[one->first] = one->second;
    }
  }
  before_.clear();
}

Status FeedTables::follow(sql::EffectKind kind, EffectReader reader) {
  switch (kind) {
    case sql::EffectKind::kCreateTable: {
      TREFOIL_ASSIGN(sql::TableSchema schema, sql::getSchema(reader));
      const sql::TableId id = schema.id;
      tables_[id] = std::make_shared<const sql::TableSchema>(std::move(schema));
      break;
    }
    case sql::EffectKind::kDropTable:
      tables_.erase(static_cast<sql::TableId>(reader.getVarint()));
      break;
    case sql::EffectKind::kRenameTable: {
      const auto found = tables_.find(static_cast<sql::TableId>(reader.getVarint()));
      const std::uint64_t size = reader.getVarint();
      const std::string_view name = reader.getRaw(size);
      if (found != tables_.end()) {
        auto renamed = std::make_shared<sql::TableSchema>(*found->second);
        renamed->name = name;
        found->second = std::move(renamed);
      }
      break;
    }
    default:
      break;
  }
  return {};
}

bool FeedFilter::wantsKey(std::string_view key) const {
  if (keys.empty()) {
    return tables.empty();
  }
  return std::any_of(keys.begin(), keys.end(), [&](const std::string& pattern) { return globMatch(pattern, key); });
}

bool FeedFilter::wantsTable(std::string_view table) const {
  if (tables.empty()) {
    return keys.empty();
  }
  return std::find(tables.begin(), tables.end(), table) != tables.end();
}

}  // namespace trefoil
