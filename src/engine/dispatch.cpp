// From a command's index to its handler, and the errors that many handlers share.
#include "base/ascii_case.hpp"
#include "engine/command.hpp"
#include "engine/command_meta.hpp"

namespace trefoil {

constexpr std::array<Handler, kCommandRows> kHandlers = {
#define COMMAND(name, arity, flags, group, categories, keys, tips, handler, since, summary, syntax) &commands::handler,
#include "engine/commands.def"
#undef COMMAND
};

Error wrongTypeError() {
  return {ErrorCode::kWrongType, "Operation against a key holding the wrong kind of value"};
}

Error syntaxError() {
  return {ErrorCode::kInvalid, "syntax error"};
}

Error notAnIntegerError() {
  return {ErrorCode::kInvalid, "value is not an integer or out of range"};
}

Error notAFloatError() {
  return {ErrorCode::kInvalid, "value is not a valid float"};
}

Error arityError(std::string_view command_name) {
  return {ErrorCode::kInvalid, "wrong number of arguments for '" + lowerCase(command_name) + "' command"};
}

// What checkArguments() has found; a container that is called by its name alone is none.
Status argumentsError(const CommandMeta& meta, std::span<const std::string_view> args) {
  const auto count = static_cast<int>(args.size());
  if (meta.arity > 0 ? count != meta.arity : count < -meta.arity) {
    return arityError(meta.name);
  }
  if ((meta.flags & kContainer) != 0 && count > 1) {
    return Error(ErrorCode::kInvalid,
                 "unknown subcommand '" + std::string(args[1].substr(0, 128)) + "'. Try " + std::string(meta.name) + " HELP.");
  }
  return {};
}

}  // namespace trefoil
