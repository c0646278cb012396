// PersistentMap: an ordered map that never changes. with() and without() make another one, which shares all but the way from the
// root to the entry: O(log n) time and memory, and whoever holds the old one goes on reading it.
//
// A treap: ordered by key, a heap by priorities drawn at random, so its depth is logarithmic whatever the keys and their order.
// (R. Seidel, C. Aragon: "Randomized Search Trees", 1996.)
//
// Thread safety: as a shared_ptr to const: any number of readers of one map; each copy is its holder's own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace trefoil {

// Less is transparent where keys are looked up by other types than Key.
template <typename Key, typename Value, typename Less = std::less<>>
class PersistentMap {
 public:
  using Item = std::pair<const Key, Value>;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<const Node>;
  struct Node {
    std::shared_ptr<const Item> item;  // shared by the nodes that are made of this one
    std::uint64_t priority;
    NodePtr left;
    NodePtr right;
  };

 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // Null if there is none. Good as long as some map has the entry.
  template <typename Probe>
  [[nodiscard]] const Value* find(const Probe& probe) const {
    const Node* node = root_.get();
    while (node != nullptr) {
      if (Less{}(probe, node->item->first)) {
        node = node->left.get();
      } else if (Less{}(node->item->first, probe)) {
        node = node->right.get();
      } else {
        return &node->item->second;
      }
    }
    return nullptr;
  }
  template <typename Probe>
  [[nodiscard]] bool contains(const Probe& probe) const {
    return find(probe) != nullptr;
  }

  // With this entry, in place of one with the same key.
  [[nodiscard]] PersistentMap with(Key key, Value value) const {
    PersistentMap next = without(key);
    auto item = std::make_shared<const Item>(std::move(key), std::move(value));
    next.root_ = insert(next.root_, {std::move(item), drawPriority(), nullptr, nullptr});
    ++next.size_;
    return next;
  }
  template <typename Probe>
  [[nodiscard]] PersistentMap without(const Probe& key) const {
    if (!contains(key)) {
      return *this;
    }
    PersistentMap next;
    next.root_ = erase(root_, key);
    next.size_ = size_ - 1;
    return next;
  }

  // Entries in order. Good as long as the map.
  class Iterator {
   public:
    const Item& operator*() const { return *path_.back()->item; }
    const Item* operator->() const { return path_.back()->item.get(); }
    Iterator& operator++() {
      const Node* const node = path_.back();
      path_.pop_back();
      descend(node->right.get());
      return *this;
    }
    bool operator==(const Iterator& other) const { return path_ == other.path_; }

   private:
    friend class PersistentMap;
    void descend(const Node* node) {
      for (; node != nullptr; node = node->left.get()) {
        path_.push_back(node);
      }
    }
    std::vector<const Node*> path_;  // nodes whose entries, and what is right of them, are to come
  };
  [[nodiscard]] Iterator begin() const {
    Iterator first;
    first.descend(root_.get());
    return first;
  }
  [[nodiscard]] Iterator end() const { return {}; }

 private:
  static std::uint64_t drawPriority() {  // splitmix64
    static std::atomic<std::uint64_t> state{0};
    std::uint64_t z = state.fetch_add(0x9e3779b97f4a7c15U, std::memory_order_relaxed);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  static NodePtr make(const Node& node, NodePtr left, NodePtr right) {
    return std::make_shared<const Node>(Node{node.item, node.priority, std::move(left), std::move(right)});
  }
  // Entries below `key`, and those above it; it is not there itself.
  static std::pair<NodePtr, NodePtr> split(const NodePtr& node, const Key& key) {
    if (node == nullptr) {
      return {};
    }
    if (Less{}(node->item->first, key)) {
      auto [below, above] = split(node->right, key);
      return {make(*node, node->left, std::move(below)), std::move(above)};
    }
    auto [below, above] = split(node->left, key);
    return {std::move(below), make(*node, std::move(above), node->right)};
  }
  // All of `left` is below all of `right`.
  static NodePtr join(const NodePtr& left, const NodePtr& right) {
    if (left == nullptr || right == nullptr) {
      return left == nullptr ? right : left;
    }
    return left->priority > right->priority ? make(*left, left->left, join(left->right, right))
                                            : make(*right, join(left, right->left), right->right);
  }
  static NodePtr insert(const NodePtr& node, const Node& added) {
    if (node == nullptr || added.priority > node->priority) {
      auto [below, above] = split(node, added.item->first);
      return make(added, std::move(below), std::move(above));
    }
    return Less{}(added.item->first, node->item->first) ? make(*node, insert(node->left, added), node->right)
                                                        : make(*node, node->left, insert(node->right, added));
  }
  template <typename Probe>
  static NodePtr erase(const NodePtr& node, const Probe& key) {
    if (Less{}(key, node->item->first)) {
      return make(*node, erase(node->left, key), node->right);
    }
    if (Less{}(node->item->first, key)) {
      return make(*node, node->left, erase(node->right, key));
    }
    return join(node->left, node->right);
  }

  NodePtr root_;
  std::size_t size_ = 0;
};

}  // namespace trefoil
