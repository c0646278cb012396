// The server in this process, against raw sockets: what needs threads and timing to be seen, and what the sanitizers should see.
// Framing, limits and hostile input are tested from outside, in tests/acceptance/protocol.py.
#include "net/server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "engine/database.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/net/server_fixture.hpp"

namespace trefoil::net {
namespace {

using Fixture = ServerFixture;
using Client = RawClient;

TEST_CASE("many clients at once each get their own answers in order") {
  const Fixture fixture;
  constexpr int kClients = 16;
  constexpr int kRounds = 60;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int c = 0; c < kClients; ++c) {
    threads.emplace_back([&, c] {
      const Client client(fixture.server->port());
      const std::string name = std::to_string(c);
      for (int round = 0; round < kRounds && client.connected(); ++round) {
        const std::string value = name + ":" + std::to_string(round);
        std::string request;
        std::string expected;
        for (int i = 0; i < 20; ++i) {
          request.append("SET key").append(name).append(" ").append(value).append("\r\nGET key").append(name).append("\r\n");
          expected.append("+OK\r\n$").append(std::to_string(value.size())).append("\r\n").append(value).append("\r\n");
        }
        request += "KEYS nothing*\r\n";  // takes the slow lane
        expected += "*0\r\n";
        if (!client.send(request) || client.read(expected.size()) != expected) {
          ++wrong;
          return;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(wrong == 0);
}

TEST_CASE("clients that vanish in the middle of anything leave nothing behind") {
  const Fixture fixture;
  for (int i = 0; i < 300; ++i) {
    const Client client(fixture.server->port());
    REQUIRE(client.connected());
    switch (i % 4) {
      case 0:
        (void)client.send("PING\r\nKEYS *\r\nPING\r\n");  // gone while a worker runs for it
        break;
      case 1:
        (void)client.send("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\nabc");
        break;
      case 2:
        (void)client.send("MULTI\r\nSET a b\r\n");
        break;
      default:
        break;
    }
  }
  for (int i = 0; i < 2000 && fixture.server->connectionCount() > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(fixture.server->connectionCount() == 0);
}

constexpr std::string_view kEndless = "SELECT count(*) FROM generate_series(1, 1000000000000) g(i) WHERE i < 0\r\n";

// Until nothing waits or runs in the slow lane. The patience is for a machine under load: a statement that is not ended never
// ends.
bool becomesQuiet(const Fixture& fixture) {
  const Client client(fixture.server->port());
  const std::string quiet = "slow_lane_pending:0";
  for (int i = 0; i < 3000; ++i) {
    (void)client.send("INFO clients\r\n");
    std::string answer;
    while (answer.find("slow_lane_pending:") == std::string::npos || !answer.ends_with("\r\n")) {
      const std::string part = client.read(1);
      if (part.empty()) {
        return false;
      }
      answer += part;
    }
    if (answer.find(quiet) != std::string::npos) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST_CASE("a statement ends with its client, whether it runs or waits for a worker") {
  Fixture fixture("2");
  {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 40; ++i) {  // more than run at once
      clients.push_back(std::make_unique<Client>(fixture.server->port()));
      REQUIRE(clients.back()->send(kEndless));
    }
    // System work and PING wait for none of them.
    CHECK(clients[0]->connected());
    const Client other(fixture.server->port());
    REQUIRE(other.send("KEYS *\r\nPING\r\n"));
    CHECK(other.read(11) == "*0\r\n+PONG\r\n");
  }
  CHECK(becomesQuiet(fixture));
  const Client other(fixture.server->port());
  REQUIRE(other.send("SELECT count(*) FROM generate_series(1, 10000)\r\n"));
  CHECK(other.read(16) == "*1\r\n*1\r\n:10000\r\n");
}

TEST_CASE("who sends no more may still read: a short statement is answered, an endless one is cancelled") {
  const Fixture fixture;
  const Client quick(fixture.server->port());
  const Client endless(fixture.server->port());
  REQUIRE(quick.send("SELECT count(*) FROM generate_series(1, 10000)\r\nPING\r\n"));
  REQUIRE(endless.send(std::string(kEndless) + "PING\r\n"));
  quick.finish();
  endless.finish();
  CHECK(quick.readAll() == "*1\r\n*1\r\n:10000\r\n+PONG\r\n");
  CHECK(endless.readAll() == "-ERR canceling statement: the client has hung up\r\n+PONG\r\n");
}

TEST_CASE("CLIENT KILL ends what runs, what waits and what is idle") {
  Fixture fixture("2");
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<Client>(fixture.server->port()));
    REQUIRE(clients.back()->send("PING\r\n" + std::string(i % 4 == 0 ? "" : kEndless)));
    CHECK(clients.back()->read(7) == "+PONG\r\n");
  }
  const Client admin(fixture.server->port());
  REQUIRE(admin.send("CLIENT KILL TYPE normal\r\n"));
  CHECK(admin.read(5) == ":40\r\n");
  for (const auto& client : clients) {
    const std::string rest = client->readAll();  // the statement may have ended before the connection did
    CHECK((rest.empty() || rest == "-ERR terminating connection due to administrator command\r\n"));
  }
  CHECK(becomesQuiet(fixture));
  REQUIRE(admin.send("CLIENT KILL TYPE normal SKIPME no\r\nPING\r\n"));
  CHECK(admin.readAll().find("PONG") == std::string::npos);
}

TEST_CASE("a server stops though statements never end") {
  Fixture fixture;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<Client>(fixture.server->port()));
    REQUIRE(clients.back()->send(kEndless));
  }
  const Client other(fixture.server->port());
  REQUIRE(other.send("PING\r\n"));
  CHECK(other.read(7) == "+PONG\r\n");
  fixture.server->requestStop();
  fixture.server->wait();
  CHECK(fixture.server->connectionCount() == 0);
}

TEST_CASE("stopping answers what was asked and closes everything") {
  Fixture fixture;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<Client>(fixture.server->port()));
    REQUIRE(clients.back()->send("PING\r\n"));
    REQUIRE(clients.back()->read(7) == "+PONG\r\n");
  }
  fixture.server->requestStop();
  fixture.server->wait();
  for (const auto& client : clients) {
    CHECK(client->readAll().empty());
  }
  CHECK(fixture.server->connectionCount() == 0);
  CHECK_FALSE(Client(fixture.server->port()).connected());
}

TEST_CASE("a server stops while clients are busy") {
  for (int round = 0; round < 5; ++round) {
    Fixture fixture("3");
    const std::uint16_t port = fixture.server->port();
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int c = 0; c < 4; ++c) {
      threads.emplace_back([&] {
        while (!stop) {
          const Client client(port);
          while (!stop && client.connected() && client.send("PING\r\nKEYS *\r\nPING\r\n")) {
            if (client.read(7 + 4 + 7).size() < 18) {
              break;
            }
          }
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    fixture.server.reset();
    stop = true;
    for (std::thread& thread : threads) {
      thread.join();
    }
    fixture.database.reset();
  }
}

TEST_CASE("under always, answers that a failed disk holds back say that the outcome is unknown") {
  char name[] = "/tmp/trefoil-server-XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  {
    testing::FaultEnv env(Env::system());
    const Fixture fixture("1", name, &env);
    const Client client(fixture.server->port());
    REQUIRE(client.send("SET a 1\r\n"));
    REQUIRE(client.read(5) == "+OK\r\n");
    env.failAt(1, {.kinds = testing::kSync, .persistent = true});
    REQUIRE(client.send("SET a 2\r\nSET b 3\r\nPING\r\n"));
    int lines = 0;
    std::string answers;
    while (lines < 3) {
      const std::string byte = client.read(1);
      REQUIRE(byte.size() == 1);
      answers += byte;
      lines += byte == "\n" ? 1 : 0;
    }
    INFO(answers);
    CHECK(answers.starts_with('-'));
    CHECK(answers.find("not known") != std::string::npos);
    CHECK(answers.find("+OK") == std::string::npos);  // nobody was told that SET a 2 is stored
    env.clearFault();
  }
  std::filesystem::remove_all(name);
}

TEST_CASE("a disk that fails takes back no answer that did not wait for it") {
  char name[] = "/tmp/trefoil-server-XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  {
    testing::FaultEnv env(Env::system());
    const Fixture fixture("1", name, &env, "everysec");
    const std::string value(1'000'000, 'x');
    const std::string answer = "$1000000\r\n" + value + "\r\n";
    const Client client(fixture.server->port());
    REQUIRE(client.send("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n" + answer));
    REQUIRE(client.read(5) == "+OK\r\n");
    // Part of the answers is still here, as nobody reads it, when a write comes whose own has to wait for the disk.
    const Client slow(fixture.server->port(), 4096);
    for (int i = 0; i < 4; ++i) {
      REQUIRE(slow.send("GET big\r\n"));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    env.failAt(1, {.kinds = testing::kWrite, .fault = testing::Fault::kIoError, .persistent = true});
    REQUIRE(slow.send("SET a 2\r\n"));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (int i = 0; i < 4; ++i) {
      CHECK(slow.read(answer.size()) == answer);
    }
    CHECK(slow.read(1) == "-");
    env.clearFault();
  }
  std::filesystem::remove_all(name);
}

TEST_CASE("under always, many clients' writes are answered in order") {
  char name[] = "/tmp/trefoil-server-XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  {
    const Fixture fixture("2", name);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int c = 0; c < 8; ++c) {
      threads.emplace_back([&, c] {
        const Client client(fixture.server->port());
        for (int round = 0; round < 40; ++round) {
          const std::string request =
              "SET k" + std::to_string(c) + " " + std::to_string(round) + "\r\nGET k" + std::to_string(c) + "\r\n";
          const std::string value = std::to_string(round);
          const std::string expected = "+OK\r\n$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
          if (!client.send(request) || client.read(expected.size()) != expected) {
            ++wrong;
            return;
          }
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    CHECK(wrong == 0);
  }
  std::filesystem::remove_all(name);
}

TEST_CASE("an address that is taken is an error with its name") {
  const Fixture fixture;
  Settings settings;
  REQUIRE(settings.set("port", std::to_string(fixture.server->port()), Settings::Source::kCommandLine).ok());
  OpenOptions options;
  options.settings = &settings;
  const auto database = Database::open(options);
  REQUIRE(database.ok());
  const auto second = Server::start(**database);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find("127.0.0.1:" + std::to_string(fixture.server->port())) != std::string::npos);
}

}  // namespace
}  // namespace trefoil::net
