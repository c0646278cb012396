// Finds the statements of a script that arrives in pieces, such as lines. Each byte is looked at once.
//
//   while (!line.empty()) {
//     line.remove_prefix(splitter.feed(line));
//     if (splitter.complete()) { run(splitter.statement()); splitter.reset(); }
//   }
//
// A statement ends at ';' outside strings, quoted names and comments; parentheses do not matter, so a missing one spoils one
// statement and not the rest of the script. Thread safety: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trefoil::parser {

class StatementSplitter {
 public:
  // Reads up to the end of `bytes` or of the statement, and returns how many bytes it took.
  std::size_t feed(std::string_view bytes);
  // Input that somebody else handles (the line of a KV command): it only counts for line and column.
  void skip(std::string_view bytes);

  // A ';' was read. Call reset() before feeding on.
  [[nodiscard]] bool complete() const { return complete_; }

  // What is open at the end of what was fed: for the prompt. kNothing: no statement was begun.
  enum class Inside : std::uint8_t { kNothing, kStatement, kParentheses, kString, kName, kComment };
  [[nodiscard]] Inside inside() const;

  // The statement so far as it was written, from its first token on and without ';'. At the end of a script the last one may lack
  // its ';'. Empty: there was none, or nothing before the ';'.
  [[nodiscard]] std::string_view statement() const { return text_; }
  // Where the statement's first token stands, both from 1; the column counts bytes.
  [[nodiscard]] std::size_t line() const { return start_.line; }
  [[nodiscard]] std::size_t column() const { return start_.column; }

  // Forgets the statement, not the place in the input.
  void reset();

 private:
  enum class Mode : std::uint8_t { kPlain, kString, kEscapeString, kName, kLineComment, kBlockComment };
  struct Place {
    std::size_t line = 1;
    std::size_t column = 1;
    void advance(std::string_view over);
  };

  // How many of the first bytes can be taken at once, because none of them changes the mode.
  std::size_t skipDull(std::string_view bytes);
  void takePlain(char c);
  void takeInside(char c);
  void openComment(Mode mode);

  std::string text_;
  Mode mode_ = Mode::kPlain;
  Mode closed_ = Mode::kPlain;  // what the quote in previous_ closed; the same quote right after it opens that again
  bool started_ = false;        // a token was seen
  bool complete_ = false;
  bool only_first_byte_ = false;  // the statement is one byte so far, which may turn out to begin a comment
  bool escaped_ = false;          // the byte before was a backslash in a kEscapeString
  char previous_ = '\0';          // the byte before, if it may belong with the next: - / * and quotes
  bool prefix_ = false;           // the byte before is a word of its own that makes a string an E'…'
  bool word_ = false;             // the byte before belongs to a word
  std::size_t comment_depth_ = 0;
  std::size_t parentheses_ = 0;
  Place place_;
  Place start_;
};

}  // namespace trefoil::parser
