// CLIENT LIST and CLIENT KILL: who is connected, and how to be rid of them.
// https://redis.io/docs/latest/commands/client-list/
// https://redis.io/docs/latest/commands/client-kill/
#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/commands/arguments.hpp"
#include "engine/commands/lanes.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

namespace {

// What sessions must have to be meant. Every client is one of the user "default".
struct Filter {
  std::vector<std::uint64_t> ids;  // empty: any
  std::optional<std::string_view> address;
  std::optional<std::string_view> local_address;
  enum class Type : std::uint8_t { kAny, kNormal, kPubSub, kOther };  // others are replicas and such, which there are none of
  Type type = Type::kAny;
  std::int64_t min_age_s = 0;
  bool skips_own = false;

  [[nodiscard]] bool hasType(const Session::Impl& session) const {
    return type == Type::kAny || type == (session.messages.isSubscriber() ? Type::kPubSub : Type::kNormal);
  }
  [[nodiscard]] bool matches(const Session::Impl& session, const Session::Impl& own) const {
    const std::int64_t age_s = (session.database.env().nowMicros() - session.facts.connected_at_us) / 1'000'000;
    return (ids.empty() || std::find(ids.begin(), ids.end(), session.id) != ids.end()) &&
           (!address || session.facts.address == *address) && (!local_address || session.facts.local_address == *local_address) &&
           hasType(session) && age_s >= min_age_s && (!skips_own || &session != &own);
  }
};

std::string shown(std::string_view word) {
  return "'" + std::string(word.substr(0, 128)) + "'";
}

Status readType(std::string_view word, Filter& filter) {
  using Type = Filter::Type;
  filter.type = isWord(word, "NORMAL")                                                       ? Type::kNormal
                : isWord(word, "PUBSUB")                                                     ? Type::kPubSub
                : isWord(word, "MASTER") || isWord(word, "REPLICA") || isWord(word, "SLAVE") ? Type::kOther
                                                                                             : Type::kAny;
  return filter.type != Type::kAny ? Status() : Error(ErrorCode::kInvalid, "Unknown client type " + shown(word));
}

Status readPair(std::string_view option, std::string_view value, Filter& filter) {
  if (isWord(option, "ID")) {
    TREFOIL_ASSIGN(const std::int64_t id, integerArgument(value, 1, "client-id should be greater than 0"));
    filter.ids.assign(1, static_cast<std::uint64_t>(id));
  } else if (isWord(option, "MAXAGE")) {
    const Result<std::int64_t> age = integerArgument(value);
    if (!age.ok()) {
      return Error(ErrorCode::kInvalid, "maxage is not an integer or out of range");
    }
    if (*age <= 0) {
      return Error(ErrorCode::kInvalid, "maxage should be greater than 0");
    }
    filter.min_age_s = *age;
  } else if (isWord(option, "TYPE")) {
    return readType(value, filter);
  } else if (isWord(option, "ADDR")) {
    filter.address = value;
  } else if (isWord(option, "LADDR")) {
    filter.local_address = value;
  } else if (isWord(option, "USER")) {
    return value == "default" ? Status() : Error(ErrorCode::kInvalid, "No such user " + shown(value));
  } else if (isWord(option, "SKIPME") && (isWord(value, "YES") || isWord(value, "NO"))) {
    filter.skips_own = isWord(value, "YES");
  } else {
    return syntaxError();
  }
  return {};
}

}  // namespace

Status clientList(CommandCall& call) {
  Filter filter;
  if (call.args.size() > 3 && isWord(call.args[2], "ID")) {
    for (const std::string_view word : call.args.subspan(3)) {
      const Result<std::int64_t> id = integerArgument(word);
      if (!id.ok()) {
        return Error(ErrorCode::kInvalid, "Invalid client ID");
      }
      filter.ids.push_back(static_cast<std::uint64_t>(*id));
    }
  } else if (call.args.size() == 4 && isWord(call.args[2], "TYPE")) {
    TREFOIL_TRY(readType(call.args[3], filter));
  } else if (call.args.size() != 2) {
    return syntaxError();
  }
  if (leavesLoop(call, areManySessions(call))) {
    return {};
  }
  const Session::Impl& own = call.session.impl();
  std::string text;
  own.database.forEachSession([&](const Session::Impl& session) {
    if (filter.matches(session, own)) {
      text += describeClient(session) + '\n';
    }
  });
  call.reply.verbatim(text);
  return {};
}

// With an address alone, the caller may mean itself, and is told OK; with options it gets a number, and means others.
Status clientKill(CommandCall& call) {
  Filter filter;
  const bool by_address = call.args.size() == 3;
  if (by_address) {
    filter.address = call.args[2];
  } else {
    filter.skips_own = true;
    for (std::size_t i = 2; i < call.args.size(); i += 2) {
      if (i + 1 == call.args.size()) {
        return syntaxError();
      }
      TREFOIL_TRY(readPair(call.args[i], call.args[i + 1], filter));
    }
  }
  if (leavesLoop(call, areManySessions(call))) {
    return {};
  }
  Session::Impl& own = call.session.impl();
  std::int64_t killed = 0;
  own.database.forEachSession([&](Session::Impl& session) {
    if (!filter.matches(session, own)) {
      return;
    }
    ++killed;
    if (&session == &own) {
      own.wants_close = true;  // behind the answer
    } else {
      session.kill();
    }
  });
  if (by_address && killed == 0) {
    return Error(ErrorCode::kInvalid, "No such client");
  }
  if (by_address) {
    call.reply.simple("OK");
  } else {
    call.reply.integer(killed);
  }
  return {};
}

}  // namespace trefoil::commands
