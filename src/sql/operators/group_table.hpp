// Numbers distinct keys: GROUP BY, DISTINCT, joins, set operations and count(DISTINCT …) all ask it for the dense number
// (0, 1, 2 …, in order of first appearance) of each row's key.
//
//   range mode    one integer key whose values lie close together:   key - base → group, in one array
//   hash mode     open addressing, a power of two of slots { 32 bits of the hash, group }, at most half full; before rows are
//                 inserted there is room for all of them
//   key columns   the keys of group g at place g, one array a column; long texts copied unless they are stable
//
// It starts in range mode where the key's type allows and leaves it for good when the range exceeds kMaxRange. NULL is a key like
// any other here (as GROUP BY wants it); whoever joins leaves out rows with NULL keys before asking.
//
// Invariants: the slots hold each group exactly once; key columns have size() entries.
// Thread safety: none.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/statement_control.hpp"
#include "sql/types/byte_arena.hpp"
#include "sql/types/chunk.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

class GroupTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::uint64_t kMaxRange = 1 << 16;

  explicit GroupTable(const std::vector<Type>& key_types);
  GroupTable(const GroupTable&) = delete;
  GroupTable& operator=(const GroupTable&) = delete;

  void clear();
  [[nodiscard]] std::uint32_t size() const { return size_; }
  // Puts into groups[r] the number of the key of row r (not position), adding keys that are new. An error: the statement must
  // end (while the table grew, which takes long when it is large), and only clear() may follow.
  Status insert(WorkMeter& meter, std::span<const Column> keys, const Rows& rows, std::uint32_t* groups);
  // The same without adding: kNone for keys that are not there.
  void find(std::span<const Column> keys, const Rows& rows, std::uint32_t* groups);

  // Views the keys of groups first … first+count-1; `first` is a multiple of 64. Good until the next insert.
  void keys(std::uint32_t first, std::uint32_t count, std::vector<Column>& out) const;
  [[nodiscard]] std::size_t memory() const;

 private:
  struct KeyColumn {
    Type type;
    CountedVector<char> data;
    CountedVector<std::uint64_t> nulls;
    [[nodiscard]] bool isNull(std::uint32_t group) const { return ((nulls[group >> 6] >> (group & 63)) & 1) != 0; }
  };
  struct Slot {
    std::uint32_t tag;
    std::uint32_t group;
  };

  template <bool Insert>
  void resolve(std::span<const Column> keys, const Rows& rows, std::uint32_t* groups);
  template <bool Insert>
  void resolveRange(const Column& key, const Rows& rows, std::uint32_t* groups);
  template <bool Insert>
  void resolveHash(std::span<const Column> keys, const Rows& rows, std::uint32_t* groups);
  bool widenRange(std::int64_t low, std::int64_t high);
  void leaveRangeMode();
  std::uint32_t addGroup(std::span<const Column> keys, std::uint32_t position);
  [[nodiscard]] bool equals(std::span<const Column> keys, std::uint32_t position, std::uint32_t group) const;
  Status makeRoom(WorkMeter& meter, std::uint32_t rows);
  void emptySlots(std::size_t groups);
  void putInSlot(std::uint32_t group);

  std::vector<KeyColumn> columns_;
  std::uint32_t size_ = 0;
  ByteArena bytes_;

  bool range_mode_;
  std::int64_t base_ = 0;
  CountedVector<std::uint32_t> range_;  // key - base_ → group
  std::uint32_t null_group_ = kNone;

  CountedVector<Slot> slots_;
  CountedVector<std::uint64_t> group_hashes_;
  std::vector<std::uint64_t> hashes_;  // of the rows at hand
};

// The hash of each row's key, by row. NULL has a hash too.
void hashKeys(std::span<const Column> keys, const Rows& rows, std::vector<std::uint64_t>& hashes);

}  // namespace trefoil::sql
