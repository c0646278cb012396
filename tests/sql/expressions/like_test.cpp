#include "sql/expressions/like.hpp"

#include <random>

#include <catch2/catch.hpp>

#include "sql/types/utf8.hpp"

namespace trefoil::sql {
namespace {

// By definition, one character after the other.
bool matchesSlowly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) {
    return text.empty();
  }
  if (pattern[0] == '%') {
    for (std::size_t at = 0;; at += characterBytes(text[at])) {
      if (matchesSlowly(pattern.substr(1), text.substr(at))) {
        return true;
      }
      if (at >= text.size()) {
        return false;
      }
    }
  }
  if (text.empty()) {
    return false;
  }
  const std::size_t size = characterBytes(text[0]);
  if (pattern[0] == '_') {
    return matchesSlowly(pattern.substr(1), text.substr(size));
  }
  return pattern.substr(0, size) == text.substr(0, size) && matchesSlowly(pattern.substr(size), text.substr(size));
}

bool matches(std::string_view pattern, std::string_view text, bool fold_case = false) {
  const auto compiled = LikePattern::make(pattern, "\\", fold_case);
  REQUIRE(compiled.ok());
  WorkMeter meter;
  bool result = false;
  REQUIRE(compiled->matches(text, meter, result).ok());
  return result;
}

}  // namespace

TEST_CASE("LIKE answers what its definition says", "[sql][like]") {
  std::mt19937 random(1);  // NOLINT: the same patterns each time
  constexpr std::string_view kLetters[] = {"a", "b", "ä", "€", "_", "_", "%", "%"};
  for (int round = 0; round < 100'000; ++round) {
    std::string pattern;
    std::string text;
    for (auto left = random() % 8; left > 0; --left) {
      pattern += kLetters[random() % 8];
    }
    for (auto left = random() % 12; left > 0; --left) {
      text += kLetters[random() % 4];
    }
    INFO(pattern << " ~~ " << text);
    REQUIRE(matches(pattern, text) == matchesSlowly(pattern, text));
  }
}

TEST_CASE("LIKE: escapes and case", "[sql][like]") {
  CHECK(matches("100\\%", "100%"));
  CHECK_FALSE(matches("100\\%", "1000"));
  CHECK(matches("\\%%", "%abc"));
  CHECK_FALSE(matches("\\%%", "abc"));
  CHECK(matches("%\\_", "abc_"));
  CHECK_FALSE(matches("%\\_", "abcd"));
  CHECK(matches("A%b", "axB", true));
  CHECK_FALSE(matches("A%b", "axB"));
  CHECK_FALSE(LikePattern::make("a\\", "\\", false).ok());
}

TEST_CASE("LIKE of long patterns: linear without _, and with it an end can be asked for", "[sql][like]") {
  constexpr std::size_t kText = std::size_t{30} << 20;
  const std::string text = std::string(kText, 'a') + "c";
  const std::string part(100'000, 'a');
  CHECK_FALSE(matches("%" + part + "b%", text));
  CHECK(matches("%" + part + "c", text));
  std::string many = "%";
  for (int i = 0; i < 50'000; ++i) {
    many += "a%";
  }
  CHECK(matches(many + "c", text));
  CHECK_FALSE(matches(many + "b%", text));
  // A product of the lengths, of which only a little is computed.
  std::string hostile = "%";
  for (int i = 0; i < 50'000; ++i) {
    hostile += "a_";
  }
  const auto compiled = LikePattern::make(hostile + "b%", "\\", false);
  REQUIRE(compiled.ok());
  StatementControl control;
  control.limitWork(10'000'000);
  WorkMeter meter(&control);
  bool result = false;
  CHECK(compiled->matches(text, meter, result).error().code == ErrorCode::kTimeout);
}

}  // namespace trefoil::sql
