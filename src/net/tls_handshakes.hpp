// TlsHandshakes: TLS peers from accept to the end of their handshake, on a thread of their own. What it costs to sign and to
// verify (some milliseconds with a long RSA key) stalls no event loop, and the loops, sessions and CLIENT LIST know nothing of
// peers that never get that far.
//
//   Acceptor ─begin()─▶ half-open, the oldest first ─complete─▶ `admit`
//                            │
//                            └─ too slow, or the oldest of too many: closed
//
// Half-open peers do not count as clients, so they keep nobody out; there are only so many, and one that is new is worth more
// than one that has had its time.
//
// Thread safety: begin() and stop() from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/env.hpp"
#include "base/status.hpp"
#include "net/new_client.hpp"
#include "net/tls_channel.hpp"

namespace trefoil::net {

class TlsHandshakes {
 public:
  struct Limits {
    std::int64_t patience_us = 10'000'000;
    std::size_t half_open = 512;
  };
  // `admit` gets those who are through, on the thread of the handshakes.
  static Result<std::unique_ptr<TlsHandshakes>> start(Env& env, Limits limits, std::function<void(NewClient)> admit);
  ~TlsHandshakes();  // stops and waits
  TlsHandshakes(const TlsHandshakes&) = delete;
  TlsHandshakes& operator=(const TlsHandshakes&) = delete;

  // `client` has no channel yet.
  void begin(std::unique_ptr<TlsChannel> channel, NewClient client);
  // Closes those who are not through, and takes no more.
  void stop();
  // Returns when the thread has ended.
  void wait();

 private:
  struct HalfOpen {
    std::unique_ptr<TlsChannel> channel;
    NewClient client;
    std::int64_t deadline_us;
    std::list<HalfOpen>::iterator place = {};
  };

  TlsHandshakes(Env& env, Limits limits, std::function<void(NewClient)> admit);
  void run();
  bool takeNewOnes();
  void advance(HalfOpen& peer);
  void giveUp(HalfOpen& peer, std::string_view why);
  void dropLate();

  Env& env_;
  const Limits limits_;
  const std::function<void(NewClient)> admit_;
  int epoll_ = -1;
  int event_ = -1;
  std::list<HalfOpen> half_open_;  // the thread's own; the oldest first
  std::mutex mutex_;
  std::list<HalfOpen> new_ones_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trefoil::net
