#include "engine/message.hpp"

#include <numeric>

#include "engine/reply.hpp"

namespace trefoil {

ChannelMessage::ChannelMessage(Kind kind, std::string_view pattern, std::string_view channel, std::string_view payload)
    : Message(pattern.size() + channel.size() + payload.size()),
      kind_(kind),
      pattern_(pattern),
      channel_(channel),
      payload_(payload) {}

void ChannelMessage::pushTo(Reply& reply) const {
  if (kind_ == Kind::kPattern) {
    reply.push(4);
    reply.bulk("pmessage");
    reply.bulk(pattern_);
  } else {
    reply.push(3);
    reply.bulk(kind_ == Kind::kShard ? "smessage" : "message");
  }
  reply.bulk(channel_);
  reply.bulk(payload_);
}

InvalidationMessage::InvalidationMessage(Form form, std::span<const std::string_view> keys)
    : Message(std::accumulate(keys.begin(), keys.end(), std::size_t{0},
                              [](std::size_t bytes, std::string_view key) { return bytes + key.size() + sizeof(std::string); })),
      form_(form),
      keys_(keys.begin(), keys.end()) {}

void InvalidationMessage::pushTo(Reply& reply) const {
  if (form_ == Form::kPush) {
    reply.push(2);
    reply.bulk("invalidate");
  } else {
    reply.push(3);
    reply.bulk("message");
    reply.bulk("__redis__:invalidate");
  }
  if (keys_.empty()) {
    return reply.null();
  }
  reply.array(keys_.size());
  for (const std::string& key : keys_) {
    reply.bulk(key);
  }
}

void BrokenRedirection::pushTo(Reply& reply) const {
  reply.push(2);
  reply.bulk("tracking-redir-broken");
  reply.integer(static_cast<std::int64_t>(client_));
}

void MonitorLine::pushTo(Reply& reply) const {
  reply.simple(text_);
}

}  // namespace trefoil
