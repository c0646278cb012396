// RespReply: the Reply that writes RESP2 or RESP3 straight into a connection's output buffer.
//
// Encoding (https://redis.io/docs/reference/protocol-spec):
//                      RESP2                       RESP3
//   null, nullArray    $-1, *-1                    _
//   real               $3 0.5                      ,0.5
//   boolean            :1 / :0                     #t / #f
//   verbatim           $n text                     =n+4 txt:text
//   map, set           *2n, *n                     %n, ~n
//   push               *n                          >n
//   table              array of rows, each an array of cells (TableForm::kNamesAndRows: the array of column names first)
//   attribute          never                       |n, if the session asked for them (CLIENT ATTRIBUTES ON)
//   cell of a table    integer :n, boolean as above, double as bulk / ,n, everything else its text as bulk (a blob: its bytes)
//
// Attributes say of an answer to SQL what its value does not:
//   of a table   columns: an array of [name, type]; the rows alone follow, whatever the TableForm
//   of OK, :n    tag: what was done ("CREATE TABLE", "INSERT")
//   of an error  code: SQLSTATE; message, detail, hint, position: its parts. The position is the offset of a byte in the
//   statement
//
// A table's row count is not known when it begins: its head is written for up to 9 rows and made longer at the end if need be.
// Thread safety: none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/reply.hpp"
#include "net/byte_buffer.hpp"
#include "net/limits.hpp"

namespace trefoil {
class Session;
}

namespace trefoil::net {

class RespReply final : public Reply {
 public:
  // Writes to `out`. The protocol is what `session` speaks at each push (HELLO answers in the protocol it chose).
  RespReply(ByteBuffer& out, const Session& session) : out_(&out), session_(&session) {}
  // With a fixed protocol, before there is a session.
  RespReply(ByteBuffer& out, int protocol) : out_(&out), fixed_protocol_(protocol) {}

  void simple(std::string_view text) override;
  void integer(std::int64_t value) override;
  void bulk(std::string_view bytes) override;
  void null() override;
  void nullArray() override;
  void real(double value) override;
  void boolean(bool value) override;
  void verbatim(std::string_view text) override;
  void array(std::size_t size) override { head('*', size); }
  void map(std::size_t pairs) override;
  void set(std::size_t size) override;
  void error(const Error& error) override;
  void push(std::size_t size) override;
  void message(const Message& message) override;
  [[nodiscard]] bool countsCharacters() const override { return true; }

  void beginTable(std::span<const sql::ColumnInfo> columns, TableForm form) override;
  void rows(const sql::Chunk& chunk) override;
  void endTable() override;
  void affected(std::string_view tag, std::int64_t rows) override;
  void done(std::string_view tag) override;

  [[nodiscard]] Mark mark() const override { return {out_->size()}; }
  void rewind(Mark mark) override {
    out_->truncate(mark.position);
    out_->shrink();
  }
  [[nodiscard]] bool full() const override { return out_->size() >= kStopReadingAt; }

 private:
  [[nodiscard]] bool resp3() const;
  [[nodiscard]] bool describes() const;
  void describeError(const Error& error);
  void describeTag(std::string_view tag);
  // A type byte, a number, CR LF.
  void head(char type, std::uint64_t count);
  void cell(const sql::Chunk& chunk, std::size_t column, std::uint32_t position, bool resp3);

  ByteBuffer* out_;
  const Session* session_ = nullptr;
  int fixed_protocol_ = 2;
  std::size_t table_at_ = 0;               // where the open table's head lies
  std::uint64_t table_rows_ = 0;           // its elements so far, names included
  std::vector<sql::SqlType> table_types_;  // of its columns
  std::string text_;                       // a cell's text form
};

}  // namespace trefoil::net
