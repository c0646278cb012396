// What the tree holds beside its shape: positions, literal numbers, heights; and the bounds that keep hostile text harmless.
#include <catch2/catch.hpp>

#include "parser/ast_printer.hpp"
#include "parser/sql_parser.hpp"

namespace trefoil::parser {
namespace {

std::unique_ptr<ParsedStatement> parsed(std::string_view sql) {
  auto result = parseSql(sql);
  INFO(sql.substr(0, 200));
  REQUIRE(result.ok());
  return std::move(result).value();
}

const ast::Select& selectOf(const ParsedStatement& statement) {
  return statement.statement->as<ast::QueryStatement>().query->as<ast::Select>();
}

const ast::Expression& firstItem(const ParsedStatement& statement) {
  return *selectOf(statement).items[0].expression;
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) {
    text += piece;
  }
  return text;
}

ErrorCode codeOf(const std::string& sql) {
  const auto result = parseSql(sql);
  REQUIRE_FALSE(result.ok());
  return result.error().code;
}

}  // namespace

TEST_CASE("Names are folded and keep their place", "[sql]") {
  const std::string_view sql = "SELECT Foo, \"Foo\" FROM MyTable AS T";
  const auto statement = parsed(sql);
  const auto& select = selectOf(*statement);
  const auto& folded = select.items[0].expression->as<ast::Column>();
  CHECK(folded.name.text == "foo");
  CHECK(folded.position == 7);
  const auto& quoted = select.items[1].expression->as<ast::Column>();
  CHECK(quoted.name.text == "Foo");
  CHECK(quoted.position == 12);
  const auto& table = select.from[0]->as<ast::NamedTable>();
  CHECK(table.name.name.text == "mytable");
  CHECK(table.name.name.position == 23);
  CHECK(table.alias.text == "t");
  CHECK(table.alias.position == 34);
}

TEST_CASE("The tree does not look at the caller's text any more", "[sql]") {
  std::string sql = "SELECT abc FROM def WHERE x = 'ghi'";
  const auto statement = parsed(sql);
  std::fill(sql.begin(), sql.end(), '#');
  CHECK(toSql(*statement->statement) == "SELECT abc FROM def WHERE x = 'ghi'");
}

TEST_CASE("An operator's position is its own", "[sql]") {
  const auto statement = parsed("SELECT a + b * c, a IS NULL, a NOT IN (1), f(x), -a, 'x'::text");
  const auto& items = selectOf(*statement).items;
  CHECK(items[0].expression->position == 9);
  CHECK(items[0].expression->as<ast::Binary>().right->position == 13);
  CHECK(items[1].expression->position == 20);
  CHECK(items[2].expression->position == 35);
  CHECK(items[3].expression->position == 43);
  CHECK(items[4].expression->position == 49);
  CHECK(items[5].expression->position == 56);
}

TEST_CASE("Literals are numbered as they stand in the text", "[sql]") {
  const auto statement =
      parsed("SELECT 1, NULL, 'b'::varchar(10), TRUE, -2.5 FROM t WHERE v <=> [1,2] < 3 AND b = x'00' LIMIT 7");
  CHECK(statement->literal_count == 8);
  const auto& select = selectOf(*statement);
  CHECK(select.items[0].expression->as<ast::Literal>().index == 0);
  CHECK(select.items[1].expression->as<ast::Literal>().index == ast::kNoLiteralIndex);
  CHECK(select.items[2].expression->as<ast::Cast>().operand->as<ast::Literal>().index == 1);
  CHECK(select.items[2].expression->as<ast::Cast>().type.modifiers[0] == 10);  // literal 2
  CHECK(select.items[3].expression->as<ast::Literal>().integer == 1);
  const auto& negated = select.items[4].expression->as<ast::Unary>().operand->as<ast::Literal>();
  CHECK(negated.index == 3);
  CHECK(negated.literal_kind == ast::LiteralKind::kDecimal);
  CHECK(negated.text == "2.5");
  CHECK(select.limit->as<ast::Literal>().index == 7);
}

TEST_CASE("Literals have their values", "[sql]") {
  const auto statement = parsed("SELECT 9223372036854775807, 9223372036854775808, [1, -2.5], x'00ff', E'\\t'");
  const auto& items = selectOf(*statement).items;
  CHECK(items[0].expression->as<ast::Literal>().integer == INT64_MAX);
  CHECK(items[1].expression->as<ast::Literal>().literal_kind == ast::LiteralKind::kDecimal);
  const auto floats = items[2].expression->as<ast::Literal>().floats;
  REQUIRE(floats.size() == 2);
  CHECK(floats[0] == 1.0f);
  CHECK(floats[1] == -2.5f);
  CHECK(items[3].expression->as<ast::Literal>().text == std::string_view("\0\xff", 2));
  CHECK(items[4].expression->as<ast::Literal>().text == "\t");
}

TEST_CASE("Parameters are counted", "[sql]") {
  CHECK(parsed("SELECT $3, $1")->parameter_count == 3);
  CHECK(parsed("SELECT ?, ?")->parameter_count == 2);
  CHECK(parsed("SELECT 1")->parameter_count == 0);
  const auto statement = parsed("SELECT ?, ?");
  CHECK(selectOf(*statement).items[1].expression->as<ast::Parameter>().number == 2);
}

TEST_CASE("Long chains of AND and OR arrive balanced and in order", "[sql]") {
  std::string sql = "SELECT a0 = 0";
  for (int i = 1; i < 5000; ++i) {
    sql += " OR a" + std::to_string(i) + " = " + std::to_string(i);
  }
  const auto statement = parsed(sql);
  CHECK(firstItem(*statement).height <= 16);  // log2(5000) + a comparison
  CHECK(toSql(*statement->statement) == sql);
}

TEST_CASE("A type by a quoted name that looks like several words prints as it was written", "[sql]") {
  for (const char* sql : {"SELECT 1::\"a with time zone \"\"b\"", "SELECT 1::timestamp(3) with time zone",
                          "SELECT 1::time with time zone", "SELECT 1::\"a with time zone\"", "SELECT 1::double precision"}) {
    INFO(sql);
    CHECK(toSql(*parsed(sql)->statement) == sql);
  }
}

TEST_CASE("Trees are bounded in height and nesting, and lists are not", "[sql][limits]") {
  struct Case {
    const char* begin;
    const char* piece;
    const char* middle;
    const char* close;
    const char* end;
    std::size_t fits;
    std::size_t fails;
  };
  const Case cases[] = {
      {"SELECT ", "(", "1", ")", "", 190, 250},
      {"SELECT ", "NOT ", "a", "", "", 190, 250},
      {"SELECT ", "- ", "a", "", "", 190, 250},
      {"SELECT ", "f(", "a", ")", "", 190, 250},
      {"SELECT ", "CASE WHEN ", "a", " THEN 1 END", "", 190, 250},
      {"", "SELECT (", "SELECT 1", ")", "", 90, 250},
      {"", "(", "SELECT 1", ")", "", 190, 250},
      {"SELECT * FROM ", "(", "t", ")", "", 190, 250},
      {"SELECT * FROM ", "(SELECT * FROM ", "t", ") x", "", 60, 250},
      {"SELECT a", "", "", " + a", "", 900, 1100},
      {"SELECT a", "", "", " || a", "", 900, 1100},
      {"SELECT a", "", "", "::text", "", 900, 1100},
      {"SELECT a", "", "", " IS NULL", "", 900, 1100},
      {"SELECT a", "", "", " IN (1)", "", 900, 1100},
      {"SELECT 1", "", "", " UNION SELECT 1", "", 900, 1100},
      {"SELECT * FROM a", "", "", " CROSS JOIN a", "", 900, 1100},
  };
  for (const Case& entry : cases) {
    const auto build = [&entry](std::size_t times) {
      return entry.begin + repeated(entry.piece, times) + entry.middle + repeated(entry.close, times) + entry.end;
    };
    CAPTURE(entry.begin, entry.piece, entry.close);
    const auto fits = parseSql(build(entry.fits));
    REQUIRE(fits.ok());
    const std::string printed = toSql(*fits.value()->statement);
    const auto again = parseSql(printed);  // what fits once still fits when it is stored and read back
    REQUIRE(again.ok());
    CHECK(toSql(*again.value()->statement) == printed);
    CHECK(codeOf(build(entry.fails)) == ErrorCode::kLimit);
    CHECK(codeOf(build(3000)) == ErrorCode::kLimit);
  }
  CHECK(parsed("SELECT a IN (1" + repeated(", 1", 100000) + ")")->literal_count == 100001);
  CHECK(parsed("INSERT INTO t VALUES (1)" + repeated(", (1)", 100000))->literal_count == 100001);
  CHECK(selectOf(*parsed("SELECT 1" + repeated(", 1", 100000))).items.size() == 100001);
}

TEST_CASE("Unfinished and ambiguous text costs no more than its length", "[sql][limits]") {
  // Each of these would take exponential or quadratic time if anything were tried twice; the test would not end.
  const std::size_t many = 20000;
  for (const std::string& sql :
       {repeated("(", many), "SELECT " + repeated("(SELECT ", many), repeated("/*", many), repeated("/*/", many),
        "SELECT '" + repeated("''", many), "SELECT " + repeated("a.", many), "SELECT [" + repeated("1,", many),
        "SELECT " + repeated("CASE ", many), "SELECT * FROM " + repeated("(", many), "SELECT a IN " + repeated("((", many),
        "WITH " + repeated("a AS (WITH ", many), repeated("EXPLAIN ", many), "SELECT 1 " + repeated("UNION (", many),
        "INSERT INTO t VALUES " + repeated("((", many), "CREATE TABLE t (a int " + repeated("CHECK (", many)}) {
    CAPTURE(sql.substr(0, 40));
    CHECK_FALSE(parseSql(sql).ok());
  }
  CHECK(parseSql("SELECT 1" + repeated(" -- comment\n", many)).ok());
  CHECK(parseSql("SELECT " + repeated("x", many)).ok());
}

}  // namespace trefoil::parser
