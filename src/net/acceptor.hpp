// Accepts connections on the server's listeners and hands each to the loop that has the fewest. Which they are may change at any
// time (CONFIG SET of a port): what has been replaced is closed when replace() returns.
//
// Thread safety: accept() on one loop's thread, all else on any.
#pragma once

#include <array>
#include <mutex>
#include <vector>

#include "net/listener.hpp"
#include "net/new_client.hpp"

namespace trefoil::net {

class Server;

class Acceptor {
 public:
  explicit Acceptor(Server& server);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // These instead of those of the door that there are.
  void replace(Door door, std::vector<Listener> listeners);
  // Takes what waits, a bounded number at a time.
  void accept();
  // Closes the listeners, and those to come; accept() does nothing from then on.
  void stop();

 private:
  bool acceptOne(const Listener& listener);
  void welcome(int socket, const Listener& listener, NewClient client);
  void shedOne(const Listener& listener);

  Server& server_;
  std::mutex mutex_;                                     // guards the following two
  std::array<std::vector<Listener>, kDoors> listeners_;  // by door
  bool stopped_ = false;
  int reserve_ = -1;  // a descriptor to give up when the process has no more: then a client can at least be told
};

}  // namespace trefoil::net
