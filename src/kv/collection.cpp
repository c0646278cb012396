#include "kv/collection.hpp"

namespace trefoil::kv {

namespace {

const ItemTree& orderedTree(const Entry& entry) {
  return entry.type() == ObjectType::kSortedSet ? entry.large()->byScore() : entry.large()->byOrder();
}

Element elementOf(ObjectType type, const Item& item) {
  if (type == ObjectType::kSortedSet) {
    return {item.member(), {}, item.score()};
  }
  return {item.member(), item.value(), 0};
}

// How many elements of a packed sorted set come before the first one for which `reached` holds.
template <typename Predicate>
std::size_t packedCountUntil(const Entry& entry, Predicate&& reached) {
  const std::string_view value = entry.value();
  const std::size_t count = packed::count(value);
  const char* at = value.data() + packed::kHeaderBytes;
  for (std::size_t i = 0; i < count; ++i) {
    if (reached(packed::read(ObjectType::kSortedSet, at))) {
      return i;
    }
  }
  return count;
}

}  // namespace

void ElementCursor::load() {
  if (place_) {
    valid_ = place_->valid();
    if (valid_) {
      element_ = elementOf(entry_->type(), *place_->key().item);
    }
    return;
  }
  valid_ = index_ < count_;
  if (valid_) {
    element_ = packed::read(entry_->type(), at_);
  }
}

void ElementCursor::next() {
  TREFOIL_DEBUG_ASSERT(valid_);
  if (place_) {
    place_->next();
  } else {
    ++index_;
  }
  load();
}

void ElementCursor::previous() {
  TREFOIL_DEBUG_ASSERT(valid_);
  if (place_) {
    place_->previous();
    load();
    return;
  }
  if (index_ == 0) {
    valid_ = false;
    return;
  }
  if (offsets_.empty()) {
    indexPacked();
  }
  --index_;
  at_ = entry_->value().data() + offsets_[index_];
  load();
}

void ElementCursor::indexPacked() {
  const char* begin = entry_->value().data();
  const char* at = begin + packed::kHeaderBytes;
  offsets_.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    offsets_.push_back(static_cast<std::uint32_t>(at - begin));
    packed::read(entry_->type(), at);
  }
}

std::size_t CollectionHandle::size() const {
  if (entry_ == nullptr) {
    return 0;
  }
  return entry_->isLarge() ? entry_->large()->size() : packed::count(entry_->value());
}

ElementCursor CollectionHandle::at(std::size_t index) const {
  ElementCursor cursor;
  if (index >= size()) {
    return cursor;
  }
  cursor.entry_ = entry_;
  if (entry_->isLarge()) {
    const ItemTree& tree = orderedTree(*entry_);
    cursor.place_ = index == 0 ? tree.first() : tree.select(index);
  } else {
    cursor.index_ = index;
    cursor.count_ = size();
    cursor.at_ = entry_->value().data() + packed::offsetOf(*entry_, index);
  }
  cursor.load();
  return cursor;
}

std::optional<Element> CollectionHandle::findMember(std::string_view member) const {
  if (entry_ == nullptr) {
    return std::nullopt;
  }
  if (!entry_->isLarge()) {
    const auto place = packed::find(*entry_, member);
    return place ? std::optional(place.element) : std::nullopt;
  }
  const Item* item = entry_->large()->find(member);
  return item != nullptr ? std::optional(elementOf(entry_->type(), *item)) : std::nullopt;
}

std::optional<std::size_t> SortedSetHandle::rank(std::string_view member) const {
  if (entry_ == nullptr) {
    return std::nullopt;
  }
  if (!entry_->isLarge()) {
    const auto place = packed::find(*entry_, member);
    return place ? std::optional(place.index) : std::nullopt;
  }
  const Item* item = entry_->large()->find(member);
  if (item == nullptr) {
    return std::nullopt;
  }
  return entry_->large()->byScore().rank(MemberProbe{scoreOrder(item->score()), member});
}

std::size_t SortedSetHandle::countBelow(double score, bool or_equal) const {
  if (entry_ == nullptr) {
    return 0;
  }
  if (!entry_->isLarge()) {
    return packedCountUntil(*entry_, [&](const Element& e) { return or_equal ? e.score > score : e.score >= score; });
  }
  std::uint64_t order = scoreOrder(score);
  if (or_equal) {
    ++order;  // the largest order is that of NaN, which no score is
  }
  return entry_->large()->byScore().rank(OrderProbe{order});
}

std::size_t SortedSetHandle::countBelowName(std::string_view name, bool or_equal) const {
  if (entry_ == nullptr) {
    return 0;
  }
  if (!entry_->isLarge()) {
    return packedCountUntil(*entry_, [&](const Element& e) { return or_equal ? e.member > name : e.member >= name; });
  }
  const ItemTree& tree = entry_->large()->byScore();
  const std::size_t below = tree.rank(NameProbe{name});
  if (!or_equal) {
    return below;
  }
  const auto place = tree.lowerBound(NameProbe{name});
  return below + (place.valid() && place.key().item->member() == name ? 1 : 0);
}

}  // namespace trefoil::kv
