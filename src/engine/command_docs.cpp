#include "engine/command_docs.hpp"

#include <algorithm>

#include "engine/argument_grammar.hpp"
#include "engine/command_meta.hpp"
#include "engine/command_notes.hpp"

namespace trefoil {

namespace {

// '|' separates a table's cells.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '|' ? "\\|" : std::string(1, c);
  }
  return escaped;
}

std::string keysOf(const CommandMeta& command) {
  if (command.keys.empty()) {
    return (command.flags & (kWholeDatabase | kAllDatabases)) != 0 ? "all" : "";
  }
  const KeySpec& only = *command.keys.begin();
  return command.keys.size() == 1 && only.find == KeySpec::Find::kRange && only.last == 0 ? "one" : "several";
}

// "CLIENT ID"
std::string spokenName(const CommandMeta& command) {
  std::string name(command.name);
  std::replace(name.begin(), name.end(), '|', ' ');
  return name;
}

}  // namespace

// Of a command that has subcommands they are listed, and the command itself if it does something alone.
std::string commandsMarkdown() {
  std::string text =
      "# Commands\n\nMade from src/engine/commands.def and command_notes.def. Replies and error texts are Redis's.\n";
  for (std::size_t i = 0; i < kGroupNames.size(); ++i) {
    std::string rows;
    for (const CommandMeta& command : kCommands) {
      if (static_cast<std::size_t>(command.group) == i && ((command.flags & kContainer) == 0 || command.arity == -1)) {
        const std::string arguments = describeArguments(argumentsOf(command));
        rows += "| `" + spokenName(command) + (arguments.empty() ? "" : " " + cell(arguments)) + "` | " + keysOf(command) +
                " | " + cell(command.summary) + " | " + cell(notesOf(command).complexity) + " |\n";
      }
    }
    if (!rows.empty()) {
      text += "\n## " + std::string(kGroupNames[i]) + "\n\n| command | keys | what it does | complexity |\n|-|-|-|-|\n" + rows;
    }
  }
  return text;
}

}  // namespace trefoil
