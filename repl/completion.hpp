// What Tab offers: commands from the command table, SQL words, names of the catalog, the shell's own commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repl/backend.hpp"
#include "repl/line_editor.hpp"

namespace trefoil::repl {

// `continued`: the line goes on with a SQL statement that was begun on an earlier one.
LineEditor::Completion complete(std::string_view line, bool continued, Backend& backend);

}  // namespace trefoil::repl
