// Names to commands: a small open-addressing table, filled at compile time, keyed by length, first and last bytes of the name.
#include "engine/command_meta.hpp"

#include "base/ascii_case.hpp"

namespace trefoil {

namespace {

constexpr std::size_t kTableSize = 1024;
static_assert(kCommands.size() * 3 < kTableSize);

constexpr std::size_t slotOf(std::string_view name) {
  std::uint32_t hash = static_cast<std::uint32_t>(name.size());
  for (const char c : name) {
    hash = (hash ^ static_cast<std::uint8_t>(upperCase(c))) * 0x01000193U;
  }
  return (hash ^ (hash >> 15)) % kTableSize;
}

constexpr std::array<std::int16_t, kTableSize> buildTable() {
  std::array<std::int16_t, kTableSize> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    std::size_t slot = slotOf(kCommands[i].name);
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

}  // namespace

std::string_view groupName(CommandGroup group) {
  switch (group) {
    case CommandGroup::kConnection:
      return "connection";
    case CommandGroup::kServer:
      return "server";
    case CommandGroup::kTransactions:
      return "transactions";
    case CommandGroup::kGeneric:
      return "generic";
    case CommandGroup::kString:
      return "string";
    case CommandGroup::kList:
      return "list";
    case CommandGroup::kHash:
      return "hash";
    case CommandGroup::kSet:
      return "set";
    case CommandGroup::kSortedSet:
      return "sorted-set";
    case CommandGroup::kSql:
      return "sql";
  }
  return "generic";
}

int findCommand(std::string_view name) {
  if (name.size() > 32) {
    return -1;
  }
  for (std::size_t slot = slotOf(name); kTable[slot] >= 0; slot = (slot + 1) % kTableSize) {
    if (sameName(kCommands[static_cast<std::size_t>(kTable[slot])].name, name)) {
      return kTable[slot];
    }
  }
  return -1;
}

}  // namespace trefoil
