// Waiting, and what has to do with it: WAIT, CLIENT UNBLOCK, CLIENT PAUSE.
// https://redis.io/docs/latest/commands/client-pause/
#include "engine/commands/waiting.hpp"

#include <cmath>

#include "engine/client_pause.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

namespace {

// Redis, timeout.c: a time that is in the past, or that the clock cannot show, is none.
Result<std::int64_t> checkedTimeout(std::int64_t milliseconds, UnixMs now) {
  if (milliseconds < 0) {
    return Error(ErrorCode::kInvalid, "timeout is negative");
  }
  // A wait is counted in microseconds here: longer than three hundred thousand years is for ever, and refused as Redis does.
  if (milliseconds > INT64_MAX / 1000 - now.value) {
    return Error(ErrorCode::kInvalid, "timeout is out of range");
  }
  return milliseconds;
}

// What Redis says of a subcommand that has too many words behind it.
Error tooManyWords(const CommandCall& call) {
  return Error(ErrorCode::kInvalid, "unknown subcommand or wrong number of arguments for '" +
                                        std::string(call.args[1].substr(0, 128)) + "'. Try CLIENT HELP.");
}

}  // namespace

Result<std::int64_t> secondsToWait(std::string_view argument, UnixMs now) {
  const std::optional<long double> seconds = parseLongDouble(argument);
  if (!seconds) {
    return Error(ErrorCode::kInvalid, "timeout is not a float or out of range");
  }
  const long double milliseconds = std::ceil(*seconds * 1000);
  if (milliseconds >= static_cast<long double>(INT64_MAX)) {
    return Error(ErrorCode::kInvalid, "timeout is out of range");
  }
  return checkedTimeout(milliseconds < 0 ? -1 : static_cast<std::int64_t>(milliseconds), now);
}

Result<std::int64_t> millisecondsToWait(std::string_view argument, UnixMs now) {
  const Result<std::int64_t> milliseconds = integerArgument(argument);
  if (!milliseconds.ok()) {
    return Error(ErrorCode::kInvalid, "timeout is not an integer or out of range");
  }
  return checkedTimeout(*milliseconds, now);
}

Status waitForKeys(CommandCall& call, std::int64_t timeout_ms) {
  if (call.wait != nullptr) {
    *call.wait = {.timeout_ms = timeout_ms, .answer = Wait::Answer::kNullArray};
  } else {
    call.reply.nullArray();
  }
  return {};
}

Result<PopOfFirst> popOfFirst(std::span<const std::string_view> args, std::string_view first_end, std::string_view other_end) {
  TREFOIL_ASSIGN(const std::int64_t keys, integerArgument(args[0], 1, "numkeys should be greater than 0"));
  const auto count = static_cast<std::uint64_t>(keys);
  if (count >= args.size() - 1) {
    return syntaxError();
  }
  PopOfFirst pop{.keys = args.subspan(1, count)};
  const std::string_view end = args[1 + count];
  pop.at_first_word = isWord(end, first_end);
  if (!pop.at_first_word && !isWord(end, other_end)) {
    return syntaxError();
  }
  const std::span<const std::string_view> options = args.subspan(2 + count);
  if (options.empty()) {
    return pop;
  }
  if (options.size() < 2 || !isWord(options[0], "COUNT")) {
    return syntaxError();
  }
  TREFOIL_ASSIGN(const std::int64_t wanted, integerArgument(options[1], 1, "count should be greater than 0"));
  if (options.size() > 2) {
    return syntaxError();
  }
  pop.count = static_cast<std::size_t>(wanted);
  return pop;
}

// There are no replicas that it could wait for.
Status wait(CommandCall& call) {
  TREFOIL_ASSIGN(const std::int64_t replicas, integerArgument(call.args[1]));
  TREFOIL_ASSIGN(const std::int64_t timeout_ms, millisecondsToWait(call.args[2], call.now));
  if (replicas > 0 && call.wait != nullptr) {
    *call.wait = {.timeout_ms = timeout_ms, .answer = Wait::Answer::kZero};
  } else {
    call.reply.integer(0);
  }
  return {};
}

Status clientUnblock(CommandCall& call) {
  WaitEnd how = WaitEnd::kTimeout;
  if (call.args.size() > 4) {
    return tooManyWords(call);
  }
  if (call.args.size() == 4) {
    how = isWord(call.args[3], "ERROR") ? WaitEnd::kUnblocked : WaitEnd::kTimeout;
    if (how == WaitEnd::kTimeout && !isWord(call.args[3], "TIMEOUT")) {
      return Error(ErrorCode::kInvalid, "CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    }
  }
  TREFOIL_ASSIGN(const std::int64_t id, integerArgument(call.args[2]));
  bool ended = false;
  call.session.impl().database.visitSession(static_cast<std::uint64_t>(id), [&](Session::Impl& session) {
    ended = !session.waiter.isPostponed() && session.waiter.end(how);
  });
  call.reply.integer(ended ? 1 : 0);
  return {};
}

Status clientPause(CommandCall& call) {
  if (call.args.size() > 4) {
    return tooManyWords(call);
  }
  ClientPause::Scope scope = ClientPause::Scope::kAll;
  if (call.args.size() == 4) {
    scope = isWord(call.args[3], "WRITE") ? ClientPause::Scope::kWrites : ClientPause::Scope::kAll;
    if (scope == ClientPause::Scope::kAll && !isWord(call.args[3], "ALL")) {
      return Error(ErrorCode::kInvalid, "CLIENT PAUSE mode must be WRITE or ALL");
    }
  }
  TREFOIL_ASSIGN(const std::int64_t timeout_ms, millisecondsToWait(call.args[2], call.now));
  Database::Impl& database = call.session.impl().database;
  database.pause().begin(scope, database.env().monotonicMicros() + timeout_ms * 1000);
  call.reply.simple("OK");
  return {};
}

Status clientUnpause(CommandCall& call) {
  call.session.impl().database.pause().end();
  call.reply.simple("OK");
  return {};
}

}  // namespace trefoil::commands
