// IndexTree: one index of a table, key → row id, on base's copying B+tree. Three shapes, chosen by the index's columns:
//
//   kIntUnique   unique, one column of bool, integer, timestamp or date:  int64 → row id
//   kIntMulti    the same, not unique:                                    (int64, row id)
//   kBytes       anything else:                                           (memcomparable bytes, row id)
//
// The int shapes leave out rows whose key is NULL. kBytes has all rows; its keys are the columns' values encoded so that bytewise
// order is the order of the values and no key is the beginning of another:
//
//   value := 1, payload | 2 (NULL: after every value)
//   int64-like         8 bytes big-endian, sign bit flipped
//   double             8 bytes big-endian, all bits flipped if negative, else the sign bit; -0.0 is stored as 0.0, every NaN as
//                      the one that sorts last
//   text, blob, json   bytes, with 0 as 0 255, then 0 1
//
// A BytesKey holds the first 8 bytes as a number, which decides most comparisons, and the address of the rest (null if there is
// none; since no key begins another, the zeros that fill up a short one never matter). The rest is a Stamped object of the
// tree's.
//
// Thread safety: as the B+tree.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "base/btree.hpp"
#include "base/memory_account.hpp"
#include "base/value.hpp"
#include "sql/storage/row_id.hpp"

namespace trefoil::sql {

enum class IndexKind : std::uint8_t { kIntUnique, kIntMulti, kBytes };

struct IntUniqueTraits : Int64Traits<std::uint64_t> {
  static constexpr MemoryLeaf kMemoryLeaf = MemoryLeaf::kIndexes;
};
struct IntMultiKey {
  std::int64_t key;
  std::uint64_t row;
};
struct IntMultiTraits {
  static constexpr MemoryLeaf kMemoryLeaf = MemoryLeaf::kIndexes;
  using Key = IntMultiKey;
  using Value = NoValue;
  static constexpr bool kCounted = false;
  static bool less(const Key& a, const Key& b) { return a.key != b.key ? a.key < b.key : a.row < b.row; }
};

// What is behind the first 8 bytes of a key.
struct KeyTail : Stamped {
  std::uint32_t size;
  std::uint32_t unused;
  [[nodiscard]] std::string_view view() const { return {reinterpret_cast<const char*>(this + 1), size}; }
};
struct BytesKey {
  std::uint64_t prefix;  // the first 8 bytes, big-endian, filled up with zeros
  const KeyTail* tail;   // null: there are no more
  std::uint64_t row;
};
// A key to look for; its bytes are borrowed. `whole` false: equal to all keys that begin with it.
struct KeyProbe {
  explicit KeyProbe(std::string_view bytes_in, bool whole_in, std::uint64_t row_in = 0);
  std::string_view bytes;
  std::uint64_t prefix;
  std::uint64_t row;
  bool whole;
};
struct BytesTraits {
  static constexpr MemoryLeaf kMemoryLeaf = MemoryLeaf::kIndexes;
  using Key = BytesKey;
  using Value = NoValue;
  static constexpr bool kCounted = false;
  static bool less(const Key& a, const Key& b) { return a.prefix != b.prefix ? a.prefix < b.prefix : compareTails(a, b) < 0; }
  static bool less(const Key& a, const KeyProbe& b) { return compare(a, b) < 0; }
  static bool less(const KeyProbe& a, const Key& b) { return compare(b, a) > 0; }
  static int compare(const Key& key, const KeyProbe& probe);
  static bool sameBytes(const Key& a, const Key& b);

 private:
  static int compareTails(const Key& a, const Key& b);
};

// Appends one value of a key.
void appendKey(std::string& key, const Datum& value);

// An index entry's key for the int shapes, or the encoded bytes. Reused between rows: no allocation once it has grown.
struct IndexKey {
  bool omitted = false;   // int shapes: the key is NULL, so there is no entry
  bool has_null = false;  // such keys are never equal to another
  std::int64_t integer = 0;
  std::string bytes;
};

// Bounds of a walk in the shape of the tree.
struct IndexBounds {
  // int shapes: a closed interval. kBytes: probes; empty text for none.
  std::int64_t low = INT64_MIN;
  std::int64_t high = INT64_MAX;
  bool empty = false;
  std::string lower, upper;
  bool lower_inclusive = true, upper_inclusive = true;
  bool descending = false;
};

class IndexWalk {
 public:
  // Fills `out` with row ids in order, returns how many; 0 at the end.
  std::size_t next(std::span<RowId> out);

 private:
  friend class IndexTree;
  template <typename Cursor, typename Inside, typename Row>
  std::size_t collect(Cursor& cursor, std::span<RowId> out, Inside&& inside, Row&& row);

  IndexKind kind_ = IndexKind::kIntUnique;
  IndexBounds bounds_;
  BTree<IntUniqueTraits>::Cursor int_unique_;
  BTree<IntMultiTraits>::Cursor int_multi_;
  BTree<BytesTraits>::Cursor bytes_;
};

// Copying an IndexTree copies its root: a version of the index.
class IndexTree {
 public:
  explicit IndexTree(IndexKind kind, bool unique) : kind_(kind), unique_(unique) {}
  // The shape for an index over columns of these types.
  static IndexKind kindFor(std::span<const Type> types, bool unique);

  [[nodiscard]] IndexKind kind() const { return kind_; }
  [[nodiscard]] bool unique() const { return unique_; }
  [[nodiscard]] bool omitsNulls() const { return kind_ != IndexKind::kBytes; }
  [[nodiscard]] std::uint64_t entries() const;
  [[nodiscard]] bool sameRoot(const IndexTree& other) const;

  // Puts the key of these values into `key`, in this tree's shape.
  void makeKey(std::span<const Datum> values, IndexKey& key) const;
  // The row with this key, if the key has no NULL. For a unique index there is at most one; else it is the first one.
  [[nodiscard]] std::optional<RowId> find(const IndexKey& key) const;
  // A single integer's fast way.
  [[nodiscard]] std::optional<RowId> findInt(std::int64_t key) const {
    TREFOIL_DEBUG_ASSERT(kind_ == IndexKind::kIntUnique);
    const std::uint64_t* row = int_unique_.find(key);
    return row == nullptr ? std::nullopt : std::optional<RowId>(static_cast<RowId>(*row));
  }
  // False, and nothing changed, if the index is unique and has the key.
  bool insert(const IndexKey& key, RowId row, const WriteContext& context);
  void erase(const IndexKey& key, RowId row, const WriteContext& context);
  // Whether the entry is there. For verify().
  [[nodiscard]] bool contains(const IndexKey& key, RowId row) const;

  [[nodiscard]] IndexWalk walk(IndexBounds bounds) const;

  // An entry by itself, of any shape, in the order of the tree: what an index is built from (an int's bytes are its prefix). Its
  // tail is a new object, which load() makes the tree's and dropEntry() frees. Not for keys that are omitted.
  [[nodiscard]] BytesKey makeEntry(const IndexKey& key, RowId row, const WriteContext& context) const;
  static void dropEntry(const BytesKey& entry);
  static bool less(const BytesKey& a, const BytesKey& b) { return BytesTraits::less(a, b); }
  static bool sameKey(const BytesKey& a, const BytesKey& b) { return BytesTraits::sameBytes(a, b); }
  // Fills the empty tree with entries in ascending order; `next` hands out one after the other, null at the end.
  template <typename Next>
  void load(Next&& next, const WriteContext& context);

  // This tree is a private copy made from `before`, and moves on to a later version of that: see BTree::moveOn. What is in
  // `before` and not in `after` is added to `gone`. Rows whose keys have such tails are added to `rows`: if this tree has an
  // entry for them, it must be erased and put in again.
  void moveOn(const IndexTree& before, const IndexTree& after, const WriteContext& context,
              std::unordered_set<const Stamped*>& gone, std::vector<RowId>& rows);

  void clear(const WriteContext& context);
  void destroy();
  void verify() const;
  [[nodiscard]] std::size_t memoryBytes() const;

 private:
  IndexKind kind_;
  bool unique_;
  BTree<IntUniqueTraits> int_unique_;
  BTree<IntMultiTraits> int_multi_;
  BTree<BytesTraits> bytes_;
};

template <typename Next>
void IndexTree::load(Next&& next, const WriteContext& context) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  const auto fill = [&](auto& tree, auto&& append) {
    typename std::remove_reference_t<decltype(tree)>::Appender appender(tree, context);
    while (const BytesKey* entry = next()) {
      append(appender, *entry);
    }
  };
  switch (kind_) {
    case IndexKind::kIntUnique:
      return fill(int_unique_,
                  [](auto& to, const BytesKey& entry) { to.append(static_cast<std::int64_t>(entry.prefix ^ kSign), entry.row); });
    case IndexKind::kIntMulti:
      return fill(int_multi_, [](auto& to, const BytesKey& entry) {
        to.append({static_cast<std::int64_t>(entry.prefix ^ kSign), entry.row}, {});
      });
    case IndexKind::kBytes:
      return fill(bytes_, [](auto& to, const BytesKey& entry) { to.append(entry, {}); });
  }
}

}  // namespace trefoil::sql
