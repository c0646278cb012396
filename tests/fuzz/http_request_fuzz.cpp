// HTTP requests from a hostile peer: the pieces in which bytes arrive must not matter, and nothing may read outside them.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/assert.hpp"
#include "net/http_request.hpp"

namespace {

using trefoil::net::HttpOutcome;
using trefoil::net::HttpRequestParser;

// Everything that was read, in one string.
std::string readRequests(std::string_view bytes, std::size_t piece) {
  HttpRequestParser parser;
  std::string buffer;
  std::string seen;
  for (;;) {
    const HttpOutcome outcome = parser.next(buffer);
    if (outcome == HttpOutcome::kError) {
      TREFOIL_ASSERT(parser.status() >= 400 && parser.status() < 600);
      return seen + "error";
    }
    if (outcome == HttpOutcome::kRequest) {
      TREFOIL_ASSERT(parser.consumed() > 0 && parser.consumed() <= buffer.size());
      seen += std::to_string(static_cast<int>(parser.request().method)) + parser.request().path + '\n';
      if (!parser.request().keep_alive) {
        return seen;  // what follows is not looked at
      }
      buffer = buffer.substr(parser.consumed());  // a fresh buffer, so that a stale view would show
      continue;
    }
    TREFOIL_ASSERT(buffer.size() <= 2 * HttpRequestParser::kMaxHeaderBytes + HttpRequestParser::kMaxBodyBytes);
    if (bytes.empty()) {
      return seen;
    }
    buffer = std::string(buffer).append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = readRequests(bytes, size + 1);
  TREFOIL_ASSERT(readRequests(bytes, 1) == whole);
  TREFOIL_ASSERT(readRequests(bytes, 7) == whole);
  return 0;
}
