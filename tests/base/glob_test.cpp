#include "base/glob.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>

namespace trefoil {
namespace {

TEST_CASE("globs match as in Redis") {
  struct Row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const Row row = GENERATE(values<Row>({
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "anything", true},
      {"a*", "abc", true},
      {"*c", "abc", true},
      {"a*c", "abc", true},
      {"a*c", "abcd", false},
      {"a**c", "ac", true},
      {"?", "", false},
      {"?", "a", true},
      {"a?c", "abc", true},
      {"[abc]", "b", true},
      {"[abc]", "d", false},
      {"[^abc]", "d", true},
      {"[^abc]", "a", false},
      {"[a-c]x", "bx", true},
      {"[c-a]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[a-]", "a", true},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"a\\", "a\\", true},
      {"[\\]]", "]", true},
      {"[abc", "c", true},
      {"[", "a", false},
      {"user:*:name", "user:1:name", true},
      {"user:*:name", "user:1:age", false},
      {"*a*b*c*", "xxaxxbxxcxx", true},
      {"*a*b*c*", "xxaxxcxxbxx", false},
      {"A", "a", false},
      {"h[^e]llo", "hallo", true},
  }));
  CAPTURE(row.pattern, row.text);
  CHECK(globMatch(row.pattern, row.text) == row.matches);
}

TEST_CASE("globs can ignore case") {
  CHECK(globMatch("MaxMem*", "maxmemory", true));
  CHECK(globMatch("[A-C]x", "bX", true));
  CHECK_FALSE(globMatch("MaxMem*", "maxmemory", false));
}

TEST_CASE("a pattern of many stars takes no exponential time") {
  std::string pattern;
  for (int i = 0; i < 500; ++i) {
    pattern += "*a";
  }
  CHECK_FALSE(globMatch(pattern + "b", std::string(5000, 'a')));
}

// The definition, by recursion: the reference for the random test.
bool matchesByDefinition(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) {
    return text.empty();
  }
  if (pattern[0] == '*') {
    return matchesByDefinition(pattern.substr(1), text) || (!text.empty() && matchesByDefinition(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) && matchesByDefinition(pattern.substr(1), text.substr(1));
}

TEST_CASE("random globs agree with the definition") {
  const unsigned seed = 11;
  CAPTURE(seed);
  std::mt19937 random(seed);
  int matched = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string pattern;
    std::string text;
    for (std::size_t n = random() % 7; n > 0; --n) {
      pattern += "ab*?"[random() % 4];
    }
    for (std::size_t n = random() % 9; n > 0; --n) {
      text += "ab"[random() % 2];
    }
    CAPTURE(pattern, text);
    const bool expected = matchesByDefinition(pattern, text);
    matched += expected ? 1 : 0;
    REQUIRE(globMatch(pattern, text) == expected);
  }
  CHECK(matched > 1000);
}

}  // namespace
}  // namespace trefoil
