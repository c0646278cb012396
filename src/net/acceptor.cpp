#include "net/acceptor.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string_view>

#include "base/logging.hpp"
#include "engine/database.hpp"
#include "net/event_loop.hpp"
#include "net/protected_mode.hpp"
#include "net/server.hpp"
#include "net/socket_channel.hpp"
#include "net/tls_handshakes.hpp"

namespace trefoil::net {
namespace {

constexpr int kAcceptsPerRound = 64;

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

void Acceptor::replace(Door door, std::vector<Listener> listeners) {
  const std::lock_guard lock(mutex_);
  if (!stopped_) {
    listeners_[static_cast<std::size_t>(door)] = std::move(listeners);
  }
}

void Acceptor::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  listeners_ = {};
}

void Acceptor::accept() {
  const std::lock_guard lock(mutex_);
  for (const std::vector<Listener>& door : listeners_) {
    for (const Listener& listener : door) {
      for (int i = 0; i < kAcceptsPerRound && acceptOne(listener); ++i) {
      }
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
  NewClient client{.protocol = &listener.protocol()};
  if (address.ss_family == AF_UNIX) {
    client.address = client.local_address = listener.path() + ":0";
    client.is_near = true;
  } else {
    configure(socket, static_cast<int>(server_.database_.settings().integer(Setting::kTcpKeepalive)));
    client.address = addressText(address);
    client.is_near = isLoopback(address);
    size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    client.local_address = addressText(address);
  }
  try {
    welcome(socket, listener, std::move(client));
  } catch (const std::bad_alloc&) {
    logWarning("a new connection is closed: there is no memory for it");
  }
  return true;
}

void Acceptor::welcome(int socket, const Listener& listener, NewClient client) {
  if (listener.door() == Door::kTls) {
    server_.tls_handshakes_->begin(std::make_unique<TlsChannel>(socket, *server_.tlsContext()), std::move(client));
  } else {
    client.channel = std::make_unique<SocketChannel>(socket);
    server_.admit(std::move(client));
  }
}

// Without a free descriptor accept4 fails and the client waits in the queue for ever, and epoll reports it over and over.
void Acceptor::shedOne(const Listener& listener) {
  ::close(reserve_);
  const int socket = ::accept4(listener.socket(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket >= 0) {
    SocketChannel(socket).write(listener.protocol().too_many_clients);
  }
  reserve_ = openReserve();
}

}  // namespace trefoil::net
