// From a command's index to its handler, and the errors that many handlers share.
#include <algorithm>
#include <vector>

#include "base/ascii_case.hpp"
#include "engine/command.hpp"
#include "engine/command_meta.hpp"

namespace trefoil {

namespace {

constexpr auto kHandlers = std::to_array<Handler>({
#define COMMAND(name, arity, flags, first, last, step, group, handler, since, summary, syntax) &commands::handler,
#include "engine/commands.def"
#undef COMMAND
});
static_assert(kHandlers.size() == kCommands.size());

}  // namespace

Handler handlerOf(int index) {
  return kHandlers[static_cast<std::size_t>(index)];
}

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

Status checkArguments(const CommandMeta& meta, std::span<const std::string_view> args) {
  const auto count = static_cast<int>(args.size());
  const auto fits = [&](int arity) { return arity > 0 ? count == arity : count >= -arity; };
  if (!fits(meta.arity)) {
    return arityError(meta.name);
  }
  if ((meta.flags & kSubcommanded) == 0 || count == 1) {
    return {};
  }
  for (const SubcommandMeta& subcommand : kSubcommands) {
    if (subcommand.command == meta.name && equalsIgnoringCase(subcommand.name, args[1])) {
      return fits(subcommand.arity) ? Status() : arityError(std::string(meta.name) + "|" + std::string(subcommand.name));
    }
  }
  return Error(ErrorCode::kInvalid,
               "unknown subcommand '" + std::string(args[1].substr(0, 128)) + "'. Try " + std::string(meta.name) + " HELP.");
}

Status replyHelp(std::string_view command_name, Reply& reply) {
  // What commands.def says of the arguments, one alternative in each line.
  std::string_view syntax = kCommands[static_cast<std::size_t>(findCommand(command_name))].syntax;
  if (syntax.starts_with('[')) {
    syntax = syntax.substr(1, syntax.size() - 2);
  }
  std::vector<std::string_view> lines;
  while (!syntax.empty()) {
    constexpr std::string_view kOr = " | ";
    const std::size_t end = std::min(syntax.find(kOr), syntax.size());
    lines.push_back(syntax.substr(0, end));
    syntax.remove_prefix(std::min(end + kOr.size(), syntax.size()));
  }
  reply.array(lines.size() + 1);
  reply.simple(std::string(command_name) + " <subcommand> [<arg> ...]. Subcommands are:");
  for (const std::string_view line : lines) {
    reply.simple(line);
  }
  return {};
}

}  // namespace trefoil
