// What Tab offers: commands from the command table, SQL words, names of the catalog, the shell's own commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parser/statement_splitter.hpp"
#include "repl/backend.hpp"
#include "repl/line_editor.hpp"

namespace trefoil::repl {

// `inside`: what the lines before have left open, if they began a SQL statement that goes on here.
LineEditor::Completion complete(std::string_view line, parser::StatementSplitter::Inside inside, Backend& backend);

}  // namespace trefoil::repl
