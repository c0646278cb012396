#include "kv/entry.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>

#include "base/large_pages.hpp"
#include "base/memory_reserve.hpp"

namespace trefoil::kv {

Entry* Entry::allocate(ObjectType type, Encoding encoding, std::string_view key, Deadline deadline, std::size_t value_size,
                       std::size_t slack) {
  TREFOIL_ASSERT(value_size <= UINT32_MAX && key.size() <= UINT32_MAX);
  const bool long_key = key.size() > UINT16_MAX;
  const std::size_t head = sizeof(Entry) + (deadline.never() ? 0 : 8) + (long_key ? 4 : 0);
  void* memory = memory_reserve::allocate(head + key.size() + value_size + slack);
  preferLargePages(memory, head + key.size() + value_size + slack);
  auto* entry = new (memory) Entry;
  entry->type_encoding_ = pack(type, encoding);
  entry->flags_ = static_cast<std::uint8_t>((deadline.never() ? 0 : kHasDeadline) | (long_key ? kLongKey : 0));
  entry->key_size_ = long_key ? 0 : static_cast<std::uint16_t>(key.size());
  entry->value_size_ = static_cast<std::uint32_t>(value_size);
  char* at = entry->bytes();
  if (!deadline.never()) {
    std::memcpy(at, &deadline.unix_ms, 8);
    at += 8;
  }
  if (long_key) {
    const auto size = static_cast<std::uint32_t>(key.size());
    std::memcpy(at, &size, 4);
    at += 4;
  }
  copyBytes(at, key);
  return entry;
}

void Entry::free(Entry* entry) {
  std::free(entry);
}

Entry* Entry::resizeValue(Entry* entry, std::size_t value_size, std::size_t slack) {
  TREFOIL_ASSERT(value_size <= UINT32_MAX);
  if (value_size > entry->value_size_ && value_size > entry->valueCapacity()) {
    void* memory =
        memory_reserve::reallocate(static_cast<void*>(entry), sizeof(Entry) + entry->valueOffset() + value_size + slack);
    entry = static_cast<Entry*>(memory);
  }
  entry->value_size_ = static_cast<std::uint32_t>(value_size);
  return entry;
}

Entry* Entry::giveBackRoom(Entry* entry) {
  if (!isWasteful(entry->valueCapacity(), entry->value_size_)) {
    return entry;
  }
  void* memory = std::realloc(static_cast<void*>(entry), sizeof(Entry) + entry->valueOffset() + entry->value_size_);
  return memory != nullptr ? static_cast<Entry*>(memory) : entry;
}

Entry* Entry::withDeadline(Entry* entry, Deadline deadline) {
  if (entry->hasDeadline() == !deadline.never()) {
    if (!deadline.never()) {
      std::memcpy(entry->bytes(), &deadline.unix_ms, sizeof(std::int64_t));
    }
    return entry;
  }
  Entry* moved = allocate(entry->type(), entry->encoding(), entry->key(), deadline, entry->valueSize());
  copyBytes(moved->valueBytes(), entry->value());
  free(entry);
  return moved;
}

Entry* Entry::clone(const Entry& entry, std::size_t slack) {
  Entry* copy = allocate(entry.type(), entry.encoding(), entry.key(), entry.deadline(), entry.valueSize(), slack);
  copyBytes(copy->valueBytes(), entry.value());
  return copy;
}

std::size_t Entry::valueCapacity() const {
  return malloc_usable_size(const_cast<Entry*>(this)) - sizeof(Entry) - valueOffset();
}

std::size_t Entry::allocatedBytes() const {
  return malloc_usable_size(const_cast<Entry*>(this)) + sizeof(std::size_t);
}

}  // namespace trefoil::kv
