#include "net/resp_protocol.hpp"

#include <algorithm>

#include "base/ascii_case.hpp"
#include "base/settings.hpp"
#include "net/limits.hpp"
#include "net/protected_mode.hpp"
#include "net/resp_writer.hpp"

namespace trefoil::net {
namespace {

// A web page can make a browser send requests here; their first words are none of ours (as in Redis, networking.c).
bool isHttp(std::string_view word) {
  return equalsIgnoringCase(word, "post") || equalsIgnoringCase(word, "host:");
}

}  // namespace

const ProtocolType kRespProtocol = {
    .create = [](const Session& session, const Settings& settings) -> std::unique_ptr<Protocol> {
      return std::make_unique<RespProtocol>(session, settings);
    },
    .patience_s = 0,
    .has_messages = true,
    .denied = kDenied,
    .too_many_clients = "-ERR max number of clients reached\r\n",
    .out_of_memory = "-OOM out of memory: the connection is closed\r\n",
};

Protocol::Cut RespProtocol::cut(std::string_view input, Batch& batch) {
  if (batch.words.size() < kMaxBatch) {
    batch.words.resize(kMaxBatch);
  }
  parser_.setMaxBulkBytes(static_cast<std::size_t>(settings_.integer(Setting::kProtoMaxBulkLen)));
  Cut cut;
  // The words of an inline command are good until the next one is cut: it ends the batch.
  while (batch.ends.size() < kMaxBatch && !batch.borrows_at_end) {
    std::vector<std::string_view>& words = batch.words[batch.ends.size()];
    const parser::RespOutcome outcome = parser_.next(input.substr(cut.size), words);
    if (outcome != parser::RespOutcome::kRequest) {
      cut.more = false;
      cut.lacking = parser_.lacking();
      cut.refuses = cut.ends = outcome == parser::RespOutcome::kError;
      return cut;
    }
    const bool is_inline = input[cut.size] != '*';
    cut.size += parser_.consumed();
    if (words.empty()) {
      continue;  // an empty line or an empty array is no statement
    }
    batch.borrows_at_end = is_inline;
    batch.statements.emplace_back().args = words;
    batch.ends.push_back(cut.size);
  }
  cut.hangs_up = batch.borrows_at_end && isHttp(batch.statements.back().args[0]);
  return cut;
}

void RespProtocol::refuse(Reply& reply) {
  reply.error(Error(ErrorCode::kInvalid, parser_.error()));
}

std::unique_ptr<Reply> RespProtocol::replyInto(ByteBuffer& out) {
  return std::make_unique<RespReply>(out, session_);
}

}  // namespace trefoil::net
