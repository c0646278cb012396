// `trefoil serve`: the database behind the network front end, until somebody says stop.
#pragma once

#include "base/settings.hpp"

namespace trefoil::repl {

// Runs until SIGTERM, SIGINT or SHUTDOWN; returns the process's exit code.
int serve(Settings& settings);

}  // namespace trefoil::repl
