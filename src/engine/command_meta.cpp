// The table, and names to its rows: a small open-addressing table, filled at compile time.
#include "engine/command_meta.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "base/ascii_case.hpp"

namespace trefoil {

namespace {

constexpr std::uint32_t categoryBit(std::string_view name) {
  for (std::size_t i = 0; i < kAclCategories.size(); ++i) {
    // (The sizes first: a compiler counts the steps that a table takes it.)
    if (kAclCategories[i].size() == name.size() && equalsIgnoringCase(kAclCategories[i], name)) {
      return 1U << i;
    }
  }
  return 0;
}

// Those of the row and those that follow from its flags (Redis: server.c, setImplicitACLCategories).
constexpr std::uint32_t categoriesOf(std::string_view text, std::uint32_t flags) {
  std::uint32_t categories = 0;
  for (std::string_view word = key_spec_text::takeWord(text); !word.empty(); word = key_spec_text::takeWord(text)) {
    const std::uint32_t bit = word.starts_with('@') ? categoryBit(word.substr(1)) : 0;
    if (bit == 0) {
      throw "no such category";  // at compile time
    }
    categories |= bit;
  }
  const auto add = [&](std::uint32_t flag, std::string_view name) { categories |= (flags & flag) != 0 ? categoryBit(name) : 0; };
  add(kWrite, "write");
  if ((categories & categoryBit("scripting")) == 0) {
    add(kRead, "read");
  }
  add(kAdmin, "admin");
  add(kAdmin, "dangerous");
  add(kPubSub, "pubsub");
  add(kBlocking, "blocking");
  return categories | categoryBit((flags & kFast) != 0 ? "fast" : "slow");
}

constexpr std::uint32_t onlyKey(const KeySpecs& keys) {
  const KeySpec& spec = *keys.begin();
  const bool is_one = keys.size() == 1 && spec.begin == KeySpec::Begin::kIndex && spec.find == KeySpec::Find::kRange &&
                      spec.last == 0 && (spec.flags & kKeyNotKey) == 0;
  return is_one ? static_cast<std::uint32_t>(spec.index) : 0;
}

}  // namespace

constexpr std::array<CommandMeta, kCommandRows> kCommands = {{
#define COMMAND(name, arity, flags, group, categories, keys, tips, handler, since, summary, syntax) \
  {name,                                                                                            \
   arity,                                                                                           \
   flags,                                                                                           \
   onlyKey(parseKeySpecs(keys).value()),                                                            \
   parseKeySpecs(keys).value(),                                                                     \
   CommandGroup::group,                                                                             \
   categoriesOf(categories, flags),                                                                 \
   tips,                                                                                            \
   since,                                                                                           \
   summary,                                                                                         \
   syntax},
#include "engine/commands.def"
#undef COMMAND
}};

namespace {

constexpr bool isWellFormed(const CommandMeta& command) {
  for (const char c : command.name) {
    if (c != upperCase(c)) {
      return false;
    }
  }
  const bool about_keys = (command.flags & (kRead | kWrite)) != 0;
  return command.arity != 0 && (command.flags & (kRead | kWrite)) != (kRead | kWrite) &&
         (!about_keys || (command.flags & kSession) == 0);
}

consteval bool commandsWellFormed() {
  std::string_view container;
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    const CommandMeta& command = kCommands[i];
    if (!isWellFormed(command) || (i > 0 && !(kCommands[i - 1].name < command.name))) {
      return false;
    }
    container = (command.flags & kContainer) != 0 ? command.name : container;
    if (isSubcommand(command) && command.name.substr(0, command.name.find('|')) != container) {
      return false;
    }
  }
  return true;
}
static_assert(commandsWellFormed(),
              "commands.def: sorted by upper-case name, arity not 0, read or write or neither, subcommands "
              "behind their container");

static_assert(sizeof(CommandMeta) == 256);

constexpr unsigned kTableBits = 10;
constexpr std::size_t kTableSize = std::size_t{1} << kTableBits;
static_assert(kCommands.size() * 3 < kTableSize);

// The first eight bytes of a name, in upper case, as a number; zeros behind a shorter one.
constexpr std::uint64_t firstWord(std::string_view name) {
  std::uint64_t word = 0;
  if (std::is_constant_evaluated()) {
    for (std::size_t i = std::min<std::size_t>(name.size(), 8); i > 0; --i) {
      word = word << 8 | static_cast<std::uint8_t>(name[i - 1]);
    }
  } else if (name.size() >= 8) {
    std::memcpy(&word, name.data(), 8);
  } else if (name.size() >= 4) {  // two halves, which may overlap
    std::uint32_t halves[2];
    std::memcpy(&halves[0], name.data(), 4);
    std::memcpy(&halves[1], name.data() + name.size() - 4, 4);
    word = halves[0] | std::uint64_t{halves[1]} << (8 * (name.size() - 4));
  } else if (!name.empty()) {  // first, middle and last byte
    const auto at = [&](std::size_t i) { return std::uint64_t{static_cast<std::uint8_t>(name[i])} << (8 * i); };
    word = at(0) | at(name.size() / 2) | at(name.size() - 1);
  }
  // 'a' to 'z', all bytes at once: those whose lower bits pass 'a' but not 'z', and which are ASCII, lose their bit 0x20.
  constexpr std::uint64_t kEach = 0x0101010101010101;
  const std::uint64_t low = word & (kEach * 0x7F);
  const std::uint64_t from_a = low + kEach * (0x80 - 'a');
  const std::uint64_t behind_z = low + kEach * (0x7F - 'z');
  return word - ((from_a & ~behind_z & ~word & (kEach * 0x80)) >> 2);
}
static_assert(std::endian::native == std::endian::little);

// A name of one size and first word is looked for here. Longer ones that begin alike lie side by side.
constexpr std::size_t slotOf(std::uint64_t first_word, std::size_t size) {
  return ((first_word + size) * 0x9E3779B97F4A7C15) >> (64 - kTableBits);
}

constexpr auto kFirstWords = [] {
  std::array<std::uint64_t, kCommandRows> words{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = firstWord(kCommands[i].name);
  }
  return words;
}();

constexpr std::array<std::int16_t, kTableSize> buildTable() {
  std::array<std::int16_t, kTableSize> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    if (isSubcommand(kCommands[i])) {
      continue;
    }
    std::size_t slot = slotOf(kFirstWords[i], kCommands[i].name.size());
    while (table[slot] >= 0) {
      slot = (slot + 1) % kTableSize;
    }
    table[slot] = static_cast<std::int16_t>(i);
  }
  return table;
}

constexpr auto kTable = buildTable();

bool sameName(std::string_view upper_case, std::string_view name) {
  if (upper_case.size() != name.size()) {
    return false;
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (upper_case[i] != upperCase(name[i])) {
      return false;
    }
  }
  return true;
}

std::string_view nameOf(int command) {
  return kCommands[static_cast<std::size_t>(command)].name;
}

// The command of this name, in this slot or behind it.
[[gnu::noinline]] int findFrom(std::size_t slot, std::uint64_t first_word, std::string_view name) {
  for (; kTable[slot] >= 0; slot = (slot + 1) % kTableSize) {
    const int command = kTable[slot];
    if (kFirstWords[static_cast<std::size_t>(command)] == first_word && sameName(nameOf(command), name)) {
      return command;
    }
  }
  return -1;
}

}  // namespace

std::uint32_t aclCategory(std::string_view name) {
  return categoryBit(name);
}

int findCommand(std::string_view name) {
  const std::uint64_t first_word = firstWord(name);
  const std::size_t slot = slotOf(first_word, name.size());
  const int command = kTable[slot];
  const bool is_short = name.size() <= 8 && command >= 0;
  if (is_short && kFirstWords[static_cast<std::size_t>(command)] == first_word && nameOf(command).size() == name.size())
      [[likely]] {
    return command;
  }
  return findFrom(slot, first_word, name);
}

std::span<const CommandMeta> subcommandsOf(const CommandMeta& meta) {
  const CommandMeta* const first = &meta + 1;
  const CommandMeta* end = first;
  while (end != kCommands.data() + kCommands.size() && isSubcommand(*end) && (meta.flags & kContainer) != 0) {
    ++end;
  }
  return {first, end};
}

int findSubcommand(int container, std::string_view name) {
  for (const CommandMeta& subcommand : subcommandsOf(kCommands[static_cast<std::size_t>(container)])) {
    if (sameName(subcommandName(subcommand), name)) {
      return static_cast<int>(&subcommand - kCommands.data());
    }
  }
  return -1;
}

int findCall(std::span<const std::string_view> args) {
  const int command = args.empty() ? -1 : findCommand(args[0]);
  if (command < 0 || args.size() < 2 || (kCommands[static_cast<std::size_t>(command)].flags & kContainer) == 0) {
    return command;
  }
  const int subcommand = findSubcommand(command, args[1]);
  return subcommand < 0 ? command : subcommand;
}

int findByFullName(std::string_view name) {
  const std::size_t bar = name.find('|');
  const int command = findCommand(name.substr(0, bar));
  return command < 0 || bar == std::string_view::npos ? command : findSubcommand(command, name.substr(bar + 1));
}

std::size_t firstKeyOfSpecs(const CommandMeta& meta, std::span<const std::string_view> args) {
  std::size_t first = 0;
  forEachKey(meta, args, [&](std::size_t index, std::uint16_t) { first = first == 0 ? index : first; });
  return first;
}

std::uint16_t keyFlagsOf(const CommandMeta& meta, std::span<const std::string_view> args, std::uint16_t flags) {
  if ((flags & kKeyVariable) == 0 || meta.name != "SET") {
    return flags;
  }
  const bool gets =
      std::any_of(args.begin() + 3, args.end(), [](std::string_view word) { return equalsIgnoringCase(word, "GET"); });
  return gets ? kKeyReadWrite | kKeyAccess | kKeyUpdate : kKeyOverwrite | kKeyUpdate;
}

}  // namespace trefoil
