// FEED: every committed change once, in the order of the commits, from any position on, also after a restart; with what was there
// before and what is there now.
#include "engine/feed.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "aof/log.hpp"
#include "engine/database_impl.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/random_work.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

using Strings = std::vector<std::string>;

// A session with a feed.
class Listener {
 public:
  Listener(const SessionFixture& fixture, std::string_view command) : fixture_(fixture), session_(fixture.connect()) {
    const std::string answer = runOn(*session_, command);
    INFO(answer);
    REQUIRE(answer.starts_with('"'));
    position = answer.substr(1, answer.size() - 2);
  }

  // What it is told of all that has been committed by now, one text a message.
  Strings hear() {
    static std::atomic<int> last{0};
    const std::string end = "feed:end:" + std::to_string(++last) + ";";
    fixture_.run("SET " + end + " now");
    const Database::Impl& database = fixture_.database->impl();
    if (aof::Log* const log = const_cast<Database::Impl&>(database).manager().log(); log != nullptr) {
      REQUIRE(log->waitReached(log->end()).ok());
    }
    Strings messages;
    for (;;) {
      const auto message = session_->awaitMessage(std::chrono::steady_clock::now() + std::chrono::seconds(60));
      REQUIRE(message.ok());
      REQUIRE(*message != nullptr);
      ReplyTree reply;
      (*message)->pushTo(reply);
      const std::vector<ReplyValue>& parts = reply.last().elements;
      REQUIRE(parts.size() == 3);
      REQUIRE(parts[0].text == "feed");
      if (parts[1].kind != ReplyValue::Kind::kNull) {
        position = parts[1].text;
        positions.push_back(position);
      }
      const std::string text = parts[2].describe();
      if (text.find(end) != std::string::npos) {
        return messages;
      }
      if (text.find("feed:end:") == std::string::npos) {  // of others, who have heard before
        messages.push_back(text);
      }
    }
  }
  std::string run(std::string_view line) { return runOn(*session_, line); }

  std::string position;
  Strings positions;

 private:
  const SessionFixture& fixture_;
  std::unique_ptr<Session> session_;
};

// Without the row's number and the database, which most cases do not care about.
std::string shortened(std::string text) {
  for (const std::string_view cut : {", \"db\", (integer) 0", "\"key\", "}) {
    for (std::size_t at = text.find(cut); at != std::string::npos; at = text.find(cut)) {
      text.erase(at, cut.size());
    }
  }
  return text;
}

}  // namespace

TEST_CASE("what a feed says of changes of keys", "[engine][feed]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(GENERATE(true, false) ? directory.path() : "");
  Listener listener(fixture, "FEED VALUES");
  const std::vector<std::pair<const char*, Strings>> cases = {
      {"SET k v", {R"([["k", "event", "set", "old", (nil), "new", "v"]])"}},
      {"SET k w", {R"([["k", "event", "set", "old", "v", "new", "w"]])"}},
      {"APPEND k x", {R"([["k", "event", "append", "old", "w", "new", "x"]])"}},
      {"SETRANGE k 1 yz", {R"([["k", "event", "setrange", "old", "wx", "new", [(integer) 1, "yz"]]])"}},
      {"EXPIREAT k 99999999999", {R"([["k", "event", "expire", "old", (nil), "new", (integer) 99999999999000]])"}},
      {"PERSIST k", {R"([["k", "event", "persist", "old", (integer) 99999999999000, "new", (nil)]])"}},
      {"INCR n", {R"([["n", "event", "incrby", "old", (nil), "new", "1"]])"}},
      {"INCR n", {R"([["n", "event", "incrby", "old", "1", "new", "2"]])"}},
      {"GET n", {}},
      {"DEL n missing", {R"([["n", "event", "del", "old", "2", "new", (nil)]])"}},
      {"HSET h a 1 b 2", {R"([["h", "event", "hset", "old", (nil), "new", ["a", "1", "b", "2"]]])"}},
      {"HSET h b 3 c 4", {R"([["h", "event", "hset", "old", ["b", "2"], "new", ["b", "3", "c", "4"]]])"}},
      {"HDEL h a x", {R"([["h", "event", "hdel", "old", ["a", "1"], "new", (nil)]])"}},
      {"RPUSH l a b c d", {R"([["l", "event", "rpush", "old", (nil), "new", ["a", "b", "c", "d"]]])"}},
      {"LSET l 1 B", {R"([["l", "event", "lset", "old", ["b"], "new", [(integer) 1, "B"]]])"}},
      {"LPOP l", {R"([["l", "event", "lpop", "old", ["a"], "new", (nil)]])"}},
      {"RPOP l", {R"([["l", "event", "rpop", "old", ["d"], "new", (nil)]])"}},
      {"LREM l 1 B", {R"([["l", "event", "lrem", "old", ["B"], "new", (nil)]])"}},
      {"RPUSH l d e f", {R"([["l", "event", "rpush", "old", (nil), "new", ["d", "e", "f"]]])"}},
      {"LTRIM l 1 2", {R"([["l", "event", "ltrim", "old", ["c", "f"], "new", (nil)]])"}},
      {"SADD s a b", {R"([["s", "event", "sadd", "old", (nil), "new", ["a", "b"]]])"}},
      {"SREM s a", {R"([["s", "event", "srem", "old", ["a"], "new", (nil)]])"}},
      {"SREM s b",
       {R"([["s", "event", "srem", "old", ["b"], "new", (nil)], ["s", "event", "del", "old", (nil), "new", (nil)]])"}},
      {"ZADD z 1 a 2 b", {R"([["z", "event", "zadd", "old", (nil), "new", ["a", (double) 1, "b", (double) 2]]])"}},
      {"ZADD z 3 b", {R"([["z", "event", "zadd", "old", ["b", (double) 2], "new", ["b", (double) 3]]])"}},
      {"ZREM z a", {R"([["z", "event", "zrem", "old", ["a", (double) 1], "new", (nil)]])"}},
      {"RENAME z y",
       {R"([["z", "event", "rename_from", "old", ["b", (double) 3], "new", (nil)], ["y", "event", "rename_to", "old", (nil), "new", ["b", (double) 3]]])"}},
      {"DEL y", {R"([["y", "event", "del", "old", ["b", (double) 3], "new", (nil)]])"}},
  };
  for (const auto& [command, expected] : cases) {
    CAPTURE(command);
    CHECK(fixture.run(command).find("error") == std::string::npos);
    Strings heard = listener.hear();
    std::transform(heard.begin(), heard.end(), heard.begin(), shortened);
    CHECK(heard == expected);
  }
  fixture.run("MULTI");
  fixture.run("SET k 1");
  fixture.run("SET k 2");
  fixture.run("SELECT 3");
  fixture.run("SET k 3");
  fixture.run("EXEC");
  CHECK(listener.hear() == Strings{R"([["key", "k", "db", (integer) 0, "event", "set", "old", "wyz", "new", "1"], )"
                                   R"(["key", "k", "db", (integer) 0, "event", "set", "old", "1", "new", "2"], )"
                                   R"(["key", "k", "db", (integer) 3, "event", "set", "old", (nil), "new", "3"]])"});
  fixture.run("FLUSHDB");
  CHECK(listener.hear() == Strings{R"([["db", (integer) 3, "event", "flushdb"]])"});
  fixture.run("SET gone v PX 1");
  CHECK(listener.hear().at(0).starts_with(R"([["key", "gone", "db", (integer) 3, "event", "set", "old", (nil), "new", "v"])"));
  Strings expired;
  while (expired.empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    expired = listener.hear();
  }
  CHECK(expired == Strings{R"([["key", "gone", "db", (integer) 3, "event", "expired", "old", "v", "new", (nil)]])"});
}

TEST_CASE("what a feed says of changes of rows", "[engine][feed]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(GENERATE(true, false) ? directory.path() : "");
  Listener listener(fixture, "FEED VALUES");
  Listener brief(fixture, "FEED");
  struct Case {
    const char* statement;
    Strings all;
    Strings brief;
  };
  const std::vector<Case> cases = {
      {"CREATE TABLE t (id INT PRIMARY KEY, name TEXT, e VECTOR(2))",
       {R"([["table", "t", "event", "create table"]])"},
       {R"([["table", "t", "event", "create table"]])"}},
      {"INSERT INTO t VALUES (5, 'five', '[1,2]')",
       {R"([["table", "t", "row", (integer) 0, "event", "insert", "key", ["id", (integer) 5], "old", (nil), "new", ["id", (integer) 5, "name", "five", "e", "[1,2]"]]])"},
       {R"([["table", "t", "row", (integer) 0, "event", "insert", "key", ["id", (integer) 5]]])"}},
      {"UPDATE t SET name = NULL WHERE id = 5",
       {R"([["table", "t", "row", (integer) 0, "event", "update", "key", ["id", (integer) 5], "old", ["id", (integer) 5, "name", "five", "e", "[1,2]"], "new", ["name", (nil)]]])"},
       {R"([["table", "t", "row", (integer) 0, "event", "update", "key", ["id", (integer) 5]]])"}},
      {"UPDATE t SET id = id + 1, name = 'six' WHERE id > 0",
       {R"([["table", "t", "row", (integer) 0, "event", "update", "key", ["id", (integer) 5], "old", ["id", (integer) 5, "name", (nil), "e", "[1,2]"], "new", ["id", (integer) 6, "name", "six"]]])"},
       {R"([["table", "t", "row", (integer) 0, "event", "update", "key", ["id", (integer) 5]]])"}},
      {"ALTER TABLE t RENAME TO u",
       {R"([["table", "t", "event", "rename table"]])"},
       {R"([["table", "t", "event", "rename table"]])"}},
      {"DELETE FROM u",
       {R"([["table", "u", "row", (integer) 0, "event", "delete", "key", ["id", (integer) 6], "old", ["id", (integer) 6, "name", "six", "e", "[1,2]"], "new", (nil)]])"},
       {R"([["table", "u", "row", (integer) 0, "event", "delete", "key", ["id", (integer) 6]]])"}},
      {"TRUNCATE u", {R"([["table", "u", "event", "truncate"]])"}, {R"([["table", "u", "event", "truncate"]])"}},
      {"DROP TABLE u", {R"([["table", "u", "event", "drop table"]])"}, {R"([["table", "u", "event", "drop table"]])"}},
      {"SELECT 1", {}, {}},
  };
  for (const Case& each : cases) {
    CAPTURE(each.statement);
    CHECK(fixture.sql(each.statement).find("error") == std::string::npos);
    CHECK(listener.hear() == each.all);
    CHECK(brief.hear() == each.brief);
  }
}

TEST_CASE("a feed tells only of what it was asked for", "[engine][feed]") {
  SessionFixture fixture;
  fixture.sql("CREATE TABLE t (id INT)");
  fixture.sql("CREATE TABLE u (id INT)");
  Listener keys(fixture, "FEED KEYS a* feed:end*");
  Listener tables(fixture, "FEED KEYS feed:end* TABLES t");
  fixture.run("MSET a1 1 b1 1");
  fixture.run("SET b2 2");
  fixture.sql("INSERT INTO t VALUES (1)");
  fixture.sql("INSERT INTO u VALUES (1)");
  CHECK(keys.hear() == Strings{R"([["key", "a1", "db", (integer) 0, "event", "set"]])"});
  CHECK(tables.hear() == Strings{R"([["table", "t", "row", (integer) 0, "event", "insert"]])"});
}

TEST_CASE("a feed goes on from each of its positions, also after a restart", "[engine][feed]") {
  const testing::TemporaryDirectory directory;
  Strings all;
  Strings positions;
  std::mt19937 random(11);
  {
    SessionFixture fixture(directory.path());
    Listener listener(fixture, "FEED FROM 0 VALUES");
    CHECK(listener.position.ends_with("-64"));
    fixture.sql(kTableOfWork);
    for (int i = 0; i < 150; ++i) {
      workAtRandom(*fixture.session, random, kKindsOfWork - 1);
    }
    fixture.sql("ALTER TABLE t RENAME TO renamed");
    fixture.sql("DELETE FROM renamed WHERE id < 100");
    fixture.sql("DROP TABLE renamed");
    fixture.sql("CREATE TABLE t (id INT PRIMARY KEY, other TEXT)");
    fixture.sql("INSERT INTO t VALUES (1, 'x')");
    all = listener.hear();
    positions = listener.positions;
    REQUIRE(positions.size() == all.size() + 1);  // hear() makes one more
    CHECK(fixture.database->checkpoint().ok());
  }
  SessionFixture fixture(directory.path());
  for (int i = 0; i < 20; ++i) {
    const std::size_t from = random() % positions.size();
    CAPTURE(positions[from]);
    Listener listener(fixture, "FEED FROM " + positions[from] + " VALUES");
    const Strings heard = listener.hear();
    const Strings expected(all.begin() + static_cast<long>(std::min(from + 1, all.size())), all.end());
    REQUIRE(heard.size() == expected.size());
    for (std::size_t at = 0; at < heard.size(); ++at) {
      REQUIRE(heard[at].substr(0, 1000) == expected[at].substr(0, 1000));
      REQUIRE((heard[at] == expected[at]));
    }
  }
}

TEST_CASE("who applies what a feed says has what the database has", "[engine][feed][threads]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(GENERATE(true, false) ? directory.path() : "");
  Listener listener(fixture, "FEED VALUES");
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const std::unique_ptr<Session> session = fixture.connect();
      std::mt19937 random(static_cast<unsigned>(i));
      for (int step = 0; step < 300; ++step) {
        const std::string key = "k" + std::to_string(random() % 5);
        switch (random() % 4) {
          case 0:
            runOn(*session, "INCR " + key);
            break;
          case 1:
            runOn(*session, "SET " + key + " " + std::to_string(random() % 100));
            break;
          case 2:
            runOn(*session, "DEL " + key);
            break;
          default:
            runOn(*session, "BEGIN");
            runOn(*session, "INCR " + key);
            runOn(*session, "SET " + key + "b " + std::to_string(step));
            runOn(*session, "COMMIT");
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::map<std::string, std::string> copy;
  for (const std::string& message : listener.hear()) {
    // ["key", K, "db", (integer) 0, "event", E, "old", O, "new", N]
    for (std::size_t at = message.find("[\"key\", "); at != std::string::npos; at = message.find("[\"key\", ", at + 1)) {
      const auto part = [&](std::string_view name, std::string_view end) {
        const std::size_t begin = message.find(name, at) + name.size();
        return message.substr(begin, message.find(end, begin) - begin);
      };
      const std::string key = part("\"key\", \"", "\"");
      const std::string old = part("\"old\", ", ", \"new\"");
      const std::string now = part("\"new\", ", "]");
      const auto found = copy.find(key);
      REQUIRE(old == (found == copy.end() ? "(nil)" : found->second));
      if (now == "(nil)") {
        copy.erase(key);
      } else {
        copy[key] = now;
      }
    }
  }
  for (int i = 0; i < 5; ++i) {
    for (const std::string& key : {"k" + std::to_string(i), "k" + std::to_string(i) + "b"}) {
      const auto found = copy.find(key);
      CHECK(fixture.run("GET " + key) == (found == copy.end() ? "(nil)" : found->second));
    }
  }
}

TEST_CASE("a feed begins and ends", "[engine][feed]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  const auto refused = [&](std::string_view line) { return fixture.run(line); };
  CHECK(refused("FEED STOP") == "(error) ERR this session has no feed");
  CHECK(refused("FEED FROM").starts_with("(error) ERR syntax error"));
  CHECK(refused("FEED KEYS").starts_with("(error) ERR syntax error"));
  CHECK(refused("FEED NONSENSE").starts_with("(error) ERR syntax error"));
  CHECK(refused("FEED FROM here").starts_with("(error) ERR 'here' is no position in a log"));
  CHECK(refused("FEED FROM 00000001-64").find("is none of this log") != std::string::npos);
  fixture.run("MULTI");
  fixture.run("FEED");
  CHECK(fixture.run("EXEC") == "[(error) ERR FEED inside MULTI is not allowed]");
  fixture.run("BEGIN");
  CHECK(fixture.run("FEED").find("FEED inside BEGIN is not allowed") != std::string::npos);
  fixture.run("ROLLBACK");

  Listener listener(fixture, "FEED");
  CHECK(listener.run("FEED").starts_with("(error) ERR this session has a feed already"));
  fixture.run("SET a 1");
  CHECK(listener.hear().size() == 1);
  CHECK(listener.run("FEED STOP") == "OK");
  fixture.run("SET a 2");
  CHECK(listener.run("FEED FROM " + listener.position) == '"' + listener.position + '"');
  CHECK(listener.hear().size() == 1);
  CHECK(listener.run("RESET") == "RESET");
  CHECK(fixture.database->impl().feeder().count() == 0);
}

TEST_CASE("a feed whose place is gone says so", "[engine][feed]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  Listener listener(fixture, "FEED");
  fixture.run("CONFIG SET log-backlog 0");
  fixture.run("SET a 1");
  CHECK(listener.hear().size() == 1);
  CHECK(listener.run("FEED STOP") == "OK");
  for (int i = 0; i < 2; ++i) {
    fixture.run("SET a 2");
    REQUIRE(fixture.database->checkpoint().ok());
  }
  CHECK(listener.run("FEED FROM " + listener.position).find("is no longer there: the log begins at") != std::string::npos);
  CHECK(listener.run("FEED FROM 0").find("is no longer there: the log begins at") != std::string::npos);
}

TEST_CASE("a client that does not read holds its feed up, and nothing else", "[engine][feed]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  const std::unique_ptr<Session> slow = fixture.connect();
  REQUIRE(runOn(*slow, "FEED VALUES").starts_with('"'));
  const std::string value(100'000, 'x');
  constexpr int kWrites = 200;
  for (int i = 0; i < kWrites; ++i) {
    fixture.run("SET k" + std::to_string(i) + " " + value);
  }
  aof::Log& log = *fixture.database->impl().manager().log();
  REQUIRE(log.waitReached(log.end()).ok());
  int heard = 0;
  while (heard < kWrites) {
    CHECK(slow->messageFigures().bytes < (std::size_t{2} << 20));
    const auto message = slow->awaitMessage(std::chrono::steady_clock::now() + std::chrono::seconds(60));
    REQUIRE(message.ok());
    REQUIRE(*message != nullptr);
    ++heard;
  }
}

TEST_CASE("a large commit comes in pieces, at its client's pace, and only the last has a position", "[engine][feed]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  const std::unique_ptr<Session> slow = fixture.connect();
  REQUIRE(runOn(*slow, "FEED VALUES").starts_with('"'));
  fixture.sql("CREATE TABLE t (id INT PRIMARY KEY, x TEXT)");
  fixture.sql("INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 50000) AS s(i)");
  aof::Log& log = *fixture.database->impl().manager().log();
  REQUIRE(log.waitReached(log.end()).ok());
  std::size_t changes = 0;
  std::size_t pieces = 0;
  for (bool is_whole = false; !is_whole || changes < 50001; ++pieces) {
    CHECK(slow->messageFigures().bytes < (std::size_t{2} << 20));
    const auto message = slow->awaitMessage(std::chrono::steady_clock::now() + std::chrono::seconds(60));
    REQUIRE(message.ok());
    REQUIRE(*message != nullptr);
    ReplyTree reply;
    (*message)->pushTo(reply);
    is_whole = reply.last().elements[1].kind != ReplyValue::Kind::kNull;
    changes += reply.last().elements[2].elements.size();
    CHECK(is_whole == (changes == 1 || changes == 50001));
  }
  CHECK(pieces > 10);
}

TEST_CASE("old values are there from when the log says them, and not when they are large", "[engine][feed]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  fixture.run("SET k 1");
  fixture.run("SET k 2");
  REQUIRE(fixture.run("CONFIG SET log-old-values yes") == "OK");
  fixture.run("SET k 3");
  fixture.run("SET k " + std::string(2 << 20, 'x'));
  fixture.run("SET k 4");
  fixture.run("DEL k");
  Listener listener(fixture, "FEED FROM 0 VALUES");
  Strings heard = listener.hear();
  std::transform(heard.begin(), heard.end(), heard.begin(), shortened);
  REQUIRE(heard.size() == 6);
  CHECK(heard[0] == R"([["k", "event", "set", "new", "1"]])");
  CHECK(heard[1] == R"([["k", "event", "set", "new", "2"]])");
  CHECK(heard[2] == R"([["k", "event", "set", "old", "2", "new", "3"]])");
  CHECK(heard[3].starts_with(R"([["k", "event", "set", "old", "3", "new", "xxx)"));
  CHECK(heard[4] == R"([["k", "event", "set", "new", "4"]])");
  CHECK(heard[5] == R"([["k", "event", "del", "old", "4", "new", (nil)]])");
}

TEST_CASE("a feed that loses its place while it runs ends, and says why", "[engine][feed]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  fixture.run("CONFIG SET log-backlog 0");
  const std::unique_ptr<Session> slow = fixture.connect();
  REQUIRE(runOn(*slow, "FEED VALUES").starts_with('"'));
  const std::string value(100'000, 'x');
  for (int checkpoint = 0; checkpoint < 3; ++checkpoint) {
    for (int i = 0; i < 30; ++i) {
      fixture.run("SET k" + std::to_string(i) + " " + value);
    }
    REQUIRE(fixture.database->checkpoint().ok());
  }
  for (;;) {
    const auto message = slow->awaitMessage(std::chrono::steady_clock::now() + std::chrono::seconds(60));
    REQUIRE(message.ok());
    REQUIRE(*message != nullptr);
    ReplyTree reply;
    (*message)->pushTo(reply);
    const std::vector<ReplyValue>& parts = reply.last().elements;
    if (parts[2].kind == ReplyValue::Kind::kBulk) {
      CHECK(parts[1].kind == ReplyValue::Kind::kNull);
      CHECK(parts[2].text.find("is no longer there: the log begins at") != std::string::npos);
      break;
    }
  }
  while (fixture.database->impl().feeder().count() != 0) {
    std::this_thread::yield();
  }
}

}  // namespace trefoil
