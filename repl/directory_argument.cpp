#include "repl/directory_argument.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/ascii_case.hpp"
#include "engine/command_meta.hpp"
#include "parser/statement_words.hpp"
#include "repl/display_width.hpp"

namespace trefoil::repl {
namespace {

constexpr auto kSubcommands = std::to_array<std::string_view>({"serve", "connect", "check", "help", "version"});
// What programs of this kind call a subcommand or a database; here none.
constexpr auto kUsualWords = std::to_array<std::string_view>({"start", "stop", "run", "shell", "client", "cli", "sql", "repl"});

// One character too many, too few or wrong, or two exchanged.
bool isTypoOf(std::string_view word, std::string_view meant) {
  const auto same =
      static_cast<std::size_t>(std::mismatch(word.begin(), word.end(), meant.begin(), meant.end()).first - word.begin());
  const std::string_view a = word.substr(same);
  const std::string_view b = meant.substr(same);
  if (a.empty() || b.empty()) {
    return a.size() + b.size() <= 1;
  }
  return a.substr(1) == b || a == b.substr(1) || a.substr(1) == b.substr(1) ||
         (a.size() >= 2 && b.size() >= 2 && a[0] == b[1] && a[1] == b[0] && a.substr(2) == b.substr(2));
}

bool isPlain(std::string_view word) {
  while (!word.empty()) {
    const Character character = firstCharacter(word);
    if (!character.valid || isUnprintable(character.code) ||
        std::string_view(" ;'\"(*").find(word[0]) != std::string_view::npos) {
      return false;
    }
    word.remove_prefix(character.bytes);
  }
  return true;
}

Error noDirectory(const std::string& word, std::string hint) {
  return Error(ErrorCode::kInvalid, "there is no directory '" + word + "'").withHint(std::move(hint));
}

}  // namespace

Status checkDirectoryArgument(const std::string& word) {
  std::error_code ignored;
  const std::filesystem::path path(word);
  if (std::filesystem::is_directory(path, ignored)) {
    return {};
  }
  if (std::filesystem::exists(path, ignored)) {
    return Error(ErrorCode::kInvalid, "'" + word + "' is no directory")
        .withHint("a script is read from standard input: trefoil [DIR] < " + word);
  }
  if (word.find("://") != std::string::npos) {
    return noDirectory(word, "the shell on a server is: trefoil connect " + word);
  }
  if (!isPlain(word)) {
    return noDirectory(word, "a statement has a -c of its own before it; a new directory of that name is made by --dir");
  }
  const std::string anyway = "; a new database of that name is made by: trefoil ./" + word;
  if (word.find('/') == std::string::npos) {
    const std::string lower = lowerCase(word);
    for (const std::string_view subcommand : kSubcommands) {
      if (isTypoOf(lower, subcommand)) {
        return noDirectory(word, "perhaps you meant: trefoil " + std::string(subcommand) + anyway);
      }
    }
    if (findCommand(word) >= 0 || parser::statementWord(word) != parser::StatementWord::kNone) {
      return noDirectory(word, "a statement is run by: trefoil -c '" + word + "'" + anyway);
    }
    if (std::find(kUsualWords.begin(), kUsualWords.end(), lower) != kUsualWords.end()) {
      return noDirectory(word, "trefoil --help shows what there is" + anyway);
    }
  }
  const std::filesystem::path parent = std::filesystem::absolute(path, ignored).lexically_normal().parent_path();
  const std::filesystem::path above = path.filename().empty() ? parent.parent_path() : parent;
  if (!std::filesystem::is_directory(above, ignored)) {
    return noDirectory(word, "nor is there '" + above.string() + "', in which it could be made");
  }
  return {};
}

}  // namespace trefoil::repl
