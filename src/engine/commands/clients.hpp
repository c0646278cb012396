// CLIENT LIST and CLIENT KILL: who is connected, and how to be rid of them.
#pragma once

#include "base/status.hpp"
#include "engine/command.hpp"

namespace trefoil::commands {

// https://redis.io/docs/latest/commands/client-list/
Status clientList(CommandCall& call);
// https://redis.io/docs/latest/commands/client-kill/
Status clientKill(CommandCall& call);

}  // namespace trefoil::commands
