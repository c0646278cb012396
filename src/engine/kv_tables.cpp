#include "engine/kv_tables.hpp"

#include <algorithm>
#include <deque>

#include "kv/collection.hpp"
#include "sql/calendar.hpp"
#include "sql/executor.hpp"
#include "sql/utf8.hpp"

namespace trefoil {

namespace {

Status checkText(std::string_view bytes) {
  if (sql::findInvalidUtf8(bytes) == sql::kValidUtf8) {
    return {};
  }
  return Error(ErrorCode::kInvalidText, "a value of this key is not valid UTF-8 text");
}

// Rows are gathered in owned columns; long texts are viewed where the snapshot keeps them.
class GatheringSource : public sql::RowSource {
 public:
  explicit GatheringSource(std::vector<Type> types) : types_(std::move(types)), buffers_(types_.size()) {}

 protected:
  void begin(std::size_t max_rows) {
    rows_ = 0;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      buffers_[i].reset(types_[i], max_rows);
      buffers_[i].clearNulls();
    }
  }
  void put(std::size_t column, const Datum& value) {
    if (value.isNull()) {
      buffers_[column].setNull(rows_);
    } else {
      buffers_[column].set(rows_, value);
    }
  }
  void endRow() { ++rows_; }
  bool finish(sql::Chunk& out) {
    out.columns.clear();
    for (const sql::ColumnBuffer& buffer : buffers_) {
      out.columns.push_back(buffer.view());
    }
    out.rows = {nullptr, rows_};
    return rows_ != 0;
  }

 private:
  std::vector<Type> types_;
  std::vector<sql::ColumnBuffer> buffers_;
  std::uint32_t rows_ = 0;
};

// The elements of one collection.
class CollectionSource final : public GatheringSource {
 public:
  // Puts one element into the columns of `row`; `index` counts from 0.
  enum class Form : std::uint8_t { kHash, kList, kSet, kSortedSet };

  CollectionSource(kv::ElementCursor cursor, Form form, std::vector<Type> types)
      : GatheringSource(std::move(types)), cursor_(std::move(cursor)), form_(form) {}

  Result<bool> next(sql::Chunk& out, std::size_t max_rows) override {
    begin(max_rows);
    for (std::size_t i = 0; i < max_rows && cursor_.valid(); ++i, cursor_.next()) {
      TREFOIL_TRY(putElement());
      endRow();
      ++index_;
    }
    return finish(out);
  }

 private:
  Status putElement() {
    TREFOIL_TRY(checkText(cursor_.member()));
    switch (form_) {
      case Form::kHash:
        TREFOIL_TRY(checkText(cursor_.value()));
        put(0, Datum::text(cursor_.member()));
        put(1, Datum::text(cursor_.value()));
        break;
      case Form::kList:
        put(0, Datum::integer(index_));
        put(1, Datum::text(cursor_.member()));
        break;
      case Form::kSet:
        put(0, Datum::text(cursor_.member()));
        break;
      case Form::kSortedSet:
        put(0, Datum::text(cursor_.member()));
        put(1, Datum::real(cursor_.score()));
        put(2, Datum::integer(index_));
        break;
    }
    return {};
  }

  kv::ElementCursor cursor_;
  Form form_;
  std::int64_t index_ = 0;
};

// Deadlines go further than timestamps: one behind the last of them is shown as that.
std::int64_t timestampOf(Deadline deadline) {
  constexpr std::int64_t kLastMs = (sql::daysFromCivil({sql::kLastYear, 12, 31}) + 1) * 86'400'000 - 1;
  return std::clamp<std::int64_t>(deadline.unix_ms, 0, kLastMs) * 1000;
}

// Keys that match a pattern. The entries stay valid as long as the statement's snapshot.
class KeySource final : public GatheringSource {
 public:
  explicit KeySource(std::vector<const kv::Entry*> entries)
      : GatheringSource({Type::kText, Type::kText, Type::kText, Type::kTimestamp}), entries_(std::move(entries)) {}

  Result<bool> next(sql::Chunk& out, std::size_t max_rows) override {
    begin(max_rows);
    for (std::size_t i = 0; i < max_rows && at_ < entries_.size(); ++i, ++at_) {
      TREFOIL_TRY(putKey(*entries_[at_]));
      endRow();
    }
    return finish(out);
  }

 private:
  Status putKey(const kv::Entry& entry) {
    TREFOIL_TRY(checkText(entry.key()));
    put(0, Datum::text(entry.key()));
    put(1, Datum::text(kv::typeName(entry.type())));
    if (entry.type() == kv::ObjectType::kString) {
      kv::IntegerText room;
      const std::string_view value = kv::StringHandle(&entry).text(room);
      TREFOIL_TRY(checkText(value));
      put(2, entry.encoding() == kv::Encoding::kInteger ? Datum::text(integers_.emplace_back(value)) : Datum::text(value));
    } else {
      put(2, Datum::null());
    }
    put(3, entry.hasDeadline() ? Datum::timestamp(timestampOf(entry.deadline())) : Datum::null());
    return {};
  }

  std::vector<const kv::Entry*> entries_;
  std::deque<std::string> integers_;  // texts of integer-encoded values
  std::size_t at_ = 0;
};

using Source = std::unique_ptr<sql::RowSource>;

KvHost& hostOf(sql::ExecContext& context) {
  TREFOIL_ASSERT(context.host != nullptr);
  return *static_cast<KvHost*>(context.host);
}

Source emptySource() {
  return std::make_unique<KeySource>(std::vector<const kv::Entry*>());
}

Result<Source> openKeys(sql::ExecContext& context, std::span<const Datum> arguments) {
  if (arguments[0].isNull()) {
    return emptySource();
  }
  KvHost& host = hostOf(context);
  std::vector<const kv::Entry*> entries;
  host.view->forEachKey(host.db, arguments[0].asBytes(), [&](const kv::Entry& entry) { entries.push_back(&entry); });
  return Source(std::make_unique<KeySource>(std::move(entries)));
}

// Opens the collection that `read` (a member of kv::View) finds under the key.
template <auto read, CollectionSource::Form form>
Result<Source> openCollection(sql::ExecContext& context, std::span<const Datum> arguments) {
  using Form = CollectionSource::Form;
  if (arguments[0].isNull()) {
    return emptySource();
  }
  KvHost& host = hostOf(context);
  TREFOIL_ASSIGN(const auto handle, (host.view->*read)(host.view->key(host.db, arguments[0].asBytes())));
  std::vector<Type> types = {Type::kText};
  if constexpr (form == Form::kHash) {
    types = {Type::kText, Type::kText};
  } else if constexpr (form == Form::kList) {
    types = {Type::kInteger, Type::kText};
  } else if constexpr (form == Form::kSortedSet) {
    types = {Type::kText, Type::kDouble, Type::kInteger};
  }
  return Source(
      std::make_unique<CollectionSource>(handle.exists() ? handle.first() : kv::ElementCursor(), form, std::move(types)));
}

}  // namespace

void registerKvTables(sql::TableFunctions& functions) {
  using Form = CollectionSource::Form;
  const sql::SqlType text = sql::SqlType::text();
  const sql::SqlType bigint = sql::SqlType::bigint();
  functions.add(
      {"kv", {text}, 1, {{"key", text}, {"type", text}, {"value", text}, {"expires_at", sql::SqlType::timestamp()}}, openKeys});
  functions.add({"hash", {text}, 1, {{"field", text}, {"value", text}}, openCollection<&kv::View::hash, Form::kHash>});
  functions.add({"list", {text}, 1, {{"position", bigint}, {"value", text}}, openCollection<&kv::View::list, Form::kList>});
  functions.add({"set", {text}, 1, {{"member", text}}, openCollection<&kv::View::set, Form::kSet>});
  functions.add({"zset",
                 {text},
                 1,
                 {{"member", text}, {"score", sql::SqlType::real()}, {"rank", bigint}},
                 openCollection<&kv::View::sortedSet, Form::kSortedSet>});
}

}  // namespace trefoil
