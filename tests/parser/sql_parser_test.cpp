// SQL text to tree and back, and what the user reads when it is not SQL.
#include "parser/sql_parser.hpp"

#include <catch2/catch.hpp>

#include "parser/ast_printer.hpp"

namespace trefoil::parser {
namespace {

std::string reprint(std::string_view sql) {
  const auto parsed = parseSql(sql);
  if (!parsed.ok()) {
    return "ERROR: " + parsed.error().message + " " + parsed.error().detail;
  }
  return toSql(*parsed.value()->statement);
}

struct RoundTrip {
  const char* sql;
  const char* printed;  // nullptr: as it was written
};

const RoundTrip kStatements[] = {
    // -- names, literals
    {"SELECT 1", nullptr},
    {"select A, \"B\", t.c, t.* from T as t", "SELECT a, \"B\", t.c, t.* FROM t AS t"},
    {"SELECT \"select\", \"odd \"\"name\"\"\", \"Mixed\" FROM \"from\"", nullptr},
    {"SELECT timestamp, key, first FROM values_ AS zone", nullptr},
    {"SELECT a b, c AS \"D e\", 1 AS select", "SELECT a AS b, c AS \"D e\", 1 AS \"select\""},
    {"SELECT 9223372036854775807, 9223372036854775808, 1.5e10, .5, 5., 0", nullptr},
    {"SELECT 'it''s', '', E'a\\nb\\'c\\x41\\u00e9\\101\\\\'",
     "SELECT 'it''s', '', 'a\nb''cA\xC3\xA9"
     "A\\'"},
    {"SELECT x'00fF', X'', TRUE, false, NULL", "SELECT x'00ff', x'', TRUE, FALSE, NULL"},
    {"SELECT [1,-2.5 , +3e1, .5]", "SELECT [1, -2.5, 30, 0.5]"},
    {"SELECT $2, $1", nullptr},
    {"SELECT ?, ? + ?", "SELECT $1, $2 + $3"},
    {"SELECT /* a /* nested */ comment */ 1 -- and one to the end", "SELECT 1"},
    {"  SELECT 1 ;  ", "SELECT 1"},
    // -- operators
    {"SELECT 1+2*3-4/5%6^7", "SELECT 1 + 2 * 3 - 4 / 5 % 6 ^ 7"},
    {"SELECT (1+2)*3, (2*3)+4, a-(b-c), (a-b)-c, a/(b*c)", "SELECT (1 + 2) * 3, 2 * 3 + 4, a - (b - c), a - b - c, a / (b * c)"},
    {"SELECT -2^2, - -5, 1 - -1, -(2^2), +a", "SELECT -2 ^ 2, - -5, 1 - -1, -(2 ^ 2), +a"},
    {"SELECT 2 ^ 3 ^ 4, 2 ^ (3 ^ 4)", nullptr},
    {"SELECT a OR b AND NOT c = d, (a OR b) AND c, NOT (a AND b), NOT a AND b", nullptr},
    {"SELECT a AND (b AND c), (a OR b) OR c", "SELECT a AND b AND c, a OR b OR c"},
    {"SELECT a < b, a <= b, a > b, a >= b, a = b, a <> b, a != b", "SELECT a < b, a <= b, a > b, a >= b, a = b, a <> b, a <> b"},
    {"SELECT (a < b) < c, a < (b < c)", nullptr},
    {"SELECT a IS NULL, b IS NOT NULL, c IS TRUE, d IS NOT FALSE, e IS UNKNOWN", nullptr},
    {"SELECT a ISNULL, b NOTNULL", "SELECT a IS NULL, b IS NOT NULL"},
    {"SELECT a IS DISTINCT FROM b, a IS NOT DISTINCT FROM b + 1", nullptr},
    {"SELECT a = b IS NULL, (a IS NULL) = b", nullptr},
    {"SELECT a BETWEEN 1 AND 2 AND b NOT BETWEEN 3 AND 4 + 5", nullptr},
    {"SELECT (a BETWEEN 1 AND 2) BETWEEN b AND c", nullptr},
    {"SELECT a IN (1, 2), b NOT IN (SELECT 1), d IN ((SELECT 1), 2)", nullptr},
    {"SELECT a IN ((SELECT 1)), b IN ((SELECT 1) UNION SELECT 2)", "SELECT a IN (SELECT 1), b IN (SELECT 1 UNION SELECT 2)"},
    {"SELECT a IN t", "SELECT a IN (SELECT * FROM t)"},
    {"SELECT a LIKE 'x%', b NOT LIKE c || '%' ESCAPE '!', d ILIKE e, f NOT ILIKE g", nullptr},
    {"SELECT a || b || c, a -> 'x' ->> 'y', j->>'z' = 'q'", "SELECT a || b || c, a -> 'x' ->> 'y', j ->> 'z' = 'q'"},
    {"SELECT a <=> b < 0.5, a <-> [1], a<#>b", "SELECT a <=> b < 0.5, a <-> [1], a <#> b"},
    {"SELECT a<-b, a<>-1, a>=-1, 5*-3", "SELECT a < -b, a <> -1, a >= -1, 5 * -3"},
    {"SELECT a::int::text, (a + b)::int, a + b::int, a IN (1) IN (2) LIKE b",
     "SELECT a::int::text, (a + b)::int, a + b::int, a IN (1) IN (2) LIKE b"},
    // -- other expressions
    {"SELECT CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END, CASE x WHEN 1 THEN 'a' END", nullptr},
    {"SELECT CAST(a AS int), b::text, -c::double precision, (-c)::varchar(10)",
     "SELECT a::int, b::text, -c::double precision, (-c)::varchar(10)"},
    {"SELECT a::timestamp(3) with time zone, a::time without time zone, a::character varying(5), a::numeric(8,2)",
     "SELECT a::timestamp(3) with time zone, a::time, a::character varying(5), a::numeric(8, 2)"},
    {"SELECT DATE '2026-01-01', timestamp '2026-01-01', timestamp with time zone 'x', json '{}'",
     "SELECT '2026-01-01'::date, '2026-01-01'::timestamp, 'x'::timestamp with time zone, '{}'::json"},
    {"SELECT count(*), count(DISTINCT x), sum(ALL a), f(), coalesce(a, b, 1)",
     "SELECT count(*), count(DISTINCT x), sum(a), f(), coalesce(a, b, 1)"},
    {"SELECT sum(a) FILTER (WHERE b > 1), left('abc', 2), count(*) AS filter", nullptr},
    {"SELECT current_timestamp, CURRENT_DATE, localtimestamp", "SELECT CURRENT_TIMESTAMP, CURRENT_DATE, LOCALTIMESTAMP"},
    {"SELECT (SELECT 1), ((SELECT 1)) + 1, EXISTS(SELECT 1), NOT EXISTS (SELECT 2)",
     "SELECT (SELECT 1), (SELECT 1) + 1, EXISTS (SELECT 1), NOT EXISTS (SELECT 2)"},
    {"SELECT ((SELECT 1) UNION (SELECT 2)), ((SELECT 1) ORDER BY 1 LIMIT 1)",
     "SELECT (SELECT 1 UNION SELECT 2), (SELECT 1 ORDER BY 1 LIMIT 1)"},
    // -- queries
    {"SELECT DISTINCT a FROM t WHERE b GROUP BY a, b + 1 HAVING count(*) > 1 ORDER BY a DESC NULLS LAST, 2 ASC NULLS FIRST, c "
     "LIMIT 10 OFFSET 5",
     "SELECT DISTINCT a FROM t WHERE b GROUP BY a, b + 1 HAVING count(*) > 1 ORDER BY a DESC NULLS LAST, 2 NULLS FIRST, c LIMIT "
     "10 OFFSET 5"},
    {"SELECT ALL a FROM t OFFSET 1 LIMIT ALL", "SELECT a FROM t OFFSET 1"},
    {"SELECT * FROM a, s.b AS c, d e", "SELECT * FROM a, s.b AS c, d AS e"},
    {"SELECT * FROM a JOIN b ON a.x = b.x LEFT OUTER JOIN c USING (y, z) RIGHT JOIN d ON TRUE FULL JOIN e ON FALSE CROSS JOIN f "
     "NATURAL JOIN g NATURAL LEFT JOIN h",
     "SELECT * FROM a JOIN b ON a.x = b.x LEFT JOIN c USING (y, z) RIGHT JOIN d ON TRUE FULL JOIN e ON FALSE CROSS JOIN f "
     "NATURAL JOIN g NATURAL LEFT JOIN h"},
    {"SELECT * FROM a INNER JOIN (b JOIN c ON TRUE) ON TRUE", "SELECT * FROM a JOIN (b JOIN c ON TRUE) ON TRUE"},
    {"SELECT * FROM (SELECT 1) AS s (x, y), ((VALUES (1))) v, ((SELECT 1) UNION SELECT 2) u, ((SELECT 1) a JOIN b ON TRUE)",
     "SELECT * FROM (SELECT 1) AS s (x, y), (VALUES (1)) AS v, (SELECT 1 UNION SELECT 2) AS u, (SELECT 1) AS a JOIN b ON TRUE"},
    {"SELECT * FROM kv('user:*') k, generate_series(1, 10) AS g (n)",
     "SELECT * FROM kv('user:*') AS k, generate_series(1, 10) AS g (n)"},
    {"SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 EXCEPT ALL SELECT 4", nullptr},
    {"(SELECT 1 UNION SELECT 2) INTERSECT (SELECT 3 ORDER BY 1 LIMIT 1)", nullptr},
    {"SELECT 1 EXCEPT (SELECT 2 EXCEPT SELECT 3)", nullptr},
    {"(SELECT 1) UNION DISTINCT (SELECT 2) ORDER BY 1", "SELECT 1 UNION SELECT 2 ORDER BY 1"},
    {"VALUES (1, 'a'), (2, NULL) ORDER BY 1 LIMIT 1", nullptr},
    {"WITH RECURSIVE a (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a WHERE x < 10), b AS (VALUES (1)) SELECT * FROM a, b",
     nullptr},
    {"SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) AS y", nullptr},
    // -- data
    {"INSERT INTO t VALUES (1, DEFAULT, 'x'), (2, 3, NULL)", nullptr},
    {"INSERT INTO s.t AS u (a, b) SELECT * FROM x ON CONFLICT DO NOTHING", nullptr},
    {"INSERT INTO t (a) VALUES ($1) ON CONFLICT (id, b) DO UPDATE SET a = excluded.a, b = DEFAULT WHERE t.a > 1 RETURNING *, id "
     "AS x",
     nullptr},
    {"INSERT INTO t DEFAULT VALUES RETURNING id", nullptr},
    {"INSERT INTO t (SELECT 1)", "INSERT INTO t SELECT 1"},
    {"INSERT INTO t(a) (VALUES (1))", "INSERT INTO t (a) VALUES (1)"},
    {"UPDATE t x SET a = 1, b = b + 1, c = DEFAULT FROM u, v WHERE x.id = u.id RETURNING x.*",
     "UPDATE t AS x SET a = 1, b = b + 1, c = DEFAULT FROM u, v WHERE x.id = u.id RETURNING x.*"},
    {"UPDATE t SET a = 1", nullptr},
    {"DELETE FROM t", nullptr},
    {"DELETE FROM t x USING u WHERE x.a = u.a RETURNING 1", "DELETE FROM t AS x USING u WHERE x.a = u.a RETURNING 1"},
    {"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", nullptr},
    {"WITH x AS (SELECT 1) UPDATE t SET a = 1 FROM x", nullptr},
    {"WITH x AS (SELECT 1) DELETE FROM t USING x", nullptr},
    {"TRUNCATE TABLE a, s.b", "TRUNCATE a, s.b"},
    // -- schema
    {"CREATE TABLE t (a INT, b DOUBLE PRECISION, c VARCHAR(10), d VECTOR(128), e TIMESTAMP WITH TIME ZONE, f CHAR(3))",
     "CREATE TABLE t (a int, b double precision, c varchar(10), d vector(128), e timestamp with time zone, f char(3))"},
    {"CREATE TABLE IF NOT EXISTS s.t (id bigint PRIMARY KEY, a int NOT NULL DEFAULT 5 UNIQUE, b text NULL CONSTRAINT bb CHECK (b "
     "<> ''))",
     nullptr},
    {"CREATE TABLE t (a int DEFAULT -1 NOT NULL, b int DEFAULT (1 < 2), c text DEFAULT 'x' || 'y')", nullptr},
    {"CREATE TABLE t (a int REFERENCES o (id) ON DELETE CASCADE ON UPDATE SET NULL, b int REFERENCES s.p)", nullptr},
    {"CREATE TABLE t (a int, b int, CONSTRAINT pk PRIMARY KEY (a, b), UNIQUE (b), CHECK (a > 0 AND b IS NOT NULL), FOREIGN KEY "
     "(a, b) REFERENCES x (c, d) ON DELETE SET DEFAULT)",
     nullptr},
    {"CREATE TEMP TABLE t (a int)", "CREATE TEMPORARY TABLE t (a int)"},
    {"CREATE INDEX ON t (a)", nullptr},
    {"CREATE UNIQUE INDEX IF NOT EXISTS i ON s.t USING btree (a DESC NULLS LAST, (b + 1), lower(c)) WHERE a > 1",
     "CREATE UNIQUE INDEX IF NOT EXISTS i ON s.t USING btree (a DESC NULLS LAST, (b + 1), (lower(c))) WHERE a > 1"},
    {"CREATE INDEX i ON t USING hnsw (emb vector_cosine_ops) WITH (m = 16, ef_construction = -1, x = on, y = 'z')",
     "CREATE INDEX i ON t USING hnsw (emb vector_cosine_ops) WITH (m = 16, ef_construction = -1, x = 'on', y = 'z')"},
    {"CREATE OR REPLACE TEMP VIEW IF NOT EXISTS v (a, b) AS SELECT 1, 2",
     "CREATE OR REPLACE TEMPORARY VIEW IF NOT EXISTS v (a, b) AS SELECT 1, 2"},
    {"DROP TABLE IF EXISTS a, s.b CASCADE", nullptr},
    {"DROP INDEX i", nullptr},
    {"DROP VIEW v RESTRICT", nullptr},
    {"ALTER TABLE IF EXISTS t RENAME TO u", nullptr},
    {"ALTER TABLE t RENAME a TO b", "ALTER TABLE t RENAME COLUMN a TO b"},
    {"ALTER TABLE t ADD IF NOT EXISTS c int NOT NULL DEFAULT 1",
     "ALTER TABLE t ADD COLUMN IF NOT EXISTS c int NOT NULL DEFAULT 1"},
    {"ALTER TABLE t DROP COLUMN IF EXISTS c CASCADE", nullptr},
    // -- transactions, settings
    {"BEGIN", nullptr},
    {"START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
    {"BEGIN WORK READ WRITE ISOLATION LEVEL READ COMMITTED", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"},
    {"COMMIT TRANSACTION", "COMMIT"},
    {"END", "COMMIT"},
    {"ROLLBACK", nullptr},
    {"ABORT WORK", "ROLLBACK"},
    {"ROLLBACK TO x", "ROLLBACK TO SAVEPOINT x"},
    {"SAVEPOINT x", nullptr},
    {"RELEASE x", "RELEASE SAVEPOINT x"},
    {"SET hnsw.ef_search = 100", nullptr},
    {"SET \"a.\" = 1", nullptr},
    {"SET \"a..b\" = 1", nullptr},
    {"SET LOCAL a TO 'x', foo, -2", "SET LOCAL a = 'x', 'foo', -2"},
    {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY"},
    {"BEGIN READ ONLY, NOT DEFERRABLE", "BEGIN READ ONLY"},
    {"RESET ALL", nullptr},
    {"WITH a AS MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED (SELECT 2) SELECT * FROM a, b", nullptr},
    {"SELECT (a IS DISTINCT FROM b) IS NOT DISTINCT FROM c, (a IS DISTINCT FROM b) IS NULL, a IS DISTINCT FROM b = c", nullptr},
    {"SELECT a.user, 1 user", "SELECT a.\"user\", 1 AS \"user\""},
    {"SET session = DEFAULT", nullptr},
    {"RESET a.b", "SET a.b = DEFAULT"},
    {"SHOW hnsw.ef_search", nullptr},
    {"SHOW all", "SHOW ALL"},
    {"EXPLAIN SELECT 1", nullptr},
    {"EXPLAIN ANALYZE DELETE FROM t", nullptr},
    {"CHECKPOINT", nullptr},
};

struct Mistake {
  const char* sql;
  std::size_t position;
  const char* message;
  const char* detail;
};

const Mistake kMistakes[] = {
    {"", 0, "syntax error at end of input", "Expected a statement: SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, BEGIN …"},
    {";", 0, "syntax error at or near \";\"", "Expected a statement: SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, BEGIN …"},
    {"SELCT 1", 0, "syntax error at or near \"SELCT\"",
     "Expected a statement: SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, BEGIN …"},
    {"SELECT", 6, "syntax error at end of input", "Expected an expression."},
    {"SELECT a, FROM t", 10, "syntax error at or near \"FROM\"", "Expected an expression."},
    {"SELECT * FORM t", 9, "syntax error at or near \"FORM\"", "Expected the end of the statement."},
    {"SELECT 1; SELECT 2", 10, "syntax error at or near \"SELECT\"", "Expected the end of the statement."},
    {"SELECT a FROM", 13, "syntax error at end of input", "Expected a table, a function or a subquery."},
    {"SELECT a FROM t WHERE", 21, "syntax error at end of input", "Expected an expression."},
    {"SELECT (1", 9, "syntax error at end of input", "Expected \")\"."},
    {"SELECT 1)", 8, "syntax error at or near \")\"", "Expected the end of the statement."},
    {"SELECT 1 +", 10, "syntax error at end of input", "Expected an expression."},
    {"SELECT a = = b", 11, "syntax error at or near \"=\"", "Expected an expression."},
    {"SELECT a < b < c", 13, "syntax error at or near \"<\"",
     "This operator does not chain: put parentheses around one of the comparisons."},
    {"SELECT a LIKE b LIKE c", 16, "syntax error at or near \"LIKE\"",
     "This operator does not chain: put parentheses around one of the comparisons."},
    {"SELECT a IS 5", 12, "syntax error at or near \"5\"", "Expected NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM after IS."},
    {"SELECT a BETWEEN 1, 2", 18, "syntax error at or near \",\"", "Expected AND."},
    {"SELECT a IN", 11, "syntax error at end of input", "Expected \"(\"."},
    {"SELECT CASE a END", 14, "syntax error at or near \"END\"", "Expected WHEN."},
    {"SELECT CASE WHEN a END", 19, "syntax error at or near \"END\"", "Expected THEN."},
    {"SELECT CAST(a int)", 14, "syntax error at or near \"int\"", "Expected AS."},
    {"SELECT CAST(a AS 5)", 17, "syntax error at or near \"5\"", "Expected the name of a type."},
    {"SELECT a::varchar(x)", 18, "syntax error at or near \"x\"", "A type's modifier must be a whole number."},
    {"SELECT f(a, )", 12, "syntax error at or near \")\"", "Expected an expression."},
    {"SELECT a.", 9, "syntax error at end of input", "Expected a column's name or * after '.'."},
    {"SELECT 1 AS", 11, "syntax error at end of input", "Expected a name after AS."},
    {"SELECT t.* + 1 FROM t", 7, "t.* is possible only as an item of a select list", ""},
    {"SELECT count(t.*) FROM t", 13, "t.* is possible only as an item of a select list", ""},
    {"SELECT DEFAULT", 7, "syntax error at or near \"DEFAULT\"", "Expected an expression."},
    {"SELECT * FROM a JOIN b", 22, "syntax error at end of input", "Expected ON or USING after the joined table."},
    {"SELECT * FROM a LEFT b", 21, "syntax error at or near \"b\"", "Expected JOIN."},
    {"SELECT a FROM t ORDER a", 22, "syntax error at or near \"a\"", "Expected BY."},
    {"SELECT a FROM t ORDER BY a NULLS 1", 33, "syntax error at or near \"1\"", "Expected FIRST or LAST after NULLS."},
    {"SELECT 1 LIMIT 1 LIMIT 2", 23, "multiple LIMIT clauses not allowed", ""},
    {"(SELECT 1 ORDER BY 1) ORDER BY 1", 22, "multiple ORDER BY clauses not allowed", ""},
    {"SELECT 1 UNION 2", 15, "syntax error at or near \"2\"", "Expected a query: SELECT, VALUES or a query in parentheses."},
    {"WITH x AS (SELECT 1) TRUNCATE t", 21, "syntax error at or near \"TRUNCATE\"",
     "Expected SELECT, INSERT, UPDATE or DELETE after WITH."},
    {"WITH x (SELECT 1) SELECT 1", 8, "syntax error at or near \"SELECT\"", "Expected a name in the list."},
    {"VALUES (DEFAULT)", 8, "DEFAULT is not allowed in this context", ""},
    {"INSERT INTO t VALUES ((VALUES (DEFAULT)))", 31, "DEFAULT is not allowed in this context", ""},
    {"INSERT t VALUES (1)", 7, "syntax error at or near \"t\"", "Expected INTO."},
    {"INSERT INTO t VALUES 1", 21, "syntax error at or near \"1\"", "Expected a row in parentheses."},
    {"INSERT INTO t VALUES (1,)", 24, "syntax error at or near \")\"", "Expected an expression."},
    {"INSERT INTO t (a b) VALUES (1)", 17, "syntax error at or near \"b\"", "Expected \")\"."},
    {"INSERT INTO t (a) SET 1", 18, "syntax error at or near \"SET\"", "Expected VALUES, SELECT or DEFAULT VALUES."},
    {"INSERT INTO t VALUES (1) ON CONFLICT DO", 39, "syntax error at end of input", "Expected NOTHING or UPDATE after DO."},
    {"UPDATE t a = 1", 11, "syntax error at or near \"=\"", "Expected SET."},
    {"UPDATE t SET 1 = 2", 13, "syntax error at or near \"1\"", "Expected the name of a column to set."},
    {"DELETE t", 7, "syntax error at or near \"t\"", "Expected FROM."},
    {"CREATE FOO x", 7, "syntax error at or near \"FOO\"", "Expected TABLE, INDEX or VIEW after CREATE."},
    {"CREATE TEMP INDEX i ON t (a)", 12, "syntax error at or near \"INDEX\"", "Expected TABLE or VIEW after TEMPORARY."},
    {"CREATE TABLE t", 14, "syntax error at end of input", "Expected \"(\"."},
    {"CREATE TABLE t ()", 16, "syntax error at or near \")\"", "Expected a column's name or a table constraint."},
    {"CREATE TABLE t (a)", 17, "syntax error at or near \")\"", "Expected the name of a type."},
    {"CREATE TABLE t (a int b int)", 22, "syntax error at or near \"b\"", "Expected \")\"."},
    {"CREATE TABLE t (a int PRIMARY)", 29, "syntax error at or near \")\"", "Expected KEY."},
    {"CREATE TABLE t (CONSTRAINT c a int)", 29, "syntax error at or near \"a\"",
     "Expected a constraint: PRIMARY KEY, UNIQUE, CHECK, FOREIGN KEY, NOT NULL …"},
    {"CREATE TABLE select (a int)", 13, "syntax error at or near \"select\"", "Expected the name of a table, index or view."},
    {"CREATE INDEX i t (a)", 15, "syntax error at or near \"t\"", "Expected ON."},
    {"CREATE INDEX i ON t ()", 21, "syntax error at or near \")\"", "Expected a column's name or an expression in parentheses."},
    {"DROP x", 5, "syntax error at or near \"x\"", "Expected TABLE, INDEX or VIEW after DROP."},
    {"ALTER TABLE t FOO", 14, "syntax error at or near \"FOO\"", "Expected RENAME, ADD or DROP."},
    {"BEGIN FOO", 6, "syntax error at or near \"FOO\"", "Expected the end of the statement."},
    {"BEGIN ISOLATION LEVEL NONE", 22, "syntax error at or near \"NONE\"",
     "Expected SERIALIZABLE, REPEATABLE READ, READ COMMITTED or READ UNCOMMITTED."},
    {"SET x", 5, "syntax error at end of input", "Expected TO or \"=\"."},
    {"SET x =", 7, "syntax error at end of input", "Expected a value: a number, a string or a word."},
    {"EXPLAIN CREATE TABLE t (a int)", 8, "syntax error at or near \"CREATE\"",
     "Expected the statement to explain: SELECT, INSERT, UPDATE or DELETE."},
    // -- tokens
    {"SELECT 'abc", 7, "unterminated quoted string at or near \"'abc\"", "A string ends with '."},
    {"SELECT E'abc\\'", 7, "unterminated quoted string at or near \"E'abc\\'\"", "A string ends with '."},
    {"SELECT \"abc", 7, "unterminated quoted identifier at or near \"\"abc\"", "A quoted name ends with \"."},
    {"SELECT \"\"", 7, "zero-length delimited identifier at or near \"\"\"\"", ""},
    {"SELECT /* /* */", 7, "unterminated /* comment at or near \"/* /* */\"", "A comment ends with */."},
    {"SELECT 123abc", 7, "trailing junk after numeric literal at or near \"123abc\"", ""},
    {"SELECT 1.5e", 7, "trailing junk after numeric literal at or near \"1.5e\"", ""},
    {"SELECT $1a", 7, "trailing junk after parameter at or near \"$1a\"", ""},
    {"SELECT $0", 7, "there is no parameter $0", ""},
    {"SELECT $65536", 7, "there is no parameter $65536", ""},
    {"SELECT $1, ?", 11, "$n and ? cannot be mixed in one statement", ""},
    {"SELECT @a", 7, "syntax error at or near \"@\"", "No token of SQL begins with this character."},
    {"SELECT [1, a]", 11, "syntax error at or near \"a\"", "A vector element must be a number, as in [1, -2.5]."},
    {"SELECT [1, 2", 12, "syntax error at end of input", "Expected ',' or ']' in a vector."},
    {"SELECT [1e39]", 8, "vector element is out of range for type real", ""},
    {"SELECT x'0'", 10, "a blob needs an even number of hexadecimal digits", ""},
    {"SELECT x'zz'", 7, "invalid hexadecimal string at or near \"x'zz'\"", "A blob is x'…' with pairs of the digits 0-9, a-f."},
    {"SELECT E'\\u12'", 9, "invalid Unicode escape", ""},
    {"SELECT E'\\ud800'", 9, "invalid Unicode escape value", ""},
    {"SELECT E'\\xff'", 7, "invalid byte sequence for encoding \"UTF8\" in escape string", ""},
    {"SELECT '\xff'", 8, "invalid byte sequence for encoding \"UTF8\": 0xff", ""},
};

}  // namespace

TEST_CASE("A statement prints as it was written, or in its normal form", "[sql]") {
  for (const RoundTrip& entry : kStatements) {
    CHECK(reprint(entry.sql) == (entry.printed == nullptr ? entry.sql : entry.printed));
  }
}

TEST_CASE("What was printed parses, and prints the same again", "[sql]") {
  for (const RoundTrip& entry : kStatements) {
    const std::string once = reprint(entry.sql);
    CHECK(reprint(once) == once);
  }
}

TEST_CASE("A mistake is reported with its place and with what was expected there", "[sql]") {
  for (const Mistake& mistake : kMistakes) {
    CAPTURE(mistake.sql);
    const auto parsed = parseSql(mistake.sql);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().message == mistake.message);
    CHECK(parsed.error().detail == mistake.detail);
    CHECK(parsed.error().position.value_or(9999) == mistake.position);
  }
}

TEST_CASE("Every statement cut off anywhere is a statement or an error within it", "[sql]") {
  for (const RoundTrip& entry : kStatements) {
    const std::string_view sql = entry.sql;
    for (std::size_t size = 0; size < sql.size(); ++size) {
      const auto parsed = parseSql(sql.substr(0, size));
      if (!parsed.ok()) {
        REQUIRE(parsed.error().position.has_value());
        CHECK(*parsed.error().position <= size);
        CHECK_FALSE(parsed.error().message.empty());
      }
    }
  }
}

TEST_CASE("A NUL byte is no part of a statement", "[sql]") {
  const auto parsed = parseSql(std::string_view("SELECT 'a\0b'", 12));
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().code == ErrorCode::kInvalidText);
  CHECK(parsed.error().message == "invalid byte sequence for encoding \"UTF8\": 0x00");
  CHECK(parsed.error().position == 9u);
}

TEST_CASE("A mistyped keyword is guessed", "[sql]") {
  const auto hint_of = [](std::string_view sql) { return parseSql(sql).error().hint; };
  CHECK(hint_of("SELECT * FORM t") == "Perhaps you meant FROM instead of \"FORM\".");
  CHECK(hint_of("SELECT 1 FORM t") == "Perhaps you meant FROM instead of \"FORM\".");
  CHECK(hint_of("INSRT INTO t VALUES (1)") == "Perhaps you meant INSERT instead of \"INSRT\".");
  CHECK(hint_of("SELECT a FROM t wheree a = 1") == "Perhaps you meant WHERE instead of \"wheree\".");
  CHECK(hint_of("SELECT 1 +").empty());
  CHECK(hint_of("FROBNICATE").empty());
}

TEST_CASE("A long token is shown shortened, and not cut within a character", "[sql]") {
  std::string sql = "SELECT * ";
  for (int i = 0; i < 200; ++i) {
    sql += "\xC3\xA9";
  }
  sql += " x";
  // The name is an alias; what does not fit is x. So give the name itself the wrong place.
  const std::string name = sql.substr(9, 400);
  const auto parsed = parseSql("SELECT 1 " + name + " " + name);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().message == "syntax error at or near \"" + name.substr(0, 60) + "…\"");
}

TEST_CASE("A stored expression parses alone", "[sql]") {
  const auto parsed = parseSqlExpression("a > 0 AND length(b) < $1");
  REQUIRE(parsed.ok());
  CHECK(toSql(*parsed.value().expression) == "a > 0 AND length(b) < $1");
  CHECK(parsed.value().owner->parameter_count == 1);
  CHECK_FALSE(parseSqlExpression("a > 0; b").ok());
  CHECK_FALSE(parseSqlExpression("").ok());
  CHECK_FALSE(parseSqlExpression("SELECT 1").ok());
}

}  // namespace trefoil::parser
