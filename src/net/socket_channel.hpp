// SocketChannel: the bytes of a stream socket as they are, over TCP or a unix socket. A read or a write is one system call.
#pragma once

#include "net/channel.hpp"

namespace trefoil::net {

class SocketChannel : public Channel {
 public:
  using Channel::Channel;
  Transfer read(std::span<char> room) override;
  Transfer write(std::string_view bytes) override;
  [[nodiscard]] std::string whyBroken() const override;
  void shutdown() override;
};

}  // namespace trefoil::net
