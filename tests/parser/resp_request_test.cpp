// The request parser: by table, in pieces of every size, and against the grammar of RESP.
#include <catch2/catch.hpp>
#include <random>

#include "parser/command_line.hpp"
#include "parser/resp.hpp"
#include "parser/resp_grammar.hpp"

namespace trefoil::parser {
namespace {

using Request = std::vector<std::string>;

struct Outcome {
  std::vector<Request> requests;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const Request& request : outcome.requests) {
    out << '(';
    for (const std::string& argument : request) {
      out << '[' << argument << ']';
    }
    out << ')';
  }
  return out << ' ' << outcome.error;
}

// Feeds `bytes` in pieces. The buffer moves whenever it grows, and only what is not consumed yet is kept.
Outcome readInPieces(std::string_view bytes, std::size_t piece, RespLimits limits = {}) {
  RespRequestParser parser(limits);
  Outcome outcome;
  std::vector<std::string_view> arguments;
  auto buffer = std::make_unique<std::string>();
  std::size_t wanted = 0;
  while (true) {
    if (buffer->size() >= wanted && !buffer->empty()) {
      const RespOutcome result = parser.next(*buffer, arguments);
      if (result == RespOutcome::kError) {
        outcome.error = parser.error();
        CHECK(parser.next(*buffer, arguments) == RespOutcome::kError);  // final
        return outcome;
      }
      if (result == RespOutcome::kRequest) {
        if (!arguments.empty()) {
          outcome.requests.emplace_back(arguments.begin(), arguments.end());
        }
        buffer = std::make_unique<std::string>(buffer->substr(parser.consumed()));
        wanted = 0;
        continue;
      }
      CHECK(parser.lacking() > 0);
      wanted = buffer->size() + parser.lacking();
    }
    if (bytes.empty()) {
      return outcome;
    }
    const std::size_t size = std::min(piece, bytes.size());
    buffer = std::make_unique<std::string>(*buffer + std::string(bytes.substr(0, size)));
    bytes.remove_prefix(size);
  }
}

std::string encode(const Request& request) {
  std::string bytes = "*" + std::to_string(request.size()) + "\r\n";
  for (const std::string& argument : request) {
    bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  }
  return bytes;
}

// -- the grammar as the reference

struct GrammarState {
  resp::Lengths lengths;
  Request request;
  std::string_view line;
  bool is_inline = false;
  bool too_much = false;
};

template <typename Rule>
struct GrammarAction : tao::pegtl::nothing<Rule> {};
template <>
struct GrammarAction<resp::argument_count> {
  template <typename ActionInput>
  static bool apply(const ActionInput& in, GrammarState& state) {
    state.lengths.count = in.size() > 18 ? INT64_MAX : std::stoll(in.string());
    state.too_much = state.lengths.count > 1024 * 1024;
    return !state.too_much;
  }
};
template <>
struct GrammarAction<resp::bulk_length> {
  template <typename ActionInput>
  static bool apply(const ActionInput& in, GrammarState& state) {
    state.lengths.bulk = in.size() > 18 ? INT64_MAX : std::stoll(in.string());
    return state.lengths.bulk >= 0 && state.lengths.bulk <= (std::int64_t{512} << 20);
  }
};
template <>
struct GrammarAction<resp::bulk_bytes> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, GrammarState& state) {
    state.request.push_back(in.string());
  }
};
template <>
struct GrammarAction<resp::inline_text> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, GrammarState& state) {
    state.line = in.string_view();
    state.is_inline = true;
  }
};

// The requests at the beginning of `bytes`, up to where the grammar does not match.
std::vector<Request> readByGrammar(std::string_view bytes) {
  std::vector<Request> requests;
  while (!bytes.empty()) {
    tao::pegtl::memory_input<tao::pegtl::tracking_mode::lazy> in(bytes.data(), bytes.data() + bytes.size(), "");
    GrammarState state;
    if (!tao::pegtl::parse<resp::request, GrammarAction>(in, state)) {
      break;
    }
    if (state.is_inline) {
      if (state.line.ends_with('\r')) {
        state.line.remove_suffix(1);
      }
      auto split = splitCommandLine(state.line);
      if (!split.ok()) {
        break;
      }
      state.request = std::move(split).value();
    }
    if (!state.request.empty()) {
      requests.push_back(state.request);
    }
    bytes.remove_prefix(bytes.size() - in.size());
  }
  return requests;
}

}  // namespace

TEST_CASE("Requests, and what is wrong with others", "[resp]") {
  struct Case {
    std::string bytes;
    std::vector<Request> requests;
    const char* error;
  };
  const std::string zeros = std::string("a\0b", 3);
  const Case cases[] = {
      {"*1\r\n$4\r\nPING\r\n", {{"PING"}}, ""},
      {"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", {{"SET", "k", ""}}, ""},
      {"*2\r\n$3\r\nGET\r\n$3\r\n" + zeros + "\r\n*1\r\n$1\r\nx\r\n", {{"GET", zeros}, {"x"}}, ""},
      {"*2\r\n$2\r\n\r\n\r\n$1\r\n$\r\n", {{"\r\n", "$"}}, ""},
      {"*0\r\n*-1\r\n*-100\r\n*1\r\n$1\r\nx\r\n", {{"x"}}, ""},
      {"*1\r\n$1\r\nxAB*1\r\n$1\r\ny\r\n", {{"x"}, {"y"}}, ""},  // the two bytes behind a bulk are not looked at, as in Redis
      {"*1\rX$1\rYx\r\n", {{"x"}}, ""},
      {"PING\r\n", {{"PING"}}, ""},
      {"  SET  key 'a b' \"c\\x41\"\n", {{"SET", "key", "a b", "cA"}}, ""},
      {"\r\n\n  \r\nPING\n", {{"PING"}}, ""},
      {"*", {}, ""},
      {"*1\r\n$4\r\nPIN", {}, ""},
      {"*1\r\n$1\r\nx\r\n*2\r\n", {{"x"}}, ""},
      {"*a\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*01\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*+1\r\n", {}, "Protocol error: invalid multibulk length"},
      {"* 1\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*-0\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*1048577\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*99999999999999999999\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*1\r\n#4\r\nPING\r\n", {}, "Protocol error: expected '$', got '#'"},
      {"*1\r\n\r\n", {}, "Protocol error: expected '$', got ' '"},
      {"*2\r\n$1\r\nx\r\n:1\r\n", {}, "Protocol error: expected '$', got ':'"},
      {"*1\r\n$-1\r\n", {}, "Protocol error: invalid bulk length"},
      {"*1\r\n$536870913\r\n", {}, "Protocol error: invalid bulk length"},
      {"*1\r\n$1x\r\n", {}, "Protocol error: invalid bulk length"},
      {"*1\r\n$\r\n", {}, "Protocol error: invalid bulk length"},
      {"x\r\n*1\r\n$00\r\n", {{"x"}}, "Protocol error: invalid bulk length"},
      {"SET 'a\r\n", {}, "Protocol error: unbalanced quotes in request"},
      {"SET \"a\"b\r\n", {}, "Protocol error: unbalanced quotes in request"},
      {std::string(65537, 'x'), {}, "Protocol error: too big inline request"},
      {"*" + std::string(65537, '1'), {}, "Protocol error: too big mbulk count string"},
      {"*1\r\n$" + std::string(65537, '1'), {}, "Protocol error: too big bulk count string"},
  };
  for (const Case& entry : cases) {
    CAPTURE(entry.bytes.substr(0, 100));
    const Outcome expected{entry.requests, entry.error};
    CHECK(readInPieces(entry.bytes, SIZE_MAX) == expected);
    if (entry.bytes.size() < 1000) {
      for (std::size_t piece = 1; piece < 8; ++piece) {
        CHECK(readInPieces(entry.bytes, piece) == expected);
      }
    }
  }
}

TEST_CASE("Every way to cut a burst in two gives the same requests", "[resp]") {
  const std::vector<Request> requests = {{"SET", "key", std::string(300, 'v')}, {"PING"}, {"MSET", "a", "", "b", "\r\n"}, {"x"}};
  std::string bytes;
  for (const Request& request : requests) {
    bytes += encode(request);
  }
  bytes += "inline 'one'\r\n";
  std::vector<Request> expected = requests;
  expected.push_back({"inline", "one"});
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    RespRequestParser parser;
    std::vector<std::string_view> arguments;
    std::vector<Request> found;
    std::string buffer = bytes.substr(0, cut);
    for (int half = 0; half < 2; ++half) {
      while (!buffer.empty() && parser.next(buffer, arguments) == RespOutcome::kRequest) {
        found.emplace_back(arguments.begin(), arguments.end());
        buffer.erase(0, parser.consumed());
      }
      if (half == 0) {
        buffer += bytes.substr(cut);
      }
    }
    REQUIRE(found == expected);
  }
}

TEST_CASE("The fast path, the resuming path and the grammar read random bytes alike", "[resp]") {
  const std::string_view pieces[] = {"*",      "$",          "1",   "2",  "3", "0", "-1",           "\r\n",         "\r",
                                     "\n",     "x",          "abc", "\"", "'", " ", "*1\r\n$1\r\n", "$2\r\nab\r\n", "*2\r\n",
                                     "*1\r\n", "$0\r\n\r\n", "10",  ":",  "\\"};
  const unsigned seed = 4711;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes;
    for (std::size_t count = random() % 12; count > 0; --count) {
      if (random() % 3 == 0) {
        Request request;
        for (std::size_t arguments = random() % 4; arguments > 0; --arguments) {
          request.emplace_back(random() % 5, 'v');
        }
        bytes += encode(request);
      } else {
        bytes += pieces[random() % std::size(pieces)];
      }
    }
    CAPTURE(bytes);
    const Outcome whole = readInPieces(bytes, SIZE_MAX);
    REQUIRE(readInPieces(bytes, 1) == whole);
    REQUIRE(readInPieces(bytes, 1 + random() % 9) == whole);
    REQUIRE(readByGrammar(bytes) == whole.requests);
  }
}

TEST_CASE("An unfinished request says how much it lacks, and holds no memory for it", "[resp]") {
  RespRequestParser parser;
  std::vector<std::string_view> arguments;
  std::string input = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\nabc";
  CHECK(parser.next(input, arguments) == RespOutcome::kNeedMore);
  CHECK(parser.lacking() == 500000000 - 3 + 2);
  input += "def";
  CHECK(parser.next(input, arguments) == RespOutcome::kNeedMore);
  CHECK(parser.lacking() == 500000000 - 6 + 2);
  CHECK(arguments.capacity() < 100);

  RespRequestParser many;
  const std::string header = "*1048576\r\n$1\r\n";
  CHECK(many.next(header, arguments) == RespOutcome::kNeedMore);
  CHECK(many.lacking() == 3);
  CHECK(arguments.capacity() < 100);
}

TEST_CASE("A sender of single bytes costs time in proportion to the bytes", "[resp]") {
  // 20,000 arguments byte by byte; from the start each time this would be 10^10 steps.
  Request request(20000, "x");
  const std::string bytes = encode(request);
  RespRequestParser parser;
  std::vector<std::string_view> arguments;
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    REQUIRE(parser.next(std::string_view(bytes).substr(0, size), arguments) == RespOutcome::kNeedMore);
  }
  REQUIRE(parser.next(bytes, arguments) == RespOutcome::kRequest);
  CHECK(arguments.size() == 20000);
  CHECK(parser.consumed() == bytes.size());
}

TEST_CASE("The limits can be set", "[resp]") {
  const RespLimits small{.max_bulk_bytes = 10, .max_arguments = 2, .max_line_bytes = 20};
  CHECK(readInPieces("*2\r\n$10\r\n0123456789\r\n$1\r\nx\r\n", 1, small).requests.size() == 1);
  CHECK(readInPieces("*1\r\n$11\r\n", SIZE_MAX, small).error == "Protocol error: invalid bulk length");
  CHECK(readInPieces("*3\r\n", SIZE_MAX, small).error == "Protocol error: invalid multibulk length");
  CHECK(readInPieces(std::string(20, 'a') + "\n", 1, small).requests.size() == 1);
  CHECK(readInPieces(std::string(21, 'a') + "\n", 1, small).error == "Protocol error: too big inline request");
  CHECK(readInPieces(std::string(21, 'a') + "\n", SIZE_MAX, small).error == "Protocol error: too big inline request");
  RespRequestParser parser(small);
  parser.setMaxBulkBytes(11);
  std::vector<std::string_view> arguments;
  CHECK(parser.next("*1\r\n$11\r\n01234567890\r\n", arguments) == RespOutcome::kRequest);
}

}  // namespace trefoil::parser
