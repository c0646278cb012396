#include "parser/command_line.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace trefoil::parser {
namespace {

using Arguments = std::vector<std::string>;

// Redis's sdssplitargs, transcribed from its description: the reference for random lines. nullopt: unbalanced quotes.
std::optional<Arguments> reference(std::string_view line) {
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; };
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  Arguments arguments;
  std::size_t at = 0;
  for (;;) {
    while (at < line.size() && blank(line[at])) {
      ++at;
    }
    if (at == line.size()) {
      return arguments;
    }
    std::string current;
    char quote = '\0';
    for (;; ++at) {
      const bool end = at == line.size();
      if (quote == '\0') {
        if (end || line[at] == ' ' || line[at] == '\n' || line[at] == '\r' || line[at] == '\t' || line[at] == '\0') {
          break;
        }
        if (line[at] == '"' || line[at] == '\'') {
          quote = line[at];
        } else {
          current += line[at];
        }
        continue;
      }
      if (end) {
        return std::nullopt;
      }
      const char c = line[at];
      const std::size_t left = line.size() - at;
      if (c == quote) {
        ++at;
        if (at < line.size() && !blank(line[at])) {
          return std::nullopt;
        }
        break;
      }
      if (quote == '"' && c == '\\' && left >= 4 && line[at + 1] == 'x' && hex(line[at + 2]) && hex(line[at + 3])) {
        current += static_cast<char>(std::stoi(std::string(line.substr(at + 2, 2)), nullptr, 16));
        at += 3;
      } else if (quote == '"' && c == '\\' && left >= 2) {
        const std::string_view from = "nrtba";
        const std::size_t known = from.find(line[++at]);
        current += known == std::string_view::npos ? line[at] : "\n\r\t\b\a"[known];
      } else if (quote == '\'' && c == '\\' && left >= 2 && line[at + 1] == '\'') {
        current += '\'';
        ++at;
      } else {
        current += c;
      }
    }
    arguments.push_back(current);
  }
}

}  // namespace

TEST_CASE("A command line is cut by Redis's quoting rules", "[command_line]") {
  const std::pair<std::string, Arguments> cases[] = {
      {"", {}},
      {" \t\r\n", {}},
      {"GET key", {"GET", "key"}},
      {"  SET\tkey   value\r\n", {"SET", "key", "value"}},
      {"a \"\" '' b", {"a", "", "", "b"}},
      {"\"a b\" 'c d'", {"a b", "c d"}},
      {"\"\\n\\r\\t\\b\\a\\\\\\\"\\z\"", {"\n\r\t\b\a\\\"z"}},
      {"\"\\x41\\x0a\\xZZ\\x4\"", {"A\nxZZx4"}},
      {"'\\n\\x41\\'\"'", {"\\n\\x41'\""}},
      {"key\"with space\" b", {"keywith space", "b"}},
      {"a\\b", {"a\\b"}},
      {std::string("a\0b", 3), {"a", "b"}},
      {std::string("'a\0b'", 5), {std::string("a\0b", 3)}},
  };
  for (const auto& [line, expected] : cases) {
    CAPTURE(line);
    const auto arguments = splitCommandLine(line);
    REQUIRE(arguments.ok());
    CHECK(arguments.value() == expected);
  }
}

TEST_CASE("Unbalanced quotes are reported where they open", "[command_line]") {
  const std::pair<const char*, std::size_t> cases[] = {
      {"\"", 0}, {"a 'b", 2}, {"'a'b", 0}, {"\"a\"\"b\"", 0}, {"x \"a\\\"", 2}, {"'a\\'", 0}, {"a\"b", 1}, {"\"\\", 0},
  };
  for (const auto& [line, position] : cases) {
    CAPTURE(line);
    const auto arguments = splitCommandLine(line);
    REQUIRE_FALSE(arguments.ok());
    CHECK(arguments.error().message == "unbalanced quotes in request");
    CHECK(arguments.error().position == position);
  }
}

TEST_CASE("Random lines are cut as by Redis", "[command_line]") {
  const std::string_view alphabet("ab \t\n\"\"''\\\\xn04\0\v", 17);
  const unsigned seed = 31337;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string line;
    for (std::size_t length = random() % 14; length > 0; --length) {
      line += alphabet[random() % alphabet.size()];
    }
    CAPTURE(line);
    const auto expected = reference(line);
    const auto arguments = splitCommandLine(line);
    REQUIRE(arguments.ok() == expected.has_value());
    if (expected) {
      REQUIRE(arguments.value() == *expected);
    }
  }
}

TEST_CASE("A quoted argument comes back as it was", "[command_line]") {
  const unsigned seed = 5;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  CHECK(quoteArgument("plain:key-1") == "plain:key-1");
  CHECK(quoteArgument("") == "\"\"");
  for (int round = 0; round < 5000; ++round) {
    std::string argument;
    for (std::size_t length = random() % 10; length > 0; --length) {
      argument += static_cast<char>(random() % 256);
    }
    const auto arguments = splitCommandLine("x " + quoteArgument(argument) + " y");
    REQUIRE(arguments.ok());
    REQUIRE(arguments.value() == Arguments{"x", argument, "y"});
  }
}

}  // namespace trefoil::parser
