#include "engine/kv_tables.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>

#include "base/glob.hpp"
#include "kv/collection.hpp"
#include "kv/value_type.hpp"
#include "sql/execution/executor.hpp"
#include "sql/types/calendar.hpp"
#include "sql/types/utf8.hpp"

namespace trefoil {

namespace {

// How a function shows bytes.
enum class Show : std::uint8_t { kText, kBytes };

Datum shown(std::string_view bytes, Show show) {
  if (show == Show::kBytes) {
    return Datum::blob(bytes);
  }
  return sql::findInvalidUtf8(bytes) == sql::kValidUtf8 ? Datum::text(bytes) : Datum::null();
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

enum class Form : std::uint8_t { kHash, kList, kSet, kSortedSet };

// Collections: one element in the columns of one row; `index` counts from 0.
class ElementSource : public GatheringSource {
 protected:
  ElementSource(Form form, Show show) : GatheringSource(typesOf(form, show)), form_(form), show_(show) {}

  void putElement(const kv::Element& element, std::int64_t index) {
    const Datum member = shown(element.member, show_);
    put(form_ == Form::kList ? 1 : 0, member);
    if (form_ == Form::kHash) {
      put(1, shown(element.value, show_));
    } else if (form_ == Form::kList) {
      put(0, Datum::integer(index));
    } else if (form_ == Form::kSortedSet) {
      put(1, Datum::real(element.score));
      put(2, Datum::integer(index));
    }
    endRow();
  }

 private:
  static std::vector<Type> typesOf(Form form, Show show) {
    const Type bytes = show == Show::kText ? Type::kText : Type::kBlob;
    switch (form) {
      case Form::kHash:
        return {bytes, bytes};
      case Form::kList:
        return {Type::kInteger, bytes};
      case Form::kSet:
        return {bytes};
      case Form::kSortedSet:
        return {bytes, Type::kDouble, Type::kInteger};
    }
    return {};
  }

  Form form_;
  Show show_;
};

// All elements of one.
class CollectionSource final : public ElementSource {
 public:
  CollectionSource(kv::ElementCursor cursor, Form form, Show show) : ElementSource(form, show), cursor_(std::move(cursor)) {}

  Result<bool> next(sql::Chunk& out, std::size_t max_rows) override {
    begin(max_rows);
    for (std::size_t i = 0; i < max_rows && cursor_.valid(); ++i, cursor_.next()) {
      putElement(cursor_.element(), index_++);
    }
    return finish(out);
  }

 private:
  kv::ElementCursor cursor_;
  std::int64_t index_ = 0;
};

// Those that were looked up. What they view lives as long as the snapshot and the values asked for.
struct FoundElement {
  kv::Element element;
  std::int64_t index = 0;
};

class FoundSource final : public ElementSource {
 public:
  FoundSource(std::vector<FoundElement> found, Form form, Show show) : ElementSource(form, show), found_(std::move(found)) {}

  Result<bool> next(sql::Chunk& out, std::size_t max_rows) override {
    begin(max_rows);
    for (std::size_t i = 0; i < max_rows && at_ < found_.size(); ++i, ++at_) {
      putElement(found_[at_].element, found_[at_].index);
    }
    return finish(out);
  }

 private:
  std::vector<FoundElement> found_;
  std::size_t at_ = 0;
};

// Deadlines go further than timestamps: one behind the last of them is shown as that.
std::int64_t timestampOf(Deadline deadline) {
  constexpr std::int64_t kLastMs = (sql::daysFromCivil({sql::kLastYear, 12, 31}) + 1) * 86'400'000 - 1;
  return std::clamp<std::int64_t>(deadline.unix_ms, 0, kLastMs) * 1000;
}

// Keys. The entries stay valid as long as the statement's snapshot.
class KeySource final : public GatheringSource {
 public:
  KeySource(std::vector<const kv::Entry*> entries, Show show)
      : GatheringSource({bytesOf(show), Type::kText, bytesOf(show), Type::kInteger}), entries_(std::move(entries)), show_(show) {}

  Result<bool> next(sql::Chunk& out, std::size_t max_rows) override {
    begin(max_rows);
    integers_.clear();
    for (std::size_t i = 0; i < max_rows && at_ < entries_.size(); ++i, ++at_) {
      putKey(*entries_[at_]);
    }
    return finish(out);
  }

 private:
  static Type bytesOf(Show show) { return show == Show::kText ? Type::kText : Type::kBlob; }

  void putKey(const kv::Entry& entry) {
    put(0, shown(entry.key(), show_));
    put(1, Datum::text(kv::typeName(entry)));
    if (entry.type() == kv::ObjectType::kString) {
      kv::IntegerText room;
      const std::string_view value = kv::StringHandle(&entry).text(room);
      put(2, shown(entry.encoding() == kv::Encoding::kInteger ? integers_.emplace_back(value) : value, show_));
    } else {
      put(2, Datum::null());
    }
    put(3, entry.hasDeadline() ? Datum::integer(timestampOf(entry.deadline())) : Datum::null());
    endRow();
  }

  std::vector<const kv::Entry*> entries_;
  std::deque<std::string> integers_;  // texts of integer-encoded values
  std::size_t at_ = 0;
  Show show_;
};

using Source = std::unique_ptr<sql::RowSource>;

KvHost& hostOf(sql::ExecContext& context) {
  TREFOIL_ASSERT(context.host != nullptr);
  return *static_cast<KvHost*>(context.host);
}

// What was asked for, each once.
std::vector<std::string_view> distinct(std::span<const Datum> values) {
  std::vector<std::string_view> texts;
  for (const Datum& value : values) {
    texts.push_back(value.asBytes());
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

template <Show show>
Result<Source> openKeys(sql::ExecContext& context, std::span<const Datum> arguments) {
  std::vector<const kv::Entry*> entries;
  if (!arguments[0].isNull()) {
    KvHost& host = hostOf(context);
    if (context.control != nullptr) {
      host.view->heed(*context.control);  // and not to what a command before it in the block was given
    }
    TREFOIL_TRY(
        host.view->forEachKey(host.db, arguments[0].asBytes(), [&](const kv::Entry& entry) { entries.push_back(&entry); }));
  }
  return Source(std::make_unique<KeySource>(std::move(entries), show));
}

template <Show show>
Result<Source> lookUpKeys(sql::ExecContext& context, std::span<const Datum> arguments, std::span<const Datum> keys) {
  std::vector<const kv::Entry*> entries;
  if (!arguments[0].isNull()) {
    KvHost& host = hostOf(context);
    for (const std::string_view key : distinct(keys)) {
      const kv::Entry* entry = host.view->find(host.view->key(host.db, key));
      if (entry != nullptr && globMatch(arguments[0].asBytes(), key)) {
        entries.push_back(entry);
      }
    }
  }
  return Source(std::make_unique<KeySource>(std::move(entries), show));
}

// The collection under the key, which `read` (a member of kv::View) finds.
template <auto read>
auto collectionAt(sql::ExecContext& context, const Datum& key) {
  KvHost& host = hostOf(context);
  return (host.view->*read)(host.view->key(host.db, key.asBytes()));
}

template <auto read, Form form, Show show>
Result<Source> openCollection(sql::ExecContext& context, std::span<const Datum> arguments) {
  if (arguments[0].isNull()) {
    return Source(std::make_unique<FoundSource>(std::vector<FoundElement>(), form, show));
  }
  TREFOIL_ASSIGN(const auto handle, collectionAt<read>(context, arguments[0]));
  return Source(std::make_unique<CollectionSource>(handle.exists() ? handle.first() : kv::ElementCursor(), form, show));
}

std::optional<FoundElement> findElement(const kv::HashHandle& hash, std::string_view field) {
  const std::optional<std::string_view> value = hash.get(field);
  return value ? std::optional(FoundElement{{.member = field, .value = *value}}) : std::nullopt;
}
std::optional<FoundElement> findElement(const kv::SetHandle& set, std::string_view member) {
  return set.contains(member) ? std::optional(FoundElement{{.member = member, .value = {}}}) : std::nullopt;
}
std::optional<FoundElement> findElement(const kv::SortedSetHandle& set, std::string_view member) {
  const std::optional<double> score = set.score(member);
  if (!score) {
    return std::nullopt;
  }
  return FoundElement{{.member = member, .value = {}, .score = *score}, static_cast<std::int64_t>(*set.rank(member))};
}

template <auto read, Form form, Show show>
Result<Source> lookUpElements(sql::ExecContext& context, std::span<const Datum> arguments, std::span<const Datum> values) {
  std::vector<FoundElement> found;
  if (!arguments[0].isNull()) {
    TREFOIL_ASSIGN(const auto handle, collectionAt<read>(context, arguments[0]));
    for (const std::string_view value : distinct(values)) {
      if (const std::optional<FoundElement> element = findElement(handle, value)) {
        found.push_back(*element);
      }
    }
  }
  return Source(std::make_unique<FoundSource>(std::move(found), form, show));
}

// A list's elements by their positions.
template <Show show>
Result<Source> lookUpPositions(sql::ExecContext& context, std::span<const Datum> arguments, std::span<const Datum> values) {
  std::vector<FoundElement> found;
  if (!arguments[0].isNull()) {
    TREFOIL_ASSIGN(const kv::ListHandle list, collectionAt<&kv::View::list>(context, arguments[0]));
    std::set<std::int64_t> positions;
    for (const Datum& value : values) {
      positions.insert(value.asInteger());
    }
    for (const std::int64_t position : positions) {
      if (position >= 0 && static_cast<std::uint64_t>(position) < list.size()) {
        found.push_back({list.at(static_cast<std::size_t>(position)).element(), position});
      }
    }
  }
  return Source(std::make_unique<FoundSource>(std::move(found), Form::kList, show));
}

template <Show show>
void registerFunctions(sql::TableFunctions& functions) {
  using kv::View;
  const std::string suffix = show == Show::kBytes ? "_bytes" : "";
  const sql::SqlType text = sql::SqlType::text();
  const sql::SqlType bigint = sql::SqlType::bigint();
  const sql::SqlType bytes = show == Show::kBytes ? sql::SqlType::bytea() : text;
  functions.add({"kv" + suffix,
                 {bytes},
                 1,
                 {{"key", bytes}, {"type", text}, {"value", bytes}, {"expires_at", sql::SqlType::timestamp()}},
                 openKeys<show>,
                 lookUpKeys<show>});
  functions.add({"hash" + suffix,
                 {bytes},
                 1,
                 {{"field", bytes}, {"value", bytes}},
                 openCollection<&View::hash, Form::kHash, show>,
                 lookUpElements<&View::hash, Form::kHash, show>});
  functions.add({"list" + suffix,
                 {bytes},
                 1,
                 {{"position", bigint}, {"value", bytes}},
                 openCollection<&View::list, Form::kList, show>,
                 lookUpPositions<show>});
  functions.add({"set" + suffix,
                 {bytes},
                 1,
                 {{"member", bytes}},
                 openCollection<&View::set, Form::kSet, show>,
                 lookUpElements<&View::set, Form::kSet, show>});
  functions.add({"zset" + suffix,
                 {bytes},
                 1,
                 {{"member", bytes}, {"score", sql::SqlType::doublePrecision()}, {"rank", bigint}},
                 openCollection<&View::sortedSet, Form::kSortedSet, show>,
                 lookUpElements<&View::sortedSet, Form::kSortedSet, show>});
}

}  // namespace

void registerKvTables(sql::TableFunctions& functions) {
  registerFunctions<Show::kText>(functions);
  registerFunctions<Show::kBytes>(functions);
}

}  // namespace trefoil
