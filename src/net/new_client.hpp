// NewClient: a peer that was let in, on its way to the loop that will serve it.
#pragma once

#include <memory>
#include <string>

#include "net/channel.hpp"
#include "net/protocol.hpp"

namespace trefoil::net {

struct NewClient {
  const ProtocolType* protocol;
  std::unique_ptr<Channel> channel;
  std::string address;        // the peer's, as CLIENT LIST shows it
  std::string local_address;  // the one it has connected to
  bool is_near = false;       // it is on this machine
};

}  // namespace trefoil::net
