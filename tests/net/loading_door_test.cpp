#include "net/loading_door.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <string>
#include <thread>
#include <vector>

#include "engine/database.hpp"
#include "net/server.hpp"

namespace trefoil::net {
namespace {

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    timeval patience{30, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient() { ::close(socket_); }

  void send(std::string_view bytes) const { REQUIRE(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0); }
  // Status and body of the answer, which ends the connection.
  [[nodiscard]] std::string answer() const {
    std::string out;
    char part[4096];
    for (ssize_t got = 0; (got = ::recv(socket_, part, sizeof part, 0)) > 0;) {
      out.append(part, static_cast<std::size_t>(got));
    }
    const std::size_t body = out.find("\r\n\r\n");
    return body == std::string::npos ? out : out.substr(9, 4) + out.substr(body + 4);
  }

 private:
  int socket_;
};

std::string request(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
}

std::string get(std::uint16_t port, std::string_view path) {
  const HttpClient client(port);
  client.send(request(path));
  return client.answer();
}

// A port that is free now.
std::uint16_t freePort() {
  const auto probe = Listener::tcp("127.0.0.1", 0, 1);
  REQUIRE(probe.ok());
  return probe->port();
}

TEST_CASE("while the database is being loaded the server is alive and not ready; then the port is the server's") {
  const std::uint16_t port = freePort();
  Settings settings;
  REQUIRE(settings.set("port", "0", Settings::Source::kCommandLine).ok());
  REQUIRE(settings.set("threads", "1", Settings::Source::kCommandLine).ok());
  REQUIRE(settings.set("http-port", std::to_string(port), Settings::Source::kCommandLine).ok());
  auto door = LoadingDoor::open(settings);
  REQUIRE(door.ok());
  REQUIRE(*door != nullptr);
  CHECK(get(port, "/health") == "200 ok\n");
  CHECK(get(port, "/ready") == "503 LOADING Trefoil is loading the dataset in memory\n");
  CHECK(get(port, "/metrics") == "503 LOADING Trefoil is loading the dataset in memory\n");
  CHECK(get(port, "/nothing") == "404 Not Found\n");
  const HttpClient slow(port);
  slow.send("GET /health HT");
  std::vector<std::unique_ptr<HttpClient>> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(std::make_unique<HttpClient>(port));
  }
  CHECK(get(port, "/health") == "200 ok\n");
  CHECK(slow.answer().empty());  // the oldest of too many

  std::vector<Listener> listeners = (*door)->close();
  const HttpClient between(port);  // nobody is there, and yet it is not refused
  between.send(request("/ready"));
  OpenOptions options;
  options.settings = &settings;
  const auto database = Database::open(options);
  REQUIRE(database.ok());
  const auto server = Server::start(**database, std::move(listeners));
  REQUIRE(server.ok());
  CHECK(between.answer() == "200 OK\n");
  CHECK(get(port, "/ready") == "200 OK\n");
}

TEST_CASE("without an http-port there is no door") {
  const Settings settings;
  const auto door = LoadingDoor::open(settings);
  REQUIRE(door.ok());
  CHECK(*door == nullptr);
}

}  // namespace
}  // namespace trefoil::net
