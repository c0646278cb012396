#include "kv/large.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "base/memory_reserve.hpp"
#include "kv/key_hash.hpp"

namespace trefoil::kv {

std::uint64_t Large::memberOrder(std::string_view member) const {
  return hashBytes(member, hash_seed_);
}

std::size_t Large::bytesOf(const Item& item) {
  return malloc_usable_size(const_cast<Item*>(&item)) + sizeof(std::size_t);
}

// Whether an item may be written anew in place, with `bytes` of content: they must fit, and not waste most of the block.
bool Large::isRoomFor(const Item& item, std::size_t bytes) {
  const std::size_t room = malloc_usable_size(const_cast<Item*>(&item));
  return sizeof(Item) + bytes <= room && !Entry::isWasteful(room - sizeof(Item), bytes);
}

void Large::freeItem(Stamped* object) {
  std::free(static_cast<Item*>(object));
}

Item* Large::create(std::string_view member, std::string_view value, const WriteContext& context) {
  void* memory = memory_reserve::allocate(sizeof(Item) + member.size() + value.size());
  auto* item = new (memory) Item;
  item->member_size = static_cast<std::uint32_t>(member.size());
  item->value_size = static_cast<std::uint32_t>(value.size());
  copyBytes(item->bytes(), member);
  copyBytes(item->bytes() + member.size(), value);
  context.created(*item, &freeItem);
  item_bytes_ += bytesOf(*item);
  return item;
}

void Large::retire(Item* item, const WriteContext& context) {
  item_bytes_ -= bytesOf(*item);
  context.retire(*item, &freeItem);
}

void Large::add(const Element& element, const WriteContext& context) {
  switch (type_) {
    case ObjectType::kList:
      push(true, element.member, context);
      break;
    case ObjectType::kSortedSet:
      putScore(element.member, element.score, context);
      break;
    default:
      put(element.member, element.value, context);
      break;
  }
}

const Item* Large::find(std::string_view member) const {
  const MemberProbe probe{memberOrder(member), member};
  const auto place = by_order_.lowerBound(probe);
  return place.valid() && !ItemTraits::less(probe, place.key()) ? place.key().item : nullptr;
}

bool Large::put(std::string_view member, std::string_view value, const WriteContext& context) {
  const std::uint64_t order = memberOrder(member);
  const MemberProbe probe{order, member};
  if (const auto place = by_order_.lowerBound(probe); place.valid() && !ItemTraits::less(probe, place.key())) {
    Item* item = place.key().item;
    if (context.isWritable(*item) && isRoomFor(*item, member.size() + value.size())) {
      item->value_size = static_cast<std::uint32_t>(value.size());
      copyBytes(item->bytes() + member.size(), value);
      return false;
    }
    by_order_.erase(probe, context);
    by_order_.insert({order, create(member, value, context)}, {}, context);
    retire(item, context);
    return false;
  }
  by_order_.insert({order, create(member, value, context)}, {}, context);
  return true;
}

bool Large::putScore(std::string_view member, double score, const WriteContext& context) {
  const std::string_view bytes(reinterpret_cast<const char*>(&score), sizeof(score));
  const auto* old = const_cast<Item*>(find(member));
  if (old == nullptr) {
    Item* item = create(member, bytes, context);
    by_order_.insert({memberOrder(member), item}, {}, context);
    by_score_.insert({scoreOrder(score), item}, {}, context);
    return true;
  }
  by_score_.erase(MemberProbe{scoreOrder(old->score()), member}, context);
  put(member, bytes, context);
  by_score_.insert({scoreOrder(score), const_cast<Item*>(find(member))}, {}, context);
  return false;
}

bool Large::erase(std::string_view member, const WriteContext& context) {
  const auto erased = by_order_.erase(MemberProbe{memberOrder(member), member}, context);
  if (!erased) {
    return false;
  }
  Item* item = erased->key.item;
  if (type_ == ObjectType::kSortedSet) {
    const auto by_score = by_score_.erase(MemberProbe{scoreOrder(item->score()), item->member()}, context);
    TREFOIL_ASSERT(by_score && by_score->key.item == item);
  }
  retire(item, context);
  return true;
}

const Item* Large::at(std::size_t index) const {
  TREFOIL_DEBUG_ASSERT(index < size());
  return by_order_.select(index).key().item;
}

void Large::push(bool right, std::string_view value, const WriteContext& context) {
  std::uint64_t order = kListMiddle;
  if (!by_order_.empty()) {
    order = right ? by_order_.last().key().order : by_order_.first().key().order;
    if (right ? order > UINT64_MAX - kListGap : order < kListGap) {
      renumber(context);
      order = right ? by_order_.last().key().order : by_order_.first().key().order;
    }
    order = right ? order + kListGap : order - kListGap;
  }
  by_order_.insert({order, create(value, {}, context)}, {}, context);
}

void Large::insertAt(std::size_t index, std::string_view value, const WriteContext& context) {
  if (index == 0 || index == size()) {
    push(index != 0, value, context);
    return;
  }
  auto place = by_order_.select(index - 1);
  std::uint64_t before = place.key().order;
  place.next();
  if (place.key().order - before < 2) {
    renumber(context);
    place = by_order_.select(index - 1);
    before = place.key().order;
    place.next();
  }
  const std::uint64_t order = before + (place.key().order - before) / 2;
  by_order_.insert({order, create(value, {}, context)}, {}, context);
}

// Spreads the elements around the middle again, kListGap apart.
void Large::renumber(const WriteContext& context) {
  std::vector<Item*> items;
  items.reserve(size());
  for (auto place = by_order_.first(); place.valid(); place.next()) {
    items.push_back(place.key().item);
  }
  by_order_.clear(context);
  std::uint64_t order = kListMiddle - items.size() / 2 * kListGap;
  for (Item* item : items) {
    by_order_.insert({order, item}, {}, context);
    order += kListGap;
  }
}

void Large::replaceAt(std::size_t index, std::string_view value, const WriteContext& context) {
  const ItemPlace old = by_order_.select(index).key();
  if (context.isWritable(*old.item) && isRoomFor(*old.item, value.size())) {
    old.item->member_size = static_cast<std::uint32_t>(value.size());
    copyBytes(old.item->bytes(), value);
    return;
  }
  by_order_.erase(OrderProbe{old.order}, context);
  by_order_.insert({old.order, create(value, {}, context)}, {}, context);
  retire(old.item, context);
}

void Large::eraseAt(std::size_t index, const WriteContext& context) {
  const ItemPlace old = by_order_.select(index).key();
  by_order_.erase(OrderProbe{old.order}, context);
  retire(old.item, context);
}

void Large::destroyContent() {
  for (auto place = by_order_.first(); place.valid(); place.next()) {
    freeItem(place.key().item);
  }
  by_order_.destroy();
  by_score_.destroy();
  item_bytes_ = 0;
}

void Large::verify() const {
  by_order_.verify();
  by_score_.verify();
  std::size_t bytes = 0;
  for (auto place = by_order_.first(); place.valid(); place.next()) {
    bytes += bytesOf(*place.key().item);
    if (type_ != ObjectType::kList) {
      TREFOIL_ASSERT(place.key().order == memberOrder(place.key().item->member()));
    }
  }
  TREFOIL_ASSERT(bytes == item_bytes_);
  TREFOIL_ASSERT(by_score_.size() == (type_ == ObjectType::kSortedSet ? by_order_.size() : 0));
  for (auto place = by_score_.first(); place.valid(); place.next()) {
    TREFOIL_ASSERT(place.key().order == scoreOrder(place.key().item->score()));
    TREFOIL_ASSERT(find(place.key().item->member()) == place.key().item);
  }
}

}  // namespace trefoil::kv
