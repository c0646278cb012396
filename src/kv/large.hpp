// Large: a collection that has outgrown its entry: counted B+trees over items.
//
//   Item     born | member size u32 | value size u32 | member bytes | value bytes         one allocation, birth-stamped
//   Place    order u64 | pointer to Item                                                 what the trees hold, 16 bytes
//
//   list        elements by position:  order = a number with gaps; an element pushed lies kListGap from its neighbour, one
//                                      inserted halfway between two; where no number is left the list is numbered anew
//   hash, set   by member:             order = hash of the member, ties by its bytes        HSCAN's cursor is that order
//   sorted set  by member, as a hash   the item's value is the score
//               and by score:          order = the score's bits, mapped so that they sort, ties by the member's bytes
//
// Every tree is counted: LINDEX, ZRANK, ZRANGE, SPOP and SRANDMEMBER are O(log n).
//
// Snapshots: a copy of the object is a copy of the roots. Nodes and items are shared between versions by their birth stamps
// (base/versions.hpp): a new version replaces what an older one can see and retires it. The last version owns what is left.
//
// Invariants (verify()): both trees of a sorted set hold the same items; positions of a list ascend; itemBytes() is their sum.
// Thread safety: as its entry.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/btree.hpp"
#include "base/versions.hpp"
#include "kv/entry.hpp"
#include "kv/packed.hpp"

namespace trefoil::kv {

struct Item : Stamped {
  std::uint32_t member_size;
  std::uint32_t value_size;

  [[nodiscard]] std::string_view member() const { return {bytes(), member_size}; }
  [[nodiscard]] std::string_view value() const { return {bytes() + member_size, value_size}; }
  [[nodiscard]] double score() const {
    TREFOIL_DEBUG_ASSERT(value_size == sizeof(double));
    double score = 0;
    std::memcpy(&score, bytes() + member_size, sizeof(score));
    return score;
  }
  [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this) + sizeof(Item); }
  [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this) + sizeof(Item); }
};
static_assert(sizeof(Item) == 16);

struct ItemPlace {
  std::uint64_t order;
  Item* item;
};
// Probes: an order and a member; an order alone; a member alone, where all scores are the same (ranges by name).
struct MemberProbe {
  std::uint64_t order;
  std::string_view member;
};
struct OrderProbe {
  std::uint64_t order;
};
struct NameProbe {
  std::string_view member;
};

struct ItemTraits {
  using Key = ItemPlace;
  using Value = NoValue;
  static constexpr bool kCounted = true;
  static bool less(const ItemPlace& a, const ItemPlace& b) {
    return a.order != b.order ? a.order < b.order : a.item->member() < b.item->member();
  }
  static bool less(const ItemPlace& a, const MemberProbe& b) {
    return a.order != b.order ? a.order < b.order : a.item->member() < b.member;
  }
  static bool less(const MemberProbe& a, const ItemPlace& b) {
    return a.order != b.order ? a.order < b.order : a.member < b.item->member();
  }
  static bool less(const ItemPlace& a, OrderProbe b) { return a.order < b.order; }
  static bool less(OrderProbe a, const ItemPlace& b) { return a.order < b.order; }
  static bool less(const ItemPlace& a, const NameProbe& b) { return a.item->member() < b.member; }
  static bool less(const NameProbe& a, const ItemPlace& b) { return a.member < b.item->member(); }
};
using ItemTree = BTree<ItemTraits>;

// A score's bits so that they sort as the scores do. -0.0 counts as 0.0; a score is never NaN.
inline std::uint64_t scoreOrder(double score) {
  const auto bits = std::bit_cast<std::uint64_t>(score == 0 ? 0.0 : score);
  return (bits >> 63) != 0 ? ~bits : bits | (std::uint64_t{1} << 63);
}

// Changes take the WriteContext of whoever owns this version: the live store's, or a private copy's.
class Large {
 public:
  Large(ObjectType type, std::uint64_t hash_seed) : type_(type), hash_seed_(hash_seed) {}
  // A version of its own that shares everything so far.
  Large(const Large&) = default;
  Large& operator=(const Large&) = delete;

  [[nodiscard]] std::size_t size() const { return by_order_.size(); }
  [[nodiscard]] const ItemTree& byOrder() const { return by_order_; }  // list: by position; else by member
  [[nodiscard]] const ItemTree& byScore() const { return by_score_; }  // sorted sets
  // Bytes of items and, estimated, nodes.
  [[nodiscard]] std::size_t memoryBytes() const {
    return sizeof(Large) + item_bytes_ + (by_order_.size() + by_score_.size()) * kBytesPerPlace;
  }

  // An element behind the others, as a packed collection of this type has it.
  void add(const Element& element, const WriteContext& context);

  // By member: hashes, sets, sorted sets.
  [[nodiscard]] const Item* find(std::string_view member) const;
  // Sets the value (a hash's) or the score; returns whether the member is new.
  bool put(std::string_view member, std::string_view value, const WriteContext& context);
  bool putScore(std::string_view member, double score, const WriteContext& context);
  bool erase(std::string_view member, const WriteContext& context);

  // By position: lists. Positions are within bounds.
  [[nodiscard]] const Item* at(std::size_t index) const;
  void push(bool right, std::string_view value, const WriteContext& context);
  void insertAt(std::size_t index, std::string_view value, const WriteContext& context);
  void replaceAt(std::size_t index, std::string_view value, const WriteContext& context);
  void eraseAt(std::size_t index, const WriteContext& context);

  // Frees all items and nodes of this version, which is the last that holds them; then the object is empty.
  void destroyContent();
  void verify() const;

  [[nodiscard]] std::uint64_t memberOrder(std::string_view member) const;

 private:
  static constexpr std::uint64_t kListMiddle = std::uint64_t{1} << 63;
  static constexpr std::uint64_t kListGap = std::uint64_t{1} << 20;
  static constexpr std::size_t kBytesPerPlace = 24;  // 16, in nodes that are two thirds full

  Item* create(std::string_view member, std::string_view value, const WriteContext& context);
  void retire(Item* item, const WriteContext& context);
  static void freeItem(Stamped* object);
  static std::size_t bytesOf(const Item& item);
  static bool isRoomFor(const Item& item, std::size_t bytes);
  void renumber(const WriteContext& context);

  ObjectType type_;
  std::uint64_t hash_seed_;
  std::size_t item_bytes_ = 0;
  ItemTree by_order_;
  ItemTree by_score_;
};

}  // namespace trefoil::kv
