// The interactive shell: reads lines with editing, runs what is complete, and shows in its prompt what is open.
//
//   trefoil>       ready                          trefoil*>      inside BEGIN or MULTI
//        ...>      a SQL statement goes on              '...>    inside a string     (...>   inside parentheses
#pragma once

#include <string>

#include "repl/backend.hpp"
#include "repl/runner.hpp"

namespace trefoil::repl {

// Returns when the user leaves. `name` begins the prompt.
void runShell(Backend& backend, Runner& runner, const std::string& name);

}  // namespace trefoil::repl
