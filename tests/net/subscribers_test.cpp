// Subscribers of a server in this process, who come, go, hang up and are killed while others publish. The sanitizers look at it.
#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/net/server_fixture.hpp"

namespace trefoil::net {
namespace {

// The payloads of a channel's messages, from RESP2's bytes as they come.
class Subscriber {
 public:
  Subscriber(std::uint16_t port, const std::string& commands) : client_(port) {
    ok_ = client_.connected() && client_.send(commands);
  }
  // Up to `most` payloads; fewer if the connection ends.
  std::vector<std::string> hear(std::size_t most) {
    std::vector<std::string> payloads;
    while (ok_ && payloads.size() < most) {
      const std::vector<std::string> words = frame();
      if (words.size() >= 3 && words[0] == "message") {
        payloads.push_back(words[2]);
      }
    }
    return payloads;
  }

 private:
  std::string line() {
    std::string text;
    while (ok_ && !text.ends_with("\r\n")) {
      const std::string byte = client_.read(1);
      ok_ = !byte.empty();
      text += byte;
    }
    return text.substr(0, text.size() - std::min<std::size_t>(2, text.size()));
  }
  std::vector<std::string> frame() {
    const std::string head = line();
    std::vector<std::string> words;
    const std::size_t count = ok_ && head[0] == '*' ? std::stoul(head.substr(1)) : 0;
    while (ok_ && words.size() < count) {
      const std::string size = line();
      if (ok_ && size[0] == '$') {
        const std::size_t bytes = std::stoul(size.substr(1)) + 2;
        words.push_back(client_.read(bytes));
        ok_ = words.back().size() == bytes;
        words.back().resize(bytes - 2);
      } else {
        words.push_back(size);
      }
    }
    return words;
  }

  RawClient client_;
  bool ok_ = false;
};

}  // namespace

TEST_CASE("subscribers hear everything in order while others come, hang up and are killed") {
  const ServerFixture fixture("3");
  constexpr int kPublishers = 2;
  constexpr int kMessages = 1500;
  std::atomic<int> publishing{kPublishers};
  std::atomic<int> wrong{0};
  const auto check = [&](const std::vector<std::string>& payloads, std::map<std::string, int>& last) {
    for (const std::string& payload : payloads) {
      const std::string publisher = payload.substr(0, payload.find(':'));
      const int number = std::stoi(payload.substr(payload.find(':') + 1));
      const auto found = last.find(publisher);
      wrong += found != last.end() && found->second + 1 != number ? 1 : 0;
      last[publisher] = number;
    }
  };
  std::vector<std::vector<std::string>> steady(2);
  std::vector<std::thread> threads;
  std::atomic<int> ready{0};
  for (std::vector<std::string>& all : steady) {
    threads.emplace_back([&] {
      Subscriber subscriber(fixture.server->port(), "SUBSCRIBE c\r\n");
      ++ready;
      all = subscriber.hear(kPublishers * kMessages);
    });
  }
  {
    const RawClient asker(fixture.server->port());
    for (std::string answer; answer.find(":2\r\n") == std::string::npos;) {
      REQUIRE(asker.send("PUBSUB NUMSUB c\r\n"));
      answer = asker.read(std::string_view("*2\r\n$1\r\nc\r\n:2\r\n").size());
    }
  }
  for (int p = 0; p < kPublishers; ++p) {
    threads.emplace_back([&, p] {
      const RawClient client(fixture.server->port());
      for (int i = 0; i < kMessages; ++i) {
        client.send("PUBLISH c " + std::to_string(p) + ":" + std::to_string(i) + "\r\n");
        std::string answer;
        while (!answer.ends_with("\n")) {
          const std::string byte = client.read(1);
          if (byte.empty()) {
            ++wrong;
            break;
          }
          answer += byte;
        }
      }
      --publishing;
    });
  }
  for (int s = 0; s < 3; ++s) {  // these hang up, with messages on their way to them
    threads.emplace_back([&, s] {
      while (publishing != 0) {
        Subscriber subscriber(fixture.server->port(), s == 0 ? "PSUBSCRIBE c*\r\nSUBSCRIBE c\r\n" : "SUBSCRIBE c d e\r\n");
        std::map<std::string, int> last;
        check(subscriber.hear(20), last);
      }
    });
  }
  threads.emplace_back([&] {  // and these are killed
    while (publishing != 0) {
      const RawClient victim(fixture.server->port());
      victim.send("CLIENT ID\r\n");
      std::string id;
      while (!id.ends_with("\n")) {
        const std::string byte = victim.read(1);
        if (byte.empty()) {
          break;
        }
        id += byte;
      }
      victim.send("SUBSCRIBE c\r\nMONITOR\r\n");
      static_cast<void>(victim.read(200));
      const RawClient killer(fixture.server->port());
      killer.send("CLIENT KILL ID " + id.substr(1));
      static_cast<void>(killer.read(4));
      static_cast<void>(victim.readAll());
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(wrong == 0);
  CHECK(steady[0].size() == kPublishers * kMessages);
  CHECK(steady[0] == steady[1]);
  std::map<std::string, int> last;
  check(steady[0], last);
  CHECK(wrong == 0);
}

TEST_CASE("a client that hangs up while its own message is being told does no harm") {
  const ServerFixture fixture("2");
  for (int round = 0; round < 200; ++round) {
    const RawClient client(fixture.server->port());
    REQUIRE(client.connected());
    client.send("HELLO 3\r\nSUBSCRIBE own\r\nPUBLISH own m\r\nPUBLISH own m\r\nSUBSCRIBE other\r\nPUBLISH other m\r\n");
    if (round % 2 == 0) {
      client.finish();
    }
  }
  const RawClient client(fixture.server->port());
  REQUIRE(client.send("PING\r\n"));
  CHECK(client.read(7) == "+PONG\r\n");
}

}  // namespace trefoil::net
