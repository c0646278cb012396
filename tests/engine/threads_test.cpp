// Several sessions at work on one database. Meant for the tsan build.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "engine/database.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

// One session of its own for each body, which is run again and again until all have had `rounds`.
void runTogether(Database& database, int rounds, const std::vector<std::function<void(Session&, int)>>& bodies) {
  std::vector<std::thread> threads;
  std::atomic<std::size_t> unfinished{bodies.size()};
  for (const auto& body : bodies) {
    threads.emplace_back([&, body] {
      const std::unique_ptr<Session> session = database.connect();
      for (int round = 0; unfinished > 0; ++round) {
        body(*session, round);
        if (round == rounds) {
          --unfinished;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace

TEST_CASE("others may look at a session while it works", "[engine]") {
  SessionFixture fixture;
  std::atomic<int> wrong{0};
  const auto busy = [](Session& session, int round) {
    session.setAddress("127.0.0.1:" + std::to_string(round));
    runOn(session, "CLIENT SETNAME a-name-that-is-too-long-to-be-kept-in-place-" + std::to_string(round));
    runOn(session, "CLIENT SETINFO lib-name library-" + std::to_string(round));
    runOn(session, "HELLO " + std::to_string(2 + round % 2) + " SETNAME name-" + std::to_string(round));
    runOn(session, "SELECT " + std::to_string(round % 16));
    runOn(session, "MULTI");
    runOn(session, "INCR a");
    runOn(session, "EXEC");
    runSqlOn(session, "SELECT 1");
    if (round % 10 == 0) {
      runOn(session, "RESET");
    }
  };
  const auto looks = [&](Session& session, int) {
    const std::string list = runOn(session, "CLIENT LIST");
    wrong += list.find("id=") == std::string::npos;
    wrong += runOn(session, "CLIENT INFO").find("cmd=client") == std::string::npos;
    wrong += runOn(session, "INFO").find("connected_clients") == std::string::npos;
  };
  const auto comes_and_goes = [&](Session&, int) {
    const std::unique_ptr<Session> other = fixture.connect();
    runOn(*other, "PING");
  };
  runTogether(*fixture.database, 200, {busy, busy, looks, comes_and_goes});
  CHECK(wrong == 0);
}

// Their effects are applied after their locks are let go.
TEST_CASE("of large commits on keys everybody sees all or nothing, and never an older one again", "[engine]") {
  testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  constexpr int kKeys = 3000;
  std::atomic<int> wrong{0};
  const auto writes = [](Session& session, int round) {
    const std::string value = std::to_string(1'000'000 + round) + std::string(30, '.');
    std::string command = "MSET";
    for (int i = 0; i < kKeys; ++i) {
      command += " key:" + std::to_string(i) + " " + value;
    }
    runOn(session, command);
    runSqlOn(session, "CHECKPOINT");
  };
  const auto flushes = [](Session& session, int) {
    runSqlOn(session, "BEGIN");
    runOn(session, "FLUSHDB");
    for (int i = 0; i < kKeys; ++i) {
      runOn(session, "SET key:" + std::to_string(i) + " 1000000" + std::string(30, '.'));
    }
    runSqlOn(session, "COMMIT");
  };
  const auto reads = [&](Session& session, int round) {
    const std::string a = std::to_string(round * 7 % kKeys);
    const std::string b = std::to_string(round * 31 % kKeys);
    const auto twice = [&](const std::string& begin, const std::string& end) {
      runOn(session, begin);
      const std::string one = runOn(session, "GET key:" + a);
      const std::string other = runOn(session, "GET key:" + b);
      runOn(session, end);
      return one == other;
    };
    wrong += !twice("BEGIN", "COMMIT");
    const std::string both = runOn(session, "MGET key:" + a + " key:" + b);
    const std::string one = both.substr(1, (both.size() - 4) / 2);
    wrong += both != "[" + one + ", " + one + "]";
  };
  runTogether(*fixture.database, 12, {writes, reads, reads});
  runTogether(*fixture.database, 4, {writes, flushes, reads});
  CHECK(wrong == 0);
}

TEST_CASE("settings, tables and keys change under statements that use them", "[engine]") {
  testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, e VECTOR(3))");
  fixture.sql("CREATE TABLE u (id INTEGER PRIMARY KEY, n BIGINT)");
  fixture.sql("INSERT INTO t SELECT value, 'text ' || value, '[1,2,3]' FROM generate_series(1, 3000) AS s(value)");
  fixture.sql("INSERT INTO u SELECT value, value % 7 FROM generate_series(1, 3000) AS s(value)");
  std::atomic<int> wrong{0};
  const auto configures = [](Session& session, int round) {
    constexpr std::array<const char*, 3> kPolicies = {"always", "everysec", "no"};
    runOn(session, std::string("CONFIG SET appendfsync ") + kPolicies[static_cast<std::size_t>(round % 3)]);
    runOn(session, "CONFIG SET checkpoint-log-size " + std::to_string(round % 2 == 0 ? 0 : 100'000));
    runOn(session, "CONFIG GET *");
    runSqlOn(session, "CHECKPOINT");
  };
  const auto defines = [](Session& session, int round) {
    runSqlOn(session, "CREATE TABLE x (a INTEGER PRIMARY KEY)");
    runSqlOn(session, round % 2 == 0 ? "CREATE INDEX t_v ON t (v)" : "DROP INDEX t_v");
    runSqlOn(session, "DROP TABLE x");
  };
  const auto queries = [&](Session& session, int) {
    // Every change keeps the number of rows and the sums.
    wrong += runSqlOn(session, "SELECT count(*), count(DISTINCT v) FROM t").find("3000") == std::string::npos;
    wrong += runSqlOn(session, "SELECT n, count(*) FROM u GROUP BY n ORDER BY n").find("error") != std::string::npos;
    wrong += runSqlOn(session, "SELECT count(*) FROM t JOIN u ON t.id = u.id WHERE u.n < 10").find("3000") == std::string::npos;
    wrong += runSqlOn(session, "SELECT id FROM t ORDER BY e <=> '[3,2,1]' LIMIT 5").find("error") != std::string::npos;
    wrong += runSqlOn(session, "SELECT count(*) FROM kv('*')").find("error") != std::string::npos;
  };
  const auto changes = [](Session& session, int round) {
    const std::string id = std::to_string(1 + round * 37 % 3000);
    runSqlOn(session, "UPDATE t SET v = 'text ' || " + id + ", e = '[" + std::to_string(round % 5) + ",1,1]' WHERE id = " + id);
    runSqlOn(session, "UPDATE u SET n = (n + 1) % 7 WHERE id % 5 = 2");
    runSqlOn(session, "BEGIN");
    runSqlOn(session, "DELETE FROM t WHERE id = " + id);
    runSqlOn(session, "INSERT INTO t VALUES (" + id + ", 'text " + id + "', '[1,1,1]')");
    runOn(session, "INCR counter");
    runOn(session, "RPUSH list " + id);
    runSqlOn(session, round % 3 == 0 ? "ROLLBACK" : "COMMIT");
    runOn(session, "SET volatile:" + id + " x PX 1");
    runOn(session, "WATCH counter");
    runOn(session, "MULTI");
    runOn(session, "INCR counter");
    runOn(session, "LTRIM list -100 -1");
    runOn(session, "EXEC");
  };
  runTogether(*fixture.database, 15, {configures, defines, queries, queries, changes, changes});
  CHECK(wrong == 0);
}

// A key moves from row to row, and sometimes there are two of a kind: the index sees each instant as it was.
TEST_CASE("CREATE UNIQUE INDEX beside writers gives the verdict of one instant, and misses no row", "[engine]") {
  SessionFixture fixture;
  constexpr int kRows = 3000;
  fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, s TEXT)");
  fixture.sql("INSERT INTO t SELECT i, i, 'a key that is longer than eight bytes ' || i FROM generate_series(1, 3000) g(i)");
  std::atomic<int> next_id{kRows + 1};
  std::atomic<int> wrong{0};
  std::atomic<int> created{0};
  const auto moves = [&](Session& session, int round) {
    const std::string k = std::to_string(2 + round * 37 % (kRows - 1));
    runSqlOn(session, "BEGIN");
    runSqlOn(session, "DELETE FROM t WHERE k = " + k);
    runSqlOn(session, "INSERT INTO t VALUES (" + std::to_string(next_id++) + ", " + k +
                          ", 'a key that is longer than eight bytes " + k + "')");
    runSqlOn(session, "COMMIT");
  };
  const auto updates = [&](Session& session, int round) {
    runSqlOn(session, "UPDATE t SET k = k WHERE id % 50 = " + std::to_string(round % 50));
    runSqlOn(session, "INSERT INTO t VALUES (" + std::to_string(next_id++) + ", NULL, NULL)");
  };
  const auto defines = [&](Session& session, int round) {
    const std::string name = round % 2 == 0 ? "by_k" : "by_s";
    if (round % 4 >= 2) {
      runSqlOn(session, "INSERT INTO t VALUES (-1, 1, 'a key that is longer than eight bytes 1')");
    }
    const std::string answer = runSqlOn(session, "CREATE UNIQUE INDEX " + name + " ON t (" + name.substr(3) + ")");
    const bool refused = answer.find("could not create unique index") != std::string::npos;
    wrong += refused != (round % 4 >= 2) ? 1 : 0;
    if (!refused) {
      ++created;
      const std::string key = round % 2 == 0 ? "k" : "s";
      const std::string counts = "SELECT (SELECT count(*) FROM t WHERE " + key + " >= " + (round % 2 == 0 ? "0" : "'a'") +
                                 ") = (SELECT count(*) FROM t WHERE " + key + " IS NOT NULL)";
      wrong += runSqlOn(session, counts) == "[[(true)]]" ? 0 : 1;
      wrong += runSqlOn(session, "INSERT INTO t VALUES (-2, 1, 'a key that is longer than eight bytes 1')").find("duplicate") ==
                       std::string::npos
                   ? 1
                   : 0;
      runSqlOn(session, "DROP INDEX " + name);
    }
    runSqlOn(session, "DELETE FROM t WHERE id < 0");
  };
  runTogether(*fixture.database, 12, {defines, moves, moves, updates});
  CHECK(wrong == 0);
  CHECK(created > 0);
}

}  // namespace trefoil
