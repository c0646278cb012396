#include "engine/command_docs.hpp"

#include "engine/command_meta.hpp"

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
  if (command.first_key == 0) {
    return (command.flags & (kWholeDatabase | kAllDatabases)) != 0 ? "all" : "";
  }
  return command.first_key == command.last_key ? "one" : "several";
}

}  // namespace

std::string commandsMarkdown() {
  constexpr std::array kGroups = {CommandGroup::kString, CommandGroup::kList,         CommandGroup::kHash,
                                  CommandGroup::kSet,    CommandGroup::kSortedSet,    CommandGroup::kGeneric,
                                  CommandGroup::kSql,    CommandGroup::kTransactions, CommandGroup::kConnection,
                                  CommandGroup::kServer};
  std::string text = "# Commands\n\nMade from src/engine/commands.def. Replies and error texts are Redis's.\n";
  for (const CommandGroup group : kGroups) {
    text += "\n## " + std::string(groupName(group)) + "\n\n| command | keys | what it does |\n|-|-|-|\n";
    for (const CommandMeta& command : kCommands) {
      if (command.group == group) {
        const std::string syntax = command.syntax.empty() ? "" : " " + cell(command.syntax);
        text += "| `" + std::string(command.name) + syntax + "` | " + keysOf(command) + " | " + cell(command.summary) + " |\n";
      }
    }
  }
  return text;
}

}  // namespace trefoil
