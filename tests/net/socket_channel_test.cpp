#include "net/socket_channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <array>
#include <string>

namespace trefoil::net {
namespace {

using Then = Transfer::Then;

// A channel and its peer's socket.
struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    channel = std::make_unique<SocketChannel>(ends[0]);
    peer = ends[1];
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() { closePeer(); }
  void closePeer() {
    if (peer >= 0) {
      ::close(std::exchange(peer, -1));
    }
  }
  std::unique_ptr<Channel> channel;
  int peer = -1;
};

TEST_CASE("a read says whether another one is worth it") {
  Pair pair;
  std::array<char, 4> room{};
  CHECK(pair.channel->read(room).then == Then::kWait);
  REQUIRE(::send(pair.peer, "abcdef", 6, 0) == 6);
  Transfer transfer = pair.channel->read(room);
  CHECK((transfer.bytes == 4 && transfer.then == Then::kMore));
  transfer = pair.channel->read(room);
  CHECK((transfer.bytes == 2 && transfer.then == Then::kWait));
  CHECK(std::string(room.data(), 2) == "ef");
  REQUIRE(::shutdown(pair.peer, SHUT_WR) == 0);
  transfer = pair.channel->read(room);
  CHECK((transfer.bytes == 0 && transfer.then == Then::kEnd));
  CHECK(pair.channel->write("answer").bytes == 6);  // who sends no more may still read
}

TEST_CASE("a write that the peer does not take waits, and one to nobody is broken") {
  Pair pair;
  const std::string much(std::size_t{8} << 20, 'x');
  const Transfer transfer = pair.channel->write(much);
  CHECK((transfer.bytes > 0 && transfer.bytes < much.size() && transfer.then == Then::kWait));
  CHECK(pair.channel->write(much).then == Then::kWait);
  pair.closePeer();
  CHECK(pair.channel->write(much).then == Then::kBroken);
}

TEST_CASE("after a shutdown the peer reads the end") {
  Pair pair;
  CHECK(pair.channel->write("bye").then == Then::kMore);
  pair.channel->shutdown();
  std::array<char, 8> room{};
  CHECK(::recv(pair.peer, room.data(), room.size(), 0) == 3);
  CHECK(::recv(pair.peer, room.data(), room.size(), 0) == 0);
}

}  // namespace
}  // namespace trefoil::net
