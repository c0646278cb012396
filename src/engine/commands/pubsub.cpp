// SUBSCRIBE and its family, PUBLISH, PUBSUB, MONITOR; the work is in engine/session_messages.cpp and engine/pubsub.cpp.
// https://redis.io/docs/latest/develop/interact/pubsub/
#include <optional>

#include "engine/command.hpp"
#include "engine/commands/lanes.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

namespace {

// Names of so many channels are collected by a worker.
constexpr std::size_t kManyChannels = 2000;

Status listNames(CommandCall& call, Topic topic) {
  Session::Impl& session = call.session.impl();
  if (call.args.size() > 3) {
    return Error(ErrorCode::kInvalid,
                 "unknown subcommand or wrong number of arguments for '" + std::string(call.args[1]) + "'. Try PUBSUB HELP.");
  }
  if (leavesLoop(call, session.database.pubsub().count(topic) > kManyChannels)) {
    return {};
  }
  const auto names = session.database.pubsub().names(
      topic, call.args.size() == 3 ? std::optional<std::string_view>(call.args[2]) : std::nullopt);
  call.reply.array(names.size());
  for (const std::string& name : names) {
    call.reply.bulk(name);
  }
  return {};
}

Status countSubscribers(CommandCall& call, Topic topic) {
  const auto names = call.args.subspan(2);
  call.reply.array(names.size() * 2);
  for (const std::string_view name : names) {
    call.reply.bulk(name);
    call.reply.integer(static_cast<std::int64_t>(call.session.impl().database.pubsub().subscribers(topic, name)));
  }
  return {};
}

}  // namespace

Status subscribe(CommandCall& call) {
  return call.session.impl().messages.subscribe(Topic::kChannel, call.args.subspan(1), call.reply);
}

Status psubscribe(CommandCall& call) {
  return call.session.impl().messages.subscribe(Topic::kPattern, call.args.subspan(1), call.reply);
}

Status ssubscribe(CommandCall& call) {
  return call.session.impl().messages.subscribe(Topic::kShardChannel, call.args.subspan(1), call.reply);
}

Status unsubscribe(CommandCall& call) {
  return call.session.impl().messages.unsubscribe(Topic::kChannel, call.args.subspan(1), call.reply);
}

Status punsubscribe(CommandCall& call) {
  return call.session.impl().messages.unsubscribe(Topic::kPattern, call.args.subspan(1), call.reply);
}

Status sunsubscribe(CommandCall& call) {
  return call.session.impl().messages.unsubscribe(Topic::kShardChannel, call.args.subspan(1), call.reply);
}

Status publish(CommandCall& call) {
  return call.session.impl().messages.publish(Topic::kChannel, call.args[1], call.args[2], call.reply);
}

Status spublish(CommandCall& call) {
  return call.session.impl().messages.publish(Topic::kShardChannel, call.args[1], call.args[2], call.reply);
}

Status pubsubChannels(CommandCall& call) {
  return listNames(call, Topic::kChannel);
}

Status pubsubShardChannels(CommandCall& call) {
  return listNames(call, Topic::kShardChannel);
}

Status pubsubNumSub(CommandCall& call) {
  return countSubscribers(call, Topic::kChannel);
}

Status pubsubShardNumSub(CommandCall& call) {
  return countSubscribers(call, Topic::kShardChannel);
}

Status pubsubNumPat(CommandCall& call) {
  call.reply.integer(static_cast<std::int64_t>(call.session.impl().database.pubsub().count(Topic::kPattern)));
  return {};
}

Status monitor(CommandCall& call) {
  return call.session.impl().messages.beginMonitor(call.reply);
}

}  // namespace trefoil::commands
