// The grammar of arguments: reading it, showing it, and what it says may come next.
#include "engine/argument_grammar.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include "parser/command_line.hpp"

namespace trefoil {

namespace {

// "name:type", with #spec, =TOKEN, ? (optional), * (multiple), + (with its token each time) and {parts}.
std::string outline(const std::vector<Argument>& arguments) {
  std::string text;
  for (const Argument& argument : arguments) {
    text += (text.empty() ? "" : " ") + argument.name + ":" + std::string(argumentTypeName(argument.type));
    text += argument.key_spec ? "#" + std::to_string(*argument.key_spec) : "";
    text += argument.token.empty() ? "" : "=" + argument.token;
    text += argument.optional ? "?" : "";
    text += argument.multiple ? "*" : "";
    text += argument.multiple_token ? "+" : "";
    text += argument.arguments.empty() ? "" : "{" + outline(argument.arguments) + "}";
  }
  return text;
}

std::string sorted(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  std::string joined;
  for (const std::string& text : texts) {
    joined += (joined.empty() ? "" : " ") + text;
  }
  return joined;
}

// "TOKENS / names"
std::string nextOf(std::string_view syntax, std::string_view line) {
  const std::vector<std::string> words = parser::splitCommandLine(line).value();
  const NextArguments next =
      nextArguments(parseArguments(syntax, 1).value(), std::vector<std::string_view>(words.begin(), words.end()));
  return sorted(next.tokens) + " / " + sorted(next.names);
}

constexpr std::string_view kSet =
    "key value condition=[NX | XX] [GET] expiration=[EX seconds | PXAT unix-time-milliseconds | KEEPTTL]";
constexpr std::string_view kSort =
    "key [BY by-pattern:pattern#1] [LIMIT offset count] [GET get-pattern:pattern#1]… order=[ASC | DESC] [sorting=ALPHA] "
    "[STORE destination#2]";
constexpr std::string_view kAdd =
    "key [NOMKSTREAM] trim=[strategy=<MAXLEN | MINID> operator=[equal== | approximately=~] threshold [LIMIT count]] "
    "id_or_auto=<auto_id=* | id> <field value>…";
constexpr std::string_view kUnion = "numkeys key… [WEIGHTS weight…] [AGGREGATE aggregate=<SUM | MIN | MAX>] [WITHSCORES]";

}  // namespace

TEST_CASE("The grammar of arguments is read and shown") {
  struct Case {
    std::string_view syntax;
    std::size_t key_specs;
    std::string_view outline;
    std::string_view shown;
  };
  const Case cases[] = {
      {"", 0, "", ""},
      {"key", 1, "key:key#0", "key"},
      {"key…", 1, "key:key#0*", "key [key …]"},
      {"[section…]", 0, "section:string?*", "[section [section …]]"},
      {"source destination", 2, "source:key#0 destination:key#1", "source destination"},
      {"destination key…", 2, "destination:key#0 key:key#1*", "destination key [key …]"},
      {"key start:string ip:port", 1, "key:key#0 start:string ip:port:string", "key start ip:port"},
      {"<key value>…", 1, "key_value:block*{key:key#0 value:string}", "key value [key value …]"},
      {"<parameter>…", 0, "parameter:block*{parameter:string}", "parameter [parameter …]"},
      {"[NOSAVE | SAVE] [NOW]", 0, "nosave_save:oneof?{nosave:pure-token=NOSAVE save:pure-token=SAVE} now:pure-token=NOW?",
       "[NOSAVE | SAVE] [NOW]"},
      {"[change=CH]", 0, "change:pure-token=CH?", "[CH]"},
      {"where=<BEFORE | AFTER> pivot", 0, "where:oneof{before:pure-token=BEFORE after:pure-token=AFTER} pivot:string",
       "<BEFORE | AFTER> pivot"},
      {"[LIMIT offset count]", 0, "offset_count:block=LIMIT?{offset:integer count:integer}", "[LIMIT offset count]"},
      {"[PREFIX prefix]…", 0, "prefix:string=PREFIX?*+", "[PREFIX prefix [PREFIX prefix …]]"},
      {"[ID id=<client-id…>]", 0, "id:block=ID?{client-id:integer*}", "[ID client-id [client-id …]]"},
      {"filter=<a | b:integer>…", 0, "filter:oneof*{a:string b:integer}", "<a | b> […]"},
      {"arguments=[protover [AUTH username password]]", 0,
       "arguments:block?{protover:integer username_password:block=AUTH?{username:string password:string}}",
       "[protover [AUTH username password]]"},
      {"[FILTERBY filterby=<MODULE name | PATTERN pattern>]", 0,
       "filterby:oneof=FILTERBY?{name:string=MODULE pattern:pattern=PATTERN}", "[FILTERBY <MODULE name | PATTERN pattern>]"},
      {"[COUNT count] STREAMS streams=<key… id…>", 1, "count:integer=COUNT? streams:block=STREAMS{key:key#0* id:string*}",
       "[COUNT count] STREAMS key [key …] id [id …]"},
      {"<GROUP group consumer> [NOACK]", 0, "group_consumer:block=GROUP{group:string consumer:string} noack:pure-token=NOACK?",
       "GROUP group consumer [NOACK]"},
      {"no-one=<<NO> <ONE>>", 0, "no-one:block{no:pure-token=NO one:pure-token=ONE}", "NO ONE"},
      {"by=<circle=<<BYRADIUS radius> unit=<M | KM>> | box=<<BYBOX width:double> unit=<M | KM>>>", 0,
       "by:oneof{circle:block{radius:double=BYRADIUS unit:oneof{m:pure-token=M km:pure-token=KM}} "
       "box:block{width:double=BYBOX unit:oneof{m:pure-token=M km:pure-token=KM}}}",
       "<BYRADIUS radius <M | KM> | BYBOX width <M | KM>>"},
      {kUnion, 1,
       "numkeys:integer key:key#0* weight:integer=WEIGHTS?* aggregate:oneof=AGGREGATE?{sum:pure-token=SUM min:pure-token=MIN "
       "max:pure-token=MAX} withscores:pure-token=WITHSCORES?",
       "numkeys key [key …] [WEIGHTS weight [weight …]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]"},
      {kSort, 3,
       "key:key#0 by-pattern:pattern#1=BY? offset_count:block=LIMIT?{offset:integer count:integer} get-pattern:pattern#1=GET?*+ "
       "order:oneof?{asc:pure-token=ASC desc:pure-token=DESC} sorting:pure-token=ALPHA? destination:key#2=STORE?",
       "key [BY by-pattern] [LIMIT offset count] [GET get-pattern [GET get-pattern …]] [ASC | DESC] [ALPHA] [STORE destination]"},
      {kAdd, 1,
       "key:key#0 nomkstream:pure-token=NOMKSTREAM? trim:block?{strategy:oneof{maxlen:pure-token=MAXLEN minid:pure-token=MINID} "
       "operator:oneof?{equal:pure-token== approximately:pure-token=~} threshold:string count:integer=LIMIT?} "
       "id_or_auto:oneof{auto_id:pure-token=* id:string} field_value:block*{field:string value:string}",
       "key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value …]"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.syntax);
    const std::optional<std::vector<Argument>> arguments = parseArguments(one.syntax, one.key_specs);
    REQUIRE(arguments.has_value());
    CHECK(outline(*arguments) == one.outline);
    CHECK(describeArguments(*arguments) == one.shown);
  }
}

TEST_CASE("What is no grammar is not read") {
  for (const std::string_view wrong : {"[", "]", "key ]", "[key", "<a | b", "a | b", "[]", "<>", "[a |]", "<a]", "name=key",
                                       "name=", "name= <a>", "[a > b]", "a#", "a#12", "…"}) {
    CAPTURE(wrong);
    CHECK(!parseArguments(wrong, 0).has_value());
  }
}

TEST_CASE("Every row of the command table has a grammar, with as many keys as its key specs") {
  for (const CommandMeta& meta : kCommands) {
    CAPTURE(meta.name);
    const std::optional<std::vector<Argument>> arguments = parseArguments(meta.syntax, meta.keys.size());
    REQUIRE(arguments.has_value());
    const std::string text = outline(*arguments);
    bool has_keys = false;
    for (std::size_t i = 0; i < meta.keys.size(); ++i) {
      const bool is_key = (meta.keys.begin()[i].flags & kKeyNotKey) == 0;
      CHECK(is_key == (text.find("#" + std::to_string(i)) != std::string::npos));
      has_keys = has_keys || is_key;
    }
    CHECK(has_keys == (text.find(":key") != std::string::npos));
  }
}

TEST_CASE("The grammar says what may come next") {
  struct Case {
    std::string_view syntax;
    std::string_view line;
    std::string_view next;
  };
  constexpr std::string_view kStreams = "[COUNT count] [BLOCK milliseconds] STREAMS streams=<key… id…>";
  constexpr std::string_view kZadd = "key condition=[NX | XX] [change=CH] <score member>…";
  const Case cases[] = {
      {"", "", " / "},
      {"", "a", " / "},
      {kSet, "", " / key"},
      {kSet, "a", " / value"},
      {kSet, "a b", "EX GET KEEPTTL NX PXAT XX / "},
      {kSet, "a b ex 10", "GET NX XX / "},
      {kSet, "a b EX", " / seconds"},
      {kSet, "a b GET NX", "EX KEEPTTL PXAT / "},
      {kSet, "a b GET NX KEEPTTL", " / "},
      {kSet, "a b NX XX", " / "},
      {kSet, "a b nosuch", " / "},
      {kZadd, "z", "CH NX XX / score"},
      {kZadd, "z NX", "CH / score"},
      {kZadd, "z CH nx 1", " / member"},
      {kZadd, "z CH nx 1 a", " / score"},
      {kUnion, "2 a b", "AGGREGATE WEIGHTS WITHSCORES / key"},
      {kUnion, "2 a b AGGREGATE", "MAX MIN SUM / "},
      {kUnion, "2 a b WEIGHTS 1", "AGGREGATE WITHSCORES / weight"},
      {kSort, "a GET x GET", " / get-pattern"},
      {kSort, "a GET x", "ALPHA ASC BY DESC GET LIMIT STORE / "},
      {kStreams, "", "BLOCK COUNT STREAMS / "},
      {kStreams, "COUNT 2 STREAMS a", " / id key"},
      {"<GROUP group consumer> [NOACK] STREAMS <key… id…>", "GROUP g c", "NOACK STREAMS / "},
      {"[TYPE <NORMAL | PUBSUB>]", "type", "NORMAL PUBSUB / "},
      {"key…", "a b", " / key"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.syntax, one.line);
    CHECK(nextOf(one.syntax, one.line) == one.next);
  }
  std::string line;
  for (int i = 0; i < 300; ++i) {
    line += "0 ";
  }
  nextOf("[a…] [b…] [c…] [d…] [e…] [f…] key", line);  // and says it soon
}

}  // namespace trefoil
