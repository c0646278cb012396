// Feeder: all feeds of a database, and the thread that serves them, some commits each in turn. There is no thread before the
// first feed.
//
// Thread safety: all functions.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "base/settings.hpp"
#include "base/statement_control.hpp"
#include "base/status.hpp"
#include "engine/feed.hpp"
#include "txn/commit_source.hpp"
#include "txn/manager.hpp"

namespace trefoil {

class Feeder {
 public:
  // All outlive it.
  Feeder(Settings& settings, txn::Manager& manager, Env& env);
  ~Feeder();
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;

  // A new feed into the outbox, from a position (as text) or from now on. It may read much of the log first, as long as `control`
  // lets it. The position that it begins at, and what the log must have reached before anybody is told of that.
  struct Begun {
    std::shared_ptr<Feed> feed;
    std::string position;
    Lsn fence = 0;
  };
  Result<Begun> begin(std::optional<std::string_view> from, FeedFilter filter, std::shared_ptr<Outbox> outbox,
                      const StatementControl& control);
  // Behind this nothing of it comes into its outbox.
  void end(const std::shared_ptr<Feed>& feed);
  [[nodiscard]] std::size_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  void wake();
  void run();
  bool stepAll(bool& any_full);
  txn::CommitBacklog& backlog();

  Settings& settings_;
  txn::Manager& manager_;
  Env& env_;
  std::vector<std::uint64_t> settings_observers_;
  std::uint64_t listener_ = 0;
  std::atomic<std::size_t> count_{0};
  std::atomic<bool> woken_{false};
  std::mutex mutex_;  // guards:
  std::condition_variable wake_;
  std::vector<std::shared_ptr<Feed>> feeds_;
  std::unique_ptr<txn::CommitBacklog> backlog_;  // without a log
  bool wants_old_values_ = false;                // a feed has asked for values
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trefoil
