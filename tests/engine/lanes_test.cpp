// Which commands run on a network thread and which are left to a worker, by what they have to do and not by the clock; and that
// they answer the same there.
#include <catch2/catch.hpp>

#include "engine/database_impl.hpp"
#include "kv/view.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

std::vector<std::string> wordsOf(std::string_view line) {
  return parser::splitCommandLine(line).value();
}

// Whether executeBatch() runs the command itself. If it does not, nothing has happened.
bool isQuick(Session& session, const std::vector<std::string>& words) {
  const std::vector<std::string_view> args(words.begin(), words.end());
  const Statement statement{.args = args, .sql = {}, .parameters = {}};
  ReplyTree reply;
  const bool is_quick = session.executeBatch({&statement, 1}, reply).answered == 1;
  CHECK(reply.values().size() == (is_quick ? 1 : 0));
  return is_quick;
}

bool isQuick(Session& session, std::string_view line) {
  return isQuick(session, wordsOf(line));
}

// What executeBatch() makes of it, or what a worker does.
std::string runEitherWay(Session& session, const std::vector<std::string>& words) {
  const std::vector<std::string_view> args(words.begin(), words.end());
  const Statement statement{.args = args, .sql = {}, .parameters = {}};
  ReplyTree reply;
  if (session.executeBatch({&statement, 1}, reply).answered == 0) {
    session.execute(statement, reply);
  }
  return reply.last().describe();
}

std::vector<std::string> many(std::string_view head, std::size_t count, std::string_view between = {}) {
  std::vector<std::string> words = wordsOf(head);
  for (std::size_t i = 0; i < count; ++i) {
    if (!between.empty()) {
      words.emplace_back(between);
    }
    words.push_back("e" + std::to_string(i));
  }
  return words;
}

void fill(Session& session, std::size_t elements) {
  for (const auto& [head, between] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"RPUSH l", {}}, {"SADD s", {}}, {"SADD s2 x", {}}, {"HSET h", "f"}, {"ZADD z", "0"}, {"MSET", {}}}) {
    std::vector<std::string> words = many(head, elements, between);
    if (head == "HSET h") {  // f e0 f e1 … would be one field
      words.resize(2);
      for (std::size_t i = 0; i < elements; ++i) {
        words.push_back("e" + std::to_string(i));
        words.emplace_back("v");
      }
    }
    runEitherWay(session, words);
  }
  runEitherWay(session, {"SET", "t", std::string(elements * 1000 - 1, 'x')});
  runEitherWay(session, {"APPEND", "t", "x"});  // it has room for more now
}

}  // namespace

TEST_CASE("What takes long is left to a worker, and what does not is not") {
  SessionFixture fixture;
  Session& session = *fixture.session;
  fill(session, 5000);
  const bool in_block = GENERATE(false, true);
  if (in_block) {
    fixture.sql("BEGIN");
  }
  CAPTURE(in_block);
  for (const std::string_view quick : {"GET none",
                                       "STRLEN t",
                                       "GETRANGE t 0 100",
                                       "GETRANGE t -100 -1",
                                       "APPEND t x",
                                       "EXISTS t l s h z",
                                       "LRANGE l 0 9",
                                       "LRANGE l -10 -1",
                                       "LINDEX l 2500",
                                       "LSET l 2500 x",
                                       "LLEN l",
                                       "LPOP l",
                                       "RPOP l 10",
                                       "LTRIM l 1 -2",
                                       "LMOVE l l LEFT RIGHT",
                                       "SISMEMBER s e1",
                                       "SRANDMEMBER s",
                                       "SRANDMEMBER s 10",
                                       "SPOP s 10",
                                       "SCARD s",
                                       "SSCAN s 0 COUNT 100",
                                       "HGET h e1",
                                       "HSET h e1 x",
                                       "HMGET h e1 e2",
                                       "HSCAN h 0",
                                       "ZRANGE z 0 9",
                                       "ZRANGE z 0 9 REV WITHSCORES",
                                       "ZRANGEBYSCORE z -inf +inf LIMIT 0 10",
                                       "ZSCORE z e1",
                                       "ZCOUNT z -inf +inf",
                                       "ZPOPMIN z 10",
                                       "ZREMRANGEBYRANK z 0 9",
                                       "ZRANK z e1",
                                       "TYPE l",
                                       "EXPIRE l 100",
                                       "DEL s2",
                                       "SCAN 0"}) {
    CAPTURE(quick);
    CHECK(isQuick(session, quick));
  }
  for (const std::string_view slow : {"GET t",
                                      "GETSET t x",
                                      "GETDEL t",
                                      "GETEX t",
                                      "MGET none t",
                                      "GETRANGE t 0 -1",
                                      "SETRANGE u 10000000 x",
                                      "SETRANGE t 10000000 x",
                                      "EXPIRE t 100",
                                      "SET t x GET",
                                      "LRANGE l 0 -1",
                                      "LPOP l 4000",
                                      "LTRIM l 0 9",
                                      "LREM l 0 x",
                                      "LINSERT l BEFORE e3000 x",
                                      "SMEMBERS s",
                                      "SINTER s",
                                      "SUNION s none",
                                      "SDIFF s none",
                                      "SUNIONSTORE u s",
                                      "SRANDMEMBER s 4000",
                                      "SRANDMEMBER s -4000",
                                      "SPOP s 4000",
                                      "SSCAN s 0 COUNT 4000",
                                      "HGETALL h",
                                      "HKEYS h",
                                      "HVALS h",
                                      "ZRANGE z 0 -1",
                                      "ZRANGEBYSCORE z -inf +inf",
                                      "ZREMRANGEBYRANK z 0 -1",
                                      "ZPOPMAX z 4000",
                                      "COPY l l2",
                                      "RENAME h h2",
                                      "RENAMENX t t2",
                                      "SCAN 0 COUNT 4000",
                                      "KEYS *"}) {
    CAPTURE(slow);
    CHECK_FALSE(isQuick(session, slow));
  }
  for (const std::vector<std::string>& words :
       {many("MGET", 5000), many("DEL", 5000), many("UNLINK", 5000), many("EXISTS", 5000), many("RPUSH l", 5000),
        std::vector<std::string>{"ECHO", std::string(1'000'000, 'x')},
        std::vector<std::string>{"SET", "t", std::string(1'000'000, 'x')}}) {
    CAPTURE(words[0]);
    CHECK_FALSE(isQuick(session, words));
  }
}

TEST_CASE("A long string is changed in place, but if that takes copying it a worker does") {
  SessionFixture fixture;
  Session& session = *fixture.session;
  const std::string text(1'000'000, 'x');
  runEitherWay(session, {"SET", "t", text});
  CHECK_FALSE(isQuick(session, many("APPEND t", 1, text)));  // it has no room for as much again
  CHECK(runEitherWay(session, {"APPEND", "t", text}) == "(integer) 2000000");
  CHECK(isQuick(session, "APPEND t x"));
  CHECK(isQuick(session, "SETRANGE t 1000000 y"));
  {
    const txn::Snapshot sees_it = fixture.database->impl().manager().openSnapshot();
    CHECK_FALSE(isQuick(session, "SETRANGE t 1000000 z"));
    CHECK(runEitherWay(session, {"SETRANGE", "t", "1000000", "z"}) == "(integer) 2000001");
    CHECK(isQuick(session, "SETRANGE t 1000000 a"));
  }
  CHECK_FALSE(isQuick(session, "EXPIRE t 100"));
  CHECK(runEitherWay(session, {"EXPIRE", "t", "100"}) == "(integer) 1");
  CHECK(isQuick(session, "EXPIRE t 200"));
  CHECK_FALSE(isQuick(session, "PERSIST t"));
  CHECK(fixture.run("GETRANGE t 999999 1000001") == "\"xax\"");
  CHECK(fixture.run("STRLEN t") == "(integer) 2000001");
}

TEST_CASE("A key that somebody holds for long is waited for by a worker") {
  SessionFixture fixture;
  Session& session = *fixture.session;
  fixture.run("SET a 1");
  kv::Store& store = fixture.database->impl().manager().kv();
  const kv::PartitionId partition = kv::Store::partition(store.key(0, "a"));
  {
    const kv::PartitionLocks lock(store, {&partition, 1});
    CHECK_FALSE(isQuick(session, "GET a"));
    CHECK_FALSE(isQuick(session, "SET a 2"));
    CHECK(isQuick(session, "PING"));
    CHECK(isQuick(session, "MULTI"));
    CHECK(isQuick(session, "SET a 3"));
    CHECK_FALSE(isQuick(session, "EXEC"));
  }
  CHECK(isQuick(session, "EXEC"));
  CHECK(runEitherWay(session, {"GET", "a"}) == "\"3\"");
}

TEST_CASE("DBSIZE inside BEGIN, where it has to count, is a worker's") {
  SessionFixture fixture;
  Session& session = *fixture.session;
  fixture.run("MSET a 1 b 2");
  fixture.sql("BEGIN");
  CHECK(isQuick(session, "DBSIZE"));
  fixture.sql("ROLLBACK");
  fill(session, 3000);
  runOn(
      session, "MSET" + [] {
        std::string pairs;
        for (int i = 0; i < 3000; ++i) {
          pairs += " many:" + std::to_string(i) + " x";
        }
        return pairs;
      }());
  CHECK(isQuick(session, "DBSIZE"));
  const std::string size = fixture.run("DBSIZE");
  fixture.sql("BEGIN");
  CHECK_FALSE(isQuick(session, "DBSIZE"));
  CHECK(fixture.run("DBSIZE") == size);
  CHECK(fixture.sql("SELECT count(*) FROM kv('many:*')").find("3000") != std::string::npos);
}

TEST_CASE("A command on a worker ends when its client is killed") {
  SessionFixture fixture;
  std::string keys = "MSET";
  std::string members = "SADD s";
  for (std::size_t i = 0; i < 3 * kv::View::kStepsBetweenLooks; ++i) {
    keys += " key:" + std::to_string(i) + " x";
    members += " m" + std::to_string(i);
  }
  fixture.run(keys);
  fixture.run(members);
  const std::unique_ptr<Session> victim = fixture.connect();
  bool closed = false;
  victim->onKill([&] { closed = true; });
  CHECK(runOn(*victim, "KEYS *").starts_with("[\""));
  CHECK(fixture.run("CLIENT KILL ID " + std::to_string(victim->id())) == "(integer) 1");
  CHECK(closed);
  for (const char* const line : {"KEYS *", "SUNION s", "SINTERSTORE t s s", "SDIFF s none"}) {
    CAPTURE(line);
    CHECK(runOn(*victim, line).find("terminating connection") != std::string::npos);
  }
  CHECK(fixture.run("EXISTS t") == "(integer) 0");
}

TEST_CASE("A command answers the same on a worker") {
  // The same commands over collections on either side of the bound.
  const std::size_t elements = GENERATE(500, 3000);
  SessionFixture fixture;
  Session& session = *fixture.session;
  fill(session, elements);
  const auto count = std::to_string(elements);
  const auto run = [&](std::string_view line) { return runEitherWay(session, wordsOf(line)); };
  CHECK(run("GET t").size() == elements * 1000 + 2);
  CHECK(run("GETRANGE t 1 -1").size() == elements * 1000 + 1);
  CHECK(run("SUNIONSTORE all s s2") == "(integer) " + std::to_string(elements + 1));
  CHECK(run("SCARD all") == "(integer) " + std::to_string(elements + 1));
  run("SPOP all " + count);
  CHECK(run("SCARD all") == "(integer) 1");
  CHECK(run("COPY l l2") == "(integer) 1");
  CHECK(run("LLEN l2") == "(integer) " + count);
  run("LPOP l2 " + std::to_string(elements - 1));
  CHECK(run("LRANGE l2 0 -1") == "[\"e" + std::to_string(elements - 1) + "\"]");
  CHECK(run("ZREMRANGEBYRANK z 1 -1") == "(integer) " + std::to_string(elements - 1));
  CHECK(run("ZRANGE z 0 -1") == "[\"e0\"]");
  CHECK(run("GETDEL t").size() == elements * 1000 + 2);
  CHECK(run("EXISTS t") == "(integer) 0");
  CHECK(run("LPUSH t a") == "(integer) 1");
  CHECK(run("GET t") == "(error) WRONGTYPE Operation against a key holding the wrong kind of value");
  CHECK(runEitherWay(session, many("DEL", elements)) == "(integer) " + std::to_string(elements / 2));
}

TEST_CASE("What goes through all sessions or tables is a worker's when they are many") {
  SessionFixture fixture;
  Session& session = *fixture.session;
  const auto all = {"INFO", "METRICS", "CLIENT LIST", "CLIENT KILL ADDR 1.2.3.4:5"};
  for (const std::string_view line : all) {
    CAPTURE(line);
    CHECK(isQuick(session, line));
  }
  std::vector<std::unique_ptr<Session>> others;
  SECTION("sessions") {
    for (int i = 0; i < 400; ++i) {
      others.push_back(fixture.connect());
    }
    for (const std::string_view line : all) {
      CAPTURE(line);
      CHECK(!isQuick(session, line));
      CHECK(fixture.run(line).find("(error)") == std::string::npos);
    }
    CHECK(isQuick(session, "CLIENT INFO"));
    CHECK(isQuick(session, "PING"));
  }
  SECTION("tables") {
    for (int i = 0; i < 400; ++i) {
      fixture.sql("CREATE TABLE t" + std::to_string(i) + " (id INTEGER PRIMARY KEY)");
    }
    CHECK(isQuick(session, "INFO memory"));
    CHECK(!isQuick(session, "METRICS"));
    CHECK(fixture.run("METRICS").find("t399") != std::string::npos);
    fixture.run("MULTI");
    CHECK(fixture.run("METRICS") == "(error) ERR Command not allowed inside a transaction");
    fixture.run("DISCARD");
    CHECK(isQuick(session, "CLIENT LIST"));
  }
}

TEST_CASE("EXEC on a network thread does not hand what is in it to a worker half way") {
  SessionFixture fixture;
  Session& session = *fixture.session;
  std::vector<std::unique_ptr<Session>> others;
  for (int i = 0; i < 400; ++i) {
    others.push_back(fixture.connect());
  }
  for (std::size_t from = 0; from < 3; ++from) {
    std::vector<std::string> words = {"SUBSCRIBE"};
    for (std::size_t i = 0; i < 1000; ++i) {
      words.push_back("c" + std::to_string(from) + ":" + std::to_string(i));
    }
    runEitherWay(*others[0], words);
  }
  CHECK(!isQuick(session, "PUBSUB CHANNELS"));
  for (const std::string_view line : {"MULTI", "INCR n", "INFO server", "PUBSUB CHANNELS", "INCR n"}) {
    fixture.run(line);
  }
  ReplyTree reply;
  const std::string_view exec = "EXEC";
  const Statement statement{.args = {&exec, 1}, .sql = {}, .parameters = {}};
  if (session.executeBatch({&statement, 1}, reply).answered == 0) {
    session.execute(statement, reply);
  }
  const std::string answer = reply.last().describe();
  CHECK(answer.find("redis_version") != std::string::npos);
  CHECK(answer.find("c2:999") != std::string::npos);
  CHECK(fixture.run("GET n") == "\"2\"");
}

TEST_CASE("CONFIG SET of what others have to prepare for is a worker's") {
  SessionFixture fixture;
  Session& session = *fixture.session;
  CHECK(isQuick(session, "CONFIG SET timeout 7 tls-cert-file a"));
  Settings& settings = fixture.database->settings();
  const auto prepare = [](const Settings::Values&) -> Result<Settings::Follow> { return Settings::Follow([] {}); };
  const std::uint64_t guard = settings.guard({Setting::kTlsCertFile}, prepare);
  CHECK(isQuick(session, "CONFIG SET timeout 8"));
  CHECK(!isQuick(session, "CONFIG SET timeout 9 tls-cert-file b"));
  CHECK(settings.integer(Setting::kTimeout) == 8);
  CHECK(fixture.run("CONFIG SET timeout 9 tls-cert-file b") == "OK");
  settings.stopObserving(guard);
  CHECK(isQuick(session, "CONFIG SET tls-cert-file c"));
}

TEST_CASE("EXEC with a long command begins again on a worker, as a whole") {
  SessionFixture fixture;
  Session& session = *fixture.session;
  fill(session, 5000);
  fixture.run("CONFIG SET hnsw.ef_search 10");
  fixture.run("WATCH x");
  for (const std::string_view line : {"MULTI", "SET a 1", "CONFIG GET hnsw.ef_search", "CONFIG SET hnsw.ef_search 20", "SELECT 1",
                                      "SET a 2", "SELECT 0", "SCARD s", "SPOP s 5000", "SCARD s"}) {
    CHECK(isQuick(session, line));
  }
  CHECK_FALSE(isQuick(session, "EXEC"));
  CHECK(session.inTransaction());
  CHECK(runOn(*fixture.connect(), "EXISTS a") == "(integer) 0");
  const std::string answer = fixture.run("EXEC");
  CHECK(answer.starts_with("[OK, [\"hnsw.ef_search\", \"10\"], OK, OK, OK, OK, (integer) 5000, [\"e"));
  CHECK(answer.ends_with("], (integer) 0]"));
  CHECK_FALSE(session.inTransaction());
  CHECK(fixture.run("GET a") == "\"1\"");
}

}  // namespace trefoil
