// What a database is made of. For engine's own files and the command handlers only.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/memory_reserve.hpp"
#include "base/settings.hpp"
#include "engine/client_pause.hpp"
#include "engine/command_meta.hpp"
#include "engine/database.hpp"
#include "engine/feeder.hpp"
#include "engine/following.hpp"
#include "engine/keyspace_events.hpp"
#include "engine/monitors.hpp"
#include "engine/output_limits.hpp"
#include "engine/pubsub.hpp"
#include "engine/tracking.hpp"
#include "engine/worker_pool.hpp"
#include "sql/expressions/table_function.hpp"
#include "txn/manager.hpp"

namespace trefoil {

// Commands that were run, by their group; statements of SQL that are no command of the table count as SQL's.
using OperationCounts = std::array<std::uint64_t, kGroupNames.size()>;

// Keys that reading commands have asked for.
struct LookupCounts {
  std::uint64_t found = 0;
  std::uint64_t missed = 0;
};

class Database::Impl {
 public:
  // `own_settings` is null if the settings are the caller's.
  // `following` is null unless it follows another database, whose commits come into `manager`.
  Impl(Database& self, Settings& settings, std::unique_ptr<Settings> own_settings, Env& env,
       std::unique_ptr<txn::Manager> manager, std::unique_ptr<Following> following = nullptr);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] txn::Manager& manager() { return *manager_; }
  [[nodiscard]] Settings& settings() { return settings_; }
  [[nodiscard]] Env& env() { return env_; }
  [[nodiscard]] WorkerPool& pool() { return pool_; }
  [[nodiscard]] const sql::TableFunctions& tableFunctions() const { return table_functions_; }
  [[nodiscard]] bool isPersistent() { return manager_->log() != nullptr; }
  [[nodiscard]] Following* following() { return following_.get(); }

  // Who listens, and how much may wait for them.
  [[nodiscard]] PubSub& pubsub() { return pubsub_; }
  [[nodiscard]] KeyspaceEvents& keyspaceEvents() { return *keyspace_events_; }
  [[nodiscard]] Tracking& tracking() { return tracking_; }
  [[nodiscard]] Monitors& monitors() { return monitors_; }
  [[nodiscard]] Feeder& feeder() { return *feeder_; }
  [[nodiscard]] const OutputLimits& outputLimits() const { return output_limits_; }

  // Sessions that are connected, for CLIENT LIST and INFO.
  void addSession(Session::Impl& session);
  void removeSession(std::uint64_t id);
  void forEachSession(const std::function<void(Session::Impl&)>& visit);                  // with sessionsMutex()
  void visitSession(std::uint64_t id, const std::function<void(Session::Impl&)>& visit);  // the same, if there is one
  [[nodiscard]] Session::Impl* session(std::uint64_t id);  // null: it is gone. With sessionsMutex()
  [[nodiscard]] std::size_t sessionCount();
  [[nodiscard]] ClientPause& pause() { return pause_; }
  // Statements that wait (engine/waiter.hpp).
  void countWaiter(int more) { waiters_.fetch_add(more, std::memory_order_relaxed); }
  [[nodiscard]] int waiterCount() const { return waiters_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t sessionsOpened() const { return next_session_id_.load(std::memory_order_relaxed) - 1; }
  // Of all sessions, also those that are gone.
  [[nodiscard]] OperationCounts operations();
  [[nodiscard]] LookupCounts lookups();
  // A session writes what others may read of it (its name …) inside this.
  [[nodiscard]] std::mutex& sessionsMutex() { return sessions_mutex_; }

  std::uint64_t nextSessionId() { return next_session_id_.fetch_add(1, std::memory_order_relaxed); }
  // kOutOfMemory when there is more than maxmemory, and no key to make room: before commands that need memory. Who asks holds no
  // lock, and says what it does about it itself.
  enum class Evicts : std::uint8_t {
    kLeavesIt,    // nothing: it is in the middle of a transaction
    kWaitsNever,  // removes keys, but it is an event loop
    kMayWait,
  };
  Status checkMemory(Evicts evicts);
  // Whether it could refuse anything.
  [[nodiscard]] bool memoryIsBounded() const { return settings_.integer(Setting::kMaxMemory) != 0 || !memory_reserve::isWhole(); }
  // A connection's buffers have grown or shrunk. Above maxmemory-clients the sweeper's thread closes some connections.
  void noteClientMemory(std::int64_t difference);
  [[nodiscard]] std::uint64_t evictedClients() const { return evicted_clients_.load(std::memory_order_relaxed); }
  // Up to which size of the whole account a statement may grow that makes the database larger while it runs; 0: any.
  [[nodiscard]] std::int64_t growthLimit() const;
  [[nodiscard]] txn::Eviction::Rules evictionRules() const;
  // What one statement may hold (query-memory), in bytes.
  [[nodiscard]] std::int64_t queryMemory() const;
  // What the whole account had in it when the database was opened, and at most, as it was looked at ten times a second.
  [[nodiscard]] std::int64_t memoryAtStart() const { return memory_at_start_; }
  std::int64_t peakMemory();
  // BGREWRITEAOF: the background thread begins a checkpoint. kBusy if one is being written or about to be.
  Status requestCheckpoint();
  [[nodiscard]] bool checkpointRunning() const { return checkpoint_wanted_.load() || checkpoint_running_.load(); }
  Status checkpoint();
  // Why the last one failed; empty if it did not.
  [[nodiscard]] std::string checkpointFailure();
  struct CheckpointFigures {
    std::uint64_t written = 0;
    std::uint64_t failed = 0;
    std::int64_t last_duration_us = 0;  // of one that was written
  };
  [[nodiscard]] CheckpointFigures checkpointFigures();
  Status close();
  void requestShutdown();
  void onShutdown(std::function<void()> callback);

  Database& self;
  const std::int64_t started_at_us;

 private:
  // memory_limit.cpp
  Status makeRoom(Evicts evicts);
  void evictInBackground();
  [[nodiscard]] std::int64_t clientLimit() const;
  void evictClients();
  void followEvictionSettings();
  // Calls `step` about ten times a second, and when `wake` is notified.
  void repeat(void (Impl::*step)(), std::condition_variable& wake);
  void sweep();
  void checkpointIfNeeded();
  void followLoop();

  std::unique_ptr<Settings> own_settings_;
  Settings& settings_;
  Env& env_;
  std::unique_ptr<txn::Manager> manager_;
  std::unique_ptr<Following> following_;
  WorkerPool pool_;
  sql::TableFunctions table_functions_;
  std::uint64_t fsync_observer_ = 0;
  std::vector<std::uint64_t> eviction_observers_;
  const std::int64_t half_of_memory_;

  OutputLimits output_limits_;
  PubSub pubsub_;
  std::optional<KeyspaceEvents> keyspace_events_;
  std::optional<Feeder> feeder_;
  Monitors monitors_;
  Tracking tracking_{*this};

  std::atomic<std::uint64_t> next_session_id_{1};
  std::mutex sessions_mutex_;
  std::map<std::uint64_t, Session::Impl*> sessions_;
  OperationCounts ended_operations_{};  // of sessions that are gone
  LookupCounts ended_lookups_;

  const std::int64_t memory_at_start_;
  std::atomic<std::int64_t> peak_memory_{0};
  std::atomic<std::int64_t> client_buffers_{0};
  std::atomic<std::uint64_t> evicted_clients_{0};

  ClientPause pause_;
  std::atomic<int> waiters_{0};

  std::mutex shutdown_mutex_;
  std::function<void()> shutdown_callback_;

  std::atomic<bool> checkpoint_wanted_{false};
  std::atomic<bool> checkpoint_running_{false};
  std::mutex checkpoint_mutex_;          // one checkpoint at a time
  std::mutex checkpoint_outcome_mutex_;  // guards the next two
  std::string checkpoint_failure_;
  CheckpointFigures checkpoint_figures_;
  // The checkpoints' thread's own: after a failure, the pause and when it ends.
  std::int64_t checkpoint_pause_us_ = 0;
  std::int64_t checkpoint_again_at_ = 0;
  std::mutex background_mutex_;
  // With background_mutex_, one for each thread:
  std::condition_variable sweep_wake_;
  std::condition_variable checkpoint_wake_;
  std::condition_variable follow_wake_;
  bool stopping_ = false;
  std::atomic<txn::Eviction::Outcome> background_outcome_{txn::Eviction::Outcome::kEnough};  // the sweeper's
  unsigned sweeps_ = 0;                                                                      // the sweeper's
  std::thread sweeper_;  // removes expired keys and evicts others, frees what snapshots have left
  // Writes checkpoints: when somebody wants one, when the log has grown, and to bring a failed log back.
  std::thread checkpointer_;
  // Keeps the vector indexes in step with their tables. Building one takes its time, so it has a thread of its own.
  std::thread follower_;
};

}  // namespace trefoil
