// Accepts connections on the server's listening sockets and hands each to the loop that has the fewest. Lives in one loop's
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trefoil::net {

class Server;

class Acceptor {
 public:
  explicit Acceptor(Server& server);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // `socket` listens and does not block; it is ours now.
  void add(int socket) { sockets_.push_back(socket); }
  // Takes what waits, a bounded number at a time.
  void accept();
  // Closes the listening sockets; accept() does nothing from then on.
  void stop();

 private:
  bool acceptOne(int listener);
  static void refuse(int socket, std::string_view error);
  void shedOne(int listener);

  Server& server_;
  std::vector<int> sockets_;
  int reserve_ = -1;  // a descriptor to give up when the process has no more: then a client can at least be told
};

}  // namespace trefoil::net
