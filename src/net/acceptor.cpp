#include "net/acceptor.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "engine/database.hpp"
#include "net/event_loop.hpp"
#include "net/protected_mode.hpp"
#include "net/server.hpp"
#include "net/socket_channel.hpp"

namespace trefoil::net {
namespace {

constexpr int kAcceptsPerRound = 64;
constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";

std::string addressText(const sockaddr_storage& address) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
  return std::string(host) + ":" + std::to_string(ntohs(v4.sin_port));
}

void configure(int socket, int keep_alive_seconds) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (keep_alive_seconds == 0) {
    return;
  }
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  const int idle = keep_alive_seconds;
  const int interval = std::max(1, keep_alive_seconds / 3);
  const int probes = 3;
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

int openReserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

Acceptor::Acceptor(Server& server) : server_(server), reserve_(openReserve()) {}

Acceptor::~Acceptor() {
  ::close(reserve_);
}

void Acceptor::stop() {
  listeners_.clear();
}

void Acceptor::accept() {
  for (const Listener& listener : listeners_) {
    for (int i = 0; i < kAcceptsPerRound && acceptOne(listener); ++i) {
    }
  }
}

bool Acceptor::acceptOne(const Listener& listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int socket = ::accept4(listener.socket(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket < 0) {
    const int error = errno;
    if (error == EMFILE || error == ENFILE) {
      shedOne(listener);
    }
    return error == EINTR || error == ECONNABORTED;
  }
  const bool is_unix = address.ss_family == AF_UNIX;
  NewClient client{.channel = std::make_unique<SocketChannel>(socket)};
  if (!is_unix && server_.database_.settings().flag(Setting::kProtectedMode) && !isLoopback(address)) {
    client.channel->write(kDenied);
    return true;
  }
  if (server_.connections_.fetch_add(1, std::memory_order_relaxed) >= server_.maxClients()) {
    server_.connections_.fetch_sub(1, std::memory_order_relaxed);
    client.channel->write(kTooManyClients);
    return true;
  }
  if (is_unix) {
    client.address = client.local_address = listener.path() + ":0";
  } else {
    configure(socket, static_cast<int>(server_.database_.settings().integer(Setting::kTcpKeepalive)));
    client.address = addressText(address);
    size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    client.local_address = addressText(address);
  }
  server_.quietestLoop().adopt(std::move(client));
  return true;
}

// Without a free descriptor accept4 fails and the client waits in the queue for ever, and epoll reports it over and over.
void Acceptor::shedOne(const Listener& listener) {
  ::close(reserve_);
  const int socket = ::accept4(listener.socket(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket >= 0) {
    SocketChannel(socket).write(kTooManyClients);
  }
  reserve_ = openReserve();
}

}  // namespace trefoil::net
