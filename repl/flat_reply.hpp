// One reply kept whole: what a command answered, as a tree in pre-order, ready for any output mode.
//
//   *2 [ "a", *1 [ :5 ] ]      nodes: Array(2) Bulk("a") Array(1) Integer(5)
//
// A node's children follow it directly, each with all of its own children; a map has two children a pair. All bytes lie in one
// string, so a tree that is reused for every statement allocates nothing after the first few.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trefoil::repl {

enum class ReplyKind : std::uint8_t { kSimple, kError, kInteger, kDouble, kBoolean, kBulk, kNull, kArray, kMap, kSet, kPush };

struct ReplyNode {
  ReplyKind kind = ReplyKind::kNull;
  std::uint64_t offset = 0;  // of its bytes in FlatReply's string: simple, error, bulk
  std::uint64_t size = 0;    // their number, or an aggregate's children
  std::int64_t integer = 0;  // integer, boolean
  double real = 0;
};

class FlatReply {
 public:
  void clear() {
    nodes_.clear();
    bytes_.clear();
  }
  void addBytes(ReplyKind kind, std::string_view bytes) {
    nodes_.push_back({kind, bytes_.size(), bytes.size(), 0, 0});
    bytes_.append(bytes);
  }
  void addInteger(std::int64_t value) { nodes_.push_back({ReplyKind::kInteger, 0, 0, value, 0}); }
  void addDouble(double value) { nodes_.push_back({ReplyKind::kDouble, 0, 0, 0, value}); }
  void addBoolean(bool value) { nodes_.push_back({ReplyKind::kBoolean, 0, 0, value ? 1 : 0, 0}); }
  void addNull() { nodes_.push_back({}); }
  // `children` nodes follow (a map's pairs count twice).
  void addAggregate(ReplyKind kind, std::size_t children) { nodes_.push_back({kind, 0, children, 0, 0}); }

  [[nodiscard]] bool empty() const { return nodes_.empty(); }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] const ReplyNode& operator[](std::size_t index) const { return nodes_[index]; }
  [[nodiscard]] std::string_view bytes(const ReplyNode& node) const {
    return std::string_view(bytes_).substr(node.offset, node.size);
  }

  // One more child of an aggregate whose size was not known when it was added.
  void grow(std::size_t index) { ++nodes_[index].size; }
  // Takes back everything behind the first `nodes` nodes.
  void rewind(std::size_t nodes) {
    for (std::size_t i = nodes; i < nodes_.size(); ++i) {
      if (hasBytes(nodes_[i].kind)) {
        bytes_.resize(nodes_[i].offset);
        break;
      }
    }
    nodes_.resize(nodes);
  }

  static bool isAggregate(ReplyKind kind) { return kind >= ReplyKind::kArray; }
  static bool hasBytes(ReplyKind kind) {
    return kind == ReplyKind::kSimple || kind == ReplyKind::kError || kind == ReplyKind::kBulk;
  }

 private:
  std::vector<ReplyNode> nodes_;
  std::string bytes_;
};

}  // namespace trefoil::repl
