// BEGIN … COMMIT over keys and rows: reads of own writes, isolation, conflicts, savepoints, failed statements.
#include <catch2/catch.hpp>

#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

struct Bank : SessionFixture {
  Bank() {
    sql("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)");
    sql("INSERT INTO account VALUES (1, 100), (2, 100)");
    run("SET total 200");
  }
};

}  // namespace

TEST_CASE("A transaction sees its own writes and nobody else does before COMMIT") {
  Bank bank;
  auto other = bank.connect();
  CHECK(bank.run("BEGIN") == "OK");
  CHECK(bank.sql("UPDATE account SET balance = balance - 30 WHERE id = 1") == "(integer) 1");
  CHECK(bank.run("DECRBY total 30") == "(integer) 170");
  CHECK(bank.sql("SELECT balance FROM account WHERE id = 1") == "[[(integer) 70]]");
  CHECK(bank.run("GET total") == "\"170\"");
  CHECK(runSqlOn(*other, "SELECT balance FROM account WHERE id = 1") == "[[(integer) 100]]");
  CHECK(runOn(*other, "GET total") == "\"200\"");
  CHECK(bank.run("COMMIT") == "OK");
  CHECK(runSqlOn(*other, "SELECT balance FROM account WHERE id = 1") == "[[(integer) 70]]");
  CHECK(runOn(*other, "GET total") == "\"170\"");
}

TEST_CASE("ROLLBACK drops keys and rows alike") {
  Bank bank;
  bank.run("BEGIN");
  bank.sql("DELETE FROM account");
  bank.run("DEL total");
  bank.run("LPUSH list a b c");
  CHECK(bank.sql("SELECT count(*) FROM account") == "[[(integer) 0]]");
  CHECK(bank.run("ROLLBACK") == "OK");
  CHECK(bank.sql("SELECT count(*) FROM account") == "[[(integer) 2]]");
  CHECK(bank.run("GET total") == "\"200\"");
  CHECK(bank.run("EXISTS list") == "(integer) 0");
}

TEST_CASE("A transaction reads one instant, whatever others commit meanwhile") {
  Bank bank;
  auto other = bank.connect();
  bank.run("BEGIN");
  runSqlOn(*other, "UPDATE account SET balance = 0");
  runOn(*other, "SET total 0");
  CHECK(bank.sql("SELECT sum(balance) FROM account") == "[[(integer) 200]]");
  CHECK(bank.run("GET total") == "\"200\"");
  CHECK(bank.run("COMMIT") == "OK");  // it only read
  CHECK(bank.sql("SELECT sum(balance) FROM account") == "[[(integer) 0]]");
}

TEST_CASE("What a checkpoint holds is seen, and kept, by a snapshot taken before the log has grown") {
  const testing::TemporaryDirectory directory;
  {
    SessionFixture before(directory.path());
    before.sql("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)");
    before.sql("INSERT INTO account VALUES (1, 100), (2, 100)");
    for (int i = 0; i < 2000; ++i) {
      before.run("RPUSH long " + std::to_string(i));
    }
    CHECK(before.run("CHECKPOINT") == "OK");
  }
  SessionFixture after(directory.path());
  auto other = after.connect();
  after.run("BEGIN");
  runSqlOn(*other, "UPDATE account SET balance = 0");
  runOn(*other, "LSET long 0 changed");
  runOn(*other, "RPUSH long changed");
  CHECK(after.sql("SELECT sum(balance) FROM account") == "[[(integer) 200]]");
  CHECK(after.run("LLEN long") == "(integer) 2000");
  CHECK(after.run("LINDEX long 0") == "\"0\"");
  CHECK(after.run("COMMIT") == "OK");
  CHECK(after.run("CHECKPOINT") == "OK");
}

TEST_CASE("Write skew is a conflict") {
  Bank bank;
  auto other = bank.connect();
  SECTION("over rows") {
    bank.run("BEGIN");
    runOn(*other, "BEGIN");
    bank.sql("SELECT balance FROM account WHERE id = 1");
    bank.sql("UPDATE account SET balance = 0 WHERE id = 2");
    runSqlOn(*other, "SELECT balance FROM account WHERE id = 2");
    runSqlOn(*other, "UPDATE account SET balance = 0 WHERE id = 1");
    CHECK(bank.run("COMMIT") == "OK");
    CHECK(runOn(*other, "COMMIT").starts_with("(error) CONFLICT "));
    CHECK(bank.sql("SELECT balance FROM account ORDER BY id") == "[[(integer) 100], [(integer) 0]]");
  }
  SECTION("over keys") {
    bank.run("BEGIN");
    runOn(*other, "BEGIN");
    bank.run("GET total");
    bank.run("SET mine 1");
    runOn(*other, "GET mine");
    runOn(*other, "SET total 1");
    CHECK(bank.run("COMMIT") == "OK");
    CHECK(runOn(*other, "COMMIT").starts_with("(error) CONFLICT "));
    CHECK(bank.run("GET total") == "\"200\"");
  }
  SECTION("between a key and a row") {
    bank.run("BEGIN");
    runOn(*other, "BEGIN");
    bank.run("GET total");
    bank.sql("UPDATE account SET balance = 5 WHERE id = 1");
    runSqlOn(*other, "SELECT balance FROM account WHERE id = 1");
    runOn(*other, "SET total 5");
    CHECK(runOn(*other, "COMMIT") == "OK");
    CHECK(bank.run("COMMIT").starts_with("(error) CONFLICT "));
    CHECK(bank.sql("SELECT balance FROM account WHERE id = 1") == "[[(integer) 100]]");
  }
}

TEST_CASE("A key that was looked up and not found counts as read") {
  Bank bank;
  auto other = bank.connect();
  bank.run("BEGIN");
  CHECK(bank.run("GET absent") == "(nil)");
  bank.run("SET answer none");
  runOn(*other, "SET absent 1");
  CHECK(bank.run("COMMIT").starts_with("(error) CONFLICT "));
  CHECK(bank.run("GET answer") == "(nil)");
}

TEST_CASE("Transactions on different keys and rows do not conflict") {
  Bank bank;
  auto other = bank.connect();
  bank.run("BEGIN");
  runOn(*other, "BEGIN");
  bank.run("SET a 1");
  runOn(*other, "SET b 1");
  bank.sql("UPDATE account SET balance = 1 WHERE id = 1");
  runSqlOn(*other, "UPDATE account SET balance = 2 WHERE id = 2");
  CHECK(bank.run("COMMIT") == "OK");
  CHECK(runOn(*other, "COMMIT") == "OK");
  CHECK(bank.sql("SELECT balance FROM account ORDER BY id") == "[[(integer) 1], [(integer) 2]]");
}

TEST_CASE("A statement that fails leaves nothing staged and the transaction goes on") {
  Bank bank;
  bank.run("BEGIN");
  bank.run("SET a 1");
  CHECK(bank.sql("INSERT INTO account VALUES (3, 1), (1, 1)")
            .starts_with("(error) ERR duplicate key value violates unique constraint \"account_pkey\""));
  CHECK(bank.run("LPUSH a x") == "(error) WRONGTYPE Operation against a key holding the wrong kind of value");
  CHECK(bank.sql("SELECT count(*) FROM account") == "[[(integer) 2]]");
  CHECK(bank.run("COMMIT") == "OK");
  CHECK(bank.run("GET a") == "\"1\"");
}

TEST_CASE("ROLLBACK TO takes back what came after the savepoint") {
  Bank bank;
  bank.run("BEGIN");
  bank.run("SET a 1");
  bank.sql("INSERT INTO account VALUES (3, 3)");
  CHECK(bank.run("SAVEPOINT here") == "OK");
  bank.run("SET a 2");
  bank.sql("UPDATE account SET balance = 0");
  bank.sql("CREATE TABLE extra (id INTEGER PRIMARY KEY)");
  CHECK(bank.run("ROLLBACK TO here") == "OK");
  CHECK(bank.run("GET a") == "\"1\"");
  CHECK(bank.sql("SELECT sum(balance) FROM account") == "[[(integer) 203]]");
  CHECK(bank.sql("SELECT * FROM extra").starts_with("(error) ERR relation \"extra\" does not exist"));
  CHECK(bank.run("COMMIT") == "OK");
  CHECK(bank.sql("SELECT count(*) FROM account") == "[[(integer) 3]]");
}

TEST_CASE("A table made and filled inside BEGIN is there after COMMIT") {
  Bank bank;
  auto other = bank.connect();
  bank.run("BEGIN");
  bank.sql("CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT)");
  for (int i = 0; i < 5000; ++i) {
    REQUIRE(bank.sql("INSERT INTO log VALUES (" + std::to_string(i) + ", 'line " + std::to_string(i) + "')") == "(integer) 1");
  }
  CHECK(runSqlOn(*other, "SELECT count(*) FROM log").starts_with("(error)"));
  CHECK(bank.run("COMMIT") == "OK");
  CHECK(runSqlOn(*other, "SELECT count(*), max(line) FROM log") == "[[(integer) 5000, \"line 999\"]]");
}

TEST_CASE("Transaction control out of place is an error") {
  Bank bank;
  CHECK(bank.run("COMMIT") == "(error) ERR there is no transaction in progress at character 1");
  bank.run("BEGIN");
  CHECK(bank.run("BEGIN") == "(error) ERR there is already a transaction in progress at character 1");
  CHECK(bank.run("MULTI") == "(error) ERR MULTI inside BEGIN is not allowed");
  CHECK(bank.run("WATCH a") == "(error) ERR WATCH inside BEGIN is not allowed");
  CHECK(bank.run("ROLLBACK TO nowhere").starts_with("(error) ERR savepoint \"nowhere\" does not exist"));
  CHECK(bank.run("ROLLBACK") == "OK");
}

TEST_CASE("WATCH before BEGIN counts at COMMIT") {
  Bank bank;
  auto other = bank.connect();
  bank.run("WATCH total");
  bank.run("BEGIN");
  bank.run("SET b 1");
  runOn(*other, "SET total 1");
  CHECK(bank.run("COMMIT").starts_with("(error) CONFLICT "));
  CHECK(bank.run("GET b") == "(nil)");
}

TEST_CASE("KV structures join with tables in one statement") {
  Bank bank;
  bank.run("ZADD board 5 1 7 2");
  CHECK(bank.sql("SELECT a.id, a.balance, z.score FROM account a JOIN zset('board') z ON z.member = CAST(a.id AS TEXT) "
                 "ORDER BY z.score DESC") ==
        "[[(integer) 2, (integer) 100, (double) 7], [(integer) 1, (integer) 100, (double) 5]]");
  bank.run("HSET h f v");
  CHECK(bank.sql("SELECT * FROM hash('h')") == "[[\"f\", \"v\"]]");
  CHECK(bank.sql("SELECT key, type, value FROM kv('t*')") == "[[\"total\", \"string\", \"200\"]]");
  CHECK(bank.sql("SELECT * FROM zset('h')").starts_with("(error) WRONGTYPE"));
}

TEST_CASE("BEGIN READ ONLY refuses what would write, keys and rows alike") {
  Bank bank;
  CHECK(bank.sql("BEGIN READ ONLY") == "OK");
  CHECK(bank.sql("UPDATE account SET balance = 0 WHERE id = 1") ==
        "(error) ERR cannot execute UPDATE in a read-only transaction");
  CHECK(bank.sql("CREATE TABLE t (a int)") == "(error) ERR cannot execute CREATE TABLE in a read-only transaction");
  CHECK(bank.run("SET total 1") == "(error) ERR cannot execute SET in a read-only transaction");
  CHECK(bank.run("GET total") == "\"200\"");
  CHECK(bank.sql("SELECT sum(balance) FROM account") == "[[(integer) 200]]");
  CHECK(bank.run("COMMIT") == "OK");
  bank.run("BEGIN");
  CHECK(bank.run("SET total 1") == "OK");
  CHECK(bank.run("COMMIT") == "OK");
}

TEST_CASE("maxmemory: a statement is let in or refused as a whole, and so is COMMIT") {
  SessionFixture fixture;
  const std::string oom = "(error) OOM command not allowed when used memory > 'maxmemory'.";
  fixture.sql("CREATE TABLE t (i INTEGER PRIMARY KEY)");
  fixture.sql("INSERT INTO t VALUES (1), (2)");
  fixture.run("SET foo 1");
  const auto other = fixture.connect();
  SECTION("statements of their own") {
    runOn(*other, "CONFIG SET maxmemory 1");
    for (const std::string_view statement :
         {"INSERT INTO t VALUES (3)", "INSERT INTO t SELECT i + 10 FROM t", "UPDATE t SET i = 5 WHERE i = 1",
          "CREATE TABLE u (i INTEGER)", "CREATE INDEX ON t (i)"}) {
      CAPTURE(statement);
      CHECK(fixture.sql(statement) == oom);
    }
    CHECK(fixture.sql("SELECT count(*) FROM t") == "[[(integer) 2]]");
    CHECK(fixture.sql("DELETE FROM t WHERE i = 1") == "(integer) 1");
    CHECK(fixture.sql("TRUNCATE t") == "OK");
    CHECK(fixture.sql("DROP TABLE t") == "OK");
  }
  SECTION("in a block that goes on") {
    fixture.sql("BEGIN");
    runOn(*other, "CONFIG SET maxmemory 1");
    CHECK(fixture.sql("INSERT INTO t VALUES (3)") == oom);
    CHECK(fixture.run("SET x 1") == oom);
    CHECK(fixture.run("DEL foo") == "(integer) 1");
    CHECK(fixture.sql("COMMIT") == "OK");
    CHECK(fixture.run("EXISTS foo") == "(integer) 0");
  }
  SECTION("crossed before COMMIT") {
    fixture.sql("BEGIN");
    fixture.run("DEL foo");
    fixture.sql("INSERT INTO t VALUES (3)");
    runOn(*other, "CONFIG SET maxmemory 1");
    CHECK(fixture.sql("COMMIT") == oom + "; DETAIL: The transaction was rolled back.");
    CHECK_FALSE(fixture.session->inTransaction());
    CHECK(fixture.run("EXISTS foo") == "(integer) 1");
    CHECK(fixture.sql("SELECT count(*) FROM t") == "[[(integer) 2]]");
  }
  SECTION("a block that only reads is never asked") {
    fixture.sql("BEGIN");
    fixture.sql("SELECT * FROM t");
    runOn(*other, "CONFIG SET maxmemory 1");
    CHECK(fixture.sql("COMMIT") == "OK");
  }
}

}  // namespace trefoil
