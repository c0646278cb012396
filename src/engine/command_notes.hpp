// What there is to say of a command beside what follows from its row of the table: for COMMAND DOCS and docs/commands.md.
// Rows are in command_notes.def.
#pragma once

#include <string_view>
#include <vector>

#include "engine/command_meta.hpp"

namespace trefoil {

struct CommandNotes {
  std::string_view name;
  std::string_view complexity;  // how its work grows
  std::string_view history;     // see changesIn()
};
const CommandNotes& notesOf(const CommandMeta& meta);

// What a version of Redis has added.
struct CommandChange {
  std::string_view version;
  std::string_view text;
};
std::vector<CommandChange> changesIn(std::string_view history);

}  // namespace trefoil
