#include "engine/listening.hpp"

#include <utility>

#include "engine/feeder.hpp"
#include "engine/monitors.hpp"

namespace trefoil {

namespace {

constexpr std::size_t kMaxSubscriptions = 1'000'000;
// What a subscription takes besides its name: its nodes here and among the audience.
constexpr std::size_t kSubscriptionBytes = 200;

}  // namespace

Listening::Listening(PubSub& pubsub, Monitors& monitors, Feeder& feeder, std::shared_ptr<Outbox> outbox)
    : pubsub_(pubsub), monitors_(monitors), feeder_(feeder), outbox_(std::move(outbox)) {}

Status Listening::subscribe(Topic topic, std::string_view name) {
  Subscriptions& all = of(topic);
  if (all.find(name) != all.end()) {
    return {};
  }
  if (count() >= kMaxSubscriptions) {
    return Error(ErrorCode::kLimit, "this session has too many subscriptions");
  }
  const auto place = all.emplace(name, nullptr).first;
  try {
    place->second = pubsub_.subscribe(topic, name, outbox_);
  } catch (const std::bad_alloc&) {
    all.erase(place);
    throw;
  }
  bytes_ += name.size() + kSubscriptionBytes;
  noteChange(topic);
  return {};
}

bool Listening::unsubscribe(Topic topic, std::string_view name) {
  Subscriptions& all = of(topic);
  const auto found = all.find(name);
  if (found == all.end()) {
    return false;
  }
  pubsub_.unsubscribe(*found->second);
  bytes_ -= name.size() + kSubscriptionBytes;
  all.erase(found);
  noteChange(topic);
  return true;
}

std::vector<std::string> Listening::names(Topic topic) const {
  std::vector<std::string> names;
  for (const auto& [name, subscription] : subscriptions_[static_cast<std::size_t>(topic)]) {
    names.push_back(name);
  }
  return names;
}

void Listening::beginMonitor() {
  if (!monitor_.exchange(true, std::memory_order_relaxed)) {
    monitors_.add(outbox_);
  }
}

void Listening::setFeed(std::shared_ptr<Feed> feed) {
  feed_ = std::move(feed);
  has_feed_.store(true, std::memory_order_relaxed);
  outbox_->setClass(clientClass());
}

bool Listening::endFeed() {
  if (feed_ == nullptr) {
    return false;
  }
  feeder_.end(feed_);
  feed_.reset();
  has_feed_.store(false, std::memory_order_relaxed);
  outbox_->setClass(clientClass());
  return true;
}

ClientClass Listening::clientClass() const {
  return hasFeed() ? ClientClass::kReplica : count() != 0 ? ClientClass::kPubSub : ClientClass::kNormal;
}

void Listening::stop() {
  endFeed();
  for (std::size_t i = 0; i < kTopics; ++i) {
    for (const auto& [name, subscription] : subscriptions_[i]) {
      pubsub_.unsubscribe(*subscription);
    }
    subscriptions_[i].clear();
    counts_[i].store(0, std::memory_order_relaxed);
  }
  bytes_ = 0;
  charge_.set(0);
  outbox_->setClass(ClientClass::kNormal);
  if (monitor_.exchange(false, std::memory_order_relaxed)) {
    monitors_.remove(outbox_);
  }
}

void Listening::noteChange(Topic topic) {
  counts_[static_cast<std::size_t>(topic)].store(of(topic).size(), std::memory_order_relaxed);
  charge_.set(bytes_);
  outbox_->setClass(clientClass());
}

}  // namespace trefoil
