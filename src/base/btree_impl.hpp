// BTree's longer functions. Included by btree.hpp only.
#pragma once

#include "base/btree.hpp"

namespace trefoil {

// ---------------------------------------------------------------------------------------------------------------------- cursors

template <typename Traits>
void BTree<Traits>::Cursor::climbRight() {
  for (std::size_t i = depth_; i-- > 0;) {
    if (taken_[i] + 1U < nodes_[i]->count) {
      const Node* node = nodes_[i]->children[++taken_[i]];
      for (std::size_t j = i + 1; j < depth_; ++j) {
        nodes_[j] = &asInner(node);
        taken_[j] = 0;
        node = nodes_[j]->children[0];
      }
      leaf_ = &asLeaf(node);
      at_ = 0;
      return;
    }
  }
  leaf_ = nullptr;
}

template <typename Traits>
void BTree<Traits>::Cursor::climbLeft() {
  for (std::size_t i = depth_; i-- > 0;) {
    if (taken_[i] > 0) {
      const Node* node = nodes_[i]->children[--taken_[i]];
      for (std::size_t j = i + 1; j < depth_; ++j) {
        nodes_[j] = &asInner(node);
        taken_[j] = static_cast<std::uint16_t>(nodes_[j]->count - 1);
        node = nodes_[j]->children[taken_[j]];
      }
      leaf_ = &asLeaf(node);
      at_ = leaf_->count - 1U;
      return;
    }
  }
  leaf_ = nullptr;
}

template <typename Traits>
typename BTree<Traits>::Cursor BTree<Traits>::edge(bool right) const {
  Cursor cursor;
  if (node_ == nullptr) {
    return cursor;
  }
  const Node* node = node_;
  for (std::uint32_t level = height_; level > 1; --level) {
    const Inner& inner = asInner(node);
    const std::size_t taken = right ? inner.count - 1U : 0;
    cursor.nodes_[cursor.depth_] = &inner;
    cursor.taken_[cursor.depth_++] = static_cast<std::uint16_t>(taken);
    node = inner.children[taken];
  }
  cursor.leaf_ = &asLeaf(node);
  cursor.at_ = right ? cursor.leaf_->count - 1U : 0;
  return cursor;
}

// The first entry that is not less (kUpper: greater) than the probe. It is in the child that the descent takes, or else it is the
// first entry behind that child.
template <typename Traits>
template <bool kUpper, typename Probe>
typename BTree<Traits>::Cursor BTree<Traits>::seek(const Probe& probe) const {
  Cursor cursor;
  if (node_ == nullptr) {
    return cursor;
  }
  const Node* node = node_;
  for (std::uint32_t level = height_; level > 1; --level) {
    const Inner& inner = asInner(node);
    std::size_t taken = 0;
    if constexpr (kUpper) {
      taken = upperIndex<kInnerCapacity>(inner.keys, inner.count - 1U, probe);
    } else if constexpr (std::is_same_v<Probe, Key>) {
      taken = childIndex(inner, probe);  // equal to at most one key: the one behind the separator
    } else {
      taken = lowerIndex<kInnerCapacity>(inner.keys, inner.count - 1U, probe);
    }
    cursor.nodes_[cursor.depth_] = &inner;
    cursor.taken_[cursor.depth_++] = static_cast<std::uint16_t>(taken);
    node = inner.children[taken];
    if (level <= 3) {
      prefetch(node);
    }
  }
  cursor.leaf_ = &asLeaf(node);
  cursor.at_ = kUpper ? upperIndex<kLeafCapacity>(cursor.leaf_->keys, cursor.leaf_->count, probe)
                      : lowerIndex<kLeafCapacity>(cursor.leaf_->keys, cursor.leaf_->count, probe);
  if (cursor.at_ >= cursor.leaf_->count) {
    cursor.climbRight();
  }
  return cursor;
}

template <typename Traits>
template <typename Probe>
std::uint64_t BTree<Traits>::rank(const Probe& probe) const {
  static_assert(kCounted);
  if (node_ == nullptr) {
    return 0;
  }
  std::uint64_t rank = 0;
  const Node* node = node_;
  for (std::uint32_t level = height_; level > 1; --level) {
    const Inner& inner = asInner(node);
    const std::size_t taken = lowerIndex<kInnerCapacity>(inner.keys, inner.count - 1U, probe);
    for (std::size_t i = 0; i < taken; ++i) {
      rank += inner.counts[i];
    }
    node = inner.children[taken];
  }
  const Leaf& leaf = asLeaf(node);
  return rank + lowerIndex<kLeafCapacity>(leaf.keys, leaf.count, probe);
}

template <typename Traits>
typename BTree<Traits>::Cursor BTree<Traits>::select(std::uint64_t rank) const {
  static_assert(kCounted);
  Cursor cursor;
  if (rank >= size_) {
    return cursor;
  }
  const Node* node = node_;
  for (std::uint32_t level = height_; level > 1; --level) {
    const Inner& inner = asInner(node);
    std::size_t taken = 0;
    while (rank >= inner.counts[taken]) {
      rank -= inner.counts[taken++];
    }
    cursor.nodes_[cursor.depth_] = &inner;
    cursor.taken_[cursor.depth_++] = static_cast<std::uint16_t>(taken);
    node = inner.children[taken];
  }
  cursor.leaf_ = &asLeaf(node);
  cursor.at_ = rank;
  return cursor;
}

// --------------------------------------------------------------------------------------------------------------------- inserting

template <typename Traits>
typename BTree<Traits>::InsertResult BTree<Traits>::insert(const Key& key, const Value& value, const WriteContext& context) {
  if (node_ == nullptr) {
    auto* leaf = newNode<Leaf>(0, context);
    insertEntry(*leaf, 0, key, value);
    node_ = leaf;
    height_ = 1;
    size_ = 1;
    return {true, &leaf->values[0]};
  }
  Path path;
  findPath(key, path);
  Leaf* leaf = path.leaf;
  std::size_t at = leaf->count;
  if (leaf->count == 0 || !Traits::less(leaf->keys[leaf->count - 1], key)) {
    at = lowerIndex<kLeafCapacity>(leaf->keys, leaf->count, key);
    if (at < leaf->count && !Traits::less(key, leaf->keys[at])) {
      return {false, &leaf->values[at]};
    }
  }
  makeWritable(path, context);
  ++size_;
  addToCounts(path, 1);
  if (path.leaf->count < kLeafCapacity) {
    insertEntry(*path.leaf, at, key, value);
    return {true, &path.leaf->values[at]};
  }
  return {true, splitLeaf(path, at, key, value, context)};
}

template <typename Traits>
const typename BTree<Traits>::Value* BTree<Traits>::splitLeaf(Path& path, std::size_t at, const Key& key, const Value& value,
                                                              const WriteContext& context) {
  Leaf& left = *path.leaf;
  auto* right = newNode<Leaf>(0, context);
  const Value* stored = nullptr;
  if (path.right_edge && at == left.count) {
    insertEntry(*right, 0, key, value);
    stored = &right->values[0];
  } else {
    constexpr std::size_t kMiddle = kLeafCapacity / 2;
    appendEntries(*right, left, kMiddle, left.count);
    truncateLeaf(left, kMiddle);
    const bool in_left = at <= kMiddle;
    Leaf& target = in_left ? left : *right;
    const std::size_t place = in_left ? at : at - kMiddle;
    insertEntry(target, place, key, value);
    stored = &target.values[place];
  }
  insertIntoParents(path, right->keys[0], right, context);
  return stored;
}

// `right` is new, the right neighbour of the node at the end of the path; `separator` is its smallest key.
template <typename Traits>
void BTree<Traits>::insertIntoParents(Path& path, Key separator, Node* right, const WriteContext& context) {
  for (std::size_t i = path.depth; i-- > 0;) {
    Inner& parent = *path.nodes[i];
    std::size_t at = path.taken[i] + 1U;
    if constexpr (kCounted) {
      parent.counts[at - 1] = subtreeSize(parent.children[at - 1]);
    }
    if (parent.count < kInnerCapacity) {
      insertChild(parent, at, separator, right);
      return;
    }
    auto* sibling = newNode<Inner>(parent.level, context);
    if (path.right_edge && at == parent.count) {
      sibling->children[0] = right;
      sibling->count = 1;
      if constexpr (kCounted) {
        sibling->counts[0] = subtreeSize(right);
      }
    } else {
      constexpr std::size_t kMiddle = kInnerCapacity / 2;
      const Key middle = splitInner(parent, *sibling, kMiddle);
      if (at <= kMiddle) {
        insertChild(parent, at, separator, right);
      } else {
        insertChild(*sibling, at - kMiddle, separator, right);
      }
      separator = middle;
    }
    right = sibling;
  }
  auto* root = newNode<Inner>(node_->level + 1U, context);
  root->children[0] = node_;
  root->count = 1;
  if constexpr (kCounted) {
    root->counts[0] = subtreeSize(node_);
  }
  insertChild(*root, 1, separator, right);
  node_ = root;
  ++height_;
  TREFOIL_ASSERT(height_ <= kMaxHeight);
}

template <typename Traits>
template <typename Probe>
typename BTree<Traits>::Value* BTree<Traits>::findForUpdate(const Probe& probe, const WriteContext& context) {
  if (node_ == nullptr) {
    return nullptr;
  }
  Path path;
  findPath(probe, path);
  const std::size_t at = lowerIndex<kLeafCapacity>(path.leaf->keys, path.leaf->count, probe);
  if (at == path.leaf->count || Traits::less(probe, path.leaf->keys[at])) {
    return nullptr;
  }
  makeWritable(path, context);
  return &path.leaf->values[at];
}

// ----------------------------------------------------------------------------------------------------------------------- erasing

template <typename Traits>
template <typename Probe>
std::optional<typename BTree<Traits>::Entry> BTree<Traits>::erase(const Probe& probe, const WriteContext& context) {
  if (node_ == nullptr) {
    return std::nullopt;
  }
  Path path;
  findPath(probe, path);
  const std::size_t at = lowerIndex<kLeafCapacity>(path.leaf->keys, path.leaf->count, probe);
  if (at == path.leaf->count || Traits::less(probe, path.leaf->keys[at])) {
    return std::nullopt;
  }
  makeWritable(path, context);
  const Entry entry{path.leaf->keys[at], path.leaf->values[at]};
  removeEntry(*path.leaf, at);
  --size_;
  addToCounts(path, -1);
  if (at == 0 && path.leaf->count != 0) {
    setSeparator(path, path.depth, path.leaf->keys[0]);
  }
  if (path.leaf->count < kLeafMinimum) {
    rebalance(path, context);
  }
  return entry;
}

// The path's leaf has become too small. Walks up as long as nodes are too small, and shrinks the root at last.
template <typename Traits>
void BTree<Traits>::rebalance(Path& path, const WriteContext& context) {
  Node* node = path.leaf;
  for (std::size_t i = path.depth; i-- > 0;) {
    Inner& parent = *path.nodes[i];
    const std::size_t taken = path.taken[i];
    const std::size_t minimum = node->level == 0 ? kLeafMinimum : kInnerMinimum;
    if (node->count == 0) {
      if (taken == 0 && parent.count > 1) {
        setSeparator(path, i, parent.keys[0]);  // the next child's smallest key is now the subtree's
      }
      context.retire(*node, &freeNode);
      removeChild(parent, taken);
    } else if (node->count < minimum && parent.count > 1) {
      evenOut(parent, taken == 0 ? 0 : taken - 1, context);
    } else {
      break;
    }
    node = &parent;
  }
  shrinkRoot(context);
}

template <typename Traits>
void BTree<Traits>::shrinkRoot(const WriteContext& context) {
  while (node_ != nullptr && (node_->count == 0 || (node_->level > 0 && node_->count == 1))) {
    Node* old = node_;
    node_ = old->count == 0 ? nullptr : static_cast<Inner*>(old)->children[0];
    height_ = node_ == nullptr ? 0 : height_ - 1;
    context.retire(*old, &freeNode);
  }
  TREFOIL_DEBUG_ASSERT((node_ == nullptr) == (size_ == 0));
}

// Children `left` and `left` + 1, one of them too small: puts all into the first if they fit, else half into each.
template <typename Traits>
void BTree<Traits>::evenOut(Inner& parent, std::size_t left, const WriteContext& context) {
  Node* a = writable(parent.children[left], context);
  parent.children[left] = a;
  Node* b = writable(parent.children[left + 1], context);
  parent.children[left + 1] = b;
  if (a->level == 0) {
    evenOutLeaves(parent, left, *static_cast<Leaf*>(a), *static_cast<Leaf*>(b), context);
  } else {
    evenOutInners(parent, left, *static_cast<Inner*>(a), *static_cast<Inner*>(b), context);
  }
  if constexpr (kCounted) {
    parent.counts[left] = subtreeSize(parent.children[left]);
    if (left + 1 < parent.count && parent.children[left + 1] == b) {
      parent.counts[left + 1] = subtreeSize(b);
    }
  }
}

template <typename Traits>
void BTree<Traits>::evenOutLeaves(Inner& parent, std::size_t left, Leaf& a, Leaf& b, const WriteContext& context) {
  const std::size_t total = a.count + b.count;
  if (total <= kLeafCapacity) {
    appendEntries(a, b, 0, b.count);
    context.retire(b, &freeNode);
    removeChild(parent, left + 1);
    return;
  }
  const std::size_t wanted = total / 2;
  if (a.count < wanted) {
    const std::size_t moved = wanted - a.count;
    appendEntries(a, b, 0, moved);
    const std::size_t rest = b.count - moved;
    std::memmove(static_cast<void*>(b.keys), b.keys + moved, rest * sizeof(Key));
    if constexpr (kValueBytes != 0) {
      std::memmove(static_cast<void*>(b.values.items), b.values.items + moved, rest * sizeof(Value));
    }
    truncateLeaf(b, rest);
  } else {
    const std::size_t moved = a.count - wanted;
    std::memmove(static_cast<void*>(b.keys + moved), b.keys, b.count * sizeof(Key));
    std::memcpy(static_cast<void*>(b.keys), a.keys + wanted, moved * sizeof(Key));
    if constexpr (kValueBytes != 0) {
      std::memmove(static_cast<void*>(b.values.items + moved), b.values.items, b.count * sizeof(Value));
      std::memcpy(static_cast<void*>(b.values.items), a.values.items + wanted, moved * sizeof(Value));
    }
    b.count = static_cast<std::uint16_t>(b.count + moved);
    truncateLeaf(a, wanted);
  }
  parent.keys[left] = b.keys[0];
}

template <typename Traits>
void BTree<Traits>::evenOutInners(Inner& parent, std::size_t left, Inner& a, Inner& b, const WriteContext& context) {
  const Key between = parent.keys[left];
  const std::size_t total = a.count + b.count;
  if (total <= kInnerCapacity) {
    appendChildren(a, between, b);
    context.retire(b, &freeNode);
    removeChild(parent, left + 1);
    return;
  }
  const std::size_t wanted = total / 2;
  if (a.count > wanted) {  // the tail of a moves in front of b
    const std::size_t moved = a.count - wanted;
    std::memmove(static_cast<void*>(b.keys + moved), b.keys, (b.count - 1U) * sizeof(Key));
    std::memmove(b.children + moved, b.children, b.count * sizeof(Node*));
    if constexpr (kCounted) {
      std::memmove(b.counts + moved, b.counts, b.count * sizeof(std::uint64_t));
    }
    const std::size_t b_count = b.count + moved;
    b.keys[moved - 1] = between;
    parent.keys[left] = splitInner(a, b, wanted);  // writes places 0 … moved-1 of b, and keys 0 … moved-2
    b.count = static_cast<std::uint16_t>(b_count);
  } else {  // the head of b moves behind a
    const std::size_t moved = wanted - a.count;
    const std::size_t rest = b.count - moved;
    a.keys[a.count - 1U] = between;
    std::memcpy(static_cast<void*>(a.keys + a.count), b.keys, (moved - 1) * sizeof(Key));
    std::memcpy(a.children + a.count, b.children, moved * sizeof(Node*));
    parent.keys[left] = b.keys[moved - 1];
    std::memmove(static_cast<void*>(b.keys), b.keys + moved, (rest - 1) * sizeof(Key));
    std::memmove(b.children, b.children + moved, rest * sizeof(Node*));
    if constexpr (kCounted) {
      std::memcpy(a.counts + a.count, b.counts, moved * sizeof(std::uint64_t));
      std::memmove(b.counts, b.counts + moved, rest * sizeof(std::uint64_t));
    }
    a.count = static_cast<std::uint16_t>(wanted);
    pad(b.keys, rest - 1, b.count - 1U);
    b.count = static_cast<std::uint16_t>(rest);
  }
}

// ------------------------------------------------------------------------------------------------------------- whole trees

template <typename Traits>
void BTree<Traits>::retireTree(Node* node, const WriteContext* context) {
  if (node->level > 0) {
    for (std::size_t i = 0; i < node->count; ++i) {
      retireTree(static_cast<Inner*>(node)->children[i], context);
    }
  }
  if (context != nullptr) {
    context->retire(*node, &freeNode);
  } else {
    freeNode(node);
  }
}

template <typename Traits>
void BTree<Traits>::clear(const WriteContext& context) {
  if (node_ != nullptr) {
    retireTree(node_, &context);
  }
  *this = BTree{};
}

template <typename Traits>
void BTree<Traits>::destroy() {
  if (node_ != nullptr) {
    retireTree(node_, nullptr);
  }
  *this = BTree{};
}

// ------------------------------------------------------------------------------------------------------------ between versions

// Takes out of two lists what both have. It comes in the same order in both, since both are in the order of the keys: so the next
// place where they meet, looked for with few steps in both, separates what is before it for good.
template <typename Traits>
void BTree<Traits>::dropCommon(std::vector<Node*>& a, std::vector<Node*>& b) {
  constexpr std::size_t kSteps = 16;
  std::vector<Node*> only_a;
  std::vector<Node*> only_b;
  std::size_t i = 0;
  std::size_t j = 0;
  const auto meet = [&](std::size_t& x, std::size_t& y) {
    for (std::size_t steps = 0; steps <= kSteps; ++steps) {
      for (x = 0; x <= steps; ++x) {
        y = steps - x;
        if (i + x < a.size() && j + y < b.size() && a[i + x] == b[j + y]) {
          return true;
        }
      }
    }
    return false;
  };
  while (i < a.size() && j < b.size()) {
    std::size_t x = 0;
    std::size_t y = 0;
    if (!meet(x, y)) {
      break;
    }
    only_a.insert(only_a.end(), a.begin() + i, a.begin() + i + x);
    only_b.insert(only_b.end(), b.begin() + j, b.begin() + j + y);
    i += x + 1;
    j += y + 1;
  }
  if (i < a.size() && j < b.size()) {  // many in a row have changed
    const std::unordered_set<const Node*> in_a(a.begin() + i, a.end());
    const std::unordered_set<const Node*> in_b(b.begin() + j, b.end());
    std::copy_if(a.begin() + i, a.end(), std::back_inserter(only_a), [&](const Node* node) { return !in_b.contains(node); });
    std::copy_if(b.begin() + j, b.end(), std::back_inserter(only_b), [&](const Node* node) { return !in_a.contains(node); });
  } else {
    only_a.insert(only_a.end(), a.begin() + i, a.end());
    only_b.insert(only_b.end(), b.begin() + j, b.end());
  }
  a = std::move(only_a);
  b = std::move(only_b);
}

// Level by level: a node that both have has all below it in both, so only children of nodes that differ can differ.
template <typename Traits>
auto BTree<Traits>::difference(const BTree& before, const BTree& after) -> Difference {
  Difference difference;
  std::vector<Node*> old_nodes;
  std::vector<Node*> new_nodes;
  const auto descend = [](std::vector<Node*>& nodes, std::vector<Node*>& all) {
    all.insert(all.end(), nodes.begin(), nodes.end());
    std::vector<Node*> children;
    for (Node* node : nodes) {
      if (node->level > 0) {
        const auto& inner = static_cast<const Inner&>(*node);
        children.insert(children.end(), inner.children, inner.children + inner.count);
      }
    }
    nodes = std::move(children);
  };
  for (std::uint32_t height = std::max(before.height_, after.height_); height > 0; --height) {
    if (height == before.height_) {
      old_nodes.push_back(before.node_);
    }
    if (height == after.height_) {
      new_nodes.push_back(after.node_);
    }
    dropCommon(old_nodes, new_nodes);
    descend(old_nodes, difference.gone);
    descend(new_nodes, difference.fresh);
  }
  return difference;
}

template <typename Traits>
void BTree<Traits>::moveOn(const Difference& difference, const WriteContext& context) {
  for (Node* gone : difference.gone) {
    const Node* first = gone;
    while (first->level > 0) {
      first = asInner(first).children[0];
    }
    // If it is still here, the way to its smallest key leads through it, and what is above it is ours by now.
    const Key& smallest = asLeaf(first).keys[0];
    Node** link = &node_;
    while (*link != nullptr && (*link)->level > gone->level) {
      auto& inner = static_cast<Inner&>(**link);
      link = &inner.children[childIndex(inner, smallest)];
    }
    if (*link == gone) {
      auto* copy = static_cast<Node*>(node_pool::allocate());
      std::memcpy(static_cast<void*>(copy), gone, node_pool::kBlockBytes);
      context.created(*copy, &freeNode);
      *link = copy;
    }
  }
  for (Node* fresh : difference.fresh) {
    context.retire(*fresh, &freeNode);
  }
}

template <typename Traits>
std::size_t BTree<Traits>::countNodes(const Node* node) {
  if (node->level == 0) {
    return 1;
  }
  if (node->level == 1) {
    return 1U + node->count;
  }
  std::size_t nodes = 1;
  for (std::size_t i = 0; i < node->count; ++i) {
    nodes += countNodes(asInner(node).children[i]);
  }
  return nodes;
}

template <typename Traits>
void BTree<Traits>::verify() const {
  TREFOIL_ASSERT((node_ == nullptr) == (size_ == 0));
  TREFOIL_ASSERT((node_ == nullptr) == (height_ == 0));
  if (node_ != nullptr) {
    TREFOIL_ASSERT(node_->level + 1U == height_);
    TREFOIL_ASSERT(verifyNode(node_, true, true).size == size_);
  }
}

template <typename Traits>
typename BTree<Traits>::Checked BTree<Traits>::verifyNode(const Node* node, bool is_root, bool right_edge) const {
  TREFOIL_ASSERT(node->count > 0 && node->born != kDeadStamp);
  const auto check_padding = [](const Key* keys, std::size_t from, std::size_t to) {
    if constexpr (kPadded) {
      TREFOIL_ASSERT(std::all_of(keys + from, keys + to, [](Key key) { return key == std::numeric_limits<Key>::max(); }));
    } else {
      (void)keys, (void)from, (void)to;
    }
  };
  if (node->level == 0) {
    const Leaf& leaf = asLeaf(node);
    TREFOIL_ASSERT(leaf.count <= kLeafCapacity && (is_root || right_edge || leaf.count >= kLeafMinimum));
    for (std::size_t i = 1; i < leaf.count; ++i) {
      TREFOIL_ASSERT(Traits::less(leaf.keys[i - 1], leaf.keys[i]));
    }
    check_padding(leaf.keys, leaf.count, kLeafCapacity);
    return {leaf.count, leaf.keys[0], leaf.keys[leaf.count - 1U]};
  }
  const Inner& inner = asInner(node);
  TREFOIL_ASSERT(inner.count <= kInnerCapacity && (is_root || right_edge || inner.count >= kInnerMinimum));
  TREFOIL_ASSERT(!is_root || inner.count >= 2);
  check_padding(inner.keys, inner.count - 1U, kInnerCapacity);
  Checked whole{};
  for (std::size_t i = 0; i < inner.count; ++i) {
    TREFOIL_ASSERT(inner.children[i]->level + 1U == inner.level);
    const Checked child = verifyNode(inner.children[i], false, right_edge && i + 1U == inner.count);
    if constexpr (kCounted) {
      TREFOIL_ASSERT(inner.counts[i] == child.size);
    }
    if (i == 0) {
      whole.smallest = child.smallest;
    } else {
      TREFOIL_ASSERT(!Traits::less(inner.keys[i - 1], child.smallest) && !Traits::less(child.smallest, inner.keys[i - 1]));
      TREFOIL_ASSERT(Traits::less(whole.largest, child.smallest));
    }
    whole.largest = child.largest;
    whole.size += child.size;
  }
  return whole;
}

}  // namespace trefoil
