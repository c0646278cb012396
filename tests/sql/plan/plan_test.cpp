// What a plan says of itself, parameters, literals as parameters, and how execution ends early.
#include <tbb/task_arena.h>

#include "sql/bind/binder.hpp"
#include "tests/sql/sql_fixture.hpp"

namespace trefoil::sql::test {
namespace {

struct Bound {
  Status status;
  std::shared_ptr<const Plan> plan;
};

Bound bindText(SqlDatabase& database, std::string_view sql, bool literals_as_parameters = false) {
  auto parsed = parser::parseSql(sql);
  REQUIRE(parsed.ok());
  EffectBuffer effects;
  View view(database.database.store, effects);
  auto plan = bind(*parsed.value(), BindContext{.view = view, .literals_as_parameters = literals_as_parameters});
  if (!plan.ok()) {
    return {std::move(plan).error(), nullptr};
  }
  return {Status(), plan.value()};
}

SqlDatabase::Outcome executePlan(SqlDatabase& database, const Plan& plan, std::span<const Datum> parameters,
                                 const std::function<void(ExecContext&)>& prepare = {}) {
  SqlDatabase::Outcome outcome;
  EffectBuffer effects;
  View view(database.database.store, effects);
  ExecContext context{.view = view, .parameters = parameters, .sink = &outcome.result};
  if (prepare) {
    prepare(context);
  }
  auto summary = sql::execute(plan, context);
  if (!summary.ok()) {
    outcome.status = std::move(summary).error();
  } else {
    outcome.summary = summary.value();
  }
  return outcome;
}

void fill(SqlDatabase& database) {
  REQUIRE(database
              .execute("CREATE TABLE t (id int PRIMARY KEY, g int, name text, d date); "
                       "INSERT INTO t SELECT x, x % 7, 'n' || x, DATE '2024-01-01' + x::int FROM generate_series(1, 100) x")
              .ok);
}

}  // namespace

TEST_CASE("plans know what they are") {
  SqlDatabase database;
  fill(database);
  struct Expectation {
    const char* sql;
    PlanKind kind;
    bool point_read;
    bool point_write;
    bool plain_insert;
  };
  const Expectation expectations[] = {
      {"SELECT name, g + 1 FROM t WHERE id = $1", PlanKind::kQuery, true, false, false},
      {"SELECT name FROM t WHERE 5 = id AND g > 2", PlanKind::kQuery, true, false, false},
      {"SELECT name FROM t WHERE id > 5", PlanKind::kQuery, false, false, false},
      {"SELECT name FROM t WHERE id = (SELECT 1)", PlanKind::kQuery, false, false, false},
      {"SELECT count(*) FROM t WHERE id = 5", PlanKind::kQuery, false, false, false},
      {"UPDATE t SET g = g + 1 WHERE id = $1", PlanKind::kDml, false, true, false},
      {"UPDATE t SET g = g + 1", PlanKind::kDml, false, false, false},
      {"DELETE FROM t WHERE id = 3", PlanKind::kDml, false, true, false},
      {"INSERT INTO t VALUES ($1, $2, $3, NULL)", PlanKind::kDml, false, true, true},
      {"INSERT INTO t VALUES (1, 2, 'x', NULL), (3, 4, 'y', NULL)", PlanKind::kDml, false, false, true},
      {"INSERT INTO t SELECT * FROM t", PlanKind::kDml, false, false, false},
      {"CREATE TABLE u (a int)", PlanKind::kDdl, false, false, false},
      {"EXPLAIN DELETE FROM t", PlanKind::kQuery, false, false, false},
  };
  for (const Expectation& expected : expectations) {
    INFO(expected.sql);
    const Bound bound = bindText(database, expected.sql);
    REQUIRE(bound.plan != nullptr);
    CHECK(bound.plan->kind() == expected.kind);
    CHECK(bound.plan->isPointRead() == expected.point_read);
    CHECK(bound.plan->isPointWrite() == expected.point_write);
    CHECK(bound.plan->isPlainInsert() == expected.plain_insert);
  }
}

TEST_CASE("parameters take their types from the context and are converted") {
  SqlDatabase database;
  fill(database);
  const Datum as_text[] = {Datum::text("7")};
  const Datum as_integer[] = {Datum::integer(7)};
  for (const auto& parameters : {as_text, as_integer}) {
    auto outcome = database.query("SELECT name FROM t WHERE id = $1", {parameters, 1});
    REQUIRE(outcome.status.ok());
    REQUIRE(outcome.result.rows.size() == 1);
    CHECK(outcome.result.rows[0][0].view().asBytes() == "n7");
  }
  const Datum bad[] = {Datum::text("x")};
  CHECK(database.query("SELECT 1 FROM t WHERE id = $1", bad).status.error().message ==
        "invalid input syntax for type integer: \"x\"");
  const Datum date[] = {Datum::text("2024-01-03")};
  CHECK(database.query("SELECT id FROM t WHERE d = $1", date).result.rows.at(0).at(0).view().asInteger() == 2);
  const Datum null[] = {Datum::null()};
  CHECK(database.query("SELECT id FROM t WHERE id = $1", null).result.rows.empty());
  CHECK(database.query("SELECT id FROM t WHERE id = $1").status.error().message.find("1 parameters, but 0") != std::string::npos);
  const Datum broken[] = {Datum::text("\xff")};
  CHECK(database.query("SELECT $1", broken).status.error().message == "invalid byte sequence for encoding \"UTF8\": 0xff");
  const Datum big[] = {Datum::integer(5'000'000'000)};
  CHECK(database.query("INSERT INTO t (id) VALUES ($1)", big).status.error().message == "integer out of range");
}

TEST_CASE("literals become parameters unless their value is part of the plan") {
  SqlDatabase database;
  fill(database);
  Bound bound = bindText(database, "SELECT name FROM t WHERE id = 3 AND name <> 'x' LIMIT 5", true);
  REQUIRE(bound.plan != nullptr);
  CHECK(bound.plan->literalIsParameter(0));
  CHECK(bound.plan->literalIsParameter(1));
  CHECK(bound.plan->literalIsParameter(2));
  const Datum values[] = {Datum::integer(9), Datum::text("y"), Datum::integer(1)};
  auto outcome = executePlan(database, *bound.plan, values);
  REQUIRE(outcome.status.ok());
  REQUIRE(outcome.result.rows.size() == 1);
  CHECK(outcome.result.rows[0][0].view().asBytes() == "n9");

  // A larger number is of another type, and so is what comes of it.
  const Datum large[] = {Datum::integer(5'000'000'000), Datum::text("y"), Datum::integer(1)};
  CHECK(bound.plan->takesLiterals(values));
  CHECK(!bound.plan->takesLiterals(large));

  bound = bindText(database, "SELECT g + 1, count(*) FROM t WHERE id < 50 GROUP BY g + 1 ORDER BY 2", true);
  REQUIRE(bound.plan != nullptr);
  CHECK(!bound.plan->literalIsParameter(0));  // g + 1
  CHECK(bound.plan->literalIsParameter(1));   // 50
  CHECK(!bound.plan->literalIsParameter(2));
  CHECK(!bound.plan->literalIsParameter(3));  // the ordinal
}

TEST_CASE("a plan runs again and again, from its idle state") {
  SqlDatabase database;
  fill(database);
  const Bound bound = bindText(database, "SELECT id, name || '!' FROM t WHERE id = $1");
  REQUIRE(bound.plan != nullptr);
  for (std::int64_t id = 0; id <= 101; ++id) {
    const Datum parameters[] = {Datum::integer(id)};
    auto outcome = executePlan(database, *bound.plan, parameters);
    REQUIRE(outcome.status.ok());
    REQUIRE(outcome.result.rows.size() == (id >= 1 && id <= 100 ? 1 : 0));
    if (!outcome.result.rows.empty()) {
      REQUIRE(outcome.result.rows[0][1].view().asBytes() == "n" + std::to_string(id) + "!");
    }
  }
}

TEST_CASE("cancellation and deadlines end a statement") {
  SqlDatabase database;
  fill(database);
  const Bound bound = bindText(database, "SELECT count(*) FROM generate_series(1, 1000000000) a, generate_series(1, 1000000) b");
  REQUIRE(bound.plan != nullptr);
  StatementControl control;
  const auto controlled = [&](ExecContext& context) { context.control = &control; };
  control.stop(StatementControl::Stop::kUserRequest);
  CHECK(executePlan(database, *bound.plan, {}, controlled).status.error().code == ErrorCode::kCancelled);
  control.begin(false);
  control.setTimeout(1);
  CHECK(executePlan(database, *bound.plan, {}, controlled).status.error().code == ErrorCode::kTimeout);
}

TEST_CASE("parallel aggregation answers what one thread does") {
  SqlDatabase database;
  REQUIRE(database
              .execute("CREATE TABLE big (id bigint PRIMARY KEY, g int, v double precision, s text); INSERT INTO big SELECT x, "
                       "x % 97, x * 0.5, 's' || x % 13 FROM generate_series(1, 250000) x")
              .ok);
  for (const char* sql :
       {"SELECT g, count(*), sum(id), min(v), max(s) FROM big WHERE id % 3 = 0 GROUP BY g ORDER BY g",
        "SELECT s, count(*), avg(g) FROM big GROUP BY s ORDER BY s", "SELECT count(*), sum(g) FROM big WHERE v > 100"}) {
    INFO(sql);
    const Bound bound = bindText(database, sql);
    REQUIRE(bound.plan != nullptr);
    auto serial = executePlan(database, *bound.plan, {});
    SqlDatabase::Outcome parallel;
    tbb::task_arena arena(4);
    arena.execute(
        [&] { parallel = executePlan(database, *bound.plan, {}, [](ExecContext& context) { context.parallel = true; }); });
    REQUIRE(serial.status.ok());
    REQUIRE(parallel.status.ok());
    REQUIRE(serial.result.rows.size() == parallel.result.rows.size());
    for (std::size_t row = 0; row < serial.result.rows.size(); ++row) {
      for (std::size_t column = 0; column < serial.result.rows[row].size(); ++column) {
        REQUIRE(identical(serial.result.rows[row][column].view(), parallel.result.rows[row][column].view()));
      }
    }
  }
}

TEST_CASE("hostile statements are refused, not run out of memory") {
  SqlDatabase database;
  fill(database);
  std::string nested = "id";
  for (int i = 0; i < 60; ++i) {
    nested.insert(0, "(").append(" BETWEEN 1 AND 2)::int");
  }
  CHECK(database.query("SELECT " + nested + " FROM t").status.ok());  // each operand is there once
  const auto chain = [](int length, std::string_view as) {
    std::string with = "WITH c0 AS (SELECT 1 AS x)";
    for (int i = 1; i < length; ++i) {
      const std::string previous = "c" + std::to_string(i - 1);
      with.append(", c").append(std::to_string(i)).append(as).append("(SELECT a.x FROM ");
      with.append(previous).append(" a, ").append(previous).append(" b)");
    }
    return with + " SELECT * FROM c" + std::to_string(length - 1);
  };
  const auto answer = database.query(chain(40, " AS "));
  REQUIRE(answer.status.ok());
  CHECK(answer.result.rows.size() == 1);
  CHECK(bindText(database, chain(40, " AS NOT MATERIALIZED ")).status.error().code == ErrorCode::kLimit);
  CHECK(bindText(database, chain(1000, " AS ")).status.error().code == ErrorCode::kLimit);  // each runs the one before it
}

TEST_CASE("errors say where") {
  SqlDatabase database;
  fill(database);
  const std::pair<const char*, std::size_t> positions[] = {
      {"SELECT nope FROM t", 7},
      {"SELECT id FROM nope", 15},
      {"SELECT id + name FROM t", 10},
      {"SELECT foo(id) FROM t", 7},
      {"SELECT g, id FROM t GROUP BY g", 10},
      {"SELECT id FROM t WHERE name", 23},
      {"INSERT INTO t (zz) VALUES (1)", 15},
      {"SELECT 'x'::int", 7},
  };
  for (const auto& [sql, position] : positions) {
    INFO(sql);
    const Bound bound = bindText(database, sql);
    REQUIRE(!bound.status.ok());
    INFO(bound.status.error().message);
    CHECK(bound.status.error().position == position);
  }
}

TEST_CASE("what UPDATE stores is what CHECK and RETURNING see") {
  SqlDatabase database;
  REQUIRE(database.execute("CREATE TABLE chances (id int PRIMARY KEY, x double precision CHECK (x >= 0))").ok);
  REQUIRE(database.execute("INSERT INTO chances SELECT g, 0 FROM generate_series(1, 100) g").ok);
  const auto returned = database.query("UPDATE chances SET x = random() RETURNING x");
  REQUIRE(returned.status.ok());
  const auto stored = database.query("SELECT x FROM chances");
  REQUIRE(returned.result.rows.size() == stored.result.rows.size());
  for (std::size_t row = 0; row < stored.result.rows.size(); ++row) {
    CHECK(identical(returned.result.rows[row][0].view(), stored.result.rows[row][0].view()));
  }
}

TEST_CASE("a join without keys is given up within a chunk of its input") {
  SqlDatabase database;
  database.time_limit_ms = 50;
  const auto started = std::chrono::steady_clock::now();
  const auto outcome =
      database.query("SELECT count(*) FROM generate_series(1, 2000) a JOIN generate_series(1, 1000000) b ON a.a + b.b < 0");
  CHECK(outcome.status.error().code == ErrorCode::kTimeout);
  // The products of one chunk of `a` alone are two thousand millions.
  CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(3));
}

TEST_CASE("long lists are bound in time, or refused") {
  SqlDatabase database;
  fill(database);
  const auto repeated = [](std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) {
      all += text;
    }
    return all;
  };
  const auto started = std::chrono::steady_clock::now();
  CHECK(bindText(database, "SELECT id FROM t WHERE " + repeated("g > 0 AND ", 30'000) + "TRUE").status.ok());
  CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(3));
  // One operator on the other: the depth of the stack that runs them.
  CHECK(database.query("SELECT 0 AS n" + repeated(" UNION SELECT count(*) FROM t", 90)).status.ok());
  CHECK(bindText(database, "SELECT 0 AS n" + repeated(" UNION SELECT count(*) FROM t", 500)).status.error().code ==
        ErrorCode::kLimit);
  std::string keys;
  for (std::size_t i = 0; i <= kMaxListItems; ++i) {
    keys += (i == 0 ? "" : ", ") + ("g + " + std::to_string(i));
  }
  CHECK(bindText(database, "SELECT " + keys + " FROM t").status.error().code == ErrorCode::kLimit);
  CHECK(bindText(database, "SELECT id FROM t ORDER BY " + keys).status.error().code == ErrorCode::kLimit);
  CHECK(bindText(database, "SELECT count(*) FROM t GROUP BY " + keys).status.error().code == ErrorCode::kLimit);
}

}  // namespace trefoil::sql::test
