#include "net/listener.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <cstring>
#include <fstream>
#include <string>

#include "tests/base/temporary_directory.hpp"

namespace trefoil::net {
namespace {

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

bool connects(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = ::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(client);
  return connected;
}

// What a process leaves that dies.
void leaveStale(const std::string& path) {
  const std::string original = path + ".original";
  const auto listener = Listener::unixSocket(original, 0, 1);
  REQUIRE(listener.ok());
  REQUIRE(::rename(original.c_str(), path.c_str()) == 0);
}

TEST_CASE("a unix socket's file comes with its permissions and goes with its listener") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  {
    const auto listener = Listener::unixSocket(path, 0600, 5);
    REQUIRE(listener.ok());
    CHECK(listener->path() == path);
    CHECK(connects(path));
    struct stat file {};
    REQUIRE(::stat(path.c_str(), &file) == 0);
    CHECK((file.st_mode & 0777) == 0600);
  }
  CHECK_FALSE(exists(path));
}

TEST_CASE("a socket file that nobody listens on is replaced") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  leaveStale(path);
  REQUIRE_FALSE(connects(path));
  const auto listener = Listener::unixSocket(path, 0, 5);
  REQUIRE(listener.ok());
  CHECK(connects(path));
}

TEST_CASE("what is not ours at a socket's path stays") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  SECTION("somebody listens") {
    const auto first = Listener::unixSocket(path, 0, 5);
    REQUIRE(first.ok());
    const auto second = Listener::unixSocket(path, 0, 5);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().message == "cannot listen on " + path + ": Address already in use");
    CHECK(connects(path));
  }
  SECTION("it is no socket") {
    std::ofstream(path) << "precious";
    const auto listener = Listener::unixSocket(path, 0, 5);
    REQUIRE_FALSE(listener.ok());
    CHECK(listener.error().message == "cannot listen on " + path + ": there is a file that is no socket");
    CHECK(exists(path));
  }
  SECTION("it was put there later") {
    {
      const auto listener = Listener::unixSocket(path, 0, 5);
      REQUIRE(listener.ok());
      REQUIRE(::rename(path.c_str(), (path + ".moved").c_str()) == 0);
      std::ofstream(path) << "precious";
    }
    CHECK(exists(path));
  }
}

TEST_CASE("addresses that cannot be listened on are errors with their names") {
  const testing::TemporaryDirectory directory;
  const std::string missing = directory.path() + "/none/socket";
  const auto in_no_directory = Listener::unixSocket(missing, 0, 5);
  REQUIRE_FALSE(in_no_directory.ok());
  CHECK(in_no_directory.error().message == "cannot listen on " + missing + ": No such file or directory");
  const auto too_long = Listener::unixSocket(std::string(200, 'x'), 0, 5);
  REQUIRE_FALSE(too_long.ok());
  CHECK(too_long.error().message.find("too long") != std::string::npos);
  const auto first = Listener::tcp("127.0.0.1", 0, 5);
  REQUIRE(first.ok());
  CHECK(first->port() != 0);
  const auto second = Listener::tcp("127.0.0.1", first->port(), 5);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find("127.0.0.1:" + std::to_string(first->port())) != std::string::npos);
}

}  // namespace
}  // namespace trefoil::net
