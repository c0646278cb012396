// RESP, the protocol of Redis, from both sides: requests as a server reads them, replies as a client does.
//
// RespRequestParser copies nothing: arguments are views into the connection's input buffer. It never looks at a byte twice,
// however small the pieces are in which a request arrives: of an unfinished one it keeps where it stopped and the places of the
// arguments so far, relative to the request's first byte, so the buffer may move and grow between calls. It holds memory only for
// what has arrived, never for what a header announces, and says how many bytes are missing, so that nobody asks in vain.
//
// Limits and error texts are Redis's (networking.c, processMultibulkBuffer and processInlineBuffer). An error is final: the
// connection answers it with -ERR and closes. Thread safety: none; a parser belongs to its connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trefoil::parser {

struct RespLimits {
  std::size_t max_bulk_bytes = std::size_t{512} << 20;  // proto-max-bulk-len
  std::size_t max_arguments = std::size_t{1024} * 1024;
  std::size_t max_line_bytes = std::size_t{64} << 10;  // an inline command, and the line of a length
};

enum class RespOutcome : std::uint8_t {
  kRequest,   // one request; it may have no arguments (an empty line, *0), then there is nothing to do
  kNeedMore,  // the input ends inside a request
  kError,     // error() says why
};

class RespRequestParser {
 public:
  explicit RespRequestParser(RespLimits limits = {}) : limits_(limits) {}

  // Reads one request. `input` is everything that has arrived since the last complete one: after kNeedMore the same bytes again
  // (perhaps at another address) and more behind them; after kRequest, what follows the consumed() bytes. Replaces the content of
  // `arguments`; the views are into `input`, those of a quoted inline command into the parser until the next call.
  RespOutcome next(std::string_view input, std::vector<std::string_view>& arguments);

  // After kRequest: the bytes it took.
  [[nodiscard]] std::size_t consumed() const { return at_; }
  // After kNeedMore: the input must grow by at least so much before next() can say anything else. At least 1.
  [[nodiscard]] std::size_t lacking() const { return lacking_; }
  // After kError: "Protocol error: …".
  [[nodiscard]] const std::string& error() const { return error_; }

  // proto-max-bulk-len may change at run time; applies from the next bulk on.
  void setMaxBulkBytes(std::size_t bytes) { limits_.max_bulk_bytes = bytes; }

 private:
  struct Range {
    std::size_t begin;
    std::size_t size;
  };
  static constexpr std::size_t kNoBulk = SIZE_MAX;

  bool readWhole(std::string_view input, std::vector<std::string_view>& arguments);
  RespOutcome resume(std::string_view input, std::vector<std::string_view>& arguments);
  RespOutcome readInline(std::string_view input, std::vector<std::string_view>& arguments);
  RespOutcome readHeader(std::string_view input);
  RespOutcome readBulk(std::string_view input);
  // Finds the end of the line that begins at at_, resuming the search. kRequest: it is at `line_end`.
  RespOutcome findLineEnd(std::string_view input, char last, const char* too_long, std::size_t& line_end);
  RespOutcome needMore(std::size_t bytes);
  RespOutcome fail(std::string text);

  RespLimits limits_;
  std::size_t at_ = 0;        // everything before it in the input has been understood
  std::size_t searched_ = 0;  // no line end before it
  std::size_t lacking_ = 1;
  std::size_t waiting_for_ = 0;  // the input's size below which there is nothing to do
  std::size_t arguments_left_ = 0;
  std::size_t bulk_size_ = kNoBulk;  // of the bulk whose bytes begin at at_
  bool unfinished_ = false;          // a request was begun in an earlier call
  bool in_arguments_ = false;        // its count is known
  std::vector<Range> ranges_;
  std::vector<std::string> inline_arguments_;
  std::string error_;
};

// -------------------------------------------------------------------------------------------------------------------- replies

enum class RespType : std::uint8_t {
  kSimpleString,  // +
  kError,         // - and !
  kInteger,       // :
  kBulkString,    // $
  kNull,          // _ and $-1, *-1
  kDouble,        // ,
  kBoolean,       // #: integer 0 or 1
  kBigNumber,     // (: digits in text
  kVerbatim,      // =: text without its format
  kArray,         // *
  kSet,           // ~
  kPush,          // >
  kMap,           // %: elements are key, value, key, value …
};

struct RespReply {
  RespType type = RespType::kNull;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<RespReply> elements;
  [[nodiscard]] bool isError() const { return type == RespType::kError; }
};

// Reads replies of RESP2 and RESP3 from a stream of bytes. Nesting is bounded.
class RespReplyParser {
 public:
  static constexpr std::size_t kMaxDepth = 64;

  // Appends what has arrived.
  void feed(std::string_view bytes);
  // From here on an aggregate comes in pieces: next() gives its head, with the number of its elements in `integer` (a pair of a
  // map counts twice), and then each of them like a reply. A large one need not be in memory as a whole. Pushes stay whole; one
  // that comes where an element is due is that element.
  void takeApart() { apart_ = true; }
  // The next complete reply. kNeedMore: there is none yet. kError: the bytes are not RESP, error() says why; this is final.
  RespOutcome next(RespReply& reply);
  // The attributes (|) of the reply that next() gave last: name, value, name, value … Those of its elements are dropped.
  [[nodiscard]] const std::vector<RespReply>& attributes() const { return attributes_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Open {
    RespReply reply;
    std::size_t left;
    bool is_attribute;
  };
  enum class Step : std::uint8_t { kValue, kOpened, kNeedMore, kError };

  Step readValue(RespReply& value);
  Step readScalar(std::string_view line, RespReply& value);
  Step readBulk(std::string_view line, RespReply& value);
  Step readAggregate(std::string_view line, RespReply& value);
  Step fail(std::string text);

  std::string buffer_;
  std::size_t at_ = 0;
  std::size_t searched_ = 0;
  std::vector<Open> open_;
  std::vector<RespReply> attributes_;
  bool begun_ = false;  // attributes_ belong to the reply that is being read
  bool apart_ = false;
  std::size_t apart_left_ = 0;  // elements to come of the aggregate whose head was given
  bool failed_ = false;
  std::string error_;
};

}  // namespace trefoil::parser
