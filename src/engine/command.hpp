// What a command's handler gets and owes.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "base/status.hpp"
#include "base/types.hpp"
#include "engine/command_meta.hpp"
#include "engine/reply.hpp"
#include "engine/wait.hpp"
#include "kv/view.hpp"

namespace trefoil {

class Session;

// One call. The views in `args` are good until the handler returns.
struct CommandCall {
  std::span<const std::string_view> args;  // args[0] is the command's name as the client wrote it; arity is checked
  kv::View& kv;                            // live under the locks of the command's keys, or a transaction's; cannot be told apart
  Reply& reply;
  Session& session;
  UnixMs now;  // the statement's one clock reading
  int db;      // the session's logical database

  // Of a command that may have to wait (wait.hpp). Where it may, it says so here, having staged and pushed nothing; null: what it
  // answers when its time is over is its answer.
  std::optional<Wait>* wait = nullptr;
  // It has waited, and this key is ready: it looks at no other that it waits for.
  const std::string_view* ready = nullptr;
};

// Checks everything, then stages, then pushes its reply. An Error means that nothing was staged and nothing was pushed.
// May be called twice for one statement; the first call's effects and reply are then taken back.
using Handler = Status (*)(CommandCall& call);

// Handlers, one for each row of commands.def (several rows may share one). Of a subcommand's call args[1] is its name.
namespace commands {
#define COMMAND(name, arity, flags, group, categories, keys, tips, handler, since, summary, syntax) \
  Status handler(CommandCall& call);
#include "engine/commands.def"
#undef COMMAND
}  // namespace commands

// Each command's, as in kCommands.
extern const std::array<Handler, kCommandRows> kHandlers;
inline Handler handlerOf(int index) {
  return kHandlers[static_cast<std::size_t>(index)];
}

// Errors that many handlers share, with Redis's exact texts (without the "ERR " prefix, which redisErrorText adds).
Error wrongTypeError();
Error syntaxError();
Error notAnIntegerError();  // value is not an integer or out of range
Error notAFloatError();     // value is not a valid float
Error arityError(std::string_view command_name);

// Whether a call names a subcommand that there is and has as many arguments as its row takes. Comes before everything else, also
// in MULTI.
Status argumentsError(const CommandMeta& meta, std::span<const std::string_view> args);
inline Status checkArguments(const CommandMeta& meta, std::span<const std::string_view> args) {
  const auto count = static_cast<int>(args.size());
  const bool is_fine = (meta.arity > 0 ? count == meta.arity : count >= -meta.arity) && (meta.flags & kContainer) == 0;
  return is_fine ? Status() : argumentsError(meta, args);
}

}  // namespace trefoil
