// What is known about each command: the one table that dispatch, arity errors, locking, COMMAND and COMMAND DOCS, the shell's
// completion and docs/commands are made of. Rows are in commands.def; this header has no handlers, so that tools can use it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace trefoil {

enum CommandFlag : std::uint32_t {
  kRead = 1U << 0,     // reads keys
  kWrite = 1U << 1,    // may change keys: its effects go to the log
  kDenyOom = 1U << 2,  // refused when memory is above maxmemory
  kFast = 1U << 3,     // O(1) or O(log n): @fast, else @slow
  kAdmin = 1U << 4,
  kNoMulti = 1U << 5,        // refused inside MULTI
  kSession = 1U << 6,        // changes the session or the server, touches no key: runs without locks, also inside MULTI and BEGIN
  kAtOnce = 1U << 7,         // not queued by MULTI: EXEC, DISCARD, WATCH, QUIT, RESET …
  kWholeDatabase = 1U << 8,  // its footprint is every key of the database: KEYS, FLUSHDB, DBSIZE …
  kSlowLane = 1U << 9,       // costs more than about 100 µs whatever its arguments: runs on the worker pool
  kLoading = 1U << 10,       // answered while loading
  kAllDatabases = 1U << 11,  // its footprint is every key of every database: FLUSHALL
  kSqlText = 1U << 12,       // its first argument is a SQL statement
  kSqlShorthand = 1U << 13,  // it is made into a SQL query
  kOptionDb = 1U << 14,      // its option DB names the database of its last key
  kSubcommanded = 1U << 15,  // its first argument names what it does: kSubcommands
  // Neither kFast nor as long as its collections have elements: its handler says how long it takes (kv::View::spend).
  kOwnCost = 1U << 16,
};

enum class CommandGroup : std::uint8_t {
  kConnection,
  kServer,
  kTransactions,
  kGeneric,
  kString,
  kList,
  kHash,
  kSet,
  kSortedSet,
  kSql,
};

// Redis's name of a group ("sorted-set"), as in COMMAND DOCS and in the ACL category ("sortedset") derived from it.
std::string_view groupName(CommandGroup group);

struct CommandMeta {
  std::string_view name;  // upper case
  int arity;              // number of arguments with the name; negative: at least that many
  std::uint32_t flags;
  // Positions of keys in the arguments: first, last (negative: from the end), step; 0: none.
  int first_key;
  int last_key;
  int key_step;
  CommandGroup group;
  std::string_view since;    // version of Trefoil
  std::string_view summary;  // one sentence
  std::string_view syntax;   // the arguments after the name
};

inline constexpr auto kCommands = std::to_array<CommandMeta>({
#define COMMAND(name, arity, flags, first, last, step, group, handler, since, summary, syntax) \
  {name, arity, flags, first, last, step, CommandGroup::group, since, summary, syntax},
#include "engine/commands.def"
#undef COMMAND
});

// What the first argument of a kSubcommanded command may be. The arity counts the command's name, too.
struct SubcommandMeta {
  std::string_view command;
  std::string_view name;
  int arity;
};

inline constexpr auto kSubcommands = std::to_array<SubcommandMeta>({
    {"CLIENT", "ATTRIBUTES", 3}, {"CLIENT", "GETNAME", 2},   {"CLIENT", "HELP", 2},    {"CLIENT", "ID", 2},
    {"CLIENT", "INFO", 2},       {"CLIENT", "KILL", -3},     {"CLIENT", "LIST", -2},   {"CLIENT", "NO-EVICT", 3},
    {"CLIENT", "NO-TOUCH", 3},   {"CLIENT", "SETINFO", 4},   {"CLIENT", "SETNAME", 3}, {"COMMAND", "COUNT", 2},
    {"COMMAND", "DOCS", -2},     {"COMMAND", "GETKEYS", -3}, {"COMMAND", "HELP", 2},   {"COMMAND", "INFO", -2},
    {"COMMAND", "LIST", 2},      {"CONFIG", "GET", -3},      {"CONFIG", "HELP", 2},    {"CONFIG", "SET", -4},
    {"OBJECT", "ENCODING", 3},   {"OBJECT", "HELP", 2},
});

consteval bool commandsWellFormed() {
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    const CommandMeta& command = kCommands[i];
    if (i > 0 && !(kCommands[i - 1].name < command.name)) {
      return false;  // sorted and unique
    }
    if (command.arity == 0 || ((command.flags & kRead) != 0 && (command.flags & kWrite) != 0)) {
      return false;
    }
    if ((command.first_key == 0) != (command.key_step == 0)) {
      return false;
    }
    for (const char c : command.name) {
      if (c >= 'a' && c <= 'z') {
        return false;
      }
    }
  }
  return true;
}
static_assert(commandsWellFormed(), "commands.def: sorted by upper-case name, arity not 0, read or write, keys with a step");

// What clients look at to know which commands they may use.
inline constexpr std::string_view kRedisVersion = "7.2.0";

// The index in kCommands of a name in any case, or -1. About 10 ns.
int findCommand(std::string_view name);

}  // namespace trefoil
