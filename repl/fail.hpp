// What the program says when something went wrong.
#pragma once

#include <string_view>

#include "base/status.hpp"

namespace trefoil::repl {

// Writes lines to stderr. Messages quote names, values and arguments: what would drive a terminal is shown escaped.
void writeError(std::string_view text);

// For a program that cannot begin: writes the error, with detail and hint. Returns the exit code.
int fail(const Error& error);

}  // namespace trefoil::repl
