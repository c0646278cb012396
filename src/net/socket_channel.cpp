#include "net/socket_channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace trefoil::net {
namespace {

using enum Transfer::Then;

// Calls until no signal interrupts.
template <typename Call>
ssize_t uninterrupted(const Call& call) {
  for (;;) {
    const ssize_t result = call();
    if (result >= 0 || errno != EINTR) {
      return result;
    }
  }
}

// Less than asked for: the socket is empty or full, and epoll tells when that changes (epoll(7), "Questions and answers", 9).
Transfer transferred(ssize_t count, std::size_t asked) {
  if (count < 0) {
    return {0, errno == EAGAIN ? kWait : kBroken};
  }
  const auto bytes = static_cast<std::size_t>(count);
  return {bytes, bytes == asked ? kMore : kWait};
}

}  // namespace

Transfer SocketChannel::read(std::span<char> room) {
  const ssize_t got = uninterrupted([&] { return ::recv(socket(), room.data(), room.size(), 0); });
  return got == 0 ? Transfer{0, kEnd} : transferred(got, room.size());
}

Transfer SocketChannel::write(std::string_view bytes) {
  return transferred(uninterrupted([&] { return ::send(socket(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }), bytes.size());
}

std::string SocketChannel::whyBroken() const {
  return std::strerror(errno);
}

void SocketChannel::shutdown() {
  ::shutdown(socket(), SHUT_RDWR);
}

}  // namespace trefoil::net
