#include "engine/message.hpp"

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

void MonitorLine::pushTo(Reply& reply) const {
  reply.simple(text_);
}

}  // namespace trefoil
