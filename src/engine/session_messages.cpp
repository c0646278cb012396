#include "engine/session_messages.hpp"

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

constexpr std::array<std::string_view, kTopics> kSubscribed = {"subscribe", "psubscribe", "ssubscribe"};
constexpr std::array<std::string_view, kTopics> kUnsubscribed = {"unsubscribe", "punsubscribe", "sunsubscribe"};

}  // namespace

bool isPublish(const CommandMeta& meta) {
  return meta.name == "PUBLISH" || meta.name == "SPUBLISH";
}

SessionMessages::SessionMessages(Session::Impl& session)
    : outbox(std::make_shared<Outbox>(session.database.outputLimits(), session.database.env())), session_(session) {}

SessionMessages::~SessionMessages() {
  outbox->close();
  if (listening_ != nullptr && listening_->count() > Listening::kMany) {
    const std::shared_ptr<Listening> ending = std::move(listening_);  // of nobody now: a worker has the time
    static_cast<void>(session_.database.self.submit([ending] { ending->stop(); }, SlowLane::kSystem));
  }
}

Listening& SessionMessages::listens() {
  if (listening_ == nullptr) {
    auto made =
        std::make_unique<Listening>(session_.database.pubsub(), session_.database.monitors(), session_.database.feeder(), outbox);
    const std::lock_guard lock(session_.database.sessionsMutex());
    listening_ = std::move(made);
  }
  is_plain_ = false;
  return *listening_;
}

void SessionMessages::onReady(std::function<void()> callback, MessageWay way) {
  among_answers_ = way == MessageWay::kAmongAnswers;
  outbox->onReady(std::move(callback));
}

bool SessionMessages::isRestrictedSubscriber() const {
  return among_answers_ && session_.protocol < 3 && (isSubscriber() || hasFeed());
}

// --- Around a statement ------------------------------------------------------------------------------------------------------

void SessionMessages::deliver(Reply& reply) {
  if (!among_answers_ || outbox->isEmpty()) {
    return;
  }
  std::vector<Outbox::Item> items;
  outbox->take(items, SIZE_MAX);
  for (const Outbox::Item& item : items) {
    reply.message(*item.message);
    session_.fence.noteCommit(item.fence);
  }
}

// Whether a client that listens may say that. Before the statement itself is looked at; those that nobody could run get their own
// errors.
Status SessionMessages::mayRun(const Statement& statement, int command) const {
  if (!among_answers_ || listening_ == nullptr) {
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
  if (listening_->isMonitor() && (meta == nullptr || (meta->flags & kTouches) != 0 || isPublish(*meta))) {
    return Error(ErrorCode::kInvalid, "Replica can't interact with the keyspace");
  }
  return {};
}

ReplyMode SessionMessages::begin() {
  const ReplyMode before = reply_mode_;
  if (before == ReplyMode::kSkipNext) {
    reply_mode_ = ReplyMode::kSkipThis;
  }
  return before;
}

void SessionMessages::end(ReplyMode before, Reply::Mark mark, int command, bool confirms, Reply& reply) {
  const bool skips = before == ReplyMode::kOff || before == ReplyMode::kSkipNext;
  const bool is_message = confirms && command >= 0 && confirmsByMessages(kCommands[static_cast<std::size_t>(command)]);
  if (skips && reply_mode_ != ReplyMode::kOn && !is_message) {
    reply.rewind(mark);
  }
  if (reply_mode_ == ReplyMode::kSkipThis) {
    reply_mode_ = ReplyMode::kOn;
  }
  endTracked(command);
  is_plain_ = listening_ == nullptr && reply_mode_ == ReplyMode::kOn && !tracking.is(ClientTracking::kOn);
}

void SessionMessages::endWaited(Reply::Mark mark, int command, Reply& reply) {
  if (reply_mode_ != ReplyMode::kOn) {
    reply.rewind(mark);
    setReplyMode(reply_mode_ == ReplyMode::kSkipNext ? ReplyMode::kOn : reply_mode_);
  }
  endTracked(command);
}

void SessionMessages::setReplyMode(ReplyMode mode) {
  reply_mode_ = mode;
  is_plain_ = false;
}

// --- Subscriptions -----------------------------------------------------------------------------------------------------------

void SessionMessages::confirm(std::string_view what, Topic topic, const std::string_view* subject, Reply& reply) const {
  const bool shard = topic == Topic::kShardChannel;
  const std::size_t count = listening_ == nullptr ? 0
                            : shard               ? listening_->count(topic)
                                                  : listening_->count(Topic::kChannel) + listening_->count(Topic::kPattern);
  reply.push(3);
  reply.bulk(what);
  subject == nullptr ? reply.null() : reply.bulk(*subject);
  reply.integer(static_cast<std::int64_t>(count));
}

Status SessionMessages::subscribe(Topic topic, std::span<const std::string_view> names, Reply& reply) {
  const std::string_view what = kSubscribed[static_cast<std::size_t>(topic)];
  if (session_.block.isOpen()) {
    return Error(ErrorCode::kTransactionState, upperCase(what) + " inside BEGIN is not allowed");
  }
  Listening& listening_to = listens();
  for (const std::string_view each : names) {
    TREFOIL_TRY(listening_to.subscribe(topic, each));
    confirm(what, topic, &each, reply);
  }
  return {};
}

Status SessionMessages::unsubscribe(Topic topic, std::span<const std::string_view> names, Reply& reply) {
  const std::string_view what = kUnsubscribed[static_cast<std::size_t>(topic)];
  std::vector<std::string> all;
  std::vector<std::string_view> views(names.begin(), names.end());
  if (names.empty() && listening_ != nullptr) {
    if (session_.control.onLoop() && listening_->count(topic) > Listening::kMany && !session_.exec.isRunning()) {
      session_.control.leaveLoop();
      return {};
    }
    all = listening_->names(topic);
    views.assign(all.begin(), all.end());
  }
  for (const std::string_view each : views) {
    const bool was_subscribed = listening_ != nullptr && listening_->unsubscribe(topic, each);
    // What came before; but an invalidation must not come before the rest of EXEC's answer.
    if (was_subscribed && !(session_.exec.isRunning() && tracking.is(ClientTracking::kOn))) {
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
bool SessionMessages::reset(Reply& reply) {
  if (listening_ != nullptr) {
    if (session_.control.onLoop() && listening_->count() > Listening::kMany) {
      session_.control.leaveLoop();
      return false;
    }
    listening_->stop();
    deliver(reply);
  }
  return true;
}

// --- PUBLISH -----------------------------------------------------------------------------------------------------------------

Status SessionMessages::publish(Topic topic, std::string_view channel, std::string_view payload, Reply& reply) {
  PubSub& pubsub = session_.database.pubsub();
  if (session_.block.isOpen() || session_.exec.isRunning()) {
    if (staged.bytes() > static_cast<std::size_t>(session_.database.queryMemory())) {
      return Error(ErrorCode::kOutOfMemory, "this transaction has staged more than 'query-memory'.");
    }
    staged.add(topic, channel, payload);
    reply.integer(static_cast<std::int64_t>(pubsub.receivers(topic, channel)));
    return {};
  }
  const std::optional<std::size_t> told =
      pubsub.publish(topic, channel, payload, session_.fence.ofMessages(),
                     session_.control.onLoop() ? PubSub::Where::kOnLoop : PubSub::Where::kMayTakeLong);
  if (!told) {
    session_.control.leaveLoop();
    return {};
  }
  if (reply_mode_ == ReplyMode::kOn) {  // an answer that is kept back takes nothing else with it
    deliver(reply);
  }
  reply.integer(static_cast<std::int64_t>(*told));
  return {};
}

// Behind the commit.
void SessionMessages::publishStaged() {
  for (const StagedMessages::Staged& message : staged.all()) {
    session_.database.pubsub().publish(message.topic, message.channel, message.payload, session_.fence.ofMessages(),
                                       PubSub::Where::kMayTakeLong);
  }
  staged.clear();
}

bool SessionMessages::stagedTakeLong() const {
  PubSub& pubsub = session_.database.pubsub();
  return std::any_of(staged.all().begin(), staged.all().end(),
                     [&](const StagedMessages::Staged& message) { return pubsub.takesLong(message.topic, message.channel); });
}

// --- MONITOR -----------------------------------------------------------------------------------------------------------------

Status SessionMessages::beginMonitor(Reply& reply) {
  if (session_.block.isOpen()) {
    return Error(ErrorCode::kTransactionState, "MONITOR inside BEGIN is not allowed");
  }
  if (session_.exec.isRunning()) {
    return Error(ErrorCode::kInvalid, "MONITOR isn't allowed for DENY BLOCKING client");
  }
  Listening& listening_to = listens();
  if (listening_to.isMonitor() && among_answers_) {
    return {};  // Redis answers nothing
  }
  listening_to.beginMonitor();
  reply.simple("OK");
  return {};
}

// --- FEED --------------------------------------------------------------------------------------------------------------------

Status SessionMessages::beginFeed(std::optional<std::string_view> from, FeedFilter filter, Reply& reply) {
  if (session_.block.isOpen()) {
    return Error(ErrorCode::kTransactionState, "FEED inside BEGIN is not allowed");
  }
  if (session_.exec.isRunning()) {
    return Error(ErrorCode::kInvalid, "FEED inside MULTI is not allowed");
  }
  Listening& listening_to = listens();
  if (listening_to.hasFeed()) {
    return Error(ErrorCode::kInvalid, "this session has a feed already").withHint("FEED STOP ends it");
  }
  TREFOIL_ASSIGN(Feeder::Begun begun, session_.database.feeder().begin(from, std::move(filter), outbox, session_.control));
  reply.bulk(begun.position);
  session_.fence.noteCommit(begun.fence);
  listening_to.setFeed(std::move(begun.feed));
  return {};
}

Status SessionMessages::stopFeed(Reply& reply) {
  if (listening_ == nullptr || !listening_->endFeed()) {
    return Error(ErrorCode::kInvalid, "this session has no feed");
  }
  deliver(reply);
  reply.simple("OK");
  return {};
}

// "1339518083.107412 [0 127.0.0.1:60866] "keys" "*"": one that was run. What administers the server is not shown.
void SessionMessages::feedMonitors(int command, std::span<const std::string_view> args) {
  const CommandMeta* const meta = command < 0 ? nullptr : &kCommands[static_cast<std::size_t>(command)];
  if (meta != nullptr && (meta->flags & (kAdmin | kSkipMonitor)) != 0) {
    return;
  }
  const std::int64_t now_us = session_.database.env().nowMicros();
  std::array<char, 48> time{};
  std::snprintf(time.data(), time.size(), "%lld.%06lld", static_cast<long long>(now_us / 1'000'000),
                static_cast<long long>(now_us % 1'000'000));
  const ClientFacts& facts = session_.facts;
  std::string line = std::string(time.data()) + " [" + std::to_string(session_.db) + ' ' +
                     (facts.address.empty()      ? std::string("embedded")
                      : facts.isOverUnixSocket() ? "unix:" + facts.address
                                                 : facts.address) +
                     ']';
  const std::vector<bool> secret = secretsOf(meta == nullptr ? std::string_view() : meta->name, args);
  for (std::size_t i = 0; i < args.size(); ++i) {
    line += ' ';
    appendQuoted(line, secret[i] ? std::string_view("(redacted)") : args[i]);
  }
  session_.database.monitors().feed(std::move(line), session_.fence.ofMessages());
}

// --- For who takes them --------------------------------------------------------------------------------------------------------

Result<MessagePointer> SessionMessages::take() {
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
    aof::Log* const log = session_.database.manager().log();
    if (log == nullptr || log->waitReached(items[0].fence).ok()) {
      return std::move(items[0].message);
    }
    // What it tells of may be lost, so it is as if it had not been said.
  }
  return MessagePointer();
}

Result<MessagePointer> SessionMessages::await(std::chrono::steady_clock::time_point deadline) {
  while (listening_ != nullptr || tracking.is(ClientTracking::kOn) || !outbox->isEmpty()) {
    TREFOIL_ASSIGN(MessagePointer message, take());
    if (message != nullptr || !outbox->wait(deadline)) {
      return message;
    }
  }
  return MessagePointer();
}

}  // namespace trefoil
