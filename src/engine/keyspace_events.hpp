// KeyspaceEvents: what happens to keys, published to whoever subscribes to it (notify-keyspace-events).
// https://redis.io/docs/latest/develop/use/keyspace-notifications/
//
// It follows the commits, so events come in their order, of whatever has changed a key (commands, EXEC, COMMIT, expiry,
// eviction), and each says what the effect's cause says. As long as the setting is empty, it follows nothing and costs nothing.
//
// Thread safety: all functions.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "base/settings.hpp"
#include "engine/pubsub.hpp"
#include "txn/commit.hpp"

namespace trefoil {

class KeyspaceEvents final : public txn::CommitObserver {
 public:
  // All outlive it.
  KeyspaceEvents(Settings& settings, txn::Committer& committer, PubSub& pubsub);
  ~KeyspaceEvents() override;

  // Whether reads that find nothing are told: one load.
  [[nodiscard]] bool tellsMisses() const { return tells_misses_.load(std::memory_order_relaxed); }
  void tellMiss(int db, std::string_view key, Lsn fence);

  void onCommit(const txn::Committed& commit) override;

 private:
  void follow();
  void tell(std::uint32_t event_class, std::string_view event, int db, std::string_view key, Lsn fence);

  Settings& settings_;
  txn::Committer& committer_;
  PubSub& pubsub_;
  std::uint64_t settings_observer_ = 0;
  std::atomic<std::uint32_t> classes_{0};
  std::atomic<bool> tells_misses_{false};
  std::mutex mutex_;  // guards:
  bool follows_ = false;
};

}  // namespace trefoil
