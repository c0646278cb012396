// Table: the live version of a table, its lock, and the older versions that open snapshots still see.
//
// Opening a snapshot touches no table: the first change after it finds that the live TableVersion was born before the snapshot,
// copies it (a few hundred bytes), and keeps the old one in `history_` until no snapshot sees it. versionAt(r) is the youngest
// version with born < r: nearly always the live one or the one before it.
//
// Thread safety: live() with the table's lock; versionAt() by anyone with an open snapshot; row ids and liveRows() by anyone.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/gate.hpp"
#include "base/signal.hpp"
#include "base/versions.hpp"
#include "sql/storage/matching_rows.hpp"
#include "sql/storage/table_reservation.hpp"
#include "sql/storage/table_version.hpp"

namespace trefoil::sql {

class Table : public std::enable_shared_from_this<Table> {
 public:
  // The table has no version until publish(). The signal is the store's.
  Table(TableId id, Signal& follow_signal) : id_(id), lock_(kLockSlots, LockRank::kTable, id), follow_signal_(follow_signal) {}
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  ~Table();

  [[nodiscard]] TableId id() const { return id_; }
  [[nodiscard]] Gate& lock() { return lock_; }
  [[nodiscard]] const std::shared_ptr<TableReservation>& reservation() const { return reservation_; }
  // To be raised behind each note to the table's vector indexes. While the store lives.
  [[nodiscard]] Signal& followSignal() { return follow_signal_; }

  [[nodiscard]] const TableVersion* live() const { return live_; }
  // How many rows the live version has just now. By anyone while the catalog has the table.
  [[nodiscard]] std::uint64_t liveRows() const;
  // The version that an open snapshot sees; null if the table did not exist then.
  [[nodiscard]] const TableVersion* versionAt(Lsn snapshot) const;

  // The live version for writing: itself or, after a snapshot was opened, a copy of it. With the lock held exclusively, inside
  // the database's gate.
  TableVersion& writableVersion(const WriteContext& context);
  // Puts `next` in place of the live version, if there is one, which is retired. `next` is stamped.
  void publish(TableVersion* next, const WriteContext& context);  // `next` null: the table is gone
  // The table was dropped: retires the live version, and its content as a whole once nobody sees any of it.
  void retireContent(const WriteContext& context);
  // The store is being destroyed, no snapshot is open: frees the live version and its content. The table may be gone afterwards.
  void destroyContent();

  // What searches have found out about its rows.
  [[nodiscard]] MatchingRows& matchingRows() { return matching_rows_; }

  // Row ids that nobody else gets: [result, result + count).
  std::uint64_t reserveRows(std::uint64_t count) { return next_row_.fetch_add(count, std::memory_order_relaxed); }
  // A run that begins with a block, of whole blocks.
  std::uint64_t reserveBlocks(std::uint64_t blocks);
  // Gives [from, to) back if nothing was reserved after it.
  void returnRows(std::uint64_t from, std::uint64_t to) {
    next_row_.compare_exchange_strong(to, from, std::memory_order_relaxed);
  }
  void noteRowUsed(std::uint64_t row);
  [[nodiscard]] std::uint64_t nextRow() const { return next_row_.load(std::memory_order_relaxed); }

  // Blocks that may have lost so many rows that they want to be tidied (TableWriter). With the lock held exclusively.
  [[nodiscard]] std::vector<std::uint32_t>& untidyBlocks() { return untidy_blocks_; }

  static void freeVersion(Stamped* version);

 private:
  static constexpr std::uint32_t kLockSlots = 8;

  TableId id_;
  Gate lock_;
  Signal& follow_signal_;
  std::vector<std::uint32_t> untidy_blocks_;
  const std::shared_ptr<TableReservation> reservation_ = std::make_shared<TableReservation>();
  TableVersion* live_ = nullptr;  // written with the lock and history_mutex_ held
  mutable std::mutex history_mutex_;
  MatchingRows matching_rows_;
  std::vector<TableVersion*> history_;  // older versions in limbo, ascending birth
  alignas(64) std::atomic<std::uint64_t> next_row_{0};
};

// No version leads to this content any more: blocks, directory, indexes, vectors. It is freed as a whole, behind the scenes, once
// no snapshot sees any of it.
void retireContent(TableVersion content, const WriteContext& context);

}  // namespace trefoil::sql
