// What is known about each command: the one table that dispatch, arity errors, locking, COMMAND and its subcommands, the shell's
// completion and docs/commands.md are made of. Rows are in commands.def; this header has no handlers, so that tools can use it.
//
// A command that does several things has a row for itself (kContainer) and one for each subcommand behind it, "CLIENT|ID". A call
// is of the subcommand's row: its arity, flags, keys and handler are those of any other command.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/key_spec.hpp"

namespace trefoil {

enum CommandFlag : std::uint32_t {
  kRead = 1U << 0,     // reads keys
  kWrite = 1U << 1,    // may change keys: its effects go to the log
  kDenyOom = 1U << 2,  // refused when memory is above maxmemory
  kFast = 1U << 3,     // O(1) or O(log n): @fast, else @slow
  kAdmin = 1U << 4,
  kPubSub = 1U << 5,     // about channels
  kBlocking = 1U << 6,   // may wait for a key
  kNoMulti = 1U << 7,    // refused inside MULTI
  kSession = 1U << 8,    // changes the session or the server, touches no key: runs without locks, also inside MULTI and BEGIN
  kContainer = 1U << 9,  // its first argument names what it does: one of its subcommands
  kAtOnce = 1U << 10,    // not queued by MULTI: EXEC, DISCARD, WATCH, QUIT, RESET …
  kWholeDatabase = 1U << 11,  // its footprint is every key of the database: KEYS, FLUSHDB, DBSIZE …
  kAllDatabases = 1U << 12,   // its footprint is every key of every database: FLUSHALL
  kSlowLane = 1U << 13,       // costs more than about 100 µs whatever its arguments: runs on the worker pool
  // Neither kFast nor as long as its collections have elements: its handler says how long it takes (kv::View::spend).
  kOwnCost = 1U << 14,
  kOptionDb = 1U << 15,      // its option DB names the database of its last key
  kSqlText = 1U << 16,       // its first argument is a SQL statement
  kSqlShorthand = 1U << 17,  // it is made into a SQL query
  kSqlToo = 1U << 18,        // with other words behind it it is SQL (bare_words.hpp)
  // What Redis tells its clients, and is of no consequence here.
  kNoScript = 1U << 19,
  kLoading = 1U << 20,  // is answered while loading
  kStale = 1U << 21,
  kNoAsyncLoading = 1U << 22,
  kSkipMonitor = 1U << 23,
  kSkipSlowlog = 1U << 24,
  kNoAuth = 1U << 25,           // is answered before login
  kNoMandatoryKeys = 1U << 26,  // may have keys, need not
  kAllowBusy = 1U << 27,
};

// Redis's name of a flag, in the order in which it lists them.
struct CommandFlagName {
  std::uint32_t flag;
  std::string_view name;
};
inline constexpr auto kCommandFlagNames = std::to_array<CommandFlagName>({{kWrite, "write"},
                                                                          {kRead, "readonly"},
                                                                          {kDenyOom, "denyoom"},
                                                                          {kAdmin, "admin"},
                                                                          {kPubSub, "pubsub"},
                                                                          {kNoScript, "noscript"},
                                                                          {kBlocking, "blocking"},
                                                                          {kLoading, "loading"},
                                                                          {kStale, "stale"},
                                                                          {kSkipMonitor, "skip_monitor"},
                                                                          {kSkipSlowlog, "skip_slowlog"},
                                                                          {kFast, "fast"},
                                                                          {kNoAuth, "no_auth"},
                                                                          {kNoMandatoryKeys, "no_mandatory_keys"},
                                                                          {kNoAsyncLoading, "no_async_loading"},
                                                                          {kNoMulti, "no_multi"},
                                                                          {kAllowBusy, "allow_busy"}});

// Redis's groups, by the names that it has for them.
enum class CommandGroup : std::uint8_t {
  kString,
  kList,
  kHash,
  kSet,
  kSortedSet,
  kStream,
  kBitmap,
  kHyperLogLog,
  kGeo,
  kGeneric,
  kSql,
  kTransactions,
  kScripting,
  kPubSub,
  kConnection,
  kServer,
};
inline constexpr auto kGroupNames =
    std::to_array<std::string_view>({"string", "list", "hash", "set", "sorted-set", "stream", "bitmap", "hyperloglog", "geo",
                                     "generic", "sql", "transactions", "scripting", "pubsub", "connection", "server"});

constexpr std::string_view groupName(CommandGroup group) {
  return kGroupNames[static_cast<std::size_t>(group)];
}

// The categories of ACL, by their bits, in the order in which Redis lists them.
inline constexpr auto kAclCategories =
    std::to_array<std::string_view>({"keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
                                     "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
                                     "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"});

// The bit of a category, its name in any case; 0 if there is none.
std::uint32_t aclCategory(std::string_view name);

// A row is found from its number by a shift.
struct alignas(256) CommandMeta {
  std::string_view name;  // upper case
  int arity;              // number of arguments with the name, and a subcommand's two; negative: at least that many
  std::uint32_t flags;
  std::uint32_t only_key;  // if it has always one key: its position; else 0
  KeySpecs keys;
  CommandGroup group;
  std::uint32_t categories;  // bits of kAclCategories
  std::string_view tips;     // with a blank between them
  std::string_view since;    // version of Trefoil
  std::string_view summary;  // one sentence
  std::string_view syntax;   // the arguments behind the name: engine/argument_grammar.hpp
};

inline constexpr std::size_t kCommandRows = 0
#define COMMAND(name, arity, flags, group, categories, keys, tips, handler, since, summary, syntax) +1
#include "engine/commands.def"
#undef COMMAND
    ;
extern const std::array<CommandMeta, kCommandRows> kCommands;

// Redis's name of a subcommand's row: "CLIENT|ID".
constexpr bool isSubcommand(const CommandMeta& meta) {
  return meta.name.find('|') != std::string_view::npos;
}
// What it is called behind the command's name.
constexpr std::string_view subcommandName(const CommandMeta& meta) {
  return meta.name.substr(meta.name.find('|') + 1);
}
// Those of a command.
std::span<const CommandMeta> subcommandsOf(const CommandMeta& meta);

// What clients look at to know which commands they may use.
inline constexpr std::string_view kRedisVersion = "7.2.0";

// The row in kCommands of a command's name in any case, or -1. About 10 ns.
int findCommand(std::string_view name);
// That of the subcommand that a container's first argument names, or -1.
int findSubcommand(int container, std::string_view name);
// That of a call; the container's if nobody knows the subcommand.
int findCall(std::span<const std::string_view> args);
// That of a name as in COMMAND INFO: "get", "client|id".
int findByFullName(std::string_view name);

// As forEachKey(), which is for the many commands that have one key.
template <typename Visit>
[[gnu::noinline]] void forEachKeyOfSpecs(const CommandMeta& meta, std::span<const std::string_view> args, Visit& visit) {
  for (const KeySpec& spec : meta.keys) {
    if ((spec.flags & kKeyNotKey) != 0) {
      continue;
    }
    const KeyRange range = spec.locate(args);
    for (std::ptrdiff_t i = range.first; i <= range.last; i += range.step) {
      visit(static_cast<std::size_t>(i), spec.flags);
    }
    for (std::size_t i = 2; spec.begin == KeySpec::Begin::kUnknown && i < args.size(); ++i) {
      if (spec.precedesKey(args[i - 1])) {
        visit(i, spec.flags);
      }
    }
  }
}

// Calls visit(index, flags) for each key among the arguments of a call: which argument, and what is done with it (KeyFlag).
template <typename Visit>
[[gnu::always_inline]] inline void forEachKey(const CommandMeta& meta, std::span<const std::string_view> args, Visit&& visit) {
  if (const std::size_t key = meta.only_key; key == 0 || key >= args.size()) [[unlikely]] {
    forEachKeyOfSpecs(meta, args, visit);
  } else {
    visit(key, meta.keys.begin()->flags);
  }
}

// The first of them; 0 if there is none.
std::size_t firstKeyOfSpecs(const CommandMeta& meta, std::span<const std::string_view> args);
inline std::size_t firstKey(const CommandMeta& meta, std::span<const std::string_view> args) {
  return meta.only_key != 0 && meta.only_key < args.size() ? meta.only_key : firstKeyOfSpecs(meta, args);
}

// What a call does with a key whose spec says that it depends (kKeyVariable); of others, what the spec says.
std::uint16_t keyFlagsOf(const CommandMeta& meta, std::span<const std::string_view> args, std::uint16_t flags);

}  // namespace trefoil
