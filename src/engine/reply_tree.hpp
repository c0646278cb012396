// ReplyTree: an answer as a tree of values, for embedded programs that run commands, and for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/reply.hpp"

namespace trefoil {

// One value of an answer.
struct ReplyValue {
  enum class Kind : std::uint8_t {
    kSimple,
    kInteger,
    kBulk,
    kNull,
    kNullArray,
    kReal,
    kBoolean,
    kVerbatim,
    kArray,
    kMap,  // elements: key, value, key, value …
    kSet,
    kPush,
    kError,
    kTable,  // elements: one kArray a row; names in `columns`
  };
  Kind kind = Kind::kNull;
  std::int64_t integer = 0;  // also a boolean
  double real = 0;
  std::string text;  // bytes, or the wire text of an error
  std::vector<ReplyValue> elements;
  std::vector<std::string> columns;

  static ReplyValue ofInteger(std::int64_t number);
  static ReplyValue ofReal(double number);
  static ReplyValue ofBulk(std::string_view bytes);
  // A value of a table: its text, but for numbers, booleans and NULL.
  static ReplyValue of(const sql::SqlType& type, const Datum& datum);

  // As the shell's raw mode and most tests want to read it: `"bulk"`, `(integer) 1`, `[a, b]`, `(error) ERR …`.
  [[nodiscard]] std::string describe() const;
  // Says it again. Not for errors and tables.
  void pushTo(Reply& reply) const;
};

class ReplyTree final : public Reply {
 public:
  // The answers so far, one for each statement.
  [[nodiscard]] const std::vector<ReplyValue>& values() const { return values_; }
  [[nodiscard]] const ReplyValue& last() const { return values_.back(); }
  void clear();

  void simple(std::string_view text) override;
  void integer(std::int64_t value) override;
  void bulk(std::string_view bytes) override;
  void null() override;
  void nullArray() override;
  void real(double value) override;
  void boolean(bool value) override;
  void verbatim(std::string_view text) override;
  void array(std::size_t size) override;
  void map(std::size_t pairs) override;
  void set(std::size_t size) override;
  void push(std::size_t size) override;
  void error(const Error& error) override;
  void beginTable(std::span<const sql::ColumnInfo> columns, TableForm form) override;
  void rows(const sql::Chunk& chunk) override;
  void endTable() override;
  void affected(std::string_view tag, std::int64_t rows) override;
  void done(std::string_view tag) override;
  [[nodiscard]] Mark mark() const override;
  void rewind(Mark mark) override;

 private:
  // An aggregate that still wants elements: the path to it from the root.
  struct Open {
    std::size_t missing;
  };
  void add(ReplyValue value, std::size_t children = 0);
  [[nodiscard]] ReplyValue* innermost();

  std::vector<ReplyValue> values_;
  std::vector<Open> open_;
  std::vector<sql::SqlType> table_types_;  // of the open table's columns
  std::size_t pushed_ = 0;                 // values of all depths, for mark()
};

}  // namespace trefoil
