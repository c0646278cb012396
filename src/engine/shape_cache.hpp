// The shape cache: from a statement's shape to its plan, without the grammar and the binder.
//
// Statements that differ only in their literals share an entry: the plan was bound with the literals as parameters. Where a
// literal's value is part of the meaning (an ordinal, a type's length, …) the binder has marked it as fixed, and the entry is
// only for that value. A statement with a parameter of its own has its literals behind $1 … $n.
//
//   shape text ──hash──▶ bucket of entries ── same text, same fixed literals, plan's catalog version current ──▶ plan
//
// Bounded: entries that were not used since the last clearing make room. What the caches of all sessions hold is on the account
// of memory, estimated; while that is over a limit, a session keeps a few plans only. Thread safety: none; a session has its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/memory_account.hpp"
#include "base/value.hpp"
#include "sql/plan/plan.hpp"

namespace trefoil {

class ShapeCache {
 public:
  static constexpr std::size_t kMaxEntries = 256;
  static constexpr std::size_t kFewEntries = 8;

  // Null if there is no entry for the shape with these literals.
  [[nodiscard]] const std::shared_ptr<const sql::Plan>* find(std::uint64_t hash, std::string_view shape,
                                                             std::span<const Datum> literals);
  // `limit`: bytes that the plans of all sessions may take.
  void insert(std::uint64_t hash, std::string_view shape, std::span<const Datum> literals, std::shared_ptr<const sql::Plan> plan,
              std::int64_t limit);
  // Drops all entries of a shape: its plan is stale.
  void erase(std::uint64_t hash);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string shape;
    std::vector<std::pair<std::uint32_t, Value>> fixed;  // literals that are part of the meaning
    std::shared_ptr<const sql::Plan> plan;
    bool used = true;
  };
  static std::size_t bytesOf(const Entry& entry) { return sizeof(Entry) + kPlanBytes + entry.shape.size(); }
  static bool matches(const Entry& entry, std::string_view shape, std::span<const Datum> literals);
  void makeRoom();
  void count();

  // What a plan takes besides its text: operators, expressions, names. Measured over those of usual applications.
  static constexpr std::size_t kPlanBytes = 2048;

  std::unordered_multimap<std::uint64_t, Entry> entries_;
  MemoryCharge memory_{MemoryLeaf::kPlans};
};

}  // namespace trefoil
