// PubSub: who listens to which channels, and the way of a message to all of them.
//
//   channel ─hash→ Shard { order, lock, audiences by name }        ┐
//                                                                  ├─ members ─▶ each one's Outbox
//   patterns: one list by age, read as an immutable copy           ┘
//
// Publishing. The members of an audience are copied when they have changed and are published to, never per message; so a message
// goes out without the lock that subscribers need. Publishers to one channel go one after the other (Shard::order): all who
// listen get its messages in the same order. A channel that nobody listens to is found out with two loads.
//
// Subscribing. Whoever subscribes gets what is published from then on. Whoever unsubscribes gets nothing from then on, even while
// a message is on its way: that is told at the outbox's door (Subscription::wanted_), with its lock.
//
// On an event loop nothing takes long: a publish to many, or one that has to wait for such a one, is refused there
// (Publish::kTooLong) and done by a worker.
//
// Locks: order, then a shard's or the patterns' (not both), then an outbox's. None of the store's is taken under them.
// Thread safety: all functions; a Subscription is its session's.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/types.hpp"
#include "engine/message.hpp"
#include "engine/outbox.hpp"

namespace trefoil {

// What one can subscribe to.
enum class Topic : std::uint8_t { kChannel, kPattern, kShardChannel };
inline constexpr std::size_t kTopics = 3;

class Subscription;

class PubSub {
 public:
  // To so many an event loop does not publish itself.
  static constexpr std::size_t kManyReceivers = 500;
  // Nor does it look through so many subscriptions to patterns.
  static constexpr std::size_t kManyPatterns = 4000;

  PubSub() = default;
  PubSub(const PubSub&) = delete;
  PubSub& operator=(const PubSub&) = delete;

  // The caller has not subscribed to that yet.
  std::shared_ptr<Subscription> subscribe(Topic topic, std::string_view name, std::shared_ptr<Outbox> outbox);
  // What was published before is in the outbox.
  void unsubscribe(Subscription& subscription);

  enum class Where : std::uint8_t { kOnLoop, kMayTakeLong };
  // Tells all who listen to a channel; `topic` is kChannel or kShardChannel. Returns how often it was told; nothing: it would
  // take long, and nobody was told.
  //
  // For the engine's own messages, too: whatever tells of a change passes the Lsn behind the change's record as the fence.
  std::optional<std::size_t> publish(Topic topic, std::string_view channel, std::string_view payload, Lsn fence, Where where);
  // How often a message would be told now.
  [[nodiscard]] std::size_t receivers(Topic topic, std::string_view channel);
  // Whether publish() would refuse on a loop, unless it has to wait for another.
  [[nodiscard]] bool takesLong(Topic topic, std::string_view channel);
  // Whether anybody could be told: a few loads. For those who would have to make a payload first.
  [[nodiscard]] bool mayListen(Topic topic, std::string_view channel) const;

  // How many channels (or patterns) have subscribers.
  [[nodiscard]] std::size_t count(Topic topic) const { return counts_[index(topic)].load(std::memory_order_relaxed); }
  // The names of channels that match a pattern; all if there is none.
  [[nodiscard]] std::vector<std::string> names(Topic topic, std::optional<std::string_view> pattern);
  // Those who have subscribed to the channel itself.
  [[nodiscard]] std::size_t subscribers(Topic topic, std::string_view channel);

 private:
  friend class Subscription;
  using Members = std::vector<std::shared_ptr<Subscription>>;
  // All subscriptions to one channel or pattern.
  struct Audience {
    std::string name;
    Members members;
    std::shared_ptr<const Members> copy;  // null: they have changed
    std::shared_ptr<const Members> read();
  };
  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard library's name
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  struct alignas(64) Shard {
    std::mutex order;  // held by who publishes
    std::mutex lock;
    // With `lock`. Audiences stay where they are.
    std::unordered_map<std::string, std::unique_ptr<Audience>, Hash, std::equal_to<>> audiences;
  };
  static constexpr std::size_t kShards = 64;
  // How many channels with subscribers have a hash of each remainder.
  static constexpr std::size_t kFilter = 4096;
  struct Channels {
    std::array<Shard, kShards> shards;
    std::array<std::atomic<std::uint32_t>, kFilter> filter{};
    Shard& shardOf(std::size_t hash) { return shards[(hash >> 16) % kShards]; }
  };
  struct Patterns {
    std::mutex lock;
    std::unordered_map<std::string, std::unique_ptr<Audience>, Hash, std::equal_to<>> audiences;
    std::vector<Audience*> by_age;
    // What publishers read; null: it has changed.
    using Copy = std::vector<std::pair<std::string, std::shared_ptr<const Members>>>;
    std::shared_ptr<const Copy> copy;
  };

  static std::size_t index(Topic topic) { return static_cast<std::size_t>(topic); }
  static std::size_t hashOf(std::string_view name) { return Hash()(name); }
  Channels& channels(Topic topic) { return topic == Topic::kShardChannel ? shard_channels_ : channels_; }
  [[nodiscard]] const Channels& channels(Topic topic) const {
    return topic == Topic::kShardChannel ? shard_channels_ : channels_;
  }
  std::shared_ptr<const Patterns::Copy> readPatterns();
  [[nodiscard]] bool patternsAreMany() const { return pattern_members_.load(std::memory_order_relaxed) > kManyPatterns; }
  static std::size_t deliver(const Members& members, const MessagePointer& message, Lsn fence);

  Channels channels_;
  Channels shard_channels_;
  Patterns patterns_;
  std::array<std::atomic<std::size_t>, kTopics> counts_{};
  std::atomic<std::size_t> pattern_members_ = 0;
};

// One session's subscription to one channel or pattern.
class Subscription {
 public:
  Subscription(Topic topic, std::shared_ptr<Outbox> outbox) : topic_(topic), outbox_(std::move(outbox)) {}
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

 private:
  friend class PubSub;
  const Topic topic_;
  const std::shared_ptr<Outbox> outbox_;
  PubSub::Audience* audience_ = nullptr;
  std::size_t position_ = 0;  // among its members: with the lock of the shard, or of the patterns
  bool wanted_ = true;        // with the outbox's lock
};

}  // namespace trefoil
