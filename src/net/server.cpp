#include "net/server.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/logging.hpp"
#include "engine/database.hpp"
#include "net/event_loop.hpp"
#include "net/listener.hpp"
#include "net/protected_mode.hpp"

namespace trefoil::net {
namespace {

constexpr std::size_t kOwnDescriptors = 128;  // log files, epoll, …

// Lets the process open as many files as the clients need; returns how many clients that allows.
std::size_t raiseDescriptorLimit(std::size_t clients) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return clients;
  }
  const rlim_t wanted = clients + kOwnDescriptors;
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : std::min<rlim_t>(wanted, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted) {
    return clients;
  }
  return std::max<std::size_t>(1, limit.rlim_cur > kOwnDescriptors ? limit.rlim_cur - kOwnDescriptors : 1);
}

// To whoever reads the log of a server that listens to more than its own machine.
void warnOfReach(const std::string& host, bool is_protected) {
  if (is_protected) {
    logWarning("listening on {}, but there is no password: clients from other machines are refused until 'protected-mode no'",
               host);
  } else {
    logWarning("listening on {} without a password and without protected mode: whoever reaches it can read and change everything",
               host);
  }
}

std::vector<std::string> splitHosts(const std::string& bind) {
  std::vector<std::string> hosts;
  std::size_t at = 0;
  while ((at = bind.find_first_not_of(' ', at)) != std::string::npos) {
    const std::size_t end = std::min(bind.find(' ', at), bind.size());
    hosts.push_back(bind.substr(at, end - at));
    at = end;
  }
  return hosts;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Database& database) {
  const Settings& settings = database.settings();
  std::unique_ptr<Server> server(new Server(database));
  server->descriptor_clients_ = raiseDescriptorLimit(static_cast<std::size_t>(settings.integer(Setting::kMaxClients)));
  auto threads = static_cast<std::size_t>(settings.integer(Setting::kThreads));
  if (threads == 0) {
    threads = std::max(1U, std::thread::hardware_concurrency());
  }
  for (std::size_t i = 0; i < threads; ++i) {
    TREFOIL_ASSIGN(auto loop, EventLoop::create(*server));
    server->loops_.push_back(std::move(loop));
  }
  const std::vector<std::string> hosts = splitHosts(settings.text(Setting::kBind));
  if (hosts.empty()) {
    return Error(ErrorCode::kInvalid, "no address to listen on");
  }
  const auto backlog = static_cast<int>(settings.integer(Setting::kTcpBacklog));
  server->port_ = static_cast<std::uint16_t>(settings.integer(Setting::kPort));
  for (const std::string& host : hosts) {
    TREFOIL_ASSIGN(Listener listener, Listener::tcp(host, server->port_, backlog));
    server->port_ = listener.port();
    if (!isLoopback(listener.address())) {
      warnOfReach(host, settings.flag(Setting::kProtectedMode));
    }
    TREFOIL_TRY(server->loops_[0]->listen(std::move(listener)));
  }
  if (const std::string path = settings.text(Setting::kUnixSocket); !path.empty()) {
    const auto permissions = static_cast<unsigned>(settings.integer(Setting::kUnixSocketPerm));
    TREFOIL_ASSIGN(Listener listener, Listener::unixSocket(path, permissions, backlog));
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

EventLoop& Server::quietestLoop() {
  const auto quietest =
      std::min_element(loops_.begin(), loops_.end(), [](const auto& a, const auto& b) { return a->load() < b->load(); });
  return **quietest;
}

}  // namespace trefoil::net
