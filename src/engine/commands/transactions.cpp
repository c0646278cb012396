// MULTI and its family; the work is in engine/exec_runner.cpp, execution.cpp.
#include "engine/command.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

Status multi(CommandCall& call) {
  TREFOIL_TRY(call.session.impl().beginMulti());
  call.reply.simple("OK");
  return {};
}

Status exec(CommandCall& call) {
  return call.session.impl().exec.execute(call.reply);
}

Status discard(CommandCall& call) {
  Session::Impl& session = call.session.impl();
  if (!session.queue.isOpen()) {
    return Error(ErrorCode::kInvalid, "DISCARD without MULTI");
  }
  session.queue.discard();
  session.watched.clear();
  call.reply.simple("OK");
  return {};
}

Status watch(CommandCall& call) {
  TREFOIL_TRY(call.session.impl().watch(call.args.subspan(1)));
  call.reply.simple("OK");
  return {};
}

Status unwatch(CommandCall& call) {
  call.session.impl().unwatch();
  call.reply.simple("OK");
  return {};
}

}  // namespace trefoil::commands
