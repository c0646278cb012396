// RespProtocol: the protocol of Redis. Requests by parser/resp, answers by RespReply.
#pragma once

#include "net/protocol.hpp"
#include "parser/resp.hpp"

namespace trefoil::net {

class RespProtocol final : public Protocol {
 public:
  RespProtocol(const Session& session, const Settings& settings) : session_(session), settings_(settings) {}

  Cut cut(std::string_view input, Batch& batch) override;
  void restart() override { parser_ = parser::RespRequestParser(); }
  void refuse(Reply& reply) override;
  std::unique_ptr<Reply> replyInto(ByteBuffer& out) override;

 private:
  const Session& session_;
  const Settings& settings_;
  parser::RespRequestParser parser_;
};

}  // namespace trefoil::net
