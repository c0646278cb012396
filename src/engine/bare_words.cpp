#include "engine/bare_words.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/ascii_case.hpp"
#include "parser/statement_words.hpp"

namespace trefoil {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
// Characters that operators end in.
constexpr std::string_view kOperators = "=<>~+*/%|&^#!@-";
// Words behind which a value stands.
constexpr auto kBeforeValue =
    std::to_array<std::string_view>({"AND", "BETWEEN", "DATE", "DEFAULT", "ELSE", "ESCAPE", "ILIKE", "INTERVAL", "LIKE", "THEN",
                                     "TIME", "TIMESTAMP", "TIMESTAMPTZ", "TO", "WHEN"});

bool isPlain(std::string_view word) {
  const std::string_view rest = word.substr(word.starts_with('+') || word.starts_with('-') ? 1 : 0);
  return std::all_of(rest.begin(), rest.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
  });
}

// Whether a client's quotes must have held this word together.
bool wasQuoted(std::string_view word) {
  return word.empty() || (word.find_first_of(kBlanks) != std::string_view::npos &&
                          std::string_view("'\"(").find(word[0]) == std::string_view::npos);
}

void appendQuoted(std::string& text, std::string_view word) {
  text += '\'';
  for (const char c : word) {
    text.append(c == '\'' ? 2 : 1, c);
  }
  text += '\'';
}

// What stands before the next word: how the text so far ends, and whether its innermost parentheses hold a query.
class Place {
 public:
  void pass(std::string_view word) {
    last_ = word;
    std::size_t name_at = 0;
    for (std::size_t i = 0; i < word.size(); ++i) {
      const char c = word[i];
      if (quote_ != '\0') {
        quote_ = c == quote_ ? '\0' : quote_;
      } else if (c == '\'' || c == '"') {
        quote_ = c;
      } else if (c == '(') {
        holds_query_.push_back(false);
        name_at = i + 1;
      } else if (c == ')' && holds_query_.size() > 1) {
        holds_query_.pop_back();
      }
    }
    if (quote_ == '\0' && equalsIgnoringCase(word.substr(name_at), "SELECT")) {
      holds_query_.back() = true;
    }
  }
  void passText() { last_ = "'"; }

  [[nodiscard]] bool wantsValue() const {
    const char end = last_.empty() ? '\0' : last_.back();
    if (quote_ != '\0') {
      return false;
    }
    if (end == '(' || end == ',') {
      return !holds_query_.back();
    }
    return kOperators.find(end) != std::string_view::npos ||
           std::any_of(kBeforeValue.begin(), kBeforeValue.end(),
                       [this](std::string_view word) { return equalsIgnoringCase(word, last_); });
  }

 private:
  std::string_view last_;
  std::vector<bool> holds_query_{true};  // of each pair of parentheses that is open, and the statement around them
  char quote_ = '\0';                    // of a text that began in an earlier word
};

}  // namespace

bool areSql(std::span<const std::string_view> words) {
  if (equalsIgnoringCase(words[0], "SELECT") && words.size() <= 3 && std::all_of(words.begin() + 1, words.end(), isPlain)) {
    return false;
  }
  return parser::statementWord(words[0].substr(0, words[0].find_first_of(" \t\r\n(;"))) != parser::StatementWord::kNone;
}

Result<std::string> sqlFromWords(std::span<const std::string_view> words) {
  std::string text;
  Place place;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    text += i == 0 ? "" : " ";
    if (i == 0 || !wasQuoted(word)) {
      text += word;
      place.pass(word);
    } else if (place.wantsValue()) {
      appendQuoted(text, word);
      place.passText();
    } else {
      constexpr std::size_t kShown = 64;
      return Error(ErrorCode::kSyntax, "\"" + std::string(word.substr(0, kShown)) +
                                           "\" may be a text, an identifier or SQL: the client took its quotes")
          .withHint("Send the statement as one argument: SQL \"SELECT …\".");
    }
  }
  return text;
}

}  // namespace trefoil
