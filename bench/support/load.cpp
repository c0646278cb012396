#include "bench/support/load.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/support/server_process.hpp"

namespace bench {

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* message) {
  std::fprintf(stderr, "bench: %s: %s\n", message, std::strerror(errno));
  std::exit(1);
}

class Connection {
 public:
  explicit Connection(std::uint16_t port) : descriptor_(connectTo(port)) {
    if (descriptor_ < 0) {
      fail("cannot connect");
    }
    fcntl(descriptor_, F_SETFL, fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
  }
  ~Connection() { close(descriptor_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }

  void send(std::string batch, std::size_t commands) {
    out_ = std::move(batch);
    sent_ = 0;
    outstanding_ = commands;
    begun_ = Clock::now();
    flush();
  }
  void flush() {
    while (sent_ < out_.size()) {
      const ssize_t n = write(descriptor_, out_.data() + sent_, out_.size() - sent_);
      if (n < 0) {
        if (errno == EAGAIN) {
          return;
        }
        fail("write");
      }
      sent_ += static_cast<std::size_t>(n);
    }
  }
  // Reads what is there; true when the batch's last reply has come.
  bool receive(LoadResult& result) {
    for (;;) {
      if (in_.size() < filled_ + kRead) {
        in_.resize(filled_ + kRead);
      }
      const ssize_t n = read(descriptor_, in_.data() + filled_, kRead);
      if (n < 0) {
        if (errno == EAGAIN) {
          return false;
        }
        fail("read");
      }
      if (n == 0) {
        fail("the server closed the connection");
      }
      filled_ += static_cast<std::size_t>(n);
      parse(result);
      if (outstanding_ == 0) {
        result.slowest_batch_ms =
            std::max(result.slowest_batch_ms, std::chrono::duration<double, std::milli>(Clock::now() - begun_).count());
        return true;
      }
      if (static_cast<std::size_t>(n) < kRead) {
        return false;
      }
    }
  }
  [[nodiscard]] bool unsent() const { return sent_ < out_.size(); }
  [[nodiscard]] std::string takeBuffer() { return std::move(out_); }

 private:
  static constexpr std::size_t kRead = 64 * 1024;

  void parse(LoadResult& result) {
    std::size_t at = 0;
    while (outstanding_ > 0 && at < filled_) {
      const char* const line = in_.data() + at;
      const auto* const end = static_cast<const char*>(std::memchr(line, '\n', filled_ - at));
      if (end == nullptr) {
        break;
      }
      std::size_t size = static_cast<std::size_t>(end - line) + 1;
      if (*line == '$') {
        const long bytes = std::strtol(line + 1, nullptr, 10);
        if (bytes >= 0) {
          size += static_cast<std::size_t>(bytes) + 2;
        } else {
          ++result.misses;
        }
        if (at + size > filled_) {
          break;
        }
      } else if (*line == '-') {
        if (++result.errors == 1) {
          std::fprintf(stderr, "bench: error reply: %.*s\n", static_cast<int>(size - 2), line);
        }
      }
      at += size;
      --outstanding_;
      ++result.replies;
    }
    std::memmove(in_.data(), in_.data() + at, filled_ - at);
    filled_ -= at;
  }

  int descriptor_;
  std::string out_;
  std::size_t sent_ = 0;
  std::vector<char> in_;
  std::size_t filled_ = 0;
  std::size_t outstanding_ = 0;
  Clock::time_point begun_;
};

class Batches {
 public:
  explicit Batches(const Load& load) : load_(load), random_(load.seed), left_(load.operations) {
    const std::string header =
        load.operation == Operation::kSet ? "*3\r\n$3\r\nSET\r\n$16\r\nkey:" : "*2\r\n$3\r\nGET\r\n$16\r\nkey:";
    key_at_ = header.size();
    command_ = header + "000000000000\r\n";
    if (load.operation == Operation::kSet) {
      command_ += "$" + std::to_string(load.value_bytes) + "\r\n" + std::string(load.value_bytes, 'v') + "\r\n";
    }
  }
  // The next batch into `out`; the number of its commands, 0 at the end.
  std::size_t next(std::string& out) {
    const std::size_t count = std::min(load_.pipeline, left_);
    left_ -= count;
    out.clear();
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t key = load_.sequential ? next_++ : random_() % load_.keys;
      const std::size_t begin = out.size();
      out += command_;
      for (std::size_t digit = begin + key_at_ + 12; key != 0; key /= 10) {
        out[--digit] = static_cast<char>('0' + key % 10);
      }
    }
    return count;
  }

 private:
  const Load& load_;
  std::mt19937_64 random_;
  std::size_t left_;
  std::uint64_t next_ = 0;
  std::string command_;
  std::size_t key_at_ = 0;
};

}  // namespace

LoadResult run(const Load& load) {
  LoadResult result;
  Batches batches(load);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections;
  for (std::size_t i = 0; i < load.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(load.port));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = connections.back().get();
    epoll_ctl(poll, EPOLL_CTL_ADD, connections.back()->descriptor(), &event);
  }
  const auto begin = Clock::now();
  std::size_t working = 0;
  const auto send_next = [&](Connection& connection) {
    std::string buffer = connection.takeBuffer();
    const std::size_t commands = batches.next(buffer);
    if (commands > 0) {
      connection.send(std::move(buffer), commands);
      ++working;
    }
  };
  for (const auto& connection : connections) {
    send_next(*connection);
  }
  epoll_event events[64];
  while (working > 0) {
    const int count = epoll_wait(poll, events, 64, 30000);
    if (count <= 0) {
      fail("no reply for 30 seconds");
    }
    for (int i = 0; i < count; ++i) {
      Connection& connection = *static_cast<Connection*>(events[i].data.ptr);
      if (connection.unsent()) {
        connection.flush();
      }
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && connection.receive(result)) {
        --working;
        send_next(connection);
      }
    }
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  close(poll);
  return result;
}

}  // namespace bench
