// Statements that others wrote: excerpts from the sqllogictest corpus (public domain), and random expressions.
#include <catch2/catch.hpp>
#include <random>

#include "parser/ast_printer.hpp"
#include "parser/sql_parser.hpp"

namespace trefoil::parser {
namespace {

// NOLINTBEGIN(bugprone-suspicious-missing-comma): long statements are several literals
const char* const kExcerpts[] = {
    // select1, select2, select3
    "SELECT CASE WHEN c>(SELECT avg(c) FROM t1) THEN a*2 ELSE b*10 END\n  FROM t1\n ORDER BY 1",
    "SELECT a+b*2+c*3+d*4+e*5,\n       (a+b+c+d+e)/5\n  FROM t1\n ORDER BY 1,2",
    "SELECT (SELECT count(*) FROM t1 AS x WHERE x.c>t1.c AND x.d<t1.d),\n       d-e,\n       a+b*2+c*3+d*4+e*5\n  FROM t1\n"
    " WHERE c BETWEEN b-2 AND d+2\n   AND EXISTS(SELECT 1 FROM t1 AS x WHERE x.b<t1.b)\n   AND b IS NOT NULL",
    "SELECT abs(b-c), CASE a+1 WHEN b THEN 111 WHEN c THEN 222 WHEN d THEN 333 WHEN e THEN 444 ELSE 555 END\n  FROM t1\n"
    " WHERE coalesce(a,b,c,d,e)<>0\n    OR d NOT BETWEEN 110 AND 150\n ORDER BY 1 DESC",
    // evidence
    "SELECT 1 NOT IN (SELECT * FROM t8)",
    "SELECT null IN t4n",
    "CREATE TABLE t1( x INTEGER, y VARCHAR(8) )",
    "CREATE TEMPORARY VIEW view3 AS SELECT x FROM t1 WHERE x>0",
    "DROP INDEX t1i1;",
    "UPDATE t1 SET x=3, x=4, x=5",
    // random/expr
    "SELECT + CAST ( NULL AS INTEGER )",
    "SELECT ALL - 99",
    "SELECT + + 11 AS col1",
    "SELECT 54 * + CASE + 67 WHEN - ( - 46 ) THEN - 26 ELSE NULL END - - 26",
    "SELECT - 32 + COUNT ( * ) * + MAX ( - 10 ) / NULLIF ( 71, + 36 ) AS col2",
    "SELECT DISTINCT - - COALESCE ( - 85, + CAST ( 6 AS REAL ) )",
    // random/aggregates, groupby, select
    "SELECT ALL * FROM tab2 AS cor0 WHERE NOT ( NOT col1 ) NOT BETWEEN NULL AND + + 81",
    "SELECT + 99 / + col1 + cor0.col1 AS col2 FROM tab1 AS cor0 GROUP BY cor0.col1, col1 HAVING NULL IS NOT NULL",
    "SELECT ALL - cor2.col2 FROM tab0, tab1 AS cor0, tab0 AS cor1, tab0 AS cor2",
    "SELECT DISTINCT * FROM tab0 cor0 CROSS JOIN tab1 AS cor1 WHERE NOT - col0 * 5 IS NULL",
    "SELECT ALL col2 FROM tab2 WHERE NOT col1 NOT IN ( + col0, 73 )",
    "SELECT + COUNT( DISTINCT - col2 ), SUM( ALL + col0 ) col1 FROM tab1",
    // index
    "CREATE TABLE tab0(pk INTEGER PRIMARY KEY, col0 INTEGER, col1 FLOAT, col2 TEXT, col3 INTEGER, col4 FLOAT, col5 TEXT)",
    "CREATE UNIQUE INDEX idx_tab3_2 ON tab3 (col1 DESC,col3,col4 DESC)",
    "INSERT INTO tab0 VALUES(0,1,2.77,'zlxqx',5,6.58,'qwnhj')",
    "INSERT INTO tab1 SELECT * FROM tab0",
    "DELETE FROM tab3 WHERE col0 IS NULL OR (col4 = 1.5)",
    "SELECT pk, col0 FROM tab3 WHERE (((col0 > 418 AND col0 <= 569 AND col1 < 970.23))) ORDER BY 1,2 DESC",
    "SELECT pk FROM tab0 WHERE (col3 IN (40,98,77) AND col4 > 8.13 OR (col0 IS NULL) OR (col1 >= 32.13 AND (((col3 < 98 OR "
    "((((col4 "
    "< 5.84) AND col3 IN (45,9,60) OR col4 > 5.34)))))) AND col0 <= 22))",
    "SELECT pk FROM tab1 WHERE col0 IN (SELECT col3 FROM tab1 WHERE col4 BETWEEN 1.5 AND 88.2) OR col3 > 5",
    "CREATE VIEW view_1_tab0_1 AS SELECT pk, col0 FROM tab0 WHERE col0 < 3",
    "SELECT pk, col0 FROM view_1_tab2_3 UNION ALL SELECT pk, col0 FROM tab2 WHERE NOT (col0 > 1)",
    "SELECT pk FROM ( SELECT pk, col0 FROM tab0 WHERE col0 > 88751 AND (col3 <= 71643) ) AS tab0_2",
};
// NOLINTEND(bugprone-suspicious-missing-comma)

// A random expression, with parentheses around everything that has an operator.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string expression(int depth) {
    if (depth == 0) {
      return pick({"a", "t.b", "\"C\"", "1", "2.5", "'x'", "'it''s'", "NULL", "TRUE", "$1", "x'0f'", "[1, 2]", "CURRENT_DATE"});
    }
    const auto child = [&] { return expression(static_cast<int>(random_() % static_cast<unsigned>(depth))); };
    switch (random_() % 12) {
      case 0:
      case 1:
      case 2:
        return "(" + child() + " " +
               pick({"OR",
                     "AND",
                     "=",
                     "<>",
                     "<",
                     "<=",
                     ">",
                     ">=",
                     "||",
                     "->",
                     "->>",
                     "<->",
                     "<=>",
                     "<#>",
                     "+",
                     "-",
                     "*",
                     "/",
                     "%",
                     "^",
                     "IS DISTINCT FROM",
                     "IS NOT DISTINCT FROM"}) +
               " " + child() + ")";
      case 3:
        return "(" + pick({"NOT", "-", "+"}) + " " + child() + ")";
      case 4:
        return "(" + child() + " " + pick({"IS NULL", "IS NOT TRUE", "IS UNKNOWN", "::text", "::numeric(8, 2)"}) + ")";
      case 5:
        return "(" + child() + pick({" BETWEEN ", " NOT BETWEEN "}) + child() + " AND " + child() + ")";
      case 6:
        return "(" + child() + pick({" IN (", " NOT IN ("}) + child() + ", " + child() + "))";
      case 7:
        return "(" + child() + pick({" LIKE ", " NOT ILIKE "}) + child() + pick({"", " ESCAPE '!'"}) + ")";
      case 8:
        return "CASE " + pick({"", "x "}) + "WHEN " + child() + " THEN " + child() + pick({"", " ELSE 0"}) + " END";
      case 9:
        return pick({"f(", "count(DISTINCT ", "coalesce(1, "}) + child() + ")";
      case 10:
        return pick({"EXISTS ", "", ""}) + "(SELECT " + child() + pick({"", " FROM t", " UNION SELECT 1"}) + ")";
      default:
        return "(" + child() + pick({" IN (SELECT 1)", " NOT IN (VALUES (1))", " IN (SELECT 1 UNION SELECT 2)"}) + ")";
    }
  }

 private:
  std::string pick(std::initializer_list<const char*> choices) { return choices.begin()[random_() % choices.size()]; }

  std::mt19937 random_;
};

// The tree with a parenthesis around everything: two trees that print alike here are alike.
std::string structureOf(const ast::Expression& expression) {
  const std::string kind = std::to_string(static_cast<int>(expression.kind));
  switch (expression.kind) {
    case ast::ExpressionKind::kUnary: {
      const auto& unary = expression.as<ast::Unary>();
      return "(" + std::to_string(static_cast<int>(unary.op)) + "u " + structureOf(*unary.operand) + ")";
    }
    case ast::ExpressionKind::kBinary: {
      const auto& binary = expression.as<ast::Binary>();
      if (binary.op == ast::BinaryOperator::kAnd || binary.op == ast::BinaryOperator::kOr) {
        return toSql(expression);  // associative: its shape is not to be kept
      }
      return "(" + structureOf(*binary.left) + " " + std::to_string(static_cast<int>(binary.op)) + " " +
             structureOf(*binary.right) + ")";
    }
    case ast::ExpressionKind::kIsTest:
      return "(" + structureOf(*expression.as<ast::IsTest>().operand) + " is)";
    case ast::ExpressionKind::kCast:
      return "(" + structureOf(*expression.as<ast::Cast>().operand) + " ::)";
    case ast::ExpressionKind::kBetween: {
      const auto& between = expression.as<ast::Between>();
      return "(" + structureOf(*between.operand) + " between " + structureOf(*between.low) + " " + structureOf(*between.high) +
             ")";
    }
    case ast::ExpressionKind::kInList:
      return "(" + structureOf(*expression.as<ast::InList>().operand) + " in " + toSql(expression) + ")";
    case ast::ExpressionKind::kInQuery:
      return "(" + structureOf(*expression.as<ast::InQuery>().operand) + " in " + toSql(expression) + ")";
    case ast::ExpressionKind::kLike: {
      const auto& like = expression.as<ast::Like>();
      return "(" + structureOf(*like.operand) + " like " + structureOf(*like.pattern) + ")";
    }
    default:
      return kind + ":" + toSql(expression);
  }
}

}  // namespace

TEST_CASE("Statements of the sqllogictest corpus parse, and print what parses the same", "[sql][corpus]") {
  for (const char* sql : kExcerpts) {
    CAPTURE(sql);
    const auto parsed = parseSql(sql);
    REQUIRE(parsed.ok());
    const std::string printed = toSql(*parsed.value()->statement);
    const auto again = parseSql(printed);
    REQUIRE(again.ok());
    CHECK(toSql(*again.value()->statement) == printed);
  }
}

TEST_CASE("A random expression means the same after it was printed", "[sql][corpus]") {
  const unsigned seed = 2026;
  INFO("seed " << seed);
  Generator generator(seed);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = generator.expression(6);
    CAPTURE(text);
    const auto parsed = parseSqlExpression(text);
    REQUIRE(parsed.ok());
    const std::string printed = toSql(*parsed.value().expression);
    CAPTURE(printed);
    const auto again = parseSqlExpression(printed);
    REQUIRE(again.ok());
    REQUIRE(structureOf(*again.value().expression) == structureOf(*parsed.value().expression));
  }
}

TEST_CASE("Names and strings are quoted where they must be", "[sql]") {
  const std::pair<const char*, const char*> names[] = {
      {"abc", "abc"},         {"_a1$", "_a1$"},         {"Abc", "\"Abc\""},   {"1a", "\"1a\""},         {"a b", "\"a b\""},
      {"a\"b", "\"a\"\"b\""}, {"select", "\"select\""}, {"left", "\"left\""}, {"values", "\"values\""}, {"key", "key"},
      {"", "\"\""},           {"\xC3\xA9", "\xC3\xA9"},
  };
  for (const auto& [name, quoted] : names) {
    CHECK(quoteIdentifier(name) == quoted);
  }
  CHECK(quoteLiteral("it's") == "'it''s'");
  CHECK(quoteLiteral("") == "''");
}

TEST_CASE("Parts of statements print alone", "[sql]") {
  const auto parsed = parseSql("CREATE TABLE t (a varchar(10) NOT NULL DEFAULT 'x', CHECK (a <> 'y'))");
  REQUIRE(parsed.ok());
  const auto& table = parsed.value()->statement->as<ast::CreateTable>();
  CHECK(toSql(table.columns[0]) == "a varchar(10) NOT NULL DEFAULT 'x'");
  CHECK(toSql(table.columns[0].type) == "varchar(10)");
  CHECK(toSql(table.constraints[0]) == "CHECK (a <> 'y')");
}

}  // namespace trefoil::parser
