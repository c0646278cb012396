#include "engine/commands/lanes.hpp"

#include "base/gate.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

namespace {

// About a quarter of a microsecond each.
constexpr std::size_t kMany = 300;

}  // namespace

bool leavesLoop(CommandCall& call, bool takes_long) {
  Session::Impl& session = call.session.impl();
  if (!takes_long || !session.control.onLoop() || session.exec.isRunning()) {
    return false;
  }
  session.control.leaveLoop();
  return true;
}

bool areManySessions(const CommandCall& call) {
  return call.session.impl().database.sessionCount() > kMany;
}

bool isMuchToSurvey(const CommandCall& call) {
  Database::Impl& database = call.session.impl().database;
  sql::Store& tables = database.manager().sql();
  const SharedGuard catalog(tables.catalogGate());
  return tables.tableCount() + database.sessionCount() > kMany;
}

}  // namespace trefoil::commands
