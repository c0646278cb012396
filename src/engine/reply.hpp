// Reply: where answers go. A sink, not a value: handlers push, the sink writes at once in its own form.
//
//   RespReply    (net)     RESP2 / RESP3 bytes into the connection's output buffer
//   the shell's printers   (repl) tables, CSV, JSON, raw text
//   Collector    (engine)  a tree of values, for the embedded API and for tests
//
// Aggregates are announced by their size and filled by the pushes that follow: array(2), integer(1), bulk("x").
// A statement's answer is exactly one value, one table or one error. A handler that has begun to push may still be run again from
// the start (its locks or its room in the log did not suffice): the session takes a mark before and rewinds to it.
// Ownership: everything passed is copied before the call returns. Thread safety: none; one statement at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "engine/message.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {
struct Chunk;
}

namespace trefoil {

// Over RESP a table is an array of rows. The SQL command puts the array of column names before them; SQL as bare words does not.
enum class TableForm : std::uint8_t { kNamesAndRows, kRowsOnly };

class Reply {
 public:
  // A place in what has been pushed so far, to return to.
  struct Mark {
    std::size_t position;
  };

  virtual ~Reply() = default;

  virtual void simple(std::string_view text) = 0;  // +OK
  virtual void integer(std::int64_t value) = 0;
  virtual void bulk(std::string_view bytes) = 0;
  virtual void null() = 0;
  virtual void nullArray() = 0;
  virtual void real(double value) = 0;               // RESP2: the bulk string that Redis prints
  virtual void boolean(bool value) = 0;              // RESP2: 0 or 1
  virtual void verbatim(std::string_view text) = 0;  // text for people (INFO); RESP2: a bulk string
  virtual void array(std::size_t size) = 0;
  virtual void map(std::size_t pairs) = 0;  // RESP2: an array of twice the size
  virtual void set(std::size_t size) = 0;   // RESP2: an array
  virtual void error(const Error& error) = 0;
  // What was not asked for: in RESP3 it is marked so, elsewhere it is an array.
  virtual void push(std::size_t size) { array(size); }
  // A message, between two answers (MessageWay::kAmongAnswers).
  virtual void message(const Message& message) { message.pushTo(*this); }
  // Whether an error of SQL is to say where it is in characters: whoever answers without the statement's text cannot count them.
  [[nodiscard]] virtual bool countsCharacters() const { return false; }

  // A table: columns once, any number of chunks (of at least one row), end once.
  virtual void beginTable(std::span<const sql::ColumnInfo> columns, TableForm form) = 0;
  virtual void rows(const sql::Chunk& chunk) = 0;
  virtual void endTable() = 0;
  // DML without rows: the number of rows it changed, under its command tag ("INSERT").
  virtual void affected(std::string_view tag, std::int64_t rows) = 0;
  // DDL, transaction control, settings: done. `tag` as PostgreSQL prints it ("CREATE TABLE"); RESP answers +OK.
  virtual void done(std::string_view tag) = 0;

  [[nodiscard]] virtual Mark mark() const = 0;
  virtual void rewind(Mark mark) = 0;

  // Enough for now: Session::executeBatch stops behind the statement whose answer made it so, and the front end goes on when its
  // client has taken some. What a client can pile up is bounded by this and by one answer.
  [[nodiscard]] virtual bool full() const { return false; }
};

// The wire text of an error without the leading '-': "WRONGTYPE Operation against …", "ERR syntax error", "CONFLICT …". The one
// place where codes become Redis's prefixes.
std::string redisErrorText(const Error& error);

// The five-character SQLSTATE of an error's code (PostgreSQL, appendix A).
std::string_view sqlState(ErrorCode code);

}  // namespace trefoil
