// Listener: a listening socket, and for a unix socket the file that is its address.
//
// A socket file that a process has left behind is replaced; one on which somebody listens, or that is no socket, is an error. The
// file goes with the listener, unless somebody has put another one in its place.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/settings.hpp"
#include "base/status.hpp"
#include "net/protocol.hpp"

namespace trefoil::net {

// The ways in, each of which is opened and closed as a whole.
enum class Door : std::uint8_t { kTcp, kTls, kHttp, kUnix };
constexpr std::size_t kDoors = 4;

class Listener {
 public:
  // One for each address of the setting `bind`. Port 0: one that is free on the first of them, and the same on the others.
  static Result<std::vector<Listener>> onAllAddresses(const Settings& settings, std::uint16_t port, Door door);
  // `host` is an address, a name, or "*"; port 0: one that is free.
  static Result<Listener> tcp(const std::string& host, std::uint16_t port, int backlog, Door door = Door::kTcp);
  // `permissions` of the file; 0: as the umask has them.
  static Result<Listener> unixSocket(const std::string& path, unsigned permissions, int backlog);

  Listener(Listener&& other) noexcept
      : door_(other.door_), socket_(std::exchange(other.socket_, -1)), path_(std::move(other.path_)), inode_(other.inode_) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  [[nodiscard]] int socket() const { return socket_; }
  [[nodiscard]] Door door() const { return door_; }
  // What those who come speak (through a door for TLS: after the handshake).
  [[nodiscard]] const ProtocolType& protocol() const { return door_ == Door::kHttp ? kHttpProtocol : kRespProtocol; }
  // Of a unix socket; otherwise empty.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] sockaddr_storage address() const;
  [[nodiscard]] std::uint16_t port() const;

 private:
  Listener(Door door, int socket) : door_(door), socket_(socket) {}

  Door door_;
  int socket_;
  std::string path_;
  std::uint64_t inode_ = 0;  // of the file that is ours
};

}  // namespace trefoil::net
