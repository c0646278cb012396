// What a session hears and says besides its answers: subscriptions, MONITOR, PUBLISH, CLIENT REPLY.
//
// Order. On a connection messages and answers share one stream (messages_among_answers_), and come as they would from one thread:
//
//   before each statement    what has come until now
//   PUBLISH                  what it told the session itself, and then its answer
//   UNSUBSCRIBE, RESET       what came before; nothing of the channel behind the answer
//   between two bursts       the event loop takes the rest (net/connection.cpp)
//
// A message of one's own EXEC comes behind EXEC's answer: it is published when that has committed. An embedded program's messages
// wait until it takes them.
#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>

#include "aof/log.hpp"
#include "base/ascii_case.hpp"
#include "engine/bare_words.hpp"
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

namespace {

// The commands of a connection of RESP2 that has subscribed.
bool isOfSubscribers(const CommandMeta& meta) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"PING", "SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE", "QUIT", "RESET", "FEED"});
  return std::find(kNames.begin(), kNames.end(), meta.name) != kNames.end();
}

// Whose confirmations are messages: nothing keeps them back.
bool confirmsByMessages(const CommandMeta& meta) {
  return meta.group == CommandGroup::kPubSub && meta.name.ends_with("SUBSCRIBE");
}

bool isPublish(const CommandMeta& meta) {
  return meta.name == "PUBLISH" || meta.name == "SPUBLISH";
}

void appendQuoted(std::string& out, std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kEscaped = "\\\"\n\r\t\a\b";
  constexpr std::string_view kNames = "\\\"nrtab";
  out += '"';
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (const std::size_t at = kEscaped.find(c); at != std::string_view::npos) {
      out.append({'\\', kNames[at]});
    } else if (byte < 0x20 || byte > 0x7E) {
      out.append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
    } else {
      out += c;
    }
  }
  out += '"';
}

// Whether an argument is nobody's business: what AUTH and HELLO … AUTH are told.
std::vector<bool> secretsOf(std::string_view name, std::span<const std::string_view> args) {
  std::vector<bool> secret(args.size(), false);
  if (name == "AUTH") {
    std::fill(secret.begin() + 1, secret.end(), true);
  } else if (name == "HELLO") {
    for (std::size_t i = 2; i + 2 < args.size(); ++i) {
      if (equalsIgnoringCase(args[i], "AUTH")) {
        secret[i + 1] = secret[i + 2] = true;
        i += 2;
      }
    }
  }
  return secret;
}

Lsn publishedFence(Lsn committed, Lsn awaited) {
  return std::max(committed, awaited);
}

constexpr std::array<std::string_view, kTopics> kSubscribed = {"subscribe", "psubscribe", "ssubscribe"};
constexpr std::array<std::string_view, kTopics> kUnsubscribed = {"unsubscribe", "punsubscribe", "sunsubscribe"};

}  // namespace

Listening& Session::Impl::listens() {
  if (listening == nullptr) {
    auto made = std::make_unique<Listening>(database.pubsub(), database.monitors(), database.feeder(), outbox);
    const std::lock_guard lock(database.sessionsMutex());
    listening = std::move(made);
  }
  is_plain_ = false;
  return *listening;
}

void Session::Impl::onMessages(std::function<void()> callback, MessageWay way) {
  messages_among_answers_ = way == MessageWay::kAmongAnswers;
  outbox->onReady(std::move(callback));
}

bool Session::Impl::isSubscriber() const {
  return listening != nullptr && listening->count() != 0;
}

bool Session::Impl::isRestrictedSubscriber() const {
  return messages_among_answers_ && protocol < 3 && (isSubscriber() || (listening != nullptr && listening->hasFeed()));
}

// --- Around a statement ------------------------------------------------------------------------------------------------------

void Session::Impl::deliver(Reply& reply) {
  if (!messages_among_answers_ || outbox->isEmpty()) {
    return;
  }
  std::vector<Outbox::Item> items;
  outbox->take(items, SIZE_MAX);
  for (const Outbox::Item& item : items) {
    reply.message(*item.message);
    noteCommit(item.fence);
  }
}

// Whether a client that listens may say that. Before the statement itself is looked at; those that nobody could run get their own
// errors.
Status Session::Impl::mayRun(const Statement& statement, int command) const {
  if (!messages_among_answers_ || listening == nullptr) {
    return {};
  }
  const bool is_sql = command < 0 && (!statement.sql.empty() || areSql(statement.args));
  if (command < 0 && !is_sql) {
    return {};
  }
  const CommandMeta* const meta = is_sql ? nullptr : &kCommands[static_cast<std::size_t>(command)];
  if (meta != nullptr && !checkArguments(*meta, statement.args).ok()) {
    return {};
  }
  if (isRestrictedSubscriber() && (meta == nullptr || !isOfSubscribers(*meta))) {
    const std::string_view word = meta != nullptr ? meta->name : !statement.args.empty() ? statement.args[0] : "sql";
    return Error(ErrorCode::kInvalid, "Can't execute '" + lowerCase(word.substr(0, 128)) +
                                          "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
                                          "context");
  }
  constexpr std::uint32_t kTouches = kRead | kWrite | kSqlText | kSqlShorthand;
  if (listening->isMonitor() && (meta == nullptr || (meta->flags & kTouches) != 0 || isPublish(*meta))) {
    return Error(ErrorCode::kInvalid, "Replica can't interact with the keyspace");
  }
  return {};
}

void Session::Impl::executeAttentively(const Statement& statement, int command, Reply& reply) {
  deliver(reply);
  const ReplyMode mode_before = reply_mode_;
  const bool skips = mode_before == ReplyMode::kOff || mode_before == ReplyMode::kSkipNext;
  if (mode_before == ReplyMode::kSkipNext) {
    reply_mode_ = ReplyMode::kSkipThis;
  }
  const Reply::Mark mark = reply.mark();
  if (const Status status = mayRun(statement, command); status.ok()) {
    executeGuarded(statement, command, reply);
  } else if (command >= 0 && kCommands[static_cast<std::size_t>(command)].name == "EXEC") {
    discardMulti();
    unwatch();
    reply.error(Error(ErrorCode::kExecAbort, "Transaction discarded because of: " + status.error().message));
  } else {
    refuse(status.error(), reply);
  }
  if (control.gaveUp()) {
    reply_mode_ = mode_before;  // a worker begins again
    return;
  }
  const bool is_message = command >= 0 && confirmsByMessages(kCommands[static_cast<std::size_t>(command)]) &&
                          !refused_arguments_ && multi == MultiState::kNone;
  if (skips && reply_mode_ != ReplyMode::kOn && !is_message) {
    reply.rewind(mark);
  }
  if (reply_mode_ == ReplyMode::kSkipThis) {
    reply_mode_ = ReplyMode::kOn;
  }
  if (tracking.is(ClientTracking::kOn)) {
    endTracked(command);
  }
  is_plain_ = listening == nullptr && reply_mode_ == ReplyMode::kOn && !tracking.is(ClientTracking::kOn);
}

void Session::Impl::setReplyMode(ReplyMode mode) {
  reply_mode_ = mode;
  is_plain_ = false;
}

// --- Subscriptions -----------------------------------------------------------------------------------------------------------

void Session::Impl::confirm(std::string_view what, Topic topic, const std::string_view* subject, Reply& reply) const {
  const bool shard = topic == Topic::kShardChannel;
  const std::size_t count = listening == nullptr ? 0
                            : shard              ? listening->count(topic)
                                                 : listening->count(Topic::kChannel) + listening->count(Topic::kPattern);
  reply.push(3);
  reply.bulk(what);
  subject == nullptr ? reply.null() : reply.bulk(*subject);
  reply.integer(static_cast<std::int64_t>(count));
}

Status Session::Impl::subscribe(Topic topic, std::span<const std::string_view> names, Reply& reply) {
  const std::string_view what = kSubscribed[static_cast<std::size_t>(topic)];
  if (transaction != nullptr) {
    return Error(ErrorCode::kTransactionState, upperCase(what) + " inside BEGIN is not allowed");
  }
  Listening& listening_to = listens();
  for (const std::string_view each : names) {
    TREFOIL_TRY(listening_to.subscribe(topic, each));
    confirm(what, topic, &each, reply);
  }
  return {};
}

Status Session::Impl::unsubscribe(Topic topic, std::span<const std::string_view> names, Reply& reply) {
  const std::string_view what = kUnsubscribed[static_cast<std::size_t>(topic)];
  std::vector<std::string> all;
  std::vector<std::string_view> views(names.begin(), names.end());
  if (names.empty() && listening != nullptr) {
    if (control.onLoop() && listening->count(topic) > Listening::kMany && !queue_is_running_) {
      control.leaveLoop();
      return {};
    }
    all = listening->names(topic);
    views.assign(all.begin(), all.end());
  }
  for (const std::string_view each : views) {
    const bool was_subscribed = listening != nullptr && listening->unsubscribe(topic, each);
    // What came before; but an invalidation must not come before the rest of EXEC's answer.
    if (was_subscribed && !(queue_is_running_ && tracking.is(ClientTracking::kOn))) {
      deliver(reply);
    }
    confirm(what, topic, &each, reply);
  }
  if (views.empty()) {
    confirm(what, topic, nullptr, reply);
  }
  return {};
}

// False: that takes too long here, and nothing has been done.
bool Session::Impl::stopListening(Reply& reply) {
  if (listening != nullptr) {
    if (control.onLoop() && listening->count() > Listening::kMany) {
      control.leaveLoop();
      return false;
    }
    listening->stop();
    deliver(reply);
  }
  return true;
}

// --- PUBLISH -----------------------------------------------------------------------------------------------------------------

Status Session::Impl::publish(Topic topic, std::string_view channel, std::string_view payload, Reply& reply) {
  PubSub& pubsub = database.pubsub();
  if (transaction != nullptr || queue_is_running_) {
    if (staged_.bytes() > static_cast<std::size_t>(database.queryMemory())) {
      return Error(ErrorCode::kOutOfMemory, "this transaction has staged more than 'query-memory'.");
    }
    staged_.add(topic, channel, payload);
    reply.integer(static_cast<std::int64_t>(pubsub.receivers(topic, channel)));
    return {};
  }
  const std::optional<std::size_t> told = pubsub.publish(topic, channel, payload, publishedFence(committed_, awaited_fence),
                                                         control.onLoop() ? PubSub::Where::kOnLoop : PubSub::Where::kMayTakeLong);
  if (!told) {
    control.leaveLoop();
    return {};
  }
  if (reply_mode_ == ReplyMode::kOn) {  // an answer that is kept back takes nothing else with it
    deliver(reply);
  }
  reply.integer(static_cast<std::int64_t>(*told));
  return {};
}

// Behind the commit.
void Session::Impl::publishStaged() {
  for (const StagedMessages::Staged& message : staged_.all()) {
    database.pubsub().publish(message.topic, message.channel, message.payload, publishedFence(committed_, awaited_fence),
                              PubSub::Where::kMayTakeLong);
  }
  staged_.clear();
}

bool Session::Impl::stagedTakeLong() const {
  PubSub& pubsub = database.pubsub();
  return std::any_of(staged_.all().begin(), staged_.all().end(),
                     [&](const StagedMessages::Staged& message) { return pubsub.takesLong(message.topic, message.channel); });
}

bool Session::Impl::queuePublishesLong() const {
  return std::any_of(queued_.begin(), queued_.end(), [&](const QueuedStatement& queued) {
    if (queued.command < 0) {
      return false;
    }
    const CommandMeta& meta = kCommands[static_cast<std::size_t>(queued.command)];
    return isPublish(meta) &&
           database.pubsub().takesLong(meta.name == "PUBLISH" ? Topic::kChannel : Topic::kShardChannel, queued.args[1]);
  });
}

// --- MONITOR -----------------------------------------------------------------------------------------------------------------

Status Session::Impl::beginMonitor(Reply& reply) {
  if (transaction != nullptr) {
    return Error(ErrorCode::kTransactionState, "MONITOR inside BEGIN is not allowed");
  }
  if (queue_is_running_) {
    return Error(ErrorCode::kInvalid, "MONITOR isn't allowed for DENY BLOCKING client");
  }
  Listening& listening_to = listens();
  if (listening_to.isMonitor() && messages_among_answers_) {
    return {};  // Redis answers nothing
  }
  listening_to.beginMonitor();
  reply.simple("OK");
  return {};
}

// --- FEED --------------------------------------------------------------------------------------------------------------------

Status Session::Impl::beginFeed(std::optional<std::string_view> from, FeedFilter filter, Reply& reply) {
  if (transaction != nullptr) {
    return Error(ErrorCode::kTransactionState, "FEED inside BEGIN is not allowed");
  }
  if (queue_is_running_) {
    return Error(ErrorCode::kInvalid, "FEED inside MULTI is not allowed");
  }
  Listening& listening_to = listens();
  if (listening_to.hasFeed()) {
    return Error(ErrorCode::kInvalid, "this session has a feed already").withHint("FEED STOP ends it");
  }
  TREFOIL_ASSIGN(Feeder::Begun begun, database.feeder().begin(from, std::move(filter), outbox, control));
  reply.bulk(begun.position);
  noteCommit(begun.fence);
  listening_to.setFeed(std::move(begun.feed));
  return {};
}

Status Session::Impl::stopFeed(Reply& reply) {
  if (listening == nullptr || !listening->endFeed()) {
    return Error(ErrorCode::kInvalid, "this session has no feed");
  }
  deliver(reply);
  reply.simple("OK");
  return {};
}

// "1339518083.107412 [0 127.0.0.1:60866] "keys" "*"": one that was run. What administers the server is not shown.
void Session::Impl::feedMonitors(int command, std::span<const std::string_view> args) {
  const CommandMeta* const meta = command < 0 ? nullptr : &kCommands[static_cast<std::size_t>(command)];
  if (meta != nullptr && (meta->flags & (kAdmin | kSkipMonitor)) != 0) {
    return;
  }
  const std::int64_t now_us = database.env().nowMicros();
  std::array<char, 48> time{};
  std::snprintf(time.data(), time.size(), "%lld.%06lld", static_cast<long long>(now_us / 1'000'000),
                static_cast<long long>(now_us % 1'000'000));
  const bool over_unix_socket = !address.empty() && address == local_address;
  std::string line = std::string(time.data()) + " [" + std::to_string(db) + ' ' +
                     (address.empty()    ? std::string("embedded")
                      : over_unix_socket ? "unix:" + address
                                         : address) +
                     ']';
  const std::vector<bool> secret = secretsOf(meta == nullptr ? std::string_view() : meta->name, args);
  for (std::size_t i = 0; i < args.size(); ++i) {
    line += ' ';
    appendQuoted(line, secret[i] ? std::string_view("(redacted)") : args[i]);
  }
  database.monitors().feed(std::move(line), publishedFence(committed_, awaited_fence));
}

void Session::Impl::feedQueue() {
  for (const QueuedStatement& queued : queued_) {
    const std::string_view sql = queued.sql;
    feedMonitors(queued.command, sql.empty() ? std::vector<std::string_view>(queued.args.begin(), queued.args.end())
                                             : std::vector<std::string_view>{sql});
  }
}

// --- For who takes them --------------------------------------------------------------------------------------------------------

Result<MessagePointer> Session::Impl::takeMessage() {
  while (!outbox->isEmpty()) {
    std::vector<Outbox::Item> items;
    outbox->take(items, 0);
    if (items.empty()) {
      if (outbox->takeOverflow()) {
        return Error(ErrorCode::kLimit, "messages were lost: they were not taken in time")
            .withHint("Take them sooner, or raise \"client-output-buffer-limit\".");
      }
      break;
    }
    aof::Log* const log = database.manager().log();
    if (log == nullptr || log->waitReached(items[0].fence).ok()) {
      return std::move(items[0].message);
    }
    // What it tells of may be lost, so it is as if it had not been said.
  }
  return MessagePointer();
}

Result<MessagePointer> Session::Impl::awaitMessage(std::chrono::steady_clock::time_point deadline) {
  while (listening != nullptr || tracking.is(ClientTracking::kOn) || !outbox->isEmpty()) {
    TREFOIL_ASSIGN(MessagePointer message, takeMessage());
    if (message != nullptr || !outbox->wait(deadline)) {
      return message;
    }
  }
  return MessagePointer();
}

// -------------------------------------------------------------------------------------------------------------------- Session

Result<MessagePointer> Session::takeMessage() {
  return impl_->takeMessage();
}

Result<MessagePointer> Session::awaitMessage(std::chrono::steady_clock::time_point deadline) {
  return impl_->awaitMessage(deadline);
}

void Session::onMessages(std::function<void()> callback, MessageWay way) {
  impl_->onMessages(std::move(callback), way);
}

std::size_t Session::takeMessages(std::vector<Outbox::Item>& into, std::size_t most_bytes) {
  impl_->outbox->take(into, most_bytes);
  return impl_->outbox->count();
}

Session::MessageFigures Session::messageFigures() const {
  const Listening* const listening = impl_->listening.get();
  return {impl_->outbox->bytes(), listening == nullptr ? ClientClass::kNormal : listening->clientClass()};
}

bool Session::isListening() const {
  const Listening* const listening = impl_->listening.get();
  return listening != nullptr && (listening->count() != 0 || listening->isMonitor() || listening->hasFeed());
}

void Session::stopListening() {
  impl_->stopTracking();
  impl_->outbox->close();
  if (Listening* const listening = impl_->listening.get(); listening != nullptr && listening->count() <= Listening::kMany) {
    listening->stop();
  }
}

bool Session::lostMessages() {
  return impl_->outbox->takeOverflow();
}

}  // namespace trefoil
