#include "repl/completion.hpp"

#include <algorithm>
#include <array>

#include "engine/argument_grammar.hpp"
#include "engine/command_meta.hpp"
#include "parser/command_line.hpp"
#include "repl/dot_commands.hpp"

namespace trefoil::repl {
namespace {

constexpr auto kSqlWords = std::to_array<std::string_view>({"ALTER TABLE",
                                                            "AND",
                                                            "AS",
                                                            "ASC",
                                                            "BEGIN",
                                                            "BETWEEN",
                                                            "BIGINT",
                                                            "BLOB",
                                                            "BOOLEAN",
                                                            "BY",
                                                            "CASE",
                                                            "CHECK",
                                                            "CHECKPOINT",
                                                            "COMMIT",
                                                            "CREATE INDEX",
                                                            "CREATE TABLE",
                                                            "CREATE UNIQUE INDEX",
                                                            "DATE",
                                                            "DEFAULT",
                                                            "DELETE FROM",
                                                            "DESC",
                                                            "DISTINCT",
                                                            "DOUBLE PRECISION",
                                                            "DROP INDEX",
                                                            "DROP TABLE",
                                                            "ELSE",
                                                            "END",
                                                            "EXISTS",
                                                            "EXPLAIN",
                                                            "FALSE",
                                                            "FROM",
                                                            "GROUP BY",
                                                            "HAVING",
                                                            "IF EXISTS",
                                                            "IF NOT EXISTS",
                                                            "IN",
                                                            "INNER JOIN",
                                                            "INSERT INTO",
                                                            "INTEGER",
                                                            "IS NOT NULL",
                                                            "IS NULL",
                                                            "JOIN",
                                                            "JSON",
                                                            "LEFT JOIN",
                                                            "LIKE",
                                                            "LIMIT",
                                                            "NOT",
                                                            "NOT NULL",
                                                            "NULL",
                                                            "OFFSET",
                                                            "ON",
                                                            "OR",
                                                            "ORDER BY",
                                                            "PRIMARY KEY",
                                                            "REAL",
                                                            "REFERENCES",
                                                            "RETURNING",
                                                            "ROLLBACK",
                                                            "SAVEPOINT",
                                                            "SELECT",
                                                            "SET",
                                                            "SHOW",
                                                            "TEXT",
                                                            "THEN",
                                                            "TIMESTAMP",
                                                            "TRUE",
                                                            "TRUNCATE",
                                                            "UNION",
                                                            "UNIQUE",
                                                            "UPDATE",
                                                            "USING",
                                                            "VALUES",
                                                            "VARCHAR",
                                                            "VECTOR",
                                                            "WHEN",
                                                            "WHERE",
                                                            "WITH"});

char upper(char byte) {
  return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 32) : byte;
}

bool startsWith(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) { return upper(a) == upper(b); });
}

bool isWordByte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_' ||
         byte == '.' || (byte & 0x80) != 0;
}

// Offers `name` in the case that the user types in.
void offer(std::vector<std::string>& candidates, std::string_view name, std::string_view word) {
  if (!startsWith(name, word)) {
    return;
  }
  const bool lower = !word.empty() && std::none_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  std::string text(name);
  if (lower) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  }
  candidates.push_back(std::move(text));
}

// A quote of the other kind is a character of the text. Whether a backslash escapes depends on the language; here it does.
bool endsInQuotes(std::string_view line, parser::StatementSplitter::Inside inside) {
  char quote = inside == parser::StatementSplitter::Inside::kString ? '\''
               : inside == parser::StatementSplitter::Inside::kName ? '"'
                                                                    : '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (quote == '\0' && (line[i] == '\'' || line[i] == '"')) {
      quote = line[i];
    } else if (line[i] == quote) {
      quote = '\0';
    }
  }
  return quote != '\0';
}

// As SQL has to be told it: in quotes, unless it is one word in small letters.
std::string asIdentifier(std::string name) {
  const bool plain = !name.empty() && (name[0] < '0' || name[0] > '9') && std::all_of(name.begin(), name.end(), [](char c) {
    return isWordByte(c) && c != '.' && !(c >= 'A' && c <= 'Z');
  });
  if (plain) {
    return name;
  }
  std::string out = "\"";
  for (const char c : name) {
    out += c;
    if (c == '"') {
      out += c;
    }
  }
  return out + "\"";
}

void offerSql(std::vector<std::string>& candidates, std::string_view word, Backend& backend) {
  for (const std::string_view name : kSqlWords) {
    offer(candidates, name, word);
  }
  for (std::string& name : backend.names()) {
    if (startsWith(name, word)) {
      candidates.push_back(asIdentifier(std::move(name)));
    }
  }
}

// Behind a command's name: the subcommands and the words that its grammar has at this place, and, if there are none, what the
// arguments are.
void offerArguments(LineEditor::Completion& result, std::string_view line) {
  result.word_begin = line.find_last_of(" \t") + 1;  // a command's words are those between blanks
  const std::string_view word = line.substr(result.word_begin);
  const Result<std::vector<std::string>> split = parser::splitCommandLine(line.substr(0, result.word_begin));
  if (!split.ok()) {
    return;
  }
  const std::vector<std::string_view> words(split->begin(), split->end());
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(findCall(words))];
  for (const CommandMeta& subcommand : words.size() == 1 ? subcommandsOf(meta) : std::span<const CommandMeta>()) {
    offer(result.candidates, subcommandName(subcommand), word);
  }
  const std::vector<Argument> arguments = argumentsOf(meta);
  const std::size_t name_words = isSubcommand(meta) ? 2 : 1;
  const NextArguments next = nextArguments(arguments, std::span(words).subspan(name_words));
  if (!word.empty()) {
    for (const std::string& token : next.tokens) {
      offer(result.candidates, token, word);
    }
  }
  std::string name(meta.name);
  std::replace(name.begin(), name.end(), '|', ' ');
  result.hint = name + " " + describeArguments(arguments) + "\n" + std::string(meta.summary);
}

}  // namespace

LineEditor::Completion complete(std::string_view line, parser::StatementSplitter::Inside inside, Backend& backend) {
  const bool continued = inside != parser::StatementSplitter::Inside::kNothing;
  LineEditor::Completion result;
  result.in_quotes = endsInQuotes(line, inside);
  if (result.in_quotes) {
    return result;
  }
  std::size_t begin = line.size();
  while (begin > 0 && isWordByte(line[begin - 1])) {
    --begin;
  }
  result.word_begin = begin;
  const std::string_view word = line.substr(begin);
  const std::size_t first_begin = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t first_end = std::min(line.find_first_of(" \t", first_begin), line.size());
  const std::string_view first = line.substr(first_begin, first_end - first_begin);
  const bool at_first = begin == first_begin && !continued;
  if (at_first && word.starts_with('.')) {
    for (const DotCommand& command : dotCommands()) {
      offer(result.candidates, command.name, word);
    }
  } else if (at_first) {
    for (const CommandMeta& command : kCommands) {
      if (!isSubcommand(command)) {
        offer(result.candidates, command.name, word);
      }
    }
    for (const std::string_view name : kSqlWords) {
      offer(result.candidates, name, word);
    }
  } else if (const int command = continued ? -1 : findCommand(first); command >= 0 && !startsWith(first, "SELECT")) {
    offerArguments(result, line);
  } else if (!word.empty()) {
    offerSql(result.candidates, word, backend);
  }
  std::sort(result.candidates.begin(), result.candidates.end());
  result.candidates.erase(std::unique(result.candidates.begin(), result.candidates.end()), result.candidates.end());
  return result;
}

}  // namespace trefoil::repl
