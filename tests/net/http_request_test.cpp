#include "net/http_request.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace trefoil::net {
namespace {

using Method = HttpRequest::Method;

std::string shown(const HttpRequest& request) {
  const auto method = request.method == Method::kGet     ? "GET "
                      : request.method == Method::kHead  ? "HEAD "
                      : request.method == Method::kOther ? "other "
                                                         : "unknown ";
  return method + request.path + (request.is_http_11 ? " 1.1" : " 1.0") + (request.keep_alive ? " keep" : " close");
}

// What is read when the bytes come in pieces of that size: requests, and at the end the status of an error, or "more".
std::string read(std::string_view bytes, std::size_t piece) {
  HttpRequestParser parser;
  std::string buffer;
  std::string seen;
  for (;;) {
    switch (parser.next(std::string(buffer))) {  // at another address each time
      case HttpOutcome::kRequest:
        seen += shown(parser.request()) + "; ";
        buffer = buffer.substr(parser.consumed());
        continue;
      case HttpOutcome::kError:
        return seen + std::to_string(parser.status());
      case HttpOutcome::kNeedMore:
        break;
    }
    if (bytes.empty()) {
      return seen + (buffer.empty() ? "" : "more");
    }
    buffer += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
}

TEST_CASE("requests are read as RFC 9112 has them, in whatever pieces they come") {
  const auto [bytes, expected] = GENERATE(table<std::string, std::string>({
      {"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "GET /health 1.1 keep; "},
      {"HEAD /ready HTTP/1.1\r\nhost: a\r\nConnection: close\r\n\r\n", "HEAD /ready 1.1 close; "},
      {"GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close; "},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / 1.0 keep; "},
      {"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a 1.1 keep; GET /b 1.1 keep; "},
      {"\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a 1.1 keep; "},
      {"GET /a?b=/c#d HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a 1.1 keep; "},
      {"GET http://host:80/a?b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a 1.1 keep; "},
      {"GET http://host?/a HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 keep; "},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "other * 1.1 keep; "},
      {"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", "unknown /pot 1.1 keep; "},
      {"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
       "other /a 1.1 keep; GET /b 1.1 keep; "},
      {"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell", "more"},
      {"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", "other /a 1.1 close; "},
      {"GET /unfinished HTTP/1.1\r\nHost", "more"},
      {"GET /a HTTP/1.1\r\n\r\n", "400"},                        // no Host
      {"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},  // whose?
      {"GET /a\r\n\r\n", "400"},
      {"PING\r\n", "400"},
      {"*1\r\n$4\r\nPING\r\n", "400"},
      {"GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /a HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
      {"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "400"},
      {"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
      {"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"GET /a HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
      {"GET /" + std::string(HttpRequestParser::kMaxHeaderBytes, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", "431"},
      {"GET /a HTTP/1.1\r\nHost: a\r\nX: " + std::string(HttpRequestParser::kMaxHeaderBytes, 'a') + "\r\n\r\n", "431"},
      {"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n", "413"},
      {std::string(HttpRequestParser::kMaxHeaderBytes + 1, '\n'), "400"},
  }));
  CAPTURE(bytes.substr(0, 200));
  CHECK(read(bytes, bytes.size()) == expected);
  CHECK(read(bytes, 1) == expected);
  CHECK(read(bytes, 7) == expected);
}

TEST_CASE("behind a body without a length nothing is found") {
  HttpRequestParser parser;
  const std::string head = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  REQUIRE(parser.next(head + "3\r\nabc\r\n0\r\n\r\n") == HttpOutcome::kRequest);
  CHECK(shown(parser.request()) == "other /a 1.1 close");
  CHECK(parser.consumed() == head.size());
}

}  // namespace
}  // namespace trefoil::net
