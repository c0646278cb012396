#include "engine/commands/option_reader.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace trefoil::commands {

namespace {

struct Case {
  const char* command;
  std::vector<std::string_view> words;
  const char* expected;  // each option with its values, and the error that ends it
};

std::string read(const Case& each) {
  const OptionGrammar grammar(each.command);
  OptionReader option(grammar, each.words, 0);
  std::string text;
  while (option.next()) {
    text += (text.empty() ? "" : " ") + std::string(option.token()) + "(";
    for (const std::string_view value : option.values()) {
      text += (text.ends_with('(') ? "" : " ") + std::string(value);
    }
    text += ')';
  }
  const Status status = option.status();
  return status.ok() ? text : text + (text.empty() ? "" : " ") + "! " + status.error().message;
}

}  // namespace

TEST_CASE("Options are read by the grammar of the command's row") {
  for (const Case& each : std::vector<Case>{
           {"SET", {}, ""},
           {"SET", {"nx", "Get", "EX", "10"}, "NX() GET() EX(10)"},
           {"SET", {"NX", "NX", "EX", "1", "ex", "2"}, "NX() NX() EX(1) EX(2)"},
           {"SET", {"NX", "XX"}, "NX() ! syntax error"},
           {"SET", {"EX", "1", "PX", "2"}, "EX(1) ! syntax error"},
           {"SET", {"KEEPTTL", "EX", "1"}, "KEEPTTL() ! syntax error"},
           {"SET", {"EX"}, "! syntax error"},
           {"SET", {"PERSIST"}, "! syntax error"},
           {"SET", {"GET", ""}, "GET() ! syntax error"},
           {"GETEX", {"PERSIST"}, "PERSIST()"},
           {"SCAN", {"COUNT", "1", "MATCH", "TYPE", "TYPE", "x"}, "COUNT(1) MATCH(TYPE) TYPE(x)"},
           {"ZRANGE", {"LIMIT", "1", "2", "REV"}, "LIMIT(1 2) REV()"},
           {"ZRANGE", {"REV", "LIMIT", "1"}, "REV() ! syntax error"},
           {"FEED", {"KEYS", "a", "b", "VALUES", "TABLES", "keys", "FROM", "x"}, "KEYS(a b) VALUES() TABLES(keys) FROM(x)"},
           {"FEED", {"KEYS", "FROM", "from"}, "KEYS(FROM) ! syntax error"},
           {"FEED", {"STOP"}, "! syntax error"},
           {"CLIENT|TRACKING", {"PREFIX", "a", "PREFIX", "b", "BCAST"}, "PREFIX(a) PREFIX(b) BCAST()"},
       }) {
    CAPTURE(each.command, each.words);
    CHECK(read(each) == each.expected);
  }
}

}  // namespace trefoil::commands
