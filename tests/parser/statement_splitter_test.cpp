#include "parser/statement_splitter.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "parser/sql_shape.hpp"

namespace trefoil::parser {
namespace {

using Inside = StatementSplitter::Inside;

struct Found {
  std::string text;
  std::size_t line;
  std::size_t column;
  bool operator==(const Found&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Found& found) {
  return out << found.line << ':' << found.column << " [" << found.text << ']';
}

// All statements of a script that arrives in pieces of the given sizes (in turn), the last one perhaps without its ';'.
std::vector<Found> split(std::string_view script, const std::vector<std::size_t>& sizes) {
  StatementSplitter splitter;
  std::vector<Found> found;
  for (std::size_t i = 0; !script.empty(); ++i) {
    std::string_view piece = script.substr(0, sizes[i % sizes.size()]);
    script.remove_prefix(piece.size());
    while (!piece.empty()) {
      piece.remove_prefix(splitter.feed(piece));
      if (splitter.complete()) {
        if (!splitter.statement().empty()) {
          found.push_back({std::string(splitter.statement()), splitter.line(), splitter.column()});
        }
        splitter.reset();
      }
    }
  }
  if (!splitter.statement().empty()) {
    found.push_back({std::string(splitter.statement()), splitter.line(), splitter.column()});
  }
  return found;
}

Inside insideAfter(std::string_view text) {
  StatementSplitter splitter;
  splitter.feed(text);
  return splitter.inside();
}

}  // namespace

TEST_CASE("Statements are found with the place where they begin", "[splitter]") {
  const std::string_view script =
      "SELECT 1;\n"
      "  -- a comment;\n"
      "\tSELECT ';', \";\" /* ; /* ; */ ; */ -- ;\n"
      " FROM t; SELECT E'\\';' ; ;\n"
      "SELECT 'a''; b'; SELECT 1 - 2";
  const std::vector<Found> expected = {
      {"SELECT 1", 1, 1},         {"SELECT ';', \";\" /* ; /* ; */ ; */ -- ;\n FROM t", 3, 2},
      {"SELECT E'\\';' ", 4, 10}, {"SELECT 'a''; b'", 5, 1},
      {"SELECT 1 - 2", 5, 18},
  };
  CHECK(split(script, {1000}) == expected);
  CHECK(split(script, {1}) == expected);
  CHECK(split(script, {3, 1, 7}) == expected);
}

TEST_CASE("The prompt knows what is open", "[splitter]") {
  CHECK(insideAfter("") == Inside::kNothing);
  CHECK(insideAfter("  \n-- note\n") == Inside::kNothing);
  CHECK(insideAfter("-- note") == Inside::kNothing);
  CHECK(insideAfter("/* note") == Inside::kComment);
  CHECK(insideAfter("/* note */") == Inside::kNothing);
  CHECK(insideAfter("SELECT") == Inside::kStatement);
  CHECK(insideAfter("SELECT (1") == Inside::kParentheses);
  CHECK(insideAfter("SELECT (1)") == Inside::kStatement);
  CHECK(insideAfter("SELECT )(") == Inside::kParentheses);
  CHECK(insideAfter("SELECT 'a") == Inside::kString);
  CHECK(insideAfter("SELECT 'a''") == Inside::kString);
  CHECK(insideAfter("SELECT 'a'''") == Inside::kStatement);
  CHECK(insideAfter("SELECT E'a\\'") == Inside::kString);
  CHECK(insideAfter("SELECT the'a\\'") == Inside::kStatement);  // a word that ends in e is no prefix
  CHECK(insideAfter("SELECT \"a") == Inside::kName);
  CHECK(insideAfter("SELECT /* a") == Inside::kComment);
  CHECK(insideAfter("SELECT -- a") == Inside::kStatement);
}

TEST_CASE("Lines that were skipped count, and a statement is forgotten by reset", "[splitter]") {
  StatementSplitter splitter;
  splitter.skip("SET key value\n");
  CHECK(splitter.feed("SELECT\n1; GET x") == 9);
  REQUIRE(splitter.complete());
  CHECK(splitter.statement() == "SELECT\n1");
  CHECK(splitter.line() == 2);
  splitter.reset();
  CHECK(splitter.inside() == Inside::kNothing);
  CHECK(splitter.statement().empty());
  splitter.skip(" GET x\n");
  splitter.feed("  SELECT 2;");
  CHECK(splitter.line() == 4);
  CHECK(splitter.column() == 3);
}

TEST_CASE("Pieces of any size give the same statements, those that the scanner finds", "[splitter]") {
  const std::string_view pieces[] = {"a", "e", "E",  "1",  ";",  ";", "'", "''", "\"", "\\", "-",    "--",
                                     "/", "*", "/*", "*/", "\n", " ", "(", ")",  "E'", "x'", "b\\'", "'c;'"};
  const unsigned seed = 99;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  ShapeScanner scanner;
  for (int round = 0; round < 20000; ++round) {
    std::string script;
    for (std::size_t count = random() % 14; count > 0; --count) {
      script += pieces[random() % std::size(pieces)];
    }
    CAPTURE(script);
    const auto whole = split(script, {1000});
    REQUIRE(split(script, {1}) == whole);
    REQUIRE(split(script, {2, 3}) == whole);
    // Where the scanner ends a statement, so does the splitter.
    std::size_t at = 0;
    StatementSplitter splitter;
    while (at < script.size()) {
      scanner.scan(std::string_view(script).substr(at));
      REQUIRE(splitter.feed(std::string_view(script).substr(at)) == scanner.consumed());
      REQUIRE(splitter.complete() == scanner.terminated());
      at += scanner.consumed();
      splitter.reset();
    }
  }
}

}  // namespace trefoil::parser
