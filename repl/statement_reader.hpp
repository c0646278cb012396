// Cuts the shell's input into statements and says which language each is in. Input arrives in pieces: lines, or blocks of a
// script.
//
//   SELECT, INSERT, CREATE …      a word that only SQL knows, and SELECT: SQL, up to ';'
//   SET, COPY, RESET …            a word of both: SQL's if its line ends in ';', otherwise a command, one line
//   BEGIN, COMMIT, ROLLBACK …     SQL up to ';', or the whole line if there is none on it
//   .mode csv                     the shell's own, one line
//   everything else               a command of the key-value side, one line
//
// Comments (-- to the line's end, /* … */) and blank lines between statements are skipped. At the end of the input the last SQL
// statement may lack its ';'. Thread safety: none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "parser/statement_splitter.hpp"

namespace trefoil::repl {

// A place in the input, both from 1; columns count characters.
struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
  void advance(std::string_view text);
};

enum class InputKind { kNone, kSql, kCommand, kDot };

class StatementReader {
 public:
  // Adds input. Views returned before are no longer valid.
  void append(std::string_view bytes);
  // No more will be added.
  void finish() { finished_ = true; }
  // Forgets a begun statement and all input that was not read yet.
  void clear();

  // The next complete statement, or kNone if more input is needed (or nothing is left).
  InputKind next();
  // The statement's text: SQL without its ';', a command's line. Good until the next call.
  [[nodiscard]] std::string_view text() const { return text_; }
  // Where it begins.
  [[nodiscard]] Place place() const;

  // What is open at the input's end, for the prompt.
  [[nodiscard]] parser::StatementSplitter::Inside inside() const {
    const bool in_comment = !in_sql_ && rest().starts_with("/*");  // before a statement
    return in_comment ? parser::StatementSplitter::Inside::kComment : splitter_.inside();
  }

 private:
  [[nodiscard]] std::string_view rest() const { return std::string_view(buffer_).substr(at_); }
  bool skipBlanks();
  InputKind takeLine(InputKind kind, std::size_t length);
  InputKind takeSql();
  InputKind startStatement();

  std::string buffer_;
  std::size_t at_ = 0;
  bool finished_ = false;
  bool in_sql_ = false;
  bool reset_splitter_ = false;
  parser::StatementSplitter splitter_;
  std::string_view text_;
  // Places are counted when somebody asks.
  static constexpr std::size_t kNoOffset = static_cast<std::size_t>(-1);
  Place origin_;              // of buffer_'s first byte
  std::size_t start_at_ = 0;  // of the statement in buffer_; kNoOffset: it has moved out, start_ is its place
  Place start_;
};

}  // namespace trefoil::repl
