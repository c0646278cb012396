// A server in this process, and raw connections to it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "engine/database.hpp"
#include "net/server.hpp"

namespace trefoil::net {

// A database in memory with a server on a free port.
struct ServerFixture {
  Settings settings;
  std::unique_ptr<Database> database;
  std::unique_ptr<Server> server;

  explicit ServerFixture(const char* threads = "2", const std::string& directory = "", Env* env = nullptr,
                         const char* policy = "always") {
    REQUIRE(settings.set("port", "0", Settings::Source::kCommandLine).ok());
    REQUIRE(settings.set("threads", threads, Settings::Source::kCommandLine).ok());
    OpenOptions options;
    options.settings = &settings;
    options.directory = directory;
    options.env = env;
    if (!directory.empty()) {
      REQUIRE(settings.set("appendfsync", policy, Settings::Source::kCommandLine).ok());
    }
    auto opened = Database::open(options);
    REQUIRE(opened.ok());
    database = std::move(*opened);
    auto started = Server::start(*database);
    REQUIRE(started.ok());
    server = std::move(*started);
  }
};

class RawClient {
 public:
  // `receive_bytes`: what the system may hold for a client that does not read; 0: as much as it likes.
  explicit RawClient(std::uint16_t port, int receive_bytes = 0) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_bytes != 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    timeval patience{30, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { ::close(socket_); }

  [[nodiscard]] bool connected() const { return connected_; }
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish() const { ::shutdown(socket_, SHUT_WR); }
  // Up to `size` bytes; fewer at the end of the stream.
  [[nodiscard]] std::string read(std::size_t size) const {
    std::string out(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t count = ::recv(socket_, out.data() + got, size - got, 0);
      if (count <= 0) {
        break;
      }
      got += static_cast<std::size_t>(count);
    }
    out.resize(got);
    return out;
  }
  [[nodiscard]] std::string readAll() const {
    std::string out;
    for (std::string part = read(4096); !part.empty(); part = read(4096)) {
      out += part;
    }
    return out;
  }

 private:
  int socket_;
  bool connected_ = false;
};

}  // namespace trefoil::net
