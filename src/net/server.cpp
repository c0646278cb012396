#include "net/server.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/logging.hpp"
#include "engine/database.hpp"
#include "net/event_loop.hpp"
#include "net/listener.hpp"
#include "net/protected_mode.hpp"
#include "net/tls_handshakes.hpp"

namespace trefoil::net {
namespace {

constexpr std::size_t kOwnDescriptors = 128;  // log files, epoll, …

// Lets the process open as many files as the clients need; returns how many clients that allows. `own`: other files.
std::size_t raiseDescriptorLimit(std::size_t clients, std::size_t own) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return clients;
  }
  const rlim_t wanted = clients + own;
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : std::min<rlim_t>(wanted, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted) {
    return clients;
  }
  return std::max<std::size_t>(1, limit.rlim_cur > own ? limit.rlim_cur - own : 1);
}

}  // namespace

// The doors that have a port.
struct Server::PortDoor {
  Door door;
  Setting port;
  std::string_view visitors;  // as the log calls them
};

constexpr std::array<Server::PortDoor, 3> Server::kPortDoors = {{{Door::kTcp, Setting::kPort, "connections"},
                                                                 {Door::kTls, Setting::kTlsPort, "TLS connections"},
                                                                 {Door::kHttp, Setting::kHttpPort, "HTTP requests"}}};

Result<std::unique_ptr<Server>> Server::start(Database& database, std::vector<Listener> http) {
  const Settings& settings = database.settings();
  std::unique_ptr<Server> server(new Server(database));
  server->allowDescriptors(settings.integer(Setting::kTlsPort) != 0);
  auto threads = static_cast<std::size_t>(settings.integer(Setting::kThreads));
  if (threads == 0) {
    threads = std::max(1U, std::thread::hardware_concurrency());
  }
  for (std::size_t i = 0; i < threads; ++i) {
    TREFOIL_ASSIGN(auto loop, EventLoop::create(*server));
    server->loops_.push_back(std::move(loop));
  }
  server->loops_[0]->becomeAcceptor();
  TREFOIL_TRY(server->open(std::move(http)));
  server->followSettings();
  Server* const raw = server.get();
  server->log_callback_ = database.onLogMoved([raw] {
    for (const auto& loop : raw->loops_) {
      loop->logMoved();
    }
  });
  for (std::size_t i = 0; i < threads; ++i) {
    server->threads_.emplace_back([loop = server->loops_[i].get()] { loop->run(); });
    const std::string name = "net-" + std::to_string(i);
    ::pthread_setname_np(server->threads_.back().native_handle(), name.c_str());
  }
  return server;
}

Server::Server(Database& database) : database_(database) {}

Server::~Server() {
  requestStop();
  wait();
}

void Server::requestStop() {
  if (!stopping_.exchange(true)) {
    {
      const std::lock_guard lock(tls_mutex_);
      if (tls_handshakes_ != nullptr) {
        tls_handshakes_->stop();
      }
    }
    for (const auto& loop : loops_) {
      loop->stop();
    }
  }
}

void Server::wait() {
  for (std::thread& thread : threads_) {
    if (thread.joinable()) {
      thread.join();
    }
  }
  for (const std::uint64_t guard : std::exchange(guards_, {})) {
    database_.settings().stopObserving(guard);
  }
  if (tls_handshakes_ != nullptr) {
    tls_handshakes_->stop();  // they may have begun after all else was asked to
    tls_handshakes_->wait();
  }
  if (log_callback_ != 0) {
    database_.removeOnLogMoved(std::exchange(log_callback_, 0));
  }
  if (timeout_observer_ != 0) {
    database_.settings().stopObserving(std::exchange(timeout_observer_, 0));
  }
}

std::size_t Server::maxClients() const {
  return std::min(descriptor_clients_.load(std::memory_order_relaxed),
                  static_cast<std::size_t>(database_.settings().integer(Setting::kMaxClients)));
}

void Server::admit(NewClient client) {
  if (!client.is_near && database_.settings().flag(Setting::kProtectedMode)) {
    client.channel->write(client.protocol->denied);
    client.channel->shutdown();
    return;
  }
  if (connections_.fetch_add(1, std::memory_order_relaxed) >= maxClients()) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    client.channel->write(client.protocol->too_many_clients);
    client.channel->shutdown();
    return;
  }
  const auto quietest =
      std::min_element(loops_.begin(), loops_.end(), [](const auto& a, const auto& b) { return a->load() < b->load(); });
  try {
    (*quietest)->adopt(std::move(client));
  } catch (const std::bad_alloc&) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    logWarning("a new connection is closed: there is no memory for it");
  }
}

Status Server::open(std::vector<Listener> http) {
  const Settings& settings = database_.settings();
  const std::string path = settings.text(Setting::kUnixSocket);
  std::vector<Follow> prepared;
  const auto add = [&prepared](Result<Follow> door) -> Status {
    if (!door.ok()) {
      return door.error();
    }
    prepared.push_back(std::move(*door));
    return {};
  };
  TREFOIL_TRY(add(prepareTls([&settings](Setting setting) { return settings.valueText(setting); })));
  for (const PortDoor& door : kPortDoors) {
    const auto port = static_cast<std::uint16_t>(settings.integer(door.port));
    const bool is_only_one = door.door == Door::kTcp && settings.integer(Setting::kTlsPort) == 0 && path.empty();
    if (port == 0 && !is_only_one) {
      continue;
    }
    std::vector<Listener> listeners;
    if (door.door == Door::kHttp && !http.empty()) {
      listeners = std::exchange(http, {});
    } else {
      TREFOIL_ASSIGN(listeners, Listener::onAllAddresses(settings, port, door.door));
    }
    TREFOIL_TRY(add(prepareListeners(door, std::move(listeners))));
  }
  if (!path.empty()) {
    const auto permissions = static_cast<unsigned>(settings.integer(Setting::kUnixSocketPerm));
    std::vector<Listener> listeners;
    TREFOIL_ASSIGN(Listener listener,
                   Listener::unixSocket(path, permissions, static_cast<int>(settings.integer(Setting::kTcpBacklog))));
    listeners.push_back(std::move(listener));
    TREFOIL_TRY(loops_[0]->registerListeners(listeners));
    loops_[0]->listen(Door::kUnix, std::move(listeners));
    logNotice("Ready to accept connections at {}", path);
  }
  for (const Follow& follow : prepared) {
    follow();
  }
  return {};
}

void Server::followSettings() {
  Settings& settings = database_.settings();
  // A loop without a timeout to watch over sleeps until something happens.
  timeout_observer_ = settings.observe(Setting::kTimeout, [this] {
    for (const auto& loop : loops_) {
      loop->wake();
    }
  });
  std::vector<Setting> tls = TlsContext::settings();
  tls.push_back(Setting::kTlsPort);
  guards_.push_back(settings.guard(std::move(tls), [this](const Settings::Values& value) { return prepareTls(value); }));
  for (const PortDoor& door : kPortDoors) {
    guards_.push_back(settings.guard({door.port}, [this, &door, &settings](const Settings::Values& value) -> Result<Follow> {
      const std::string text = value(door.port);
      if (text == settings.valueText(door.port)) {
        return Follow([] {});
      }
      std::vector<Listener> listeners;
      if (const auto port = static_cast<std::uint16_t>(std::stoi(text)); port != 0) {
        Result<std::vector<Listener>> opened = Listener::onAllAddresses(settings, port, door.door);
        if (!opened.ok()) {
          logWarning("CONFIG SET {} {}: {}", settingSpec(door.port).name, text, opened.error().message);
          return Error(ErrorCode::kIo, "Unable to listen on this port. Check server logs.");
        }
        listeners = std::move(*opened);
      }
      return prepareListeners(door, std::move(listeners));
    }));
  }
}

// None: the door is closed.
Result<Server::Follow> Server::prepareListeners(const PortDoor& door, std::vector<Listener> listeners) {
  TREFOIL_TRY(loops_[0]->registerListeners(listeners));
  return Follow([this, &door, opened = std::make_shared<std::vector<Listener>>(std::move(listeners))] {
    const std::uint16_t port = opened->empty() ? 0 : opened->front().port();
    loops_[0]->listen(door.door, std::move(*opened));
    if (door.door == Door::kTcp) {
      port_.store(port, std::memory_order_relaxed);
    }
    if (port != 0) {
      logNotice("Ready to accept {} on {}:{}", door.visitors, database_.settings().text(Setting::kBind), port);
    } else {
      logNotice("The {} is closed", settingSpec(door.port).name);
    }
  });
}

Result<Server::Follow> Server::prepareTls(const Settings::Values& value) {
  if (value(Setting::kTlsPort) == "0") {
    return Follow([] {});
  }
  TREFOIL_ASSIGN(std::shared_ptr<const TlsContext> context, TlsContext::create(value));
  std::shared_ptr<TlsHandshakes> handshakes = tls_handshakes_;  // only a change of settings changes it
  if (handshakes == nullptr) {
    allowDescriptors(true);
    TREFOIL_ASSIGN(handshakes, TlsHandshakes::start(database_.env(), {}, [this](NewClient client) { admit(std::move(client)); }));
  }
  return Follow([this, context = std::move(context), handshakes = std::move(handshakes)] {
    const std::lock_guard lock(tls_mutex_);
    tls_context_ = context;
    tls_handshakes_ = handshakes;
  });
}

void Server::allowDescriptors(bool with_tls) {
  const auto clients = static_cast<std::size_t>(database_.settings().integer(Setting::kMaxClients));
  descriptor_clients_ = raiseDescriptorLimit(clients, kOwnDescriptors + (with_tls ? TlsHandshakes::Limits().half_open : 0));
}

std::shared_ptr<const TlsContext> Server::tlsContext() const {
  const std::lock_guard lock(tls_mutex_);
  return tls_context_;
}

}  // namespace trefoil::net
