// The locks of a commit, in the one order: catalog, partitions, tables. Released in reverse.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/gate.hpp"
#include "kv/store.hpp"
#include "kv/view.hpp"
#include "sql/storage/store.hpp"
#include "sql/storage/view.hpp"
#include "txn/manager.hpp"

namespace trefoil::txn {

// A gate entered on one of its two sides.
class GateHold {
 public:
  GateHold(Gate& gate, bool exclusive) : gate_(&gate), exclusive_(exclusive) {
    if (exclusive) {
      gate.enterExclusive();
    } else {
      token_ = gate.enterShared();
    }
  }
  GateHold(GateHold&& other) noexcept
      : gate_(std::exchange(other.gate_, nullptr)), exclusive_(other.exclusive_), token_(other.token_) {}
  GateHold& operator=(GateHold&&) = delete;
  ~GateHold() {
    if (gate_ == nullptr) {
      return;
    }
    if (exclusive_) {
      gate_->leaveExclusive();
    } else {
      gate_->leaveShared(token_);
    }
  }

 private:
  Gate* gate_;
  bool exclusive_;
  Gate::Token token_{};
};

// What one transaction read (shared) and wrote (exclusive), and `extra` partitions.
class CommitLocks {
 public:
  CommitLocks(Manager& manager, const kv::View& kv, const sql::View& sql, std::span<const kv::PartitionId> extra);
  CommitLocks(const CommitLocks&) = delete;
  CommitLocks& operator=(const CommitLocks&) = delete;

  // Tables, then partitions, after kv::Store::owe().
  void letGoOwing() {
    tables_.clear();
    partitions_.unlockOwing();
  }

 private:
  GateHold catalog_;
  std::vector<kv::PartitionId> partition_ids_;
  kv::PartitionLocks partitions_;
  std::vector<GateHold> tables_;
};

// Tables that others let this one change first, given back at the end. No locks.
class ReservedTables {
 public:
  explicit ReservedTables(Manager& manager) : manager_(manager) {}
  ReservedTables(const ReservedTables&) = delete;
  ReservedTables& operator=(const ReservedTables&) = delete;
  ~ReservedTables() { giveBack(); }

  // Instead of those that it has. By ascending id.
  void take(const std::vector<sql::TableFootprint>& tables);
  void giveBack();
  // 0: it has none.
  [[nodiscard]] std::uint64_t who() const { return who_; }

 private:
  Manager& manager_;
  std::uint64_t who_ = 0;
  std::vector<std::shared_ptr<sql::TableReservation>> taken_;
};

// Everything: the last try of a statement that must not answer with a conflict.
class AllLocks {
 public:
  explicit AllLocks(Manager& manager);
  AllLocks(const AllLocks&) = delete;
  AllLocks& operator=(const AllLocks&) = delete;
  ~AllLocks();

 private:
  Manager& manager_;
  LockOrder::HoldsAll holds_all_;
  GateHold catalog_;
  std::vector<GateHold> tables_;
};

}  // namespace trefoil::txn
