// Listening: what one session listens to. A session has one from the first time that it wants to hear something.
//
// Thread safety: the session's own, but for the counts.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_account.hpp"
#include "base/status.hpp"
#include "engine/outbox.hpp"
#include "engine/pubsub.hpp"

namespace trefoil {

class Feed;
class Feeder;
class Monitors;

class Listening {
 public:
  // From so many subscriptions on, giving them up takes too long for an event loop.
  static constexpr std::size_t kMany = 1000;

  Listening(PubSub& pubsub, Monitors& monitors, Feeder& feeder, std::shared_ptr<Outbox> outbox);
  ~Listening() { stop(); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

  // Has no effect on what is subscribed to already. kLimit if it is too much.
  Status subscribe(Topic topic, std::string_view name);
  // False: it was not subscribed to.
  bool unsubscribe(Topic topic, std::string_view name);
  // All that is subscribed to, by name.
  [[nodiscard]] std::vector<std::string> names(Topic topic) const;
  // How many; from any thread.
  [[nodiscard]] std::size_t count(Topic topic) const {
    return counts_[static_cast<std::size_t>(topic)].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t count() const {
    return count(Topic::kChannel) + count(Topic::kPattern) + count(Topic::kShardChannel);
  }
  // From any thread.
  [[nodiscard]] bool isMonitor() const { return monitor_.load(std::memory_order_relaxed); }
  void beginMonitor();
  // One at most: the feeder has begun it for the outbox. Whether there is one, from any thread.
  void setFeed(std::shared_ptr<Feed> feed);
  bool endFeed();  // false: there was none
  [[nodiscard]] bool hasFeed() const { return has_feed_.load(std::memory_order_relaxed); }
  [[nodiscard]] ClientClass clientClass() const;
  // Listens to nothing any more. Messages that were there stay.
  void stop();

 private:
  using Subscriptions = std::map<std::string, std::shared_ptr<Subscription>, std::less<>>;
  Subscriptions& of(Topic topic) { return subscriptions_[static_cast<std::size_t>(topic)]; }
  void noteChange(Topic topic);

  PubSub& pubsub_;
  Monitors& monitors_;
  Feeder& feeder_;
  const std::shared_ptr<Outbox> outbox_;
  std::array<Subscriptions, kTopics> subscriptions_;
  std::array<std::atomic<std::size_t>, kTopics> counts_{};
  std::size_t bytes_ = 0;
  MemoryCharge charge_{MemoryLeaf::kClients};
  std::atomic<bool> monitor_ = false;
  std::shared_ptr<Feed> feed_;
  std::atomic<bool> has_feed_ = false;
};

}  // namespace trefoil
