// Dispatch: names, arity, the commands about connection and server, SQL as bare words.
#include <catch2/catch.hpp>

#include <atomic>
#include <cmath>
#include <map>

#include "engine/command_meta.hpp"
#include "engine/command_notes.hpp"
#include "engine/error_text.hpp"
#include "parser/utf8.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/forwarding_env.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

TEST_CASE("Every command is found by its name in any case") {
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    std::string lower(kCommands[i].name);
    for (char& c : lower) {
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    CHECK(findByFullName(kCommands[i].name) == static_cast<int>(i));
    CHECK(findByFullName(lower) == static_cast<int>(i));
    CHECK(findCommand(lower) == (isSubcommand(kCommands[i]) ? -1 : static_cast<int>(i)));
  }
  CHECK(findCommand("") == -1);
  CHECK(findCommand("GETT") == -1);
  CHECK(findCommand(std::string(1000, 'x')) == -1);
  for (const std::string_view nobody : {"client|", "client|nosuch", "get|", "|get", "get|id", "|", "client|id|"}) {
    CAPTURE(nobody);
    CHECK(findByFullName(nobody) == -1);
  }
}

TEST_CASE("What the command table says of a command agrees with itself") {
  for (const CommandMeta& meta : kCommands) {
    CAPTURE(meta.name);
    const auto reads_only = [](const KeySpec& spec) { return (spec.flags & kKeyReadOnly) != 0; };
    const bool all_read = std::all_of(meta.keys.begin(), meta.keys.end(), reads_only);
    const bool whole = (meta.flags & (kWholeDatabase | kAllDatabases)) != 0;
    if ((meta.flags & kRead) != 0) {
      CHECK(all_read);
    }
    if ((meta.flags & kWrite) != 0) {
      CHECK(all_read == whole);
    }
    if ((meta.flags & (kRead | kWrite)) != 0) {
      CHECK(meta.keys.empty() == whole);
    } else {
      CHECK((meta.flags & kSession) != 0);
    }
    CHECK(meta.summary.ends_with('.'));
    if ((meta.flags & kContainer) != 0) {
      CHECK(findSubcommand(findCommand(meta.name), "help") >= 0);
      CHECK(meta.syntax.empty());
    }
    CHECK(notesOf(meta).name == meta.name);
    for (const CommandChange& change : changesIn(notesOf(meta).history)) {
      CHECK(std::count(change.version.begin(), change.version.end(), '.') == 2);
      CHECK(change.text.ends_with('.'));
    }
    const std::uint32_t speed = meta.categories & (aclCategory("fast") | aclCategory("slow"));
    CHECK(speed == aclCategory((meta.flags & kFast) != 0 ? "FAST" : "SLOW"));
  }
}

TEST_CASE("Wrong commands get Redis's words") {
  SessionFixture fixture;
  CHECK(fixture.run("nosuch a b") == "(error) ERR unknown command 'nosuch', with args beginning with: 'a' 'b' ");
  CHECK(fixture.run("get") == "(error) ERR wrong number of arguments for 'get' command");
  CHECK(fixture.run("GET a b") == "(error) ERR wrong number of arguments for 'get' command");
  CHECK(fixture.run("SELECT 16") == "(error) ERR DB index is out of range");
  CHECK(fixture.run("CONFIG SET nosuch 1").starts_with("(error) ERR Unknown option"));
  CHECK(fixture.run("HELLO 4") == "(error) NOPROTO unsupported protocol version");
}

TEST_CASE("SELECT with a plain word or two is Redis's, with anything else SQL's") {
  SessionFixture fixture;
  CHECK(fixture.run("SELECT 1") == "OK");
  for (const std::string_view wrong : {"SELECT abc", "SELECT +1", "SELECT ''", "SELECT 01", "select null"}) {
    CAPTURE(wrong);
    CHECK(fixture.run(wrong) == "(error) ERR value is not an integer or out of range");
  }
  for (const std::string_view wrong : {"SELECT", "SELECT 0 x", "SELECT a b"}) {
    CAPTURE(wrong);
    CHECK(fixture.run(wrong) == "(error) ERR wrong number of arguments for 'select' command");
  }
  CHECK(fixture.run("SELECT -1") == "(error) ERR DB index is out of range");
  CHECK(fixture.run("\"SELECT null\"") == "[[(nil)]]");
  CHECK(fixture.run("SELECT 1 AS x") == "[[(integer) 1]]");
  CHECK(fixture.run("SELECT now()").starts_with("[[\""));
  CHECK(fixture.run("SELECT 1 + 1") == "[[(integer) 2]]");
  CHECK(fixture.run("SELECT 1;") == "[[(integer) 1]]");
  CHECK(fixture.run("\"SELECT 2 + 3 AS five\"") == "[[(integer) 5]]");
  CHECK(fixture.run("VALUES (1), (2)") == "[[(integer) 1], [(integer) 2]]");
}

TEST_CASE("Words that quotes held together are texts where a value must stand, and refused where they may be anything") {
  SessionFixture fixture;
  fixture.sql("CREATE TABLE t (name TEXT, age INTEGER)");
  const std::string refused =
      "may be a text, an identifier or SQL: the client took its quotes; HINT: Send the statement as one argument";
  CHECK(fixture.run("INSERT INTO t VALUES ( 'Ann Smith' , 7 )") == "(integer) 1");
  CHECK(fixture.run("INSERT INTO t VALUES ( 8 , 'it is' ) , ( '' , 9 )").starts_with("(error) ERR"));
  CHECK(fixture.run("INSERT INTO t VALUES ( '' , 9 ) , ( \"'Bo Li'\" , 8 )") == "(integer) 2");
  CHECK(fixture.run("SELECT age FROM t WHERE name = 'Ann Smith'") == "[[(integer) 7]]");
  CHECK(fixture.run("SELECT age FROM t WHERE name LIKE 'Ann S%'") == "[[(integer) 7]]");
  CHECK(fixture.run("SELECT age FROM t WHERE name IN ( 'Ann Smith' , 'x y' )") == "[[(integer) 7]]");
  CHECK(fixture.run("SELECT age FROM t WHERE name BETWEEN 'Ann R' AND 'Ann T'") == "[[(integer) 7]]");
  CHECK(fixture.run("SELECT upper( 'ann smith' )") == "[[\"ANN SMITH\"]]");
  for (const std::string_view line :
       {"SELECT 'name, age' FROM t", "SELECT age, 'name, age' FROM t", "SELECT DISTINCT 'name, age' FROM t",
        "SELECT * FROM 'my table'", "SELECT * FROM t WHERE 'age > 3'", "SELECT * FROM t ORDER BY 'name, age'",
        "SELECT name FROM t AS 'a b'", "SELECT * FROM (SELECT 'name, age' FROM t) u",
        "SELECT * FROM ( SELECT age, 'name, age' FROM t ) u", "SELECT age FROM t ''", "INSERT INTO t 'VALUES (1, 2)'"}) {
    CAPTURE(line);
    CHECK(fixture.run(line).find(refused) != std::string::npos);
  }
  fixture.run("MULTI");
  CHECK(fixture.run("SELECT 'name, age' FROM t").find(refused) != std::string::npos);
  CHECK(fixture.run("EXEC") == "(error) EXECABORT Transaction discarded because of previous errors.");
}

TEST_CASE("What is random in a set is as random as it can be") {
  SessionFixture fixture;
  const bool is_large = GENERATE(false, true);
  const int members = is_large ? 400 : 20;
  std::string add = "SADD s";
  for (int i = 0; i < members; ++i) {
    add += " m" + std::to_string(i);
  }
  fixture.run(add);
  const auto [draw, width] = GENERATE(values<std::pair<std::string_view, int>>(
      {{"SRANDMEMBER s", 1}, {"SRANDMEMBER s 5", 5}, {"SRANDMEMBER s -5", 5}, {"SPOP s 5", 5}}));
  CAPTURE(draw, members);
  std::map<std::string, int> drawn;
  const int draws = members * 60;
  for (int i = 0; i < draws / width; ++i) {
    if (draw.starts_with("SPOP")) {
      fixture.run(add);
    }
    const std::string answer = fixture.run(draw);
    for (std::size_t at = answer.find('"'); at != std::string::npos; at = answer.find('"', at)) {
      const std::size_t end = answer.find('"', at + 1);
      ++drawn[answer.substr(at + 1, end - at - 1)];
      at = end + 1;
    }
  }
  // Pearson's statistic: its mean is members - 1, its deviation sqrt(2 (members - 1)).
  double sum = 0;
  int all = 0;
  for (const auto& [member, count] : drawn) {
    sum += (count - 60.0) * (count - 60.0) / 60.0;
    all += count;
  }
  CHECK(all == draws);
  CHECK(static_cast<int>(drawn.size()) == members);
  CHECK(sum < members - 1 + 8 * std::sqrt(2.0 * (members - 1)));
}

TEST_CASE("SHUTDOWN says no to what it does not know") {
  SessionFixture fixture;
  for (const std::string_view wrong : {"SHUTDOWN x", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN NOW later", "SHUTDOWN ABORT NOW"}) {
    CAPTURE(wrong);
    CHECK(fixture.run(wrong) == "(error) ERR syntax error");
  }
  CHECK(fixture.run("SHUTDOWN ABORT") == "(error) ERR No shutdown in progress.");
  fixture.run("MULTI");
  CHECK(fixture.run("SHUTDOWN NOSAVE") == "(error) ERR Command not allowed inside a transaction");
  CHECK(fixture.run("EXEC") == "(error) EXECABORT Transaction discarded because of previous errors.");
  CHECK_FALSE(fixture.session->wantsClose());
  CHECK(fixture.run("shutdown nosave now force") == "OK");
  CHECK(fixture.session->wantsClose());
}

TEST_CASE("The command SQL takes parameters as texts") {
  SessionFixture fixture;
  CHECK(fixture.run("SQL \"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, at TIMESTAMP)\"") == "OK");
  CHECK(fixture.run("SQL \"INSERT INTO t VALUES ($1, $2, $3)\" 1 ann \"2026-01-02 03:04:05\"") == "(integer) 1");
  CHECK(fixture.run("SQL \"SELECT name, at FROM t WHERE id = $1\" 1") == "[[\"ann\", \"2026-01-02 03:04:05\"]]");
  CHECK(fixture.run("SQL \"SELECT name FROM t WHERE id = $1\" x")
            .starts_with("(error) ERR invalid input syntax for type integer: \"x\""));
  CHECK(fixture.run("SQL \"SELECT name FROM t WHERE id = $1\"") ==
        "(error) ERR the statement has 1 parameters, but 0 values were given");
}

TEST_CASE("Literals that are part of the meaning do not share a plan") {
  SessionFixture fixture;
  fixture.sql("CREATE TABLE t (a INTEGER, b INTEGER)");
  fixture.sql("INSERT INTO t VALUES (1, 9), (2, 8)");
  CHECK(fixture.sql("SELECT a, b FROM t ORDER BY 1") == "[[(integer) 1, (integer) 9], [(integer) 2, (integer) 8]]");
  CHECK(fixture.sql("SELECT a, b FROM t ORDER BY 2") == "[[(integer) 2, (integer) 8], [(integer) 1, (integer) 9]]");
  CHECK(fixture.sql("SELECT a + 1 FROM t WHERE b = 9") == "[[(integer) 2]]");
  CHECK(fixture.sql("SELECT a + 5 FROM t WHERE b = 8") == "[[(integer) 7]]");
  CHECK(fixture.sql("SELECT 'x' || a FROM t WHERE b = 9 LIMIT 1") == "[[\"x1\"]]");
  CHECK(fixture.sql("SELECT 'yy' || a FROM t WHERE b > 7 LIMIT 2") == "[[\"yy1\"], [\"yy2\"]]");
}

TEST_CASE("A literal beyond 32 bits does not meet the plan of a small one") {
  SessionFixture fixture;
  fixture.sql("CREATE TABLE t (a BIGINT)");
  CHECK(fixture.sql("INSERT INTO t VALUES (5)") == "(integer) 1");
  CHECK(fixture.sql("INSERT INTO t VALUES (5000000000)") == "(integer) 1");
  CHECK(fixture.sql("SELECT a FROM t WHERE a = 5") == "[[(integer) 5]]");
  CHECK(fixture.sql("SELECT a FROM t WHERE a = 5000000000") == "[[(integer) 5000000000]]");
}

TEST_CASE("A plan is bound again when the catalog has changed") {
  SessionFixture fixture;
  auto other = fixture.connect();
  fixture.sql("CREATE TABLE t (a INTEGER PRIMARY KEY)");
  fixture.sql("INSERT INTO t VALUES (1)");
  CHECK(fixture.sql("SELECT * FROM t WHERE a = 1") == "[[(integer) 1]]");
  runSqlOn(*other, "DROP TABLE t");
  CHECK(fixture.sql("SELECT * FROM t WHERE a = 1").starts_with("(error) ERR relation \"t\" does not exist"));
  runSqlOn(*other, "CREATE TABLE t (b TEXT, a INTEGER PRIMARY KEY)");
  runSqlOn(*other, "INSERT INTO t VALUES ('x', 1)");
  CHECK(fixture.sql("SELECT * FROM t WHERE a = 1") == "[[\"x\", (integer) 1]]");
}

TEST_CASE("A value that only the type of yesterday refuses binds the plan again") {
  SessionFixture fixture;
  const auto insert = [&](const std::string& value) { return fixture.sql("INSERT INTO t VALUES (1, '" + value + "')"); };
  for (const bool in_transaction : {false, true}) {
    fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v VECTOR(2))");
    CHECK(insert("[1,2]") == "(integer) 1");
    auto prepared = fixture.session->prepare("UPDATE t SET v = $1");
    REQUIRE(prepared.ok());
    fixture.sql(in_transaction ? "BEGIN" : "SELECT 1");
    fixture.sql("DROP TABLE t");
    fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v VECTOR(3))");
    CHECK(insert("[1,2,3]") == "(integer) 1");
    CHECK(insert("[1,2]").find("expected 3 dimensions, not 2") != std::string::npos);
    ResultSet result;
    const Datum value[] = {Datum::text("[3,4,5]")};
    CHECK((*prepared)->execute(value, result).ok());
    CHECK(result.affected() == 1);
    fixture.sql("DROP TABLE t");
    fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    CHECK(insert("x") == "(integer) 1");
    fixture.sql("DROP TABLE t");
    fixture.sql("COMMIT");
  }
}

TEST_CASE("The embedded API answers rows and keeps its memory") {
  SessionFixture fixture;
  REQUIRE(fixture.session->execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, v VECTOR(2))").ok());
  auto insert = fixture.session->prepare("INSERT INTO t VALUES ($1, $2, $3)");
  REQUIRE(insert.ok());
  ResultSet result;
  const float vector[] = {1, 0.5F};
  for (int i = 0; i < 5000; ++i) {
    const std::string name = "a name that is longer than twelve bytes " + std::to_string(i);
    const Datum values[] = {Datum::integer(i), Datum::text(name), Datum::vector(vector)};
    REQUIRE((*insert)->execute(values, result).ok());
    REQUIRE(result.affected() == 1);
  }
  const auto rows = fixture.session->execute("SELECT id, name, v FROM t ORDER BY id");
  REQUIRE(rows.ok());
  REQUIRE(rows->rowCount() == 5000);
  std::int64_t expected = 0;
  for (const ResultSet::Row row : *rows) {
    REQUIRE(row[0].asInteger() == expected);
    REQUIRE(row[1].asBytes() == "a name that is longer than twelve bytes " + std::to_string(expected));
    REQUIRE(row[2].asVector()[1] == 0.5F);
    ++expected;
  }
  auto select = fixture.session->prepare("SELECT name FROM t WHERE id = $1");
  REQUIRE(select.ok());
  const Datum key[] = {Datum::integer(77)};
  REQUIRE((*select)->execute(key, result).ok());
  REQUIRE(result.rowCount() == 1);
  CHECK((*result.begin())[0].asBytes() == "a name that is longer than twelve bytes 77");
}

TEST_CASE("An answer waits for the log only as far as it tells something of the data") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  const std::string policy = GENERATE("everysec", "always");
  REQUIRE(fixture.run("CONFIG SET appendfsync " + policy) == "OK");
  REQUIRE(fixture.run("SET k v") == "OK");
  CHECK(fixture.session->fence() > 0);
  const std::unique_ptr<Session> other = fixture.connect();
  for (const char* const command : {"PING", "ECHO hello", "CLIENT ID", "SELECT 1", "SELECT 0"}) {
    runOn(*other, command);
    CHECK(other->fence() == 0);
  }
  CHECK(runOn(*other, "GET k") == "\"v\"");
  CHECK(other->fence() == (policy == "always" ? fixture.session->fence() : 0));
  CHECK(runOn(*other, "DEL k") == "(integer) 1");
  CHECK(other->fence() > fixture.session->fence());
  runOn(*other, "PING");
  CHECK(other->fence() == 0);
  CHECK(runOn(*other, "DEL k") == "(integer) 0");
  CHECK((other->fence() > 0) == (policy == "always"));
}

TEST_CASE("An error quotes what it is about, but not megabytes of it, and nothing that drives a terminal") {
  SessionFixture fixture;
  const std::string name(8'000'000, 'n');
  const auto is_bounded = [](const std::string& text) { return text.size() < 3 * kMaxErrorText; };
  const std::string missing = fixture.sql("SELECT " + name);
  CHECK(is_bounded(missing));
  CHECK(missing.find("column \"nnn") != std::string::npos);
  CHECK(missing.find("nnn\" does not exist") != std::string::npos);
  const std::vector<std::string> statements = {
      "SELECT * FROM " + name,         "SELECT '" + name + "'::int", "DROP TABLE " + name,     "CREATE TABLE t (a " + name + ")",
      "SELECT 1 " + name + " " + name, "SET " + name + " = 1",       "SELECT f" + name + "(1)"};
  for (const std::string& text : statements) {
    INFO(text.substr(0, 40));
    const std::string answer = fixture.sql(text);
    CHECK(answer.starts_with("(error)"));
    CHECK(is_bounded(answer));
    const auto embedded = fixture.session->execute(text);
    REQUIRE(!embedded.ok());
    CHECK(is_bounded(embedded.error().message));
    const auto prepared = fixture.session->prepare(text);
    CHECK((prepared.ok() || is_bounded(prepared.error().message)));
  }
  for (const std::string& command :
       {name + " a b", "CLIENT " + name, "CONFIG SET " + name + " 1", "OBJECT " + name, "SET k v " + name,
        "CONFIG SET maxmemory " + name, "HELLO " + name, "SEARCH " + name + " v q 3"}) {
    INFO(command.substr(0, 40));
    const std::string answer = fixture.run(command);
    CHECK(answer.starts_with("(error)"));
    CHECK(is_bounded(answer));
  }
  CHECK(fixture.sql("SELECT \"a\x1b[31mb\"").find('\x1b') == std::string::npos);
  CHECK(fixture.sql("SELECT \"a\x1b[31mb\"").find("a\\x1b[31mb") != std::string::npos);
}

TEST_CASE("A long text loses its middle between two characters") {
  CHECK(presentableText("short") == "short");
  CHECK(presentableText(std::string(kMaxErrorText, 'x')) == std::string(kMaxErrorText, 'x'));
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string text(shift, 'x');
    for (int i = 0; i < 1000; ++i) {
      text += "\xF0\x9F\x98\x80";  // four bytes each
    }
    const std::string shown = presentableText(text);
    CHECK(shown.size() <= kMaxErrorText + 8);
    CHECK(parser::findInvalidUtf8(shown) == std::string_view::npos);
    CHECK(shown.find(" … ") != std::string::npos);
  }
  CHECK(presentableText(std::string(5000, '\x80')).size() < kMaxErrorText + 8);  // no character at all
}

TEST_CASE("While the log refuses writes, an answer waits only if it tells of what is not on disk") {
  const testing::TemporaryDirectory directory;
  testing::FaultEnv env(Env::system());
  SessionFixture fixture(directory.path(), &env);
  REQUIRE(fixture.run("CONFIG SET appendfsync always") == "OK");
  REQUIRE(fixture.session->execute("CREATE TABLE t (a int)").ok());
  REQUIRE(fixture.session->execute("CREATE TABLE u (a int)").ok());
  REQUIRE(fixture.run("SET k v") == "OK");
  REQUIRE(fixture.session->awaitFence().ok());
  env.failAt(1, {.kinds = testing::kWrite, .fault = testing::Fault::kNoSpace, .persistent = true});
  const bool about_key = GENERATE(true, false);
  if (about_key) {
    REQUIRE(fixture.run("SET doubtful v") == "OK");
  } else {
    REQUIRE(fixture.sql("INSERT INTO t VALUES (1)") == "(integer) 1");
  }
  CHECK(fixture.session->awaitFence().error().code == ErrorCode::kUnknownOutcome);
  CHECK(fixture.session->awaitFence().ok());  // once
  const auto waits = [&](std::string_view line) {
    fixture.run(line);
    const bool fenced = fixture.session->fence() != 0;
    CHECK(fixture.session->awaitFence().ok() == !fenced);
    return fenced;
  };
  CHECK(!waits("GET k"));
  CHECK(waits("EXISTS doubtful") == about_key);
  CHECK(!waits("SET doubtful w"));
  CHECK(!waits("INFO"));
  CHECK(waits("DBSIZE") == about_key);
  CHECK(!waits("SQL 'SELECT * FROM u'"));
  CHECK(waits("SQL 'SELECT * FROM t'") == !about_key);
  CHECK(!waits("SQL 'SELECT * FROM nowhere'"));
  CHECK(waits("SQL \"SELECT * FROM u, kv('*')\""));
  CHECK(fixture.session->execute("INSERT INTO u VALUES (1)").error().code == ErrorCode::kReadOnly);
  CHECK(fixture.session->execute("SELECT * FROM u").ok());
  CHECK(fixture.session->execute("SELECT * FROM t").ok() == about_key);
  fixture.session.reset();
  SECTION("it closes so") {
    const Status closed = fixture.database->close();
    REQUIRE(!closed.ok());
    CHECK(closed.error().code == ErrorCode::kUnknownOutcome);
    CHECK(closed.error().message.find("may be lost") != std::string::npos);
  }
  SECTION("there is room again") {
    env.clearFault();
    CHECK(fixture.database->close().ok());
  }
}

TEST_CASE("SET changes one session's timeout, SHOW shows it") {
  SessionFixture fixture;
  CHECK(fixture.sql("SHOW statement_timeout") == "[[\"0\"]]");
  CHECK(fixture.sql("SET statement_timeout = 500") == "OK");
  CHECK(fixture.sql("SHOW statement_timeout") == "[[\"500ms\"]]");
  CHECK(fixture.sql("SET nosuch = 1").starts_with("(error) ERR unrecognized configuration parameter \"nosuch\""));
  CHECK(fixture.sql("SET port = 1").starts_with("(error) ERR parameter \"port\" cannot be set for one session"));
}

TEST_CASE("A batch stops before a statement of the slow lane") {
  SessionFixture fixture;
  const std::string_view set[] = {"SET", "a", "1"};
  const std::string_view keys[] = {"KEYS", "*"};
  const std::string_view get[] = {"GET", "a"};
  const Statement batch[] = {{.args = set, .sql = {}, .parameters = {}},
                             {.args = get, .sql = {}, .parameters = {}},
                             {.args = keys, .sql = {}, .parameters = {}},
                             {.args = get, .sql = {}, .parameters = {}}};
  ReplyTree reply;
  CHECK(fixture.session->executeBatch(batch, reply).answered == 2);
  CHECK(reply.values().size() == 2);
  fixture.session->execute(batch[2], reply);
  CHECK(reply.last().describe() == "[\"a\"]");
  CHECK(fixture.session->executeBatch(std::span(batch).subspan(3), reply).answered == 1);
}

TEST_CASE("A batch that writes more than the log's buffer holds waits for room, and loses nothing") {
  const testing::TemporaryDirectory directory;
  constexpr std::size_t kStatements = 12'000;
  const std::string value(1000, 'x');  // 12 MB in all, three times the buffer
  const std::string_view push[] = {"RPUSH", "list", value};
  const std::string update = "UPDATE t SET n = n + 1, filler = '" + value + "' WHERE id = 1";
  const auto counts = [](const SessionFixture& fixture) {
    return fixture.run("LLEN list") + " " + fixture.sql("SELECT n FROM t");
  };
  const std::string expected = "(integer) 12000 [[(integer) 12000]]";
  {
    const SessionFixture fixture(directory.path());
    REQUIRE(fixture.run("CONFIG SET appendfsync no") == "OK");  // otherwise a thread empties the buffer meanwhile
    fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, filler TEXT)");
    fixture.sql("INSERT INTO t VALUES (1, 0, '')");
    for (const Statement& statement :
         {Statement{.args = push, .sql = {}, .parameters = {}}, Statement{.args = {}, .sql = update, .parameters = {}}}) {
      const std::vector<Statement> batch(kStatements, statement);
      ReplyTree reply;
      CHECK(fixture.session->executeBatch(batch, reply).answered == kStatements);
      CHECK(reply.values().size() == kStatements);
    }
    CHECK(counts(fixture) == expected);
  }
  CHECK(counts(SessionFixture(directory.path())) == expected);
}

// Its clock can be stopped, and set.
struct AdjustableClock final : testing::ForwardingEnv {
  using ForwardingEnv::ForwardingEnv;
  std::int64_t monotonicMicros() override { return ForwardingEnv::monotonicMicros() * (stopped ? 0 : 1) + offset; }
  std::atomic<bool> stopped = false;
  std::atomic<std::int64_t> offset = 0;
};

TEST_CASE("A query of many rows is run by the batch if it was quick the last time, unless it takes long now") {
  AdjustableClock env(Env::system());
  SessionFixture fixture("", &env);
  fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)");
  fixture.sql("INSERT INTO t SELECT i, i % 10 FROM generate_series(1, 5000) AS g(i)");
  const std::string_view count[] = {"SQL", "SELECT count(*) FROM t WHERE n = 3"};
  const std::string_view set[] = {"SET", "a", "1"};
  const Statement batch[] = {{.args = set, .sql = {}, .parameters = {}},
                             {.args = count, .sql = {}, .parameters = {}},
                             {.args = set, .sql = {}, .parameters = {}}};
  ReplyTree reply;
  std::int64_t query_us = 0;
  const auto batched = [&] {
    const BatchOutcome outcome = fixture.session->executeBatch(batch, reply);
    query_us = outcome.query_us;
    CHECK(reply.values().size() == outcome.answered);
    reply = ReplyTree();
    return outcome.answered;
  };
  const auto run = [&](const Statement& statement) {
    fixture.session->execute(statement, reply);
    CHECK(reply.last().describe() == "[[(integer) 500]]");
    reply = ReplyTree();
  };
  CHECK(batched() == 1);  // nobody knows how long it takes
  env.stopped = true;
  env.offset = INT64_MAX / 2;
  run(batch[1]);
  CHECK(batched() == 3);
  env.offset = 0;  // patience has ended long ago
  CHECK(batched() == 1);
  CHECK(query_us == 0);
  run(batch[1]);
}

TEST_CASE("A search by vector that takes too long for the batch is left to a worker, at whatever point it is") {
  AdjustableClock env(Env::system());
  SessionFixture fixture("", &env);
  fixture.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v VECTOR(512))");
  const std::string floats(512 * sizeof(float), '?');
  for (int i = 0; i < 5; ++i) {
    fixture.sql("INSERT INTO t SELECT i, $1 FROM generate_series(" + std::to_string(i * 500) + ", " +
                    std::to_string(i * 500 + 499) + ") AS g(i)",
                {Datum::blob(floats)});
  }
  const std::string_view search[] = {"SQL", "SELECT id FROM t ORDER BY v <-> $1 LIMIT 1", floats};
  const Statement batch[] = {{.args = search, .sql = {}, .parameters = {}}};
  constexpr std::int64_t kPatience = 1000;
  for (std::int64_t left = 0; left < kPatience; left += 10) {
    ReplyTree reply;
    env.stopped = true;
    env.offset = INT64_MAX / 2;
    fixture.session->execute(batch[0], reply);
    CHECK(reply.last().describe() == "[[(integer) 0]]");
    // So many microseconds are left as it begins.
    env.stopped = false;
    env.offset = left - kPatience;
    const std::size_t answered = fixture.session->executeBatch(batch, reply).answered;
    CHECK(reply.values().size() == 1 + answered);
    CHECK(reply.last().describe() == "[[(integer) 0]]");
  }
}

}  // namespace trefoil
