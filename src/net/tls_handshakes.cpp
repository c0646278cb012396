#include "net/tls_handshakes.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/logging.hpp"

namespace trefoil::net {

TlsHandshakes::TlsHandshakes(Env& env, Limits limits, std::function<void(NewClient)> admit)
    : env_(env), limits_(limits), admit_(std::move(admit)) {}

Result<std::unique_ptr<TlsHandshakes>> TlsHandshakes::start(Env& env, Limits limits, std::function<void(NewClient)> admit) {
  std::unique_ptr<TlsHandshakes> handshakes(new TlsHandshakes(env, limits, std::move(admit)));
  handshakes->epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  handshakes->event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  if (handshakes->epoll_ < 0 || handshakes->event_ < 0 ||
      ::epoll_ctl(handshakes->epoll_, EPOLL_CTL_ADD, handshakes->event_, &event) < 0) {
    return Error(ErrorCode::kIo, std::string("cannot begin TLS handshakes: ") + std::strerror(errno));
  }
  handshakes->thread_ = std::thread([raw = handshakes.get()] { raw->run(); });
  ::pthread_setname_np(handshakes->thread_.native_handle(), "net-tls");
  return handshakes;
}

TlsHandshakes::~TlsHandshakes() {
  stop();
  wait();
  ::close(event_);
  ::close(epoll_);
}

void TlsHandshakes::begin(std::unique_ptr<TlsChannel> channel, NewClient client) {
  const std::int64_t deadline_us = env_.monotonicMicros() + limits_.patience_us;
  const std::lock_guard lock(mutex_);
  new_ones_.push_back({std::move(channel), std::move(client), deadline_us});
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t wrote = ::write(event_, &one, sizeof one);
}

void TlsHandshakes::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t wrote = ::write(event_, &one, sizeof one);
}

void TlsHandshakes::wait() {
  if (thread_.joinable()) {
    thread_.join();
  }
}

void TlsHandshakes::run() {
  std::array<epoll_event, 64> events{};
  for (bool going_on = true; going_on;) {
    int timeout = -1;
    if (!half_open_.empty()) {
      const std::int64_t left_us = std::max<std::int64_t>(0, half_open_.front().deadline_us - env_.monotonicMicros());
      timeout = static_cast<int>(left_us / 1000 + 1);
    }
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < count; ++i) {
      if (events[static_cast<std::size_t>(i)].data.ptr != nullptr) {
        advance(*static_cast<HalfOpen*>(events[static_cast<std::size_t>(i)].data.ptr));
      }
    }
    // Only now, when no event names them any more, may others than the peer of the event go.
    dropLate();
    going_on = takeNewOnes();
  }
  half_open_.clear();
}

// False: it is time to stop.
bool TlsHandshakes::takeNewOnes() {
  std::list<HalfOpen> new_ones;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      new_ones_.clear();
      return false;
    }
    new_ones.swap(new_ones_);
  }
  while (!new_ones.empty()) {
    if (half_open_.size() >= limits_.half_open) {
      giveUp(half_open_.front(), "too many others");
    }
    half_open_.splice(half_open_.end(), new_ones, new_ones.begin());
    HalfOpen& peer = half_open_.back();
    peer.place = std::prev(half_open_.end());
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;  // reports at once what there is already
    event.data.ptr = &peer;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, peer.channel->socket(), &event) < 0) {
      giveUp(peer, std::strerror(errno));
    }
  }
  return true;
}

void TlsHandshakes::advance(HalfOpen& peer) {
  switch (peer.channel->handshake()) {
    case Transfer::Then::kWait:
      return;
    case Transfer::Then::kMore: {
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, peer.channel->socket(), nullptr);
      NewClient client = std::move(peer.client);
      client.channel = std::move(peer.channel);
      half_open_.erase(peer.place);
      admit_(std::move(client));
      return;
    }
    case Transfer::Then::kEnd:
    case Transfer::Then::kBroken:
      giveUp(peer, peer.channel->whyBroken());
  }
}

void TlsHandshakes::giveUp(HalfOpen& peer, std::string_view why) {
  logVerbose("no TLS with {}: {}", peer.client.address, why);
  half_open_.erase(peer.place);
}

void TlsHandshakes::dropLate() {
  const std::int64_t now_us = env_.monotonicMicros();
  while (!half_open_.empty() && half_open_.front().deadline_us <= now_us) {
    giveUp(half_open_.front(), "it takes too long");
  }
}

}  // namespace trefoil::net
