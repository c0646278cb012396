// The shape scanner against the grammar's tokeniser: both must cut every text into the same tokens, or both must refuse it.
#include "parser/sql_shape.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <random>

#include "parser/sql_literals.hpp"
#include "parser/sql_parser.hpp"
#include "parser/sql_tokenizer.hpp"
#include "parser/utf8.hpp"

namespace trefoil::parser {
namespace {

// What the scanner must find, made from the tokens of the grammar. nullopt: the grammar refuses the text.
struct Expected {
  std::string shape;
  std::vector<Value> literals;
  std::vector<std::uint32_t> positions;
};

// Neither infinite, nor zero or denormal though a digit is not: such a number is left to the binder.
bool inRange(std::string_view spelling, double value) {
  const std::string_view mantissa = spelling.substr(0, spelling.find_first_of("eE"));
  return std::isnormal(value) || (value == 0 && mantissa.find_first_of("123456789") == std::string_view::npos);
}

bool addLiteral(TokenKind kind, std::string_view spelling, Arena& arena, Expected& expected) {
  std::string_view bytes;
  std::span<const float> floats;
  switch (kind) {
    case TokenKind::kInteger:
      if (const auto value = decodeInteger(spelling)) {
        expected.shape += "#i ";
        expected.literals.emplace_back(Datum::integer(*value));
        return true;
      }
      [[fallthrough]];
    case TokenKind::kDecimal:
      expected.shape += "#d ";
      expected.literals.emplace_back(Datum::real(std::strtod(std::string(spelling).c_str(), nullptr)));
      return inRange(spelling, expected.literals.back().view().asReal());
    case TokenKind::kString:
      expected.shape += "#s ";
      if (!decodeString(spelling, arena, bytes).ok()) {
        return false;
      }
      expected.literals.emplace_back(Datum::text(bytes));
      return true;
    case TokenKind::kBlob:
      expected.shape += "#b ";
      if (!decodeBlob(spelling, arena, bytes).ok()) {
        return false;
      }
      expected.literals.emplace_back(Datum::blob(bytes));
      return true;
    default:
      expected.shape += "#v ";
      if (!decodeVector(spelling, arena, floats).ok()) {
        return false;
      }
      expected.literals.emplace_back(Datum::vector(floats));
      return true;
  }
}

// Up to the first semicolon.
std::optional<Expected> expectedOf(std::string_view text) {
  if (findInvalidUtf8(text) != std::string_view::npos) {
    return std::nullopt;
  }
  const auto list = tokenizeSql(text);
  if (!list.ok()) {
    return std::nullopt;
  }
  Arena arena;
  Expected expected;
  for (std::size_t i = 0; i < list.value().tokens.size(); ++i) {
    const Token& token = list.value().tokens[i];
    const auto kind = static_cast<TokenKind>(list.value().kinds[i]);
    const std::string_view spelling = text.substr(token.begin, token.end - token.begin);
    if (kind == TokenKind::kSemicolon) {
      break;
    }
    if (kind >= TokenKind::kInteger && kind <= TokenKind::kVector) {
      if (!addLiteral(kind, spelling, arena, expected)) {
        return std::nullopt;
      }
      expected.positions.push_back(token.begin);
    } else if (kind == TokenKind::kParameter) {
      expected.shape += spelling.front() == '?' ? "? " : "$" + std::to_string(token.number) + " ";
    } else if (kind == TokenKind::kIdentifier || isKeyword(kind)) {
      expected.shape += spelling.front() == '"' ? spelling : decodeIdentifier(spelling, arena);
      expected.shape += ' ';
    } else {
      expected.shape += tokenSpelling(kind);
      expected.shape += ' ';
    }
  }
  return expected;
}

void requireAlike(ShapeScanner& scanner, std::string_view text) {
  CAPTURE(text);
  const ShapeState state = scanner.scan(text);
  const std::string_view statement = text.substr(0, scanner.size());
  const auto expected = expectedOf(statement);
  REQUIRE((state == ShapeState::kReady) == expected.has_value());
  if (!expected) {
    return;
  }
  REQUIRE(scanner.text() == expected->shape);
  REQUIRE(scanner.literals().size() == expected->literals.size());
  for (std::size_t i = 0; i < expected->literals.size(); ++i) {
    REQUIRE(identical(scanner.literals()[i], expected->literals[i].view()));
    REQUIRE(scanner.positions()[i] == expected->positions[i]);
  }
}

struct Shape {
  std::string text;
  std::uint64_t hash;
};
Shape scanned(std::string_view text) {
  ShapeScanner scanner;
  REQUIRE(scanner.scan(text) == ShapeState::kReady);
  return {std::string(scanner.text()), scanner.hash()};
}

}  // namespace

TEST_CASE("A shape keeps the tokens and forgets case, space, comments and values", "[shape]") {
  ShapeScanner scanner;
  const std::string_view text = "SELECT Name FROM users -- who?\n WHERE id = 42 AND x > 1.5; SELECT 2";
  REQUIRE(scanner.scan(text) == ShapeState::kReady);
  CHECK(scanner.text() == "select name from users where id = #i and x > #d ");
  CHECK(scanner.size() == text.find(';'));
  CHECK(scanner.consumed() == text.find(';') + 1);
  CHECK(scanner.terminated());
  REQUIRE(scanner.literals().size() == 2);
  CHECK(scanner.literals()[0].asInteger() == 42);
  CHECK(scanner.literals()[1].asReal() == 1.5);
  CHECK(text.substr(scanner.positions()[0], 2) == "42");
  const std::uint64_t hash = scanner.hash();
  CHECK(scanned("select name from USERS where id=7 and/**/x>2.").hash == hash);
  CHECK(scanned("select name from users where id=7 and x>2").hash != hash);
  CHECK(scanned("select name from users where id='7' and x>2.5").hash != hash);
}

TEST_CASE("What means something else has another shape", "[shape]") {
  const char* const pairs[][2] = {
      {"SELECT a b", "SELECT ab"},
      {"SELECT a <= b", "SELECT a < = b"},
      {"SELECT \"A\"", "SELECT a"},
      {"SELECT \"a\"", "SELECT a"},
      {"SELECT 1", "SELECT 1.0"},
      {"SELECT 9223372036854775807", "SELECT 9223372036854775808"},
      {"SELECT $1", "SELECT $2"},
      {"SELECT ?", "SELECT $1"},
      {"SELECT NULL", "SELECT TRUE"},
      {"SELECT x'00'", "SELECT '00'"},
      {"SELECT [1]", "SELECT '[1]'"},
      {"SELECT -1", "SELECT 1"},
      {"SELECT \"a b\"", "SELECT \"a  b\""},
      {"SELECT a.b", "SELECT a . b . c"},
      {"SELECT (1, 2)", "SELECT (1), 2"},
  };
  for (const auto& pair : pairs) {
    CAPTURE(pair[0], pair[1]);
    CHECK(scanned(pair[0]).text != scanned(pair[1]).text);
    CHECK(scanned(pair[0]).hash != scanned(pair[1]).hash);
  }
  CHECK(scanned("SELECT a != 1").text == scanned("SELECT a <> 2").text);
  CHECK(scanned("SELECT E'a'").text == scanned("SELECT 'b'").text);
}

TEST_CASE("The end of a statement is found", "[shape]") {
  struct Case {
    const char* text;
    ShapeState state;
    std::size_t size;
    std::size_t consumed;
  };
  const Case cases[] = {
      {"", ShapeState::kReady, 0, 0},
      {"  -- nothing", ShapeState::kReady, 12, 12},
      {";", ShapeState::kReady, 0, 1},
      {"a;b", ShapeState::kReady, 1, 2},
      {"a", ShapeState::kReady, 1, 1},
      {"';';b", ShapeState::kReady, 3, 4},
      {"'a'';';b", ShapeState::kReady, 6, 7},
      {"E'\\';';b", ShapeState::kReady, 6, 7},
      {"\";\";b", ShapeState::kReady, 3, 4},
      {"--;\n;b", ShapeState::kReady, 4, 5},
      {"/*;/*;*/;*/;b", ShapeState::kReady, 11, 12},
      {"(;", ShapeState::kReady, 1, 2},
      {"@;b", ShapeState::kUncacheable, 1, 2},
      {"1a;b", ShapeState::kUncacheable, 2, 3},
      {"1e'\\';b", ShapeState::kUncacheable, 5, 6},
      {"[1,x];b", ShapeState::kUncacheable, 5, 6},
      {"x'zz;';b", ShapeState::kUncacheable, 6, 7},
      {"\"\";b", ShapeState::kUncacheable, 2, 3},
      {"$0;b", ShapeState::kUncacheable, 2, 3},
      {"$1 ?;b", ShapeState::kUncacheable, 4, 5},
      {"'\xff';b", ShapeState::kUncacheable, 3, 4},
      {"1e999;b", ShapeState::kUncacheable, 5, 6},
      {"'a;", ShapeState::kUnfinished, 3, 3},
      {"'a'';", ShapeState::kUnfinished, 5, 5},
      {"E'a\\", ShapeState::kUnfinished, 4, 4},
      {"\"a;", ShapeState::kUnfinished, 3, 3},
      {"/* a; ", ShapeState::kUnfinished, 6, 6},
      {"/*/;", ShapeState::kUnfinished, 4, 4},
      {"x'00", ShapeState::kUnfinished, 4, 4},
  };
  ShapeScanner scanner;
  for (const Case& entry : cases) {
    CAPTURE(entry.text);
    CHECK(scanner.scan(entry.text) == entry.state);
    CHECK(scanner.size() == entry.size);
    CHECK(scanner.consumed() == entry.consumed);
  }
  REQUIRE(scanner.scan(" -- nothing\n;") == ShapeState::kReady);
  CHECK(scanner.empty());
  REQUIRE(scanner.scan("a") == ShapeState::kReady);
  CHECK_FALSE(scanner.empty());
}

TEST_CASE("What is too much for the cache is left to the grammar", "[shape]") {
  ShapeScanner scanner;
  std::string many = "SELECT 1";
  for (std::size_t i = 1; i < ShapeScanner::kMaxLiterals; ++i) {
    many += ",1";
  }
  CHECK(scanner.scan(many) == ShapeState::kReady);
  CHECK(scanner.literals().size() == ShapeScanner::kMaxLiterals);
  CHECK(scanner.scan(many + ",1;x") == ShapeState::kUncacheable);
  CHECK(scanner.size() == many.size() + 2);
  std::string columns = "SELECT abcdefgh";
  while (columns.size() < 2 * ShapeScanner::kMaxShapeBytes) {
    columns += ",abcdefgh";
  }
  CHECK(scanner.scan(columns + ";x") == ShapeState::kUncacheable);
  CHECK(scanner.size() == columns.size());
  const std::string word(100000, 'a');
  CHECK(scanner.scan("SELECT " + word + ";x") == ShapeState::kUncacheable);
  CHECK(scanner.scan("SELECT \"" + word + "\";x") == ShapeState::kUncacheable);
  const std::string long_value = "SELECT '" + word + "';x";
  CHECK(scanner.scan(long_value) == ShapeState::kReady);
  CHECK(scanner.literals()[0].asBytes() == word);
}

TEST_CASE("Decoded literals outlive the scan as long as the next one has not begun", "[shape]") {
  ShapeScanner scanner;
  REQUIRE(scanner.scan("SELECT 'it''s', E'\\n', x'ff', [1, 2], 'plain'") == ShapeState::kReady);
  REQUIRE(scanner.literals().size() == 5);
  CHECK(scanner.literals()[0].asBytes() == "it's");
  CHECK(scanner.literals()[1].asBytes() == "\n");
  CHECK(scanner.literals()[2].type() == Type::kBlob);
  CHECK(scanner.literals()[2].asBytes() == "\xff");
  CHECK(scanner.literals()[3].asVector()[1] == 2.0f);
  CHECK(scanner.literals()[4].asBytes() == "plain");
}

TEST_CASE("Scanner and tokeniser cut random tokens alike", "[shape]") {
  const std::string_view pieces[] = {
      "select",
      "FROM",
      "x",
      "e",
      "E",
      "X",
      "_a$1",
      "\xC3\xA9t\xC3\xA9",
      "\"q \"\"r\"\"\"",
      "1",
      "42",
      "007",
      "1.5",
      ".5",
      "5.",
      "1e3",
      "1E-3",
      "1e",
      "12a",
      "9223372036854775808",
      "'s'",
      "'it''s'",
      "E'\\n\\''",
      "e'\\x41'",
      "x'00'",
      "X'0'",
      "x'g'",
      "[1,2]",
      "[ -1.5e1 , .5 ]",
      "[]",
      "[1",
      "]",
      "$1",
      "$2",
      "$0",
      "?",
      "(",
      ")",
      ",",
      ".",
      "+",
      "-",
      "*",
      "/",
      "%",
      "^",
      "=",
      "<",
      ">",
      "<=",
      ">=",
      "<>",
      "!=",
      "!",
      "|",
      "||",
      "::",
      ":",
      "->",
      "->>",
      "<->",
      "<=>",
      "<#>",
      "--c\n",
      "/*c*/",
      "/*",
      "*/",
      "'",
      "\"",
      "\\",
      "@",
      "#",
      "{",
      "\n",
      "\t",
      " ",
      "  ",
      "\"\"",
      "E'\\u00e9'",
      "E'\\ud800'",
  };
  const unsigned seed = 20260101;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  ShapeScanner scanner;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const std::size_t count = random() % 8;
    const bool spaced = random() % 2 == 0;
    for (std::size_t i = 0; i <= count; ++i) {
      text += pieces[random() % std::size(pieces)];
      if (spaced || random() % 4 == 0) {
        text += ' ';
      }
    }
    requireAlike(scanner, text);
  }
}

TEST_CASE("Scanner and tokeniser cut random bytes alike", "[shape]") {
  const unsigned seed = 7;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  ShapeScanner scanner;
  const std::string_view alphabet = "aeExX_09.+-*/'\"[],;$?<>=!|:#\\ \n(\xC3\xA9";
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::size_t length = random() % 12; length > 0; --length) {
      text += alphabet[random() % alphabet.size()];
    }
    requireAlike(scanner, text);
  }
}

TEST_CASE("The literals of a shape are those of the tree", "[shape]") {
  const std::string_view sql = "INSERT INTO t VALUES (1, -2.5, 'a', NULL, x'00', [1,2], 3::numeric(8,2)) RETURNING a || 'b'";
  ShapeScanner scanner;
  REQUIRE(scanner.scan(sql) == ShapeState::kReady);
  const auto parsed = parseSql(sql);
  REQUIRE(parsed.ok());
  REQUIRE(parsed.value()->literal_count == scanner.literals().size());
  const auto& row = parsed.value()->statement->as<ast::Insert>().source->as<ast::Values>().rows[0];
  CHECK(row[0]->as<ast::Literal>().integer == scanner.literals()[row[0]->as<ast::Literal>().index].asInteger());
  const auto& text = row[2]->as<ast::Literal>();
  CHECK(text.text == scanner.literals()[text.index].asBytes());
  CHECK(text.position == scanner.positions()[text.index]);
  const auto& last =
      parsed.value()->statement->as<ast::Insert>().returning[0].expression->as<ast::Binary>().right->as<ast::Literal>();
  CHECK(last.index == 8);
  CHECK(scanner.literals()[8].asBytes() == "b");
}

}  // namespace trefoil::parser
