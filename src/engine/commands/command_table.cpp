// COMMAND and HELP: what the command table says, as Redis says it. https://redis.io/docs/latest/commands/command/
#include <algorithm>
#include <bit>
#include <vector>

#include "base/ascii_case.hpp"
#include "base/glob.hpp"
#include "engine/argument_grammar.hpp"
#include "engine/command.hpp"
#include "engine/command_meta.hpp"
#include "engine/command_notes.hpp"

namespace trefoil::commands {

namespace {

const CommandMeta& row(int index) {
  return kCommands[static_cast<std::size_t>(index)];
}

// The commands themselves, without their subcommands.
std::vector<const CommandMeta*> allCommands() {
  std::vector<const CommandMeta*> commands;
  for (const CommandMeta& meta : kCommands) {
    if (!isSubcommand(meta)) {
      commands.push_back(&meta);
    }
  }
  return commands;
}

std::vector<std::string_view> wordsOf(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::string_view word = key_spec_text::takeWord(text); !word.empty(); word = key_spec_text::takeWord(text)) {
    words.push_back(word);
  }
  return words;
}

// Names of set bits.
template <typename Names>
void pushBits(const Names& names, std::uint32_t bits, std::string_view prefix, Reply& reply) {
  reply.set(static_cast<std::size_t>(std::popcount(bits)));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if ((bits & (1U << i)) != 0) {
      reply.simple(std::string(prefix).append(names[i]));
    }
  }
}

void pushFlags(const CommandMeta& meta, bool movable_keys, Reply& reply) {
  std::vector<std::string_view> names;
  for (const CommandFlagName& flag : kCommandFlagNames) {
    if ((meta.flags & flag.flag) != 0) {
      names.push_back(flag.name);
    }
  }
  if (movable_keys) {
    names.emplace_back("movablekeys");
  }
  reply.set(names.size());
  for (const std::string_view name : names) {
    reply.simple(name);
  }
}

void pushNumber(std::string_view name, std::int64_t value, Reply& reply) {
  reply.bulk(name);
  reply.integer(value);
}

void pushBeginSearch(const KeySpec& spec, Reply& reply) {
  reply.map(2);
  reply.bulk("type");
  switch (spec.begin) {
    case KeySpec::Begin::kIndex:
      reply.bulk("index");
      reply.bulk("spec");
      reply.map(1);
      return pushNumber("index", spec.index, reply);
    case KeySpec::Begin::kKeyword:
      reply.bulk("keyword");
      reply.bulk("spec");
      reply.map(2);
      reply.bulk("keyword");
      reply.bulk(spec.keyword);
      return pushNumber("startfrom", spec.index, reply);
    case KeySpec::Begin::kUnknown:
      reply.bulk("unknown");
      reply.bulk("spec");
      return reply.map(0);
  }
}

void pushFindKeys(const KeySpec& spec, Reply& reply) {
  reply.map(2);
  reply.bulk("type");
  switch (spec.find) {
    case KeySpec::Find::kRange:
      reply.bulk("range");
      reply.bulk("spec");
      reply.map(3);
      pushNumber("lastkey", spec.last, reply);
      pushNumber("keystep", spec.step, reply);
      return pushNumber("limit", spec.limit, reply);
    case KeySpec::Find::kNumKeys:
      reply.bulk("keynum");
      reply.bulk("spec");
      reply.map(3);
      pushNumber("keynumidx", 0, reply);
      pushNumber("firstkey", 1, reply);
      return pushNumber("keystep", 1, reply);
    case KeySpec::Find::kUnknown:
      reply.bulk("unknown");
      reply.bulk("spec");
      return reply.map(0);
  }
}

void pushKeySpec(const KeySpec& spec, Reply& reply) {
  reply.map(spec.notes.empty() ? 3 : 4);
  if (!spec.notes.empty()) {
    reply.bulk("notes");
    reply.bulk(spec.notes);
  }
  reply.bulk("flags");
  pushBits(kKeyFlagNames, spec.flags, "", reply);
  reply.bulk("begin_search");
  pushBeginSearch(spec, reply);
  reply.bulk("find_keys");
  pushFindKeys(spec, reply);
}

void pushInfo(const CommandMeta& meta, Reply& reply) {
  const LegacyKeys keys = legacyKeys(meta.keys);
  reply.array(10);
  reply.bulk(lowerCase(meta.name));
  reply.integer(meta.arity);
  pushFlags(meta, keys.movable, reply);
  reply.integer(keys.first);
  reply.integer(keys.last);
  reply.integer(keys.step);
  pushBits(kAclCategories, meta.categories, "@", reply);
  const std::vector<std::string_view> tips = wordsOf(meta.tips);
  reply.set(tips.size());
  for (const std::string_view tip : tips) {
    reply.bulk(tip);
  }
  reply.set(meta.keys.size());
  for (const KeySpec& spec : meta.keys) {
    pushKeySpec(spec, reply);
  }
  const std::span<const CommandMeta> subcommands = subcommandsOf(meta);
  subcommands.empty() ? reply.set(0) : reply.array(subcommands.size());
  for (const CommandMeta& subcommand : subcommands) {
    pushInfo(subcommand, reply);
  }
}

void pushArguments(std::span<const Argument> arguments, Reply& reply) {
  reply.array(arguments.size());
  for (const Argument& argument : arguments) {
    const bool has_flags = argument.optional || argument.multiple || argument.multiple_token;
    reply.map(2 + (argument.key_spec ? 1 : 0) + (argument.token.empty() ? 0 : 1) + (has_flags ? 1 : 0) +
              (argument.arguments.empty() ? 0 : 1));
    reply.bulk("name");
    reply.bulk(argument.name);
    reply.bulk("type");
    reply.bulk(argumentTypeName(argument.type));
    if (argument.key_spec) {
      pushNumber("key_spec_index", *argument.key_spec, reply);
    }
    if (!argument.token.empty()) {
      reply.bulk("token");
      reply.bulk(argument.token);
    }
    if (has_flags) {
      constexpr auto kNames = std::to_array<std::string_view>({"optional", "multiple", "multiple_token"});
      reply.bulk("flags");
      pushBits(kNames, (argument.optional ? 1U : 0U) | (argument.multiple ? 2U : 0U) | (argument.multiple_token ? 4U : 0U), "",
               reply);
    }
    if (!argument.arguments.empty()) {
      reply.bulk("arguments");
      pushArguments(argument.arguments, reply);
    }
  }
}

void pushDocs(std::span<const CommandMeta* const> commands, Reply& reply);

void pushDocs(const CommandMeta& meta, Reply& reply) {
  const std::vector<Argument> arguments = argumentsOf(meta);
  const CommandNotes& notes = notesOf(meta);
  const std::vector<CommandChange> history = changesIn(notes.history);
  std::vector<const CommandMeta*> subcommands;
  for (const CommandMeta& subcommand : subcommandsOf(meta)) {
    subcommands.push_back(&subcommand);
  }
  reply.bulk(lowerCase(meta.name));
  reply.map(4 + (history.empty() ? 0 : 1) + (arguments.empty() ? 0 : 1) + (subcommands.empty() ? 0 : 1));
  reply.bulk("summary");
  reply.bulk(meta.summary);
  reply.bulk("since");
  reply.bulk(meta.since);
  reply.bulk("group");
  reply.bulk(groupName(meta.group));
  reply.bulk("complexity");
  reply.bulk(notes.complexity);
  if (!history.empty()) {
    reply.bulk("history");
    reply.set(history.size());
    for (const CommandChange& change : history) {
      reply.array(2);
      reply.bulk(change.version);
      reply.bulk(change.text);
    }
  }
  if (!arguments.empty()) {
    reply.bulk("arguments");
    pushArguments(arguments, reply);
  }
  if (!subcommands.empty()) {
    reply.bulk("subcommands");
    pushDocs(subcommands, reply);
  }
}

void pushDocs(std::span<const CommandMeta* const> commands, Reply& reply) {
  reply.map(commands.size());
  for (const CommandMeta* meta : commands) {
    pushDocs(*meta, reply);
  }
}

// A key of a call: which argument, and its KeyFlags.
struct FoundKey {
  std::size_t index;
  std::uint16_t flags;
};

Result<std::vector<FoundKey>> keysOf(std::span<const std::string_view> args) {
  const int index = findCall(args);
  const bool unknown_subcommand = index >= 0 && (row(index).flags & kContainer) != 0 && args.size() > 1;
  if (index < 0 || unknown_subcommand) {
    return Error(ErrorCode::kInvalid, "Invalid command specified");
  }
  const CommandMeta& meta = row(index);
  const auto is_key = [](const KeySpec& spec) { return (spec.flags & kKeyNotKey) == 0; };
  if (std::none_of(meta.keys.begin(), meta.keys.end(), is_key)) {
    return Error(ErrorCode::kInvalid, "The command has no key arguments");
  }
  if (!checkArguments(meta, args).ok()) {
    return Error(ErrorCode::kInvalid, "Invalid number of arguments specified for command");
  }
  std::vector<FoundKey> found;
  forEachKey(meta, args, [&](std::size_t at, std::uint16_t flags) { found.push_back({at, keyFlagsOf(meta, args, flags)}); });
  const bool lacks_keys = std::any_of(meta.keys.begin(), meta.keys.end(), [&](const KeySpec& spec) {
    const KeyRange range = spec.locate(args);
    return is_key(spec) && spec.begin == KeySpec::Begin::kIndex && range.last < range.first;
  });
  if ((lacks_keys || found.empty()) && (meta.flags & kNoMandatoryKeys) == 0) {
    return Error(ErrorCode::kInvalid, "Invalid arguments specified for command");
  }
  return found;
}

}  // namespace

Status command(CommandCall& call) {
  const std::vector<const CommandMeta*> commands = allCommands();
  call.reply.array(commands.size());
  for (const CommandMeta* meta : commands) {
    pushInfo(*meta, call.reply);
  }
  return {};
}

Status commandCount(CommandCall& call) {
  call.reply.integer(static_cast<std::int64_t>(allCommands().size()));
  return {};
}

Status commandInfo(CommandCall& call) {
  if (call.args.size() == 2) {
    return command(call);
  }
  call.reply.array(call.args.size() - 2);
  for (const std::string_view name : call.args.subspan(2)) {
    if (const int index = findByFullName(name); index >= 0) {
      pushInfo(row(index), call.reply);
    } else {
      call.reply.null();
    }
  }
  return {};
}

Status commandDocs(CommandCall& call) {
  std::vector<const CommandMeta*> found;
  for (const std::string_view name : call.args.subspan(2)) {
    if (const int index = findByFullName(name); index >= 0) {
      found.push_back(&row(index));
    }
  }
  pushDocs(call.args.size() == 2 ? allCommands() : found, call.reply);
  return {};
}

// Subcommands, too. There are no modules, so a filter by one leaves nothing.
Status commandList(CommandCall& call) {
  const bool filtered = call.args.size() == 5 && equalsIgnoringCase(call.args[2], "FILTERBY");
  const std::string by = filtered ? upperCase(call.args[3]) : "";
  if (call.args.size() != 2 && by != "MODULE" && by != "ACLCAT" && by != "PATTERN") {
    return syntaxError();
  }
  std::vector<std::string> names;
  for (const CommandMeta& meta : kCommands) {
    std::string name = lowerCase(meta.name);
    if (!filtered || (by == "ACLCAT" && (meta.categories & aclCategory(call.args[4])) != 0) ||
        (by == "PATTERN" && globMatch(call.args[4], name, true))) {
      names.push_back(std::move(name));
    }
  }
  call.reply.array(names.size());
  for (const std::string& name : names) {
    call.reply.bulk(name);
  }
  return {};
}

Status commandGetKeys(CommandCall& call) {
  const std::span<const std::string_view> args = call.args.subspan(2);
  TREFOIL_ASSIGN(const std::vector<FoundKey> keys, keysOf(args));
  call.reply.array(keys.size());
  for (const FoundKey& key : keys) {
    call.reply.bulk(args[key.index]);
  }
  return {};
}

Status commandGetKeysAndFlags(CommandCall& call) {
  const std::span<const std::string_view> args = call.args.subspan(2);
  TREFOIL_ASSIGN(const std::vector<FoundKey> keys, keysOf(args));
  call.reply.array(keys.size());
  for (const FoundKey& key : keys) {
    call.reply.array(2);
    call.reply.bulk(args[key.index]);
    pushBits(kKeyFlagNames, key.flags, "", call.reply);
  }
  return {};
}

// Of every command that has subcommands: what the table says of them, HELP last.
Status help(CommandCall& call) {
  const CommandMeta& container = row(findCommand(call.args[0]));
  std::vector<std::string> lines{std::string(container.name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"};
  const auto describe = [&](const CommandMeta& meta, std::string_view name) {
    const std::string arguments = describeArguments(argumentsOf(meta));
    lines.push_back(std::string(name) + (arguments.empty() ? "" : " ") + arguments);
    lines.push_back("    " + std::string(meta.summary));
  };
  if (container.arity == -1) {
    describe(container, "(no subcommand)");
  }
  const CommandMeta* last = nullptr;
  for (const CommandMeta& subcommand : subcommandsOf(container)) {
    if (subcommandName(subcommand) == "HELP") {
      last = &subcommand;
    } else {
      describe(subcommand, subcommandName(subcommand));
    }
  }
  if (last != nullptr) {
    describe(*last, "HELP");
  }
  call.reply.array(lines.size());
  for (const std::string& line : lines) {
    call.reply.simple(line);
  }
  return {};
}

}  // namespace trefoil::commands
