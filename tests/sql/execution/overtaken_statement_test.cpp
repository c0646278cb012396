// UPDATE and DELETE that others overtake, over a table whose blocks are packed when half of their rows are gone, chunk by chunk
// of any size. Where both sides have changed a block whose rows have moved there is no moving on: the statement runs again.
#include <catch2/catch.hpp>
#include <random>

#include "sql/execution/executor.hpp"
#include "tests/sql/sql_fixture.hpp"

namespace trefoil::sql::test {
namespace {

constexpr View::MoveLimits kNoLimits{.blocks = 1000, .rows = 100000};

class Subject {
 public:
  explicit Subject(std::size_t chunk_rows) : sql_(chunk_rows), chunk_rows_(chunk_rows) {
    run("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT, note TEXT)");
    run("CREATE INDEX ON t (n)");
    run("INSERT INTO t SELECT i, i % 10, 'the note of row ' || i FROM generate_series(1, " + std::to_string(3 * kBlockRows - 1) +
        ") g(i)");  // an id is the row's
    EffectBuffer effects;
    View view(database().store, effects);
    table_ = view.findTable("t")->id;
  }
  Database& database() { return sql_.database; }
  void run(std::string_view text) {
    INFO(text);
    REQUIRE(sql_.query(text).status.ok());
  }
  RowMap rows() { return database().rows(table_); }
  bool isPacked(std::uint32_t number) {
    EffectBuffer effects;
    View view(database().store, effects);
    const Block* const block = view.rows(table_).version()->findBlock(number);
    return block != nullptr && block->packed != 0;
  }

  // Runs it at a snapshot, lets others work, moves on and commits. False: there is no moving on, and nothing was done.
  template <typename Others>
  bool overtaken(std::string_view text, Others&& others) {
    Transaction transaction(database());
    auto parsed = parser::parseSql(text);
    REQUIRE(parsed.ok());
    auto plan = bind(*parsed.value(), BindContext{.view = transaction.view});
    REQUIRE(plan.ok());
    REQUIRE((*plan)->isRowLocal());
    const auto execute = [&](const std::vector<RowId>* only) {
      ExecContext context{.view = transaction.view, .parameters = {}};
      context.chunk_rows = chunk_rows_;
      context.only_rows = only;
      const auto summary = sql::execute(**plan, context);
      REQUIRE(summary.ok());
    };
    transaction.view.followRows(table_);
    execute(nullptr);
    others();
    const auto moved = transaction.view.moveOnToLive(kNoLimits);
    if (!moved.ok()) {
      REQUIRE(moved.error().code == ErrorCode::kConflict);
      return false;
    }
    REQUIRE(moved->has_value());
    execute(&(*moved)->rows);
    REQUIRE(transaction.commit().ok());
    return true;
  }
  void check() {
    database().store.verify();
    REQUIRE(database().versions.limboSize() == 0);
    Database replica;
    for (const std::string& record : database().log) {
      std::string settled;
      const auto effects = settleRevisions(record, true, settled);
      REQUIRE(effects.ok());
      REQUIRE(replica.replay(*effects).ok());
    }
    REQUIRE(replica.rows(table_) == rows());
  }

 private:
  SqlDatabase sql_;
  std::size_t chunk_rows_;
  TableId table_{};
};

// Rows of the second block, by id.
std::string ids(std::uint32_t from, std::uint32_t to) {
  return "id BETWEEN " + std::to_string(kBlockRows + from) + " AND " + std::to_string(kBlockRows + to - 1);
}

struct Case {
  const char* statement;  // of the second block or of the others
  bool of_second;
};
constexpr Case kCases[] = {
    {"UPDATE t SET n = n + 1, note = note || ', again' WHERE id % 7 = 0", true},
    {"DELETE FROM t WHERE n = 3", true},
    {"UPDATE t SET n = 5 WHERE (id < 2048 OR id >= 4096) AND id % 2 = 0", false},
    {"DELETE FROM t WHERE (id < 2048 OR id >= 4096) AND n > 4", false},
};
// What others do to the second block, and whether it is enough to pack it.
struct Work {
  std::string text;
  bool packs;
  bool frees = false;
};

}  // namespace

TEST_CASE("a statement moves on past blocks that others have packed, and runs again where it has changed them, too",
          "[store][overtaken]") {
  const std::size_t chunk_rows = GENERATE(as<std::size_t>{}, 2048, 2, 1);
  const bool was_packed = GENERATE(false, true);
  const Case statement = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  const Work work = GENERATE(values<Work>({
      {"DELETE FROM t WHERE " + ids(0, kBlockRows) + " AND id % 8 <> 0", true},
      {"UPDATE t SET note = 'others, who write a long note' WHERE " + ids(0, kBlockRows) + " AND id % 5 = 0", false},
      {"DELETE FROM t WHERE " + ids(0, kBlockRows), false, true},
  }));
  CAPTURE(chunk_rows, was_packed, statement.statement, work.text);
  Subject subject(chunk_rows);
  Subject expected(chunk_rows);  // where others have worked first
  for (Subject* each : {&subject, &expected}) {
    if (was_packed) {
      each->run("DELETE FROM t WHERE " + ids(0, kBlockRows) + " AND id % 3 <> 0");
    }
    REQUIRE(each->isPacked(1) == was_packed);
  }
  const bool moved = subject.overtaken(statement.statement, [&] { subject.run(work.text); });
  expected.run(work.text);
  const bool rows_have_moved = was_packed || work.packs || work.frees;
  CHECK(moved == !(statement.of_second && rows_have_moved));
  CHECK(expected.isPacked(1) == (!work.frees && (was_packed || work.packs)));
  if (!moved) {
    REQUIRE(subject.rows() == expected.rows());  // it has left nothing
    REQUIRE(subject.overtaken(statement.statement, [] {}));
  }
  expected.run(statement.statement);
  REQUIRE(subject.rows() == expected.rows());
  subject.check();
}

}  // namespace trefoil::sql::test
