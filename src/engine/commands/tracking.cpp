// CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO; the work is in engine/session_tracking.cpp and engine/tracking.cpp.
// https://redis.io/docs/latest/develop/reference/client-side-caching/
#include <array>
#include <string>
#include <vector>

#include "engine/commands/arguments.hpp"
#include "engine/commands/option_reader.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

namespace {

using Flag = ClientTracking::Flag;

Status readRedirect(std::string_view word, Session::Impl& session, std::uint64_t& redirect) {
  if (redirect != 0) {
    return Error(ErrorCode::kInvalid, "A client can only redirect to a single other client");
  }
  TREFOIL_ASSIGN(const std::int64_t client, integerArgument(word));
  bool is_there = false;
  session.database.visitSession(static_cast<std::uint64_t>(client), [&](Session::Impl&) { is_there = true; });
  if (!is_there) {
    return Error(ErrorCode::kInvalid, "The client ID you want redirect to does not exist");
  }
  redirect = static_cast<std::uint64_t>(client);
  return {};
}

std::int64_t redirectOf(const ClientTracking& tracking) {
  return tracking.is(Flag::kOn) ? static_cast<std::int64_t>(tracking.redirect.load(std::memory_order_relaxed)) : -1;
}

}  // namespace

// https://redis.io/docs/latest/commands/client-tracking/
Status clientTracking(CommandCall& call) {
  Session::Impl& session = call.session.impl();
  SessionMessages::TrackingOptions options;
  static const OptionGrammar grammar("CLIENT|TRACKING");
  OptionReader option(grammar, call.args, 3);
  while (option.next()) {
    if (option.is("REDIRECT")) {
      TREFOIL_TRY(readRedirect(option.value(), session, options.redirect));
    } else if (option.is("PREFIX")) {
      options.prefixes.push_back(option.value());
    } else {
      options.flags |= option.is("BCAST")    ? Flag::kBroadcast
                       : option.is("OPTIN")  ? Flag::kOptIn
                       : option.is("OPTOUT") ? Flag::kOptOut
                                             : Flag::kNoLoop;
    }
  }
  TREFOIL_TRY(option.status());
  if (isWord(call.args[2], "ON")) {
    TREFOIL_TRY(session.messages.beginTracking(options));
  } else if (isWord(call.args[2], "OFF")) {
    session.messages.stopTracking();
  } else {
    return syntaxError();
  }
  call.reply.simple("OK");
  return {};
}

// https://redis.io/docs/latest/commands/client-caching/
Status clientCaching(CommandCall& call) {
  ClientTracking& tracking = call.session.impl().messages.tracking;
  if (!tracking.is(Flag::kOn)) {
    return Error(ErrorCode::kInvalid,
                 "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
  }
  if (isWord(call.args[2], "YES")) {
    if (!tracking.is(Flag::kOptIn)) {
      return Error(ErrorCode::kInvalid, "CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    }
  } else if (isWord(call.args[2], "NO")) {
    if (!tracking.is(Flag::kOptOut)) {
      return Error(ErrorCode::kInvalid, "CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    }
  } else {
    return syntaxError();
  }
  tracking.set(Flag::kCaching, true);
  call.reply.simple("OK");
  return {};
}

// https://redis.io/docs/latest/commands/client-getredir/
Status clientGetRedir(CommandCall& call) {
  call.reply.integer(redirectOf(call.session.impl().messages.tracking));
  return {};
}

// https://redis.io/docs/latest/commands/client-trackinginfo/
Status clientTrackingInfo(CommandCall& call) {
  const ClientTracking& tracking = call.session.impl().messages.tracking;
  std::vector<std::string_view> flags = {tracking.is(Flag::kOn) ? "on" : "off"};
  const auto add = [&](Flag flag, std::string_view name, std::string_view when_caching) {
    if (tracking.is(flag)) {
      flags.push_back(name);
      if (!when_caching.empty() && tracking.is(Flag::kCaching)) {
        flags.push_back(when_caching);
      }
    }
  };
  add(Flag::kBroadcast, "bcast", "");
  add(Flag::kOptIn, "optin", "caching-yes");
  add(Flag::kOptOut, "optout", "caching-no");
  add(Flag::kNoLoop, "noloop", "");
  add(Flag::kBrokenRedirect, "broken_redirect", "");
  call.reply.map(3);
  call.reply.bulk("flags");
  call.reply.set(flags.size());
  for (const std::string_view flag : flags) {
    call.reply.bulk(flag);
  }
  call.reply.bulk("redirect");
  call.reply.integer(redirectOf(tracking));
  call.reply.bulk("prefixes");
  call.reply.array(tracking.prefixes.size());
  for (const std::string& prefix : tracking.prefixes) {
    call.reply.bulk(prefix);
  }
  return {};
}

}  // namespace trefoil::commands
