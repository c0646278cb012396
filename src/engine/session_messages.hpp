// SessionMessages: what a session hears and says besides its answers: subscriptions, MONITOR, FEED, client-side caching, PUBLISH,
// CLIENT REPLY.
//
// Order. On a connection messages and answers share one stream (MessageWay::kAmongAnswers), and come as they would from one
// thread:
//
//   before each statement    what has come until now
//   PUBLISH                  what it told the session itself, and then its answer
//   UNSUBSCRIBE, RESET       what came before; nothing of the channel behind the answer
//   between two bursts       the event loop takes the rest (net/connection.cpp)
//
// A message of one's own EXEC comes behind EXEC's answer: it is published when that has committed. An embedded program's messages
// wait until it takes them.
//
// Thread safety: the outbox has its own; `tracking` says what others may read; listening() is made with
// Database::Impl::sessionsMutex(), with which others may ask whether it is a subscriber or a monitor. The rest is the session's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/command_meta.hpp"
#include "engine/feed_changes.hpp"
#include "engine/listening.hpp"
#include "engine/session.hpp"
#include "engine/staged_messages.hpp"
#include "engine/tracking.hpp"

namespace trefoil {

// CLIENT REPLY.
enum class ReplyMode : std::uint8_t { kOn, kOff, kSkipNext, kSkipThis };

class SessionMessages {
 public:
  explicit SessionMessages(Session::Impl& session);
  ~SessionMessages();
  SessionMessages(const SessionMessages&) = delete;
  SessionMessages& operator=(const SessionMessages&) = delete;

  // --- Who takes them -------------------------------------------------------------------------------------------------------
  void onReady(std::function<void()> callback, MessageWay way);
  [[nodiscard]] bool areAmongAnswers() const { return among_answers_; }
  Result<MessagePointer> take();
  Result<MessagePointer> await(std::chrono::steady_clock::time_point deadline);

  // --- Around a statement ---------------------------------------------------------------------------------------------------
  // There is nothing to do around statements: most sessions hear nothing.
  [[nodiscard]] bool areNone() const { return is_plain_; }
  // Before statements are run: whether messages have come.
  void look() {
    if (!outbox->isEmpty()) [[unlikely]] {
      is_plain_ = false;
    }
  }
  // Pushes what has come until now, if that goes among the answers.
  void deliver(Reply& reply);
  // Whether a client that listens may say that. Before the statement itself is looked at; those that nobody could run get their
  // own errors.
  [[nodiscard]] Status mayRun(const Statement& statement, int command) const;
  // CLIENT REPLY, CLIENT CACHING: begin() before a statement; then end(), which takes its answer back if it is not wanted
  // (`confirms`: it may be the confirmation of a subscription, which is a message), or, if another thread is to begin it again,
  // resume(). Behind one that has waited: endWaited().
  ReplyMode begin();
  void end(ReplyMode before, Reply::Mark mark, int command, bool confirms, Reply& reply);
  void resume(ReplyMode before) { reply_mode_ = before; }
  void endWaited(Reply::Mark mark, int command, Reply& reply);
  void setReplyMode(ReplyMode mode);
  [[nodiscard]] ReplyMode replyMode() const { return reply_mode_; }

  // --- Subscriptions, MONITOR, FEED -------------------------------------------------------------------------------------------
  Status subscribe(Topic topic, std::span<const std::string_view> names, Reply& reply);
  Status unsubscribe(Topic topic, std::span<const std::string_view> names, Reply& reply);
  // RESET. False: that takes too long here, and nothing has been done.
  bool reset(Reply& reply);
  Status beginMonitor(Reply& reply);
  Status beginFeed(std::optional<std::string_view> from, FeedFilter filter, Reply& reply);
  Status stopFeed(Reply& reply);
  [[nodiscard]] bool isSubscriber() const { return listening_ != nullptr && listening_->count() != 0; }
  [[nodiscard]] bool isMonitor() const { return listening_ != nullptr && listening_->isMonitor(); }
  [[nodiscard]] bool hasFeed() const { return listening_ != nullptr && listening_->hasFeed(); }
  [[nodiscard]] std::size_t subscriptions(Topic topic) const { return listening_ == nullptr ? 0 : listening_->count(topic); }
  [[nodiscard]] ClientClass clientClass() const {
    return listening_ == nullptr ? ClientClass::kNormal : listening_->clientClass();
  }
  // It shares its stream with messages, and RESP2 has no way to tell them apart.
  [[nodiscard]] bool isRestrictedSubscriber() const;

  // --- PUBLISH ----------------------------------------------------------------------------------------------------------------
  Status publish(Topic topic, std::string_view channel, std::string_view payload, Reply& reply);
  // What was staged inside BEGIN or EXEC, behind the commit.
  void publishStaged();
  [[nodiscard]] bool stagedTakeLong() const;
  // What monitors are shown of a call that has run: "1339518083.107412 [0 127.0.0.1:60866] "keys" "*"".
  void feedMonitors(int command, std::span<const std::string_view> args);

  // --- Client-side caching (session_tracking.cpp) -----------------------------------------------------------------------------
  struct TrackingOptions {
    std::uint64_t redirect = 0;
    std::uint32_t flags = 0;  // ClientTracking::Flag
    std::vector<std::string_view> prefixes;
  };
  Status beginTracking(const TrackingOptions& options);
  void stopTracking();
  // Before a command looks at its keys.
  void rememberReads(const CommandMeta& meta, std::span<const std::string_view> args, bool of_transaction);

  const std::shared_ptr<Outbox> outbox;
  ClientTracking tracking;
  StagedMessages staged;  // by PUBLISH, inside BEGIN or while EXEC runs its queue

 private:
  Listening& listens();
  void confirm(std::string_view what, Topic topic, const std::string_view* subject, Reply& reply) const;
  void endTracked(int command);

  Session::Impl& session_;
  std::unique_ptr<Listening> listening_;  // null until it wants to hear something
  bool is_plain_ = true;
  bool among_answers_ = false;
  ReplyMode reply_mode_ = ReplyMode::kOn;
};

// PUBLISH or SPUBLISH.
[[nodiscard]] bool isPublish(const CommandMeta& meta);

}  // namespace trefoil
