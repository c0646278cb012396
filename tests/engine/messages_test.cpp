// Messages as an embedded program sees them: subscriptions, MONITOR, and what is published from inside transactions.
#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

#include "base/memory_account.hpp"
#include "engine/database.hpp"
#include "engine/database_impl.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {
namespace {

// The messages that a session has, as the shell would show them.
std::string heard(Session& session) {
  std::string all;
  for (;;) {
    const Result<MessagePointer> message = session.takeMessage();
    if (!message.ok()) {
      return all + "(error) " + message.error().message;
    }
    if (*message == nullptr) {
      return all;
    }
    ReplyTree tree;
    (*message)->pushTo(tree);
    all += tree.last().describe();
  }
}

std::chrono::steady_clock::time_point soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

}  // namespace

TEST_CASE("A session hears what it has subscribed to, and may say anything meanwhile") {
  SessionFixture fixture;
  auto listener = fixture.connect();
  CHECK(runOn(*listener, "SUBSCRIBE news") == "[\"subscribe\", \"news\", (integer) 1]");
  CHECK(runOn(*listener, "PSUBSCRIBE n*") == "[\"psubscribe\", \"n*\", (integer) 2]");
  CHECK(runOn(*listener, "SSUBSCRIBE news") == "[\"ssubscribe\", \"news\", (integer) 1]");
  CHECK(fixture.run("PUBLISH news a") == "(integer) 2");
  CHECK(fixture.run("PUBLISH none a") == "(integer) 1");
  CHECK(fixture.run("PUBLISH other a") == "(integer) 0");
  CHECK(fixture.run("SPUBLISH news b") == "(integer) 1");
  CHECK(runOn(*listener, "SET k v") == "OK");
  CHECK(runOn(*listener, "PING") == "PONG");
  CHECK(heard(*listener) ==
        "[\"message\", \"news\", \"a\"][\"pmessage\", \"n*\", \"news\", \"a\"][\"pmessage\", \"n*\", \"none\", \"a\"]"
        "[\"smessage\", \"news\", \"b\"]");
  CHECK(heard(*listener).empty());
  CHECK(runOn(*listener, "UNSUBSCRIBE news") == "[\"unsubscribe\", \"news\", (integer) 1]");
  CHECK(runOn(*listener, "RESET") == "RESET");
  CHECK(fixture.run("PUBLISH news a") == "(integer) 0");
  CHECK(heard(*listener).empty());
  CHECK(heard(*fixture.session).empty());
}

TEST_CASE("Who publishes to itself hears it") {
  SessionFixture fixture;
  fixture.run("SUBSCRIBE own");
  CHECK(fixture.run("PUBLISH own m") == "(integer) 1");
  CHECK(heard(*fixture.session) == "[\"message\", \"own\", \"m\"]");
}

TEST_CASE("Waiting for a message ends with it, or at the deadline; the callback rings once") {
  SessionFixture fixture;
  auto listener = fixture.connect();
  std::atomic<int> rung{0};
  listener->onMessages([&] { ++rung; });
  CHECK(listener->awaitMessage(std::chrono::steady_clock::now()).value() == nullptr);
  runOn(*listener, "SUBSCRIBE c");
  CHECK(listener->awaitMessage(std::chrono::steady_clock::now()).value() == nullptr);
  std::thread speaker([&] {
    fixture.run("PUBLISH c 1");
    fixture.run("PUBLISH c 2");
  });
  for (const char* const expected : {"1", "2"}) {
    const Result<MessagePointer> message = listener->awaitMessage(soon());
    REQUIRE(message.ok());
    REQUIRE(*message != nullptr);
    CHECK(dynamic_cast<const ChannelMessage&>(**message).payload() == expected);
  }
  speaker.join();
  CHECK(rung >= 1);
  CHECK(rung <= 2);
  const int before = rung;
  fixture.run("PUBLISH c 3");
  fixture.run("PUBLISH c 4");
  CHECK(rung == before + 1);
}

TEST_CASE("Inside BEGIN and EXEC a message waits for the commit") {
  struct Row {
    std::vector<const char*> statements;
    const char* heard;
  };
  const Row row = GENERATE(
      Row{{"BEGIN", "PUBLISH c 1", "COMMIT"}, "1"}, Row{{"BEGIN", "PUBLISH c 1", "ROLLBACK"}, ""},
      Row{{"BEGIN", "PUBLISH c 1", "SAVEPOINT a", "PUBLISH c 2", "ROLLBACK TO a", "PUBLISH c 3", "COMMIT"}, "13"},
      Row{{"BEGIN", "SAVEPOINT a", "PUBLISH c 1", "SAVEPOINT a", "PUBLISH c 2", "ROLLBACK TO a", "RELEASE a", "ROLLBACK TO a",
           "PUBLISH c 3", "COMMIT"},
          "3"},
      Row{{"BEGIN", "SAVEPOINT a", "PUBLISH c 1", "RELEASE a", "COMMIT"}, "1"},
      Row{{"BEGIN", "PUBLISH c 1", "ROLLBACK", "BEGIN", "COMMIT"}, ""},
      Row{{"MULTI", "PUBLISH c 1", "SET k v", "PUBLISH c 2", "EXEC"}, "12"}, Row{{"MULTI", "PUBLISH c 1", "DISCARD"}, ""},
      Row{{"MULTI", "PUBLISH c 1", "SQL 'CREATE TABLE t (a int)'", "EXEC"}, "1"},
      Row{{"BEGIN", "PUBLISH c 1", "RESET", "MULTI", "EXEC"}, ""});
  SessionFixture fixture;
  auto listener = fixture.connect();
  runOn(*listener, "SUBSCRIBE c");
  for (const char* const statement : row.statements) {
    CAPTURE(statement);
    CHECK(heard(*listener).empty());
    const std::string answer = fixture.run(statement);
    CHECK(answer.find("(error)") == std::string::npos);
  }
  std::string payloads;
  for (MessagePointer message = *listener->takeMessage(); message != nullptr; message = *listener->takeMessage()) {
    payloads += dynamic_cast<const ChannelMessage&>(*message).payload();
  }
  CHECK(payloads == row.heard);
}

TEST_CASE("What a transaction could not commit is not published") {
  SessionFixture fixture;
  auto listener = fixture.connect();
  auto other = fixture.connect();
  runOn(*listener, "SUBSCRIBE c");
  fixture.run("SET a 1");
  fixture.run("BEGIN");
  fixture.run("GET a");
  fixture.run("SET b 1");
  CHECK(fixture.run("PUBLISH c 1") == "(integer) 1");
  runOn(*other, "SET a 2");
  CHECK(fixture.run("COMMIT").find("CONFLICT") != std::string::npos);
  fixture.run("WATCH a");
  runOn(*other, "SET a 3");
  fixture.run("MULTI");
  fixture.run("PUBLISH c 2");
  CHECK(fixture.run("EXEC") == "(nil)");
  fixture.run("MULTI");
  CHECK(fixture.run("EXEC") == "[]");
  CHECK(heard(*listener).empty());
}

TEST_CASE("Subscribing inside BEGIN is refused") {
  SessionFixture fixture;
  fixture.run("BEGIN");
  CHECK(fixture.run("SUBSCRIBE c") == "(error) ERR SUBSCRIBE inside BEGIN is not allowed");
  CHECK(fixture.run("PSUBSCRIBE c") == "(error) ERR PSUBSCRIBE inside BEGIN is not allowed");
  CHECK(fixture.run("MONITOR") == "(error) ERR MONITOR inside BEGIN is not allowed");
  CHECK(fixture.run("COMMIT") == "OK");
}

TEST_CASE("Who does not take messages in time loses them, is told, and goes on") {
  SessionFixture fixture;
  fixture.run("CONFIG SET client-output-buffer-limit \"pubsub 10kb 0 0\"");
  auto listener = fixture.connect();
  runOn(*listener, "SUBSCRIBE c");
  const std::string message(1000, 'm');
  int told = 0;
  while (fixture.run("PUBLISH c " + message) == "(integer) 1" && told < 100) {
    ++told;
  }
  CHECK(told > 5);
  CHECK(told < 12);
  CHECK(heard(*listener) == "(error) messages were lost: they were not taken in time");
  CHECK(fixture.run("PUBLISH c again") == "(integer) 1");
  CHECK(heard(*listener) == "[\"message\", \"c\", \"again\"]");
}

TEST_CASE("A soft limit counts from when it is passed") {
  SessionFixture fixture;
  fixture.run("CONFIG SET client-output-buffer-limit \"pubsub 0 1kb 1000\"");
  auto listener = fixture.connect();
  runOn(*listener, "SUBSCRIBE c");
  for (int i = 0; i < 100; ++i) {
    CHECK(fixture.run("PUBLISH c " + std::string(100, 'm')) == "(integer) 1");
  }
  CHECK(heard(*listener).find("error") == std::string::npos);
}

TEST_CASE("Messages are counted to the clients' memory, once, and given back") {
  SessionFixture fixture;
  const std::int64_t before = MemoryAccount::used(MemoryLeaf::kClients);
  std::vector<std::unique_ptr<Session>> listeners;
  for (int i = 0; i < 10; ++i) {
    listeners.push_back(fixture.connect());
    runOn(*listeners.back(), "SUBSCRIBE c");
  }
  const std::int64_t subscribed = MemoryAccount::used(MemoryLeaf::kClients);
  CHECK(subscribed > before);
  fixture.run("PUBLISH c " + std::string(1'000'000, 'm'));
  const std::int64_t with_message = MemoryAccount::used(MemoryLeaf::kClients);
  CHECK(with_message - subscribed > 1'000'000);
  CHECK(with_message - subscribed < 2'000'000);
  listeners.clear();
  CHECK(MemoryAccount::used(MemoryLeaf::kClients) == before);
  CHECK(fixture.run("PUBSUB CHANNELS") == "[]");
}

TEST_CASE("MONITOR shows what was run, quoted, without secrets") {
  SessionFixture fixture;
  auto monitor = fixture.connect();
  CHECK(runOn(*monitor, "MONITOR") == "OK");
  fixture.run("SET k \"a\\\"b\\x00\"");
  fixture.run("AUTH default secret");
  fixture.run("CONFIG GET port");
  fixture.run("NOSUCH");
  fixture.sql("SELECT 1");
  fixture.run("MULTI");
  fixture.run("INCR n");
  fixture.run("EXEC");
  std::string lines;
  for (MessagePointer message = *monitor->takeMessage(); message != nullptr; message = *monitor->takeMessage()) {
    const std::string& text = dynamic_cast<const MonitorLine&>(*message).text();
    lines += text.substr(text.find('[')) + '\n';
  }
  CHECK(lines ==
        "[0 embedded] \"SET\" \"k\" \"a\\\"b\\x00\"\n[0 embedded] \"AUTH\" \"(redacted)\" \"(redacted)\"\n"
        "[0 embedded] \"SELECT 1\"\n[0 embedded] \"MULTI\"\n[0 embedded] \"INCR\" \"n\"\n[0 embedded] \"EXEC\"\n");
  CHECK(runOn(*monitor, "RESET") == "RESET");
  fixture.run("SET k v");
  CHECK(heard(*monitor).empty());
}

TEST_CASE("A message is not heard before what its publisher has committed is as safe as its answer") {
  const testing::TemporaryDirectory directory;
  testing::FaultEnv env(Env::system());
  SessionFixture fixture(directory.path(), &env);
  fixture.run("CONFIG SET appendfsync always");
  auto listener = fixture.connect();
  runOn(*listener, "SUBSCRIBE c");
  fixture.run("PUBLISH c nothing-committed");
  CHECK(heard(*listener) == "[\"message\", \"c\", \"nothing-committed\"]");
  fixture.run("SET k v");
  fixture.run("PUBLISH c committed");
  std::vector<Outbox::Item> items;
  listener->takeMessages(items, 0);
  REQUIRE(items.size() == 1);
  CHECK(items[0].fence > 0);
  CHECK(items[0].fence > fixture.database->reachedLsn());
  REQUIRE(fixture.session->awaitFence().ok());
  CHECK(items[0].fence <= fixture.database->reachedLsn());
}

TEST_CASE("A session's end, whatever it listens to, leaves nothing behind") {
  SessionFixture fixture;
  PubSub& pubsub = fixture.database->impl().pubsub();
  {
    auto listener = fixture.connect();
    for (int i = 0; i < 2000; ++i) {  // so many that a worker gives them up
      runOn(*listener, "SUBSCRIBE c" + std::to_string(i));
    }
    runOn(*listener, "PSUBSCRIBE p q");
    CHECK(pubsub.count(Topic::kChannel) == 2000);
    CHECK(pubsub.count(Topic::kPattern) == 2);
  }
  fixture.database->impl().pool().drain();
  CHECK(pubsub.count(Topic::kChannel) == 0);
  CHECK(pubsub.count(Topic::kPattern) == 0);
}

}  // namespace trefoil
