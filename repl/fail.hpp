// What the program says when it cannot begin.
#pragma once

#include "base/status.hpp"

namespace trefoil::repl {

// Writes the error, with detail and hint, to stderr. Returns the exit code.
int fail(const Error& error);

}  // namespace trefoil::repl
