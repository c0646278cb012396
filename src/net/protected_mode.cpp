#include "net/protected_mode.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace trefoil::net {

bool isLoopback(const sockaddr_storage& peer) {
  constexpr std::uint8_t kLoopbackNet = 127;
  if (peer.ss_family == AF_INET6) {
    const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == kLoopbackNet);
  }
  return peer.ss_family == AF_INET && ntohl(reinterpret_cast<const sockaddr_in&>(peer).sin_addr.s_addr) >> 24 == kLoopbackNet;
}

}  // namespace trefoil::net
