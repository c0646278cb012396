// ClientFacts: what others see of a session: who its client is, what it does and has done, and what it takes (CLIENT LIST,
// trefoil_sessions(), INFO, maxmemory-clients).
//
// Thread safety: what is atomic is changed by the session's own thread and read by any; the rest is changed and read with
// Database::Impl::sessionsMutex(), or read by the session's own thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/command_meta.hpp"
#include "engine/database_impl.hpp"
#include "engine/session.hpp"
#include "kv/view.hpp"

namespace trefoil {

class Env;

class ClientFacts {
 public:
  explicit ClientFacts(Env& env);

  // What the session is about.
  enum class Activity : std::uint8_t { kIdle, kWaiting, kRunning };  // waiting: for a worker
  [[nodiscard]] Activity activity() const { return activity_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string_view activityName() const;
  // How long that has been so.
  [[nodiscard]] std::int64_t activeMillis() const;
  // The beginning of the statement that waits or runs; empty while it is idle, or if it is one of the event loops' short ones.
  [[nodiscard]] std::string_view statement() const {
    return activity() == Activity::kIdle ? std::string_view() : shown_statement_;
  }
  void become(Activity what) { activity_.store(what, std::memory_order_relaxed); }
  // The same, with a statement; `command` as Session::Impl::commandOf() says. Takes the mutex.
  void become(Activity what, const Statement& statement, int command, std::mutex& sessions);

  // The client has sent something, at this wall clock time in milliseconds.
  void hear(std::int64_t now_ms) { heard_at_ms_.store(now_ms, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t idleSeconds(std::int64_t now_ms) const;

  // A statement has run.
  void count(CommandGroup group) {
    std::atomic<std::uint64_t>& count = operations_[static_cast<std::size_t>(group)];
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void addOperations(OperationCounts& counts) const;
  // Where a command's look-ups are counted: of those that only read, for keyspace_hits and keyspace_misses.
  kv::View::Lookups* lookupsOf(const CommandMeta& meta) { return (meta.flags & kRead) != 0 ? &lookups_ : nullptr; }
  void addLookups(LookupCounts& counts) const;

  // What the connection's buffers hold. Returns by how much what they take has grown.
  std::int64_t setBuffers(const Session::Buffers& held);
  [[nodiscard]] Session::Buffers buffers() const;

  [[nodiscard]] bool isOverUnixSocket() const { return !address.empty() && address == local_address; }  // both are its path

  const std::int64_t connected_at_us;  // wall clock
  std::string name;
  std::string library_name;
  std::string library_version;
  std::string address;        // the client's
  std::string local_address;  // ours
  std::atomic<const CommandMeta*> last_command = nullptr;
  std::function<void()> on_kill;            // closes the connection, if it has one
  std::atomic<bool> may_be_evicted = true;  // CLIENT NO-EVICT OFF
  bool is_being_evicted = false;            // it has been told to close

 private:
  Env& env_;
  std::atomic<Activity> activity_ = Activity::kIdle;
  std::atomic<std::int64_t> active_since_us_ = 0;  // wall clock; when it began to be about that
  std::atomic<std::int64_t> heard_at_ms_;          // wall clock
  std::string shown_statement_;
  std::array<std::atomic<std::uint64_t>, kGroupNames.size()> operations_{};
  kv::View::Lookups lookups_;
  std::atomic<std::size_t> input_ = 0;  // Session::Buffers
  std::atomic<std::size_t> input_capacity_ = 0;
  std::atomic<std::size_t> output_ = 0;
  std::atomic<std::size_t> output_capacity_ = 0;
};

// One line of CLIENT LIST. With the mutex.
[[nodiscard]] std::string describeClient(const Session::Impl& session);

}  // namespace trefoil
