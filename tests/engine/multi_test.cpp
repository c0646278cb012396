// MULTI, EXEC, DISCARD, WATCH through a session, as a client sees them.
#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

#include "engine/database.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

TEST_CASE("EXEC runs what MULTI queued and answers all of it") {
  SessionFixture fixture;
  CHECK(fixture.run("MULTI") == "OK");
  CHECK(fixture.run("SET a 1") == "QUEUED");
  CHECK(fixture.run("INCR a") == "QUEUED");
  CHECK(fixture.run("GET a") == "QUEUED");
  CHECK(fixture.run("EXEC") == "[OK, (integer) 2, \"2\"]");
  CHECK(fixture.run("GET a") == "\"2\"");
}

TEST_CASE("A command that fails inside EXEC leaves the others in force") {
  SessionFixture fixture;
  fixture.run("SET text abc");
  fixture.run("MULTI");
  fixture.run("INCR text");
  fixture.run("SET b 2");
  CHECK(fixture.run("EXEC") == "[(error) ERR value is not an integer or out of range, OK]");
  CHECK(fixture.run("GET b") == "\"2\"");
}

TEST_CASE("A SELECT that fails inside EXEC leaves the others in the database that they were in") {
  SessionFixture fixture;
  fixture.run("MULTI");
  fixture.run("SELECT 01");
  fixture.run("SET a 1");
  CHECK(fixture.run("EXEC") == "[(error) ERR value is not an integer or out of range, OK]");
  CHECK(fixture.run("GET a") == "\"1\"");
}

TEST_CASE("A command that cannot be queued makes EXEC refuse everything") {
  SessionFixture fixture;
  fixture.run("MULTI");
  fixture.run("SET a 1");
  CHECK(fixture.run("NOSUCH x") == "(error) ERR unknown command 'NOSUCH', with args beginning with: 'x' ");
  CHECK(fixture.run("EXEC") == "(error) EXECABORT Transaction discarded because of previous errors.");
  CHECK(fixture.run("GET a") == "(nil)");
}

TEST_CASE("Misplaced transaction commands are refused with Redis's words") {
  SessionFixture fixture;
  CHECK(fixture.run("EXEC") == "(error) ERR EXEC without MULTI");
  CHECK(fixture.run("DISCARD") == "(error) ERR DISCARD without MULTI");
  fixture.run("MULTI");
  CHECK(fixture.run("MULTI") == "(error) ERR MULTI calls can not be nested");
  CHECK(fixture.run("WATCH a") == "(error) ERR WATCH inside MULTI is not allowed");
  CHECK(fixture.run("DISCARD") == "OK");
}

TEST_CASE("EXEC with too many words gives up what was queued") {
  SessionFixture fixture;
  fixture.run("MULTI");
  fixture.run("SET a 1");
  CHECK(fixture.run("EXEC now") ==
        "(error) EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command");
  CHECK(fixture.run("EXEC") == "(error) ERR EXEC without MULTI");
  CHECK(fixture.run("GET a") == "(nil)");
}

TEST_CASE("UNWATCH inside MULTI comes too late, and does no harm") {
  SessionFixture fixture;
  auto other = fixture.connect();
  const bool with_rows = GENERATE(false, true);
  fixture.run("WATCH a b");
  fixture.run("MULTI");
  fixture.run("UNWATCH");
  fixture.run("SET b 1");
  if (with_rows) {
    fixture.sql("SELECT 1");
  }
  SECTION("nothing was changed") {
    CHECK(fixture.run("EXEC") == (with_rows ? "[OK, OK, [[(integer) 1]]]" : "[OK, OK]"));
    runOn(*other, "SET a 2");
    fixture.run("MULTI");
    CHECK(fixture.run("EXEC") == "[]");
  }
  SECTION("a watched key was changed") {
    runOn(*other, "SET a 2");
    CHECK(fixture.run("EXEC") == "(nil)");
    CHECK(fixture.run("GET b") == "(nil)");
  }
}

TEST_CASE("A subcommand that does not exist, or with too few words, is refused when it would be queued") {
  SessionFixture fixture;
  fixture.run("MULTI");
  CHECK(fixture.run("CLIENT NOSUCH") == "(error) ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.");
  CHECK(fixture.run("EXEC") == "(error) EXECABORT Transaction discarded because of previous errors.");
  fixture.run("MULTI");
  CHECK(fixture.run("config get") == "(error) ERR wrong number of arguments for 'config|get' command");
  CHECK(fixture.run("EXEC") == "(error) EXECABORT Transaction discarded because of previous errors.");
}

// What counts is Redis's word (signalModifiedKey): compared with it by tests/acceptance/like_redis.py.
TEST_CASE("A write that leaves a watched key as it was may be a change nevertheless") {
  SessionFixture fixture;
  auto other = fixture.connect();
  struct Write {
    std::string_view command;
    bool is_change;
  };
  const auto [command, is_change] = GENERATE(values<Write>({
      {"APPEND s ''", true},
      {"SETRANGE s 0 ''", false},
      {"SET s abc", true},
      {"SET s abc NX", false},
      {"EXPIREAT t 4000000000", true},
      {"GETEX t PXAT 4000000000000", true},
      {"GETEX s PERSIST", false},
      {"PERSIST s", false},
      {"LTRIM l 0 -1", true},
      {"LMOVE l l LEFT LEFT", true},
      {"LREM l 0 nope", false},
      {"RPOPLPUSH one one", true},
      {"LPOP l 0", false},
      {"HSET h f v", true},
      {"HDEL h nope", false},
      {"SADD m a", false},
      {"ZADD z 1 a", false},
      {"RENAME s s", false},
  }));
  CAPTURE(command);
  for (const std::string_view line :
       {"SET s abc", "SET t v PXAT 4000000000000", "RPUSH l a b", "RPUSH one a", "HSET h f v", "SADD m a", "ZADD z 1 a"}) {
    fixture.run(line);
  }
  fixture.run("WATCH s t l one h m z");
  runOn(*other, command);
  fixture.run("MULTI");
  CHECK(fixture.run("EXEC") == (is_change ? "(nil)" : "[]"));
  CHECK(fixture.run("PEXPIRETIME t") == "(integer) 4000000000000");
  CHECK(fixture.run("LRANGE l 0 -1") == "[\"a\", \"b\"]");
  CHECK(fixture.run("LRANGE one 0 -1") == "[\"a\"]");
}

TEST_CASE("EXEC answers nil when a watched key was changed") {
  SessionFixture fixture;
  auto other = fixture.connect();
  fixture.run("SET a 1");
  CHECK(fixture.run("WATCH a") == "OK");
  fixture.run("MULTI");
  fixture.run("SET a 2");
  SECTION("by somebody else") {
    runOn(*other, "SET a 3");
    CHECK(fixture.run("EXEC") == "(nil)");
    CHECK(fixture.run("GET a") == "\"3\"");
  }
  SECTION("not when nobody touched it") {
    CHECK(fixture.run("EXEC") == "[OK]");
  }
  SECTION("by a deletion") {
    runOn(*other, "DEL a");
    CHECK(fixture.run("EXEC") == "(nil)");
  }
  SECTION("only once: the watch is gone after EXEC") {
    runOn(*other, "SET a 3");
    fixture.run("EXEC");
    fixture.run("MULTI");
    fixture.run("SET a 4");
    CHECK(fixture.run("EXEC") == "[OK]");
  }
}

TEST_CASE("That an expired key is removed is no change of it") {
  SessionFixture fixture;
  fixture.run("SET stale 1 PX 1");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  fixture.run("WATCH stale");
  std::this_thread::sleep_for(std::chrono::milliseconds(250));  // the sweeper comes by
  fixture.run("MULTI");
  fixture.run("EXISTS stale");
  CHECK(fixture.run("EXEC") == "[(integer) 0]");
}

TEST_CASE("While the log refuses writes, transactions that only read are answered") {
  const testing::TemporaryDirectory directory;
  testing::FaultEnv env(Env::system());
  const SessionFixture fixture(directory.path(), &env);
  fixture.run("SET a 1");
  fixture.sql("CREATE TABLE t (i INTEGER)");
  env.failAt(1, {.kinds = testing::kWrite, .fault = testing::Fault::kIoError, .persistent = true});
  while (!fixture.run("SET a 2").starts_with("(error) MISCONF")) {
    static_cast<void>(fixture.session->awaitFence().ok());
  }
  fixture.run("MULTI");
  fixture.run("GET b");
  SECTION("keys only") {
    CHECK(fixture.run("EXEC") == "[(nil)]");
  }
  SECTION("with rows") {
    fixture.sql("SELECT count(*) FROM t");
    CHECK(fixture.run("EXEC") == "[(nil), [[(integer) 0]]]");
  }
  SECTION("not if there is a write among them") {
    fixture.run("SET b 1");
    CHECK(fixture.run("EXEC").starts_with("(error) EXECABORT Transaction discarded because of: MISCONF "));
    CHECK(fixture.run("GET b") == "(nil)");
  }
  SECTION("not if a row is written") {
    fixture.sql("INSERT INTO t VALUES (1)");
    CHECK(fixture.run("EXEC").starts_with("(error) EXECABORT Transaction discarded because of: MISCONF "));
    CHECK(fixture.sql("SELECT count(*) FROM t") == "[[(integer) 0]]");
  }
  SECTION("BEGIN, too") {
    fixture.run("DISCARD");
    CHECK(fixture.sql("BEGIN") == "OK");
    CHECK(fixture.run("GET b") == "(nil)");
    CHECK(fixture.sql("SELECT count(*) FROM t") == "[[(integer) 0]]");
    CHECK(fixture.sql("COMMIT") == "OK");
  }
  env.clearFault();
}

TEST_CASE("RESET puts the session's own settings back") {
  SessionFixture fixture;
  fixture.sql("SET statement_timeout = 5000");
  fixture.sql("SET hnsw.ef_search = 7");
  fixture.run("RESET");
  CHECK(fixture.sql("SHOW statement_timeout") == "[[\"0\"]]");
  CHECK(fixture.sql("SHOW hnsw.ef_search") != "[[\"7\"]]");
}

TEST_CASE("A deadline beyond the last timestamp is shown as that") {
  SessionFixture fixture;
  fixture.run("SET a 1 PXAT 9223372036854775806");
  CHECK(fixture.sql("SELECT expires_at FROM kv('a')") == "[[\"290000-12-31 23:59:59.999\"]]");
}

TEST_CASE("SELECT inside MULTI switches the database for what follows") {
  SessionFixture fixture;
  fixture.run("MULTI");
  fixture.run("SET a zero");
  fixture.run("SELECT 1");
  fixture.run("SET a one");
  CHECK(fixture.run("EXEC") == "[OK, OK, OK]");
  CHECK(fixture.run("GET a") == "\"one\"");
  fixture.run("SELECT 0");
  CHECK(fixture.run("GET a") == "\"zero\"");
}

TEST_CASE("EXEC over keys and rows is one transaction") {
  SessionFixture fixture;
  fixture.run("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)");
  fixture.run("MULTI");
  CHECK(fixture.run("SET a 1") == "QUEUED");
  CHECK(fixture.run("INSERT INTO t VALUES (1, 10)") == "QUEUED");
  CHECK(fixture.run("UPDATE t SET n = n + 1 WHERE id = 1") == "QUEUED");
  CHECK(fixture.run("SELECT n FROM t") == "QUEUED");
  CHECK(fixture.run("EXEC") == "[OK, (integer) 1, (integer) 1, [[(integer) 11]]]");
}

// Admission is of the whole, as of Redis: compared with it by tests/acceptance/like_redis.py.
TEST_CASE("Over maxmemory nothing is queued, and EXEC refuses the whole") {
  SessionFixture fixture;
  const std::string oom = "OOM command not allowed when used memory > 'maxmemory'.";
  fixture.run("SET foo 1");
  fixture.sql("CREATE TABLE t (i INTEGER)");
  fixture.sql("INSERT INTO t VALUES (1)");
  SECTION("from the beginning") {
    fixture.run("CONFIG SET maxmemory 1");
    fixture.run("MULTI");
    CHECK(fixture.run("SET x 1") == "(error) " + oom);
    CHECK(fixture.run("DEL foo") == "(error) " + oom);
    CHECK(fixture.sql("SELECT 1") == "(error) " + oom);
    CHECK(fixture.run("EXEC") == "(error) EXECABORT Transaction discarded because of previous errors.");
  }
  SECTION("from EXEC on") {
    const auto other = fixture.connect();
    const bool with_rows = GENERATE(false, true);
    fixture.run("MULTI");
    fixture.run("DEL foo");
    if (with_rows) {
      fixture.sql("DELETE FROM t");
      CHECK(fixture.sql("INSERT INTO t VALUES (2)") == "QUEUED");
    } else {
      CHECK(fixture.run("SET x 1") == "QUEUED");
    }
    runOn(*other, "CONFIG SET maxmemory 1");
    CHECK(fixture.run("EXEC") == "(error) EXECABORT Transaction discarded because of: " + oom);
    CHECK(fixture.run("EXEC") == "(error) ERR EXEC without MULTI");
  }
  CHECK(fixture.run("EXISTS foo x") == "(integer) 1");
  CHECK(fixture.sql("SELECT i FROM t") == "[[(integer) 1]]");
}

TEST_CASE("Over maxmemory EXEC still runs what takes none") {
  SessionFixture fixture;
  fixture.run("SET foo 1");
  fixture.sql("CREATE TABLE t (i INTEGER)");
  fixture.sql("INSERT INTO t VALUES (1)");
  const auto other = fixture.connect();
  fixture.run("MULTI");
  fixture.run("DEL foo");
  fixture.run("GET foo");
  fixture.sql("DELETE FROM t");
  fixture.run("SQL 'SELECT count(*) AS n FROM t'");
  runOn(*other, "CONFIG SET maxmemory 1");
  CHECK(fixture.run("EXEC") == "[(integer) 1, (nil), (integer) 1, [[(integer) 0]]]");
}

TEST_CASE("EXEC that sets maxmemory itself was let in") {
  SessionFixture fixture;
  fixture.run("MULTI");
  fixture.run("CONFIG SET maxmemory 1");
  fixture.run("SET x 1");
  CHECK(fixture.run("EXEC") == "[OK, OK]");
}

TEST_CASE("A command about the server runs once in EXEC, also if EXEC has to begin again") {
  const testing::TemporaryDirectory directory;
  const SessionFixture fixture(directory.path());
  fixture.run("CONFIG SET maxmemory 100gb");
  fixture.run("MULTI");
  fixture.run("CONFIG GET maxmemory");
  fixture.run("CONFIG SET maxmemory 200gb");
  fixture.run("SELECT 1");
  fixture.run("BGREWRITEAOF");
  fixture.run("CLIENT SETNAME 'no good'");
  // More than is made room for under locks: EXEC begins again as a transaction.
  for (int i = 0; i < 2; ++i) {
    fixture.run("SET large" + std::to_string(i) + " " + std::string(std::size_t{20} << 20, 'x'));
  }
  CHECK(fixture.run("EXEC") ==
        "[[\"maxmemory\", \"107374182400\"], OK, OK, Background append only file rewriting started, "
        "(error) ERR Client names cannot contain spaces, newlines or special characters., OK, OK]");
  CHECK(fixture.run("CONFIG GET maxmemory") == "[\"maxmemory\", \"214748364800\"]");
  CHECK(fixture.run("EXISTS large0 large1") == "(integer) 2");
  fixture.run("SELECT 0");
  CHECK(fixture.run("EXISTS large0 large1") == "(integer) 0");
}

TEST_CASE("WATCH of many keys, in many commands, some of them twice: each change of one of them is seen, no other") {
  SessionFixture fixture;
  const std::unique_ptr<Session> other = fixture.connect();
  constexpr int kKeys = 40'000;
  std::vector<std::string> words = {"WATCH"};
  for (int i = 0; i < kKeys; ++i) {
    words.push_back("key:" + std::to_string(i));
  }
  const std::vector<std::string_view> args(words.begin(), words.end());
  const auto watch_all = [&] {
    for (int i = 0; i < 2; ++i) {
      ReplyTree reply;
      fixture.session->execute({.args = args, .sql = {}, .parameters = {}}, reply);
      REQUIRE(reply.last().describe() == "OK");
    }
  };
  const auto exec = [&] {
    REQUIRE(fixture.run("MULTI") == "OK");
    REQUIRE(fixture.run("GET other") == "QUEUED");
    return fixture.run("EXEC");
  };
  runOn(*other, "SET key:7 v PX 1");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));  // it has expired before it is watched
  watch_all();
  runOn(*other, "SET other v");
  CHECK(exec() == "[\"v\"]");
  watch_all();
  runOn(*other, "SET key:39999 v");
  CHECK(exec() == "(nil)");
  watch_all();
  runOn(*other, "SET key:0 v");
  CHECK(fixture.run("UNWATCH") == "OK");
  CHECK(exec() == "[\"v\"]");
}

}  // namespace trefoil
