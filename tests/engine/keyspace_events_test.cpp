// notify-keyspace-events: what is published of which change, and in which order.
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

// Everything that a session which listens to all events has been told, "channel payload" each.
class Listener {
 public:
  explicit Listener(SessionFixture& fixture) : session_(fixture.connect()) { runOn(*session_, "PSUBSCRIBE __key*"); }

  std::vector<std::string> heard() {
    std::vector<std::string> all;
    for (;;) {
      Result<MessagePointer> message = session_->takeMessage();
      REQUIRE(message.ok());
      if (*message == nullptr) {
        return all;
      }
      const auto& one = dynamic_cast<const ChannelMessage&>(**message);
      all.push_back(one.channel().substr(5) + " " + one.payload());
    }
  }

 private:
  std::unique_ptr<Session> session_;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("events are of the classes that are asked for", "[engine][events]") {
  SessionFixture fixture;
  Listener listener(fixture);
  const auto set = [&](std::string_view classes) {
    return fixture.run("CONFIG SET notify-keyspace-events \"" + std::string(classes) + "\"");
  };
  fixture.run("SET a 1");
  CHECK(listener.heard().empty());
  CHECK(set("KEA") == "OK");
  CHECK(fixture.run("CONFIG GET notify-keyspace-events").find("\"AKE\"") != std::string::npos);
  fixture.run("SET a 1 EX 100");
  CHECK(listener.heard() == Texts{"space@0__:a set", "event@0__:set a", "space@0__:a expire", "event@0__:expire a"});
  CHECK(set("El") == "OK");
  fixture.run("SET a 1");
  fixture.run("SELECT 3");
  fixture.run("RPUSH l x y");
  fixture.run("LPOP l 2");
  CHECK(listener.heard() == Texts{"event@3__:rpush l", "event@3__:lpop l"});
  CHECK(set("Kg") == "OK");
  fixture.run("RPUSH l x");
  fixture.run("RENAME l m");
  fixture.run("LPOP m");
  CHECK(listener.heard() == Texts{"space@3__:l rename_from", "space@3__:m rename_to", "space@3__:m del"});
  CHECK(set("A") == "OK");  // neither K nor E
  fixture.run("SET a 1");
  CHECK(listener.heard().empty());
  CHECK(set("Em") == "OK");
  fixture.run("GET nothing");
  fixture.run("GET a");
  fixture.run("SET nothing 1");
  CHECK(listener.heard() == Texts{"event@3__:keymiss nothing"});
  CHECK(set("Kq").find("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.") != std::string::npos);
  CHECK(set("") == "OK");
  fixture.run("SET a 1");
  CHECK(listener.heard().empty());
}

TEST_CASE("keys that are new are told of, before anything else of them", "[engine][events]") {
  SessionFixture fixture;
  Listener listener(fixture);
  fixture.run("CONFIG SET notify-keyspace-events EAn");
  const auto told = [&](std::initializer_list<const char*> lines) {
    for (const char* line : lines) {
      fixture.run(line);
    }
    Texts heard = listener.heard();
    for (std::string& one : heard) {
      one = one.substr(one.find(':') + 1);
    }
    return heard;
  };
  CHECK(told({"SET a 1", "SET a 2", "APPEND a 3"}) == Texts{"new a", "set a", "set a", "append a"});
  CHECK(told({"RPUSH l x", "RPUSH l y", "LPOP l 2", "RPUSH l z"}) ==
        Texts{"new l", "rpush l", "rpush l", "lpop l", "del l", "new l", "rpush l"});
  CHECK(told({"RENAME a b"}) == Texts{"new b", "rename_from a", "rename_to b"});
  CHECK(told({"SET a 1", "RENAME a b"}) == Texts{"new a", "set a", "new b", "rename_from a", "rename_to b"});
  CHECK(told({"COPY b c", "COPY b c REPLACE"}) == Texts{"new c", "copy_to c", "new c", "copy_to c"});
  CHECK(told({"SADD s m", "SUNIONSTORE t s", "SUNIONSTORE t s"}) ==
        Texts{"new s", "sadd s", "new t", "sunionstore t", "sunionstore t"});
  CHECK(told({"MULTI", "SET d 1", "DEL d", "SET d 2", "SET c 1", "EXEC"}) ==
        Texts{"new d", "set d", "del d", "new d", "set d", "set c"});
  CHECK(told({"FLUSHALL", "BEGIN", "SET a 1", "FLUSHDB", "SET a 2", "COMMIT"}) == Texts{"new a", "set a", "new a", "set a"});
  fixture.run("CONFIG SET notify-keyspace-events EA");
  CHECK(told({"SET n 1"}) == Texts{"set n"});
}

TEST_CASE("events come of EXEC, COMMIT and expiry", "[engine][events]") {
  SessionFixture fixture;
  Listener listener(fixture);
  fixture.run("CONFIG SET notify-keyspace-events EA");
  for (const char* line :
       {"MULTI", "SET a 1", "DEL a", "EXEC", "BEGIN", "SADD s m", "HSET h f v", "COMMIT", "BEGIN", "SET c 1", "ROLLBACK"}) {
    fixture.run(line);
  }
  CHECK(listener.heard() == Texts{"event@0__:set a", "event@0__:del a", "event@0__:sadd s", "event@0__:hset h"});
  fixture.run("SET k v PX 1");
  Texts heard;
  while (heard.size() < 3) {
    for (std::string& one : listener.heard()) {
      heard.push_back(std::move(one));
    }
    std::this_thread::yield();
  }
  CHECK(heard == Texts{"event@0__:set k", "event@0__:expire k", "event@0__:expired k"});
}

TEST_CASE("events come in the order of the changes, and none is lost", "[engine][events][threads]") {
  SessionFixture fixture;
  Listener listener(fixture);
  fixture.run("CONFIG SET notify-keyspace-events E$");
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::unique_ptr<Session> session = fixture.connect();
      for (int i = 0; i < kEach; ++i) {
        runOn(*session,
              (i % 2 == 0 ? "SET " : "APPEND ") + std::string("k") + std::to_string(t) + ":" + std::to_string(i) + " v");
      }
    });
  }
  std::map<std::string, int> next;
  int count = 0;
  bool in_order = true;
  const auto listen = [&] {
    for (const std::string& one : listener.heard()) {
      const std::string key = one.substr(one.find(' ') + 1);
      const std::size_t colon = key.find(':');
      in_order = in_order && next[key.substr(0, colon)]++ == std::stoi(key.substr(colon + 1));
      ++count;
    }
  };
  for (std::thread& thread : threads) {
    listen();
    thread.join();
  }
  listen();
  CHECK(in_order);
  CHECK(count == kThreads * kEach);
}

}  // namespace trefoil
