// What the commands share that may wait (engine/wait.hpp), and those that take from the first of several keys that has something.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/commands/arguments.hpp"

namespace trefoil::commands {

// How long a command waits, in milliseconds, 0 for ever: from seconds with a fraction, or from milliseconds.
Result<std::int64_t> secondsToWait(std::string_view argument, UnixMs now);
Result<std::int64_t> millisecondsToWait(std::string_view argument, UnixMs now);
// There is nothing to take: waits where it may, and else answers as when the time is over.
Status waitForKeys(CommandCall& call, std::int64_t timeout_ms);
// Whether a command that may wait is to look at this key.
inline bool looksAt(const CommandCall& call, std::string_view key) {
  return call.ready == nullptr || *call.ready == key;
}
// The arguments of LMPOP and its family, from `numkeys` on: numkeys key … end [COUNT count].
struct PopOfFirst {
  std::span<const std::string_view> keys;
  bool at_first_word = true;  // of the two that name the ends
  std::size_t count = 1;
};
Result<PopOfFirst> popOfFirst(std::span<const std::string_view> args, std::string_view first_end, std::string_view other_end);

}  // namespace trefoil::commands
