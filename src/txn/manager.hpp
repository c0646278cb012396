// Manager: a database's stores and its log, and what works on them, each in a file of its own:
//
//   commit.hpp            snapshots, and the one road on which a change is committed
//   live.hpp              statements on the live stores        transaction.hpp   those with a snapshot of their own
//   load.hpp              from a directory to the stores       checkpoint.hpp    and back
//   follower.hpp          stores that hold what another database's do
//   expiry.hpp            keys whose time has passed           index_following.hpp   what follows the tables behind the commit
//   eviction.hpp             keys that make room for others
//   doubt.hpp             what answers must not tell of while the log refuses writes
//
// Thread safety: all functions.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "aof/log.hpp"
#include "aof/recovery.hpp"
#include "base/env.hpp"
#include "base/status.hpp"
#include "base/versions.hpp"
#include "kv/store.hpp"
#include "sql/storage/store.hpp"
#include "txn/checkpoint.hpp"
#include "txn/commit.hpp"
#include "txn/eviction.hpp"
#include "txn/expiry.hpp"

namespace trefoil::txn {

struct ManagerOptions {
  std::string directory;  // empty: in memory only
  Env* env = nullptr;
  aof::LogOptions log;
  kv::StoreOptions kv;  // its hash seed is replaced by the directory's
};

class Manager {
 public:
  // Opens and recovers. Errors are those of aof::Recovery::open and load().
  static Result<std::unique_ptr<Manager>> open(const ManagerOptions& options);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  [[nodiscard]] kv::Store& kv() { return *kv_; }
  [[nodiscard]] sql::Store& sql() { return *sql_; }
  [[nodiscard]] Versions& versions() { return versions_; }
  [[nodiscard]] aof::Log* log() { return log_.get(); }  // null without a directory
  [[nodiscard]] Committer& committer() { return *committer_; }
  [[nodiscard]] Checkpoints& checkpoints() { return *checkpoints_; }
  [[nodiscard]] Expiry& expiry() { return expiry_; }
  [[nodiscard]] Eviction& eviction() { return eviction_; }
  [[nodiscard]] Snapshot openSnapshot() { return committer_->openSnapshot(); }
  [[nodiscard]] const aof::RecoveryReport& recoveryReport() const { return report_; }

 private:
  Manager() = default;
  Status recover(Env& env, const ManagerOptions& options);
  void start(std::uint64_t next_unit);

  Versions versions_;
  std::unique_ptr<kv::Store> kv_;
  std::unique_ptr<sql::Store> sql_;
  std::unique_ptr<aof::Log> log_;
  std::optional<Committer> committer_;
  std::optional<Checkpoints> checkpoints_;
  Expiry expiry_{*this};
  Eviction eviction_{*this};
  aof::RecoveryReport report_;
};

}  // namespace trefoil::txn
