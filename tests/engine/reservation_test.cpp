// A statement that keeps losing reserves its tables: what sessions do meanwhile, and what a transaction does that is the loser.
#include <catch2/catch.hpp>
#include <thread>

#include "engine/database_impl.hpp"
#include "tests/engine/session_fixture.hpp"
#include "txn/commit_locks.hpp"
#include "txn/transaction.hpp"

namespace trefoil {

namespace {

class Fixture : public SessionFixture {
 public:
  Fixture() {
    for (const std::string name : {"t", "other"}) {
      sql("CREATE TABLE " + name + " (id BIGINT PRIMARY KEY)");
    }
    EffectBuffer effects;
    sql::View view(manager().sql(), effects);
    table_ = view.findTable("t")->id;
  }
  [[nodiscard]] txn::Manager& manager() const { return database->impl().manager(); }
  [[nodiscard]] sql::TableId table() const { return table_; }
  // Of the table t.
  void reserve(txn::ReservedTables& reserved) const { reserved.take({{.table = table_, .written = true}}); }

 private:
  sql::TableId table_{};
};

bool isAnsweredOnLoop(Session& session, std::string_view sql) {
  const std::string_view words[] = {"SQL", sql};
  const Statement statement{.args = words, .sql = {}, .parameters = {}};
  ReplyTree reply;
  return session.executeBatch({&statement, 1}, reply).answered == 1;
}

}  // namespace

TEST_CASE("a reserved table is read as ever, and a loop waits for nobody to change it", "[engine][reservation]") {
  const Fixture fixture;
  fixture.sql("INSERT INTO t VALUES (1)");
  txn::ReservedTables reserved(fixture.manager());
  fixture.reserve(reserved);
  Session& session = *fixture.session;
  for (const std::string_view change :
       {"INSERT INTO t VALUES (2)", "UPDATE t SET id = 3 WHERE id = 1", "DELETE FROM t WHERE id = 1"}) {
    CAPTURE(change);
    CHECK_FALSE(isAnsweredOnLoop(session, change));
    CHECK(fixture.sql("SELECT id FROM t") == "[[(integer) 1]]");
  }
  CHECK(isAnsweredOnLoop(session, "SELECT id FROM t WHERE id = 1"));
  CHECK(isAnsweredOnLoop(session, "INSERT INTO other VALUES (1)"));
  reserved.giveBack();
  CHECK(isAnsweredOnLoop(session, "INSERT INTO t VALUES (2)"));
  CHECK(isAnsweredOnLoop(session, "DELETE FROM t WHERE id = 1"));
  CHECK(fixture.sql("SELECT id FROM t") == "[[(integer) 2]]");
}

TEST_CASE("what waits for a reserved table is done when its turn comes: statements, and transactions with savepoints",
          "[engine][reservation]") {
  const Fixture fixture;
  std::vector<std::thread> threads;
  std::vector<std::string> answers(3);
  {
    txn::ReservedTables reserved(fixture.manager());
    fixture.reserve(reserved);
    threads.emplace_back([&] { answers[0] = runSqlOn(*fixture.connect(), "INSERT INTO t VALUES (10)"); });
    threads.emplace_back(
        [&] { answers[1] = runSqlOn(*fixture.connect(), "INSERT INTO t SELECT i FROM generate_series(20, 29) g(i)"); });
    threads.emplace_back([&] {
      const std::unique_ptr<Session> session = fixture.connect();
      for (const std::string_view sql :
           {"BEGIN", "INSERT INTO t VALUES (1)", "SAVEPOINT a", "INSERT INTO t VALUES (2)", "INSERT INTO other VALUES (2)",
            "ROLLBACK TO a", "INSERT INTO t VALUES (3)", "SAVEPOINT b", "DELETE FROM t WHERE id = 1", "ROLLBACK TO a",
            "INSERT INTO t VALUES (4)", "RELEASE a"}) {
        runSqlOn(*session, sql);
      }
      answers[2] = runSqlOn(*session, "COMMIT");
    });
    // Nobody who reads, or changes what is not reserved, waits with them; nor does who gives up.
    CHECK(fixture.sql("INSERT INTO other VALUES (1)") == "(integer) 1");
    CHECK(fixture.sql("BEGIN") == "OK");
    CHECK(fixture.sql("SELECT count(*) FROM t WHERE id = 5") == "[[(integer) 0]]");
    CHECK(fixture.sql("INSERT INTO t VALUES (5)") == "(integer) 1");
    CHECK(fixture.sql("ROLLBACK") == "OK");
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(answers == std::vector<std::string>{"(integer) 1", "(integer) 10", "OK"});
  CHECK(fixture.sql("SELECT id FROM t WHERE id < 10 ORDER BY id") == "[[(integer) 1], [(integer) 4]]");
  CHECK(fixture.sql("SELECT count(*) FROM t") == "[[(integer) 13]]");
  CHECK(fixture.sql("SELECT id FROM other") == "[[(integer) 1]]");
}

TEST_CASE("a transaction that others overtake each time reserves its tables, with savepoints or without",
          "[engine][reservation]") {
  const Fixture fixture;
  txn::Manager& manager = fixture.manager();
  const bool with_savepoints = GENERATE(false, true);
  int attempts = 0;
  int overtaken = 0;
  const auto insert = [&](sql::View& view, std::int64_t id) -> Status {
    const Result<sql::RowId> inserted = view.insert(fixture.table(), std::vector<Datum>{Datum::integer(id)});
    return inserted.ok() ? Status() : Status(inserted.error());
  };
  const Result<Lsn> done = txn::runTransaction(manager, UnixMs{1}, [&](txn::Transaction& transaction) -> Status {
    ++attempts;
    sql::View& view = transaction.sql();
    const auto rows = static_cast<std::int64_t>(view.scan(fixture.table()).rowCount());
    if (with_savepoints) {
      transaction.savepoint("a");
      TREFOIL_TRY(insert(view, 500));
      TREFOIL_TRY(transaction.rollbackToSavepoint("a"));
    }
    TREFOIL_TRY(insert(view, 1000 + rows));
    if (!manager.sql().hasReservations()) {
      ++overtaken;
      CHECK(fixture.sql("INSERT INTO t VALUES (" + std::to_string(overtaken) + ")") == "(integer) 1");
    }
    return {};
  });
  REQUIRE(done.ok());
  CHECK(overtaken > 1);
  CHECK(attempts == overtaken + 1);  // the first that others let go first
  CHECK_FALSE(manager.sql().hasReservations());
  CHECK(fixture.sql("SELECT count(*), max(id) FROM t") ==
        "[[(integer) " + std::to_string(overtaken + 1) + ", (integer) " + std::to_string(1000 + overtaken) + "]]");
}

}  // namespace trefoil
