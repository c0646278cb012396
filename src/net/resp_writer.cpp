#include "net/resp_writer.hpp"

#include <cstring>

#include "base/format_number.hpp"
#include "engine/session.hpp"
#include "sql/types/chunk.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::net {
namespace {

constexpr std::size_t kTableHead = 4;  // "*n\r\n" with one digit

char* putEnd(char* to) {
  to[0] = '\r';
  to[1] = '\n';
  return to + 2;
}

}  // namespace

bool RespReply::resp3() const {
  return (session_ != nullptr ? session_->protocol() : fixed_protocol_) >= 3;
}

bool RespReply::describes() const {
  return session_ != nullptr && session_->describesAnswers() && resp3();
}

void RespReply::head(char type, std::uint64_t count) {
  char* const begin = out_->reserve(kMaxIntegerChars + 3);
  *begin = type;
  char* to = begin + 1;
  if (count < 10) {
    *to++ = static_cast<char>('0' + count);
  } else {
    to += formatUnsigned(to, count);
  }
  out_->wrote(static_cast<std::size_t>(putEnd(to) - begin));
}

void RespReply::simple(std::string_view text) {
  if (text == "OK") {  // of a known size, which needs no call
    return out_->append(std::string_view("+OK\r\n"));
  }
  char* const begin = out_->reserve(text.size() + 3);
  *begin = '+';
  std::memcpy(begin + 1, text.data(), text.size());
  putEnd(begin + 1 + text.size());
  out_->wrote(text.size() + 3);
}

void RespReply::integer(std::int64_t value) {
  char* const begin = out_->reserve(kMaxIntegerChars + 3);
  *begin = ':';
  char* const to = begin + 1 + formatInteger(begin + 1, value);
  out_->wrote(static_cast<std::size_t>(putEnd(to) - begin));
}

void RespReply::bulk(std::string_view bytes) {
  char* const begin = out_->reserve(bytes.size() + kMaxIntegerChars + 5);
  *begin = '$';
  char* to = begin + 1;
  to = putEnd(to + formatUnsigned(to, bytes.size()));
  if (!bytes.empty()) {
    std::memcpy(to, bytes.data(), bytes.size());
  }
  to = putEnd(to + bytes.size());
  out_->wrote(static_cast<std::size_t>(to - begin));
}

void RespReply::null() {
  out_->append(resp3() ? std::string_view("_\r\n") : std::string_view("$-1\r\n"));
}

void RespReply::nullArray() {
  out_->append(resp3() ? std::string_view("_\r\n") : std::string_view("*-1\r\n"));
}

void RespReply::real(double value) {
  char text[kMaxDoubleChars];
  const std::size_t size = formatDouble(text, value);
  if (!resp3()) {
    bulk({text, size});
    return;
  }
  char* const begin = out_->reserve(size + 3);
  *begin = ',';
  std::memcpy(begin + 1, text, size);
  putEnd(begin + 1 + size);
  out_->wrote(size + 3);
}

void RespReply::boolean(bool value) {
  if (resp3()) {
    out_->append(value ? std::string_view("#t\r\n") : std::string_view("#f\r\n"));
  } else {
    out_->append(value ? std::string_view(":1\r\n") : std::string_view(":0\r\n"));
  }
}

void RespReply::verbatim(std::string_view text) {
  if (!resp3()) {
    bulk(text);
    return;
  }
  head('=', text.size() + 4);
  out_->append("txt:");
  out_->append(text);
  out_->append("\r\n");
}

void RespReply::map(std::size_t pairs) {
  const bool native = resp3();
  head(native ? '%' : '*', native ? pairs : pairs * 2);
}

void RespReply::set(std::size_t size) {
  head(resp3() ? '~' : '*', size);
}

void RespReply::push(std::size_t size) {
  head(resp3() ? '>' : '*', size);
}

// All who get it in this protocol share its bytes.
void RespReply::message(const Message& message) {
  const int protocol = resp3() ? 3 : 2;
  out_->append(message.encoded(protocol, [protocol](const Message& said, std::string& bytes) {
    ByteBuffer buffer;
    RespReply reply(buffer, protocol);
    said.pushTo(reply);
    bytes = buffer.bytes();
  }));
}

// An error is one line: line ends inside become blanks, as Redis does it.
void RespReply::error(const Error& error) {
  if (describes()) {
    describeError(error);
  }
  const std::string text = redisErrorText(error);
  char* const begin = out_->reserve(text.size() + 3);
  *begin = '-';
  for (std::size_t i = 0; i < text.size(); ++i) {
    begin[1 + i] = text[i] == '\r' || text[i] == '\n' ? ' ' : text[i];
  }
  putEnd(begin + 1 + text.size());
  out_->wrote(text.size() + 3);
}

void RespReply::describeError(const Error& error) {
  const std::size_t optional_parts =
      (error.detail.empty() ? 0 : 1) + (error.hint.empty() ? 0 : 1) + (error.position.has_value() ? 1 : 0);
  head('|', 2 + optional_parts);
  bulk("code");
  bulk(sqlState(error.code));
  bulk("message");
  bulk(error.message);
  if (!error.detail.empty()) {
    bulk("detail");
    bulk(error.detail);
  }
  if (!error.hint.empty()) {
    bulk("hint");
    bulk(error.hint);
  }
  if (error.position) {
    bulk("position");
    integer(static_cast<std::int64_t>(*error.position));
  }
}

void RespReply::describeTag(std::string_view tag) {
  if (describes()) {
    head('|', 1);
    bulk("tag");
    bulk(tag);
  }
}

void RespReply::beginTable(std::span<const sql::ColumnInfo> columns, TableForm form) {
  const bool described = describes();
  if (described) {
    head('|', 1);
    bulk("columns");
    array(columns.size());
    for (const sql::ColumnInfo& column : columns) {
      array(2);
      bulk(column.name);
      bulk(sql::sqlTypeName(column.type));
    }
  }
  table_types_.clear();
  for (const sql::ColumnInfo& column : columns) {
    table_types_.push_back(column.type);
  }
  table_at_ = out_->size();
  table_rows_ = 0;
  out_->append("*0\r\n");
  static_assert(kTableHead == 4);
  if (form == TableForm::kNamesAndRows && !described) {
    array(columns.size());
    for (const sql::ColumnInfo& column : columns) {
      bulk(column.name);
    }
    table_rows_ = 1;
  }
}

void RespReply::rows(const sql::Chunk& chunk) {
  const bool native = resp3();
  const std::size_t columns = chunk.columns.size();
  sql::forEachPosition(chunk.rows, [&](std::uint32_t position) {
    array(columns);
    for (std::size_t i = 0; i < columns; ++i) {
      cell(chunk, i, position, native);
    }
  });
  table_rows_ += chunk.rows.count;
  out_->reserve(kMaxIntegerChars);  // for endTable(), which must not fail: what changed these rows is committed then
}

void RespReply::cell(const sql::Chunk& chunk, std::size_t column_index, std::uint32_t position, bool native) {
  const sql::Column& column = chunk.columns[column_index];
  if (column.isNull(position)) {
    out_->append(native ? std::string_view("_\r\n") : std::string_view("$-1\r\n"));
    return;
  }
  const std::uint32_t index = column.constant ? 0 : position;
  const sql::SqlType& type = table_types_[column_index];
  if (column.type == Type::kInteger && type.isInteger()) {
    integer(column.as<std::int64_t>()[index]);
    return;
  }
  if (isBytes(column.type)) {
    bulk(column.as<sql::StringRef>()[index].view());
    return;
  }
  if (column.type == Type::kBool) {
    boolean(column.as<std::uint8_t>()[index] != 0);
    return;
  }
  if (native && type.is(sql::TypeId::kDouble)) {
    real(column.as<double>()[index]);
    return;
  }
  text_.clear();
  sql::appendText(text_, type, column.datum(position));
  bulk(text_);
}

void RespReply::endTable() {
  constexpr std::size_t kSmallText = 4096;
  if (text_.capacity() > kSmallText) {
    text_ = {};
  }
  if (table_rows_ < 10) {
    *out_->at(table_at_ + 1) = static_cast<char>('0' + table_rows_);
    return;
  }
  char digits[kMaxIntegerChars];
  const std::size_t count = formatUnsigned(digits, table_rows_);
  out_->insertGap(table_at_ + 1, count - 1);
  std::memcpy(out_->at(table_at_ + 1), digits, count);
}

void RespReply::affected(std::string_view tag, std::int64_t rows) {
  describeTag(tag);
  integer(rows);
}

void RespReply::done(std::string_view tag) {
  describeTag(tag);
  out_->append("+OK\r\n");
}

}  // namespace trefoil::net
