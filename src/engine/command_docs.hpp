// The command table as a page of documentation: docs/commands.md is its output, and a test fails when they differ.
#pragma once

#include <string>

namespace trefoil {

// Markdown: a table for each group, a row for each command.
std::string commandsMarkdown();

}  // namespace trefoil
