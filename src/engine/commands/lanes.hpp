// For handlers of commands about sessions and the server, which run on event loops: what takes long there is left to a worker.
#pragma once

#include <cstddef>

#include "engine/command.hpp"

namespace trefoil::commands {

// If it takes long and this is an event loop: true, and the handler returns, having done nothing. It is called again elsewhere.
// (What EXEC runs is where it is already.)
bool leavesLoop(CommandCall& call, bool takes_long);

// Going through all sessions takes long; or through all sessions and tables, for a command that is not run within EXEC, whose
// locks come behind the catalog's.
bool areManySessions(const CommandCall& call);
bool isMuchToSurvey(const CommandCall& call);

}  // namespace trefoil::commands
