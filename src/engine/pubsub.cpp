#include "engine/pubsub.hpp"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/glob.hpp"

namespace trefoil {

namespace {

// How often an event loop looks whether another publisher is done before it leaves the message to a worker: some microseconds,
// in which one that publishes to few is.
constexpr int kPatience = 64;

// As globMatch(), but for Redis's pub/sub no pattern matches the empty name, except the empty one.
bool matches(std::string_view pattern, std::string_view name) {
  return name.empty() ? pattern.empty() : globMatch(pattern, name);
}

bool lockOrGiveUp(std::unique_lock<std::mutex>& order, PubSub::Where where) {
  if (where == PubSub::Where::kMayTakeLong) {
    order.lock();
    return true;
  }
  for (int i = 0; i < kPatience; ++i) {
    if (order.try_lock()) {
      return true;
    }
    if (i > kPatience / 2) {
      ::sched_yield();
    }
  }
  return false;
}

}  // namespace

// With the lock.
std::shared_ptr<const PubSub::Members> PubSub::Audience::read() {
  if (copy == nullptr) {
    copy = std::make_shared<const Members>(members);
  }
  return copy;
}

std::shared_ptr<Subscription> PubSub::subscribe(Topic topic, std::string_view name, std::shared_ptr<Outbox> outbox) {
  auto made = std::make_shared<Subscription>(topic, std::move(outbox));
  const auto join = [&](auto& audiences, std::shared_ptr<const Members>& outdated) {
    const auto found = audiences.find(name);
    const bool is_new = found == audiences.end();
    auto fresh = is_new ? std::make_unique<Audience>() : nullptr;
    Audience& audience = is_new ? *fresh : *found->second;
    audience.members.push_back(made);
    if (is_new) {
      audience.name = name;
      audiences.emplace(audience.name, std::move(fresh));
    }
    made->audience_ = &audience;
    made->position_ = audience.members.size() - 1;
    outdated = std::move(audience.copy);
    audience.copy = nullptr;
    counts_[index(topic)].fetch_add(is_new ? 1 : 0, std::memory_order_relaxed);
    return is_new;
  };
  std::shared_ptr<const Members> outdated;  // its end may take a while: behind the lock
  if (topic == Topic::kPattern) {
    std::shared_ptr<const Patterns::Copy> outdated_copy;
    const std::lock_guard lock(patterns_.lock);
    if (patterns_.by_age.size() == patterns_.by_age.capacity()) {
      patterns_.by_age.reserve(2 * patterns_.by_age.size() + 8);  // what follows must not fail half done
    }
    if (join(patterns_.audiences, outdated)) {
      patterns_.by_age.push_back(made->audience_);
    }
    outdated_copy.swap(patterns_.copy);
    pattern_members_.fetch_add(1, std::memory_order_relaxed);
    return made;
  }
  const std::size_t hash = hashOf(name);
  Channels& all = channels(topic);
  Shard& shard = all.shardOf(hash);
  const std::lock_guard lock(shard.lock);
  if (join(shard.audiences, outdated)) {
    all.filter[hash % kFilter].fetch_add(1, std::memory_order_seq_cst);
  }
  return made;
}

void PubSub::unsubscribe(Subscription& subscription) {
  const Topic topic = subscription.topic_;
  std::shared_ptr<const Members> outdated;
  std::shared_ptr<Subscription> self;
  // Returns whether the audience is empty, and gone.
  const auto leave = [&](auto& audiences) {
    Audience& audience = *subscription.audience_;
    self = std::move(audience.members[subscription.position_]);
    if (subscription.position_ + 1 != audience.members.size()) {
      audience.members[subscription.position_] = std::move(audience.members.back());
      audience.members[subscription.position_]->position_ = subscription.position_;
    }
    audience.members.pop_back();
    outdated = std::move(audience.copy);
    audience.copy = nullptr;
    if (!audience.members.empty()) {
      return false;
    }
    audiences.erase(audiences.find(audience.name));
    counts_[index(topic)].fetch_sub(1, std::memory_order_relaxed);
    return true;
  };
  if (topic == Topic::kPattern) {
    std::shared_ptr<const Patterns::Copy> outdated_copy;
    const std::lock_guard lock(patterns_.lock);
    const Audience* const audience = subscription.audience_;
    if (leave(patterns_.audiences)) {
      std::erase(patterns_.by_age, audience);
    }
    outdated_copy.swap(patterns_.copy);
    pattern_members_.fetch_sub(1, std::memory_order_relaxed);
  } else {
    const std::size_t hash = hashOf(subscription.audience_->name);
    Channels& all = channels(topic);
    Shard& shard = all.shardOf(hash);
    const std::lock_guard lock(shard.lock);
    if (leave(shard.audiences)) {
      all.filter[hash % kFilter].fetch_sub(1, std::memory_order_relaxed);
    }
  }
  subscription.outbox_->whileUnposted([&] { subscription.wanted_ = false; });
}

std::shared_ptr<const PubSub::Patterns::Copy> PubSub::readPatterns() {
  const std::lock_guard lock(patterns_.lock);
  if (patterns_.copy == nullptr) {
    auto copy = std::make_shared<Patterns::Copy>();
    copy->reserve(patterns_.by_age.size());
    for (Audience* const audience : patterns_.by_age) {
      copy->emplace_back(audience->name, audience->read());
    }
    patterns_.copy = std::move(copy);
  }
  return patterns_.copy;
}

bool PubSub::mayListen(Topic topic, std::string_view channel) const {
  if (topic == Topic::kChannel && count(Topic::kPattern) != 0) {
    return true;
  }
  return count(topic) != 0 && channels(topic).filter[hashOf(channel) % kFilter].load(std::memory_order_seq_cst) != 0;
}

std::size_t PubSub::subscribers(Topic topic, std::string_view channel) {
  Shard& shard = channels(topic).shardOf(hashOf(channel));
  const std::lock_guard lock(shard.lock);
  const auto found = shard.audiences.find(channel);
  return found == shard.audiences.end() ? 0 : found->second->members.size();
}

std::size_t PubSub::receivers(Topic topic, std::string_view channel) {
  if (!mayListen(topic, channel)) {
    return 0;
  }
  std::size_t count = subscribers(topic, channel);
  if (topic == Topic::kChannel && this->count(Topic::kPattern) != 0) {
    const std::shared_ptr<const Patterns::Copy> patterns = readPatterns();
    for (const auto& [pattern, members] : *patterns) {
      count += matches(pattern, channel) ? members->size() : 0;
    }
  }
  return count;
}

bool PubSub::takesLong(Topic topic, std::string_view channel) {
  return mayListen(topic, channel) &&
         ((topic == Topic::kChannel && patternsAreMany()) || subscribers(topic, channel) > kManyReceivers);
}

std::size_t PubSub::deliver(const Members& members, const MessagePointer& message, Lsn fence) {
  std::size_t told = 0;
  for (const std::shared_ptr<Subscription>& member : members) {
    told += member->outbox_->post(message, fence, &member->wanted_) ? 1 : 0;
  }
  return told;
}

std::optional<std::size_t> PubSub::publish(Topic topic, std::string_view channel, std::string_view payload, Lsn fence,
                                           Where where) {
  TREFOIL_DEBUG_ASSERT(topic != Topic::kPattern);
  if (!mayListen(topic, channel)) {
    return 0;
  }
  const bool asks_patterns = topic == Topic::kChannel && count(Topic::kPattern) != 0;
  if (where == Where::kOnLoop && takesLong(topic, channel)) {
    return std::nullopt;
  }
  Shard& shard = channels(topic).shardOf(hashOf(channel));
  std::unique_lock order(shard.order, std::defer_lock);
  if (!lockOrGiveUp(order, where)) {
    return std::nullopt;
  }
  std::shared_ptr<const Members> members;
  {
    const std::lock_guard lock(shard.lock);
    if (const auto found = shard.audiences.find(channel); found != shard.audiences.end()) {
      members = found->second->read();
    }
  }
  std::size_t told = 0;
  if (members != nullptr) {
    const auto kind = topic == Topic::kShardChannel ? ChannelMessage::Kind::kShard : ChannelMessage::Kind::kMessage;
    told += deliver(*members, std::make_shared<const ChannelMessage>(kind, std::string_view(), channel, payload), fence);
  }
  if (asks_patterns) {
    const std::shared_ptr<const Patterns::Copy> patterns = readPatterns();
    for (const auto& [pattern, listeners] : *patterns) {
      if (matches(pattern, channel)) {
        told += deliver(*listeners,
                        std::make_shared<const ChannelMessage>(ChannelMessage::Kind::kPattern, pattern, channel, payload), fence);
      }
    }
  }
  return told;
}

std::vector<std::string> PubSub::names(Topic topic, std::optional<std::string_view> pattern) {
  std::vector<std::string> found;
  for (Shard& shard : channels(topic).shards) {
    const std::lock_guard lock(shard.lock);
    for (const auto& [name, audience] : shard.audiences) {
      if (!pattern || matches(*pattern, name)) {
        found.push_back(name);
      }
    }
  }
  return found;
}

}  // namespace trefoil
