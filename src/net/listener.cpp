#include "net/listener.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "base/logging.hpp"
#include "net/protected_mode.hpp"

namespace trefoil::net {
namespace {

Error listenError(const std::string& address, const char* what) {
  return Error(ErrorCode::kIo, "cannot listen on " + address + ": " + what);
}

std::optional<struct stat> fileAt(const std::string& path) {
  struct stat file {};
  return ::lstat(path.c_str(), &file) == 0 ? std::optional(file) : std::nullopt;
}

// Removes a socket file to which nobody answers. The error says why it stays.
Status removeStale(const std::string& path, const sockaddr_un& address) {
  const auto file = fileAt(path);
  if (!file) {
    return {};  // whatever else is wrong with the path, bind() says
  }
  if (!S_ISSOCK(file->st_mode)) {
    return listenError(path, "there is a file that is no socket");
  }
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) {
    return listenError(path, std::strerror(errno));
  }
  const bool refused =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (!refused) {  // or we may not ask
    return listenError(path, std::strerror(EADDRINUSE));
  }
  if (::unlink(path.c_str()) != 0) {
    return listenError(path, std::strerror(errno));
  }
  return {};
}

// To whoever reads the log of a server that listens to more than its own machine.
void warnOfReach(const std::string& host, bool is_protected) {
  if (is_protected) {
    logWarning("listening on {}, but there is no password: clients from other machines are refused until 'protected-mode no'",
               host);
  } else {
    logWarning("listening on {} without a password and without protected mode: whoever reaches it can read and change everything",
               host);
  }
}

std::vector<std::string> splitHosts(const std::string& bind) {
  std::vector<std::string> hosts;
  std::size_t at = 0;
  while ((at = bind.find_first_not_of(' ', at)) != std::string::npos) {
    const std::size_t end = std::min(bind.find(' ', at), bind.size());
    hosts.push_back(bind.substr(at, end - at));
    at = end;
  }
  return hosts;
}

}  // namespace

Result<std::vector<Listener>> Listener::onAllAddresses(const Settings& settings, std::uint16_t port, Door door) {
  const std::vector<std::string> hosts = splitHosts(settings.text(Setting::kBind));
  if (hosts.empty()) {
    return Error(ErrorCode::kInvalid, "no address to listen on");
  }
  std::vector<Listener> listeners;
  for (const std::string& host : hosts) {
    TREFOIL_ASSIGN(Listener listener, tcp(host, port, static_cast<int>(settings.integer(Setting::kTcpBacklog)), door));
    port = listener.port();
    if (!isLoopback(listener.address())) {
      warnOfReach(host, settings.flag(Setting::kProtectedMode));
    }
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

Result<Listener> Listener::tcp(const std::string& host, std::uint16_t port, int backlog, Door door) {
  const std::string service = std::to_string(port);
  const std::string shown = host + ":" + service;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host == "*" ? nullptr : host.c_str(), service.c_str(), &hints, &found); code != 0) {
    return listenError(shown, ::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);
  Listener listener(door, ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (listener.socket_ < 0 || ::setsockopt(listener.socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(listener.socket_, found->ai_addr, found->ai_addrlen) != 0 || ::listen(listener.socket_, backlog) != 0) {
    return listenError(shown, std::strerror(errno));
  }
  return listener;
}

Result<Listener> Listener::unixSocket(const std::string& path, unsigned permissions, int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return listenError(path, "the path is too long for a unix socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  TREFOIL_TRY(removeStale(path, address));
  Listener listener(Door::kUnix, ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (listener.socket_ < 0 || ::bind(listener.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return listenError(path, std::strerror(errno));
  }
  listener.path_ = path;
  if (const auto file = fileAt(path)) {
    listener.inode_ = file->st_ino;
  }
  // Nobody can connect before listen(), so nobody gets in by permissions that are not meant.
  if ((permissions != 0 && ::chmod(path.c_str(), permissions) != 0) || ::listen(listener.socket_, backlog) != 0) {
    return listenError(path, std::strerror(errno));
  }
  return listener;
}

Listener::~Listener() {
  if (socket_ < 0) {
    return;
  }
  if (const auto file = path_.empty() ? std::nullopt : fileAt(path_); file && file->st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  ::close(socket_);
}

sockaddr_storage Listener::address() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
  return address;
}

std::uint16_t Listener::port() const {
  const sockaddr_storage bound = address();
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                           : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

}  // namespace trefoil::net
