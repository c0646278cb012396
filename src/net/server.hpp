// The network front end: `trefoil serve`.
//
//   Server ── EventLoop 0 (also accepts) ── Connection ── Session
//          ── EventLoop 1                ── Connection ── Session
//          ── …                               …
//
// One thread and one epoll instance a loop. A connection is handed to the loop with the fewest at its birth and stays there: its
// commands run on that thread, except slow ones, for which it parks (connection.hpp). Loops share nothing but the database. TLS
// clients come to a loop when their handshake is complete (tls_handshakes.hpp).
//
// Ports are opened and closed at run time, too, by CONFIG SET. Those who are connected stay.
//
// Stopping is graceful: no new connections and no more input; running statements finish, their answers are flushed (for a bounded
// time), then the loops end.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/settings.hpp"
#include "base/status.hpp"
#include "net/listener.hpp"
#include "net/new_client.hpp"

namespace trefoil {
class Database;
}

namespace trefoil::net {

class EventLoop;
class TlsContext;
class TlsHandshakes;

class Server {
 public:
  // Binds, listens and starts the loops, as the database's settings say (bind, port, threads, …). kIo with the address in the
  // message if that fails. `database` outlives the server.
  // `http`: listeners for HTTP that are open already (loading_door.hpp).
  static Result<std::unique_ptr<Server>> start(Database& database, std::vector<Listener> http = {});
  ~Server();  // stops and waits
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The TCP port of the first address; 0: there is none.
  [[nodiscard]] std::uint16_t port() const { return port_.load(std::memory_order_relaxed); }
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
  // Hands a new client to the loop with the fewest; or tells it why not, and lets it go.
  void admit(NewClient client);
  using Follow = Settings::Follow;
  struct PortDoor;
  static const std::array<PortDoor, 3> kPortDoors;
  // What is to be done when all is prepared.
  Result<Follow> prepareListeners(const PortDoor& door, std::vector<Listener> listeners);
  Result<Follow> prepareTls(const Settings::Values& value);
  // Opens what the settings say, before the loops run.
  Status open(std::vector<Listener> http);
  void followSettings();
  void allowDescriptors(bool with_tls);
  [[nodiscard]] std::shared_ptr<const TlsContext> tlsContext() const;

  Database& database_;
  std::atomic<std::size_t> descriptor_clients_{0};
  std::atomic<std::uint16_t> port_{0};
  std::atomic<std::size_t> connections_{0};
  std::atomic<bool> stopping_{false};
  std::uint64_t log_callback_ = 0;
  std::uint64_t timeout_observer_ = 0;
  std::vector<std::uint64_t> guards_;
  mutable std::mutex tls_mutex_;
  std::shared_ptr<const TlsContext> tls_context_;  // for new connections; null: there was no TLS yet
  std::shared_ptr<TlsHandshakes> tls_handshakes_;  // the same; from then on until the end
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace trefoil::net
