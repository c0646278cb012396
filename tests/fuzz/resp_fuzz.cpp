// RESP requests and replies from a hostile peer: the pieces in which bytes arrive must not matter, and nothing may read outside
// them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/assert.hpp"
#include "parser/resp.hpp"

namespace {

using trefoil::parser::RespOutcome;
using trefoil::parser::RespReply;
using trefoil::parser::RespReplyParser;
using trefoil::parser::RespRequestParser;

// Everything that was read, in one string.
std::string readRequests(std::string_view bytes, std::size_t piece) {
  RespRequestParser parser;
  std::vector<std::string_view> arguments;
  std::string buffer;
  std::string seen;
  for (;;) {
    const RespOutcome outcome = parser.next(buffer, arguments);
    if (outcome == RespOutcome::kError) {
      return seen + parser.error();
    }
    if (outcome == RespOutcome::kRequest) {
      TREFOIL_ASSERT(parser.consumed() > 0 && parser.consumed() <= buffer.size());
      for (const std::string_view argument : arguments) {
        seen.append(argument).push_back('|');
      }
      seen.push_back('\n');
      buffer = buffer.substr(parser.consumed());  // a fresh buffer, so that a stale view would show
      continue;
    }
    if (bytes.empty()) {
      return seen;
    }
    buffer = std::string(buffer).append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
}

std::size_t readReplies(std::string_view bytes, std::size_t piece) {
  RespReplyParser parser;
  std::size_t count = 0;
  for (RespReply reply;;) {
    const RespOutcome outcome = parser.next(reply);
    if (outcome == RespOutcome::kError) {
      return count;
    }
    if (outcome == RespOutcome::kRequest) {
      ++count;
      continue;
    }
    if (bytes.empty()) {
      return count;
    }
    parser.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = readRequests(bytes, size + 1);
  TREFOIL_ASSERT(readRequests(bytes, 1) == whole);
  TREFOIL_ASSERT(readRequests(bytes, 7) == whole);
  const std::size_t replies = readReplies(bytes, size + 1);
  TREFOIL_ASSERT(readReplies(bytes, 1) == replies);
  return 0;
}
