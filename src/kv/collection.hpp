// Handles: typed, read-only views of a key's value, whatever its encoding; empty if the key is absent. What handlers and SQL's
// table functions read.
//
// A handle borrows the entry: it is valid as long as the view that made it says (view.hpp). Texts that it returns lie in the
// entry or in its items. Indices count from 0 in the collection's own order: a list's positions, a sorted set's ranks, and for
// hashes and sets an order that only serves iteration and random choice.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/format_number.hpp"
#include "kv/entry.hpp"
#include "kv/large.hpp"
#include "kv/packed.hpp"

namespace trefoil::kv {

// Room for the text of an integer-encoded string.
struct IntegerText {
  char bytes[kMaxIntegerChars];
};

class StringHandle {
 public:
  explicit StringHandle(const Entry* entry) : entry_(entry) {}

  [[nodiscard]] bool exists() const { return entry_ != nullptr; }
  [[nodiscard]] const Entry* entry() const { return entry_; }
  [[nodiscard]] Encoding encoding() const { return entry_->encoding(); }
  [[nodiscard]] Deadline deadline() const { return entry_->deadline(); }
  // The bytes; those of an integer are written into `room`. Empty if absent.
  [[nodiscard]] std::string_view text(IntegerText& room) const {
    if (entry_ == nullptr) {
      return {};
    }
    if (entry_->encoding() == Encoding::kRaw) {
      return entry_->value();
    }
    return {room.bytes, formatInteger(room.bytes, entry_->integer())};
  }
  [[nodiscard]] std::size_t size() const {
    IntegerText room;
    return text(room).size();
  }

 private:
  const Entry* entry_;
};

// A place in a collection, moving either way. Invalid before the first and after the last element.
class ElementCursor {
 public:
  ElementCursor() = default;
  [[nodiscard]] bool valid() const { return valid_; }
  [[nodiscard]] const Element& element() const { return element_; }
  [[nodiscard]] std::string_view member() const { return element_.member; }
  [[nodiscard]] std::string_view value() const { return element_.value; }
  [[nodiscard]] double score() const { return element_.score; }
  void next();
  void previous();

 private:
  friend class CollectionHandle;
  void load();
  void indexPacked();

  const Entry* entry_ = nullptr;
  bool valid_ = false;
  Element element_;
  // packed
  std::size_t index_ = 0;
  std::size_t count_ = 0;
  const char* at_ = nullptr;            // behind the current element
  std::vector<std::uint32_t> offsets_;  // of all elements, once previous() was called
  // large
  std::optional<ItemTree::Cursor> place_;
};

// What all collections have.
class CollectionHandle {
 public:
  explicit CollectionHandle(const Entry* entry) : entry_(entry) {}

  [[nodiscard]] bool exists() const { return entry_ != nullptr; }
  [[nodiscard]] const Entry* entry() const { return entry_; }
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool hasMember(std::string_view member) const { return findMember(member).has_value(); }
  // The element number `index` of size(), as a cursor; invalid if there are fewer.
  [[nodiscard]] ElementCursor at(std::size_t index) const;
  [[nodiscard]] ElementCursor first() const { return at(0); }
  [[nodiscard]] ElementCursor last() const { return size() == 0 ? ElementCursor() : at(size() - 1); }

 protected:
  [[nodiscard]] std::optional<Element> findMember(std::string_view member) const;
  template <typename Visitor>
  std::uint64_t scanMembers(std::uint64_t cursor, std::size_t count, Visitor&& visitor) const;

  const Entry* entry_;
};

class ListHandle : public CollectionHandle {
 public:
  using CollectionHandle::CollectionHandle;
};

class HashHandle : public CollectionHandle {
 public:
  using CollectionHandle::CollectionHandle;
  [[nodiscard]] std::optional<std::string_view> get(std::string_view field) const {
    const auto element = findMember(field);
    return element ? std::optional(element->value) : std::nullopt;
  }
  // One step of HSCAN: visits about `count` elements from `cursor` (0: the start) on and returns the next cursor, 0 at the end.
  // A packed collection is visited at once. What is there during a whole scan is visited at least once.
  template <typename Visitor>
  std::uint64_t scan(std::uint64_t cursor, std::size_t count, Visitor&& visitor) const {
    return scanMembers(cursor, count, visitor);
  }
};

class SetHandle : public CollectionHandle {
 public:
  using CollectionHandle::CollectionHandle;
  [[nodiscard]] bool contains(std::string_view member) const { return findMember(member).has_value(); }
  template <typename Visitor>
  std::uint64_t scan(std::uint64_t cursor, std::size_t count, Visitor&& visitor) const {
    return scanMembers(cursor, count, visitor);
  }
};

class SortedSetHandle : public CollectionHandle {
 public:
  using CollectionHandle::CollectionHandle;
  [[nodiscard]] std::optional<double> score(std::string_view member) const {
    const auto element = findMember(member);
    return element ? std::optional(element->score) : std::nullopt;
  }
  // Members before this one.
  [[nodiscard]] std::optional<std::size_t> rank(std::string_view member) const;
  // How many members score less than `score`; with `or_equal`, at most that.
  [[nodiscard]] std::size_t countBelow(double score, bool or_equal) const;
  // The same by name, for sets in which all scores are equal.
  [[nodiscard]] std::size_t countBelowName(std::string_view name, bool or_equal) const;
  template <typename Visitor>
  std::uint64_t scan(std::uint64_t cursor, std::size_t count, Visitor&& visitor) const {
    return scanMembers(cursor, count, visitor);
  }
};

template <typename Visitor>
std::uint64_t CollectionHandle::scanMembers(std::uint64_t cursor, std::size_t count, Visitor&& visitor) const {
  if (entry_ == nullptr) {
    return 0;
  }
  if (!entry_->isLarge()) {
    for (ElementCursor at = first(); at.valid(); at.next()) {
      visitor(at.element());
    }
    return 0;
  }
  constexpr unsigned kCursorShift = 12;  // cursors stay below 2^52, where every client's numbers are exact
  const bool scored = entry_->type() == ObjectType::kSortedSet;
  auto place = entry_->large()->byOrder().lowerBound(OrderProbe{cursor << kCursorShift});
  std::uint64_t last = cursor;
  for (std::size_t visited = 0; place.valid(); place.next(), ++visited) {
    const std::uint64_t here = place.key().order >> kCursorShift;
    if (visited >= count && here != last) {
      return here;
    }
    const Item& item = *place.key().item;
    visitor(Element{item.member(), scored ? std::string_view() : item.value(), scored ? item.score() : 0});
    last = here;
  }
  return 0;
}

}  // namespace trefoil::kv
