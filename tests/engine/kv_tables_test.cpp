// Keys as tables of SQL: bytes that are no text, look-ups instead of scans.
#include <catch2/catch.hpp>

#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

// A command whose words are any bytes.
std::string runWords(Session& session, const std::vector<std::string_view>& words) {
  ReplyTree reply;
  session.execute({.args = words, .sql = {}, .parameters = {}}, reply);
  return reply.last().describe();
}

constexpr std::string_view kNoText = "\xff\xfe";

// One of each kind, with a text and with bytes that are none.
void fill(const SessionFixture& fixture) {
  Session& session = *fixture.session;
  runWords(session, {"SET", "text", "abc"});
  runWords(session, {"SET", "number", "12"});
  runWords(session, {"SET", "bytes", kNoText});
  runWords(session, {"SET", kNoText, "under no text"});
  runWords(session, {"HSET", "h", "f", "v", kNoText, "w", "g", kNoText});
  runWords(session, {"RPUSH", "l", "a", kNoText, "c"});
  runWords(session, {"SADD", "s", "a", kNoText});
  runWords(session, {"ZADD", "z", "1", "a", "2", kNoText});
}

}  // namespace

TEST_CASE("Bytes that are no text are NULL in a table of texts, and never an error") {
  SessionFixture fixture;
  fill(fixture);
  CHECK(fixture.sql("SELECT count(*), count(key), count(value) FROM kv('*')") == "[[(integer) 8, (integer) 7, (integer) 3]]");
  CHECK(fixture.sql("SELECT key FROM kv('*') WHERE type = 'string' AND value IS NULL") == "[[\"bytes\"]]");
  CHECK(fixture.sql("SELECT key, value FROM kv('*') WHERE value = 'abc'") == "[[\"text\", \"abc\"]]");
  CHECK(fixture.sql("SELECT value FROM kv('*') WHERE key = 'number'") == "[[\"12\"]]");
  CHECK(fixture.sql("SELECT field, value FROM hash('h') ORDER BY field, value") ==
        "[[\"f\", \"v\"], [\"g\", (nil)], [(nil), \"w\"]]");
  CHECK(fixture.sql("SELECT position, value FROM list('l') ORDER BY position") ==
        "[[(integer) 0, \"a\"], [(integer) 1, (nil)], [(integer) 2, \"c\"]]");
  CHECK(fixture.sql("SELECT member FROM set('s') ORDER BY member") == "[[\"a\"], [(nil)]]");
  CHECK(fixture.sql("SELECT member, score, rank FROM zset('z') ORDER BY rank") ==
        "[[\"a\", (double) 1, (integer) 0], [(nil), (double) 2, (integer) 1]]");
}

TEST_CASE("The tables of bytes lose nothing") {
  SessionFixture fixture;
  fill(fixture);
  CHECK(fixture.sql("SELECT count(*), count(key), count(value) FROM kv_bytes('*')") ==
        "[[(integer) 8, (integer) 8, (integer) 4]]");
  CHECK(fixture.sql("SELECT key FROM kv_bytes('*') WHERE value = '\\xfffe'") == "[[\"\\x6279746573\"]]");
  CHECK(fixture.sql("SELECT octet_length(value) FROM kv_bytes('\\xfffe')") == "[[(integer) 13]]");
  CHECK(fixture.sql("SELECT octet_length(value) FROM kv_bytes('num*')") == "[[(integer) 2]]");
  CHECK(fixture.sql("SELECT h.value FROM hash_bytes('h') h WHERE field = '\\xfffe'") == "[[\"\\x77\"]]");
  CHECK(fixture.sql("SELECT position FROM list_bytes('l') WHERE value = '\\xfffe'") == "[[(integer) 1]]");
  CHECK(fixture.sql("SELECT s.s FROM set_bytes('s') s JOIN zset_bytes('z') z ON z.member = s.s ORDER BY score") ==
        "[[\"\\x61\"], [\"\\xfffe\"]]");
  fixture.sql("CREATE TABLE kept (k bytea, v bytea)");
  CHECK(fixture.sql("INSERT INTO kept SELECT key, value FROM kv_bytes('*') WHERE type = 'string'") == "(integer) 4");
  CHECK(fixture.sql("SELECT count(*) FROM kept JOIN kv_bytes('*') b ON b.key = kept.k AND b.value = kept.v") ==
        "[[(integer) 4]]");
}

TEST_CASE("WHERE on the first column looks up, and EXPLAIN says so") {
  SessionFixture fixture;
  fill(fixture);
  const auto plan = [&](const std::string& query) { return fixture.sql("EXPLAIN " + query); };
  CHECK(plan("SELECT * FROM kv('*') WHERE key = 'text'").find("Function Lookup on kv: key = 'text'") != std::string::npos);
  CHECK(plan("SELECT * FROM kv('*') WHERE type = 'string' AND key IN ('text', 'x')")
            .find("Function Lookup on kv: key IN ('text', 'x')") != std::string::npos);
  for (const std::string query :
       {"SELECT * FROM kv('*') WHERE key NOT IN ('text')", "SELECT * FROM kv('*') WHERE key > 'text'",
        "SELECT * FROM kv('*') WHERE key = value", "SELECT * FROM kv('*') WHERE key = 'a' OR value = 'b'",
        "SELECT * FROM kv('*') WHERE value = 'abc'"}) {
    CAPTURE(query);
    CHECK(plan(query).find("Function Scan on kv") != std::string::npos);
  }
  const auto same = [&](const std::string& query, const std::string& rows) {
    CAPTURE(query);
    CHECK(fixture.sql(query) == rows);
  };
  same("SELECT value FROM kv('*') WHERE key = 'text'", "[[\"abc\"]]");
  same("SELECT value FROM kv('t*') WHERE key = 'number'", "[]");
  same("SELECT value FROM kv('*') WHERE key IN ('text', NULL, 'text', 'none', 'number') ORDER BY 1", "[[\"12\"], [\"abc\"]]");
  same("SELECT value FROM kv('*') WHERE key = NULL", "[]");
  same("SELECT value FROM kv('*') WHERE key = 'text' AND key = 'number'", "[]");
  same("SELECT value FROM kv(NULL) WHERE key = 'text'", "[]");
  same("SELECT type FROM kv('te\\xt')", "[[\"string\"]]");
  same("SELECT (SELECT value FROM kv('*') WHERE key = names.column1) FROM (VALUES ('text'), ('none')) names",
       "[[\"abc\"], [(nil)]]");
  same("SELECT value FROM hash('h') WHERE field = 'f'", "[[\"v\"]]");
  same("SELECT value FROM hash('none') WHERE field = 'f'", "[]");
  same("SELECT value FROM list('l') WHERE position IN (2, -1, 0, 2, 3) ORDER BY position", "[[\"a\"], [\"c\"]]");
  same("SELECT member FROM set('s') WHERE member = 'a'", "[[\"a\"]]");
  same("SELECT rank, score FROM zset('z') WHERE 'a' = member", "[[(integer) 0, (double) 1]]");
  CHECK(fixture.sql("SELECT value FROM kv('*') WHERE key = $1", {Datum::text("text")}) == "[[\"abc\"]]");
  CHECK(fixture.sql("SELECT value FROM hash('text') WHERE field = 'f'").starts_with("(error) WRONGTYPE"));
}

TEST_CASE("A key that was looked up is validated at COMMIT, and no other") {
  SessionFixture fixture;
  const auto other = fixture.connect();
  fill(fixture);
  const std::string query = GENERATE("SELECT value FROM kv('*') WHERE key = 'text'", "SELECT value FROM kv('text')");
  fixture.sql("BEGIN");
  fixture.run("SET number 13");
  CHECK(fixture.sql("SELECT value FROM kv('*') WHERE key = 'number'") == "[[\"13\"]]");
  CHECK(fixture.sql(query) == "[[\"abc\"]]");
  SECTION("changed") {
    runOn(*other, "SET text xyz");
    CHECK(fixture.sql("COMMIT").starts_with("(error) CONFLICT"));
  }
  SECTION("another one changed") {
    runOn(*other, "SET bytes xyz");
    CHECK(fixture.sql("COMMIT") == "OK");
  }
}

}  // namespace trefoil
