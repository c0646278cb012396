// A line of the REPL or an inline command of RESP, cut into its arguments by Redis's quoting rules (command_line_grammar.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace trefoil::parser {

// The arguments without their quotes; they may hold any bytes. An empty or blank line has none. The only error is kSyntax
// "unbalanced quotes in request", at the quote that is not closed or is not followed by a space.
Result<std::vector<std::string>> splitCommandLine(std::string_view line);

// `argument` as it must be written to come back from splitCommandLine: as it is, or in double quotes with escapes.
std::string quoteArgument(std::string_view argument);

}  // namespace trefoil::parser
