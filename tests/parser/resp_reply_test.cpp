#include <catch2/catch.hpp>
#include <cmath>

#include "parser/resp.hpp"

namespace trefoil::parser {
namespace {

// A reply in one line, so that tests can compare it.
std::string shown(const RespReply& reply) {
  const auto elements = [&reply](char open, char close) {
    std::string text(1, open);
    for (const RespReply& element : reply.elements) {
      text += (text.size() > 1 ? " " : "") + shown(element);
    }
    return text + close;
  };
  switch (reply.type) {
    case RespType::kSimpleString:
      return "+" + reply.text;
    case RespType::kError:
      return "-" + reply.text;
    case RespType::kInteger:
      return std::to_string(reply.integer);
    case RespType::kBulkString:
      return "'" + reply.text + "'";
    case RespType::kNull:
      return "null";
    case RespType::kDouble:
      return "d" + std::to_string(reply.real);
    case RespType::kBoolean:
      return reply.integer != 0 ? "true" : "false";
    case RespType::kBigNumber:
      return "n" + reply.text;
    case RespType::kVerbatim:
      return "v" + reply.text;
    case RespType::kArray:
      return elements('[', ']');
    case RespType::kSet:
      return elements('{', '}');
    case RespType::kPush:
      return elements('>', '<');
    case RespType::kMap:
      return elements('(', ')');
  }
  return "?";
}

std::string readAll(std::string_view bytes, std::size_t piece) {
  RespReplyParser parser;
  std::string text;
  for (;;) {
    RespReply reply;
    const RespOutcome outcome = parser.next(reply);
    if (outcome == RespOutcome::kRequest) {
      text += (text.empty() ? "" : "; ") + shown(reply);
      continue;
    }
    if (outcome == RespOutcome::kError) {
      return text + (text.empty() ? "" : "; ") + "ERROR " + parser.error();
    }
    if (bytes.empty()) {
      return text;
    }
    parser.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
}

}  // namespace

TEST_CASE("Replies of both protocols, in pieces of any size", "[resp]") {
  const std::pair<const char*, const char*> cases[] = {
      {"+OK\r\n", "+OK"},
      {"-ERR no\r\n:42\r\n:-7\r\n:+3\r\n", "-ERR no; 42; -7; 3"},
      {"$5\r\nhello\r\n$0\r\n\r\n$-1\r\n*-1\r\n_\r\n", "'hello'; ''; null; null; null"},
      {"$4\r\n\r\n\r\n\r\n", "'\r\n\r\n'"},
      {"*0\r\n*2\r\n:1\r\n*2\r\n$1\r\na\r\n*0\r\n+x\r\n", "[]; [1 ['a' []]]; +x"},
      {"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n", "(+a 1 +b [null])"},
      {"~2\r\n:1\r\n:2\r\n>2\r\n+message\r\n+x\r\n%0\r\n", "{1 2}; >+message +x<; ()"},
      {",1.5\r\n,inf\r\n,-inf\r\n,1e3\r\n#t\r\n#f\r\n", "d1.500000; dinf; d-inf; d1000.000000; true; false"},
      {"(12345678901234567890\r\n=7\r\ntxt:abc\r\n!5\r\nERR x\r\n", "n12345678901234567890; vabc; -ERR x"},
      {"|1\r\n+ttl\r\n:3\r\n+value\r\n*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n|0\r\n:9\r\n", "+value; [1 2]; 9"},
      {"*2\r\n:1\r\n", ""},
      {"$5\r\nhel", ""},
      {":x\r\n", "ERROR a reply's integer is none"},
      {"+a\r\n?\r\n", "+a; ERROR a reply begins with an unknown type byte"},
      {"\r\n", "ERROR a reply begins with an empty line"},
      {"$3\r\nabcd\r\n", "ERROR a reply's bulk does not end where its length says"},
      {"$-2\r\n", "ERROR a reply's bulk length is none"},
      {"*9999999999\r\n", "ERROR a reply's count of elements is none"},
      {"#x\r\n", "ERROR a reply's boolean is neither t nor f"},
      {",1.5x\r\n", "ERROR a reply's double is none"},
  };
  for (const auto& [bytes, expected] : cases) {
    CAPTURE(bytes);
    for (const std::size_t piece : {1, 2, 3, 5, 1000}) {
      CHECK(readAll(bytes, piece) == expected);
    }
  }
}

TEST_CASE("The attributes of a reply", "[resp]") {
  RespReplyParser parser;
  RespReply reply;
  REQUIRE(parser.next(reply) == RespOutcome::kNeedMore);
  for (const char byte : std::string_view("|2\r\n+tag\r\n$3\r\nSET\r\n+n\r\n*1\r\n:1\r\n*1\r\n|1\r\n+a\r\n+b\r\n:1\r\n")) {
    parser.feed({&byte, 1});
    if (parser.next(reply) == RespOutcome::kRequest) {
      break;
    }
  }
  CHECK(shown(reply) == "[1]");
  REQUIRE(parser.attributes().size() == 4);
  CHECK(shown(parser.attributes()[1]) == "'SET'");
  CHECK(shown(parser.attributes()[3]) == "[1]");
  parser.feed("+plain\r\n");
  REQUIRE(parser.next(reply) == RespOutcome::kRequest);
  CHECK(parser.attributes().empty());
}

TEST_CASE("A reply taken apart", "[resp]") {
  const std::string_view bytes =
      ">1\r\n+first\r\n|1\r\n+a\r\n:7\r\n*3\r\n*1\r\n:1\r\n>1\r\n+x\r\n+end\r\n%1\r\n+k\r\n%1\r\n+l\r\n+m\r\n*0\r\n";
  for (const std::size_t piece : {1, 3, 1000}) {
    RespReplyParser parser;
    parser.takeApart();
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      parser.feed(bytes.substr(at, piece));
      for (RespReply reply; parser.next(reply) == RespOutcome::kRequest; reply = {}) {
        text +=
            (reply.elements.empty() && reply.type >= RespType::kArray ? "head " + std::to_string(reply.integer) : shown(reply)) +
            (parser.attributes().empty() ? "; " : " with attributes; ");
      }
    }
    CHECK(text == ">+first<; head 3 with attributes; [1]; >+x<; +end; head 2; +k; (+l +m); head 0; ");
  }
}

TEST_CASE("Nesting is bounded", "[resp]") {
  std::string bytes;
  for (std::size_t i = 0; i < RespReplyParser::kMaxDepth; ++i) {
    bytes += "*1\r\n";
  }
  CHECK(readAll(bytes + ":1\r\n", 1000).size() == 2 * RespReplyParser::kMaxDepth + 1);
  CHECK(readAll(bytes + "*1\r\n:1\r\n", 1000) == "ERROR a reply is nested too deeply");
}

TEST_CASE("A header announces, but nothing is reserved for it", "[resp]") {
  RespReplyParser parser;
  parser.feed("*2147483647\r\n$2147483647\r\nabc");
  RespReply reply;
  CHECK(parser.next(reply) == RespOutcome::kNeedMore);
}

}  // namespace trefoil::parser
