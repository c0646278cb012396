// BTree: a B+tree whose nodes are copied when an open snapshot can see them, and changed in place when none can.
//
//   inner  | born | count level | separators k1 k2 …        | children c0 c1 c2 …   | counts n0 n1 n2 … (if Traits::kCounted) |
//   leaf   | born | count level | keys …                    | values …              |                        1 KB each
//
//              [   30      70   ]             separator ki = the smallest key below child ci
//             /       |       \               children may lie anywhere: no sibling links, no parent links
//       [10 20]   [30 40 55]   [70 90]
//
// A BTree object is its root: {node, height, size}, trivially copyable. Copying it while a snapshot is registered takes a
// snapshot of the whole tree in O(1): later changes with a WriteContext (versions.hpp) copy the path from the root to the leaf
// once, retire the old nodes, and leave everything that the old root reaches as it was. So nothing but whole versions exists, and
// a reader of a snapshot needs no lock.
//
// Invariants (checked by verify()):
//  1. Keys ascend strictly. Separators are exact: each is the smallest key of the subtree to its right, so a separator never
//     outlives the entry that it copies (keys may point to bytes that the tree's owner frees when the entry is erased).
//  2. All leaves have the same depth. Every node but the root and those on the right edge is at least a third full: erase merges
//     or evens out with a neighbour; a split at the right edge leaves the left node full, for keys that arrive in order.
//  3. counts[i] is the number of entries below child i.
//  4. If a node is writable (born >= writable_from) so are its ancestors.
//  5. int64 keys: unused places hold INT64_MAX, so that the search needs no bounds: it adds up comparisons and has no branch.
//
// Traits:
//   Key, Value        trivially copyable; NoValue for a set
//   kCounted          whether rank() and select() exist
//   less(a, b)        strict order between keys, and between keys and probes in both directions (a probe is any type that the
//                     traits can compare with a key: a string_view, a prefix, …)
//
// Ownership: the tree owns its nodes, not what keys and values point to. There is no destructor, as a BTree is only a root:
// destroy() frees all nodes at once, clear() retires them.
// Thread safety: writers alone; readers of the live root under the owner's lock, readers of a snapshot's root freely.
// Source: R. Bayer, K. Unterauer, "Prefix B-Trees" (separators); O. Rodeh, "B-trees, Shadowing, and Clones", 2008 (copying).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/node_pool.hpp"
#include "base/query_memory.hpp"
#include "base/versions.hpp"

namespace trefoil {

// The value of a tree that is a set.
struct NoValue {
  bool operator==(const NoValue&) const = default;
};

// Unique int64 keys: primary keys, row numbers.
template <typename ValueType>
struct Int64Traits {
  using Key = std::int64_t;
  using Value = ValueType;
  static constexpr bool kCounted = false;
  static bool less(Key a, Key b) { return a < b; }
};

namespace btree_detail {

struct Node : Stamped {
  std::uint16_t count;  // entries of a leaf, children of an inner node
  std::uint16_t level;  // 0: leaf
};
static_assert(sizeof(Node) == 16);

// `count` places, none of them taking room if T is empty.
template <typename T, std::size_t N>
struct Places {
  T items[N];
  T& operator[](std::size_t i) { return items[i]; }
  const T& operator[](std::size_t i) const { return items[i]; }
};
template <std::size_t N>
struct Places<NoValue, N> {
  NoValue nothing;
  NoValue& operator[](std::size_t) { return nothing; }
  const NoValue& operator[](std::size_t) const { return nothing; }
};

// The number of places for entries of `entry` bytes. With int64 keys a multiple of 8, plus 7: the shape the search wants.
constexpr std::size_t capacityFor(std::size_t entry, std::size_t reserved, bool padded) {
  const std::size_t fitting = (node_pool::kBlockBytes - sizeof(Node) - reserved) / entry;
  return padded ? (fitting + 1) / 8 * 8 - 1 : fitting;
}

}  // namespace btree_detail

template <typename Traits>
class BTree {
 public:
  using Key = typename Traits::Key;
  using Value = typename Traits::Value;
  static constexpr bool kCounted = Traits::kCounted;
  static constexpr std::size_t kMaxHeight = 16;  // a third of the smallest fan-out to this power is beyond any memory
  static_assert(std::is_trivially_copyable_v<Key> && std::is_trivially_copyable_v<Value>);

 private:
  using Node = btree_detail::Node;
  static constexpr bool kPadded = std::is_same_v<Key, std::int64_t>;
  static constexpr std::size_t kValueBytes = std::is_same_v<Value, NoValue> ? 0 : sizeof(Value);
  static constexpr std::size_t kLeafCapacity =
      btree_detail::capacityFor(sizeof(Key) + kValueBytes, kValueBytes == 0 ? 8 : 0, kPadded);
  static constexpr std::size_t kInnerCapacity =
      btree_detail::capacityFor(sizeof(Key) + sizeof(void*) + (kCounted ? sizeof(std::uint64_t) : 0), 0, kPadded);
  static constexpr std::size_t kLeafMinimum = kLeafCapacity / 3;
  static constexpr std::size_t kInnerMinimum = kInnerCapacity / 3;

  struct Leaf : Node {
    Key keys[kLeafCapacity];
    btree_detail::Places<Value, kLeafCapacity> values;
  };
  struct Inner : Node {
    Key keys[kInnerCapacity];  // keys[i] separates children[i] and children[i + 1]: count - 1 are in use
    Node* children[kInnerCapacity];
    std::uint64_t counts[kCounted ? kInnerCapacity : 1];
  };
  static constexpr std::size_t kInnerBytes = sizeof(Inner) - (kCounted ? 0 : sizeof(std::uint64_t));
  static_assert(sizeof(Leaf) <= node_pool::kBlockBytes && kInnerBytes <= node_pool::kBlockBytes);
  static_assert(kLeafCapacity >= 8 && kInnerCapacity >= 8, "keys and values are too large for a node");

  // The way from the root to a leaf: inner nodes and the child taken in each.
  struct Path {
    Inner* nodes[kMaxHeight];
    std::uint16_t taken[kMaxHeight];
    std::size_t depth = 0;  // inner nodes on the way
    Leaf* leaf = nullptr;
    bool right_edge = true;
  };

 public:
  // ------------------------------------------------------------------------------------------------------------------ reading

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint32_t height() const { return height_; }
  // Whether this is the same version of the same tree as `other`: nothing was changed between them.
  [[nodiscard]] bool sameRoot(const BTree& other) const { return node_ == other.node_ && size_ == other.size_; }
  // The root node's address, for comparing versions.
  [[nodiscard]] const Stamped* rootNode() const { return node_; }

  // The value at `probe`, null if there is none. Good until the tree is changed (for ever in a snapshot's tree).
  template <typename Probe>
  [[nodiscard]] const Value* find(const Probe& probe) const {
    if (node_ == nullptr) {
      return nullptr;
    }
    const Leaf* leaf = descend(probe);
    const std::size_t at = lowerIndex<kLeafCapacity>(leaf->keys, leaf->count, probe);
    return at < leaf->count && !Traits::less(probe, leaf->keys[at]) ? &leaf->values[at] : nullptr;
  }
  template <typename Probe>
  [[nodiscard]] bool contains(const Probe& probe) const {
    return find(probe) != nullptr;
  }

  // A place in one version of the tree. Becomes meaningless when that version is changed.
  class Cursor {
   public:
    [[nodiscard]] bool valid() const { return leaf_ != nullptr; }
    [[nodiscard]] const Key& key() const { return leaf_->keys[at_]; }
    [[nodiscard]] const Value& value() const { return leaf_->values[at_]; }
    // To the next larger or smaller entry; invalid past the ends.
    void next() {
      TREFOIL_DEBUG_ASSERT(valid());
      if (++at_ >= leaf_->count) {
        climbRight();
      }
    }
    void previous() {
      TREFOIL_DEBUG_ASSERT(valid());
      if (at_ == 0) {
        climbLeft();
      } else {
        --at_;
      }
    }

   private:
    friend class BTree;
    void climbRight();
    void climbLeft();
    const Inner* nodes_[kMaxHeight];
    std::uint16_t taken_[kMaxHeight];
    std::size_t depth_ = 0;
    const Leaf* leaf_ = nullptr;
    std::size_t at_ = 0;
  };

  [[nodiscard]] Cursor first() const { return edge(false); }
  [[nodiscard]] Cursor last() const { return edge(true); }
  // The first entry that is not less than the probe.
  template <typename Probe>
  [[nodiscard]] Cursor lowerBound(const Probe& probe) const {
    return seek<false>(probe);
  }
  // The first entry that is greater than the probe.
  template <typename Probe>
  [[nodiscard]] Cursor upperBound(const Probe& probe) const {
    return seek<true>(probe);
  }
  // The last entry that is less than the probe: where a descending scan of "< probe" begins.
  template <typename Probe>
  [[nodiscard]] Cursor lastBelow(const Probe& probe) const {
    return before(lowerBound(probe));
  }
  // The last entry that is not greater than the probe: where a descending scan of "<= probe" begins.
  template <typename Probe>
  [[nodiscard]] Cursor lastAtMost(const Probe& probe) const {
    return before(upperBound(probe));
  }

  // The number of entries that are less than the probe.
  template <typename Probe>
  [[nodiscard]] std::uint64_t rank(const Probe& probe) const;  // needs Traits::kCounted
  // The entry with `rank` smaller ones before it; invalid if there are not that many.
  [[nodiscard]] Cursor select(std::uint64_t rank) const;  // needs Traits::kCounted

  // ------------------------------------------------------------------------------------------------------------------ writing

  struct InsertResult {
    bool inserted;       // false: the key was there, and nothing was changed
    const Value* value;  // of the new or the existing entry
  };
  InsertResult insert(const Key& key, const Value& value, const WriteContext& context);
  // Puts entries behind the last one, each greater than all before it: nothing is searched for, and leaves are full. Nobody else
  // changes the tree meanwhile.
  class Appender {
   public:
    Appender(BTree& tree, const WriteContext& context) : tree_(tree), context_(context) {}
    void append(const Key& key, const Value& value) {
      static_assert(!kCounted);
      if (leaf_ != nullptr && leaf_->count < kLeafCapacity) {
        insertEntry(*leaf_, leaf_->count, key, value);
        ++tree_.size_;
        return;
      }
      tree_.insert(key, value, context_);
      leaf_ = const_cast<Leaf*>(tree_.last().leaf_);
    }

   private:
    BTree& tree_;
    const WriteContext& context_;
    Leaf* leaf_ = nullptr;  // the last one, writable
  };
  // The value at `probe` for writing in place; null if there is none. Good until the next change of the tree or snapshot.
  template <typename Probe>
  Value* findForUpdate(const Probe& probe, const WriteContext& context);

  struct Entry {
    Key key;
    Value value;
  };
  // Removes an entry and hands it out: its owner retires what it points to.
  template <typename Probe>
  std::optional<Entry> erase(const Probe& probe, const WriteContext& context);
  // Retires all nodes and leaves an empty tree.
  void clear(const WriteContext& context);
  // Frees all nodes at once and leaves an empty tree: nobody else may see any of them.
  void destroy();

  // What two versions of one tree have not in common: nodes of `before` that are not in `after`, and the other way round; parents
  // before their children. Costs what differs.
  struct Difference {
    std::vector<btree_detail::Node*> gone;
    std::vector<btree_detail::Node*> fresh;
  };
  static Difference difference(const BTree& before, const BTree& after);
  // This tree is a private copy made from `before` of such a difference, and moves on to `after`: what it shares with `before`
  // alone, it gets as its own; what only `after` has, it replaces. Entries stay as they are.
  void moveOn(const Difference& difference, const WriteContext& context);
  // Calls function(key) for the entries of a leaf; of an inner node there are none.
  template <typename Function>
  static void forEachKey(const btree_detail::Node& node, Function&& function) {
    for (std::size_t i = 0; node.level == 0 && i < node.count; ++i) {
      function(asLeaf(&node).keys[i]);
    }
  }

  // Checks the invariants; asserts on failure. For tests: reads everything.
  void verify() const;
  // Nodes of this version. For tests and memory accounts; reads the inner nodes.
  [[nodiscard]] std::size_t nodeCount() const { return node_ == nullptr ? 0 : countNodes(node_); }
  static constexpr std::size_t kNodeBytes = node_pool::kBlockBytes;

 private:
  // ---------------------------------------------------------------------------------------------------------- search in a node

  // How many of the first keys are less than the probe. int64: N is 8m + 7, so m samples (the last of each group of 8) choose the
  // group and 7 comparisons the place in it; all of them independent, and a node's cache lines are fetched side by side.
  template <std::size_t N, typename Probe>
  static std::size_t lowerIndex(const Key* keys, std::size_t count, const Probe& probe) {
    if constexpr (kPadded && std::is_convertible_v<Probe, std::int64_t>) {
      const std::int64_t wanted = probe;
      const std::size_t group = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return (std::size_t{keys[I * 8 + 7] < wanted} + ... + 0);
      }
      (std::make_index_sequence<N / 8>());
      const Key* from = keys + group * 8;
      const std::size_t in_group = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return (std::size_t{from[I] < wanted} + ... + 0);
      }
      (std::make_index_sequence<7>());
      (void)count;  // the padding is never less than a probe
      return group * 8 + in_group;
    } else {
      const Key* base = keys;
      std::size_t length = count;
      while (length > 1) {
        const std::size_t half = length / 2;
        base = Traits::less(base[half - 1], probe) ? base + half : base;
        length -= half;
      }
      return static_cast<std::size_t>(base - keys) + (length == 1 && Traits::less(*base, probe) ? 1 : 0);
    }
  }
  // How many of the first keys are not greater than the probe (a probe may be equal to several keys: a prefix).
  template <std::size_t N, typename Probe>
  static std::size_t upperIndex(const Key* keys, std::size_t count, const Probe& probe) {
    if constexpr (kPadded && std::is_convertible_v<Probe, std::int64_t>) {
      const std::size_t at = lowerIndex<N>(keys, count, probe);
      return at + (at < count && keys[at] == probe ? 1 : 0);
    } else {
      return static_cast<std::size_t>(
          std::upper_bound(keys, keys + count, probe, [](const Probe& p, const Key& key) { return Traits::less(p, key); }) -
          keys);
    }
  }
  // The child of `inner` in which the first key not less than the probe is, if there is one.
  template <typename Probe>
  static std::size_t childIndex(const Inner& inner, const Probe& probe) {
    const std::size_t separators = inner.count - 1U;
    const std::size_t at = lowerIndex<kInnerCapacity>(inner.keys, separators, probe);
    return at + (at < separators && !Traits::less(probe, inner.keys[at]) ? 1 : 0);
  }

  static const Inner& asInner(const Node* node) { return *static_cast<const Inner*>(node); }
  static const Leaf& asLeaf(const Node* node) { return *static_cast<const Leaf*>(node); }

  // All lines of a node, side by side: cheaper than to wait for the key before asking for the value.
  static void prefetch(const Node* node) {
    const char* bytes = reinterpret_cast<const char*>(node);
    for (std::size_t line = 0; line < 16; ++line) {
      __builtin_prefetch(bytes + line * 64);
    }
  }

  template <typename Probe>
  const Leaf* descend(const Probe& probe) const {
    const Node* node = node_;
    for (std::uint32_t level = height_; level > 1; --level) {
      const Inner& inner = asInner(node);
      node = inner.children[childIndex(inner, probe)];
      if (level <= 3) {
        prefetch(node);
      }
    }
    return &asLeaf(node);
  }

  // The way to where `key` is or belongs. Keys that arrive in order find the right edge with one comparison a level.
  template <typename Probe>
  void findPath(const Probe& probe, Path& path) const {
    Node* node = node_;
    for (std::uint32_t level = height_; level > 1; --level) {
      auto* inner = static_cast<Inner*>(node);
      const std::size_t separators = inner->count - 1U;
      const bool last = separators == 0 || !Traits::less(probe, inner->keys[separators - 1]);
      const std::size_t taken = last ? separators : childIndex(*inner, probe);
      path.right_edge &= last;
      path.nodes[path.depth] = inner;
      path.taken[path.depth++] = static_cast<std::uint16_t>(taken);
      node = inner->children[taken];
      if (level <= 3) {
        prefetch(node);
      }
    }
    path.leaf = static_cast<Leaf*>(node);
  }

  Cursor edge(bool right) const;
  template <bool kUpper, typename Probe>
  Cursor seek(const Probe& probe) const;
  Cursor before(Cursor cursor) const {
    if (!cursor.valid()) {
      return last();
    }
    cursor.previous();
    return cursor;
  }

  // ------------------------------------------------------------------------------------------------------- nodes and their life

  // Traits say which leaf of the account the nodes belong to, unless whoever owns the tree counts them.
  static void count([[maybe_unused]] std::int64_t bytes) {
    if constexpr (requires { Traits::kMemoryLeaf; }) {
      MemoryAccount::add(Traits::kMemoryLeaf, bytes);
    }
  }
  static void* allocateNode() {
    if constexpr (requires { Traits::kMemoryLeaf; }) {
      QueryMemory::admitGrowth();
    }
    void* const memory = node_pool::allocate();
    count(kNodeBytes);
    return memory;
  }
  static void freeNode(Stamped* object) {
    count(-static_cast<std::int64_t>(kNodeBytes));
    node_pool::release(static_cast<Node*>(object));
  }

  template <typename T>
  static T* newNode(std::size_t level, const WriteContext& context) {
    auto* node = static_cast<T*>(allocateNode());
    node->count = 0;
    node->level = static_cast<std::uint16_t>(level);
    pad(node->keys, 0, std::size(node->keys));
    context.created(*node, &freeNode);
    return node;
  }
  static void pad(Key* keys, std::size_t from, std::size_t to) {
    if constexpr (kPadded) {
      std::fill(keys + from, keys + to, std::numeric_limits<std::int64_t>::max());
    } else {
      (void)keys, (void)from, (void)to;
    }
  }
  // `node` itself if it may be changed, else a copy of it; then the caller stores the address in the parent.
  static Node* writable(Node* node, const WriteContext& context) {
    if (context.isWritable(*node)) {
      return node;
    }
    auto* copy = static_cast<Node*>(allocateNode());
    std::memcpy(static_cast<void*>(copy), node, node_pool::kBlockBytes);
    context.created(*copy, &freeNode);
    context.retire(*node, &freeNode);
    return copy;
  }
  void makeWritable(Path& path, const WriteContext& context) {
    if (context.isWritable(*path.leaf)) {  // and with it all above it: invariant 4
      return;
    }
    Node** link = &node_;
    for (std::size_t i = 0; i < path.depth; ++i) {
      path.nodes[i] = static_cast<Inner*>(writable(*link, context));
      *link = path.nodes[i];
      link = &path.nodes[i]->children[path.taken[i]];
    }
    path.leaf = static_cast<Leaf*>(writable(*link, context));
    *link = path.leaf;
  }

  static std::uint64_t subtreeSize(const Node* node) {
    if (node->level == 0) {
      return node->count;
    }
    std::uint64_t size = 0;
    if constexpr (kCounted) {
      for (std::size_t i = 0; i < node->count; ++i) {
        size += asInner(node).counts[i];
      }
    }
    return size;
  }
  static void addToCounts(const Path& path, std::int64_t difference) {
    if constexpr (kCounted) {
      for (std::size_t i = 0; i < path.depth; ++i) {
        path.nodes[i]->counts[path.taken[i]] += static_cast<std::uint64_t>(difference);
      }
    } else {
      (void)path, (void)difference;
    }
  }

  // ------------------------------------------------------------------------------------------------------ changing single nodes

  static void insertEntry(Leaf& leaf, std::size_t at, const Key& key, const Value& value) {
    const std::size_t behind = leaf.count - at;
    std::memmove(static_cast<void*>(leaf.keys + at + 1), leaf.keys + at, behind * sizeof(Key));
    leaf.keys[at] = key;
    if constexpr (kValueBytes != 0) {
      std::memmove(static_cast<void*>(leaf.values.items + at + 1), leaf.values.items + at, behind * sizeof(Value));
      leaf.values[at] = value;
    } else {
      (void)value;
    }
    ++leaf.count;
  }
  static void removeEntry(Leaf& leaf, std::size_t at) {
    const std::size_t behind = leaf.count - at - 1;
    std::memmove(static_cast<void*>(leaf.keys + at), leaf.keys + at + 1, behind * sizeof(Key));
    if constexpr (kValueBytes != 0) {
      std::memmove(static_cast<void*>(leaf.values.items + at), leaf.values.items + at + 1, behind * sizeof(Value));
    }
    --leaf.count;
    pad(leaf.keys, leaf.count, leaf.count + 1U);
  }
  // Appends entries [from, to) of `source`.
  static void appendEntries(Leaf& target, const Leaf& source, std::size_t from, std::size_t to) {
    std::memcpy(static_cast<void*>(target.keys + target.count), source.keys + from, (to - from) * sizeof(Key));
    if constexpr (kValueBytes != 0) {
      std::memcpy(static_cast<void*>(target.values.items + target.count), source.values.items + from,
                  (to - from) * sizeof(Value));
    }
    target.count = static_cast<std::uint16_t>(target.count + (to - from));
  }
  static void truncateLeaf(Leaf& leaf, std::size_t count) {
    pad(leaf.keys, count, leaf.count);
    leaf.count = static_cast<std::uint16_t>(count);
  }

  // Puts `child` at place `at` (at least 1), behind `separator`.
  static void insertChild(Inner& inner, std::size_t at, const Key& separator, Node* child) {
    TREFOIL_DEBUG_ASSERT(at >= 1 && at <= inner.count && inner.count < kInnerCapacity);
    const std::size_t behind = inner.count - at;
    std::memmove(static_cast<void*>(inner.keys + at), inner.keys + at - 1, behind * sizeof(Key));
    std::memmove(inner.children + at + 1, inner.children + at, behind * sizeof(Node*));
    inner.keys[at - 1] = separator;
    inner.children[at] = child;
    if constexpr (kCounted) {
      std::memmove(inner.counts + at + 1, inner.counts + at, behind * sizeof(std::uint64_t));
      inner.counts[at] = subtreeSize(child);
    }
    ++inner.count;
  }
  // Takes out child `at` and the separator next to it.
  static void removeChild(Inner& inner, std::size_t at) {
    const std::size_t behind = inner.count - at - 1;
    const std::size_t separator = at == 0 ? 0 : at - 1;
    const std::size_t separators = inner.count - 1U;
    if (separators != 0) {
      std::memmove(static_cast<void*>(inner.keys + separator), inner.keys + separator + 1,
                   (separators - separator - 1) * sizeof(Key));
      pad(inner.keys, separators - 1, separators);
    }
    std::memmove(inner.children + at, inner.children + at + 1, behind * sizeof(Node*));
    if constexpr (kCounted) {
      std::memmove(inner.counts + at, inner.counts + at + 1, behind * sizeof(std::uint64_t));
    }
    --inner.count;
  }
  // Moves children [from, count) of `source` to the empty `target`; the separator between the two is returned.
  static Key splitInner(Inner& source, Inner& target, std::size_t from) {
    const std::size_t moved = source.count - from;
    const Key separator = source.keys[from - 1];
    std::memcpy(static_cast<void*>(target.keys), source.keys + from, (moved - 1) * sizeof(Key));
    std::memcpy(target.children, source.children + from, moved * sizeof(Node*));
    if constexpr (kCounted) {
      std::memcpy(target.counts, source.counts + from, moved * sizeof(std::uint64_t));
    }
    target.count = static_cast<std::uint16_t>(moved);
    pad(source.keys, from - 1, source.count - 1U);
    source.count = static_cast<std::uint16_t>(from);
    return separator;
  }
  // Appends all children of `source`, behind `separator`.
  static void appendChildren(Inner& target, const Key& separator, const Inner& source) {
    std::memcpy(static_cast<void*>(target.keys + target.count), source.keys, (source.count - 1U) * sizeof(Key));
    target.keys[target.count - 1U] = separator;
    std::memcpy(target.children + target.count, source.children, source.count * sizeof(Node*));
    if constexpr (kCounted) {
      std::memcpy(target.counts + target.count, source.counts, source.count * sizeof(std::uint64_t));
    }
    target.count = static_cast<std::uint16_t>(target.count + source.count);
  }

  // ------------------------------------------------------------------------------------------------------------ rebalancing

  const Value* splitLeaf(Path& path, std::size_t at, const Key& key, const Value& value, const WriteContext& context);
  void insertIntoParents(Path& path, Key separator, Node* right, const WriteContext& context);
  // The smallest key below path.nodes[depth]'s taken child is now `smallest`: corrects the one separator that copies it.
  static void setSeparator(Path& path, std::size_t depth, const Key& smallest) {
    for (std::size_t i = depth; i-- > 0;) {
      if (path.taken[i] > 0) {
        path.nodes[i]->keys[path.taken[i] - 1U] = smallest;
        return;
      }
    }
  }
  void rebalance(Path& path, const WriteContext& context);
  static void evenOut(Inner& parent, std::size_t left, const WriteContext& context);
  static void evenOutLeaves(Inner& parent, std::size_t left, Leaf& a, Leaf& b, const WriteContext& context);
  static void evenOutInners(Inner& parent, std::size_t left, Inner& a, Inner& b, const WriteContext& context);
  void shrinkRoot(const WriteContext& context);

  static void dropCommon(std::vector<Node*>& a, std::vector<Node*>& b);
  static void retireTree(Node* node, const WriteContext* context);
  static std::size_t countNodes(const Node* node);
  struct Checked {
    std::uint64_t size;
    Key smallest;
    Key largest;
  };
  Checked verifyNode(const Node* node, bool is_root, bool right_edge) const;

  Node* node_ = nullptr;
  std::uint32_t height_ = 0;  // levels; 0: empty
  std::uint64_t size_ = 0;
};

}  // namespace trefoil

#include "base/btree_impl.hpp"
