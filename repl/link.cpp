#include "repl/link.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "net/socket_channel.hpp"
#include "net/tls_channel.hpp"
#include "repl/interrupt.hpp"

namespace trefoil::repl {
namespace {

using Then = net::Transfer::Then;

Error systemError() {
  return Error(ErrorCode::kIo, std::strerror(errno));
}

// Waits for `events` of a descriptor, or for a Ctrl-C.
Status await(int descriptor, short events) {
  for (;;) {
    std::array<pollfd, 2> sources{{{descriptor, events, 0}, {interruptEvent(), POLLIN, 0}}};
    ::poll(sources.data(), sources.size(), -1);
    if (interruptPending()) {
      return Error(ErrorCode::kCancelled, "canceled");
    }
    if (sources[0].revents != 0) {
      return {};
    }
  }
}

// A connected socket, or -1 with what was wrong in `status`.
int connectedSocket(int family, const sockaddr* address, socklen_t size, Status& status) {
  const int socket = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  status = {};
  if (socket < 0) {
    status = systemError();
    return socket;
  }
  if (::connect(socket, address, size) != 0) {
    int error_number = errno;
    if (error_number == EINPROGRESS) {
      status = await(socket, POLLOUT);
      socklen_t length = sizeof error_number;
      ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error_number, &length);
    }
    if (status.ok() && error_number != 0) {
      status = Error(ErrorCode::kIo, std::strerror(error_number));
    }
  }
  if (!status.ok()) {
    ::close(socket);
    return -1;
  }
  return socket;
}

Result<int> unixSocket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error(ErrorCode::kIo, "the path is too long for a unix socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Status status;
  const int socket = connectedSocket(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, status);
  return socket < 0 ? Result<int>(status.error()) : socket;
}

Result<int> tcpSocket(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); code != 0) {
    return Error(ErrorCode::kIo, gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  Status status;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int socket = connectedSocket(address->ai_family, address->ai_addr, address->ai_addrlen, status);
    if (socket >= 0) {
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket;
    }
    if (status.error().code == ErrorCode::kCancelled) {
      break;
    }
  }
  return status.error();
}

}  // namespace

Result<std::unique_ptr<Link>> Link::open(const Target& target) {
  const auto failed = [&target](const Error& error) {
    return error.code == ErrorCode::kCancelled
               ? error
               : Error(error.code, "cannot connect to " + target.shown() + ": " + error.message).withHint(error.hint);
  };
  std::shared_ptr<const net::TlsContext> context;
  if (target.tls) {
    TREFOIL_ASSIGN(context, net::TlsContext::forClient(*target.tls));
  }
  const Result<int> socket = target.socket.empty() ? tcpSocket(target.host, target.port) : unixSocket(target.socket);
  if (!socket.ok()) {
    return failed(socket.error());
  }
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  net::TlsChannel* const tls = context == nullptr ? nullptr : new net::TlsChannel(*socket, *context);
  std::unique_ptr<net::Channel> channel(tls != nullptr ? tls : new net::SocketChannel(*socket));
  std::unique_ptr<Link> link(new Link(epoll, std::move(channel)));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  if (epoll < 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, *socket, &event) != 0) {
    return failed(systemError());
  }
  while (tls != nullptr) {
    const Then then = tls->handshake();
    if (then == Then::kMore) {
      break;
    }
    if (then != Then::kWait) {
      Error error(ErrorCode::kIo, "TLS: " + tls->whyBroken());
      if (tls->distrusts()) {
        error.hint = "--cacert names the CAs to trust, --sni the name in the certificate; --insecure trusts anybody";
      }
      return failed(error);
    }
    TREFOIL_TRY(link->wait());
  }
  return link;
}

Link::~Link() {
  channel_->shutdown();
  if (epoll_ >= 0) {
    ::close(epoll_);
  }
}

Status Link::wait() const {
  TREFOIL_TRY(await(epoll_, POLLIN));
  epoll_event event{};
  ::epoll_wait(epoll_, &event, 1, 0);
  return {};
}

Status Link::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const net::Transfer transfer = channel_->write(bytes);
    bytes.remove_prefix(transfer.bytes);
    if (transfer.then == Then::kBroken) {
      return Error(ErrorCode::kIo, "connection lost: " + channel_->whyBroken());
    }
    if (transfer.then == Then::kWait && !bytes.empty()) {
      TREFOIL_TRY(wait());
    }
  }
  return {};
}

Result<std::size_t> Link::receive(std::span<char> room) {
  for (;;) {
    TREFOIL_ASSIGN(const std::size_t got, receiveNow(room));
    if (got > 0) {
      return got;
    }
    TREFOIL_TRY(wait());
  }
}

Result<std::size_t> Link::receiveNow(std::span<char> room) {
  const net::Transfer transfer = channel_->read(room);
  switch (transfer.then) {
    case Then::kEnd:
      return Error(ErrorCode::kIo, "server closed the connection");
    case Then::kBroken:
      return Error(ErrorCode::kIo, "connection lost: " + channel_->whyBroken());
    case Then::kMore:
    case Then::kWait:
      break;
  }
  return transfer.bytes;
}

}  // namespace trefoil::repl
