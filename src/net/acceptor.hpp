// Accepts connections on the server's listeners and hands each to the loop that has the fewest. Lives in one loop's
// thread.
#pragma once

#include <utility>
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

  void add(Listener listener) { listeners_.push_back(std::move(listener)); }
  // Takes what waits, a bounded number at a time.
  void accept();
  // Closes the listeners; accept() does nothing from then on.
  void stop();

 private:
  bool acceptOne(const Listener& listener);
  void welcome(int socket, const Listener& listener, NewClient client);
  void shedOne(const Listener& listener);

  Server& server_;
  std::vector<Listener> listeners_;
  int reserve_ = -1;  // a descriptor to give up when the process has no more: then a client can at least be told
};

}  // namespace trefoil::net
