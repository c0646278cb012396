// Key specifications: reading their words, and the keys that they find, also for commands that are not there yet. What is
// expected is what redis-server 7 answers to COMMAND GETKEYS and COMMAND INFO.
#include "engine/key_spec.hpp"

#include <catch2/catch.hpp>

#include <string>

#include "engine/command_meta.hpp"
#include "parser/command_line.hpp"

namespace trefoil {

namespace {

// The keys of a call, with a blank between them.
std::string keysOf(std::string_view specs, std::string_view call) {
  const std::optional<KeySpecs> parsed = parseKeySpecs(specs);
  REQUIRE(parsed.has_value());
  const std::vector<std::string> words = parser::splitCommandLine(call).value();
  const std::vector<std::string_view> args(words.begin(), words.end());
  CommandMeta meta{};
  meta.keys = *parsed;
  std::string keys;
  forEachKey(meta, args, [&](std::size_t index, std::uint16_t) { keys.append(keys.empty() ? "" : " ").append(args[index]); });
  CHECK(args[firstKey(meta, args)] == (keys.empty() ? args[0] : keys.substr(0, keys.find(' '))));
  return keys;
}

std::string legacyOf(std::string_view specs) {
  const LegacyKeys keys = legacyKeys(parseKeySpecs(specs).value());
  return std::to_string(keys.first) + " " + std::to_string(keys.last) + " " + std::to_string(keys.step) +
         (keys.movable ? " movable" : "");
}

}  // namespace

TEST_CASE("Key specs find the keys of a call") {
  struct Case {
    std::string_view specs;
    std::string_view call;
    std::string_view keys;
  };
  constexpr std::string_view kStore = "1 OW update; 2 numkeys RO access";
  constexpr std::string_view kStreams = "STREAMS from 1 to -1 limit 2 RO access";
  constexpr std::string_view kGeo = "1 RO access; STORE from 6 OW update; STOREDIST from 6 OW update";
  constexpr std::string_view kMigrate = "3 RW access delete; KEYS from -2 to -1 RW access delete incomplete";
  constexpr std::string_view kSort = "1 RO access; unknown RO access; unknown STORE OW update";
  const Case cases[] = {
      {"", "PING a", ""},
      {"1 RO access", "GET a", "a"},
      {"1 RO access", "GET", ""},
      {"2 RO", "OBJECT ENCODING a", "a"},
      {"1 to -1 RO access", "MGET a b c", "a b c"},
      {"1 to -1 RO access", "MGET", ""},
      {"1 to -1 step 2 OW update", "MSET a 1 b 2", "a b"},
      {"1 to -2 RW access delete", "BLPOP a b c 0", "a b c"},
      {"1 to -2 RW access delete", "BLPOP a", ""},
      {"1 to 1 RO", "TWO a b c", "a b"},
      {"1 RO access; 2 OW update", "COPY a b REPLACE", "a b"},
      {"1 not_key", "SPUBLISH channel message", ""},
      {"1 numkeys RO access", "ZUNION 2 a b WEIGHTS 1 2", "a b"},
      {"1 numkeys RO access", "ZUNION 3 a b", ""},
      {"1 numkeys RO access", "ZUNION 0 a", ""},
      {"1 numkeys RO access", "ZUNION -1 a", ""},
      {"1 numkeys RO access", "ZUNION 9223372036854775807 a", ""},
      {"1 numkeys RO access", "ZUNION 99999999999999999999 a", ""},
      {"1 numkeys RO access", "ZUNION x a", ""},
      {"1 numkeys RO access", "ZUNION", ""},
      {kStore, "ZUNIONSTORE d 2 a b AGGREGATE MIN", "d a b"},
      {kStore, "ZUNIONSTORE d 5 a b", "d"},
      {"2 numkeys RW access update", "EVAL script 0 a", ""},
      {"2 numkeys RW access update", "EVAL script 1 a b", "a"},
      {kStreams, "XREAD COUNT 2 streams a b 0 0", "a b"},
      {kStreams, "XREAD STREAMS a 0", "a"},
      {kStreams, "XREAD STREAMS a b 0", "a"},
      {kStreams, "XREAD STREAMS a", ""},
      {kStreams, "XREAD COUNT 2", ""},
      {kGeo, "GEORADIUS a 1 2 3 km ASC STORE b", "a b"},
      {kGeo, "GEORADIUS a 1 2 3 km ASC storedist b", "a b"},
      {kGeo, "GEORADIUS STORE 1 2 3 km", "STORE"},
      {kGeo, "GEORADIUS a 1 2 3 km STORE", "a"},
      {kMigrate, "MIGRATE host 1 x 0 10 KEYS a b", "x a b"},
      {kMigrate, "MIGRATE host 1 a 0 10 COPY", "a"},
      {kSort, "SORT a BY x* LIMIT 0 1 store b", "a b"},
      {kSort, "SORT a STORE b GET STORE STORE c", "a b STORE c"},
      {kSort, "SORT a STORE", "a"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.specs, one.call);
    CHECK(keysOf(one.specs, one.call) == one.keys);
  }
}

TEST_CASE("Key specs as Redis told them before there were any") {
  CHECK(legacyOf("") == "0 0 0");
  CHECK(legacyOf("1 RO access") == "1 1 1");
  CHECK(legacyOf("1 to -1 step 2 OW update") == "1 -1 2");
  CHECK(legacyOf("1 to -2 RW access delete") == "1 -2 1");
  CHECK(legacyOf("1 RO access; 2 OW update") == "1 2 1");
  CHECK(legacyOf("1 OW update; 2 to -1 RO access") == "1 -1 1");
  CHECK(legacyOf("1 numkeys RO access") == "0 0 0 movable");
  CHECK(legacyOf("1 OW update; 2 numkeys RO access") == "1 1 1 movable");
  CHECK(legacyOf("1 RO access; unknown RO access; unknown STORE OW update") == "1 1 1 movable");
  CHECK(legacyOf("3 RW access delete; KEYS from -2 to -1 RW access delete incomplete") == "3 3 1 movable");
  CHECK(legacyOf("STREAMS from 1 to -1 limit 2 RO access") == "0 0 0 movable");
}

TEST_CASE("What is no key spec is not read") {
  for (const std::string_view wrong : {"RO",
                                       "1",
                                       "0 RO",
                                       "-1 RO",
                                       "1 RO to -1",
                                       "1 to RO",
                                       "1 to x RO",
                                       "1 step 0 RO",
                                       "1 to -2 limit 2 RO",
                                       "1 numkeys to 3 RO",
                                       "1 to 3 numkeys RO; 2",
                                       "KEYS 1 RO",
                                       "KEYS from 0 RO",
                                       "KEYS from RO",
                                       "1 RO nosuch",
                                       "1 RO;",
                                       ";",
                                       "1 RO; 2 RO; 3 RO; 4 RO",
                                       "12345 RO",
                                       "unknown",
                                       "unknown STORE",
                                       "unknown to 3 RO",
                                       "1 (no flags)",
                                       "1 RO (no end",
                                       "1 RO (in between) access"}) {
    CAPTURE(wrong);
    CHECK(!parseKeySpecs(wrong).has_value());
  }
}

TEST_CASE("A key spec may have notes for people") {
  const KeySpecs specs = parseKeySpecs("1 RO access (just read); 2 RW; 3 OW update (overwritten)").value();
  const KeySpec* const spec = specs.begin();
  CHECK(spec[0].notes == "just read");
  CHECK(spec[0].flags == (kKeyReadOnly | kKeyAccess));
  CHECK(spec[1].notes.empty());
  CHECK(spec[2].notes == "overwritten");
}

TEST_CASE("What a command does with a key may depend on its options") {
  const auto flags_of = [](std::vector<std::string_view> args) {
    const CommandMeta& meta = kCommands[static_cast<std::size_t>(findCall(args))];
    std::uint16_t found = 0;
    forEachKey(meta, args, [&](std::size_t, std::uint16_t flags) { found = keyFlagsOf(meta, args, flags); });
    return found;
  };
  CHECK(flags_of({"SET", "a", "b"}) == (kKeyOverwrite | kKeyUpdate));
  CHECK(flags_of({"set", "get", "get", "NX"}) == (kKeyOverwrite | kKeyUpdate));
  CHECK(flags_of({"SET", "a", "b", "get"}) == (kKeyReadWrite | kKeyAccess | kKeyUpdate));
  CHECK(flags_of({"GET", "a"}) == (kKeyReadOnly | kKeyAccess));
  CHECK(flags_of({"OBJECT", "encoding", "a"}) == kKeyReadOnly);
}

}  // namespace trefoil
