// One byte at a time, as a piece may end anywhere; it knows of tokens only what it takes to tell a ';' that ends a statement from
// one that does not. tests/parser/statement_splitter_test.cpp holds it against ShapeScanner, which sees the whole text.
#include "parser/statement_splitter.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.hpp"
#include "parser/sql_tokens.hpp"

namespace trefoil::parser {

namespace {

// Bytes that in plain text are only themselves: they neither open, close nor end anything, nor may they begin a comment or a
// prefix.
constexpr std::array<bool, 256> makeDullBytes() {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    table[c] = std::string_view(";'\"-/()eE").find(static_cast<char>(c)) == std::string_view::npos;
  }
  return table;
}
constexpr std::array<bool, 256> kDullBytes = makeDullBytes();

}  // namespace

void StatementSplitter::Place::advance(std::string_view over) {
  const std::size_t last_newline = over.rfind('\n');
  if (last_newline == std::string_view::npos) {
    column += over.size();
    return;
  }
  line += static_cast<std::size_t>(std::count(over.begin(), over.end(), '\n'));
  column = over.size() - last_newline;
}

std::size_t StatementSplitter::feed(std::string_view bytes) {
  TREFOIL_ASSERT(!complete_);
  std::size_t from = 0;     // of the statement, in `bytes`
  std::size_t counted = 0;  // place_ is up to here
  std::size_t at = 0;
  while (at < bytes.size() && !complete_) {
    if (const std::size_t dull = skipDull(bytes.substr(at)); dull != 0) {
      at += dull;
      continue;
    }
    const char c = bytes[at];
    if (mode_ != Mode::kPlain) {
      takeInside(c);
    } else if (c == ';') {
      complete_ = true;
    } else if (started_ || !isOfClass(c, kSpaceClass)) {
      if (!started_) {
        started_ = true;
        only_first_byte_ = true;
        place_.advance(bytes.substr(counted, at - counted));
        counted = at;
        start_ = place_;
        from = at;
      } else if (only_first_byte_) {
        only_first_byte_ = false;
        if ((previous_ == '-' && c == '-') || (previous_ == '/' && c == '*')) {
          started_ = false;  // the statement has not begun yet: this is a comment before it
          text_.clear();
        }
      }
      takePlain(c);
    }
    ++at;
  }
  place_.advance(bytes.substr(counted, at - counted));
  if (started_) {
    text_.append(bytes.substr(from, at - from - (complete_ ? 1 : 0)));
  }
  return at;
}

std::size_t StatementSplitter::skipDull(std::string_view bytes) {
  std::size_t at = 0;
  if (mode_ == Mode::kString || mode_ == Mode::kName) {
    const void* quote = std::memchr(bytes.data(), mode_ == Mode::kName ? '"' : '\'', bytes.size());
    return quote == nullptr ? bytes.size() : static_cast<std::size_t>(static_cast<const char*>(quote) - bytes.data());
  }
  if (mode_ != Mode::kPlain || !started_ || only_first_byte_ || previous_ == '/') {
    return 0;
  }
  bool word = word_;
  while (at < bytes.size()) {
    const char c = bytes[at];
    if (!kDullBytes[static_cast<std::uint8_t>(c)] && !(word && toLowerAscii(c) == 'e')) {  // inside a word an e is no prefix
      break;
    }
    word = isOfClass(c, kIdentifierRestClass);
    ++at;
  }
  if (at != 0) {
    word_ = word;
    previous_ = '\0';
    prefix_ = false;
  }
  return at;
}

void StatementSplitter::takePlain(char c) {
  const char previous = previous_;
  const bool prefix = prefix_;
  previous_ = '\0';
  prefix_ = false;
  if ((c == '\'' || c == '"') && previous == c) {
    mode_ = closed_;  // a doubled quote
    return;
  }
  if (previous == '-' && c == '-') {
    return openComment(Mode::kLineComment);
  }
  if (previous == '/' && c == '*') {
    return openComment(Mode::kBlockComment);
  }
  const bool goes_on = word_;
  word_ = isOfClass(c, kIdentifierRestClass);
  switch (c) {
    case '-':
    case '/':
      previous_ = c;
      break;
    case '\'':
      mode_ = prefix ? Mode::kEscapeString : Mode::kString;
      break;
    case '"':
      mode_ = Mode::kName;
      break;
    case '(':
      ++parentheses_;
      break;
    case ')':
      parentheses_ -= parentheses_ > 0 ? 1 : 0;
      break;
    case 'e':
    case 'E':
      prefix_ = !goes_on;
      break;
    default:
      break;
  }
}

void StatementSplitter::openComment(Mode mode) {
  mode_ = mode;
  comment_depth_ = 1;
  word_ = false;
}

void StatementSplitter::takeInside(char c) {
  const char previous = previous_;
  previous_ = '\0';
  switch (mode_) {
    case Mode::kEscapeString:
      if (escaped_ || c == '\\') {
        escaped_ = !escaped_;
        return;
      }
      [[fallthrough]];
    case Mode::kString:
    case Mode::kName:
      if (c == (mode_ == Mode::kName ? '"' : '\'')) {
        closed_ = mode_;
        mode_ = Mode::kPlain;
        previous_ = c;
        word_ = false;
      }
      return;
    case Mode::kLineComment:
      mode_ = c == '\n' ? Mode::kPlain : mode_;
      return;
    case Mode::kBlockComment:
      if (previous == '*' && c == '/') {
        --comment_depth_;
        mode_ = comment_depth_ == 0 ? Mode::kPlain : mode_;
      } else if (previous == '/' && c == '*') {
        ++comment_depth_;
      } else {
        previous_ = c;
      }
      return;
    case Mode::kPlain:
      return;
  }
}

void StatementSplitter::skip(std::string_view bytes) {
  place_.advance(bytes);
}

StatementSplitter::Inside StatementSplitter::inside() const {
  switch (mode_) {
    case Mode::kString:
    case Mode::kEscapeString:
      return Inside::kString;
    case Mode::kName:
      return Inside::kName;
    case Mode::kBlockComment:
      return Inside::kComment;
    case Mode::kLineComment:
    case Mode::kPlain:
      break;
  }
  if (!started_) {
    return Inside::kNothing;
  }
  return parentheses_ > 0 ? Inside::kParentheses : Inside::kStatement;
}

void StatementSplitter::reset() {
  const Place place = place_;
  std::string text = std::move(text_);
  text.clear();  // its memory stays for the next statement
  *this = StatementSplitter();
  text_ = std::move(text);
  place_ = place;
}

}  // namespace trefoil::parser
