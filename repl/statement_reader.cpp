#include "repl/statement_reader.hpp"

#include <algorithm>
#include <array>

#include "base/ascii_case.hpp"
#include "engine/command_meta.hpp"
#include "parser/statement_words.hpp"

namespace trefoil::repl {
namespace {

enum class WordKind { kSqlOnly, kTransaction, kShared, kCommand };

constexpr bool isBlank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n' || byte == '\f' || byte == '\v';
}

constexpr bool isLetter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

WordKind classify(std::string_view word) {
  const parser::StatementWord opens = parser::statementWord(word);
  if (opens == parser::StatementWord::kNone) {
    return WordKind::kCommand;
  }
  if (!equalsIgnoringCase(word, "SELECT") && findCommand(word) >= 0) {
    return WordKind::kShared;
  }
  return opens == parser::StatementWord::kTransaction ? WordKind::kTransaction : WordKind::kSqlOnly;
}

std::string_view withoutTrailingBlanks(std::string_view line) {
  while (!line.empty() && isBlank(line.back())) {
    line.remove_suffix(1);
  }
  return line;
}

// The end of the block comment at the head of `text` (they nest, as in PostgreSQL), or npos.
std::size_t blockCommentEnd(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '/' && text[i + 1] == '*') {
      ++depth;
      ++i;
    } else if (text[i] == '*' && text[i + 1] == '/') {
      ++i;
      if (--depth == 0) {
        return i + 1;
      }
    }
  }
  return std::string_view::npos;
}

// The length of the SQL statement at the head of `text`, without its ';', if that is there and nothing in the statement needs a
// closer look; otherwise npos. This is what the lines of a dump need; the splitter knows the rest.
std::size_t plainStatementSize(std::string_view text) {
  constexpr auto kPlain = [] {
    std::array<bool, 256> plain{};
    plain.fill(true);
    for (const char special : {';', '\'', '"', '-', '/'}) {
      plain[static_cast<unsigned char>(special)] = false;
    }
    return plain;
  }();
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char byte = text[at];
    if (kPlain[static_cast<unsigned char>(byte)]) {
      continue;
    }
    if (byte == ';') {
      return at;
    }
    if (byte == '-' || byte == '/') {
      if (at + 1 == text.size() || text[at + 1] == (byte == '-' ? '-' : '*')) {
        return std::string_view::npos;  // a comment
      }
      continue;
    }
    if (at > 0 && (text[at - 1] | 0x20) == 'e') {
      return std::string_view::npos;  // perhaps E'…', where backslashes escape
    }
    at = text.find(byte, at + 1);  // a doubled quote closes and opens again
    if (at == std::string_view::npos) {
      return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

void Place::advance(std::string_view text) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (lines != 0) {
    line += lines;
    column = 1;
    text.remove_prefix(text.rfind('\n') + 1);
  }
  // Continuation bytes of UTF-8 begin no character.
  column += static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

void StatementReader::append(std::string_view bytes) {
  if (at_ > buffer_.size() / 2) {
    start_ = place();
    start_at_ = kNoOffset;
    origin_.advance(std::string_view(buffer_).substr(0, at_));
    buffer_.erase(0, at_);
    at_ = 0;
  }
  buffer_.append(bytes);
}

Place StatementReader::place() const {
  if (start_at_ == kNoOffset) {
    return start_;
  }
  Place place = origin_;
  place.advance(std::string_view(buffer_).substr(0, start_at_));
  return place;
}

void StatementReader::clear() {
  origin_.advance(buffer_);
  buffer_.clear();
  at_ = 0;
  start_at_ = 0;
  in_sql_ = false;
  reset_splitter_ = false;
  splitter_.reset();
}

// Skips white space and comments before a statement. False if more input is needed to know where it begins.
bool StatementReader::skipBlanks() {
  for (;;) {
    const std::string_view text = rest();
    const auto begin = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), isBlank) - text.begin());
    at_ += begin;
    const std::string_view head = rest();
    if (head.empty()) {
      return false;
    }
    if (head.size() == 1 && (head[0] == '-' || head[0] == '/') && !finished_) {
      return false;
    }
    std::size_t end = 0;
    if (head.starts_with("--")) {
      end = head.find('\n');
    } else if (head.starts_with("/*")) {
      end = blockCommentEnd(head);
    } else if (head[0] == ';') {
      end = 1;
    } else {
      return true;
    }
    if (end == std::string_view::npos) {
      if (finished_ && head[0] == '/') {
        return true;  // a comment that does not end: SQL has the words for that
      }
      if (finished_) {
        at_ += head.size();
      }
      return false;
    }
    at_ += end;
  }
}

InputKind StatementReader::next() {
  if (reset_splitter_) {
    splitter_.reset();
    reset_splitter_ = false;
  }
  if (!in_sql_) {
    if (!skipBlanks()) {
      return InputKind::kNone;
    }
    start_at_ = at_;
    const InputKind kind = startStatement();
    if (!in_sql_) {
      return kind;
    }
  }
  return takeSql();
}

// Looks at the first word. Sets in_sql_, or takes a line.
InputKind StatementReader::startStatement() {
  const std::string_view text = rest();
  const std::size_t line_end = std::min(text.find('\n'), text.size());
  const bool whole_line = line_end < text.size() || finished_;
  const auto word_end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), isLetter) - text.begin());
  if (word_end == text.size() && !whole_line) {
    return InputKind::kNone;
  }
  const std::string_view line = withoutTrailingBlanks(text.substr(0, line_end));
  if (text.starts_with("/*")) {
    return takeLine(InputKind::kSql, text.size());
  }
  if (text[0] == '.' || text[0] == '\\') {  // no command begins so; those of psql are answered by a hint to .help
    return whole_line ? takeLine(InputKind::kDot, line.size()) : InputKind::kNone;
  }
  const bool word_is_whole = word_end > 0 && (word_end == text.size() || isBlank(text[word_end]) || text[word_end] == ';' ||
                                              text[word_end] == '(' || text[word_end] == '-' || text[word_end] == '/' ||
                                              text[word_end] == '\'' || text[word_end] == '"' || text[word_end] == '*');
  const WordKind kind = text[0] == '('  ? WordKind::kSqlOnly
                        : word_is_whole ? classify(text.substr(0, word_end))
                                        : WordKind::kCommand;
  if (kind != WordKind::kSqlOnly && !whole_line) {
    return InputKind::kNone;
  }
  switch (kind) {
    case WordKind::kShared:
      in_sql_ = line.ends_with(';');
      break;
    case WordKind::kTransaction:
      if (line.find(';') == std::string_view::npos) {
        return takeLine(InputKind::kSql, line.size());
      }
      in_sql_ = true;
      break;
    case WordKind::kSqlOnly:
      in_sql_ = true;
      break;
    case WordKind::kCommand:
      break;
  }
  return in_sql_ ? InputKind::kNone : takeLine(InputKind::kCommand, line.size());
}

InputKind StatementReader::takeLine(InputKind kind, std::size_t length) {
  text_ = rest().substr(0, length);
  at_ += length;
  return kind;
}

InputKind StatementReader::takeSql() {
  if (splitter_.inside() == parser::StatementSplitter::Inside::kNothing) {
    if (const std::size_t size = plainStatementSize(rest()); size != std::string_view::npos) {
      text_ = withoutTrailingBlanks(rest().substr(0, size));
      at_ += size + 1;
      in_sql_ = false;
      return InputKind::kSql;
    }
  }
  at_ += splitter_.feed(rest());
  if (!splitter_.complete() && !finished_) {
    return InputKind::kNone;
  }
  in_sql_ = false;
  reset_splitter_ = true;
  text_ = withoutTrailingBlanks(splitter_.statement());
  return InputKind::kSql;
}

}  // namespace trefoil::repl
