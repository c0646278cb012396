// Commands about the connection itself: they read and change the session, never a key.
#include <mutex>
#include <optional>

#include "base/ascii_case.hpp"
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"
#include "kv/integer_text.hpp"

namespace trefoil::commands {

namespace {

// Names go into lists that are read line by line and word by word.
bool isPlainName(std::string_view name) {
  for (const char c : name) {
    if (c < '!' || c > '~') {
      return false;
    }
  }
  return true;
}

Result<bool> onOrOff(std::string_view word) {
  const bool on = equalsIgnoringCase(word, "ON");
  if (!on && !equalsIgnoringCase(word, "OFF")) {
    return syntaxError();
  }
  return on;
}

void setName(Session::Impl& session, std::string_view name) {
  const std::lock_guard lock(session.database.sessionsMutex());
  session.facts.name = name;
}

}  // namespace

Status ping(CommandCall& call) {
  if (call.args.size() > 2) {
    return arityError("ping");
  }
  if (call.session.impl().messages.isRestrictedSubscriber()) {  // as a message, since it comes among messages
    call.reply.array(2);
    call.reply.bulk("pong");
    call.reply.bulk(call.args.size() == 2 ? call.args[1] : std::string_view());
    return {};
  }
  if (call.args.size() == 2) {
    call.reply.bulk(call.args[1]);
  } else {
    call.reply.simple("PONG");
  }
  return {};
}

Status echo(CommandCall& call) {
  call.reply.bulk(call.args[1]);
  return {};
}

Status quit(CommandCall& call) {
  call.session.impl().wants_close = true;
  call.reply.simple("OK");
  return {};
}

Status reset(CommandCall& call) {
  if (!call.session.impl().messages.reset(call.reply)) {
    return {};
  }
  call.session.impl().reset();
  call.reply.simple("RESET");
  return {};
}

Status select(CommandCall& call) {
  const std::optional<std::int64_t> index = kv::parseInteger(call.args[1]);
  if (!index) {
    return notAnIntegerError();
  }
  Session::Impl& session = call.session.impl();
  if (*index < 0 || *index >= session.database.manager().kv().databases()) {
    return Error(ErrorCode::kInvalid, "DB index is out of range");
  }
  session.db = static_cast<int>(*index);
  call.reply.simple("OK");
  return {};
}

namespace {

// There is one user, default, and no password is configured: who says that name may use any.
Status authenticate(std::string_view user) {
  if (user != "default") {
    return Error(ErrorCode::kInvalid, "WRONGPASS invalid username-password pair or user is disabled.");
  }
  return {};
}

}  // namespace

// https://redis.io/docs/latest/commands/auth/
Status auth(CommandCall& call) {
  if (call.args.size() > 3) {
    return syntaxError();
  }
  if (call.args.size() == 2) {
    return Error(
        ErrorCode::kInvalid,
        "AUTH <password> called without any password configured for the default user. Are you sure your configuration is "
        "correct?");
  }
  TREFOIL_TRY(authenticate(call.args[1]));
  call.reply.simple("OK");
  return {};
}

// https://redis.io/docs/latest/commands/hello/
Status hello(CommandCall& call) {
  Session::Impl& session = call.session.impl();
  int protocol = session.protocol;
  std::size_t at = 1;
  if (call.args.size() > 1) {
    const std::optional<std::int64_t> version = kv::parseInteger(call.args[1]);
    if (!version) {
      return Error(ErrorCode::kInvalid, "Protocol version is not an integer or out of range");
    }
    if (*version < 2 || *version > 3) {
      return Error(ErrorCode::kNoProtocol, "unsupported protocol version");
    }
    protocol = static_cast<int>(*version);
    at = 2;
  }
  std::optional<std::string_view> name;
  std::optional<std::string_view> user;
  while (at < call.args.size()) {
    const std::size_t more = call.args.size() - at - 1;
    if (equalsIgnoringCase(call.args[at], "SETNAME") && more >= 1) {
      name = call.args[at + 1];
      if (!isPlainName(*name)) {
        return Error(ErrorCode::kInvalid, "Client names cannot contain spaces, newlines or special characters.");
      }
      at += 2;
    } else if (equalsIgnoringCase(call.args[at], "AUTH") && more >= 2) {
      user = call.args[at + 1];
      at += 3;
    } else {
      return Error(ErrorCode::kInvalid, "Syntax error in HELLO option '" + std::string(call.args[at].substr(0, 128)) + "'");
    }
  }
  if (user) {
    TREFOIL_TRY(authenticate(*user));
  }
  session.protocol = protocol;
  if (name) {
    setName(session, *name);
  }
  call.reply.map(7);
  call.reply.bulk("server");
  call.reply.bulk("redis");
  call.reply.bulk("version");
  call.reply.bulk(kRedisVersion);
  call.reply.bulk("proto");
  call.reply.integer(protocol);
  call.reply.bulk("id");
  call.reply.integer(static_cast<std::int64_t>(session.id));
  call.reply.bulk("mode");
  call.reply.bulk("standalone");
  call.reply.bulk("role");
  call.reply.bulk("master");
  call.reply.bulk("modules");
  call.reply.array(0);
  return {};
}

Status clientId(CommandCall& call) {
  call.reply.integer(static_cast<std::int64_t>(call.session.impl().id));
  return {};
}

Status clientGetName(CommandCall& call) {
  const std::string& name = call.session.impl().facts.name;
  name.empty() ? call.reply.null() : call.reply.bulk(name);
  return {};
}

Status clientInfo(CommandCall& call) {
  const Session::Impl& session = call.session.impl();
  const std::lock_guard lock(session.database.sessionsMutex());
  call.reply.verbatim(describeClient(session) + "\n");
  return {};
}

Status clientSetInfo(CommandCall& call) {
  const bool is_name = equalsIgnoringCase(call.args[2], "LIB-NAME");
  if (!is_name && !equalsIgnoringCase(call.args[2], "LIB-VER")) {
    return Error(ErrorCode::kInvalid, "Unrecognized option '" + std::string(call.args[2].substr(0, 128)) + "'");
  }
  if (!isPlainName(call.args[3])) {
    return Error(ErrorCode::kInvalid, (is_name ? std::string("lib-name") : std::string("lib-ver")) +
                                          " cannot contain spaces, newlines or special characters.");
  }
  Session::Impl& session = call.session.impl();
  const std::lock_guard lock(session.database.sessionsMutex());
  (is_name ? session.facts.library_name : session.facts.library_version) = call.args[3];
  call.reply.simple("OK");
  return {};
}

Status clientSetName(CommandCall& call) {
  if (!isPlainName(call.args[2])) {
    return Error(ErrorCode::kInvalid, "Client names cannot contain spaces, newlines or special characters.");
  }
  setName(call.session.impl(), call.args[2]);
  call.reply.simple("OK");
  return {};
}

// Answers of SQL are described by attributes of RESP3, which clients have to know: only those that ask get them.
Status clientAttributes(CommandCall& call) {
  Session::Impl& session = call.session.impl();
  TREFOIL_ASSIGN(const bool on, onOrOff(call.args[2]));
  if (on && session.protocol < 3) {
    return Error(ErrorCode::kInvalid, "CLIENT ATTRIBUTES needs RESP3: send HELLO 3 before it");
  }
  session.describes_answers = on;
  call.reply.simple("OK");
  return {};
}

// https://redis.io/docs/latest/commands/client-reply/
Status clientReply(CommandCall& call) {
  Session::Impl& session = call.session.impl();
  if (!session.messages.areAmongAnswers()) {
    return Error(ErrorCode::kInvalid, "CLIENT REPLY is for connections");
  }
  if (equalsIgnoringCase(call.args[2], "ON")) {
    session.messages.setReplyMode(ReplyMode::kOn);
    call.reply.simple("OK");
  } else if (equalsIgnoringCase(call.args[2], "OFF")) {
    session.messages.setReplyMode(ReplyMode::kOff);
  } else if (equalsIgnoringCase(call.args[2], "SKIP")) {
    if (session.messages.replyMode() != ReplyMode::kOff) {
      session.messages.setReplyMode(ReplyMode::kSkipNext);
    }
  } else {
    return syntaxError();
  }
  return {};
}

// https://redis.io/docs/latest/commands/client-no-touch/
Status clientNoTouch(CommandCall& call) {
  TREFOIL_ASSIGN(const bool on, onOrOff(call.args[2]));
  call.session.impl().notes_uses = !on;
  call.reply.simple("OK");
  return {};
}

// https://redis.io/docs/latest/commands/client-no-evict/
Status clientNoEvict(CommandCall& call) {
  TREFOIL_ASSIGN(const bool on, onOrOff(call.args[2]));
  call.session.impl().facts.may_be_evicted = !on;
  call.reply.simple("OK");
  return {};
}

}  // namespace trefoil::commands
