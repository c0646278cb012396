// PubSub on its own: who is told what, and that nothing is lost, told twice or out of order while everybody is at work. The
// sanitizers look at these.
#include "engine/pubsub.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <thread>

#include "engine/output_limits.hpp"

namespace trefoil {
namespace {

constexpr Topic kChannel = Topic::kChannel;
constexpr auto kAnywhere = PubSub::Where::kMayTakeLong;

struct World {
  Settings settings;
  OutputLimits limits{settings};
  PubSub pubsub;
  std::shared_ptr<Outbox> outbox() { return std::make_shared<Outbox>(limits, Env::system()); }
};

std::vector<std::string> payloads(Outbox& outbox) {
  std::vector<Outbox::Item> items;
  outbox.take(items, SIZE_MAX);
  std::vector<std::string> all;
  for (const Outbox::Item& item : items) {
    all.push_back(dynamic_cast<const ChannelMessage&>(*item.message).payload());
  }
  return all;
}

}  // namespace

TEST_CASE("Subscribers of a channel and of patterns that match are told, in that order") {
  World world;
  PubSub& pubsub = world.pubsub;
  const auto outbox = world.outbox();
  CHECK_FALSE(pubsub.mayListen(kChannel, "abc"));
  const auto second_pattern = pubsub.subscribe(Topic::kPattern, "*c", outbox);
  const auto pattern = pubsub.subscribe(Topic::kPattern, "a*", outbox);
  const auto channel = pubsub.subscribe(kChannel, "abc", outbox);
  CHECK(pubsub.publish(kChannel, "abc", "m", 7, kAnywhere) == 3);
  CHECK(pubsub.receivers(kChannel, "abc") == 3);
  CHECK(pubsub.receivers(Topic::kShardChannel, "abc") == 0);
  std::vector<Outbox::Item> items;
  outbox->take(items, SIZE_MAX);
  REQUIRE(items.size() == 3);
  CHECK(dynamic_cast<const ChannelMessage&>(*items[0].message).pattern().empty());
  CHECK(dynamic_cast<const ChannelMessage&>(*items[1].message).pattern() == "*c");
  CHECK(dynamic_cast<const ChannelMessage&>(*items[2].message).pattern() == "a*");
  CHECK(items[0].fence == 7);
  pubsub.unsubscribe(*channel);
  pubsub.unsubscribe(*second_pattern);
  CHECK(pubsub.publish(kChannel, "abc", "m", 0, kAnywhere) == 1);
  pubsub.unsubscribe(*pattern);
  CHECK_FALSE(pubsub.mayListen(kChannel, "abc"));
  CHECK(pubsub.count(Topic::kPattern) == 0);
  CHECK(pubsub.count(kChannel) == 0);
}

TEST_CASE("All who hear a message in one protocol share its bytes") {
  const ChannelMessage message(ChannelMessage::Kind::kMessage, "", "c", "m");
  int encoded = 0;
  const auto encode = [&](const Message&, std::string& bytes) {
    ++encoded;
    bytes = "bytes";
  };
  const std::string_view first = message.encoded(2, encode);
  CHECK(message.encoded(2, encode).data() == first.data());
  CHECK(message.encoded(3, encode) == "bytes");
  CHECK(encoded == 2);
}

TEST_CASE("An event loop leaves a message to very many to a worker") {
  World world;
  std::vector<std::shared_ptr<Subscription>> subscriptions;
  const auto outbox = world.outbox();
  for (std::size_t i = 0; i < PubSub::kManyReceivers; ++i) {
    subscriptions.push_back(world.pubsub.subscribe(kChannel, "c", outbox));
  }
  CHECK(world.pubsub.publish(kChannel, "c", "m", 0, PubSub::Where::kOnLoop) == PubSub::kManyReceivers);
  subscriptions.push_back(world.pubsub.subscribe(kChannel, "c", outbox));
  CHECK_FALSE(world.pubsub.publish(kChannel, "c", "m", 0, PubSub::Where::kOnLoop));
  CHECK(payloads(*outbox).size() == PubSub::kManyReceivers);
  CHECK(world.pubsub.publish(kChannel, "c", "m", 0, kAnywhere) == PubSub::kManyReceivers + 1);
  for (const auto& subscription : subscriptions) {
    world.pubsub.unsubscribe(*subscription);
  }
  CHECK(world.pubsub.count(kChannel) == 0);
}

TEST_CASE("An outbox that is closed, or has been left, takes nothing more") {
  World world;
  const auto outbox = world.outbox();
  const auto subscription = world.pubsub.subscribe(kChannel, "c", outbox);
  CHECK(world.pubsub.publish(kChannel, "c", "1", 0, kAnywhere) == 1);
  outbox->close();
  CHECK(world.pubsub.publish(kChannel, "c", "2", 0, kAnywhere) == 0);
  CHECK(payloads(*outbox).empty());
  world.pubsub.unsubscribe(*subscription);
}

TEST_CASE("Taking some leaves the others in order") {
  World world;
  const auto outbox = world.outbox();
  const auto subscription = world.pubsub.subscribe(kChannel, "c", outbox);
  std::vector<std::string> expected;
  std::vector<std::string> got;
  for (int i = 0; i < 300; ++i) {
    expected.push_back(std::to_string(i));
    world.pubsub.publish(kChannel, "c", expected.back(), 0, kAnywhere);
    if (i % 3 != 0) {
      std::vector<Outbox::Item> items;
      outbox->take(items, 0);
      REQUIRE(items.size() == 1);
      got.push_back(dynamic_cast<const ChannelMessage&>(*items[0].message).payload());
    }
  }
  for (std::string& payload : payloads(*outbox)) {
    got.push_back(std::move(payload));
  }
  CHECK(got == expected);
  CHECK(outbox->isEmpty());
  CHECK(outbox->bytes() == 0);
  world.pubsub.unsubscribe(*subscription);
}

// Publishers number their messages. Subscribers come and go; while one is there it hears each publisher's messages without a gap
// and in order, and all of them hear the messages of a channel in the same order.
TEST_CASE("Nothing is lost, told twice or out of order while subscribers come and go") {
  World world;
  constexpr int kPublishers = 3;
  constexpr int kMessages = 3000;
  constexpr int kSubscribers = 4;
  std::atomic<int> publishing{kPublishers};
  std::atomic<int> wrong{0};
  const auto steady = std::array{world.outbox(), world.outbox()};
  const auto first = world.pubsub.subscribe(kChannel, "c", steady[0]);
  const auto second = world.pubsub.subscribe(Topic::kPattern, "?", steady[1]);
  std::vector<std::thread> threads;
  for (int p = 0; p < kPublishers; ++p) {
    threads.emplace_back([&, p] {
      for (int i = 0; i < kMessages; ++i) {
        const std::string payload = std::to_string(p) + ":" + std::to_string(i);
        const auto where = i % 2 == 0 ? kAnywhere : PubSub::Where::kOnLoop;
        if (!world.pubsub.publish(kChannel, "c", payload, 0, where)) {
          world.pubsub.publish(kChannel, "c", payload, 0, kAnywhere);
        }
      }
      --publishing;
    });
  }
  for (int s = 0; s < kSubscribers; ++s) {
    threads.emplace_back([&, s] {
      while (publishing != 0) {
        const auto outbox = world.outbox();
        const auto subscription =
            world.pubsub.subscribe(s % 2 == 0 ? kChannel : Topic::kPattern, s % 2 == 0 ? "c" : "c*", outbox);
        std::map<std::string, int> last;
        std::size_t heard = 0;
        while (heard < 50 && publishing != 0) {
          for (const std::string& payload : payloads(*outbox)) {
            const std::string publisher = payload.substr(0, payload.find(':'));
            const int number = std::stoi(payload.substr(payload.find(':') + 1));
            const auto found = last.find(publisher);
            wrong += found != last.end() && found->second + 1 != number ? 1 : 0;
            last[publisher] = number;
            ++heard;
          }
          std::this_thread::yield();
        }
        world.pubsub.unsubscribe(*subscription);
        payloads(*outbox);
        std::this_thread::yield();
        wrong += outbox->isEmpty() ? 0 : 1;  // nothing comes behind that
        if (heard % 2 == 0) {
          outbox->close();
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(wrong == 0);
  const std::vector<std::string> by_channel = payloads(*steady[0]);
  CHECK(by_channel.size() == kPublishers * kMessages);
  CHECK(by_channel == payloads(*steady[1]));
  world.pubsub.unsubscribe(*first);
  world.pubsub.unsubscribe(*second);
  CHECK(world.pubsub.count(kChannel) == 0);
  CHECK(world.pubsub.count(Topic::kPattern) == 0);
}

}  // namespace trefoil
