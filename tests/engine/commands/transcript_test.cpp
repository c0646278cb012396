// Commands and the answers that Redis gave to them (*.transcript), run against ours: autocommit, with collections that leave
// their packed encoding at once, and inside BEGIN … COMMIT. Handlers cannot tell the difference, and nor may clients.
//
//   > GET key          a command line; > ~KEYS * if the order of the answer's elements does not count
//   "value"            the answer, as ReplyValue::describe() writes it (RESP3)
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "engine/database_impl.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

struct Exchange {
  std::size_t line;
  std::string command;
  bool unordered;
  std::string answer;
};

std::filesystem::path transcriptFolder() {
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(at / "tests/engine/commands") && at.has_relative_path()) {
    at = at.parent_path();
  }
  return at / "tests/engine/commands";
}

std::vector<Exchange> readTranscript(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<Exchange> exchanges;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.starts_with("> ")) {
      const bool unordered = line.starts_with("> ~");
      exchanges.push_back({number, line.substr(unordered ? 3 : 2), unordered, ""});
    } else if (!line.starts_with("#")) {
      REQUIRE_FALSE(exchanges.empty());
      exchanges.back().answer += line;
    }
  }
  return exchanges;
}

// As describe(), with the elements of every aggregate sorted; a map's pairs stay together.
std::string describeSorted(const ReplyValue& value) {
  using Kind = ReplyValue::Kind;
  if (value.kind != Kind::kArray && value.kind != Kind::kSet && value.kind != Kind::kMap) {
    return value.describe();
  }
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < value.elements.size(); ++i) {
    parts.push_back(describeSorted(value.elements[i]));
    if (value.kind == Kind::kMap) {
      parts.back() += ", " + describeSorted(value.elements[++i]);
    }
  }
  std::sort(parts.begin(), parts.end());
  std::string out = "[";
  for (const std::string& part : parts) {
    out += (out.size() == 1 ? "" : ", ") + part;
  }
  return out + "]";
}

std::string answerOf(Session& session, const std::string& line, bool unordered) {
  const auto words = parser::splitCommandLine(line);
  REQUIRE(words.ok());
  const std::vector<std::string_view> args(words->begin(), words->end());
  ReplyTree reply;
  session.execute({.args = args, .sql = {}, .parameters = {}}, reply);
  std::string text = unordered ? describeSorted(reply.last()) : reply.last().describe();
  for (std::size_t at = 0; (at = text.find('\0', at)) != std::string::npos;) {
    text.replace(at, 1, "\\0");
  }
  return text;
}

// Everything in the database, as text.
std::string contentOf(Session& session) {
  ReplyTree names;
  const std::array<std::string_view, 2> keys = {"KEYS", "*"};
  session.execute({.args = keys, .sql = {}, .parameters = {}}, names);
  std::vector<std::string> lines;
  for (const ReplyValue& name : names.last().elements) {
    const std::string key = " \"" + name.text + "\"";
    const std::string type = answerOf(session, "TYPE" + key, false);
    const std::string read = type == "string" ? "GET" + key
                             : type == "list" ? "LRANGE" + key + " 0 -1"
                             : type == "hash" ? "HGETALL" + key
                             : type == "set"  ? "SMEMBERS" + key
                                              : "ZRANGE" + key + " 0 -1 WITHSCORES";
    const bool has_deadline = answerOf(session, "PEXPIRETIME" + key, false) != "(integer) -1";
    lines.push_back(type + key + (has_deadline ? " expires " : " ") + answerOf(session, read, type == "hash" || type == "set"));
  }
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const std::string& line : lines) {
    all += line + "\n";
  }
  return all;
}

void useTinyLimits(Database& database) {
  database.impl().manager().kv().setPackedLimits({.entries = 2, .element_bytes = 4, .list_bytes = 16});
}

// Runs a transcript, checking every answer.
void play(Session& session, const std::vector<Exchange>& exchanges, bool check_encodings) {
  for (const Exchange& exchange : exchanges) {
    if (!check_encodings && exchange.command.starts_with("OBJECT")) {
      continue;
    }
    INFO("line " << exchange.line << ": " << exchange.command);
    CHECK(answerOf(session, exchange.command, exchange.unordered) == exchange.answer);
  }
}

}  // namespace

TEST_CASE("commands answer as Redis does, autocommit and in a transaction, packed and large") {
  const std::string name = GENERATE("strings", "keyspace", "lists", "hashes", "sets", "sorted_sets");
  const bool tiny = GENERATE(false, true);
  CAPTURE(name, tiny);
  const std::vector<Exchange> exchanges = readTranscript(transcriptFolder() / (name + ".transcript"));
  REQUIRE(exchanges.size() > 40);

  SessionFixture live;
  SessionFixture staged;
  if (tiny) {
    useTinyLimits(*live.database);
    useTinyLimits(*staged.database);
  }
  live.run("HELLO 3");
  play(*live.session, exchanges, !tiny);

  staged.run("HELLO 3");
  REQUIRE_FALSE(staged.sql("BEGIN").empty());
  play(*staged.session, exchanges, !tiny);
  const std::string before_commit = contentOf(*staged.session);
  staged.sql("COMMIT");
  CHECK(contentOf(*staged.session) == before_commit);
  CHECK(contentOf(*staged.session) == contentOf(*live.session));
}

TEST_CASE("walks over all keys work inside MULTI") {
  SessionFixture fixture;
  fixture.run("MULTI");
  fixture.run("SET a 1");
  fixture.run("SCAN 0 COUNT 100");
  fixture.run("RANDOMKEY");
  fixture.run("DBSIZE");
  CHECK(fixture.run("EXEC") == "[OK, [\"0\", [\"a\"]], \"a\", (integer) 1]");
}

}  // namespace trefoil
