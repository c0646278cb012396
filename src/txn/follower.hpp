// Follower: a second set of stores that holds what another one does, commit by commit, because it is fed by the tail of its log.
//
//   leader   snapshot ──captured──▶ copy                          once, at the beginning
//            log ──aof::LogTail──▶ its commits ──▶ copy           from the snapshot on, in the log's order
//
// Each commit takes the locks of what it changes in the copy, and no others, so readers of the copy see whole commits, and see
// them in order. Nobody else changes the copy. It is always behind by what the leader's log has not reached yet: nothing shows
// there that the leader could still lose.
//
// Thread safety: none; leader and copy may be used by anybody meanwhile.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "aof/log_tail.hpp"
#include "base/status.hpp"
#include "base/types.hpp"
#include "txn/manager.hpp"

namespace trefoil::txn {

class Follower {
 public:
  // Fills the copy, which is empty and in memory. Both outlive the follower. kUnsupported if the leader has no log.
  static Result<std::unique_ptr<Follower>> begin(Manager& leader, Manager& copy);
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Applies the next commit. False: there is none for now. An error is final: kOutOfRange if the log has gone on without it.
  Result<bool> step();

  // The copy holds the commits below.
  [[nodiscard]] Lsn lsn() const { return tail_->position().lsn; }

 private:
  Follower(Manager& copy, std::unique_ptr<aof::LogTail> tail) : copy_(copy), tail_(std::move(tail)) {}
  Status apply(std::string_view record);
  Result<bool> footprintOf(std::string_view record);

  Manager& copy_;
  std::unique_ptr<aof::LogTail> tail_;
  std::string settled_;
  // What the commit changes.
  std::vector<kv::PartitionId> partitions_;
  std::vector<sql::TableId> tables_;
};

}  // namespace trefoil::txn
