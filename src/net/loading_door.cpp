#include "net/loading_door.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/http_protocol.hpp"
#include "net/protected_mode.hpp"
#include "net/socket_channel.hpp"

namespace trefoil::net {
namespace {

constexpr std::size_t kMaxClients = 64;
constexpr std::size_t kReadAtOnce = 4096;

}  // namespace

class LoadingDoor::Client {
 public:
  explicit Client(int socket) : channel_(socket), reply_(protocol_.replyInto(output_)) {}

  [[nodiscard]] int socket() const { return channel_.socket(); }
  // Reads what there is, and answers it. False: that was all.
  bool serve() {
    for (;;) {
      const auto [got, then] = channel_.read({input_.reserve(kReadAtOnce), kReadAtOnce});
      input_.wrote(got);
      if (!answer() || then == Transfer::Then::kEnd || then == Transfer::Then::kBroken) {
        channel_.shutdown();
        return false;
      }
      if (then == Transfer::Then::kWait) {
        return true;
      }
    }
  }

 private:
  bool answer() {
    bool goes_on = true;
    for (bool more = true; more && goes_on;) {
      batch_.clear();
      const Protocol::Cut cut = protocol_.cut(input_.bytes(), batch_);
      if (cut.refuses) {
        protocol_.refuse(*reply_);
      } else if (!batch_.statements.empty() && batch_.statements[0].args[0] == "PING") {
        reply_->bulk(batch_.statements[0].args[1]);
      } else if (!batch_.statements.empty()) {
        reply_->error(Error(ErrorCode::kInvalid, "LOADING Trefoil is loading the dataset in memory"));
      }
      input_.consume(cut.size);
      more = cut.more;
      goes_on = !cut.ends;
    }
    if (!output_.empty()) {
      const std::size_t sent = channel_.write(output_.bytes()).bytes;
      goes_on = goes_on && sent == output_.size();  // who asks so much without reading has had enough
      output_.clear();
    }
    return goes_on;
  }

  SocketChannel channel_;
  HttpProtocol protocol_;
  Batch batch_;
  ByteBuffer input_;
  ByteBuffer output_;
  std::unique_ptr<Reply> reply_;
};

Result<std::unique_ptr<LoadingDoor>> LoadingDoor::open(const Settings& settings) {
  const auto port = static_cast<std::uint16_t>(settings.integer(Setting::kHttpPort));
  if (port == 0) {
    return std::unique_ptr<LoadingDoor>();
  }
  std::unique_ptr<LoadingDoor> door(new LoadingDoor(settings));
  TREFOIL_ASSIGN(door->listeners_, Listener::onAllAddresses(settings, port, Door::kHttp));
  door->event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (door->event_ < 0) {
    return Error(ErrorCode::kIo, std::string("cannot listen for HTTP: ") + std::strerror(errno));
  }
  door->thread_ = std::thread([raw = door.get()] { raw->run(); });
  ::pthread_setname_np(door->thread_.native_handle(), "net-loading");
  return door;
}

LoadingDoor::~LoadingDoor() {
  close();
  if (event_ >= 0) {
    ::close(event_);
  }
}

std::vector<Listener> LoadingDoor::close() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t wrote = ::write(event_, &one, sizeof one);
    thread_.join();
  }
  return std::exchange(listeners_, {});
}

void LoadingDoor::run() {
  std::list<Client> clients;
  std::vector<pollfd> polled;
  for (;;) {
    polled.assign(1, {event_, POLLIN, 0});
    for (const Listener& listener : listeners_) {
      polled.push_back({listener.socket(), POLLIN, 0});
    }
    for (const Client& client : clients) {
      polled.push_back({client.socket(), POLLIN, 0});
    }
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
      break;
    }
    if (polled[0].revents != 0) {
      break;
    }
    auto at = polled.begin() + 1 + static_cast<std::ptrdiff_t>(listeners_.size());
    for (auto client = clients.begin(); client != clients.end(); ++at) {
      client = at->revents == 0 || client->serve() ? std::next(client) : clients.erase(client);
    }
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      if (polled[1 + i].revents != 0) {
        accept(listeners_[i], clients);
      }
    }
  }
}

void LoadingDoor::accept(const Listener& listener, std::list<Client>& clients) const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int socket = ::accept4(listener.socket(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket < 0) {
    return;
  }
  if (settings_.flag(Setting::kProtectedMode) && !isLoopback(address)) {
    SocketChannel(socket).write(kHttpProtocol.denied);
    return;
  }
  if (clients.size() == kMaxClients) {
    clients.pop_front();
  }
  clients.emplace_back(socket);
}

}  // namespace trefoil::net
