#include "engine/command_notes.hpp"

#include <array>

namespace trefoil {

namespace {

constexpr std::array<CommandNotes, kCommandRows> kNotes = {{
#define NOTES(name, complexity, history) {name, complexity, history},
#include "engine/command_notes.def"
#undef NOTES
}};

constexpr std::array<std::string_view, kCommandRows> kNames = {{
#define COMMAND(name, ...) name,
#include "engine/commands.def"
#undef COMMAND
}};

consteval bool rowsAgree() {
  for (std::size_t i = 0; i < kNotes.size(); ++i) {
    if (kNotes[i].name != kNames[i] || kNotes[i].complexity.empty()) {
      return false;
    }
  }
  return true;
}
static_assert(rowsAgree(), "command_notes.def: a row for each command, in the order of commands.def, with its complexity");

}  // namespace

const CommandNotes& notesOf(const CommandMeta& meta) {
  return kNotes[static_cast<std::size_t>(&meta - kCommands.data())];
}

std::vector<CommandChange> changesIn(std::string_view history) {
  std::vector<CommandChange> changes;
  while (!history.empty()) {
    constexpr std::string_view kSeparator = "; ";
    const std::size_t end = history.find(kSeparator);
    const std::string_view change = history.substr(0, end);
    const std::size_t blank = change.find(' ');
    changes.push_back({change.substr(0, blank), change.substr(blank + 1)});
    history.remove_prefix(end == std::string_view::npos ? history.size() : end + kSeparator.size());
  }
  return changes;
}

}  // namespace trefoil
