#include "engine/reply_tree.hpp"
#include "sql/types/value_text.hpp"

#include "base/assert.hpp"
#include "base/format_number.hpp"
#include "sql/types/chunk.hpp"

namespace trefoil {

namespace {

ReplyValue makeValue(ReplyValue::Kind kind, std::string_view text = {}) {
  ReplyValue value;
  value.kind = kind;
  value.text = text;
  return value;
}

}  // namespace

ReplyValue ReplyValue::ofInteger(std::int64_t number) {
  ReplyValue value = makeValue(Kind::kInteger);
  value.integer = number;
  return value;
}

ReplyValue ReplyValue::ofReal(double number) {
  ReplyValue value = makeValue(Kind::kReal);
  value.real = number;
  return value;
}

ReplyValue ReplyValue::ofBulk(std::string_view bytes) {
  return makeValue(Kind::kBulk, bytes);
}

ReplyValue ReplyValue::of(const sql::SqlType& type, const Datum& datum) {
  switch (type.isInteger() || type.isFloat() || type.is(sql::TypeId::kBoolean) ? datum.type() : Type::kText) {
    case Type::kNull:
      return {};
    case Type::kBool: {
      ReplyValue value = makeValue(Kind::kBoolean);
      value.integer = datum.asBool() ? 1 : 0;
      return value;
    }
    case Type::kInteger:
      return ofInteger(datum.asInteger());
    case Type::kDouble:
      return ofReal(datum.asReal());
    default:
      return datum.isNull() ? ReplyValue() : ofBulk(sql::toText(type, datum));
  }
}

std::string ReplyValue::describe() const {
  switch (kind) {
    case Kind::kSimple:
    case Kind::kVerbatim:
      return text;
    case Kind::kInteger:
      return "(integer) " + std::to_string(integer);
    case Kind::kBulk:
      return '"' + text + '"';
    case Kind::kNull:
    case Kind::kNullArray:
      return "(nil)";
    case Kind::kReal: {
      char digits[kMaxDoubleChars];
      return "(double) " + std::string(digits, formatDouble(digits, real));
    }
    case Kind::kBoolean:
      return integer != 0 ? "(true)" : "(false)";
    case Kind::kError:
      return "(error) " + text;
    case Kind::kArray:
    case Kind::kMap:
    case Kind::kSet:
    case Kind::kPush:
    case Kind::kTable:
      break;
  }
  std::string out = "[";
  for (const ReplyValue& element : elements) {
    out += (out.size() == 1 ? "" : ", ") + element.describe();
  }
  return out + "]";
}

void ReplyValue::pushTo(Reply& reply) const {
  switch (kind) {
    case Kind::kSimple:
      return reply.simple(text);
    case Kind::kInteger:
      return reply.integer(integer);
    case Kind::kBulk:
      return reply.bulk(text);
    case Kind::kNull:
      return reply.null();
    case Kind::kNullArray:
      return reply.nullArray();
    case Kind::kReal:
      return reply.real(real);
    case Kind::kBoolean:
      return reply.boolean(integer != 0);
    case Kind::kVerbatim:
      return reply.verbatim(text);
    case Kind::kArray:
      reply.array(elements.size());
      break;
    case Kind::kMap:
      reply.map(elements.size() / 2);
      break;
    case Kind::kSet:
      reply.set(elements.size());
      break;
    case Kind::kPush:
      reply.push(elements.size());
      break;
    case Kind::kError:
    case Kind::kTable:
      TREFOIL_ASSERT(false);
  }
  for (const ReplyValue& element : elements) {
    element.pushTo(reply);
  }
}

void ReplyTree::clear() {
  TREFOIL_ASSERT(open_.empty());
  values_.clear();
  pushed_ = 0;
}

// The aggregate that the next value belongs to, or null at the top.
ReplyValue* ReplyTree::innermost() {
  ReplyValue* at = nullptr;
  for (std::size_t depth = 0; depth < open_.size(); ++depth) {
    at = at == nullptr ? &values_.back() : &at->elements.back();
  }
  return at;
}

void ReplyTree::add(ReplyValue value, std::size_t children) {
  ReplyValue* parent = innermost();
  (parent == nullptr ? values_ : parent->elements).push_back(std::move(value));
  ++pushed_;
  if (!open_.empty()) {
    --open_.back().missing;
  }
  if (children != 0) {
    open_.push_back({children});
    return;
  }
  while (!open_.empty() && open_.back().missing == 0) {
    open_.pop_back();
  }
}

void ReplyTree::simple(std::string_view text) {
  add(makeValue(ReplyValue::Kind::kSimple, text));
}
void ReplyTree::bulk(std::string_view bytes) {
  add(makeValue(ReplyValue::Kind::kBulk, bytes));
}
void ReplyTree::null() {
  add(makeValue(ReplyValue::Kind::kNull));
}
void ReplyTree::nullArray() {
  add(makeValue(ReplyValue::Kind::kNullArray));
}
void ReplyTree::verbatim(std::string_view text) {
  add(makeValue(ReplyValue::Kind::kVerbatim, text));
}
void ReplyTree::error(const Error& error) {
  add(makeValue(ReplyValue::Kind::kError, redisErrorText(error)));
}

void ReplyTree::integer(std::int64_t value) {
  ReplyValue node = makeValue(ReplyValue::Kind::kInteger);
  node.integer = value;
  add(std::move(node));
}

void ReplyTree::real(double value) {
  ReplyValue node = makeValue(ReplyValue::Kind::kReal);
  node.real = value;
  add(std::move(node));
}

void ReplyTree::boolean(bool value) {
  ReplyValue node = makeValue(ReplyValue::Kind::kBoolean);
  node.integer = value ? 1 : 0;
  add(std::move(node));
}

void ReplyTree::array(std::size_t size) {
  add(makeValue(ReplyValue::Kind::kArray), size);
}
void ReplyTree::map(std::size_t pairs) {
  add(makeValue(ReplyValue::Kind::kMap), pairs * 2);
}
void ReplyTree::set(std::size_t size) {
  add(makeValue(ReplyValue::Kind::kSet), size);
}

void ReplyTree::push(std::size_t size) {
  add(makeValue(ReplyValue::Kind::kPush), size);
}

void ReplyTree::beginTable(std::span<const sql::ColumnInfo> columns, TableForm) {
  ReplyValue table = makeValue(ReplyValue::Kind::kTable);
  table_types_.clear();
  for (const sql::ColumnInfo& column : columns) {
    table.columns.push_back(column.name);
    table_types_.push_back(column.type);
  }
  add(std::move(table), SIZE_MAX);  // endTable() closes it
}

void ReplyTree::rows(const sql::Chunk& chunk) {
  ReplyValue* table = innermost();
  TREFOIL_ASSERT(table != nullptr && table->kind == ReplyValue::Kind::kTable);
  for (std::uint32_t row = 0; row < chunk.size(); ++row) {
    ReplyValue values = makeValue(ReplyValue::Kind::kArray);
    for (std::size_t column = 0; column < chunk.columns.size(); ++column) {
      values.elements.push_back(ReplyValue::of(table_types_[column], chunk.datum(column, row)));
    }
    table->elements.push_back(std::move(values));
  }
}

void ReplyTree::endTable() {
  open_.pop_back();
  while (!open_.empty() && open_.back().missing == 0) {
    open_.pop_back();
  }
}

void ReplyTree::affected(std::string_view, std::int64_t rows) {
  integer(rows);
}
void ReplyTree::done(std::string_view) {
  simple("OK");
}

Reply::Mark ReplyTree::mark() const {
  return {pushed_};
}

// Takes values off the end until as many are left as at the mark; aggregates that lose elements are open again.
void ReplyTree::rewind(Mark mark) {
  while (pushed_ > mark.position) {
    // The path to the last value.
    std::vector<std::vector<ReplyValue>*> path = {&values_};
    while (!path.back()->back().elements.empty() && path.back()->back().kind != ReplyValue::Kind::kTable) {
      path.push_back(&path.back()->back().elements);
    }
    path.back()->pop_back();
    --pushed_;
    if (open_.size() >= path.size()) {
      open_.resize(path.size() - 1);
    }
    if (path.size() > 1) {
      open_.resize(path.size() - 1, {0});
      ++open_.back().missing;
    }
  }
}

}  // namespace trefoil
