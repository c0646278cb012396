// Link: the bytes between the shell and a server, over a channel of the server's own kinds (net/channel.hpp): TCP, a unix socket,
// TLS. Channels do not block; a link waits, until there is something to do or a Ctrl-C in the shell (interrupt.hpp).
//
//   send, receive ─▶ Channel, as long as it moves anything
//                    wait: poll(epoll, Ctrl-C)
//
// Each has an epoll instance for its one socket, because that tells of every change once: what a channel waits for may be either
// direction, and the other one may be ready all the time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.hpp"
#include "net/channel.hpp"
#include "repl/target.hpp"

namespace trefoil::repl {

class Link {
 public:
  // Connects; with TLS that includes the handshake. kCancelled: a Ctrl-C ended the waiting; so it does in send() and receive().
  static Result<std::unique_ptr<Link>> open(const Target& target);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // All of it. Errors are final.
  Status send(std::string_view bytes);
  // Waits for some bytes; never 0. The server's end is an error.
  Result<std::size_t> receive(std::span<char> room);
  // Those that have come already; 0: there are none.
  Result<std::size_t> receiveNow(std::span<char> room);

 private:
  Link(int epoll, std::unique_ptr<net::Channel> channel) : epoll_(epoll), channel_(std::move(channel)) {}
  [[nodiscard]] Status wait() const;

  const int epoll_;
  std::unique_ptr<net::Channel> channel_;
};

}  // namespace trefoil::repl
