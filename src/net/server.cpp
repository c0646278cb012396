#include "net/server.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <new>

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

Result<std::unique_ptr<Server>> Server::start(Database& database, std::vector<Listener> http) {
  const Settings& settings = database.settings();
  std::unique_ptr<Server> server(new Server(database));
  const auto tls_port = static_cast<std::uint16_t>(settings.integer(Setting::kTlsPort));
  server->descriptor_clients_ = raiseDescriptorLimit(static_cast<std::size_t>(settings.integer(Setting::kMaxClients)),
                                                     kOwnDescriptors + (tls_port != 0 ? TlsHandshakes::Limits().half_open : 0));
  auto threads = static_cast<std::size_t>(settings.integer(Setting::kThreads));
  if (threads == 0) {
    threads = std::max(1U, std::thread::hardware_concurrency());
  }
  for (std::size_t i = 0; i < threads; ++i) {
    TREFOIL_ASSIGN(auto loop, EventLoop::create(*server));
    server->loops_.push_back(std::move(loop));
  }
  const std::string path = settings.text(Setting::kUnixSocket);
  server->port_ = static_cast<std::uint16_t>(settings.integer(Setting::kPort));
  if (server->port_ != 0 || (tls_port == 0 && path.empty())) {
    TREFOIL_ASSIGN(auto listeners, Listener::onAllAddresses(settings, server->port_, kRespProtocol, false));
    TREFOIL_ASSIGN(server->port_, server->listen(std::move(listeners)));
  }
  if (tls_port != 0) {
    TREFOIL_TRY(server->startTls());
    TREFOIL_ASSIGN(auto listeners, Listener::onAllAddresses(settings, tls_port, kRespProtocol, true));
    TREFOIL_TRY(server->listen(std::move(listeners)));
  }
  if (const auto port = static_cast<std::uint16_t>(settings.integer(Setting::kHttpPort)); port != 0) {
    if (http.empty()) {
      TREFOIL_ASSIGN(http, Listener::onAllAddresses(settings, port, kHttpProtocol, false));
    }
    TREFOIL_TRY(server->listen(std::move(http)));
  }
  if (!path.empty()) {
    const auto permissions = static_cast<unsigned>(settings.integer(Setting::kUnixSocketPerm));
    TREFOIL_ASSIGN(Listener listener,
                   Listener::unixSocket(path, permissions, static_cast<int>(settings.integer(Setting::kTcpBacklog))));
    TREFOIL_TRY(server->loops_[0]->listen(std::move(listener)));
  }
  Server* const raw = server.get();
  server->log_callback_ = database.onLogMoved([raw] {
    for (const auto& loop : raw->loops_) {
      loop->logMoved();
    }
  });
  // A loop without a timeout to watch over sleeps until something happens.
  server->timeout_observer_ = database.settings().observe(Setting::kTimeout, [raw] {
    for (const auto& loop : raw->loops_) {
      loop->wake();
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
    if (tls_handshakes_ != nullptr) {
      tls_handshakes_->stop();
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
  if (tls_handshakes_ != nullptr) {
    tls_handshakes_->wait();
  }
  if (tls_guard_ != 0) {
    database_.settings().stopObserving(std::exchange(tls_guard_, 0));
  }
  if (log_callback_ != 0) {
    database_.removeOnLogMoved(std::exchange(log_callback_, 0));
  }
  if (timeout_observer_ != 0) {
    database_.settings().stopObserving(std::exchange(timeout_observer_, 0));
  }
}

std::size_t Server::maxClients() const {
  return std::min(descriptor_clients_, static_cast<std::size_t>(database_.settings().integer(Setting::kMaxClients)));
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

// Returns the port of the first.
Result<std::uint16_t> Server::listen(std::vector<Listener> listeners) {
  const std::uint16_t port = listeners.front().port();
  for (Listener& listener : listeners) {
    TREFOIL_TRY(loops_[0]->listen(std::move(listener)));
  }
  return port;
}

Status Server::startTls() {
  Settings& settings = database_.settings();
  TREFOIL_ASSIGN(tls_context_, TlsContext::create([&](Setting setting) { return settings.valueText(setting); }));
  TREFOIL_ASSIGN(tls_handshakes_,
                 TlsHandshakes::start(database_.env(), {}, [this](NewClient client) { admit(std::move(client)); }));
  tls_guard_ = settings.guard(TlsContext::settings(), [this](const Settings::Values& value) -> Status {
    TREFOIL_ASSIGN(auto context, TlsContext::create(value));
    const std::lock_guard lock(tls_mutex_);
    tls_context_ = std::move(context);
    return {};
  });
  return {};
}

std::shared_ptr<const TlsContext> Server::tlsContext() const {
  const std::lock_guard lock(tls_mutex_);
  return tls_context_;
}

}  // namespace trefoil::net
