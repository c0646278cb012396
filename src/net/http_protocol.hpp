// HttpProtocol: a little HTTP/1.1, for those who watch over a server and speak nothing else.
//
//   GET /health    200 as soon as there is somebody to answer
//   GET /ready     200, or 503 and the reason while writes are refused
//   GET /metrics   the figures of INFO and more, in the Prometheus text format
//
// A request becomes a statement like any other, and its answer the body. One is cut at a time, so the answer that is written next
// is always that of exchange_.
#pragma once

#include "net/http_request.hpp"
#include "net/protocol.hpp"

namespace trefoil::net {

// What the head of an answer depends on.
struct HttpExchange {
  int refusal = 0;  // a status, for a request that is no statement
  bool without_body = false;
  bool keep_alive = false;
  bool is_http_11 = true;
  std::string_view content_type;
};

class HttpProtocol final : public Protocol {
 public:
  Cut cut(std::string_view input, Batch& batch) override;
  void restart() override { parser_ = HttpRequestParser(); }
  void refuse(Reply& reply) override;
  std::unique_ptr<Reply> replyInto(ByteBuffer& out) override;

 private:
  HttpRequestParser parser_;
  HttpExchange exchange_;
};

}  // namespace trefoil::net
