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
  const bool is_long = key.size() > UINT16_MAX;
  const std::size_t bytes = headBytes(deadline, is_long) + key.size() + value_size + slack;
  void* memory = memory_reserve::allocate(bytes);
  preferLargePages(memory, bytes);
  return write(memory, type, encoding, key, deadline, value_size, is_long, 0);
}

Entry* Entry::around(std::string_view value, void* block, std::string_view key, Deadline deadline) {
  TREFOIL_ASSERT(value.size() <= UINT32_MAX);
  const auto before_value = static_cast<std::size_t>(value.data() - static_cast<const char*>(block));
  const std::size_t needed = headBytes(deadline, true) + key.size();
  if (before_value < needed || isWasteful(malloc_usable_size(block), value.size())) {
    return nullptr;
  }
  return write(block, ObjectType::kString, Encoding::kRaw, key, deadline, value.size(), true, before_value - needed);
}

Entry* Entry::write(void* memory, ObjectType type, Encoding encoding, std::string_view key, Deadline deadline,
                    std::size_t value_size, bool is_long, std::size_t gap) {
  auto* entry = new (memory) Entry;
  entry->type_encoding_ = pack(type, encoding);
  entry->flags_ = static_cast<std::uint8_t>((deadline.never() ? 0 : kHasDeadline) | (is_long ? kLongHead : 0));
  entry->key_size_ = is_long ? 0 : static_cast<std::uint16_t>(key.size());
  entry->value_size_ = static_cast<std::uint32_t>(value_size);
  char* at = entry->bytes();
  if (!deadline.never()) {
    std::memcpy(at, &deadline.unix_ms, 8);
    at += 8;
  }
  if (is_long) {
    const std::uint32_t numbers[] = {static_cast<std::uint32_t>(key.size()),
                                     static_cast<std::uint32_t>(entry->keyOffset() + key.size() + gap)};
    std::memcpy(at, numbers, sizeof(numbers));
    at += sizeof(numbers);
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
    entry->setDeadline(deadline);
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
