// FEED: the work is in engine/feeder.hpp.
#include <array>
#include <string>
#include <vector>

#include "base/ascii_case.hpp"
#include "engine/command.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

namespace {

bool isOption(std::string_view word) {
  constexpr std::array<std::string_view, 4> kOptions = {"FROM", "KEYS", "TABLES", "VALUES"};
  return std::any_of(kOptions.begin(), kOptions.end(), [&](std::string_view option) { return equalsIgnoringCase(word, option); });
}

// The words behind an option, at least one, up to the next option.
bool takeNames(std::span<const std::string_view> args, std::size_t& at, std::vector<std::string>& names) {
  const std::size_t first = ++at;
  while (at < args.size() && (at == first || !isOption(args[at]))) {
    names.emplace_back(args[at++]);
  }
  return at > first;
}

}  // namespace

Status feed(CommandCall& call) {
  const std::span<const std::string_view> args = call.args;
  Session::Impl& session = call.session.impl();
  if (args.size() == 2 && equalsIgnoringCase(args[1], "STOP")) {
    return session.messages.stopFeed(call.reply);
  }
  std::optional<std::string_view> from;
  FeedFilter filter;
  for (std::size_t at = 1; at < args.size();) {
    if (equalsIgnoringCase(args[at], "FROM") && at + 1 < args.size() && !from) {
      from = args[at + 1];
      at += 2;
    } else if (equalsIgnoringCase(args[at], "VALUES")) {
      filter.values = true;
      ++at;
    } else if (equalsIgnoringCase(args[at], "KEYS")
                   ? !takeNames(args, at, filter.keys)
                   : !equalsIgnoringCase(args[at], "TABLES") || !takeNames(args, at, filter.tables)) {
      return syntaxError();
    }
  }
  return session.messages.beginFeed(from, std::move(filter), call.reply);
}

}  // namespace trefoil::commands
