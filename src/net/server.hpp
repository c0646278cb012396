// The network front end: `trefoil serve`.
//
//   Server ── EventLoop 0 (also accepts) ── Connection ── Session
//          ── EventLoop 1                ── Connection ── Session
//          ── …                               …
//
// One thread and one epoll instance a loop. A connection is handed to the loop with the fewest at its birth and stays there: its
// commands run on that thread, except slow ones, for which it parks (connection.hpp). Loops share nothing but the database.
//
// Stopping is graceful: no new connections and no more input; running statements finish, their answers are flushed (for a bounded
// time), then the loops end.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/status.hpp"

namespace trefoil {
class Database;
}

namespace trefoil::net {

class EventLoop;

class Server {
 public:
  // Binds, listens and starts the loops, as the database's settings say (bind, port, threads, …). kIo with the address in the
  // message if that fails. `database` outlives the server.
  static Result<std::unique_ptr<Server>> start(Database& database);
  ~Server();  // stops and waits
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The port of the first address.
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t connectionCount() const { return connections_.load(std::memory_order_relaxed); }

  // Begins to stop. Any thread, any number of times, also from within a statement.
  void requestStop();
  // Returns when every loop has ended.
  void wait();

 private:
  friend class EventLoop;
  friend class Acceptor;
  explicit Server(Database& database);
  // How many connections may be open: the setting, or fewer if the system allows fewer files.
  [[nodiscard]] std::size_t maxClients() const;
  // The loop for a new connection.
  EventLoop& quietestLoop();

  Database& database_;
  std::size_t descriptor_clients_ = 0;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_{0};
  std::atomic<bool> stopping_{false};
  std::uint64_t log_callback_ = 0;
  std::uint64_t timeout_observer_ = 0;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace trefoil::net
