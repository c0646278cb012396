// FEED: the work is in engine/feeder.hpp.
#include <string>
#include <vector>

#include "base/ascii_case.hpp"
#include "engine/command.hpp"
#include "engine/commands/option_reader.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

Status feed(CommandCall& call) {
  const std::span<const std::string_view> args = call.args;
  Session::Impl& session = call.session.impl();
  if (args.size() == 2 && equalsIgnoringCase(args[1], "STOP")) {
    return session.messages.stopFeed(call.reply);
  }
  static const OptionGrammar grammar("FEED");
  std::optional<std::string_view> from;
  FeedFilter filter;
  OptionReader option(grammar, args, 1);
  while (option.next()) {
    if (option.is("FROM")) {
      from = option.value();
    } else if (option.is("VALUES")) {
      filter.values = true;
    } else {
      std::vector<std::string>& names = option.is("KEYS") ? filter.keys : filter.tables;
      names.insert(names.end(), option.values().begin(), option.values().end());
    }
  }
  TREFOIL_TRY(option.status());
  return session.messages.beginFeed(from, std::move(filter), call.reply);
}

}  // namespace trefoil::commands
