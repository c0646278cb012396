// HttpRequestParser: HTTP/1.1 requests, as a server reads them (RFC 9112). The grammar of a request's head is Boost.Beast's,
// which only http_request.cpp knows; here are the bounds, and which status a request deserves that is none.
//
// A head that comes in pieces is read from its beginning each time, so that nonsense is answered as soon as it shows; it is
// short. No request of ours has a body. One whose length is said, and is small, is passed over; behind any other nothing can be
// found, so the connection ends there.
//
// Thread safety: none; a parser belongs to its connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trefoil::net {

struct HttpRequest {
  enum class Method : std::uint8_t { kGet, kHead, kOther, kUnknown };  // kOther: HTTP knows it
  Method method = Method::kUnknown;
  std::string path;         // without authority, query and fragment; not decoded
  bool is_http_11 = true;   // or 1.0
  bool keep_alive = false;  // as the client wants it
};

enum class HttpOutcome : std::uint8_t {
  kRequest,
  kNeedMore,  // the input ends inside a request
  kError,     // status() says how to answer; nothing behind it can be understood
};

class HttpRequestParser {
 public:
  static constexpr std::uint32_t kMaxHeaderBytes = 8 << 10;
  static constexpr std::uint64_t kMaxBodyBytes = 16 << 10;

  // `input`: everything that has arrived since the last complete request; after kNeedMore the same bytes again, and more.
  HttpOutcome next(std::string_view input);

  // After kRequest: the request, and the bytes that it took.
  [[nodiscard]] const HttpRequest& request() const { return request_; }
  [[nodiscard]] std::size_t consumed() const { return end_; }
  // After kError: 400, 413, 431, 501 or 505.
  [[nodiscard]] int status() const { return status_; }

 private:
  HttpOutcome fail(int status);

  std::size_t end_ = 0;          // of the last request in the input
  std::size_t waiting_for_ = 0;  // so much input, for a body's sake
  HttpRequest request_;
  int status_ = 0;
};

}  // namespace trefoil::net
